#include "tokenizer/files/config_tokens.h"

#include <string>

#include "ropewalk/base/json.h"
#include "tokenizer/files/json_fields.h"

namespace ropewalk::tokenization {
namespace {

struct ConfigToken {
  std::string where;
  std::string content;
  std::string id;
};

void check_token(const ConfigToken& token, const Codec& codec, Diagnostics& diagnostics) {
  const std::optional<int32_t> id = codec.find(token.content);
  if (id && std::to_string(*id) == token.id) return;
  diagnostics.error(token.where,
                    "adds the token '" + token.content + "' with the id " + token.id +
                        "; expected only tokens that tokenizer.model holds under the same id. Use "
                        "the checkpoint's tokenizer.json, or convert its tokenizer to one");
}

Json read_if_there(const std::filesystem::path& file) {
  return std::filesystem::is_regular_file(file) ? read_json_file(file) : Json();
}

}  // namespace

void check_config_tokens(const std::filesystem::path& folder,
                         const Codec& codec,
                         Diagnostics& diagnostics) {
  const Json config = read_if_there(folder / "tokenizer_config.json");
  for (const auto& [id, token] : member(config, "added_tokens_decoder").items()) {
    const Json& content = member(token, "content");
    const std::string where = "tokenizer_config.json: added_tokens_decoder." + id;
    check_token({where, content.is_string() ? content.get<std::string>() : content.dump(), id},
                codec,
                diagnostics);
  }
  const Json added = read_if_there(folder / "added_tokens.json");
  for (const auto& [content, id] : added.items()) {
    check_token({"added_tokens.json: " + content, content, id.dump()}, codec, diagnostics);
  }
}

}  // namespace ropewalk::tokenization
