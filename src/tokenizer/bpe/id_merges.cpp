#include "tokenizer/bpe/id_merges.h"

namespace ropewalk::tokenization {

TokenIds room_for_tokens(size_t count) {
  TokenIds ids;
  ids.max_load_factor(0.25f);  // most look-ups miss, and an empty bucket tells at once
  ids.reserve(count);
  return ids;
}

std::vector<IdMerge> merges_within(const TokenIds& ids,
                                   const std::function<uint32_t(int32_t)>& rank_of) {
  std::vector<IdMerge> merges;
  for (const auto& [token, id] : ids) {
    for (size_t cut = 1; cut < token.size(); ++cut) {
      const auto left = ids.find(token.substr(0, cut));
      if (left == ids.end()) continue;
      const auto right = ids.find(token.substr(cut));
      if (right == ids.end()) continue;
      merges.push_back({left->second, right->second, id, rank_of(id)});
    }
  }
  return merges;
}

}  // namespace ropewalk::tokenization
