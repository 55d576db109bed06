// The explicit tables: families that are known, and types that are known not to fit.
#include "spec/families/families.h"

#include "ropewalk/base/errors.h"
#include "ropewalk/base/text.h"
#include "ropewalk/spec/family.h"

namespace ropewalk {
namespace {

constexpr const char* kLearned =
    "its positions are learned, one vector for each: there is nothing to interpolate, and a longer "
    "context has no vectors";
constexpr const char* kSinusoidal = "its positions are added sinusoids, not rotary";
constexpr const char* kAlibi =
    "it uses ALiBi (a bias on attention by distance) instead of rotary positions";
constexpr const char* kEncoder = "it is an encoder, not a decoder-only language model";
constexpr const char* kEncoderDecoder =
    "it is an encoder-decoder, not a decoder-only language model";
constexpr const char* kRecurrent = "it is recurrent and has no positions to scale";
constexpr const char* kOtherRotary =
    "it uses rotary positions, but this model_type is not supported";

struct RefusedGroup {
  const char* reason;
  std::vector<std::string> types;
};

const std::vector<RefusedGroup>& refused_groups() {
  static const std::vector<RefusedGroup> table = {
      {kLearned, {"gpt2", "openai-gpt", "gpt_bigcode", "gpt_neo", "opt", "biogpt", "imagegpt"}},
      {kSinusoidal, {"ctrl", "xglm"}},
      {kAlibi, {"bloom", "mpt"}},
      {kEncoder,
       {"bert",
        "roberta",
        "distilbert",
        "albert",
        "electra",
        "deberta",
        "deberta-v2",
        "camembert",
        "xlm-roberta",
        "modernbert",
        "longformer",
        "big_bird",
        "clip",
        "vit"}},
      {kEncoderDecoder,
       {"t5", "mt5", "umt5", "bart", "mbart", "pegasus", "marian", "whisper", "led", "m2m_100"}},
      {kRecurrent, {"mamba", "mamba2", "falcon_mamba", "rwkv"}},
      {kOtherRotary,
       {"gemma3",
        "gemma3n",
        "gemma4",
        "llama4",
        "llama4_text",
        "mllama",
        "chatglm",
        "deepseek",
        "deepseek_v32",
        "qwen3_next",
        "jamba",
        "zamba2"}},
  };
  return table;
}

std::vector<std::string> known_types() {
  std::vector<std::string> names;
  for (const Family& family : families()) names.push_back(family.model_type);
  return names;
}

}  // namespace

const std::vector<Family>& families() {
  static const std::vector<Family> table = {
      llama_family(),
      mistral_family(),
      ministral_family(),
      qwen2_family(),
      qwen3_family(),
      phi_family(),
      phi3_family(),
      gemma_family(),
      gemma2_family(),
      gemma3_text_family(),
      gptj_family(),
      codegen_family(),
      gpt_neox_family(),
      falcon_family(),
      stablelm_family(),
      starcoder2_family(),
      olmo_family(),
      olmo2_family(),
      olmo3_family(),
      cohere_family(),
      cohere2_family(),
      granite_family(),
      glm_family(),
      glm4_family(),
      smollm3_family(),
      persimmon_family(),
      nemotron_family(),
      helium_family(),
      exaone4_family(),
      seed_oss_family(),
      hunyuan_v1_dense_family(),
      ernie4_5_family(),
      arcee_family(),
      apertus_family(),
      mixtral_family(),
      qwen2_moe_family(),
      qwen3_moe_family(),
      olmoe_family(),
      phimoe_family(),
      granitemoe_family(),
      gpt_oss_family(),
      deepseek_v2_family(),
      deepseek_v3_family(),
  };
  return table;
}

const Family* try_find_family(const std::string& model_type) {
  for (const Family& family : families()) {
    if (family.model_type == model_type) return &family;
  }
  return nullptr;
}

const std::vector<RefusedType>& refused_types() {
  static const std::vector<RefusedType> table = [] {
    std::vector<RefusedType> all;
    for (const RefusedGroup& group : refused_groups()) {
      for (const std::string& type : group.types) all.push_back({type, group.reason});
    }
    return all;
  }();
  return table;
}

const Family& find_family(const std::string& model_type, const std::string& source) {
  if (const Family* family = try_find_family(model_type)) return *family;
  std::string reason;
  for (const RefusedType& refused : refused_types()) {
    if (refused.model_type == model_type) reason = refused.reason;
  }
  const auto nearest = reason.empty() ? nearest_name(model_type, known_types()) : std::nullopt;
  throw ConfigError(source + ": model_type \"" + model_type + "\" cannot be used: " +
                    (reason.empty() ? std::string("it is not known") : reason) +
                    "; known model types: " + join(known_types(), ", ") +
                    (nearest ? "; did you mean \"" + *nearest + "\"?" : ""));
}

}  // namespace ropewalk
