// Files of token ids: our shards, nanoGPT's and llm.c's, and Megatron's pairs.
#include <algorithm>
#include <cstring>

#include "formats/token_shard_header.h"
#include "fuzz/target.h"
#include "ropewalk/base/errors.h"
#include "ropewalk/base/hash.h"
#include "ropewalk/formats/token_store.h"

namespace ropewalk::fuzz {
namespace {

constexpr size_t kPayloadHashAt = 80, kHeaderHashAt = 112;

void read_store(const std::filesystem::path& path, const TokenFileOptions& options) {
  const auto store = open_token_file(path, options);
  for (int64_t i = 0; i < store->num_documents(); ++i) {
    const auto begin = static_cast<int64_t>(store->document_offsets()[i]);
    std::vector<int64_t> ids(static_cast<size_t>(store->document_length(i)));
    std::vector<uint8_t> trained(ids.size());
    store->copy_targets(begin, trained);
    store->copy_tokens(begin, ids);
  }
  store->verify();
}

void put_hash(std::string& file, size_t at, const std::string& hex) {
  for (size_t i = 0; i < hex.size() / 2; ++i) {
    file[at + i] = static_cast<char>(std::stoi(hex.substr(2 * i, 2), nullptr, 16));
  }
}

// Each way of reading: with documents, without, and with a known vocabulary.
void read_foreign(const std::filesystem::path& path) {
  for (const TokenFileOptions& options : {TokenFileOptions{},
                                          TokenFileOptions{.eos_id = 0},
                                          TokenFileOptions{.eos_id = 7, .vocab_size = 1000}}) {
    try {
      read_store(path, options);
    } catch (const Error&) {
    }
  }
}

}  // namespace

// Again with both hashes put right, which hardly any change of the bytes leaves standing.
void fuzz_token_shard(std::string_view input) {
  try {
    read_store(put_file("a.tokens", input), {});
  } catch (const Error&) {
  }
  if (input.size() < kShardHeaderBytes) return;
  std::string repaired(input);
  put_hash(repaired, kPayloadHashAt, hash_text(input.substr(kShardHeaderBytes)));
  put_hash(repaired, kHeaderHashAt, hash_text(std::string_view(repaired).substr(0, kHeaderHashAt)));
  read_store(put_file("a.tokens", repaired), {});
}

void fuzz_flat_tokens(std::string_view input) { read_foreign(put_file("flat/a.bin", input)); }

void fuzz_megatron_tokens(std::string_view input) {
  const auto files = parts(input, 2);
  put_file("pair/a.bin", files[1]);
  read_foreign(put_file("pair/a.idx", files[0]));
}

}  // namespace ropewalk::fuzz
