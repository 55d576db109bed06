"""Published models and their numbers of parameters.

`config` holds what the cited public file says of the model, in the keys of the Hugging Face config (a
file in other words, such as litgpt's, was translated). `parameters` is what transformers builds from
it on the meta device, a tied weight counted once; `public` is the figure that the model is known by.
"""

import dataclasses

MLC = "mlc-ai/mlc-llm python/mlc_llm/model/model_preset.py"
LITGPT = "Lightning-AI/litgpt litgpt/config.py"
PROF = "citsjtu2020/LLM-Prof sglang/Model_Config.md"
TITAN = "pytorch/torchtitan torchtitan/models/deepseek_v3/__init__.py"
OSS = "EchoCog/gpt-oss-20b config.json"


@dataclasses.dataclass(frozen=True)
class Known:
    name: str
    source: str  # repository and path of the file, then the entry in it
    public: str
    parameters: int
    config: dict


def _shape(hidden, inner, layers, heads, kv_heads, vocab, **more):
    return {"hidden_size": hidden, "intermediate_size": inner, "num_hidden_layers": layers,
            "num_attention_heads": heads, "num_key_value_heads": kv_heads, "vocab_size": vocab, **more}


def _llama(*shape, **more):
    return {"model_type": "llama", **_shape(*shape), "max_position_embeddings": 2048,
            "rms_norm_eps": 1e-05, "tie_word_embeddings": False, **more}


def _llama3(factor, *shape, **more):
    rope = {"factor": factor, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
            "original_max_position_embeddings": 8192, "rope_type": "llama3"}
    return _llama(*shape, **{"rope_scaling": rope, "rope_theta": 500000.0,
                             "max_position_embeddings": 131072, **more})


def _qwen(model_type, *shape, **more):
    return {"model_type": model_type, **_shape(*shape), "max_position_embeddings": 32768,
            "rms_norm_eps": 1e-06, "rope_theta": 1000000.0, "use_sliding_window": False,
            "tie_word_embeddings": False, **more}


def _gemma(model_type, *shape, **more):
    return {"model_type": model_type, **_shape(*shape), "head_dim": 256, "rms_norm_eps": 1e-06,
            "max_position_embeddings": 8192, "pad_token_id": 0, "bos_token_id": 2, "eos_token_id": 1,
            **more}


def _gemma2(*shape, **more):
    return _gemma("gemma2", *shape, **{
        "hidden_activation": "gelu_pytorch_tanh", "attn_logit_softcapping": 50.0,
        "final_logit_softcapping": 30.0, "query_pre_attn_scalar": 256, "sliding_window": 4096, **more})


def _pythia(hidden, layers, heads, vocab):
    return {"model_type": "gpt_neox", "hidden_size": hidden, "num_hidden_layers": layers,
            "num_attention_heads": heads, "vocab_size": vocab, "intermediate_size": 4 * hidden,
            "max_position_embeddings": 2048, "rotary_pct": 0.25, "use_parallel_residual": True}


def _falcon(hidden, layers, heads, **more):
    return {"model_type": "falcon", "hidden_size": hidden, "num_hidden_layers": layers,
            "num_attention_heads": heads, "vocab_size": 65024, "bias": False, "alibi": False,
            "parallel_attn": True, **more}


def _phi3(kv_heads, heads, vocab, **more):
    return {"model_type": "phi3", **_shape(3072, 8192, 32, heads, kv_heads, vocab),
            "max_position_embeddings": 4096, "original_max_position_embeddings": 4096,
            "rms_norm_eps": 1e-05, "rope_theta": 10000.0, "tie_word_embeddings": False, **more}


def _stablelm(*shape, **more):
    return {"model_type": "stablelm", **_shape(*shape), "max_position_embeddings": 4096,
            "layer_norm_eps": 1e-05, "partial_rotary_factor": 0.25, "rope_theta": 10000, **more}


_DEEPSEEK_YARN = {"beta_fast": 32, "beta_slow": 1, "factor": 40, "type": "yarn",
                  "original_max_position_embeddings": 4096}

KNOWN = [Known(*row) for row in [
    ("Llama-2-7B", f"{MLC} llama2_7b", "7B", 6_738_415_616, _llama(4096, 11008, 32, 32, 32, 32000)),
    ("Llama-2-13B", f"{MLC} llama2_13b", "13B", 13_015_864_320, _llama(5120, 13824, 40, 40, 40, 32000)),
    ("Llama-2-70B", f"{MLC} llama2_70b", "70B", 68_976_648_192, _llama(8192, 28672, 80, 64, 8, 32000)),
    ("TinyLlama-1.1B", f"{MLC} tinyllama_1b_chat_v1.0", "1.1B", 1_100_048_384,
     _llama(2048, 5632, 22, 32, 4, 32000)),
    ("Llama-3.1-8B", f"{MLC} llama3_1_8b", "8B", 8_030_261_248, _llama3(8.0, 4096, 14336, 32, 32, 8, 128256)),
    ("Llama-3.1-70B", f"{MLC} llama3_1_70b", "70B", 70_553_706_496,
     _llama3(8.0, 8192, 28672, 80, 64, 8, 128256)),
    ("Llama-3.2-1B", f"{MLC} llama3_2_1b", "1.24B", 1_235_814_400,
     _llama3(32.0, 2048, 8192, 16, 32, 8, 128256, head_dim=64, tie_word_embeddings=True)),
    ("Llama-3.2-3B", f"{MLC} llama3_2_3b", "3.21B", 3_212_749_824,
     _llama3(32.0, 3072, 8192, 28, 24, 8, 128256, head_dim=128, tie_word_embeddings=True)),
    ("SmolLM-135M", f"{MLC} smollm_135m", "135M", 134_515_008,
     _llama(576, 1536, 30, 9, 3, 49152, tie_word_embeddings=True)),
    ("SmolLM-360M", f"{MLC} smollm_360m", "360M", 361_821_120,
     _llama(960, 2560, 32, 15, 5, 49152, tie_word_embeddings=True)),
    ("SmolLM-1.7B", f"{MLC} smollm_1_7b", "1.7B", 1_711_376_384,
     _llama(2048, 8192, 24, 32, 32, 49152, tie_word_embeddings=True)),
    ("Mistral-7B-v0.1", f"{MLC} mistral_7b", "7.3B", 7_241_732_096,
     {"model_type": "mistral", **_shape(4096, 14336, 32, 32, 8, 32000), "sliding_window": 4096,
      "max_position_embeddings": 32768, "rms_norm_eps": 1e-05, "rope_theta": 10000.0}),
    ("Mistral-7B-v0.3", f"{MLC} mistral_7b_v03", "7.25B", 7_248_023_552,
     {"model_type": "mistral", **_shape(4096, 14336, 32, 32, 8, 32768), "sliding_window": None,
      "max_position_embeddings": 32768, "rms_norm_eps": 1e-05, "rope_theta": 1000000.0}),
    ("Mixtral-8x7B", f"{MLC} Mixtral-8x7B-v0.1", "46.7B", 46_702_792_704,
     {"model_type": "mixtral", **_shape(4096, 14336, 32, 32, 8, 32000), "num_local_experts": 8,
      "num_experts_per_tok": 2, "max_position_embeddings": 32768, "rms_norm_eps": 1e-05,
      "rope_theta": 1000000.0, "router_aux_loss_coef": 0.02, "sliding_window": None}),
    ("Qwen2-0.5B", f"{MLC} qwen2_0_5b", "0.49B", 494_032_768,
     _qwen("qwen2", 896, 4864, 24, 14, 2, 151936, tie_word_embeddings=True)),
    ("Qwen2.5-3B", f"{PROF} Qwen2.5-3B", "3.09B", 3_085_938_688,
     _qwen("qwen2", 2048, 11008, 36, 16, 2, 151936, tie_word_embeddings=True)),
    ("Qwen2.5-7B", f"{PROF} Qwen2.5-7B", "7.61B", 7_615_616_512,
     _qwen("qwen2", 3584, 18944, 28, 28, 4, 152064, max_position_embeddings=131072)),
    ("Qwen2.5-14B", f"{PROF} Qwen2.5-14B", "14.7B", 14_770_033_664,
     _qwen("qwen2", 5120, 13824, 48, 40, 8, 152064, max_position_embeddings=131072)),
    ("Qwen3-0.6B", f"{MLC} qwen3_0.6b", "0.6B", 596_049_920,
     _qwen("qwen3", 1024, 3072, 28, 16, 8, 151936, head_dim=128, tie_word_embeddings=True)),
    ("Qwen3-8B", f"{PROF} Qwen3-8B", "8.2B", 8_190_735_360,
     _qwen("qwen3", 4096, 12288, 36, 32, 8, 151936, head_dim=128)),
    ("Qwen3-32B", f"{PROF} Qwen3-32B", "32.8B", 32_762_123_264,
     _qwen("qwen3", 5120, 25600, 64, 64, 8, 151936, head_dim=128)),
    ("Qwen1.5-MoE-A2.7B", f"{MLC} qwen2moe", "14.3B", 14_315_784_192,
     _qwen("qwen2_moe", 2048, 5632, 24, 16, 16, 151936, num_experts=60, num_experts_per_tok=4,
           decoder_sparse_step=1, moe_intermediate_size=1408, shared_expert_intermediate_size=5632)),
    ("Qwen3-30B-A3B", f"{PROF} Qwen3-30B-A3B", "30.5B", 30_532_122_624,
     _qwen("qwen3_moe", 2048, 6144, 48, 32, 4, 151936, head_dim=128, num_experts=128,
           num_experts_per_tok=8, decoder_sparse_step=1, mlp_only_layers=[],
           moe_intermediate_size=768, norm_topk_prob=True)),
    ("Phi-2", f"{MLC} phi-2", "2.7B", 2_779_683_840,
     {"model_type": "phi", **_shape(2560, 10240, 32, 32, 32, 51200), "partial_rotary_factor": 0.4,
      "max_position_embeddings": 2048}),
    ("Phi-3-mini", f"{MLC} phi-3", "3.8B", 3_821_079_552, _phi3(32, 32, 32064, sliding_window=2047)),
    ("Phi-4-mini", f"{MLC} phi-4", "3.8B", 3_836_021_760,
     _phi3(8, 24, 200064, tie_word_embeddings=True, partial_rotary_factor=0.75, bos_token_id=199999,
           eos_token_id=199999, pad_token_id=199999, sliding_window=262144)),
    ("Gemma-2B", f"{MLC} gemma_2b", "2.51B", 2_506_172_416,
     _gemma("gemma", 2048, 16384, 18, 8, 1, 256000, hidden_act="gelu")),
    ("Gemma-2-2B", f"{MLC} gemma2_2b", "2.61B", 2_614_341_888, _gemma2(2304, 9216, 26, 8, 4, 256000)),
    ("Gemma-2-9B", f"{MLC} gemma2_9b", "9.24B", 9_241_705_984, _gemma2(3584, 14336, 42, 16, 8, 256000)),
    ("Gemma-2-27B", f"{MLC} gemma2_27b", "27.2B", 27_227_128_320,
     _gemma2(4608, 36864, 46, 32, 16, 256000, head_dim=128, query_pre_attn_scalar=144)),
    ("Gemma-3-1B", f"{MLC} gemma3_1b_it", "1B", 999_885_952,
     _gemma("gemma3_text", 1152, 6912, 26, 4, 1, 262144, hidden_activation="gelu_pytorch_tanh",
            query_pre_attn_scalar=256, rope_local_base_freq=10000, rope_theta=1000000,
            sliding_window=512, sliding_window_pattern=6, max_position_embeddings=32768)),
    ("GPT-J-6B", f"{MLC} gpt_j", "6.05B", 6_050_882_784,
     {"model_type": "gptj", "n_embd": 4096, "n_head": 16, "n_inner": None, "n_layer": 28,
      "n_positions": 2048, "rotary_dim": 64, "vocab_size": 50400, "activation_function": "gelu_new",
      "tie_word_embeddings": False}),
    ("Pythia-70M", f"{LITGPT} pythia-70m", "70.4M", 70_426_624, _pythia(512, 6, 8, 50304)),
    ("Pythia-160M", f"{LITGPT} pythia-160m", "162M", 162_322_944, _pythia(768, 12, 12, 50304)),
    ("Pythia-410M", f"{LITGPT} pythia-410m", "405M", 405_334_016, _pythia(1024, 24, 16, 50304)),
    ("Pythia-1B", f"{LITGPT} pythia-1b", "1.01B", 1_011_781_632, _pythia(2048, 16, 8, 50304)),
    ("Pythia-1.4B", f"{LITGPT} pythia-1.4b", "1.41B", 1_414_647_808, _pythia(2048, 24, 16, 50304)),
    ("Pythia-2.8B", f"{LITGPT} pythia-2.8b", "2.78B", 2_775_208_960, _pythia(2560, 32, 32, 50304)),
    ("Pythia-6.9B", f"{LITGPT} pythia-6.9b", "6.86B", 6_857_302_016, _pythia(4096, 32, 32, 50432)),
    ("Pythia-12B", f"{LITGPT} pythia-12b", "11.8B", 11_846_072_320, _pythia(5120, 36, 40, 50688)),
    ("Falcon-7B", f"{LITGPT} falcon-7b", "7B", 6_921_720_704,
     _falcon(4544, 32, 71, multi_query=True, new_decoder_architecture=False)),
    ("Falcon-40B", f"{LITGPT} falcon-40b", "41B", 41_303_293_952,
     _falcon(8192, 60, 128, num_kv_heads=8, new_decoder_architecture=True)),
    ("StableLM-3B-4E1T", f"{MLC} stablelm", "2.8B", 2_795_443_200,
     _stablelm(2560, 6912, 32, 32, 32, 50304, use_qkv_bias=False)),
    ("StableLM-2-1.6B", f"{MLC} stablelm-2-zephyr-1_6b", "1.64B", 1_644_515_328,
     _stablelm(2048, 5632, 24, 32, 32, 100352, use_qkv_bias=True)),
    ("StarCoder2-7B", f"{MLC} starcoder2", "7.17B", 7_173_923_840,
     {"model_type": "starcoder2", **_shape(4608, 18432, 32, 36, 4, 49152), "use_bias": True,
      "max_position_embeddings": 16384, "norm_epsilon": 1e-05, "rope_theta": 1000000,
      "sliding_window": 4096}),
    ("OLMo-1B", f"{LITGPT} OLMo-1B-hf", "1.18B", 1_176_764_416,
     {"model_type": "olmo", **_shape(2048, 8192, 16, 16, 16, 50304), "tie_word_embeddings": True}),
    ("OLMo-7B", f"{LITGPT} OLMo-7B-hf", "6.9B", 6_888_095_744,
     {"model_type": "olmo", **_shape(4096, 11008, 32, 32, 32, 50304)}),
    ("OLMo-2-7B", f"{LITGPT} OLMo-2-1124-7B", "7.3B", 7_298_617_344,
     {"model_type": "olmo2", **_shape(4096, 11008, 32, 32, 32, 100352), "rope_theta": 500000,
      "max_position_embeddings": 4096, "rms_norm_eps": 1e-06}),
    ("OLMo-2-13B", f"{LITGPT} OLMo-2-1124-13B", "13.7B", 13_716_198_400,
     {"model_type": "olmo2", **_shape(5120, 13824, 40, 40, 40, 100352), "rope_theta": 500000,
      "max_position_embeddings": 4096, "rms_norm_eps": 1e-06}),
    ("Aya-23-8B", f"{MLC} aya-23", "8.03B", 8_028_033_024,
     {"model_type": "cohere", **_shape(4096, 14336, 32, 32, 8, 256000), "logit_scale": 0.0625,
      "max_position_embeddings": 8192, "rope_theta": 10000, "use_qk_norm": False}),
    ("gpt-oss-20b", OSS, "20.9B", 20_914_757_184,
     {"model_type": "gpt_oss", **_shape(2880, 2880, 24, 64, 8, 201088), "head_dim": 64,
      "num_local_experts": 32, "num_experts_per_tok": 4, "max_position_embeddings": 131072,
      "attention_bias": True, "rope_theta": 150000, "sliding_window": 128, "rope_scaling": {
          "beta_fast": 32.0, "beta_slow": 1.0, "factor": 32.0, "rope_type": "yarn",
          "original_max_position_embeddings": 4096, "truncate": False}}),
    ("DeepSeek-V2-Lite", f"{MLC} deepseek_v2_lite", "15.7B", 15_706_484_224,
     {"model_type": "deepseek_v2", **_shape(2048, 10944, 27, 16, 16, 102400), "q_lora_rank": None,
      "kv_lora_rank": 512, "qk_nope_head_dim": 128, "qk_rope_head_dim": 64, "v_head_dim": 128,
      "first_k_dense_replace": 1, "moe_intermediate_size": 1408, "n_routed_experts": 64,
      "n_shared_experts": 2, "num_experts_per_tok": 6, "n_group": 1, "topk_group": 1,
      "topk_method": "greedy", "routed_scaling_factor": 1.0, "max_position_embeddings": 163840,
      "rope_theta": 10000, "rope_scaling": {**_DEEPSEEK_YARN, "mscale": 0.707,
                                            "mscale_all_dim": 0.707}}),
    ("DeepSeek-V3", f"{TITAN} 671B", "671B", 671_026_404_352,
     {"model_type": "deepseek_v3", **_shape(7168, 18432, 61, 128, 128, 129280), "q_lora_rank": 1536,
      "kv_lora_rank": 512, "qk_nope_head_dim": 128, "qk_rope_head_dim": 64, "v_head_dim": 128,
      "first_k_dense_replace": 3, "moe_intermediate_size": 2048, "n_routed_experts": 256,
      "n_shared_experts": 1, "num_experts_per_tok": 8, "n_group": 8, "topk_group": 4,
      "norm_topk_prob": True, "routed_scaling_factor": 2.5, "max_position_embeddings": 163840,
      "rope_theta": 10000, "rope_scaling": {**_DEEPSEEK_YARN, "mscale": 1.0,
                                            "mscale_all_dim": 1.0}}),
]]
