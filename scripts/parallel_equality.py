#!/usr/bin/env python3
"""Trains small models in every parallel mode and compares with one rank: docs/parallel_equality.md.

Every run goes through the trainer as `ropewalk train` does: weights read from a checkpoint by the
ranks that hold them, ten steps of AdamW, a checkpoint written. Compared are the loss of every step and
the weights of the last checkpoint, in fp32.

usage: parallel_equality.py [--tool build/tests/ropewalk_runs_tool] [--program build/ropewalk]
                            [--folder runs/parallel_equality] [--page docs/parallel_equality.md]
                            [--short]

Needs an interpreter that has third_party/pins/oracles.txt. --short: half of the runs, every mode among
them. What is in the folder is not trained again: remove it to train afresh.
"""

import argparse
import dataclasses
import itertools
import json
import pathlib
import random
import shutil
import subprocess

import numpy
import torch
import transformers
from safetensors.numpy import load_file

ROOT = pathlib.Path(__file__).resolve().parents[1]
TOKENIZER = ROOT / "configs" / "example-model"
STEPS, BATCH, LENGTH = 10, 12, 48
LIMIT = 1e-5

COMMON = dict(vocab_size=2048, hidden_size=48, intermediate_size=56, num_hidden_layers=3,
              max_position_embeddings=64, bos_token_id=1, eos_token_id=0, pad_token_id=0,
              initializer_range=0.1)
FAMILIES = {
    "llama": transformers.LlamaConfig(
        **COMMON, num_attention_heads=8, num_key_value_heads=4, head_dim=6),
    "gemma2": transformers.Gemma2Config(
        **COMMON, num_attention_heads=4, num_key_value_heads=4, head_dim=12, sliding_window=20,
        query_pre_attn_scalar=12, layer_types=["sliding_attention", "full_attention",
                                               "sliding_attention"]),
    "deepseek_v3": transformers.DeepseekV3Config(
        **COMMON, num_attention_heads=4, num_key_value_heads=4, q_lora_rank=18, kv_lora_rank=14,
        qk_nope_head_dim=10, qk_rope_head_dim=6, v_head_dim=8, n_routed_experts=6,
        num_experts_per_tok=2, moe_intermediate_size=20, first_k_dense_replace=1, n_group=1,
        topk_group=1),
}
ATTENTION = {"llama": "grouped heads", "gemma2": "windows, soft caps",
             "deepseek_v3": "latent, experts"}


@dataclasses.dataclass(frozen=True)
class Mode:
    ranks: int
    settings: tuple  # of section `parallel`

    def name(self):
        values = dict(self.settings)
        text = values.get("data_parallel", "ddp")
        if "shard_size" in values:
            text += f", shards of {values['shard_size']}"
        if "context_parallel" in values:
            text += f", context {values['context_parallel']}"
            text += f" ({values.get('context_parallel_method', 'ring')})"
        return text


def modes():
    for kind, ranks in itertools.product(("ddp", "zero1", "zero2", "fsdp"), (1, 2, 3, 4)):
        yield Mode(ranks, (("data_parallel", kind),))
    for kind in ("zero1", "zero2", "fsdp"):
        yield Mode(4, (("data_parallel", kind), ("shard_size", 2)))
    for kind, method in itertools.product(("ddp", "fsdp"), ("ring", "ulysses")):
        for ranks, context in ((2, 2), (4, 4), (4, 2)):
            yield Mode(ranks, (("data_parallel", kind), ("context_parallel", context),
                               ("context_parallel_method", method)))


@dataclasses.dataclass(frozen=True)
class Run:
    family: str
    packing: str
    mode: Mode
    recompute: str
    micro: int

    def folder(self):
        settings = "-".join(str(value) for _, value in self.mode.settings)
        return (f"{self.family}-{self.packing}-{self.mode.ranks}-{settings}-{self.recompute}"
                f"-{self.micro}")


def runs(short):
    for family, packing, mode in itertools.product(FAMILIES, ("concat", "packed"), modes()):
        settings = dict(mode.settings)
        share = BATCH * settings.get("context_parallel", 1) // mode.ranks
        variants = [("none", share), ("block", 1)]
        if short:
            variants = [variants[(mode.ranks + len(packing) + len(mode.name())) % len(variants)]]
        for recompute, micro in variants:
            yield Run(family, packing, mode, recompute, micro)


class Bench:
    def __init__(self, options):
        self.options, self.folder = options, options.folder.resolve()
        self.folder.mkdir(parents=True, exist_ok=True)

    def make_data(self):
        dice = random.Random(0)
        words = ["".join(dice.choice("aeioubdfgklmnrst") for _ in range(5)) for _ in range(300)]
        lines = (json.dumps({"text": " ".join(dice.choices(words, k=dice.randint(2, 60)))})
                 for _ in range(400))
        (self.folder / "text.jsonl").write_text("\n".join(lines) + "\n")
        if (self.folder / "data").exists():
            return
        subprocess.run([self.options.program, "prepare", self.folder / "text.jsonl", "--tokenizer",
                        TOKENIZER, "--output", self.folder / "data"], check=True,
                       capture_output=True)

    def make_models(self):
        for name, config in FAMILIES.items():
            if (self.folder / "models" / name).exists():
                continue
            torch.manual_seed(1)
            transformers.AutoModelForCausalLM.from_config(config).save_pretrained(
                self.folder / "models" / name)

    def write_config(self, run):
        path = self.folder / f"{run.folder()}.json"
        config = {
            "model": {"pretrained": str(self.folder / "models" / run.family)},
            "data": {"train": [str(self.folder / "data")], "sequence_length": LENGTH,
                     "packing": run.packing},
            "train": {"run_dir": str(self.folder / "runs" / run.folder()), "steps": STEPS,
                      "global_batch_size": BATCH, "micro_batch_size": run.micro},
            "optimizer": {"learning_rate": 1e-3, "eps": 1e-8, "weight_decay": 0.1},
            "schedule": {"warmup_steps": 0},
            "parallel": {**dict(run.mode.settings), "recompute": run.recompute, "threads": 1},
            "checkpoint": {"every_steps": 0, "keep": 2},
            "log": {"every_steps": 1, "tensorboard": False},
        }
        path.write_text(json.dumps(config))
        return path

    def train(self, planned):
        by_ranks = {}
        for run in planned:
            if self.checkpoint(run).exists():
                continue
            by_ranks.setdefault(run.mode.ranks, []).append(self.write_config(run))
        for ranks, configs in by_ranks.items():
            done = subprocess.run([self.options.tool, str(ranks), *configs], capture_output=True,
                                  text=True)
            if done.returncode != 0:
                raise SystemExit(f"{ranks} ranks: {done.stderr[-3000:]}")

    def losses(self, run):
        lines = (self.folder / "runs" / run.folder() / "metrics.jsonl").read_text().splitlines()
        return numpy.array([json.loads(line)["loss"] for line in lines])

    def checkpoint(self, run):
        return self.folder / "runs" / run.folder() / "checkpoints" / f"step-{STEPS:08d}"

    def weights(self, run):
        return load_file(self.checkpoint(run) / "model.safetensors")


def distance(found, expected):
    assert found.keys() == expected.keys()
    difference = sum(float(((found[key] - expected[key]).astype("float64") ** 2).sum())
                     for key in found)
    return (difference / sum(float((value.astype("float64") ** 2).sum())
                             for value in expected.values())) ** 0.5


def compare(bench, planned):
    """{(mode, family): [largest loss difference, largest weight difference, number of runs]}."""
    table = {}
    for family, packing in itertools.product(FAMILIES, ("concat", "packed")):
        reference = Run(family, packing, Mode(1, (("data_parallel", "ddp"),)), "none", BATCH)
        losses, weights = bench.losses(reference), bench.weights(reference)
        assert losses[-1] < losses[0], "the reference run learns nothing"
        for run in planned:
            if (run.family, run.packing) != (family, packing):
                continue
            row = table.setdefault((run.mode, family), [0.0, 0.0, 0])
            row[0] = max(row[0], float((abs(bench.losses(run) - losses) / losses).max()))
            row[1] = max(row[1], distance(bench.weights(run), weights))
            row[2] += 1
    return table


TEMPLATE = """# Parallel runs and one rank

`scripts/parallel_equality.py` trains small models of three families in every parallel mode and compares
with one rank that computes the same global batches: {steps} steps of AdamW in fp32 at learning rate 1e-3
and eps 1e-8, {batch} sequences of {length} tokens a step, weights read from and written to checkpoints
on the way. Each number is the largest of {variants} runs: without recompute and accumulation, and with
recompute `block` and accumulation over micro-batches of one sequence, documents in one row kept apart
(`packed`) or not (`concat`).

"Loss" is the largest relative difference of a step's loss, "weights" the norm of the difference of all
final weights over their norm. {count} runs; largest loss {loss:.1e}, weights {weights:.1e}.

| ranks | mode | {families} |
|---|---|{rules}|
{rows}
"""


def page(table):
    header = " | ".join(f"{name} ({ATTENTION[name]}): loss | weights" for name in FAMILIES)
    lines = []
    for mode in dict.fromkeys(mode for mode, _ in table):
        cells = " | ".join(f"{table[mode, name][0]:.0e} | {table[mode, name][1]:.0e}"
                           for name in FAMILIES)
        lines.append(f"| {mode.ranks} | {mode.name()} | {cells} |")
    return TEMPLATE.format(
        steps=STEPS, batch=BATCH, length=LENGTH, families=header, rows="\n".join(lines),
        rules="|".join(["---"] * 2 * len(FAMILIES)),
        variants=max(row[2] for row in table.values()),
        count=sum(row[2] for row in table.values()),
        loss=max(row[0] for row in table.values()),
        weights=max(row[1] for row in table.values()))


def main():
    transformers.utils.logging.disable_progress_bar()
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tool", default=ROOT / "build" / "tests" / "ropewalk_runs_tool")
    parser.add_argument("--program", default=ROOT / "build" / "ropewalk")
    parser.add_argument("--folder", type=pathlib.Path, default=ROOT / "runs" / "parallel_equality")
    parser.add_argument("--page", type=pathlib.Path)
    parser.add_argument("--short", action="store_true")
    options = parser.parse_args()
    bench = Bench(options)
    bench.make_data()
    bench.make_models()
    planned = list(runs(options.short))
    references = [Run(family, packing, Mode(1, (("data_parallel", "ddp"),)), "none", BATCH)
                  for family, packing in itertools.product(FAMILIES, ("concat", "packed"))]
    bench.train(dict.fromkeys([*references, *planned]))
    table = compare(bench, planned)
    text = page(table)
    print(text)
    if options.page:
        options.page.write_text(text)
    worst = max(max(row[:2]) for row in table.values())
    if worst > LIMIT:
        raise SystemExit(f"{worst:.1e} is more than {LIMIT:.0e}")


if __name__ == "__main__":
    main()
