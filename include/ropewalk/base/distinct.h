// Values without repetition, in order of first appearance: for a table's rows and columns.
#pragma once

#include <algorithm>
#include <type_traits>
#include <vector>

namespace ropewalk {

template <typename Value>
void add_distinct(std::vector<Value>& values, const Value& value) {
  if (std::find(values.begin(), values.end(), value) == values.end()) values.push_back(value);
}

// Of `value_of` each item.
template <typename Item, typename ValueOf>
auto distinct(const std::vector<Item>& items, ValueOf value_of) {
  std::vector<std::decay_t<decltype(value_of(items.front()))>> values;
  for (const Item& item : items) add_distinct(values, value_of(item));
  return values;
}

}  // namespace ropewalk
