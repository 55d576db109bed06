#!/usr/bin/env python3
"""Writes the outputs of `ropewalk plan` into the pages about it, below the commands that print them.

usage: plan_guide.py [--program build/ropewalk] [--check]      --check: exit 1 if a page differs
"""

import argparse
import json
import pathlib
import re
import shlex
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "seven_b_to_32k.md"
PAGES = [PAGE, ROOT / "docs" / "seventy_b_at_131k.md"]
BLOCK = re.compile(r"```\n(ropewalk plan [^`]*?)\n```\n\n```text\n.*?```\n", re.S)

# config.json of LLaMA 7B, which is all that `plan` reads of a checkpoint.
LLAMA_7B = {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": 32000,
            "hidden_size": 4096, "intermediate_size": 11008, "num_hidden_layers": 32,
            "num_attention_heads": 32, "num_key_value_heads": 32, "hidden_act": "silu",
            "rms_norm_eps": 1e-06, "max_position_embeddings": 2048, "tie_word_embeddings": False,
            "bos_token_id": 1, "eos_token_id": 2}


def readers_files(folder):
    """What the pages' commands need: the example configs, and the model's config.json."""
    (folder / "checkpoints" / "llama-7b").mkdir(parents=True, exist_ok=True)
    (folder / "checkpoints" / "llama-7b" / "config.json").write_text(json.dumps(LLAMA_7B))
    if not (folder / "configs").exists():
        (folder / "configs").symlink_to(ROOT / "configs")


def output_of(program, command, folder):
    words = shlex.split(command.replace("\\\n", " "))
    return subprocess.run([program, *words[1:]], cwd=folder, capture_output=True, text=True,
                          check=True).stdout


def with_outputs(text, program):
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        readers_files(folder)
        return BLOCK.sub(lambda match: f"```\n{match[1]}\n```\n\n```text\n"
                                       f"{output_of(program, match[1], folder)}```\n", text)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--program", default=ROOT / "build" / "ropewalk")
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    program, same = pathlib.Path(options.program).resolve(), True
    for page in PAGES:
        text = page.read_text()
        made = with_outputs(text, program)
        same = same and made == text
        if not options.check:
            page.write_text(made)
    return 0 if same or not options.check else 1


if __name__ == "__main__":
    sys.exit(main())
