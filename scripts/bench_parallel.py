#!/usr/bin/env python3
"""Every parallel mode over two ranks against `ddp`: tokens per second of `ropewalk train`, and the bytes
that a rank sends in a step.

    python scripts/bench_parallel.py --data SHARDS --json FILE [--rounds 5] [--page docs/performance.md]

Model s of bench_peer.py, one thread and one core a rank. A step has two sequences of 2048 tokens in every
mode: one for each rank, or with context parallelism half of both. Of a round, every mode runs once; ratios
are to `ddp` of the same round. Bytes are the kernel's count of the loopback interface of a network
namespace that holds the run alone; where namespaces are not permitted they are left out. SHARDS is text
prepared with the tokenizer of configs/example-model. What is in FILE is not measured again; --page writes
the section "Parallel modes" of that page from it.
"""

import argparse
import json
import pathlib
import re
import shutil
import statistics
import subprocess
import sys
import tempfile

from bench_peer import machine
from bench_train import WARMUP_STEPS, model_s, train, write_config

RANKS, SEQUENCES, TOKENS = 2, 2, 2048
STEPS = 8  # a run, after those of warm-up
COUNTED_STEPS = 4
MIB = 2 ** 20
MODES = {
    "ddp": {},
    "zero1": {"data_parallel": "zero1"},
    "zero2": {"data_parallel": "zero2"},
    "fsdp": {"data_parallel": "fsdp"},
    "fsdp, recompute block": {"data_parallel": "fsdp", "recompute": "block"},
    "ddp, context 2 (ring)": {"context_parallel": 2, "context_parallel_method": "ring"},
    "ddp, context 2 (ulysses)": {"context_parallel": 2, "context_parallel_method": "ulysses"},
}
IN_NAMESPACE = 'ip link set lo up && "$@" && cat /proc/net/dev >"$0"'


def folder(scratch, *words):
    return scratch / re.sub(r"\W+", "-", " ".join(map(str, words)))


def run_sections(model, mode, steps):
    parallel = {"threads": 1, **MODES[mode]}
    sharing = parallel.get("context_parallel", 1)
    return {"model": model, "data": {"sequence_length": TOKENS}, "parallel": parallel,
            "train": {"steps": steps, "global_batch_size": SEQUENCES,
                      "micro_batch_size": SEQUENCES * sharing // RANKS}}


def tokens_per_second(options, run_dir, model, mode):
    lines, _ = train(options, run_dir, run_sections(model, mode, WARMUP_STEPS + STEPS), RANKS)
    shutil.rmtree(run_dir)
    return statistics.median(line["tokens_per_second"] for line in lines[WARMUP_STEPS:])


def namespaces_permitted():
    try:
        words = ["unshare", "--net", "ip", "link", "set", "lo", "up"]
        return subprocess.run(words, capture_output=True).returncode == 0
    except FileNotFoundError:
        return False


def sent_by_all(options, run_dir, model, mode, steps):
    """Bytes that a whole run sends, the protocols' own included."""
    counters = run_dir.with_suffix(".net")
    train(options, run_dir, run_sections(model, mode, steps), RANKS,
          ["unshare", "--net", "sh", "-c", IN_NAMESPACE, str(counters)])
    shutil.rmtree(run_dir)
    # After the name eight numbers of what was received, then as many of what was sent.
    return int(re.search(r"lo:((?:\s+\d+)+)", counters.read_text())[1].split()[8])


def sent_bytes(options, scratch, model, mode):
    """Of a rank and step: what a longer run sends beyond a short one, which starts and ends alike."""
    short, long = (sent_by_all(options, folder(scratch, "sent", steps, mode), model, mode, steps)
                   for steps in (WARMUP_STEPS, WARMUP_STEPS + COUNTED_STEPS))
    return (long - short) / COUNTED_STEPS / RANKS


def planned_bytes(options, scratch, model, mode):
    config = write_config(options, folder(scratch, "planned", mode), run_sections(model, mode, 1))
    words = ["plan", str(config), "--gpus", str(RANKS), "--hardware", "cpu", "--memory", "1TB", "--json"]
    done = subprocess.run([options.program, *words], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)["time"]["sent_bytes"]


def measure(options, scratch, result):
    """Adds what is missing, and writes it down after every round."""
    model = model_s(scratch / "s")
    if "sent" not in result:
        if not (permitted := namespaces_permitted()):
            print("bench_parallel: no network namespaces here: bytes are not counted", file=sys.stderr)
        result["sent"] = {mode: sent_bytes(options, scratch, model, mode) if permitted else None
                          for mode in MODES}
        result["planned"] = {mode: planned_bytes(options, scratch, model, mode) for mode in MODES}
    while True:
        options.json.write_text(json.dumps(result, indent=1) + "\n")
        number = len(result["rounds"])
        if number >= options.rounds:
            return
        speeds = {mode: tokens_per_second(options, folder(scratch, "speed", number, mode), model, mode)
                  for mode in MODES}
        print(f"round {number}: {speeds}", file=sys.stderr, flush=True)
        result["rounds"].append(speeds)


HEADING = "## Parallel modes\n"
SECTION = HEADING + """
`scripts/bench_parallel.py` trains model s with `ropewalk train` over two ranks of one thread and one core
each. A step has two sequences of {length} tokens in every mode: one for each rank, or with context
parallelism half of both. The modes took turns; speeds are medians of {rounds}, their ratios those to `ddp`
of the same round. Sent is what a rank sends in a step, protocols included: the count of the loopback
interface of a network namespace around the run. Planned is what `ropewalk plan` says for it.

| mode | tokens/s | / ddp | lowest, highest | sent, MiB | / ddp | planned, MiB |
|---|---|---|---|---|---|---|
{rows}

Plan counts the rings of NCCL. On CPUs c10d makes Gloo's reduce-scatter of an all-reduce of a copy, so that
kinds that shard send more than is planned. Measured on {machine}.
"""


def row(result, mode):
    speeds = [each[mode] for each in result["rounds"]]
    ratios = [each[mode] / each["ddp"] for each in result["rounds"]]
    sent, base = result["sent"][mode], result["sent"]["ddp"]
    counted = [f"{sent / MIB:.1f}", f"{sent / base:.2f}"] if sent else ["namespaces not permitted", ""]
    cells = [f"`{mode}`", f"{statistics.median(speeds):.0f}", f"{statistics.median(ratios):.2f}",
             f"{min(ratios):.2f}, {max(ratios):.2f}", *counted, f"{result['planned'][mode] / MIB:.1f}"]
    return "| " + " | ".join(cells) + " |"


def section(result):
    count = len(result["rounds"])
    return SECTION.format(
        length=TOKENS, rounds="one round" if count == 1 else f"{count} rounds",
        rows="\n".join(row(result, mode) for mode in MODES),
        machine=f"{result['cpu']} ({result['capability']}), {result['cores']} cores, "
                f"{result['versions'].split(',')[0]}")


def with_section(page, text):
    """The page with the section in the place of the one that it has, or at its end."""
    before, heading, after = page.partition(HEADING)
    if not heading:
        return page.rstrip("\n") + "\n\n" + text
    rest = re.search(r"^## .*", after, re.S | re.M)
    return before + text + ("\n" + rest[0] if rest else "")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--program", default="build/ropewalk")
    parser.add_argument("--data", required=True, help="folder of token shards")
    parser.add_argument("--json", type=pathlib.Path, required=True)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--page", type=pathlib.Path)
    options = parser.parse_args()
    result = {"what": "parallel", **machine(), "rounds": []}
    if options.json.exists():
        result = json.loads(options.json.read_text())
    with tempfile.TemporaryDirectory() as scratch:
        measure(options, pathlib.Path(scratch), result)
    print(section(result))
    if options.page:
        options.page.write_text(with_section(options.page.read_text(), section(result)))


if __name__ == "__main__":
    main()
