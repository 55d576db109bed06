#include "launch/variables.h"

#include "ropewalk/base/rng.h"
#include "ropewalk/base/text.h"

namespace ropewalk {

int Variables::number(const std::string& name, int lowest, Diagnostics& faults) const {
  const std::optional<std::string> value = lookup_(name);
  if (!value) {
    faults.error(name,
                 "missing; the launcher sets it together with the others, so set all or none");
    return lowest;
  }
  const std::optional<int> number = parse_int(*value);
  if (!number || *number < lowest) {
    faults.error(
        name,
        "found \"" + *value + "\", expected a whole number of at least " + std::to_string(lowest));
    return lowest;
  }
  return *number;
}

int port_of_job(const std::string& job) {
  constexpr uint64_t kLowest = 20000, kCount = 12000;
  uint64_t hash = 0;
  for (const char c : job) hash = random_bits(hash, 0, static_cast<unsigned char>(c));
  return static_cast<int>(kLowest + hash % kCount);
}

}  // namespace ropewalk
