// base_weights.json beside an exported adapter: which weights it was trained beside. PEFT takes no
// notice of it.
#pragma once

#include <filesystem>
#include <string>

namespace ropewalk {

// `hash`: weights_hash of the model.
void write_adapter_base(const std::filesystem::path& adapter_folder, const std::string& hash);

}  // namespace ropewalk
