#include "formats/json_field.h"

#include <charconv>

namespace ropewalk {
namespace {

// "[3].text" with index 3 of `list`; null when the path begins otherwise or the list is too short.
const Json* find_element(const Json& list, std::string_view path) {
  const size_t close = path.find(']');
  if (path[0] != '[' || close == std::string_view::npos) return nullptr;
  size_t index = 0;
  const auto [end, error] = std::from_chars(path.data() + 1, path.data() + close, index);
  if (error != std::errc() || end != path.data() + close || index >= list.size()) return nullptr;
  path.remove_prefix(close + 1);
  if (path.starts_with('.')) path.remove_prefix(1);
  return find_field(list[index], path);
}

const Json* find_member(const Json& object, std::string_view path) {
  for (size_t end = path.size(); end != std::string_view::npos && end > 0;
       end = path.find_last_of(".[", end - 1)) {
    const auto member = object.find(path.substr(0, end));
    if (member == object.end()) continue;
    std::string_view rest = path.substr(end);
    if (rest.starts_with('.')) rest.remove_prefix(1);
    // "name." names nothing inside `name`.
    if (rest.empty() && end != path.size()) continue;
    if (const Json* found = find_field(*member, rest)) return found;
  }
  return nullptr;
}

}  // namespace

const Json* find_field(const Json& value, std::string_view path) {
  if (path.empty()) return &value;
  if (value.is_array()) return find_element(value, path);
  return value.is_object() ? find_member(value, path) : nullptr;
}

}  // namespace ropewalk
