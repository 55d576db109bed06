#include "ropewalk/checkpoint/environment.h"

#include <ATen/Parallel.h>
#include <ATen/Version.h>

#include "ropewalk/base/hash.h"

namespace ropewalk {

Json describe_environment(int num_ranks, const std::string& device) {
  static const std::string binary = hash_file("/proc/self/exe");
  Json environment = Json::object();
  environment["ranks"] = num_ranks;
  environment["threads"] = at::get_num_threads();
  environment["cpu_capability"] = at::get_cpu_capability();
  environment["device"] = device;
  environment["version"] = ROPEWALK_VERSION;
  environment["binary"] = binary;
  return environment;
}

std::vector<std::string> environment_differences(const Json& saved, const Json& now) {
  std::vector<std::string> differences;
  for (const auto& [key, value] : now.items()) {
    const auto found = saved.is_object() ? saved.find(key) : saved.end();
    if (!saved.is_object() || found == saved.end()) {
      differences.push_back(key + ": not recorded when saved, " + value.dump() + " now");
    } else if (*found != value) {
      differences.push_back(key + ": " + found->dump() + " when saved, " + value.dump() + " now");
    }
  }
  return differences;
}

}  // namespace ropewalk
