// A checkpoint's decoder for evaluation and generation: fp32 on a CPU, no gradients.
#pragma once

#include <memory>
#include <string>

#include "ropewalk/model/decoder.h"
#include "ropewalk/spec/hf_model.h"

namespace ropewalk::cli {

struct LoadedDecoder {
  HfModel model;
  std::shared_ptr<Decoder> decoder;
};

// Remarks about the directory go to the log.
LoadedDecoder load_decoder(const std::string& directory, at::Device device);

}  // namespace ropewalk::cli
