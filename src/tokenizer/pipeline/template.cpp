#include "tokenizer/pipeline/template.h"

#include <algorithm>

#include "tokenizer/files/json_fields.h"

namespace ropewalk::tokenization {
namespace {

void add_special(const Json& item,
                 const Json& tokens,
                 const std::string& path,
                 std::vector<int32_t>& ids,
                 Diagnostics& diagnostics) {
  const Json name = item["SpecialToken"].value("id", Json());
  if (!name.is_string() || !tokens.contains(name.get<std::string>())) {
    diagnostics.error(path,
                      "names the special token " + name.dump() +
                          ", which `special_tokens` beside it does not define");
    return;
  }
  for (const Json& id : tokens[name.get<std::string>()].value("ids", Json::array())) {
    if (const std::optional<int32_t> known = token_id(id)) {
      ids.push_back(*known);
    } else {
      diagnostics.error(path, "has the id " + id.dump() + "; expected 0 to 2^31-1");
    }
  }
}

TextTemplate read_template(const Json& processor,
                           const std::string& path,
                           Diagnostics& diagnostics) {
  TextTemplate result;
  const Json tokens = processor.value("special_tokens", Json::object());
  bool text_seen = false;
  size_t index = 0;
  for (const Json& item : processor.value("single", Json::array())) {
    const std::string where = path + ".single[" + std::to_string(index++) + "]";
    if (item.contains("SpecialToken")) {
      add_special(item, tokens, where, text_seen ? result.after : result.before, diagnostics);
    } else if (item.contains("Sequence") && !text_seen) {
      text_seen = true;
    } else {
      diagnostics.error(where,
                        "found " + item.dump() + "; expected special tokens around one text");
    }
  }
  if (!text_seen) diagnostics.error(path + ".single", "holds no text");
  return result;
}

TextTemplate read(const Json& processor, const std::string& path, Diagnostics& diagnostics) {
  TextTemplate result;
  if (processor.is_null()) return result;
  const std::string type = type_of(processor);
  if (type == "ByteLevel") return result;  // offsets only
  if (type == "TemplateProcessing") return read_template(processor, path, diagnostics);
  if (type == "Sequence" && processor.contains("processors")) {
    size_t index = 0;
    for (const Json& part : processor["processors"]) {
      const TextTemplate outer =
          read(part, path + ".processors[" + std::to_string(index++) + "]", diagnostics);
      result.before.insert(result.before.begin(), outer.before.begin(), outer.before.end());
      result.after.insert(result.after.end(), outer.after.begin(), outer.after.end());
    }
    return result;
  }
  diagnostics.error(path,
                    "found the post-processor '" + type +
                        "', which is not supported; expected ByteLevel, TemplateProcessing or "
                        "a Sequence of them");
  return result;
}

// A token is written as text or as an object with its content.
std::optional<std::string> read_token(const Json& config,
                                      const char* key,
                                      Diagnostics& diagnostics) {
  if (!config.contains(key) || config[key].is_null()) return std::nullopt;
  const Json& value = config[key];
  if (value.is_string()) return value.get<std::string>();
  if (value.is_object() && value.contains("content") && value["content"].is_string()) {
    return value["content"].get<std::string>();
  }
  diagnostics.error(key, "found " + value.dump() + "; expected text or {\"content\": text}");
  return std::nullopt;
}

std::optional<bool> read_switch(const Json& config, const char* key, Diagnostics& diagnostics) {
  if (!config.contains(key) || config[key].is_null()) return std::nullopt;
  if (config[key].is_boolean()) return config[key].get<bool>();
  diagnostics.error(key, "found " + config[key].dump() + "; expected true or false");
  return std::nullopt;
}

}  // namespace

TextTemplate read_post_processor(const Json& post_processor, Diagnostics& diagnostics) {
  try {
    return read(post_processor, "post_processor", diagnostics);
  } catch (const Json::exception& error) {
    diagnostics.error("post_processor", error.what());
    return {};
  }
}

TokenizerConfig read_tokenizer_config(const Json& config, Diagnostics& diagnostics) {
  return {read_token(config, "bos_token", diagnostics),
          read_token(config, "eos_token", diagnostics),
          read_switch(config, "add_bos_token", diagnostics),
          read_switch(config, "add_eos_token", diagnostics)};
}

void apply_switches(const TokenizerConfig& config,
                    std::optional<int32_t> bos_id,
                    std::optional<int32_t> eos_id,
                    TextTemplate& text_template) {
  std::vector<int32_t>& before = text_template.before;
  std::vector<int32_t>& after = text_template.after;
  if (config.add_bos_token && bos_id) {
    std::erase(before, *bos_id);
    if (*config.add_bos_token) before.insert(before.begin(), *bos_id);
  }
  if (config.add_eos_token && eos_id) {
    std::erase(after, *eos_id);
    if (*config.add_eos_token) after.push_back(*eos_id);
  }
}

}  // namespace ropewalk::tokenization
