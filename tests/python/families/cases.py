"""The reference cases: small odd models of every family, as overrides of its transformers config.

A family has a base and variants. Sizes are chosen so that nothing coincides: heads * head_dim
differs from hidden_size where the family allows it, the vocabulary is prime, one or three KV heads,
windows shorter than the sequences.
"""

import copy
import dataclasses

L = 48  # context of "pre-training"
S = 4  # linear factor of the scaled runs
SHORT, LONG = 29, 101  # below L, and between L and S * L


@dataclasses.dataclass
class Case:
    name: str
    family: str
    config: dict
    # Overrides that state "linear by S" in the family's own config; None: it cannot say it, so our
    # own field does. Absent where the case has a native scaling already.
    scaled: dict | None = None
    has_scaled: bool = True
    router_loss: bool = False
    greedy: bool = True
    # Overrides for the oracle alone: what config.json must not say but transformers needs.
    oracle: dict = dataclasses.field(default_factory=dict)
    matrix_std: float = 0.22  # of the weights
    original: int = L  # the context that "below" and "beyond" are told apart by

    @property
    def max_position_key(self):
        return "n_positions" if self.family in NO_ROPE_FIELDS else "max_position_embeddings"


# transformers' configs of these have no rotary fields at all.
NO_ROPE_FIELDS = ("gptj", "codegen")

COMMON = {"vocab_size": 97, "hidden_size": 48, "intermediate_size": 56, "num_hidden_layers": 2,
           "num_attention_heads": 6, "num_key_value_heads": 3, "max_position_embeddings": L,
           "tie_word_embeddings": False, "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": None}
_WIDE = {"head_dim": 12}  # 6 * 12 != 48
_MIXED = ["sliding_attention", "full_attention", "sliding_attention"]
_GPTJ = {"vocab_size": 97, "n_embd": 48, "n_layer": 2, "n_head": 4, "rotary_dim": 6, "n_positions": L,
         "n_inner": 52, "bos_token_id": 1, "eos_token_id": 2}
_EXPERTS = {"num_local_experts": 5, "num_experts_per_tok": 2, "router_aux_loss_coef": 0.3}
_QWEN_EXPERTS = {"num_experts": 5, "num_experts_per_tok": 2, "moe_intermediate_size": 20,
                 "router_aux_loss_coef": 0.3}
_DEEPSEEK = {"num_attention_heads": 3, "num_key_value_heads": 3, "num_hidden_layers": 3,
             "q_lora_rank": 18, "kv_lora_rank": 14, "qk_nope_head_dim": 10, "qk_rope_head_dim": 6,
             "v_head_dim": 8, "n_routed_experts": 6, "num_experts_per_tok": 2,
             "moe_intermediate_size": 20, "first_k_dense_replace": 1, "routed_scaling_factor": 1.7}
_MULTIPLIERS = {"embedding_multiplier": 3.0, "residual_multiplier": 0.6, "logits_scaling": 2.5,
                "attention_multiplier": 0.2}
_YARN = {"rope_type": "yarn", "rope_theta": 10000.0, "factor": 4.0,
         "original_max_position_embeddings": L}
_STEPS = {"rope_type": "llama3", "rope_theta": 50000.0, "factor": 8.0, "low_freq_factor": 1.0,
          "high_freq_factor": 4.0, "original_max_position_embeddings": L}


def _theta(value, **more):
    return {"rope_parameters": {"rope_type": "default", "rope_theta": value, **more}}


def _native(rope, length=S * L):
    """A scaling that the model was trained with."""
    return {"rope_parameters": rope, "max_position_embeddings": length, "_native": True}


# family: (base, {variant: overrides}); "" is the base itself. Keys with an underscore are ours.
_TABLE = {
    "llama": (_WIDE, {
        "": {}, "tied": {"tie_word_embeddings": True, "num_key_value_heads": 6},
        "biased": {"attention_bias": True, "mlp_bias": True, "num_key_value_heads": 1,
                   "vocab_size": 211},
        "narrow": {"head_dim": None, "num_hidden_layers": 3, **_theta(500000.0)}}),
    "mistral": ({**_WIDE, "sliding_window": 7}, {
        "": {}, "full": {"sliding_window": None, "tie_word_embeddings": True,
                         "num_key_value_heads": 1}}),
    "ministral": ({**_WIDE, "sliding_window": 7, "num_hidden_layers": 3}, {
        "": {"layer_types": _MIXED}, "all": {"num_key_value_heads": 1}}),
    "qwen2": ({}, {
        "": {}, "window": {"use_sliding_window": True, "sliding_window": 9, "max_window_layers": 1,
                           "num_hidden_layers": 3, "tie_word_embeddings": True,
                           "num_key_value_heads": 1, **_theta(1000000.0)}}),
    "qwen3": (_WIDE, {
        "": {}, "window": {"use_sliding_window": True, "sliding_window": 9, "max_window_layers": 2,
                           "num_hidden_layers": 3, "attention_bias": True,
                           "tie_word_embeddings": True, "num_key_value_heads": 1}}),
    "phi": ({}, {
        "": {}, "qk_norm": {"qk_layernorm": True, "num_key_value_heads": 1, "hidden_size": 72,
                            **_theta(10000.0, partial_rotary_factor=0.34)}}),
    "phi3": ({"original_max_position_embeddings": L, "_own_field": True}, {
        "": {}, "window": {"sliding_window": 7, "tie_word_embeddings": True,
                           "num_key_value_heads": 1},
        "partial": {"hidden_size": 72, **_theta(10000.0, partial_rotary_factor=0.5)}}),
    "gemma": (_WIDE, {
        "": {"tie_word_embeddings": True}, "biased": {"attention_bias": True,
                                                      "num_key_value_heads": 1}}),
    "gemma2": ({**_WIDE, "sliding_window": 7, "query_pre_attn_scalar": 20,
                "attn_logit_softcapping": 6.0, "final_logit_softcapping": 5.0}, {
        "": {"tie_word_embeddings": True, "num_hidden_layers": 3},
        "plain": {"attn_logit_softcapping": None, "final_logit_softcapping": None,
                  "num_key_value_heads": 1, "attention_bias": True}}),
    "gemma3_text": ({**_WIDE, "sliding_window": 7, "query_pre_attn_scalar": 20,
                     "num_hidden_layers": 3, "_nested": True}, {
        "": {"layer_types": _MIXED, "tie_word_embeddings": True},
        "pattern": {"sliding_window_pattern": 2, "num_key_value_heads": 1,
                    "final_logit_softcapping": 5.0, "rope_parameters": {
                        "sliding_attention": {"rope_type": "default", "rope_theta": 3000.0},
                        "full_attention": {"rope_type": "default", "rope_theta": 90000.0}}}}),
    "gptj": (_GPTJ, {"": {}, "whole": {"rotary_dim": 12, "n_inner": None, "vocab_size": 211},
                     "tied": {"tie_word_embeddings": True}}),
    "gpt_neox": ({"num_attention_heads": 3, "_no_kv_heads": True}, {
        "": {}, "serial": {"use_parallel_residual": False, "tie_word_embeddings": True,
                           "hidden_act": "gelu_new"},
        "plain": {"attention_bias": False, "num_attention_heads": 2,
                  **_theta(10000.0, partial_rotary_factor=1.0)}}),
    "codegen": ({**_GPTJ, "n_ctx": 192}, {"": {}, "heads": {"n_head": 8, "rotary_dim": 4}}),
    "falcon": ({"num_attention_heads": 4, "ffn_hidden_size": 68, "_no_kv_heads": True,
                "_no_intermediate": True}, {
        "": {"tie_word_embeddings": True},
        "new": {"new_decoder_architecture": True, "num_kv_heads": 2},
        "new_one_norm": {"new_decoder_architecture": True, "num_kv_heads": 1,
                         "num_ln_in_parallel_attn": 1, "bias": True},
        "serial": {"parallel_attn": False, "multi_query": False, "bias": True},
        "heads": {"multi_query": False, "tie_word_embeddings": True, **_theta(3000.0)}}),
    "stablelm": ({"hidden_size": 96}, {
        "": {}, "qk_norm": {"qk_layernorm": True, "num_key_value_heads": 1, "use_qkv_bias": True},
        "parallel": {"use_parallel_residual": True, "tie_word_embeddings": True,
                     **_theta(10000.0, partial_rotary_factor=0.5)}}),
    "starcoder2": ({}, {
        "": {"sliding_window": 7, "tie_word_embeddings": True, "num_key_value_heads": 1},
        "plain": {"use_bias": False, **_theta(100000.0)}}),
    "olmo": ({}, {"": {"clip_qkv": 1.5}, "tied": {
        "tie_word_embeddings": True, "num_key_value_heads": 1, "attention_bias": True}}),
    "olmo2": ({}, {"": {}, "tied": {"tie_word_embeddings": True, "num_key_value_heads": 1,
                                    "attention_bias": True, **_theta(500000.0)}}),
    "olmo3": ({"sliding_window": 7, "num_hidden_layers": 3, "_nested": True}, {
        "": {"layer_types": _MIXED},
        "default_types": {"num_hidden_layers": 4, "num_key_value_heads": 1,
                          "tie_word_embeddings": True}}),
    "cohere": ({}, {
        "": {"tie_word_embeddings": True, "logit_scale": 0.4},
        "qk_norm": {"use_qk_norm": True, "attention_bias": True, "num_key_value_heads": 1},
        "wide": {"head_dim": 12, "use_qk_norm": True}}),
    "cohere2": ({"sliding_window": 7, "num_hidden_layers": 3}, {
        "": {"layer_types": _MIXED, "tie_word_embeddings": True, "logit_scale": 0.4},
        "pattern": {"sliding_window_pattern": 2, "num_key_value_heads": 1,
                    "attention_bias": True}}),
    "granite": ({**_MULTIPLIERS, **_WIDE}, {
        "": {}, "tied": {"tie_word_embeddings": True, "attention_bias": True, "mlp_bias": True,
                         "num_key_value_heads": 1}}),
    "glm": (_WIDE, {"": {}, "plain": {
        "attention_bias": False, "tie_word_embeddings": True, "num_key_value_heads": 1,
        **_theta(10000.0, partial_rotary_factor=1.0)}}),
    "glm4": (_WIDE, {"": {}, "plain": {
        "attention_bias": False, "tie_word_embeddings": True, "num_key_value_heads": 1}}),
    "smollm3": ({"num_hidden_layers": 3, "no_rope_layer_interval": 2}, {
        "": {"tie_word_embeddings": True},
        "window": {"no_rope_layers": [0, 1, 1], "use_sliding_window": True, "sliding_window": 7,
                   "layer_types": ["sliding_attention", "sliding_attention", "full_attention"],
                   "num_key_value_heads": 1, "mlp_bias": True}}),
    "persimmon": ({"num_attention_heads": 3, "_no_kv_heads": True}, {
        "": {}, "plain": {"qk_layernorm": False, "tie_word_embeddings": True}}),
    "nemotron": (_WIDE, {"": {}, "tied": {
        "tie_word_embeddings": True, "attention_bias": True, "mlp_bias": True,
        "num_key_value_heads": 1, **_theta(10000.0, partial_rotary_factor=1.0)}}),
    "helium": ({"head_dim": 8}, {"": {}, "biased": {
        "attention_bias": True, "mlp_bias": True, "num_key_value_heads": 1,
        "tie_word_embeddings": True}}),
    "exaone4": ({"num_hidden_layers": 3}, {
        "": {"sliding_window": 7, "sliding_window_pattern": 2, "layer_types": _MIXED},
        "full": {"sliding_window": None, "layer_types": ["full_attention"] * 3, "head_dim": 12,
                 "num_key_value_heads": 1, "tie_word_embeddings": True}}),
    "seed_oss": ({**_WIDE, "attention_dropout": 0.0, "residual_dropout": 0.0}, {
        "": {}, "biased": {"attention_out_bias": True, "mlp_bias": True, "num_key_value_heads": 1,
                           "tie_word_embeddings": True}}),
    "hunyuan_v1_dense": (_WIDE, {
        "": {}, "biased": {"attention_bias": True, "num_key_value_heads": 1,
                           "tie_word_embeddings": True},
        "alpha": _native({"rope_type": "dynamic", "rope_theta": 10000.0, "alpha": 100.0,
                          "factor": 1.0}, L)}),
    "ernie4_5": (_WIDE, {"": {"tie_word_embeddings": True}, "biased": {
        "use_bias": True, "num_key_value_heads": 1}}),
    "arcee": (_WIDE, {"": {}, "biased": {"attention_bias": True, "mlp_bias": True,
                                         "num_key_value_heads": 1, "tie_word_embeddings": True}}),
    "apertus": (_theta(12000000.0), {
        "": {}, "tied": {"tie_word_embeddings": True, "attention_bias": True,
                         "num_key_value_heads": 1},
        "llama3": _native({**_STEPS, "rope_theta": 12000000.0})}),
    "mixtral": ({**_EXPERTS, **_WIDE}, {
        "": {}, "window": {"sliding_window": 7, "num_key_value_heads": 1,
                           "tie_word_embeddings": True}}),
    "qwen2_moe": ({**_QWEN_EXPERTS, "shared_expert_intermediate_size": 28}, {
        "": {}, "mixed": {"num_hidden_layers": 3, "mlp_only_layers": [2], "norm_topk_prob": True,
                          "qkv_bias": False, "num_key_value_heads": 1,
                          "tie_word_embeddings": True},
        "window": {"num_hidden_layers": 3, "decoder_sparse_step": 2, "use_sliding_window": True,
                   "sliding_window": 7, "max_window_layers": 3}}),
    "qwen3_moe": ({**_QWEN_EXPERTS, **_WIDE}, {
        "": {}, "mixed": {"num_hidden_layers": 3, "decoder_sparse_step": 2,
                          "norm_topk_prob": True, "attention_bias": True,
                          "num_key_value_heads": 1, "tie_word_embeddings": True}}),
    "olmoe": ({"num_experts": 5, "num_experts_per_tok": 2, "router_aux_loss_coef": 0.3}, {
        "": {}, "clipped": {"clip_qkv": 1.5, "norm_topk_prob": True, "attention_bias": True,
                            "num_key_value_heads": 1, "tie_word_embeddings": True}}),
    "phimoe": (_EXPERTS, {
        "": {}, "biased": {"attention_bias": True, "lm_head_bias": True, "num_key_value_heads": 1,
                           "sliding_window": 7}}),
    "granitemoe": ({**_EXPERTS, **_MULTIPLIERS}, {
        "": {}, "tied": {"tie_word_embeddings": True, "attention_bias": True,
                         "num_key_value_heads": 1}}),
    "gpt_oss": ({**_EXPERTS, "head_dim": 10, "sliding_window": 7, "swiglu_limit": 1.5,
                 **_theta(150000.0)}, {
        "": {"num_hidden_layers": 3}, "yarn": _native({**_YARN, "truncate": False,
                                                       "beta_fast": 8.0, "beta_slow": 0.7}),
        "one": {"num_key_value_heads": 1, "attention_bias": False, "tie_word_embeddings": True}}),
    "deepseek_v2": (_DEEPSEEK, {
        "": {"topk_method": "greedy"},
        "groups": {"q_lora_rank": None, "topk_method": "group_limited_greedy", "n_group": 3,
                   "topk_group": 2, "n_shared_experts": 1, "attention_bias": True,
                   "tie_word_embeddings": True},
        "yarn": {**_native({**_YARN, "mscale": 0.8, "mscale_all_dim": 1.3, "beta_fast": 8.0})}}),
    "deepseek_v3": ({**_DEEPSEEK, "n_group": 3, "topk_group": 2}, {
        "": {}, "plain": {"q_lora_rank": None, "norm_topk_prob": False, "n_group": 1,
                          "topk_group": 1, "attention_bias": True, "rope_interleave": False},
        "yarn": {**_native({**_YARN, "mscale": 1.0, "mscale_all_dim": 1.0, "beta_fast": 8.0})}}),
}

FAMILIES = tuple(_TABLE)
ROUTER_LOSS_FAMILIES = ("mixtral", "qwen2_moe", "qwen3_moe", "olmoe", "phimoe", "granitemoe",
                        "gpt_oss")


def _linear_statement(family, config):
    """The overrides that say "linear by S" and an extended context."""
    length = {"max_position_embeddings": S * L}
    linear = {"rope_type": "linear", "factor": float(S)}
    if "_nested" in config:
        defaults = {"gemma3_text": (10000.0, 1000000.0), "olmo3": (500000.0, 500000.0)}[family]
        nested = config.get("rope_parameters") or {
            kind: {"rope_type": "default", "rope_theta": theta}
            for kind, theta in zip(("sliding_attention", "full_attention"), defaults)}
        nested = copy.deepcopy(nested)
        nested["full_attention"].update(linear)  # as published: the long-range layers alone
        return {"rope_parameters": nested, **length}
    # Without a theta of the case's own the family's default fills in.
    stated = {**config.get("rope_parameters", {}), **linear}
    if family == "phimoe":  # demands these for every kind but default
        stated.update(short_mscale=1.0, long_mscale=1.0, original_max_position_embeddings=L)
    return {"rope_parameters": stated, **length}


def _make(family, variant, base, overrides):
    config = {} if family in NO_ROPE_FIELDS else dict(COMMON)
    config.update(base)
    config.update(overrides)
    if "_no_kv_heads" in config:
        del config["num_key_value_heads"]
    if "_no_intermediate" in config:
        del config["intermediate_size"]
    own_field = family in NO_ROPE_FIELDS or "_own_field" in config
    scaled = None if own_field else _linear_statement(family, config)
    native = "_native" in config
    config = {key: value for key, value in config.items() if not key.startswith("_")}
    oracle = {"n_positions": 4 * S * L} if family in NO_ROPE_FIELDS else {}
    return Case(f"{family}.{variant}" if variant else family, family, config, scaled=scaled,
                has_scaled=not native, router_loss=family in ROUTER_LOSS_FAMILIES, oracle=oracle)


def family_cases():
    return [_make(family, variant, base, overrides)
            for family, (base, variants) in _TABLE.items()
            for variant, overrides in variants.items()]
