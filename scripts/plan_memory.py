#!/usr/bin/env python3
"""Measured memory of training runs against `ropewalk plan`, as docs/plan_memory.md.

Every combination is a run of a few steps on CPUs; what it holds is its peak resident memory less
that of a run of a model of a few kilobytes. The constants of include/ropewalk/plan/engine_facts.h
are fixed on the rows `fit`; the rows `check` are drawn by a seed and only compared.

usage: plan_memory.py [--program build/ropewalk] [--folder runs/plan_memory] [--only NAME ...]
                      [--page docs/plan_memory.md]

What is in the folder is not measured again: remove it to measure afresh.
"""

import argparse
import json
import pathlib
import random
import shutil
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[1]
TOKENIZER = ROOT / "configs" / "example-model"
MIB = 2 ** 20
STEPS = 2  # from the second one on gradients are added to those that are there
SEED = 8
NUM_CHECKED = 10

# What a combination may say beside its defaults: sizes of the model, sections of the run config,
# and `ranks`. kv_heads None: of a family that has no such setting.
DEFAULTS = dict(layers=4, hidden=256, inner=704, heads=4, kv_heads=2, vocab=4096, tied=False,
                model_type="llama", length=1024, micro=1, recompute="none", ranks=1, parallel={},
                steps=STEPS)
TINY = dict(layers=1, hidden=32, inner=32, heads=1, kv_heads=1, vocab=2048, length=32)

FIT = [
    dict(layers=4, hidden=384, inner=1024, heads=6, kv_heads=6, length=2048, ranks=2),
    dict(layers=8, hidden=512, inner=1376, heads=8, vocab=32000, length=512),
    dict(layers=8, hidden=512, inner=1376, heads=8, length=2048, micro=2, recompute="block"),
    dict(layers=4, length=8192, recompute="block", tied=True),
]

# Beside the drawn ones: other families, and two ranks.
NAMED = [
    dict(layers=5, hidden=320, inner=960, heads=5, kv_heads=1, length=1536, micro=2, ranks=2),
    dict(layers=7, hidden=320, inner=640, heads=5, kv_heads=5, length=1536, model_type="qwen3"),
    dict(layers=6, hidden=384, inner=768, heads=6, length=3072, model_type="olmo2",
         recompute="block"),
]


def draw(count, seed):
    dice = random.Random(seed)
    for _ in range(count):
        hidden = dice.choice([192, 256, 384, 512])
        heads = hidden // 64
        yield dict(layers=dice.choice([2, 4, 6, 10]), hidden=hidden,
                   inner=dice.choice([2, 3, 4]) * hidden, heads=heads,
                   kv_heads=dice.choice([n for n in (1, 2, 3, 4, 6, 8) if heads % n == 0]),
                   vocab=dice.choice([4096, 16384, 32000]), tied=dice.random() < 0.5,
                   length=dice.choice([1024, 2048, 4096]), micro=dice.choice([1, 2, 3]),
                   recompute=dice.choice(["none", "block"]))


def name_of(combination):
    c = {**DEFAULTS, **combination}
    text = (f"{c['model_type']}-{c['layers']}x{c['hidden']}x{c['inner']}-h{c['heads']}.{c['kv_heads']}"
            f"-v{c['vocab']}{'t' if c['tied'] else ''}-{c['micro']}x{c['length']}-{c['recompute']}")
    text += "".join(f"-{key}={value}" for key, value in sorted(c["parallel"].items()))
    return text + (f"-{c['ranks']}ranks" if c["ranks"] > 1 else "")


def run_config(combination, folder, data):
    c = {**DEFAULTS, **combination}
    parallel = {"threads": 1, "recompute": c["recompute"], **c["parallel"]}
    batch = c["micro"] * c["ranks"] // parallel.get("context_parallel", 1)
    grouped = {} if c["kv_heads"] is None else {"num_key_value_heads": c["kv_heads"],
                                                "head_dim": c["hidden"] // c["heads"]}
    return {
        "model": {"model_type": c["model_type"], "vocab_size": c["vocab"], "hidden_size": c["hidden"],
                  "intermediate_size": c["inner"], "num_hidden_layers": c["layers"],
                  "num_attention_heads": c["heads"], "max_position_embeddings": c["length"],
                  "tie_word_embeddings": c["tied"], "bos_token_id": 1, "eos_token_id": 2,
                  **grouped},
        "data": {"train": [str(data)], "sequence_length": c["length"]},
        "train": {"run_dir": str(folder / "run"), "steps": c["steps"], "global_batch_size": batch,
                  "micro_batch_size": c["micro"]},
        "schedule": {"warmup_steps": 0},
        "parallel": parallel,
        "checkpoint": {"every_steps": 0, "keep": 1},
        "log": {"every_steps": 1, "tensorboard": False},
    }


class Bench:
    def __init__(self, program, folder):
        self.program, self.folder = program, folder
        self.data = folder / "data"

    def call(self, *words):
        done = subprocess.run([self.program, *map(str, words)], capture_output=True, text=True)
        if done.returncode != 0:
            raise SystemExit(f"{' '.join(map(str, words))}\n{done.stderr}{done.stdout}")
        return done.stdout

    def prepare_data(self):
        if self.data.exists():
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        dice = random.Random(0)
        words = " ".join("".join(dice.choice("aeioubdfgklmnrst") for _ in range(5))
                         for _ in range(40000))
        (self.folder / "text.txt").write_text(words + "\n")
        self.call("prepare", self.folder / "text.txt", "--tokenizer", TOKENIZER, "--output", self.data)

    def result(self, combination):
        """{measured, planned}: peak bytes of a rank."""
        folder = self.folder / name_of(combination)
        file = folder / "result.json"
        if not file.exists():
            folder.mkdir(parents=True, exist_ok=True)
            config = folder / "run.json"
            config.write_text(json.dumps(run_config(combination, folder, self.data), indent=1))
            ranks = combination.get("ranks", 1)
            shutil.rmtree(folder / "run", ignore_errors=True)
            self.call("train", config, "--nproc", ranks)
            lines = (folder / "run" / "metrics.jsonl").read_text().splitlines()
            shutil.rmtree(folder / "run" / "checkpoints")
            file.write_text(json.dumps(max(json.loads(line)["memory_bytes"] for line in lines)))
        plan = json.loads(self.call("plan", folder / "run.json", "--gpus", combination.get("ranks", 1),
                                    "--hardware", "cpu", "--memory", "1TB", "--json"))
        peak = plan["memory"]["bytes_at"][plan["memory"]["peak_at"]]
        return {"measured": json.loads(file.read_text()), "peak": peak,
                "planned": peak["total"] - peak["runtime"], "at": plan["memory"]["peak_at"]}


def rows(bench, only):
    combinations = [("fit", c) for c in FIT]
    combinations += [("check", c) for c in [*NAMED, *draw(NUM_CHECKED, SEED)]]
    tiny = bench.result(TINY)
    baseline = tiny["measured"] - tiny["planned"]
    yield "baseline", None, baseline, None
    for role, combination in combinations:
        if only and name_of(combination) not in only:
            continue
        result = bench.result(combination)
        yield role, combination, result["measured"] - baseline, result


TEMPLATE = """# Planned and measured memory

`scripts/plan_memory.py` runs {steps} steps of each combination on CPUs in fp32 and compares the peak
resident memory of rank 0 with `ropewalk plan`. From both the program itself is taken: {baseline:.0f}
MiB, measured with a model of a few kilobytes, which is what `plan` lists as "program and libraries".
The constants of the memory model (`include/ropewalk/plan/engine_facts.h`) were fixed on the rows `fit`;
of the rows `check` {drawn} were drawn by seed {seed}, and all were measured after that.

A name says: family, layers x hidden x MLP size, heads.key-value heads, vocabulary (t: tied), sequences
of a micro-batch x their length, recompute, and what else is not the default.

| rows | combination | highest at | measured, MiB | planned, MiB | planned / measured |
|---|---|---|---|---|---|
{rows}

Largest error of the rows `check`: {worst:.1f} %. Sharded and context parallel runs on several ranks are
planned by the same formulas, from what the engine is made to hold.
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--program", default=ROOT / "build" / "ropewalk")
    parser.add_argument("--folder", type=pathlib.Path, default=ROOT / "runs" / "plan_memory")
    parser.add_argument("--only", nargs="*")
    parser.add_argument("--page", type=pathlib.Path)
    options = parser.parse_args()
    bench = Bench(options.program, options.folder.resolve())
    bench.prepare_data()
    table, worst, baseline = [], 0.0, 0
    for role, combination, measured, result in rows(bench, options.only):
        if result is None:
            baseline = measured / MIB
            print(f"baseline {baseline:.0f} MiB", flush=True)
            continue
        ratio = result["planned"] / measured
        if role == "check":
            worst = max(worst, abs(ratio - 1.0))
        table.append(f"| {role} | `{name_of(combination)}` | {result['at'].replace('_', ' ')} | "
                     f"{measured / MIB:.0f} | {result['planned'] / MIB:.0f} | {ratio:.2f} |")
        print(table[-1], flush=True)
    print(f"worst {100 * worst:.1f} %")
    if options.page:
        options.page.write_text(TEMPLATE.format(
            steps=STEPS, baseline=baseline, drawn=NUM_CHECKED, seed=SEED, rows="\n".join(table),
            worst=100 * worst))


if __name__ == "__main__":
    main()
