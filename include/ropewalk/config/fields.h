// A setting is declared once: name, member, help and rules in `static constexpr auto fields()`, its
// default in the member's initialiser. Reading, --set, printing, JSON Schema and the reference page
// all come from that one line (reader.h, description.h).
//
//   struct SleepConfig {
//     double hours = 8.0;
//     static constexpr auto fields() {
//       using namespace rules;
//       return std::tuple{field("hours", &SleepConfig::hours, "Hours a night.", positive)};
//     }
//     void check(Diagnostics& d) const;  // optional; rules over several fields only
//   };
//
// Member types: bool, int64_t, double, std::string, an enum class with `enum_names`,
// std::optional, std::vector, std::array<double, N>, and a struct that has fields() itself.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "ropewalk/base/diagnostics.h"

namespace ropewalk {

enum class RuleKind {
  kNone,
  kGreaterThan,
  kLessThan,
  kAtLeast,
  kAtMost,
  kOneOf,
  kNotEmpty,
  kRequired,
  kAdvice,
  kUnsetMeans,
  kMayChangeOnResume,
  kPath,
};

// Bounds, choices and kNotEmpty hold for every element of a list.
struct Rule {
  RuleKind kind = RuleKind::kNone;
  double bound = 0.0;
  std::string_view text = {};
};

inline constexpr size_t kMaxRules = 6;
using Rules = std::array<Rule, kMaxRules>;

namespace rules {

inline constexpr Rule positive{RuleKind::kGreaterThan, 0.0};
inline constexpr Rule non_negative{RuleKind::kAtLeast, 0.0};
inline constexpr Rule not_empty{RuleKind::kNotEmpty};
// A missing key is a fault.
inline constexpr Rule required{RuleKind::kRequired};
// A run may be resumed with another value; on a section: of every key in it.
inline constexpr Rule may_change_on_resume{RuleKind::kMayChangeOnResume};
// Where something lies on this machine; checkpoints do not store it.
inline constexpr Rule path{RuleKind::kPath};

constexpr Rule at_least(double bound) { return {RuleKind::kAtLeast, bound}; }
constexpr Rule at_most(double bound) { return {RuleKind::kAtMost, bound}; }
constexpr Rule greater_than(double bound) { return {RuleKind::kGreaterThan, bound}; }
constexpr Rule less_than(double bound) { return {RuleKind::kLessThan, bound}; }
// Choices of a string, separated by '|'. Prefer an enum class where this code owns the meaning.
constexpr Rule one_of(std::string_view choices) { return {RuleKind::kOneOf, 0.0, choices}; }
// A sentence added to every fault of this key.
constexpr Rule advice(std::string_view text) { return {RuleKind::kAdvice, 0.0, text}; }
// What a key without a value stands for, shown as its default.
constexpr Rule unset_means(std::string_view text) { return {RuleKind::kUnsetMeans, 0.0, text}; }

}  // namespace rules

template <typename Owner, typename Member>
struct Field {
  std::string_view name;
  Member Owner::*member;
  std::string_view help;
  Rules rules;
};

template <typename Owner, typename Member, typename... RuleTypes>
constexpr Field<Owner, Member> field(std::string_view name,
                                     Member Owner::*member,
                                     std::string_view help,
                                     RuleTypes... rules) {
  static_assert(sizeof...(rules) <= kMaxRules, "raise kMaxRules");
  return {name, member, help, Rules{rules...}};
}

template <typename T>
concept HasFields = requires {
  T::fields();
};

template <typename T>
concept HasCheck = requires(const T& value, Diagnostics& d) {
  value.check(d);
};

// Calls `visit(field)` for every field of T, in order of declaration.
template <HasFields T, typename Visitor>
constexpr void for_each_field(Visitor&& visit) {
  std::apply([&](const auto&... fields) { (visit(fields), ...); }, T::fields());
}

// An enum names its values beside its definition, found by argument-dependent lookup:
//   constexpr auto enum_names(Colour) { return std::array{named(Colour::kRed, "red")}; }
template <typename E>
constexpr std::pair<E, std::string_view> named(E value, std::string_view name) {
  return {value, name};
}

template <typename E>
requires std::is_enum_v<E>
constexpr std::string_view enum_name(E value) {
  for (const auto& [candidate, name] : enum_names(E{})) {
    if (candidate == value) return name;
  }
  return "?";
}

template <typename E>
requires std::is_enum_v<E> std::vector<std::string> enum_choices() {
  std::vector<std::string> names;
  for (const auto& [value, name] : enum_names(E{})) names.emplace_back(name);
  return names;
}

template <typename E>
requires std::is_enum_v<E>
constexpr std::optional<E> enum_from_name(std::string_view text) {
  for (const auto& [value, name] : enum_names(E{})) {
    if (name == text) return value;
  }
  return std::nullopt;
}

}  // namespace ropewalk
