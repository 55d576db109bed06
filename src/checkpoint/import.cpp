#include "ropewalk/checkpoint/import.h"

#include "checkpoint/import_unverified.h"
#include "checkpoint/tensor_bytes.h"
#include "checkpoint/weight_source.h"
#include "ropewalk/base/errors.h"

namespace ropewalk {
namespace {

void fill(Decoder& decoder, const WeightSource& source) {
  const at::NoGradGuard no_grad;
  auto parameters = decoder.named_parameters();
  ROPEWALK_CHECK(parameters.size() == source.map().size(),
                 "the weight map and the decoder list different parameters");
  for (const WeightEntry& entry : source.map()) {
    at::Tensor* parameter = parameters.find(entry.name);
    ROPEWALK_CHECK(parameter != nullptr, "the decoder has no parameter " + entry.name);
    ROPEWALK_CHECK(parameter->sizes() == at::IntArrayRef(entry.shape),
                   "the decoder and the weight map differ in the shape of " + entry.name);
    for (const WeightSlice& slice : entry.slices) {
      copy_stored(source.find(slice.foreign_name),
                  parameter->slice(0, slice.row_begin, slice.row_end));
    }
  }
}

}  // namespace

void import_weights(Decoder& decoder, const HfModel& source) {
  fill(decoder, WeightSource(source.path, decoder.spec(), /*check_hashes=*/true));
}

void import_unverified(Decoder& decoder, const std::filesystem::path& directory) {
  fill(decoder, WeightSource(directory, decoder.spec(), /*check_hashes=*/false));
}

}  // namespace ropewalk
