#!/usr/bin/env python3
"""Writes tests/fixtures: reference values that `transformers` computes.

Run with the oracle environment; the files are committed, so building and testing need no oracle.

    python scripts/make_fixtures.py [--output tests/fixtures]
"""

import argparse
import copy
import json
import pathlib

ROPE_CASES = [
    ("default", dict(hidden_size=128, num_attention_heads=4, max_position_embeddings=64),
     {"rope_type": "default", "rope_theta": 10000.0}),
    ("default_theta_366", dict(hidden_size=128, num_attention_heads=2, max_position_embeddings=256),
     {"rope_type": "default", "rope_theta": 366.0}),
    ("linear_8", dict(hidden_size=128, num_attention_heads=4, max_position_embeddings=512),
     {"rope_type": "linear", "rope_theta": 10000.0, "factor": 8.0}),
    ("linear_fractional", dict(hidden_size=128, num_attention_heads=4, max_position_embeddings=100),
     {"rope_type": "linear", "rope_theta": 500000.0, "factor": 1.5625}),
    ("yarn_16_of_2048", dict(hidden_size=4096, num_attention_heads=32, max_position_embeddings=32768),
     {"rope_type": "yarn", "rope_theta": 10000.0, "factor": 16.0,
      "original_max_position_embeddings": 2048}),
    ("yarn_32_of_4096", dict(hidden_size=4096, num_attention_heads=32, max_position_embeddings=131072),
     {"rope_type": "yarn", "rope_theta": 10000.0, "factor": 32.0,
      "original_max_position_embeddings": 4096}),
    ("yarn_small_head", dict(hidden_size=128, num_attention_heads=4, max_position_embeddings=512),
     {"rope_type": "yarn", "rope_theta": 10000.0, "factor": 8.0,
      "original_max_position_embeddings": 64}),
    ("yarn_all_options", dict(hidden_size=512, num_attention_heads=8, max_position_embeddings=8192),
     {"rope_type": "yarn", "rope_theta": 500000.0, "factor": 4.0,
      "original_max_position_embeddings": 2048, "beta_fast": 24.0, "beta_slow": 2.0,
      "mscale": 0.707, "mscale_all_dim": 1.0, "truncate": False}),
    ("yarn_attention_factor", dict(hidden_size=512, num_attention_heads=8, max_position_embeddings=8192),
     {"rope_type": "yarn", "rope_theta": 10000.0, "factor": 4.0,
      "original_max_position_embeddings": 2048, "attention_factor": 1.25}),
    ("yarn_zero_options", dict(hidden_size=512, num_attention_heads=8, max_position_embeddings=8192),
     {"rope_type": "yarn", "rope_theta": 10000.0, "factor": 4.0,
      "original_max_position_embeddings": 2048, "beta_fast": 0, "beta_slow": 0, "mscale": 0}),
    ("yarn_null_factor", dict(hidden_size=512, num_attention_heads=8, max_position_embeddings=8192),
     {"rope_type": "yarn", "rope_theta": 10000.0, "factor": None,
      "original_max_position_embeddings": 2048}),
    ("llama3_8_of_8192", dict(hidden_size=4096, num_attention_heads=32, max_position_embeddings=131072),
     {"rope_type": "llama3", "rope_theta": 500000.0, "factor": 8.0, "low_freq_factor": 1.0,
      "high_freq_factor": 4.0, "original_max_position_embeddings": 8192}),
    ("llama3_32_small", dict(hidden_size=2048, num_attention_heads=32, max_position_embeddings=131072),
     {"rope_type": "llama3", "rope_theta": 500000.0, "factor": 32.0, "low_freq_factor": 1.0,
      "high_freq_factor": 4.0, "original_max_position_embeddings": 8192}),
]


def rope_cases():
    from transformers import LlamaConfig
    from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS
    from transformers.models.llama.modeling_llama import LlamaRotaryEmbedding

    for name, sizes, parameters in ROPE_CASES:
        config = LlamaConfig(rope_parameters=copy.deepcopy(parameters), **sizes)
        if parameters["rope_type"] == "default":
            frequencies, factor = LlamaRotaryEmbedding.compute_default_rope_parameters(config)
        else:
            frequencies, factor = ROPE_INIT_FUNCTIONS[parameters["rope_type"]](config, None)
        yield {
            "name": name,
            "config": {"model_type": "llama", **sizes, "rope_parameters": parameters},
            "attention_factor": float(factor),
            "inverse_frequencies": [float(x) for x in frequencies.double()],
        }


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    root = pathlib.Path(__file__).resolve().parent.parent
    parser.add_argument("--output", type=pathlib.Path, default=root / "tests" / "fixtures")
    output = parser.parse_args().output
    output.mkdir(parents=True, exist_ok=True)
    import transformers

    content = {"made_with": f"transformers {transformers.__version__}", "cases": list(rope_cases())}
    (output / "rope_frequencies.json").write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    main()
