// JSON -> declared fields, strictly: unknown keys, wrong types, broken rules and missing required
// keys are faults, all of them collected. A key at fault keeps its default. Every struct's own
// check() runs too, so that faults over several fields come in the same report.
#pragma once

#include "ropewalk/base/json.h"
#include "ropewalk/config/description.h"
#include "ropewalk/config/fields.h"

namespace ropewalk {

// The place of a fault that leaves nothing to read.
inline constexpr const char* kWholeDocument = "(whole document)";

// Nothing is wrong with these settings (paths of keys or sections), so that they can be compared
// with others.
bool is_sound(const Diagnostics& found, const std::vector<std::string>& keys);

class FieldReader {
 public:
  // `value_paths` of the whole document serve hints such as "belongs in section ...".
  FieldReader(Diagnostics& diagnostics, std::vector<std::string> value_paths)
      : diagnostics_(diagnostics), value_paths_(std::move(value_paths)) {}

  template <HasFields T>
  void read_fields(const Json& json, const std::string& path, T& out);

 private:
  // Of one list; what follows is not looked at.
  static constexpr size_t kMaxListFaults = 20;

  // One value's place: its JSON path and the rules and type that faults are explained with.
  struct Place {
    std::string path;
    const Rules& rules;
    ValueType type;
  };

  void read(const Json& json, const Place& place, bool& out);
  void read(const Json& json, const Place& place, int64_t& out);
  void read(const Json& json, const Place& place, double& out);
  void read(const Json& json, const Place& place, std::string& out);

  template <typename E>
  requires std::is_enum_v<E>
  void read(const Json& json, const Place& place, E& out) {
    const auto value = json.is_string() ? enum_from_name<E>(json.get_ref<const std::string&>())
                                        : std::optional<E>{};
    if (value) {
      out = *value;
    } else {
      fault(json, place);
    }
  }

  template <typename T>
  void read(const Json& json, const Place& place, std::optional<T>& out) {
    if (json.is_null()) return;
    const size_t num_faults = diagnostics_.errors().size();
    T value{};
    read(json, place, value);
    if (diagnostics_.errors().size() == num_faults) out = std::move(value);
  }

  template <typename T>
  void read(const Json& json, const Place& place, std::vector<T>& out) {
    if (!is_list(json, place)) return;
    std::vector<T> values(json.size());
    if (read_elements(json, place, values)) out = std::move(values);
  }

  template <typename T, size_t N>
  void read(const Json& json, const Place& place, std::array<T, N>& out) {
    if (!is_list(json, place)) return;
    std::array<T, N> values{};
    if (read_elements(json, place, values)) out = values;
  }

  template <typename List>
  bool read_elements(const Json& json, const Place& place, List& values) {
    const size_t num_faults = diagnostics_.errors().size();
    for (size_t i = 0; i < values.size(); ++i) {
      const Place element{
          place.path + "[" + std::to_string(i) + "]", place.rules, place.type.element[0]};
      read(json[i], element, values[i]);
      if (diagnostics_.errors().size() >= num_faults + kMaxListFaults) break;
    }
    return diagnostics_.errors().size() == num_faults;
  }

  bool is_list(const Json& json, const Place& place);
  bool is_object(const Json& json, const std::string& path);
  void refuse_unknown_keys(const Json& json,
                           const std::string& path,
                           const std::vector<std::string>& names);
  void fault(const Json& json, const Place& place, const std::string& hint = "");
  void missing(const std::string& path, const Rules& rules, const ValueType& type);

  Diagnostics& diagnostics_;
  std::vector<std::string> value_paths_;
};

std::string join_path(const std::string& parent, const std::string& key);

template <HasFields T>
void FieldReader::read_fields(const Json& json, const std::string& path, T& out) {
  if (!is_object(json, path)) return;
  std::vector<std::string> names;
  for_each_field<T>([&](const auto& field) {
    const std::string name(field.name);
    const std::string field_path = join_path(path, name);
    names.push_back(name);
    auto& member = out.*field.member;
    using Member = std::remove_cvref_t<decltype(member)>;
    const auto found = json.find(name);
    if constexpr (HasFields<Member>) {
      // An absent section is read as an empty one: its required keys are missed by name.
      read_fields(found == json.end() ? Json::object() : *found, field_path, member);
    } else if (found != json.end()) {
      read(*found, {field_path, field.rules, config_detail::TypeOf<Member>::get()}, member);
    } else if (find_rule(field.rules, RuleKind::kRequired) != nullptr) {
      missing(field_path, field.rules, config_detail::TypeOf<Member>::get());
    }
  });
  refuse_unknown_keys(json, path, names);
  if constexpr (HasCheck<T>) {
    Diagnostics own;
    out.check(own);
    diagnostics_.merge(own, path);
  }
}

template <HasFields T>
T parse_fields(const Json& json, Diagnostics& diagnostics, const std::string& path = "") {
  T value{};
  FieldReader(diagnostics, value_paths(describe<T>())).read_fields(json, path, value);
  return value;
}

}  // namespace ropewalk
