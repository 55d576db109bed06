#include "spec/weight_rows.h"

#include "ropewalk/base/errors.h"

namespace ropewalk {
namespace {

// Ours: all queries, all keys, all values. Foreign: blocks of `queries` query heads with their key
// and value heads, in the order of `order` ('q', 'k', 'v').
std::vector<int64_t> fused_rows(const DecoderSpec& spec, int64_t blocks, const std::string& order) {
  const int64_t dim = spec.head_dim;
  const int64_t queries = spec.num_heads / blocks, keys = spec.num_kv_heads / blocks;
  const int64_t block_rows = (queries + 2 * keys) * dim;
  std::vector<int64_t> rows;
  for (const char wanted : {'q', 'k', 'v'}) {
    int64_t offset = 0;  // of the wanted kind inside a block
    for (const char kind : order) {
      if (kind == wanted) break;
      offset += (kind == 'q' ? queries : keys) * dim;
    }
    const int64_t count = (wanted == 'q' ? queries : keys) * dim;
    for (int64_t block = 0; block < blocks; ++block) {
      for (int64_t row = 0; row < count; ++row) rows.push_back(block * block_rows + offset + row);
    }
  }
  return rows;
}

// Ours, per expert: all of gate, then all of up. Foreign: gate and up alternate.
std::vector<int64_t> alternating_rows(int64_t groups, int64_t rows_of_group) {
  std::vector<int64_t> rows;
  const int64_t half = rows_of_group / 2;
  for (int64_t group = 0; group < groups; ++group) {
    for (int64_t side = 0; side < 2; ++side) {
      for (int64_t row = 0; row < half; ++row) {
        rows.push_back(group * rows_of_group + 2 * row + side);
      }
    }
  }
  return rows;
}

void stack(const ParameterShape& parameter, WeightSlice& slice) {
  slice.shape[0] /= parameter.groups;
  slice.shape.insert(slice.shape.begin(), parameter.groups);
}

void transpose(WeightSlice& slice) {
  if (slice.shape.size() < 3) return;
  std::swap(slice.shape[slice.shape.size() - 1], slice.shape[slice.shape.size() - 2]);
  slice.transposed = true;
}

}  // namespace

void apply_layout(WeightLayout layout,
                  const DecoderSpec& spec,
                  const ParameterShape& parameter,
                  WeightSlice& slice) {
  constexpr int64_t kCodegenBlocks = 4;  // the number of devices it was trained on
  switch (layout) {
    case WeightLayout::kPlain:
      return;
    case WeightLayout::kScalar:
      slice.shape.clear();
      return;
    case WeightLayout::kStacked:
      return stack(parameter, slice);
    case WeightLayout::kStackedTransposed:
      stack(parameter, slice);
      return transpose(slice);
    case WeightLayout::kStackedInterleaved:
      slice.rows = alternating_rows(parameter.groups, slice.shape[0] / parameter.groups);
      stack(parameter, slice);
      return transpose(slice);
    case WeightLayout::kQkvPerHead:
      ROPEWALK_CHECK(spec.num_heads == spec.num_kv_heads, "one key and value head for each head");
      slice.rows = fused_rows(spec, spec.num_heads, "qkv");
      return;
    case WeightLayout::kQkvPerGroup:
      slice.rows = fused_rows(spec, spec.num_kv_heads, "qkv");
      return;
    case WeightLayout::kQkvCodegen:
      slice.rows = fused_rows(spec, kCodegenBlocks, "qvk");
      return;
  }
}

}  // namespace ropewalk
