#include "ropewalk/checkpoint/import.h"

#include <unordered_map>

#include "checkpoint/import_unverified.h"
#include "checkpoint/stored_tensor.h"
#include "checkpoint/weight_source.h"
#include "ropewalk/base/errors.h"

namespace ropewalk {
namespace {

void fill(Decoder& decoder, const WeightSource& source) {
  const auto named = decoder.named_weights();
  const std::unordered_map<std::string, at::Tensor> weights(named.begin(), named.end());
  ROPEWALK_CHECK(weights.size() == source.map().size(),
                 "the weight map and the decoder list different parameters");
  for (const WeightEntry& entry : source.map()) {
    const auto found = weights.find(entry.name);
    ROPEWALK_CHECK(found != weights.end(), "the decoder has no parameter " + entry.name);
    ROPEWALK_CHECK(found->second.sizes() == at::IntArrayRef(entry.shape),
                   "the decoder and the weight map differ in the shape of " + entry.name);
    for (const WeightSlice& slice : entry.slices) {
      copy_stored(source.find(slice), slice, found->second);
    }
  }
}

}  // namespace

void import_weights(Decoder& decoder, const HfModel& source) {
  fill(decoder,
       WeightSource(source.path, decoder.spec(), source.quantization, /*check_hashes=*/true));
}

void import_unverified(Decoder& decoder, const std::filesystem::path& directory) {
  // Only checkpoints of ours are read this way, and those are plain.
  fill(decoder, WeightSource(directory, decoder.spec(), std::nullopt, /*check_hashes=*/false));
}

}  // namespace ropewalk
