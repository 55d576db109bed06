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
NUM_SHARED_FITTED, SHARED_FIT_SEED = 8, 12
NUM_SHARED_CHECKED, SHARED_SEED = 12, 31

# What a combination may say beside its defaults: sizes of the model, `ranks`, the micro-steps of a
# step, and sections `parallel` and `lora` of the run config. kv_heads None: of a family without such a setting.
DEFAULTS = dict(layers=4, hidden=256, inner=704, heads=4, kv_heads=2, vocab=4096, tied=False,
                model_type="llama", length=1024, micro=1, micro_steps=1, precision="fp32",
                recompute="none", ranks=1, parallel={}, lora={}, steps=STEPS)
TINY = dict(layers=1, hidden=32, inner=32, heads=1, kv_heads=1, vocab=2048, length=32)

FSDP = {"data_parallel": "fsdp"}
FIT = [
    dict(layers=4, hidden=384, inner=1024, heads=6, kv_heads=6, length=2048, ranks=2),
    dict(layers=8, hidden=512, inner=1376, heads=8, vocab=32000, length=512),
    dict(layers=8, hidden=512, inner=1376, heads=8, length=2048, micro=2, recompute="block"),
    dict(layers=4, length=8192, recompute="block", tied=True),
    dict(layers=6, hidden=512, inner=1376, heads=8, micro_steps=2, ranks=2),
    dict(layers=6, hidden=512, inner=1376, heads=8, vocab=16384, ranks=2, parallel=FSDP),
    dict(layers=8, hidden=512, inner=1376, heads=8, length=2048, micro_steps=2, recompute="block",
         ranks=2, parallel=FSDP),
    dict(layers=6, hidden=384, inner=1024, heads=6, vocab=16384, length=512, precision="bf16",
         ranks=2, parallel=FSDP),
    dict(layers=6, hidden=512, inner=1376, heads=8, micro_steps=2, ranks=2,
         parallel={"data_parallel": "zero1"}),
    dict(layers=6, hidden=512, inner=1376, heads=8, micro_steps=2, ranks=2, recompute="selective",
         parallel={"data_parallel": "zero2"}),
    dict(layers=6, hidden=384, inner=1024, heads=6, length=512, precision="bf16", micro_steps=2,
         ranks=2, parallel={"data_parallel": "zero2"}),
    dict(layers=4, hidden=512, inner=1376, heads=8, kv_heads=8, ranks=4,
         parallel={**FSDP, "shard_size": 2}),
    dict(layers=4, hidden=384, inner=768, heads=6, kv_heads=6, length=6144, recompute="block",
         ranks=2, parallel={"context_parallel": 2}),
    dict(layers=4, hidden=256, inner=512, heads=4, kv_heads=4, length=4096, precision="bf16",
         ranks=2, parallel={**FSDP, "context_parallel": 2}),
    dict(layers=4, hidden=384, inner=768, heads=6, kv_heads=3, length=6144, ranks=2,
         parallel={"context_parallel": 2, "context_parallel_method": "ulysses"}),
]

# Beside the drawn ones: other families, two ranks, and LoRA.
NAMED = [
    dict(layers=5, hidden=320, inner=960, heads=5, kv_heads=1, length=1536, micro=2, ranks=2),
    dict(layers=7, hidden=320, inner=640, heads=5, kv_heads=5, length=1536, model_type="qwen3"),
    dict(layers=6, hidden=384, inner=768, heads=6, length=3072, model_type="olmo2",
         recompute="block"),
    dict(layers=8, hidden=512, inner=1376, heads=8, lora={"rank": 8}),
    dict(layers=8, hidden=512, inner=1376, heads=8,
         lora={"rank": 8, "train_norms": False, "train_embeddings": False}),
    dict(layers=8, hidden=512, inner=1376, heads=8, length=2048, recompute="block",
         lora={"rank": 16, "targets": ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj",
                                       "up_proj", "down_proj"]}),
    dict(layers=6, hidden=384, inner=1152, heads=6, vocab=16384, precision="bf16",
         lora={"rank": 8}),
    dict(layers=6, hidden=512, inner=1376, heads=8, micro_steps=2, ranks=2, parallel=FSDP,
         lora={"rank": 8}),
    dict(layers=6, hidden=512, inner=1376, heads=8, ranks=2,
         lora={"rank": 64, "targets": ["q_proj", "v_proj"]}),
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


def draw_shared(count, seed):
    """Runs of several ranks: kinds of sharing, context parallelism, accumulation, bf16."""
    dice = random.Random(seed)
    for _ in range(count):
        hidden = dice.choice([256, 384, 512])
        heads = hidden // 64
        ranks = dice.choice([2, 2, 4])
        parallel = {"data_parallel": dice.choice(["ddp", "zero1", "zero2", "fsdp"])}
        if parallel["data_parallel"] != "ddp" and ranks == 4 and dice.random() < 0.5:
            parallel["shard_size"] = 2
        method = dice.choice([None, "ring", "ulysses"])
        if method:
            parallel.update(context_parallel=2, context_parallel_method=method)
        yield dict(layers=dice.choice([3, 4, 6]), hidden=hidden, inner=dice.choice([2, 3]) * hidden,
                   heads=heads, kv_heads=heads // dice.choice([1, 2]),
                   vocab=dice.choice([4096, 8192, 16384]), tied=dice.random() < 0.3,
                   length=dice.choice([512, 1024]) * (4 if method else 1),
                   micro_steps=dice.choice([1, 2]),
                   precision=dice.choice(["fp32", "fp32", "bf16"]),
                   recompute=dice.choice(["none", "selective", "block"]), ranks=ranks,
                   parallel=parallel)


def fits():
    return [*FIT, *draw_shared(NUM_SHARED_FITTED, SHARED_FIT_SEED)]


def checks():
    return [*NAMED, *draw(NUM_CHECKED, SEED), *draw_shared(NUM_SHARED_CHECKED, SHARED_SEED)]


def name_of(combination):
    c = {**DEFAULTS, **combination}
    text = (f"{c['model_type']}-{c['layers']}x{c['hidden']}x{c['inner']}-h{c['heads']}.{c['kv_heads']}"
            f"-v{c['vocab']}{'t' if c['tied'] else ''}-{c['micro']}x{c['length']}-{c['recompute']}")
    text += f"-{c['micro_steps']}steps" if c["micro_steps"] > 1 else ""
    text += "-bf16" if c["precision"] == "bf16" else ""
    text += "".join(f"-{key}={value}" for key, value in sorted(c["parallel"].items()))
    text += "".join(f"-lora.{key}={'+'.join(value) if key == 'targets' else value}"
                    for key, value in c["lora"].items())
    return text + (f"-{c['ranks']}ranks" if c["ranks"] > 1 else "")


def run_config(combination, folder, data):
    c = {**DEFAULTS, **combination}
    parallel = {"threads": 1, "recompute": c["recompute"], **c["parallel"]}
    batch = c["micro"] * c["micro_steps"] * c["ranks"] // parallel.get("context_parallel", 1)
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
                  "micro_batch_size": c["micro"], "precision": c["precision"]},
        "schedule": {"warmup_steps": 0},
        "lora": c["lora"],
        "parallel": parallel,
        "checkpoint": {"every_steps": 0, "keep": 2},
        "log": {"every_steps": 1, "tensorboard": False},
    }


class Bench:
    def __init__(self, program, folder):
        self.program, self.folder = program, folder
        self.data = folder / "data"
        self.prepare_data()

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

    def weights(self, combination):
        """A checkpoint of these sizes: updates of low rank stand beside weights that are there."""
        whole = {**combination, "lora": {}, "ranks": 1, "parallel": {}, "micro_steps": 1, "steps": 1}
        folder = self.folder / "weights" / name_of(whole)
        checkpoint = folder / "run" / "checkpoints" / "step-00000001"
        if not checkpoint.exists():
            folder.mkdir(parents=True, exist_ok=True)
            config = folder / "run.json"
            config.write_text(json.dumps(run_config(whole, folder, self.data), indent=1))
            self.call("train", config)
        return checkpoint

    def result(self, combination):
        """{measured, planned}: peak bytes of a rank."""
        folder = self.folder / name_of(combination)
        file = folder / "result.json"
        if not file.exists():
            folder.mkdir(parents=True, exist_ok=True)
            config = folder / "run.json"
            sections = run_config(combination, folder, self.data)
            if combination.get("lora"):
                sections["model"] = {"pretrained": str(self.weights(combination))}
            config.write_text(json.dumps(sections, indent=1))
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

    def baseline(self, combination):
        """Of the program itself, alone or in company, with or without the kernels of bf16."""
        tiny = self.result({**TINY, "precision": combination.get("precision", "fp32"),
                            "ranks": min(combination.get("ranks", 1), 2)})
        return tiny["measured"] - tiny["planned"]


def rows(bench, only):
    combinations = [("fit", c) for c in fits()]
    combinations += [("check", c) for c in checks()]
    yield "baseline", None, bench.baseline({}), None
    for role, combination in combinations:
        if only and name_of(combination) not in only:
            continue
        result = bench.result(combination)
        yield role, combination, result["measured"] - bench.baseline(combination), result


TEMPLATE = """# Planned and measured memory

`scripts/plan_memory.py` runs {steps} steps of each combination on CPUs, each rank with one thread, and
compares the peak resident memory of rank 0 with `ropewalk plan`. From both the program itself is taken:
{baseline:.0f} MiB, measured with a model of a few kilobytes in the same precision, alone or on two ranks, which is what `plan` lists
as "program and libraries". The constants of the memory model (`include/ropewalk/plan/engine_facts.h`)
were fixed on the rows `fit`, the last {fitted} of them drawn by seed {fit_seed}. Of the rows `check`
{drawn} were drawn by seed {seed}, and the last {shared} by seed {shared_seed}; no constant was changed for them.

A name says: family, layers x hidden x MLP size, heads.key-value heads, vocabulary (t: tied), sequences
of a micro-batch x their length, recompute, micro-steps of a step, bf16, settings of LoRA, and what else is
not the default.

| rows | combination | highest at | measured, MiB | planned, MiB | planned / measured |
|---|---|---|---|---|---|
{rows}

Largest error of the {checks} rows `check`: {worst[check]:.1f} %; of the {fits} rows `fit`: {worst[fit]:.1f} %.
The same run may differ by 20 MiB from one time to the next, as reductions overlap with other work.
"""


def memory_parser(doc, folder):
    """The options of every script that measures memory into a page."""
    parser = argparse.ArgumentParser(description=doc.splitlines()[0])
    parser.add_argument("--program", default=ROOT / "build" / "ropewalk")
    parser.add_argument("--folder", type=pathlib.Path, default=ROOT / "runs" / folder)
    parser.add_argument("--page", type=pathlib.Path)
    return parser


def main():
    parser = memory_parser(__doc__, "plan_memory")
    parser.add_argument("--only", nargs="*")
    options = parser.parse_args()
    bench = Bench(options.program, options.folder.resolve())
    table, worst, baseline = [], {"fit": 0.0, "check": 0.0}, 0
    for role, combination, measured, result in rows(bench, options.only):
        if result is None:
            baseline = measured / MIB
            print(f"baseline {baseline:.0f} MiB", flush=True)
            continue
        ratio = result["planned"] / measured
        worst[role] = max(worst[role], 100 * abs(ratio - 1.0))
        table.append(f"| {role} | `{name_of(combination)}` | {result['at'].replace('_', ' ')} | "
                     f"{measured / MIB:.0f} | {result['planned'] / MIB:.0f} | {ratio:.2f} |")
        print(table[-1], flush=True)
    print(f"worst of check {worst['check']:.1f} %, of fit {worst['fit']:.1f} %")
    if options.page:
        options.page.write_text(TEMPLATE.format(
            steps=STEPS, baseline=baseline, drawn=NUM_CHECKED, seed=SEED, shared=NUM_SHARED_CHECKED,
            shared_seed=SHARED_SEED, fitted=NUM_SHARED_FITTED, fit_seed=SHARED_FIT_SEED,
            rows="\n".join(table), checks=len(checks()), fits=len(fits()), worst=worst))


if __name__ == "__main__":
    main()
