// CodeGen: GPT-J with a merged projection in the order of the four devices that it was trained on.
#include "spec/families/families.h"
#include "spec/families/gptj.h"

namespace ropewalk {
namespace codegen {

SpecReading from_hf(const Json& config, Diagnostics& diagnostics) {
  FamilyReader in(config, "codegen", diagnostics);
  read_gptj(in);
  const int64_t heads = in.spec().num_heads;
  if (heads % 4 != 0) {
    in.fault("n_head", "found " + std::to_string(heads) + "; expected a multiple of 4");
  }
  return in.finish();
}

FamilyWeights weights(const DecoderSpec&) {
  return gptj_weights()
      .rename("attention.qkv", {"transformer.h.{}.attn.qkv_proj"}, WeightLayout::kQkvCodegen)
      .take();
}

}  // namespace codegen

Family codegen_family() {
  return {"codegen", "CodeGenForCausalLM", codegen::from_hf, codegen::weights};
}

}  // namespace ropewalk
