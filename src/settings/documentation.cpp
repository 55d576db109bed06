#include "ropewalk/settings/documentation.h"

#include "ropewalk/config/description.h"
#include "ropewalk/settings/run_config.h"
#include "ropewalk/settings/stages.h"

namespace ropewalk {
namespace {

// Of one stage: sections of a run config in which nothing is required, and a gate.
Json stage_schema(const Json& run_config) {
  Json properties = Json::object();
  for (const std::string_view section : stage_sections()) {
    Json part = run_config.at("properties").at(std::string(section));
    part.erase("required");
    properties[std::string(section)] = part;
  }
  const Json number = {{"type", "number"}};
  const Json bounds = {{"type", "object"},
                       {"properties", {{"at_most", number}, {"at_least", number}}},
                       {"minProperties", 1},
                       {"additionalProperties", false}};
  properties["gate"] = {{"type", "object"},
                        {"description", "Bounds of evaluated numbers, before the next stage."},
                        {"propertyNames", {{"pattern", "^eval/"}}},
                        {"additionalProperties", bounds}};
  return {{"type", "object"}, {"properties", properties}, {"additionalProperties", false}};
}

}  // namespace

Json run_config_schema() {
  Json schema = json_schema<RunConfig>("Ropewalk run config");
  schema["properties"]["stages"] = {
      {"type", "array"},
      {"description", "A context curriculum: runs one after another, each with values of its own."},
      {"minItems", 1},
      {"items", stage_schema(schema)}};
  return schema;
}

std::string run_config_reference() {
  return reference_markdown<RunConfig>(R"(# Configuration reference

Made by `ropewalk config reference` from the declarations in the code; a test compares the two.

A run config is JSON. `//` comments are allowed. Unknown keys, duplicate keys and wrong types are
errors, and every fault is reported at once. Relative paths resolve against the working directory.
`--set section.key=value` on the command line wins over the file; the value is JSON if it parses,
else a string. `ropewalk config print RUN.json` shows a config with every default filled in, and
`ropewalk config schema` prints a JSON Schema for editors.

A key `stages` makes a run config a curriculum: see [stages](stages.md).

"May change on resume" marks keys that `train --resume` accepts with another value; for any other
key give `--allow-change section.key`.
)");
}

}  // namespace ropewalk
