// The families: one file and one line each, and one row of the table in families.cpp.
#pragma once

#include "ropewalk/spec/family.h"

namespace ropewalk {

Family llama_family();
Family mistral_family();
Family ministral_family();
Family qwen2_family();
Family qwen3_family();
Family phi_family();
Family phi3_family();
Family gemma_family();
Family gemma2_family();
Family gemma3_text_family();
Family gptj_family();
Family codegen_family();
Family gpt_neox_family();
Family falcon_family();
Family stablelm_family();
Family starcoder2_family();
Family olmo_family();
Family olmo2_family();
Family olmo3_family();
Family cohere_family();
Family cohere2_family();
Family granite_family();
Family glm_family();
Family glm4_family();
Family smollm3_family();
Family persimmon_family();
Family nemotron_family();
Family helium_family();
Family exaone4_family();
Family seed_oss_family();
Family hunyuan_v1_dense_family();
Family ernie4_5_family();
Family arcee_family();
Family apertus_family();
Family mixtral_family();
Family qwen2_moe_family();
Family qwen3_moe_family();
Family olmoe_family();
Family phimoe_family();
Family granitemoe_family();
Family gpt_oss_family();
Family deepseek_v2_family();
Family deepseek_v3_family();

}  // namespace ropewalk
