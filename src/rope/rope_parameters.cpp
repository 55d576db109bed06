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

std::string_view rope_kind_name(RopeKind kind) {
  for (const auto& [candidate, name] : kKinds) {
    if (candidate == kind) return name;
  }
  return "unknown";
}

std::optional<RopeKind> parse_rope_kind(std::string_view name) {
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

bool rope_kind_supported(RopeKind kind) {
  switch (kind) {
    case RopeKind::kDefault:
    case RopeKind::kLinear:
    case RopeKind::kYarn:
    case RopeKind::kLlama3:
      return true;
    case RopeKind::kDynamic:
    case RopeKind::kLongrope:
    case RopeKind::kProportional:
      return false;
  }
  return false;
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
