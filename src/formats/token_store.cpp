#include "ropewalk/formats/token_store.h"

#include <algorithm>

#include "formats/flat_tokens.h"
#include "formats/megatron_tokens.h"
#include "ropewalk/base/errors.h"
#include "ropewalk/formats/token_shard.h"

namespace ropewalk {
namespace fs = std::filesystem;

namespace {

constexpr const char* kBinExtension = ".bin";
constexpr const char* kIndexExtension = ".idx";

bool is_pair(const fs::path& path) {
  std::error_code ignored;
  return path.extension() == kIndexExtension ||
         (path.extension() == kBinExtension &&
          fs::exists(fs::path(path).replace_extension(kIndexExtension), ignored));
}

}  // namespace

int64_t TokenStore::document_length(int64_t document) const {
  ROPEWALK_CHECK(document >= 0 && document < num_documents(), "document index out of range");
  const std::span<const uint64_t> offsets = document_offsets();
  return static_cast<int64_t>(offsets[document + 1] - offsets[document]);
}

void TokenStore::check_range(int64_t begin, size_t size) const {
  ROPEWALK_CHECK(
      begin >= 0 && begin <= num_tokens() && size <= static_cast<size_t>(num_tokens() - begin),
      "token range out of " + path().string());
}

void TokenStore::copy_tokens(int64_t begin, std::span<int64_t> out) const {
  check_range(begin, out.size());
  read_tokens(begin, out);
}

void TokenStore::copy_tokens(int64_t begin, std::span<int32_t> out) const {
  check_range(begin, out.size());
  read_tokens(begin, out);
}

int64_t TokenStore::token(int64_t index) const {
  int64_t id = 0;
  copy_tokens(index, std::span(&id, 1));
  return id;
}

void TokenStore::copy_targets(int64_t begin, std::span<uint8_t> out) const {
  check_range(begin, out.size());
  read_targets(begin, out);
}

void TokenStore::read_targets(int64_t /*begin*/, std::span<uint8_t> out) const {
  std::fill(out.begin(), out.end(), uint8_t{1});
}

std::unique_ptr<TokenStore> open_token_file(const fs::path& path, const TokenFileOptions& options) {
  if (is_pair(path)) {
    return std::make_unique<MegatronTokens>(fs::path(path).replace_extension(kIndexExtension),
                                            options);
  }
  if (path.extension() == kBinExtension) return std::make_unique<FlatTokens>(path, options);
  return std::make_unique<TokenShardReader>(path);
}

bool has_token_file_name(const fs::path& path) {
  const fs::path extension = path.extension();
  return extension == kTokenShardExtension || extension == kBinExtension ||
         extension == kIndexExtension;
}

std::optional<fs::path> find_token_file(const fs::path& path) {
  std::error_code ignored;
  if (fs::exists(path, ignored)) return path;
  fs::path index = path;
  index += kIndexExtension;  // the name itself may have dots
  if (fs::exists(index, ignored)) return index;
  return std::nullopt;
}

std::vector<fs::path> token_files_in(const fs::path& folder) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(folder)) {
    const fs::path& path = entry.path();
    const bool stands_as_index = path.extension() == kBinExtension && is_pair(path);
    if (has_token_file_name(path) && !stands_as_index && !entry.is_directory()) {
      files.push_back(path);
    }
  }
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace ropewalk
