#pragma once

#include <filesystem>
#include <string>

#include "ropewalk/base/diagnostics.h"
#include "ropewalk/base/files.h"
#include "ropewalk/base/json.h"
#include "ropewalk/spec/family.h"
#include "ropewalk/spec/hf_model.h"

namespace ropewalk {

// A small LLaMA config as transformers writes it.
inline Json small_config() {
  return parse_json(R"({
    "architectures": ["LlamaForCausalLM"], "model_type": "llama",
    "vocab_size": 97, "hidden_size": 48, "intermediate_size": 80, "num_hidden_layers": 2,
    "num_attention_heads": 6, "num_key_value_heads": 2, "head_dim": 10,
    "hidden_act": "silu", "rms_norm_eps": 1e-05, "initializer_range": 0.02,
    "max_position_embeddings": 64, "tie_word_embeddings": false,
    "attention_bias": false, "mlp_bias": false, "attention_dropout": 0.0, "pretraining_tp": 1,
    "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": null, "use_cache": true,
    "rope_parameters": {"rope_type": "default", "rope_theta": 10000.0},
    "transformers_version": "5.23.0", "dtype": "float32"
  })",
                    "small config");
}

inline SpecReading read_spec(const Json& config, Diagnostics& diagnostics) {
  return find_family("llama", "test").from_hf(config, diagnostics);
}

inline std::string errors_of(const Diagnostics& diagnostics) {
  std::string text;
  for (const auto& item : diagnostics.errors()) text += item.where + ": " + item.text + "\n";
  return text;
}
inline std::string warnings_of(const Diagnostics& diagnostics) {
  std::string text;
  for (const auto& item : diagnostics.warnings()) text += item.where + ": " + item.text + "\n";
  return text;
}

inline std::string spec_errors(const Json& config) {
  Diagnostics diagnostics;
  read_spec(config, diagnostics);
  return errors_of(diagnostics);
}

// A model directory that exists for one test.
class ModelDirectory {
 public:
  explicit ModelDirectory(const Json& config) {
    path_ = temporary_sibling(std::filesystem::temp_directory_path() / "ropewalk-spec-test");
    std::filesystem::create_directories(path_);
    write(config);
  }
  ~ModelDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  void write(const Json& config) const { write_text(to_json_text(config)); }
  void write_text(const std::string& text) const { write_file_atomic(path_ / "config.json", text); }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace ropewalk
