// Collects every fault of one input before any is reported, so that a user mends all at once.
#pragma once

#include <string>
#include <vector>

namespace ropewalk {

class Diagnostics {
 public:
  struct Item {
    std::string where;  // JSON path such as "model.pos_scaling_factor", or a tensor's name
    std::string text;   // found, expected, what to do
  };

  void error(std::string where, std::string text);
  void warning(std::string where, std::string text);

  bool ok() const { return errors_.empty(); }
  const std::vector<Item>& errors() const { return errors_; }
  const std::vector<Item>& warnings() const { return warnings_; }

  // Appends the other's items, each `where` prefixed with `prefix` ("model" + "." + where).
  void merge(const Diagnostics& other, const std::string& prefix = "");

  // "<source>: 2 faults\n  model.x: ...\n  train.y: ..." ; empty when ok().
  std::string report(const std::string& source) const;

  // Throws ErrorType(report(source)) unless ok().
  template <typename ErrorType>
  void throw_if_errors(const std::string& source) const {
    if (!ok()) throw ErrorType(report(source));
  }

 private:
  std::vector<Item> errors_;
  std::vector<Item> warnings_;
};

}  // namespace ropewalk
