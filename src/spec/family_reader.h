// Reads a config.json into a DecoderSpec and remembers which keys were heard: at the end, a key
// that nobody asked for is a fault, because it could change the arithmetic.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "ropewalk/rope/json_values.h"
#include "ropewalk/spec/family.h"
#include "spec/config_keys.h"

namespace ropewalk {

// A family's sizes where its config.json has none (transformers' defaults). 0 = must be given.
struct DefaultSizes {
  int64_t vocab = 0;
  int64_t hidden = 0;
  int64_t inner = 0;
  int64_t layers = 0;
  int64_t heads = 0;
  int64_t kv_heads = 0;  // 0: as many as heads
  int64_t head_dim = 0;  // 0: hidden / heads
  int64_t window = 2048;
};

// The keys that hold the sizes, where they are not the usual ones.
struct SizeKeys {
  std::string hidden = "hidden_size";
  std::string inner = "intermediate_size";
  std::string layers = "num_hidden_layers";
  std::string heads = "num_attention_heads";
  std::string kv_heads = "num_key_value_heads";  // "": the family has as many as heads
  std::string window = "max_position_embeddings";
};

class FamilyReader {
 public:
  FamilyReader(const Json& config, const std::string& model_type, Diagnostics& diagnostics);

  DecoderSpec& spec() { return reading_.spec; }
  const Json& config() const { return config_; }

  // Values by key; absent and null mean `fallback`.
  int64_t size(const std::string& key, int64_t fallback);   // > 0
  int64_t count(const std::string& key, int64_t fallback);  // >= 0
  double number(const std::string& key, double fallback);
  double positive(const std::string& key, double fallback);
  bool flag(const std::string& key, bool fallback);
  std::string text(const std::string& key, const std::string& fallback);
  std::optional<int64_t> optional_size(const std::string& key);
  std::optional<double> optional_number(const std::string& key);
  // Where null switches a thing off and absence means the family's default.
  std::optional<int64_t> size_or_null(const std::string& key, std::optional<int64_t> fallback);
  std::optional<double> number_or_null(const std::string& key, std::optional<double> fallback);
  std::vector<std::string> texts(const std::string& key);  // empty when absent
  std::vector<int64_t> counts(const std::string& key);     // empty when absent
  bool has(const std::string& key) const;                  // present and not null

  // Keys that change nothing, whatever they say.
  void ignore(const std::vector<std::string>& keys);
  // A key that must be absent, null or one of these.
  void expect(const std::string& key, const std::vector<Json>& values);
  void fault(const std::string& key, const std::string& text) { values_.fault(key, text); }
  void remark(const std::string& key, const std::string& text) { values_.remark(key, text); }

  // Parts that many families share.
  void sizes(const DefaultSizes& defaults, const SizeKeys& keys = {});
  void norm(NormKind kind, const std::string& eps_key, double eps);  // biased if kLayer
  void activation(const std::string& key, const std::string& fallback);
  void dropout(const std::string& key, double fallback = 0.0);
  void ties(bool fallback);
  void tokens(std::optional<int64_t> bos, std::optional<int64_t> eos);
  // `layer_types` where the file has it, else `fallback(layer)`: true = the layer slides. Sets the
  // layers' windows and gives which ones slide.
  std::vector<bool> windows(std::optional<int64_t> window,
                            const std::function<bool(int64_t)>& fallback);
  void window_everywhere(std::optional<int64_t> window);
  // `sliding_window` where `use_sliding_window` asks for it.
  std::optional<int64_t> switched_window(std::optional<int64_t> fallback);
  // Positions of the model. The head size (unless set) and the window of the context are filled in.
  void rope(RopeContext context = {});
  // Positions of the sliding layers where they have their own; after rope().
  void local_rope(RopeContext context);

  // A mixture of experts in every layer; keys of the router's loss are read, too.
  struct ExpertKeys {
    std::string count = "num_local_experts";
    int64_t default_count = 0;
    int64_t default_per_token = 0;
    std::string inner = "intermediate_size";
    int64_t default_inner = 0;
    double default_loss = 0.001;
  };
  ExpertsSpec& experts(const ExpertKeys& keys);
  // Qwen's choice of the layers that have experts: every decoder_sparse_step-th that is not listed
  // in mlp_only_layers.
  void choose_sparse_layers();

  // Files of this family may hold experts in MXFP4.
  void allow_mxfp4() { has_mxfp4_ = true; }

  // Checks what the families have in common and gives the result.
  SpecReading finish();

 private:
  void prepare(RopeContext& context);
  void check_heads();
  void check_groups();

  const Json& config_;
  Diagnostics& diagnostics_;
  JsonValues values_;
  ConfigKeys keys_;
  int64_t window_ = 0;
  bool has_mxfp4_ = false;
  SpecReading reading_;
};

}  // namespace ropewalk
