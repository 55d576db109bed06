#include "plan/model_sizes.h"

#include <algorithm>
#include <string>

#include "ropewalk/spec/parameters.h"

namespace ropewalk::plan {
namespace {

UnitSizes sizes_of(const std::vector<ParameterShape>& parameters) {
  UnitSizes sizes;
  for (const ParameterShape& parameter : parameters) {
    const int64_t count = parameter.count();
    if (parameter.full_precision) {
      sizes.wide += count;
    } else {
      sizes.matrices += count;
      sizes.largest_matrix = std::max(sizes.largest_matrix, count);
    }
  }
  return sizes;
}

UnitSizes root_sizes(const DecoderSpec& spec) {
  std::vector<ParameterShape> parameters = parameters_before_blocks(spec);
  for (ParameterShape& parameter : parameters_after_blocks(spec)) {
    parameters.push_back(std::move(parameter));
  }
  return sizes_of(parameters);
}

}  // namespace

int64_t ModelSizes::count() const {
  int64_t sum = root.count();
  for (const size_t kind : kind_of_layer) sum += kinds[kind].sizes.count();
  return sum;
}

int64_t ModelSizes::bytes(int64_t compute_bytes) const {
  int64_t sum = root.bytes(compute_bytes);
  for (const size_t kind : kind_of_layer) sum += kinds[kind].sizes.bytes(compute_bytes);
  return sum;
}

const UnitSizes& ModelSizes::largest_block() const {
  return std::max_element(kinds.begin(),
                          kinds.end(),
                          [](const LayerKind& a, const LayerKind& b) {
                            return a.sizes.count() < b.sizes.count();
                          })
      ->sizes;
}

ModelSizes measure_model(const DecoderSpec& spec) {
  ModelSizes model{spec, root_sizes(spec), {}, {}};
  for (int64_t layer = 0; layer < spec.num_layers; ++layer) {
    const auto same = [&](const LayerKind& kind) { return kind.layer == spec.layer(layer); };
    auto found = std::find_if(model.kinds.begin(), model.kinds.end(), same);
    if (found == model.kinds.end()) {
      model.kinds.push_back({spec.layer(layer), layer, sizes_of(block_parameters(spec, layer))});
      found = model.kinds.end() - 1;
    }
    model.kind_of_layer.push_back(static_cast<size_t>(found - model.kinds.begin()));
  }
  return model;
}

}  // namespace ropewalk::plan
