#!/usr/bin/env python3
"""Runs of `ropewalk train`, timed: weak scaling over two ranks, and from start to first step.

    python scripts/bench_train.py weak  --data SHARDS --json FILE [--rounds 5]
    python scripts/bench_train.py start --data SHARDS --json FILE [--rounds 5]

weak: the example model at 512 tokens on one rank (one thread, one core) and on two ranks (one thread
each, two cores), runs alternating; the efficiency of a round is the tokens per second of two ranks over
twice those of one. start: model s of bench_peer.py from its folder, one step of 1x512 tokens; the
seconds from the start of the program until the first step is in metrics.jsonl. SHARDS is text prepared
with the tokenizer of configs/example-model.
"""

import argparse
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import tempfile
import time

from bench_peer import machine, make_model

EXAMPLE = pathlib.Path("configs/example-model")
WARMUP_STEPS = 3
TOKENS = 512


def metrics(run_dir):
    file = run_dir / "metrics.jsonl"
    lines = file.read_text().splitlines() if file.exists() else []
    return [json.loads(line) for line in lines if line.endswith("}")]


def write_config(options, run_dir, sections):
    """The run config of a folder, beside it."""
    every = {"data": {"train": [options.data], "sequence_length": TOKENS},
             "train": {"run_dir": str(run_dir)}, "schedule": {"warmup_steps": 0},
             "parallel": {"threads": 1}, "checkpoint": {"every_steps": 0}, "log": {"every_steps": 1}}
    config = run_dir.with_suffix(".json")
    config.write_text(json.dumps({name: {**every.get(name, {}), **sections.get(name, {})}
                                  for name in {**sections, **every}}))
    return config


def train(options, run_dir, sections, ranks=1, before=()):
    """Runs to the end, on a core a rank; returns the lines of metrics and the seconds until the first
    of them. `before`: words put before the command."""
    config = write_config(options, run_dir, sections)
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < ranks:
        raise SystemExit(f"{ranks} ranks need {ranks} cores")
    begin, first_s = time.perf_counter(), None
    with subprocess.Popen([*before, "taskset", "-c", ",".join(map(str, cores[-ranks:])), options.program,
                           "train", str(config), "--nproc", str(ranks)],
                          stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        while first_s is None and process.poll() is None:
            first_s = time.perf_counter() - begin if metrics(run_dir) else time.sleep(0.005)
        errors = process.communicate()[1]
    if process.returncode != 0:
        raise SystemExit(f"{options.program} train ended with {process.returncode}: {errors}")
    return metrics(run_dir), first_s


def weak(options, scratch):
    rounds = []
    for number in range(options.rounds):
        line = {}
        for ranks in (1, 2):
            lines, _ = train(options, scratch / f"weak-{number}-{ranks}",
                             {"model": {"pretrained": str(EXAMPLE), "max_position_embeddings": TOKENS,
                                        "pos_scaling_factor": 2.0},
                              "train": {"steps": WARMUP_STEPS + 12, "global_batch_size": 8 * ranks,
                                        "micro_batch_size": 4}}, ranks)
            line[str(ranks)] = statistics.median(m["tokens_per_second"] for m in lines[WARMUP_STEPS:])
        rounds.append(line)
    return {"tokens_per_second": rounds,
            "efficiency": statistics.median(r["2"] / (2 * r["1"]) for r in rounds)}


def model_s(folder):
    """Model s of bench_peer.py with the example model's tokenizer, made there."""
    make_model("s", folder)
    for file in EXAMPLE.glob("tokenizer*"):
        shutil.copy(file, folder)
    return {"pretrained": str(folder)}


def start(options, scratch):
    sections = {"model": model_s(scratch / "s"), "train": {"steps": 1, "global_batch_size": 1}}
    seconds = [train(options, scratch / f"start-{number}", sections)[1]
               for number in range(1 + options.rounds)]
    return {"seconds": seconds[1:], "median_s": statistics.median(seconds[1:])}  # the first: cold files


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["weak", "start"])
    parser.add_argument("--program", default="build/ropewalk")
    parser.add_argument("--data", required=True, help="folder of token shards")
    parser.add_argument("--json", type=pathlib.Path, required=True)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        result = {"weak": weak, "start": start}[options.what](options, pathlib.Path(scratch))
    options.json.write_text(json.dumps({"what": options.what, **machine(), **result}, indent=1) + "\n")


if __name__ == "__main__":
    main()
