// What the declared fields of a struct say, as plain data: the reader's messages, the JSON Schema
// and the reference page are made from it.
#pragma once

#include <string>
#include <vector>

#include "ropewalk/base/json.h"
#include "ropewalk/config/fields.h"
#include "ropewalk/config/writer.h"

namespace ropewalk {

struct ValueType {
  enum class Kind { kBool, kInteger, kNumber, kString, kChoice, kList, kObject };
  Kind kind = Kind::kObject;
  bool nullable = false;             // std::optional: null means unset
  std::vector<std::string> choices;  // kChoice
  std::vector<ValueType> element;    // kList: one entry
  size_t length = 0;                 // kList: exact length; 0 = any
};

struct FieldDescription {
  std::string name;
  std::string help;
  Rules rules{};
  ValueType type;
  Json default_value;                      // null: none
  std::vector<FieldDescription> children;  // kObject
};

const Rule* find_rule(const Rules& rules, RuleKind kind);
// A missing key is a fault, here or in a child.
bool is_required(const FieldDescription& field);
// Choices of an enum or of a `one_of` rule; empty when any value goes.
std::vector<std::string> choices_of(const ValueType& type, const Rules& rules);
// "> 0, <= 1", or empty.
std::string bounds_text(const Rules& rules);
// "an integer >= 1", "one of \"fp32\", \"bf16\"", "a list of 2 numbers".
std::string expectation_text(const ValueType& type, const Rules& rules);

// Paths of all values ("train.steps"), sections themselves left out.
std::vector<std::string> value_paths(const std::vector<FieldDescription>& fields,
                                     const std::string& prefix = "");
// The field at a path such as "train" or "train.steps", or null.
const FieldDescription* find_field(const std::vector<FieldDescription>& fields,
                                   const std::string& path);

namespace config_detail {

using Kind = ValueType::Kind;

template <typename T>
struct TypeOf {
  static ValueType get() {
    ValueType type;
    if constexpr (std::is_same_v<T, bool>) {
      type.kind = Kind::kBool;
    } else if constexpr (std::is_same_v<T, int64_t>) {
      type.kind = Kind::kInteger;
    } else if constexpr (std::is_same_v<T, double>) {
      type.kind = Kind::kNumber;
    } else if constexpr (std::is_same_v<T, std::string>) {
      type.kind = Kind::kString;
    } else if constexpr (std::is_enum_v<T>) {
      type.kind = Kind::kChoice;
      type.choices = enum_choices<T>();
    } else {
      static_assert(HasFields<T>, "a member type that settings cannot have");
    }
    return type;
  }
};

template <typename T>
struct TypeOf<std::optional<T>> {
  static ValueType get() {
    ValueType type = TypeOf<T>::get();
    type.nullable = true;
    return type;
  }
};

template <typename T>
struct TypeOf<std::vector<T>> {
  static ValueType get() { return {Kind::kList, false, {}, {TypeOf<T>::get()}, 0}; }
};

template <typename T, size_t N>
struct TypeOf<std::array<T, N>> {
  static ValueType get() { return {Kind::kList, false, {}, {TypeOf<T>::get()}, N}; }
};

}  // namespace config_detail

template <HasFields T>
std::vector<FieldDescription> describe() {
  std::vector<FieldDescription> descriptions;
  const T defaults{};
  for_each_field<T>([&](const auto& field) {
    using Member = std::remove_cvref_t<decltype(defaults.*field.member)>;
    FieldDescription description;
    description.name = field.name;
    description.help = field.help;
    description.rules = field.rules;
    description.type = config_detail::TypeOf<Member>::get();
    description.default_value = value_to_json(defaults.*field.member);
    if constexpr (HasFields<Member>) description.children = describe<Member>();
    descriptions.push_back(std::move(description));
  });
  return descriptions;
}

// JSON Schema, draft 2020-12, of a document read into a struct that `fields` describe.
Json json_schema(const std::vector<FieldDescription>& fields, const std::string& title);
// A Markdown page with one table per section.
std::string reference_markdown(const std::vector<FieldDescription>& fields,
                               const std::string& introduction);

template <HasFields T>
Json json_schema(const std::string& title) {
  return json_schema(describe<T>(), title);
}

template <HasFields T>
std::string reference_markdown(const std::string& introduction) {
  return reference_markdown(describe<T>(), introduction);
}

}  // namespace ropewalk
