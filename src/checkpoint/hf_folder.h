// The files of a Hugging Face directory beside the weights.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "ropewalk/base/json.h"
#include "ropewalk/formats/safetensors.h"

namespace ropewalk {

// Tokenizer files and generation_config.json: copied as they are into every checkpoint.
const std::vector<std::string>& companion_files();

// config.json with its dtype fields set (`torch_dtype` is what transformers before 4.56 reads), and
// the companion files of `copied_from`; an empty path copies nothing. tokenizer_config.json's
// model_max_length is raised to the config's window, so that tokenizers do not cut at the old one.
void write_hf_companions(const std::filesystem::path& folder,
                         const Json& config,
                         DType dtype,
                         const std::filesystem::path& copied_from);

}  // namespace ropewalk
