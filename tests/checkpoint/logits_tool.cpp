// Prints a model's fp32 logits for one sequence: ropewalk_logits_tool FOLDER OUTPUT ID...
// OUTPUT receives [ids, vocabulary] little-endian floats.
#include <torch/types.h>
#include <torch/utils.h>

#include <cstdio>
#include <fstream>
#include <string>
#include <vector>

#include "ropewalk/base/errors.h"
#include "ropewalk/checkpoint/import.h"

int main(int argc, char** argv) {
  if (argc < 4) return ropewalk::kExitBadInput;
  try {
    const ropewalk::HfModel model = ropewalk::load_hf_model(argv[1]);
    const auto decoder = ropewalk::build_decoder(model.spec);
    ropewalk::import_weights(*decoder, model);
    std::vector<int64_t> ids;
    for (int i = 3; i < argc; ++i) ids.push_back(std::stoll(argv[i]));
    const torch::NoGradGuard no_grad;
    const torch::Tensor tokens = torch::tensor(ids).unsqueeze(0);
    const torch::Tensor logits = decoder->logits(decoder->hidden(tokens)).contiguous();
    std::ofstream(argv[2], std::ios::binary)
        .write(static_cast<const char*>(logits.const_data_ptr()),
               static_cast<std::streamsize>(logits.nbytes()));
  } catch (const ropewalk::Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return error.exit_code();
  }
  return 0;
}
