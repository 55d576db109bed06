// config.json of a Hugging Face model -> spec -> config.json, and the positions' table.
#include "fuzz/target.h"
#include "ropewalk/base/errors.h"
#include "ropewalk/rope/frequencies.h"
#include "ropewalk/spec/hf_model.h"
#include "ropewalk/spec/model_config.h"

namespace ropewalk::fuzz {
namespace {

void extend(const HfModel& model) {
  Diagnostics d;
  ModelConfig wanted;
  wanted.pretrained = "model";
  wanted.pos_scaling_factor = 4.0;
  const HfModel longer = apply_model_config(model, wanted, d);
  d.throw_if_errors<ConfigError>("model");
  compare_with_trained(longer);
}

}  // namespace

void fuzz_hf_config(std::string_view input) {
  Diagnostics remarks;
  const HfModel model = load_hf_model(put_file("config.json", input), &remarks);
  compare_with_trained(model);
  to_json_text(model.family->to_hf(model.spec, model.config));
  extend(model);
}

}  // namespace ropewalk::fuzz
