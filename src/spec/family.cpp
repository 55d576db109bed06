#include "ropewalk/spec/family.h"

#include "ropewalk/rope/hf_rope.h"

namespace ropewalk {
namespace {

// `original` with new positions.
Json replace_positions(const Family& family, const DecoderSpec& spec, const Json& original) {
  Json config = original.is_object() ? original : Json::object();
  if (!config.contains("architectures")) config["architectures"] = {family.architecture};
  config["model_type"] = spec.model_type;
  Diagnostics ignored;
  const std::vector<RopeContext> contexts = family.from_hf(original, ignored).contexts;
  if (spec.local_rope) {
    write_hf_rope({{spec.rope, contexts.at(0)}, {*spec.local_rope, contexts.at(1)}}, config);
  } else {
    write_hf_rope(spec.rope, config, contexts.at(0));
  }
  return config;
}

}  // namespace

Json Family::to_hf(const DecoderSpec& spec, const Json& original) const {
  Json config =
      write_hf != nullptr ? write_hf(spec, original) : replace_positions(*this, spec, original);
  config.erase("quantization_config");
  return config;
}

}  // namespace ropewalk
