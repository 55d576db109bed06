// The data parallelism that a run config asks for.
#pragma once

#include <memory>

#include "ropewalk/model/decoder.h"
#include "ropewalk/parallel/data_parallel.h"
#include "ropewalk/parallel/parallel_config.h"

namespace ropewalk {

// Around the decoder's parameters; which of them are trained is settled. Collective.
std::unique_ptr<parallel::DataParallel> make_data_parallel(
    const ParallelConfig& config,
    const Decoder& decoder,
    const std::shared_ptr<dist::Group>& group);

}  // namespace ropewalk
