#include "ropewalk/checkpoint/import.h"

#include "checkpoint/file_hashes.h"
#include "checkpoint/import_unverified.h"
#include "checkpoint/stored_tensor.h"
#include "checkpoint/weight_layout.h"
#include "checkpoint/weight_source.h"
#include "ropewalk/base/errors.h"
#include "ropewalk/checkpoint/agree.h"

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

void check_some_hashes(const std::filesystem::path& directory, const dist::Group& ranks) {
  const ModelFiles model = ModelFiles::open(directory);
  std::vector<std::filesystem::path> own;
  for (size_t i = 0; i < model.files().size(); ++i) {
    const bool is_own = i % static_cast<size_t>(ranks.size()) == static_cast<size_t>(ranks.rank());
    if (is_own) own.push_back(model.files()[i]->path());
  }
  check_file_hashes(directory, own);
}

}  // namespace

void import_weights(const dist::NamedShardedTensors& weights,
                    const DecoderSpec& spec,
                    const HfModel& source) {
  fill(weights, WeightSource(source.path, spec, source.quantization, /*check_hashes=*/true));
}

void import_weights(const dist::NamedShardedTensors& weights,
                    const DecoderSpec& spec,
                    const HfModel& source,
                    dist::Group& ranks) {
  on_every_rank(ranks, [&] { check_some_hashes(source.path, ranks); });
  on_every_rank(ranks, [&] {
    fill(weights, WeightSource(source.path, spec, source.quantization, /*check_hashes=*/false));
  });
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
