#include "ropewalk/spec/weight_map.h"

#include <algorithm>
#include <numeric>

#include "ropewalk/base/errors.h"
#include "ropewalk/spec/family.h"
#include "ropewalk/spec/parameters.h"
#include "spec/weight_rows.h"

namespace ropewalk {
namespace {

std::string fill_in(std::string name, const std::string& mark, int64_t number) {
  const size_t at = name.find(mark);
  if (at != std::string::npos) name.replace(at, mark.size(), std::to_string(number));
  return name;
}

FamilyWeights weights_of(const DecoderSpec& spec) {
  const Family* family = try_find_family(spec.model_type);
  ROPEWALK_CHECK(family != nullptr, "spec of unknown model_type " + spec.model_type);
  return family->weights(spec);
}

// The entries of one block, or of what stands outside the blocks.
class Mapper {
 public:
  Mapper(const DecoderSpec& spec, const FamilyWeights& weights, std::vector<WeightEntry>& entries)
      : spec_(spec), weights_(weights), entries_(entries) {}

  void append(const std::vector<ParameterShape>& parameters, int64_t layer) {
    const std::string prefix = layer < 0 ? "" : "layers." + std::to_string(layer) + ".";
    for (const ParameterShape& parameter : parameters) {
      WeightEntry entry{prefix + parameter.name, parameter.shape, {}, parameter.trainable};
      const WeightName name = name_of(parameter);
      for (std::string foreign : name.foreign) {
        foreign = fill_in(std::move(foreign), "{}", layer);
        foreign_.push_back(std::move(foreign));
      }
      append_slices(parameter, name.layout, entry);
      foreign_.clear();
      entries_.push_back(std::move(entry));
    }
  }

 private:
  WeightName name_of(const ParameterShape& parameter) const {
    if (parameter.role == ParameterRole::kLoraA) return lora_name(parameter.name, kLoraA);
    if (parameter.role == ParameterRole::kLoraB) return lora_name(parameter.name, kLoraB);
    return family_name(parameter.name);
  }

  const WeightName& family_name(const std::string& ours) const {
    const auto at = std::find_if(weights_.names.begin(),
                                 weights_.names.end(),
                                 [&](const WeightName& name) { return name.ours == ours; });
    ROPEWALK_CHECK(at != weights_.names.end(),
                   "family " + spec_.model_type + " names no weight for " + ours);
    return *at;
  }

  // As PEFT names them. B has the rows of the weight, in the weight's order.
  WeightName lora_name(const std::string& ours, const std::string& kind) const {
    const std::string parameter = ours.substr(0, ours.size() - kind.size());
    WeightName name{.ours = ours, .foreign = {}, .layout = WeightLayout::kPlain};
    for (const LoraUpdate& update : spec_.lora->find(parameter)->updates) {
      name.foreign.push_back(kPeftPrefix + update.module + kind + ".weight");
    }
    if (kind == kLoraB) name.layout = family_name(parameter + ".weight").layout;
    return name;
  }

  void append_slices(const ParameterShape& parameter, WeightLayout layout, WeightEntry& entry) {
    const bool by_group = foreign_.front().find("{e}") != std::string::npos;
    const int64_t groups = by_group ? parameter.groups : 1;
    const size_t per_group = parameter.parts.size() / static_cast<size_t>(groups);
    ROPEWALK_CHECK(foreign_.size() == 1 || foreign_.size() == per_group,
                   "family " + spec_.model_type + ": " + parameter.name + " has " +
                       std::to_string(per_group) + " parts");
    auto part = parameter.parts.begin();
    for (int64_t group = 0; group < groups; ++group) {
      for (const std::string& foreign : foreign_) {
        const auto end = foreign_.size() == 1 ? part + static_cast<ptrdiff_t>(per_group) : part + 1;
        const int64_t rows = std::accumulate(part, end, int64_t{0});
        part = end;
        append_slice(fill_in(foreign, "{e}", group), rows, parameter, layout, entry);
      }
    }
  }

  void append_slice(const std::string& foreign,
                    int64_t rows,
                    const ParameterShape& parameter,
                    WeightLayout layout,
                    WeightEntry& entry) {
    WeightSlice slice;
    slice.foreign_name = foreign;
    slice.row_begin = entry.slices.empty() ? 0 : entry.slices.back().row_end;
    slice.row_end = slice.row_begin + rows;
    slice.shape = parameter.shape;
    slice.shape[0] = rows;
    apply_layout(layout, spec_, parameter, slice);
    entry.slices.push_back(std::move(slice));
  }

  const DecoderSpec& spec_;
  const FamilyWeights& weights_;
  std::vector<WeightEntry>& entries_;
  std::vector<std::string> foreign_;  // of the parameter at hand
};

}  // namespace

std::vector<WeightEntry> weight_map(const DecoderSpec& spec) {
  const FamilyWeights weights = weights_of(spec);
  std::vector<WeightEntry> entries;
  Mapper mapper(spec, weights, entries);
  mapper.append(parameters_before_blocks(spec), -1);
  for (int64_t layer = 0; layer < spec.num_layers; ++layer) {
    mapper.append(block_parameters(spec, layer), layer);
  }
  mapper.append(parameters_after_blocks(spec), -1);
  return entries;
}

std::vector<std::string> ignored_weights(const DecoderSpec& spec) {
  const FamilyWeights weights = weights_of(spec);
  std::vector<std::string> patterns = weights.ignored;
  if (spec.tied_embeddings) {
    patterns.insert(
        patterns.end(), weights.ignored_when_tied.begin(), weights.ignored_when_tied.end());
  }
  return patterns;
}

}  // namespace ropewalk
