#include "cli/commands/rope_meaning.h"

#include <cmath>
#include <cstdio>
#include <limits>
#include <numbers>

#include "ropewalk/base/text.h"
#include "ropewalk/rope/identity.h"

namespace ropewalk::cli {
namespace {

double wavelength_of(double frequency) {
  return frequency > 0.0 ? 2.0 * std::numbers::pi / frequency
                         : std::numeric_limits<double>::infinity();
}

Json finite_or_null(double value) { return std::isfinite(value) ? Json(value) : Json(nullptr); }

template <typename T>
void put(Json& object, const char* key, const std::optional<T>& value) {
  if (value) object[key] = *value;
}

// For reading: five digits.
std::string digits(double value) {
  if (!std::isfinite(value)) return "none";
  char text[32];
  std::snprintf(text, sizeof(text), value >= 1e5 ? "%.0f" : "%.5g", value);
  return text;
}

std::string pair_row(const std::vector<std::string>& cells) {
  static constexpr int kWidths[] = {5, 12, 14, 16, 16, 11};
  std::string line;
  for (size_t i = 0; i < cells.size(); ++i) {
    const size_t width = static_cast<size_t>(kWidths[i]);
    line += std::string(width > cells[i].size() ? width - cells[i].size() : 1, ' ') + cells[i];
  }
  return line;
}

std::vector<std::string> kind_lines(const RopeMeaning& meaning) {
  const RopeParameters& rope = meaning.rope;
  std::vector<std::string> lines;
  if (rope.kind == RopeKind::kYarn) {
    const YarnRamp ramp = yarn_ramp(rope);
    lines.push_back("ramp: pairs up to " + digits(ramp.low) + " are left as they are, from " +
                    digits(ramp.high) + " on divided by the factor, between them blended");
  } else if (rope.kind == RopeKind::kLlama3) {
    const Llama3Bands bands = llama3_bands(rope);
    lines.push_back("bands: wavelengths below " + digits(bands.untouched) +
                    " positions are left as they are, above " + digits(bands.interpolated) +
                    " divided by the factor, between them blended");
  } else if (rope.kind == RopeKind::kProportional) {
    lines.push_back(
        "pairs that turn: " + std::to_string(rope.turning_pairs.value_or(rope.rotary_dims / 2)) +
        " of " + std::to_string(rope.rotary_dims / 2));
  } else if (rope.alpha) {
    lines.push_back("alpha: " + digits(*rope.alpha) + ", a fixed stretch of theta");
  }
  if (rope_depends_on_length(rope)) {
    lines.push_back("depends on the length: up to " +
                    std::to_string(rope.original_max_position_embeddings) +
                    " positions it is another table; below is that of a sequence of " +
                    std::to_string(meaning.sequence_length));
  }
  lines.push_back("attention factor: " + digits(meaning.attention_factor));
  return lines;
}

}  // namespace

RopeMeaning explain_rope(const std::string& layer_type, const RopeParameters& rope) {
  RopeMeaning meaning{layer_type, rope, rope.max_position_embeddings, 1.0, {}};
  const RopeTable plain = make_rope_table(unscaled_rope(rope));
  const RopeTable table = make_rope_table(rope, meaning.sequence_length);
  meaning.attention_factor = table.attention_factor;
  const int64_t half = rope.rotary_dims / 2;
  const auto original = static_cast<double>(rope.original_max_position_embeddings);
  for (int64_t i = 0; i < half; ++i) {
    const auto at = static_cast<size_t>(i);
    const bool interleaved = rope.layout == RopeLayout::kInterleaved;
    PairMeaning pair{interleaved ? 2 * i : i, interleaved ? 2 * i + 1 : i + half, 0.0, 0.0, 0.0};
    pair.wavelength = wavelength_of(plain.inverse_frequencies[at]);
    pair.rotations = original / pair.wavelength;
    pair.scaled_wavelength = wavelength_of(table.inverse_frequencies[at]);
    meaning.pairs.push_back(pair);
  }
  return meaning;
}

Json rope_json(const RopeParameters& rope) {
  Json json;
  json["kind"] = rope_kind_name(rope.kind);
  json["factor"] = rope.factor;
  json["original_max_position_embeddings"] = rope.original_max_position_embeddings;
  json["max_position_embeddings"] = rope.max_position_embeddings;
  json["rope_theta"] = rope.theta;
  json["head_dim"] = rope.head_dim;
  json["rotary_dims"] = rope.rotary_dims;
  json["layout"] = rope_layout_name(rope.layout);
  put(json, "beta_fast", rope.beta_fast);
  put(json, "beta_slow", rope.beta_slow);
  put(json, "mscale", rope.mscale);
  put(json, "mscale_all_dim", rope.mscale_all_dim);
  put(json, "truncate", rope.truncate);
  put(json, "low_freq_factor", rope.low_freq_factor);
  put(json, "high_freq_factor", rope.high_freq_factor);
  put(json, "alpha", rope.alpha);
  put(json, "turning_pairs", rope.turning_pairs);
  if (!rope.short_factor.empty()) json["short_factor"] = rope.short_factor;
  if (!rope.long_factor.empty()) json["long_factor"] = rope.long_factor;
  const RopeTable table = make_rope_table(rope);
  json["attention_factor"] = table.attention_factor;
  json["frequency_hash"] = hash_rope_table(rope);
  json["inverse_frequencies"] = table.inverse_frequencies;
  if (rope_depends_on_length(rope)) {
    const RopeTable beyond = make_rope_table(rope, rope.max_position_embeddings);
    json["inverse_frequencies_at_max_position_embeddings"] = beyond.inverse_frequencies;
  }
  return json;
}

Json meaning_json(const RopeMeaning& meaning) {
  Json json;
  json["layer_type"] = meaning.layer_type.empty() ? Json(nullptr) : Json(meaning.layer_type);
  json["rope"] = rope_json(meaning.rope);
  json["depends_on_length"] = rope_depends_on_length(meaning.rope);
  json["sequence_length"] = meaning.sequence_length;
  json["attention_factor"] = meaning.attention_factor;
  if (meaning.rope.kind == RopeKind::kYarn) {
    const YarnRamp ramp = yarn_ramp(meaning.rope);
    json["ramp"] = {{"low", ramp.low}, {"high", ramp.high}};
  }
  if (meaning.rope.kind == RopeKind::kLlama3) {
    const Llama3Bands bands = llama3_bands(meaning.rope);
    json["bands"] = {{"untouched_below", bands.untouched},
                     {"interpolated_above", bands.interpolated}};
  }
  Json pairs = Json::array();
  for (size_t i = 0; i < meaning.pairs.size(); ++i) {
    const PairMeaning& pair = meaning.pairs[i];
    pairs.push_back({{"pair", i},
                     {"dimensions", {pair.first, pair.second}},
                     {"wavelength", finite_or_null(pair.wavelength)},
                     {"rotations_within_original", pair.rotations},
                     {"scaled_wavelength", finite_or_null(pair.scaled_wavelength)}});
  }
  json["pairs"] = pairs;
  return json;
}

std::vector<std::string> meaning_text(const RopeMeaning& meaning) {
  const RopeParameters& rope = meaning.rope;
  std::vector<std::string> lines;
  if (!meaning.layer_type.empty()) lines.push_back("layer type: " + meaning.layer_type);
  lines.push_back("kind: " + std::string(rope_kind_name(rope.kind)));
  lines.push_back("pre-training context (L): " +
                  std::to_string(rope.original_max_position_embeddings) + " positions");
  lines.push_back("context now (L'): " + std::to_string(rope.max_position_embeddings) +
                  " positions");
  lines.push_back("total factor (s): " + format_number(rope.factor));
  lines.push_back("theta: " + format_number(rope.theta));
  lines.push_back("rotary dimensions: " + std::to_string(rope.rotary_dims) + " of " +
                  std::to_string(rope.head_dim) + ", layout " +
                  std::string(rope_layout_name(rope.layout)));
  for (const std::string& line : kind_lines(meaning)) lines.push_back(line);
  lines.push_back("");
  lines.push_back(
      pair_row({"pair", "dimensions", "wavelength", "turns within L", "scaled", "longer by"}));
  for (size_t i = 0; i < meaning.pairs.size(); ++i) {
    const PairMeaning& pair = meaning.pairs[i];
    lines.push_back(
        pair_row({std::to_string(i),
                  std::to_string(pair.first) + ", " + std::to_string(pair.second),
                  digits(pair.wavelength),
                  digits(pair.rotations),
                  digits(pair.scaled_wavelength),
                  std::isfinite(pair.wavelength) ? digits(pair.scaled_wavelength / pair.wavelength)
                                                 : std::string("still")}));
  }
  return lines;
}

}  // namespace ropewalk::cli
