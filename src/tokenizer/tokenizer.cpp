#include "ropewalk/tokenizer/tokenizer.h"

#include <algorithm>

#include "ropewalk/base/errors.h"
#include "ropewalk/base/files.h"
#include "ropewalk/base/hash.h"
#include "ropewalk/base/json.h"
#include "ropewalk/base/utf8.h"
#include "tokenizer/codec.h"
#include "tokenizer/continuation.h"
#include "tokenizer/files/config_tokens.h"
#include "tokenizer/files/sentence_piece.h"
#include "tokenizer/files/tiktoken_file.h"

namespace ropewalk {

namespace fs = std::filesystem;
using namespace tokenization;

namespace {

fs::path file_to_load(const fs::path& folder_or_file) {
  if (!fs::is_directory(folder_or_file)) {
    if (fs::is_regular_file(folder_or_file)) return folder_or_file;
    throw DataError(folder_or_file.string() + ": not found; expected a checkpoint folder that " +
                    "holds tokenizer.json or tokenizer.model, or such a file");
  }
  if (const std::optional<fs::path> file = tokenizer_file_of(folder_or_file)) return *file;
  throw DataError((folder_or_file / "tokenizer.json").string() +
                  ": not found, nor tokenizer.model beside it; expected one of the two in a "
                  "checkpoint folder");
}

bool is_json(const fs::path& path, std::string_view bytes) {
  if (path.extension() == ".json") return true;
  constexpr const char* kSpace = " \t\r\n";
  const size_t brace = bytes.find_first_not_of(kSpace);
  if (brace == std::string_view::npos || bytes[brace] != '{') return false;
  const size_t quote = bytes.find_first_not_of(kSpace, brace + 1);
  return quote != std::string_view::npos && bytes[quote] == '"';
}

LoadedCodec load_json_codec(std::string_view text, const std::string& source) {
  Diagnostics diagnostics;
  LoadedCodec loaded = make_pipeline_codec(parse_tokenizer_file(text, source), diagnostics);
  diagnostics.throw_if_errors<DataError>(source);
  return loaded;
}

LoadedCodec load_model_codec(std::string_view bytes, const fs::path& path) {
  LoadedCodec loaded = is_tiktoken_file(bytes) ? load_tiktoken_codec(bytes, path.string())
                                               : load_sentence_piece_codec(bytes, path.string());
  Diagnostics diagnostics;
  check_config_tokens(path.parent_path(), *loaded.codec, diagnostics);
  diagnostics.throw_if_errors<DataError>(path.parent_path().string());
  return loaded;
}

void apply_config(const fs::path& path, LoadedCodec& loaded) {
  if (!fs::is_regular_file(path)) return;
  Diagnostics diagnostics;
  const TokenizerConfig config = read_tokenizer_config(read_json_file(path), diagnostics);
  diagnostics.throw_if_errors<DataError>(path.string());
  if (config.bos_token) loaded.bos_id = loaded.codec->find(*config.bos_token);
  if (config.eos_token) loaded.eos_id = loaded.codec->find(*config.eos_token);
  apply_switches(config, loaded.bos_id, loaded.eos_id, loaded.text_template);
}

}  // namespace

struct Tokenizer::Impl {
  LoadedCodec loaded;
  std::string hash;
};

Tokenizer::Tokenizer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Tokenizer::~Tokenizer() = default;

std::shared_ptr<const Tokenizer> Tokenizer::load(const fs::path& folder_or_file) {
  const fs::path path = file_to_load(folder_or_file);
  const std::string bytes = read_file(path);
  auto impl = std::make_unique<Impl>();
  impl->loaded =
      is_json(path, bytes) ? load_json_codec(bytes, path.string()) : load_model_codec(bytes, path);
  impl->hash = hash_text(bytes);
  apply_config(path.parent_path() / "tokenizer_config.json", impl->loaded);
  return std::shared_ptr<const Tokenizer>(new Tokenizer(std::move(impl)));
}

void Tokenizer::encode_append(std::string_view text, std::vector<int32_t>& ids) const {
  if (const size_t bad = first_invalid_utf8(text); bad != text.size()) {
    throw DataError("text to tokenize: byte " + std::to_string(bad) +
                    " is not valid UTF-8; convert the text to UTF-8");
  }
  impl_->loaded.codec->encode_append(text, ids);
}

std::vector<int32_t> Tokenizer::encode(std::string_view text, bool add_special) const {
  const TextTemplate& around = impl_->loaded.text_template;
  std::vector<int32_t> ids;
  if (add_special) ids = around.before;
  encode_append(text, ids);
  if (add_special) ids.insert(ids.end(), around.after.begin(), around.after.end());
  return ids;
}

std::string Tokenizer::decode(std::span<const int32_t> ids, bool skip_special) const {
  return impl_->loaded.codec->decode(ids, skip_special);
}

std::string Tokenizer::decode_continuation(std::span<const int32_t> before,
                                           std::span<const int32_t> ids,
                                           bool skip_special) const {
  return tokenization::decode_continuation(*impl_->loaded.codec, before, ids, skip_special);
}

int64_t Tokenizer::vocab_size() const { return impl_->loaded.codec->num_ids(); }
std::optional<int32_t> Tokenizer::bos_id() const { return impl_->loaded.bos_id; }
std::optional<int32_t> Tokenizer::eos_id() const { return impl_->loaded.eos_id; }

std::optional<int32_t> Tokenizer::token_id(std::string_view token) const {
  return impl_->loaded.codec->find(std::string(token));
}

bool Tokenizer::add_bos() const {
  const std::vector<int32_t>& before = impl_->loaded.text_template.before;
  const std::optional<int32_t> bos = impl_->loaded.bos_id;
  return bos && std::find(before.begin(), before.end(), *bos) != before.end();
}

const std::string& Tokenizer::hash() const { return impl_->hash; }

std::optional<fs::path> tokenizer_file_of(const fs::path& folder) {
  for (const char* name : {"tokenizer.json", "tokenizer.model"}) {
    if (fs::is_regular_file(folder / name)) return folder / name;
  }
  return std::nullopt;
}

}  // namespace ropewalk
