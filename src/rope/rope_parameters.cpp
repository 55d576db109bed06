#include "ropewalk/rope/rope_parameters.h"

#include <array>
#include <utility>

#include "ropewalk/base/text.h"

namespace ropewalk {
namespace {

constexpr std::array<std::pair<RopeKind, std::string_view>, 7> kKinds = {{
    {RopeKind::kDefault, "default"},
    {RopeKind::kLinear, "linear"},
    {RopeKind::kDynamic, "dynamic"},
    {RopeKind::kYarn, "yarn"},
    {RopeKind::kLongrope, "longrope"},
    {RopeKind::kLlama3, "llama3"},
    {RopeKind::kProportional, "proportional"},
}};

}  // namespace

void clear_rope_extras(RopeParameters& rope) {
  RopeParameters bare;
  bare.kind = rope.kind;
  bare.theta = rope.theta;
  bare.factor = rope.factor;
  bare.head_dim = rope.head_dim;
  bare.rotary_dims = rope.rotary_dims;
  bare.layout = rope.layout;
  bare.max_position_embeddings = rope.max_position_embeddings;
  bare.original_max_position_embeddings = rope.original_max_position_embeddings;
  rope = bare;
}

RopeParameters unscaled_rope(const RopeParameters& rope) {
  RopeParameters unscaled = rope;
  unscaled.factor = 1.0;
  if (rope.kind == RopeKind::kProportional) return unscaled;
  unscaled.kind = RopeKind::kDefault;
  clear_rope_extras(unscaled);
  return unscaled;
}

std::string_view rope_kind_name(RopeKind kind) {
  for (const auto& [candidate, name] : kKinds) {
    if (candidate == kind) return name;
  }
  return "unknown";
}

std::optional<RopeKind> parse_rope_kind(std::string_view name) {
  if (name == "su") return RopeKind::kLongrope;
  for (const auto& [kind, candidate] : kKinds) {
    if (candidate == name) return kind;
  }
  return std::nullopt;
}

const std::vector<std::string>& rope_kind_names() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> all;
    for (const auto& [kind, name] : kKinds) all.emplace_back(name);
    return all;
  }();
  return names;
}

bool is_interpolation(RopeKind kind) {
  return kind == RopeKind::kDefault || kind == RopeKind::kLinear;
}

std::string_view rope_layout_name(RopeLayout layout) {
  return layout == RopeLayout::kHalf ? "half" : "interleaved";
}

std::string describe_rope(const RopeParameters& rope) {
  std::string text(rope_kind_name(rope.kind));
  if (rope.kind != RopeKind::kDefault) text += ", factor " + format_number(rope.factor);
  if (rope.original_max_position_embeddings == rope.max_position_embeddings) {
    text += ", " + std::to_string(rope.max_position_embeddings) + " positions";
  } else {
    text += ", " + std::to_string(rope.original_max_position_embeddings) + " -> " +
            std::to_string(rope.max_position_embeddings) + " positions";
  }
  text += ", theta " + format_number(rope.theta);
  text += ", " + std::to_string(rope.rotary_dims) + " of " + std::to_string(rope.head_dim) +
          " dimensions, " + std::string(rope_layout_name(rope.layout));
  return text;
}

}  // namespace ropewalk
