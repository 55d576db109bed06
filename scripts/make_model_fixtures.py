#!/usr/bin/env python3
"""Writes tests/fixtures/model_*.safetensors: small LLaMA-type models with the logits, loss and
gradients that `transformers` computes, and rotary tables at far positions.

Run with the oracle environment; the files are committed, so building and testing need no oracle.

    python scripts/make_model_fixtures.py [--output tests/fixtures]
"""

import argparse
import json
import pathlib

import torch
from safetensors.torch import save_file
from transformers import LlamaConfig, LlamaForCausalLM
from transformers.models.llama.modeling_llama import LlamaRotaryEmbedding

MODELS = {
    "model_biased_scaled": dict(
        vocab_size=61, hidden_size=24, intermediate_size=40, num_hidden_layers=2,
        num_attention_heads=4, num_key_value_heads=2, head_dim=8, attention_bias=True, mlp_bias=True,
        rms_norm_eps=1e-5, tie_word_embeddings=False, max_position_embeddings=64,
        rope_parameters={"rope_type": "linear", "rope_theta": 10000.0, "factor": 4.0}),
    "model_tied": dict(
        vocab_size=50, hidden_size=32, intermediate_size=44, num_hidden_layers=2,
        num_attention_heads=2, num_key_value_heads=2, head_dim=16, rms_norm_eps=1e-6,
        tie_word_embeddings=True, max_position_embeddings=64,
        rope_parameters={"rope_type": "default", "rope_theta": 500.0}),
}

YARN = {"rope_type": "yarn", "factor": 16.0, "original_max_position_embeddings": 2048}
LONGROPE = {"rope_type": "longrope", "rope_theta": 10000.0,
            "original_max_position_embeddings": 4096,
            "short_factor": [1.0 + i / 64 for i in range(48)],
            "long_factor": [1.0 + i * 1.3 for i in range(48)]}
# Name -> head_dim, config's max_position_embeddings, parameters, lengths of the sequences.
FAR_TABLES = {
    "plain": (64, 32768, {"rope_type": "default", "rope_theta": 10000.0}, [32768]),
    "linear_16": (128, 32768, {"rope_type": "linear", "rope_theta": 10000.0, "factor": 16.0},
                  [32768]),
    "linear_3": (80, 32768, {"rope_type": "linear", "rope_theta": 500000.0, "factor": 3.0},
                 [32768]),
    "dynamic": (128, 4096, {"rope_type": "dynamic", "rope_theta": 10000.0, "factor": 4.0},
                [4096, 4097, 32768]),
    "yarn": (128, 32768, {"rope_theta": 10000.0, **YARN}, [32768]),
    "yarn_options": (64, 32768, {"rope_theta": 500000.0, **YARN, "beta_fast": 24.0,
                                 "beta_slow": 2.0, "mscale": 0.7, "mscale_all_dim": 1.0,
                                 "truncate": False}, [32768]),
    "longrope": (96, 32768, LONGROPE, [4096, 4097, 32768]),
    "llama3": (128, 131072, {"rope_type": "llama3", "rope_theta": 500000.0, "factor": 8.0,
                             "low_freq_factor": 1.0, "high_freq_factor": 4.0,
                             "original_max_position_embeddings": 8192}, [131072]),
    "proportional": (128, 32768, {"rope_type": "proportional", "rope_theta": 1000000.0,
                                  "factor": 3.0, "partial_rotary_factor": 0.25}, [32768]),
}
FAR_POSITIONS = [0, 1, 2, 1023, 4095, 16383, 32767, 131071]


def write_model(name, sizes, output):
    torch.manual_seed(7)
    config = LlamaConfig(initializer_range=0.3, bos_token_id=1, eos_token_id=2, **sizes)
    model = LlamaForCausalLM(config).float()
    for parameter_name, parameter in model.named_parameters():
        if parameter_name.endswith("bias"):
            torch.nn.init.normal_(parameter, std=0.2)
        elif parameter.dim() == 1:
            torch.nn.init.uniform_(parameter, 0.5, 1.5)
    tokens = torch.randint(config.vocab_size, (2, 19))
    targets = torch.randint(config.vocab_size, (2, 19))
    targets[0, :4] = -100
    logits = model(tokens).logits
    loss = torch.nn.functional.cross_entropy(
        logits.flatten(0, 1), targets.flatten(), ignore_index=-100, reduction="sum")
    loss.backward()
    tensors = {"tokens": tokens, "targets": targets, "logits": logits, "loss_sum": loss}
    for parameter_name, parameter in model.named_parameters():
        tensors["weight/" + parameter_name] = parameter
        tensors["grad/" + parameter_name] = parameter.grad
    fields = json.loads(config.to_json_string(use_diff=False))
    config_text = json.dumps({key: fields[key] for key in (
        "model_type", "vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers",
        "num_attention_heads", "num_key_value_heads", "head_dim", "rms_norm_eps",
        "tie_word_embeddings", "attention_bias", "mlp_bias", "max_position_embeddings",
        "rope_parameters", "hidden_act", "initializer_range")})
    save_file({key: value.detach().contiguous() for key, value in tensors.items()},
              output / f"{name}.safetensors", metadata={"config": config_text})


def write_far_tables(output):
    tensors, configs = {}, {}
    for name, (head_dim, window, parameters, lengths) in FAR_TABLES.items():
        sizes = dict(hidden_size=2 * head_dim, num_attention_heads=2, head_dim=head_dim,
                     max_position_embeddings=window)
        configs[name] = {**sizes, "rope_parameters": parameters, "lengths": lengths}
        for length in lengths:
            config = LlamaConfig(rope_parameters=dict(parameters), **sizes)
            cos, sin = LlamaRotaryEmbedding(config)(torch.zeros(1), torch.arange(length)[None])
            kept = [p for p in FAR_POSITIONS if p < length]
            prefix = f"{name}/{length}/"
            tensors[prefix + "positions"] = torch.tensor(kept)
            tensors[prefix + "cos"] = cos[0, kept, : head_dim // 2].contiguous()
            tensors[prefix + "sin"] = sin[0, kept, : head_dim // 2].contiguous()
    save_file(tensors, output / "model_far_tables.safetensors")
    (output / "model_far_tables.json").write_text(json.dumps(configs, indent=1) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=pathlib.Path,
                        default=pathlib.Path(__file__).resolve().parent.parent / "tests/fixtures")
    output = parser.parse_args().output
    for name, sizes in MODELS.items():
        write_model(name, sizes, output)
    write_far_tables(output)


if __name__ == "__main__":
    main()
