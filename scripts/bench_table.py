#!/usr/bin/env python3
"""Prints what scripts/bench.sh measured, as Markdown, from the JSON files of the runs in a folder.

usage: bench_table.py FOLDER
"""

import json
import pathlib
import statistics
import sys

from bench_parallel import section


def print_steps(runs):
    """Ratios by wall time, and by processor time in brackets; tuned = the fastest that ran of the cell."""
    print("| model | shape | threads | ours s | / HF | / tuned | tuned peers, fastest first | peak MiB | / HF "
          "| rounds |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    for run in runs:
        peers = dict(run["peers"])
        plain = peers.pop("hf", None)
        names = sorted(peers, key=lambda name: -peers[name]["ratio"])
        ratio = lambda peer: f"{peer['ratio']:.2f} ({peer['cpu_ratio']:.2f})" if peer else ""
        cells = [run["model"], run["shape"], run["threads"], f"{run['ours_s']:.2f}", ratio(plain),
                 ratio(peers[names[0]] if names else None), ", ".join(names), f"{run['ours_peak_mib']:.0f}",
                 f"{plain['memory_ratio']:.2f}" if plain else "", run["rounds"]]
        print("| " + " | ".join(map(str, cells)) + " |")


def print_weak(run):
    rounds = run["tokens_per_second"]
    one, two = (statistics.median(r[ranks] for r in rounds) for ranks in ("1", "2"))
    print(f"\nWeak scaling (example model at 512 tokens): one rank {one:.0f} tokens/s, two ranks {two:.0f} "
          f"tokens/s; efficiency {run['efficiency']:.2f} (median of {len(rounds)} rounds)")


def print_start(run):
    print(f"\nStart to first step (model s): {run['median_s']:.2f} s (median of {len(run['seconds'])})")


def print_parallel(run):
    print("\n" + section(run), end="")


def main():
    runs = [json.loads(path.read_text()) for path in sorted(pathlib.Path(sys.argv[1]).glob("*.json"))]
    print_steps([run for run in runs if "peers" in run])
    for run in runs:
        printer = {"weak": print_weak, "start": print_start, "parallel": print_parallel}.get(run.get("what"))
        if printer:
            printer(run)
    print("\nMeasured on " + "; ".join(sorted({f"{run['cpu']} ({run['capability']}), {run['cores']} cores, "
                                               f"{run['versions']}" for run in runs})))


if __name__ == "__main__":
    main()
