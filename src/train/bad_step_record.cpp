#include "train/bad_step_record.h"

#include <cmath>

#include "ropewalk/base/files.h"
#include "ropewalk/base/json.h"
#include "ropewalk/base/text.h"

namespace ropewalk {
namespace {

// JSON has no words for what is not finite.
Json number_or_word(double value) {
  return std::isfinite(value) ? Json(value) : Json(format_number(value));
}

Json samples_of(const BatchLayout& layout, uint64_t begin, const SampleSource& samples) {
  Json list = Json::array();
  for (int64_t row = 0; row < layout.micro_batch_size; ++row) {
    const auto place = samples.place(layout.first_row(begin) + static_cast<uint64_t>(row));
    list.push_back({{"source", samples.name(place.source)}, {"sequence", place.sequence}});
  }
  return list;
}

}  // namespace

void record_bad_step(const std::filesystem::path& file,
                     const BadStep& bad,
                     const BatchLayout& layout,
                     const SampleSource& samples) {
  Json micro_batches = Json::array();
  const int sharing = static_cast<int>(bad.micro_losses.size()) / layout.world_size;
  for (size_t rank = 0; rank < bad.micro_losses.size(); ++rank) {
    BatchLayout its = layout;
    its.rank = static_cast<int>(rank) / sharing;
    uint64_t begin = bad.first_sample;
    for (const double loss : bad.micro_losses[rank]) {
      micro_batches.push_back({{"rank", rank},
                               {"loss", number_or_word(loss)},
                               {"samples", samples_of(its, begin, samples)}});
      begin += static_cast<uint64_t>(its.samples_per_micro_step());
    }
  }
  const Json line = {{"step", bad.step},
                     {"fault", bad.result.fault},
                     {"action", enum_name(bad.action)},
                     {"loss", number_or_word(bad.result.loss)},
                     {"grad_norm", number_or_word(bad.result.grad_norm)},
                     {"learning_rate", bad.result.learning_rate},
                     {"first_sample", bad.first_sample},
                     {"micro_batches", micro_batches}};
  append_to_file(file, line.dump() + "\n");
}

}  // namespace ropewalk
