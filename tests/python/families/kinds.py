"""The reference cases for the kinds of rotary scaling, on families that differ in layout and in how
much of a head turns."""

import dataclasses

from cases import COMMON, NO_ROPE_FIELDS, L, S, Case, family_cases

_MATRIX_STD = 0.15  # attention factors above 1 sharpen the scores, and so what rounding does to them
_LATE = 80  # longrope and dynamic change in mid-text: generation must stay on one side of it
_BASES = {
    "llama": {"head_dim": 12},
    "gpt_neox": {"num_attention_heads": 3},  # 8 of 16 dimensions turn
    "glm": {"head_dim": 16},  # interleaved, 8 of 16
    "cohere": {"head_dim": 12},  # interleaved
}
_PAIRS = {"llama": 6, "gpt_neox": 4, "glm": 4, "cohere": 6}


def _yarn(**more):
    return {"rope_type": "yarn", "factor": float(S), "original_max_position_embeddings": L, **more}


def _longrope(pairs, **more):
    return {"rope_type": "longrope", "original_max_position_embeddings": _LATE,
            "short_factor": [1.0 + 0.13 * i for i in range(pairs)],
            "long_factor": [1.1 + 0.9 * i for i in range(pairs)], **more}


def _kinds(pairs):
    """name: (rope_parameters without theta, max_position_embeddings, where below ends)."""
    return {
        "default": ({"rope_type": "default"}, L, L),
        "linear": ({"rope_type": "linear", "factor": 3.0}, 3 * L, L),
        "dynamic": ({"rope_type": "dynamic", "factor": 2.5}, _LATE, _LATE),
        "yarn": (_yarn(), S * L, L),
        "yarn_betas": (_yarn(beta_fast=7.0, beta_slow=0.6), S * L, L),
        "yarn_whole": (_yarn(truncate=False, beta_fast=5.0), S * L, L),
        "yarn_mscale": (_yarn(mscale=0.7, mscale_all_dim=1.4), S * L, L),
        "yarn_attention": (_yarn(attention_factor=1.25), S * L, L),
        "yarn_ratio": (_yarn(factor=None), 3 * L, L),
        "longrope": (_longrope(pairs), 2 * _LATE, _LATE),
        "longrope_factor": (_longrope(pairs, factor=3.0), 2 * _LATE, _LATE),
        "longrope_attention": (_longrope(pairs, attention_factor=1.25), 2 * _LATE, _LATE),
        "llama3": ({"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0,
                    "high_freq_factor": 4.0, "original_max_position_embeddings": L}, 8 * L, L),
        "proportional": ({"rope_type": "proportional", "partial_rotary_factor": 0.5}, L, L),
        "proportional_factor": ({"rope_type": "proportional", "partial_rotary_factor": 0.5,
                                 "factor": 2.0}, 2 * L, L),
    }


def _nested(**full):
    return {"sliding_attention": {"rope_type": "default", "rope_theta": 3000.0},
            "full_attention": {"rope_theta": 90000.0, **full}}


def _case(family, name, config):
    original = config.pop("original")
    merged = {**COMMON, **config}
    if family == "gpt_neox":
        del merged["num_key_value_heads"]
    return Case(f"kind.{family}.{name}", family, merged, has_scaled=False, original=original,
                matrix_std=_MATRIX_STD)


def kind_cases():
    cases = []
    for family, base in _BASES.items():
        for name, (rope, length, original) in _kinds(_PAIRS[family]).items():
            # A small theta gives every kind slow and fast pairs within these short contexts.
            rope = {"rope_theta": 500.0, **rope}
            if family in ("gpt_neox", "glm"):
                rope.setdefault("partial_rotary_factor", 0.5)
            cases.append(_case(family, name, {**base, "rope_parameters": rope, "original": original,
                                              "max_position_embeddings": length}))
    for family in ("gemma3_text", "olmo3"):
        for name, full, length, original in (
                ("nested_linear", {"rope_type": "linear", "factor": 3.0}, 3 * L, L),
                ("nested_yarn", _yarn(beta_fast=7.0), S * L, L),
                ("nested_longrope", _longrope(6 if family == "gemma3_text" else 4), 2 * _LATE, _LATE)):
            more = {"head_dim": 12, "query_pre_attn_scalar": 20} if family == "gemma3_text" else {}
            cases.append(_case(family, name, {
                **more, "sliding_window": 7, "original": original, "max_position_embeddings": length,
                "num_hidden_layers": 3, "rope_parameters": _nested(**full),
                "layer_types": ["sliding_attention", "full_attention", "sliding_attention"]}))
    for family, extras, config in (
            ("phi3", {}, {"original_max_position_embeddings": _LATE}),
            ("phi3", {"attention_factor": 1.25}, {"original_max_position_embeddings": _LATE}),
            ("phimoe", {"short_mscale": 1.1, "long_mscale": 1.3}, {"num_local_experts": 5})):
        name = "longrope_attention" if "attention_factor" in extras else "longrope"
        cases.append(_case(family, name, {
            **config, "max_position_embeddings": 2 * _LATE, "original": _LATE,
            "rope_parameters": _longrope(4, rope_theta=500.0, **extras)}))
    return cases


# Their attention takes the rotary part of a head by itself, where proportional fills the whole of it.
_NOT_PROPORTIONAL = ("phi", "stablelm", "persimmon")
# phi3 knows longrope alone, phimoe wants fields of its own with every kind.
_NOT_CROSSED = (*NO_ROPE_FIELDS, *_BASES, "phi3", "phimoe")


def _rotary_pairs(family, config):
    if family.startswith("deepseek"):
        return config["qk_rope_head_dim"] // 2
    head_dim = config.get("head_dim") or config["hidden_size"] // config["num_attention_heads"]
    part = {"gpt_neox": 0.25, "stablelm": 0.25, "phi": 0.5, "glm": 0.5, "glm4": 0.5, "persimmon": 0.5,
            "nemotron": 0.5}.get(family, 1.0)
    return int(head_dim * part) // 2


def cross_cases():
    """Every kind on the base of every further family whose config can say it."""
    cases = []
    for base in family_cases():
        if base.name != base.family or base.family in _NOT_CROSSED:
            continue
        for name, (rope, length, original) in _kinds(_rotary_pairs(base.family, base.config)).items():
            if name.startswith("proportional") and base.family in _NOT_PROPORTIONAL:
                continue
            if base.family in ("gemma3_text", "olmo3"):
                rope = _nested(**rope)
            else:
                rope = {"rope_theta": 500.0, **rope}
            config = {**base.config, "rope_parameters": rope, "max_position_embeddings": length}
            cases.append(dataclasses.replace(
                base, name=f"kind.{base.family}.{name}", config=config, scaled=None,
                has_scaled=False, router_loss=False, greedy=False, original=original,
                matrix_std=_MATRIX_STD))
    return cases
