#include "checkpoint/hf_folder.h"

#include "checkpoint/tensor_bytes.h"
#include "ropewalk/base/errors.h"
#include "ropewalk/base/files.h"

namespace ropewalk {
namespace {

void write_text(const std::filesystem::path& path, const std::string& text) {
  FileWriter file(path);
  file.write(text);
  file.close();
}

std::string with_window(const std::string& tokenizer_config,
                        const Json& config,
                        const std::filesystem::path& source) {
  if (!config.contains("max_position_embeddings")) return tokenizer_config;
  const Json& window = config.at("max_position_embeddings");
  Json fields = parse_json(tokenizer_config, source.string());
  if (!fields.is_object() || !window.is_number()) return tokenizer_config;
  const auto length = fields.find("model_max_length");
  if (length == fields.end() || !length->is_number()) return tokenizer_config;
  if (length->get<double>() >= window.get<double>()) return tokenizer_config;
  *length = window;
  return to_json_text(fields);
}

}  // namespace

const std::vector<std::string>& companion_files() {
  static const std::vector<std::string> names = {
      "tokenizer.json",
      "tokenizer_config.json",
      "tokenizer.model",
      "special_tokens_map.json",
      "added_tokens.json",
      "vocab.json",
      "merges.txt",
      "chat_template.jinja",
      "chat_template.json",
      "generation_config.json",
  };
  return names;
}

void write_hf_companions(const std::filesystem::path& folder,
                         const Json& config,
                         DType dtype,
                         const std::filesystem::path& copied_from) {
  Json written = config;
  if (written.contains("torch_dtype") || !written.contains("dtype")) {
    written["torch_dtype"] = torch_dtype_name(dtype);
  }
  written["dtype"] = torch_dtype_name(dtype);
  write_text(folder / "config.json", to_json_text(written));
  if (copied_from.empty()) return;
  for (const std::string& name : companion_files()) {
    const std::filesystem::path source = copied_from / name;
    if (!std::filesystem::exists(source)) continue;
    std::string text = read_file(source);
    if (name == "tokenizer_config.json") text = with_window(text, config, source);
    write_text(folder / name, text);
  }
}

}  // namespace ropewalk
