#include "ropewalk/settings/documentation.h"

#include "ropewalk/config/description.h"
#include "ropewalk/settings/run_config.h"

namespace ropewalk {

Json run_config_schema() { return json_schema<RunConfig>("Ropewalk run config"); }

std::string run_config_reference() {
  return reference_markdown<RunConfig>(R"(# Configuration reference

Made by `ropewalk config reference` from the declarations in the code; a test compares the two.

A run config is JSON. `//` comments are allowed. Unknown keys, duplicate keys and wrong types are
errors, and every fault is reported at once. Relative paths resolve against the working directory.
`--set section.key=value` on the command line wins over the file; the value is JSON if it parses,
else a string. `ropewalk config print RUN.json` shows a config with every default filled in, and
`ropewalk config schema` prints a JSON Schema for editors.

"May change on resume" marks keys that `train --resume` accepts with another value; for any other
key give `--allow-change section.key`.
)");
}

}  // namespace ropewalk
