#include "spec/weight_table.h"

#include <algorithm>

namespace ropewalk {

std::string in_layer(const std::string& name) { return "model.layers.{}." + name; }

WeightTable::WeightTable() {
  rename("embed_tokens", {"model.embed_tokens"});
  rename("attention_norm", {in_layer("input_layernorm")});
  rename(
      "attention.qkv",
      {in_layer("self_attn.q_proj"), in_layer("self_attn.k_proj"), in_layer("self_attn.v_proj")});
  rename("attention.q_norm", {in_layer("self_attn.q_norm")});
  rename("attention.k_norm", {in_layer("self_attn.k_norm")});
  rename("attention.output", {in_layer("self_attn.o_proj")});
  rename("mlp_norm", {in_layer("post_attention_layernorm")});
  rename("mlp.gate_up", {in_layer("mlp.gate_proj"), in_layer("mlp.up_proj")});
  rename("mlp.up", {in_layer("mlp.up_proj")});
  rename("mlp.down", {in_layer("mlp.down_proj")});
  rename("mlp.router", {in_layer("mlp.gate")});
  rename("mlp.experts.gate_up",
         {in_layer("mlp.experts.{e}.gate_proj"), in_layer("mlp.experts.{e}.up_proj")});
  rename("mlp.experts.down", {in_layer("mlp.experts.{e}.down_proj")});
  rename("norm", {"model.norm"});
  rename("lm_head", {"lm_head"});
  ignore({in_layer("self_attn.rotary_emb.inv_freq"), "model.rotary_emb.inv_freq"});
}

WeightTable& WeightTable::set(const std::string& ours,
                              const std::vector<std::string>& foreign,
                              WeightLayout layout) {
  WeightName changed{ours, foreign, layout};
  const auto at = std::find_if(weights_.names.begin(),
                               weights_.names.end(),
                               [&](const WeightName& name) { return name.ours == ours; });
  if (at == weights_.names.end()) {
    weights_.names.push_back(std::move(changed));
  } else {
    *at = std::move(changed);
  }
  return *this;
}

WeightTable& WeightTable::rename(const std::string& ours,
                                 const std::vector<std::string>& foreign,
                                 WeightLayout layout) {
  for (const char* suffix : {".weight", ".bias"}) {
    std::vector<std::string> names = foreign;
    for (std::string& name : names) name += suffix;
    set(ours + suffix, names, layout);
  }
  return *this;
}

WeightTable& WeightTable::post_norms() {
  rename("attention_post_norm", {in_layer("post_attention_layernorm")});
  return rename("mlp_post_norm", {in_layer("post_feedforward_layernorm")});
}

WeightTable& WeightTable::mixtral_experts() {
  rename("mlp.router", {in_layer("block_sparse_moe.gate")});
  rename(
      "mlp.experts.gate_up",
      {in_layer("block_sparse_moe.experts.{e}.w1"), in_layer("block_sparse_moe.experts.{e}.w3")});
  return rename("mlp.experts.down", {in_layer("block_sparse_moe.experts.{e}.w2")});
}

WeightTable& WeightTable::ignore(const std::vector<std::string>& patterns) {
  for (std::string pattern : patterns) {
    const size_t layer = pattern.find("{}");
    if (layer != std::string::npos) pattern.replace(layer, 2, "*");
    weights_.ignored.push_back(std::move(pattern));
  }
  return *this;
}

FamilyWeights common_weights(const DecoderSpec&) { return WeightTable().take(); }

}  // namespace ropewalk
