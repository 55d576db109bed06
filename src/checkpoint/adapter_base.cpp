#include "checkpoint/adapter_base.h"

#include "ropewalk/base/errors.h"
#include "ropewalk/base/files.h"
#include "ropewalk/base/json.h"
#include "ropewalk/checkpoint/adapter.h"

namespace ropewalk {
namespace {

constexpr const char* kBaseName = "base_weights.json";
constexpr const char* kHashKey = "weights_hash";

}  // namespace

void write_adapter_base(const std::filesystem::path& adapter_folder, const std::string& hash) {
  FileWriter file(adapter_folder / kBaseName);
  file.write(to_json_text({{kHashKey, hash}}));
  file.close();
}

void check_adapter_base(const PeftAdapter& adapter,
                        const std::filesystem::path& model_folder,
                        const std::string& hash) {
  const std::filesystem::path path = adapter.folder / kBaseName;
  if (!std::filesystem::exists(path)) return;
  const Json base = read_json_file(path);
  const Json stored = base.is_object() ? base.value(kHashKey, Json()) : Json();
  if (stored == hash) return;
  throw ConfigError(path.string() + ": the adapter was trained beside weight files with hash " +
                    stored.dump() + ", those of " + model_folder.string() + " have \"" + hash +
                    "\": another model, or the same one saved anew. Name the folder that the "
                    "adapter was trained on; if the weights are the same, remove " +
                    kBaseName);
}

}  // namespace ropewalk
