// Typed access to one JSON object with faults collected; null counts as absent.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "ropewalk/base/diagnostics.h"
#include "ropewalk/base/json.h"

namespace ropewalk {

// Equal up to the rounding that a ratio of lengths can bring.
bool same_number(double a, double b);

class JsonValues {
 public:
  // `where`: the object's place; "" for the document itself. All references must outlive this.
  JsonValues(const Json& object, std::string where, Diagnostics& diagnostics)
      : object_(object), where_(std::move(where)), diagnostics_(diagnostics) {}

  bool is_object() const;  // a fault when it is not
  const Json* find(const std::string& key) const;
  bool has(const std::string& key) const;  // also null

  std::optional<double> number(const std::string& key) const;
  std::optional<int64_t> integer(const std::string& key) const;
  std::optional<std::string> text(const std::string& key) const;
  std::optional<bool> boolean(const std::string& key) const;
  std::vector<double> numbers(const std::string& key) const;  // empty: absent, or a fault

  std::optional<double> required_number(const std::string& key) const;
  std::optional<int64_t> required_integer(const std::string& key) const;
  std::optional<std::string> required_text(const std::string& key) const;

  // Calls `visit` for each object of a list; what is no object or no list is a fault.
  void for_each(const std::string& key, const std::function<void(const JsonValues&)>& visit) const;

  std::optional<double> number_above_zero(const std::string& key) const;
  std::optional<int64_t> positive_integer(const std::string& key) const;

  void fault(const std::string& key, const std::string& text) const;
  void remark(const std::string& key, const std::string& text) const;
  std::string path(const std::string& key) const;

 private:
  template <typename T>
  std::optional<T> require(const std::string& key, std::optional<T> value) const;

  const Json& object_;
  std::string where_;
  Diagnostics& diagnostics_;
};

}  // namespace ropewalk
