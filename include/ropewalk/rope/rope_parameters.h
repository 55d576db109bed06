// What the positions of a model mean: everything that its rotary frequencies depend on.
//
// Notation: L = the context of pre-training (original_max_position_embeddings), L' = the context
// now (max_position_embeddings), s = factor, always the TOTAL against L, never relative to an
// earlier extension.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ropewalk {

enum class RopeKind { kDefault, kLinear, kDynamic, kYarn, kLongrope, kLlama3, kProportional };

// Which two dimensions of a head turn together.
enum class RopeLayout {
  kHalf,         // (i, i + d/2): NeoX, LLaMA as Hugging Face stores it
  kInterleaved,  // (2i, 2i + 1): GPT-J
};

struct RopeParameters {
  RopeKind kind = RopeKind::kDefault;
  double theta = 10000.0;  // base of the frequencies
  double factor = 1.0;     // s >= 1; 1 for kDefault
  int64_t head_dim = 0;
  int64_t rotary_dims = 0;  // d <= head_dim; the dimensions from d on do not turn
  RopeLayout layout = RopeLayout::kHalf;
  int64_t max_position_embeddings = 0;           // L'
  int64_t original_max_position_embeddings = 0;  // L

  // HF-named extras; absent = the kind's own default.
  std::optional<double> attention_factor;  // yarn, longrope
  // longrope: d/2 divisors of the frequencies for lengths up to L, and beyond it.
  std::vector<double> short_factor, long_factor;
  // longrope of PhiMoE: stand in place of the attention factor up to L, and beyond it.
  std::optional<double> short_mscale, long_mscale;
  std::optional<double> beta_fast;         // yarn, 32
  std::optional<double> beta_slow;         // yarn, 1
  std::optional<double> mscale;            // yarn
  std::optional<double> mscale_all_dim;    // yarn
  std::optional<bool> truncate;            // yarn, true
  std::optional<double> low_freq_factor;   // llama3, required
  std::optional<double> high_freq_factor;  // llama3, required
  // dynamic of HunYuan: a fixed stretch of theta, by which the length no longer matters.
  std::optional<double> alpha;
  // proportional: the first pairs of the head that turn; the others stand still, and rotary_dims is
  // the whole head.
  std::optional<int64_t> turning_pairs;

  bool operator==(const RopeParameters&) const = default;
};

// Back to the kind's own defaults: everything after the lengths.
void clear_rope_extras(RopeParameters& rope);

// The same positions without scaling: what pre-training began with, as far as the fields tell.
RopeParameters unscaled_rope(const RopeParameters& rope);

// The names of HF's `rope_type`.
std::string_view rope_kind_name(RopeKind kind);
// Also understands `su`, Phi-3's first name for longrope.
std::optional<RopeKind> parse_rope_kind(std::string_view name);
const std::vector<std::string>& rope_kind_names();
// Default and linear: positions as they are, or divided by a number. The others are a model's own,
// native scaling.
bool is_interpolation(RopeKind kind);

std::string_view rope_layout_name(RopeLayout layout);

// One line: "linear, factor 8, 64 -> 512 positions, theta 10000, 32 of 32 dimensions, half".
std::string describe_rope(const RopeParameters& rope);

}  // namespace ropewalk
