// A tokenizer's file, its tokenizer_config.json, and a text that goes to ids and back.
#include <algorithm>

#include "fuzz/target.h"
#include "ropewalk/base/errors.h"
#include "ropewalk/tokenizer/tokenizer.h"

namespace ropewalk::fuzz {
namespace {

constexpr size_t kMaxTextBytes = 4096;

void use(const Tokenizer& tokenizer, std::string_view text) {
  const std::vector<int32_t> ids = tokenizer.encode(text, true);
  const size_t half = ids.size() / 2;
  tokenizer.decode(ids);
  tokenizer.decode(ids, false);
  tokenizer.decode_continuation(std::span(ids).first(half), std::span(ids).subspan(half));
  tokenizer.token_id(text);
  tokenizer.add_bos();
}

void load_and_use(const std::string& folder, const char* name, std::string_view input) {
  const auto files = parts(input, 3);
  const auto path = put_file(folder + "/" + name, files[0]);
  const std::string config = folder + "/tokenizer_config.json";
  files[1].empty() ? remove_file(config) : void(put_file(config, files[1]));
  use(*Tokenizer::load(path), files[2].substr(0, kMaxTextBytes));
}

}  // namespace

void fuzz_tokenizer_json(std::string_view input) {
  load_and_use("tokenizer-json", "tokenizer.json", input);
}

void fuzz_tokenizer_model(std::string_view input) {
  load_and_use("tokenizer-model", "tokenizer.model", input);
}

}  // namespace ropewalk::fuzz
