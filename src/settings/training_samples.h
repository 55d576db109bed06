// From folders of documents to what the loader draws samples from, as section `data` says.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "ropewalk/base/diagnostics.h"
#include "ropewalk/data/data_config.h"
#include "ropewalk/data/sample_source.h"

namespace ropewalk {

struct TrainingSamplesOptions {
  SequenceOptions sequence;
  uint64_t seed = 0;
};

// `tokens` was opened with data.train. Null when there are faults; what the data have double is a
// warning among them.
std::shared_ptr<const SampleSource> make_training_samples(
    const DataConfig& config,
    const std::shared_ptr<const TokenDataset>& tokens,
    const TrainingSamplesOptions& options,
    Diagnostics& faults);

// With data.repeat false: every source holds at least what `num_samples` take of it.
void check_enough_samples(const SampleSource& samples, uint64_t num_samples, Diagnostics& faults);

}  // namespace ropewalk
