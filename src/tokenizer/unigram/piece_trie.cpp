#include "tokenizer/unigram/piece_trie.h"

#include <algorithm>
#include <numeric>

namespace ropewalk::tokenization {

// Level by level, so that the children of a node lie side by side.
void PieceTrie::build(const std::vector<std::string_view>& pieces) {
  std::vector<int32_t> order(pieces.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(
      order.begin(), order.end(), [&](int32_t a, int32_t b) { return pieces[a] < pieces[b]; });
  struct Range {  // of `order`: the pieces that pass through a node
    size_t begin;
    size_t end;
    size_t depth;
  };
  std::vector<Range> ranges = {{0, order.size(), 0}};
  nodes_.assign(1, Node{});
  labels_.assign(1, 0);
  for (size_t at = 0; at < nodes_.size(); ++at) {
    Range range = ranges[at];
    while (range.begin < range.end && pieces[order[range.begin]].size() == range.depth) {
      if (at != 0) nodes_[at].id = order[range.begin];
      ++range.begin;
    }
    nodes_[at].first_child = static_cast<int32_t>(nodes_.size());
    while (range.begin < range.end) {
      const char label = pieces[order[range.begin]][range.depth];
      size_t end = range.begin;
      while (end < range.end && pieces[order[end]][range.depth] == label) ++end;
      ranges.push_back({range.begin, end, range.depth + 1});
      nodes_.emplace_back();
      labels_.push_back(static_cast<uint8_t>(label));
      ++nodes_[at].num_children;
      range.begin = end;
    }
  }
}

int32_t PieceTrie::child(int32_t node, uint8_t label) const {
  const uint8_t* first = labels_.data() + nodes_[node].first_child;
  const uint8_t* last = first + nodes_[node].num_children;
  const uint8_t* found = std::lower_bound(first, last, label);
  if (found == last || *found != label) return -1;
  return static_cast<int32_t>(found - labels_.data());
}

int32_t PieceTrie::find(std::string_view piece) const {
  int32_t node = 0;
  for (const char c : piece) {
    node = child(node, static_cast<uint8_t>(c));
    if (node < 0) return -1;
  }
  return nodes_[node].id;
}

}  // namespace ropewalk::tokenization
