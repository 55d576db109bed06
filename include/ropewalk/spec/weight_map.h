// Weight names as data: one table read in two directions, by import and by export.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "ropewalk/spec/decoder_spec.h"

namespace ropewalk {

// What PEFT puts before the model's own names in its files.
inline const std::string kPeftPrefix = "base_model.model.";

// Rows [row_begin, row_end) of our tensor are the whole of one foreign tensor. Read as rows (all
// dimensions but the last one flattened, after the last two were swapped if `transposed`), our row
// row_begin + i is the foreign row rows[i].
struct WeightSlice {
  std::string foreign_name;
  int64_t row_begin = 0;
  int64_t row_end = 0;
  std::vector<int64_t> shape;  // of the foreign tensor
  std::vector<int64_t> rows;   // empty: the same order
  bool transposed = false;
};

struct WeightEntry {
  std::string name;                 // ours, "layers.0.attention.qkv.weight"
  std::vector<int64_t> shape;       // ours, [out, in] or [out]
  std::vector<WeightSlice> slices;  // in row order; together they cover every row exactly once
  bool trainable = true;            // false: part of the checkpoint, never updated
};

// Every parameter of the model, in the order in which the model registers them. Low-rank updates
// are under the names that PEFT's files give them.
std::vector<WeightEntry> weight_map(const DecoderSpec& spec);

// Foreign names that hold nothing to learn and may be present: derived buffers, and the output
// projection's copy when it is tied to the embedding. Patterns for matches_pattern ('*').
std::vector<std::string> ignored_weights(const DecoderSpec& spec);

}  // namespace ropewalk
