#include "cli/engine/load_decoder.h"

#include "ropewalk/base/log.h"
#include "ropewalk/checkpoint/import.h"

namespace ropewalk::cli {

LoadedDecoder load_decoder(const std::string& directory, at::Device device) {
  Diagnostics remarks;
  LoadedDecoder loaded{.model = load_hf_model(directory, &remarks), .decoder = nullptr};
  for (const auto& remark : remarks.warnings()) log_warn(remark.where + ": " + remark.text);
  loaded.decoder = build_decoder(loaded.model.spec, {.device = device});
  import_weights(*loaded.decoder, loaded.model);
  loaded.decoder->eval();
  for (at::Tensor& parameter : loaded.decoder->parameters()) parameter.set_requires_grad(false);
  return loaded;
}

}  // namespace ropewalk::cli
