// Token shards written in the test.
#pragma once

#include <random>
#include <vector>

#include "formats/temporary_folder.h"
#include "ropewalk/data/token_dataset.h"
#include "ropewalk/formats/token_shard.h"

namespace ropewalk {

using Documents = std::vector<std::vector<int32_t>>;

inline const std::string kTestTokenizer(32, 'a');

inline void write_shard(const std::filesystem::path& path,
                        const Documents& documents,
                        int64_t vocab_size = 1000,
                        const std::string& tokenizer = kTestTokenizer) {
  TokenShardWriter writer(path, vocab_size, tokenizer);
  for (const auto& document : documents) writer.add_document(document);
  writer.close();
}

// Documents of 0 to max_length tokens, ids 3 to 999.
inline Documents random_documents(size_t count, size_t max_length, uint32_t seed) {
  std::mt19937 rng(seed);
  Documents documents(count);
  for (auto& document : documents) {
    document.resize(rng() % (max_length + 1));
    for (int32_t& id : document) id = static_cast<int32_t>(3 + rng() % 997);
  }
  return documents;
}

}  // namespace ropewalk
