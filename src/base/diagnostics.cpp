#include "ropewalk/base/diagnostics.h"

#include <utility>

namespace ropewalk {
namespace {

std::string prefixed(const std::string& prefix, const std::string& where) {
  if (prefix.empty()) return where;
  if (where.empty()) return prefix;
  return where.front() == '[' ? prefix + where : prefix + "." + where;
}

// A text of several lines, such as another report, stands below its first one.
std::string indented(const std::string& text) {
  std::string out;
  for (const char c : text) {
    out += c;
    if (c == '\n') out += "  ";
  }
  return out;
}

}  // namespace

void Diagnostics::error(std::string where, std::string text) {
  errors_.push_back({std::move(where), std::move(text)});
}

void Diagnostics::warning(std::string where, std::string text) {
  warnings_.push_back({std::move(where), std::move(text)});
}

void Diagnostics::merge(const Diagnostics& other, const std::string& prefix) {
  for (const Item& item : other.errors_) {
    errors_.push_back({prefixed(prefix, item.where), item.text});
  }
  for (const Item& item : other.warnings_) {
    warnings_.push_back({prefixed(prefix, item.where), item.text});
  }
}

std::string Diagnostics::report(const std::string& source) const {
  if (ok()) return "";
  std::string text =
      source + ": " + std::to_string(errors_.size()) + (errors_.size() == 1 ? " fault" : " faults");
  for (const Item& item : errors_) {
    text += "\n  " + indented(item.where.empty() ? item.text : item.where + ": " + item.text);
  }
  return text;
}

}  // namespace ropewalk
