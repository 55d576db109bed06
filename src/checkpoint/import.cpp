#include "ropewalk/checkpoint/import.h"

#include "checkpoint/import_unverified.h"
#include "checkpoint/stored_tensor.h"
#include "checkpoint/weight_layout.h"
#include "checkpoint/weight_source.h"
#include "ropewalk/base/errors.h"

namespace ropewalk {
namespace {

void fill(const dist::NamedShardedTensors& weights, const WeightSource& source) {
  ROPEWALK_CHECK(weights.size() == source.map().size(),
                 "the weight map and the model list different parameters");
  const auto copy = [&](const WeightSlice& slice, const dist::ShardedTensor& ours) {
    copy_stored(source.find(slice), slice, ours);
  };
  for_each_slice(source.map(), weights, copy);
}

}  // namespace

void import_weights(const dist::NamedShardedTensors& weights,
                    const DecoderSpec& spec,
                    const HfModel& source) {
  fill(weights, WeightSource(source.path, spec, source.quantization, /*check_hashes=*/true));
}

void import_weights(Decoder& decoder, const HfModel& source) {
  import_weights(dist::as_whole(decoder.named_weights()), decoder.spec(), source);
}

void import_unverified(const dist::NamedShardedTensors& weights,
                       const DecoderSpec& spec,
                       const std::filesystem::path& directory) {
  // Only checkpoints of ours are read this way, and those are plain.
  fill(weights, WeightSource(directory, spec, std::nullopt, /*check_hashes=*/false));
}

}  // namespace ropewalk
