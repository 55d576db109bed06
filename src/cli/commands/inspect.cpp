// `ropewalk inspect`: what a path holds, as text or JSON. Weights are mapped, never read.
#include <iostream>

#include "cli/commands/inspect_json.h"
#include "cli/commands/inspect_tokens.h"
#include "cli/front_commands.h"
#include "ropewalk/base/errors.h"
#include "ropewalk/base/text.h"
#include "ropewalk/spec/family.h"

namespace ropewalk::cli {
namespace {

Json families_json() {
  Json known = Json::array();
  for (const Family& family : families()) {
    known.push_back({{"model_type", family.model_type}, {"architecture", family.architecture}});
  }
  Json refused = Json::array();
  for (const RefusedType& type : refused_types()) {
    refused.push_back({{"model_type", type.model_type}, {"reason", type.reason}});
  }
  return {{"families", known}, {"refused", refused}};
}

int print_families(bool json) {
  const Json all = families_json();
  if (json) {
    std::cout << to_json_text(all);
    return kExitDone;
  }
  for (const Json& family : all["families"]) {
    std::cout << family["model_type"].get<std::string>() << "  "
              << family["architecture"].get<std::string>() << "\n";
  }
  return kExitDone;
}

std::string text_of(const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_number_float()) return format_number(value.get<double>());
  if (value.is_number_integer() && value.get<int64_t>() >= 100000) {
    return format_count(value.get<int64_t>());
  }
  return value.dump();
}

// Nested objects are indented; long lists give their length.
void print_text(const Json& object, const std::string& indent) {
  for (const auto& [key, value] : object.items()) {
    if (key == "document_lengths") {
      std::cout << std::flush;
      print_document_lengths(value, indent);
      std::fflush(stdout);
    } else if (value.is_object()) {
      std::cout << indent << key << "\n";
      print_text(value, indent + "  ");
    } else if (value.is_array() && key == "remarks") {
      for (const Json& remark : value) {
        std::cout << indent << "remark: " << remark.get<std::string>() << "\n";
      }
    } else if (value.is_array() && value.size() > 8) {
      std::cout << indent << key << ": " << value.size() << " values\n";
    } else {
      std::cout << indent << key << ": " << text_of(value) << "\n";
    }
  }
}

}  // namespace

int run_inspect(const InspectOptions& options) {
  if (options.families) return print_families(options.json);
  const Json found = inspect_path(options.path, {.eos_id = options.eos_id});
  if (options.json) {
    std::cout << to_json_text(found);
  } else {
    print_text(found, "");
  }
  return kExitDone;
}

}  // namespace ropewalk::cli
