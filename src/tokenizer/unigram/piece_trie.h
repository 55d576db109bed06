// All pieces of a vocabulary that begin at one place of a text, in one walk over its bytes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace ropewalk::tokenization {

class PieceTrie {
 public:
  // The id of a piece is its index; of equal ones the last counts.
  void build(const std::vector<std::string_view>& pieces);

  // Calls sink(length, id) for each piece that `text` begins with, the shortest first.
  template <typename Sink>
  void prefixes(std::string_view text, Sink&& sink) const {
    int32_t node = 0;
    for (size_t i = 0; i < text.size(); ++i) {
      node = child(node, static_cast<uint8_t>(text[i]));
      if (node < 0) return;
      if (nodes_[node].id >= 0) sink(i + 1, nodes_[node].id);
    }
  }

  // The id of exactly this piece; -1: none. An empty one is never found.
  int32_t find(std::string_view piece) const;

 private:
  struct Node {
    int32_t first_child = 0;  // the others follow it; their labels stand at the same places
    int32_t num_children = 0;
    int32_t id = -1;
  };
  // -1: none.
  int32_t child(int32_t node, uint8_t label) const;

  std::vector<Node> nodes_ = {Node{}};
  std::vector<uint8_t> labels_ = {0};  // of the way into each node
};

}  // namespace ropewalk::tokenization
