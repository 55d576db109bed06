#!/usr/bin/env python3
"""Measured memory of one training step of model s against the length of its sequence, as
docs/long_sequences.md with its picture. One rank on this machine's CPUs in fp32.

usage: length_memory.py [--program build/ropewalk] [--folder runs/length_memory] [--longest]
                        [--page docs/long_sequences.md --chart build/tests/ropewalk_chart_tool]
    --longest    also a step at 131,072 tokens: 237 TFLOP of attention, half an hour or more on two cores

What is in the folder is not measured again: remove it to measure afresh. The chart is drawn by a program
of the tests (`cmake --build build --target ropewalk_chart_tool`).
"""

import json
import statistics
import subprocess

from plan_memory import MIB, ROOT, Bench, memory_parser, name_of

MODEL = dict(layers=6, hidden=256, inner=688, heads=4, kv_heads=2, vocab=4096, steps=1,
             parallel={"threads": 2})
LENGTHS = [8192, 12288, 16384, 24576, 32768]
RECOMPUTE = ["none", "block"]
LONGEST = dict(MODEL, length=131072, recompute="block")
# Passes of attention with recompute `block`, as forward passes: forward twice, and backward, which has
# five products of the size of forward's two.
ATTENTION_PASSES = 2 + 5 / 2


def attention_flops(combination):
    """Of a whole step; forward has two products of causal halves, each of 2 hidden operations a pair."""
    pairs = combination["length"] ** 2 / 2
    return ATTENTION_PASSES * 2 * 2 * combination["hidden"] * pairs * combination["layers"]


def measure(bench, combination, baseline):
    """Peak bytes of the process, and of the step beside the program itself; and its speed."""
    result = bench.result(combination)
    metrics = bench.folder / name_of(combination) / "run" / "metrics.jsonl"
    step = json.loads(metrics.read_text().splitlines()[-1])
    return {"length": combination["length"], "bytes": result["measured"] - baseline,
            "planned": result["planned"], "process": result["measured"],
            "tokens_per_second": step["tokens_per_second"]}


def line_through(points):
    """Slope, value at zero and the largest relative distance of a point from the line."""
    lengths, sizes = [p["length"] for p in points], [p["bytes"] for p in points]
    slope, start = statistics.linear_regression(lengths, sizes)
    return slope, start, max(abs(size / (start + slope * length) - 1)
                             for length, size in zip(lengths, sizes))


def chart(tool, tables, file):
    series = [{"name": f"recompute {name}",
               "points": [[p["length"], p["bytes"] / MIB] for p in points]}
              for name, points in tables.items()]
    for name, points in tables.items():
        slope, start, _ = line_through(points)
        series.append({"name": f"line, {slope / 1024:.1f} KiB a token", "dashed": True,
                       "points": [[x, (start + slope * x) / MIB] for x in (0, LENGTHS[-1])]})
    spec = {"title": "Memory of a training step", "subtitle": "model s, one sequence, fp32, CPU",
            "x": {"label": "sequence length", "unit": "tokens", "ticks": [0, *LENGTHS]},
            "y": {"label": "peak memory beside the program", "unit": "MiB", "minimum": 0},
            "series": series}
    done = subprocess.run([tool], input=json.dumps(spec), capture_output=True, text=True, check=True)
    file.write_text(done.stdout)


TEMPLATE = """# Memory of long sequences

`scripts/length_memory.py` trains one step of model s (6 layers, hidden size 256, 4 heads of 64, 2
key-value heads, vocabulary of 4096) on one sequence of each length, in fp32 on two threads of a CPU. The
figures are the peak resident memory less that of the program itself ({baseline:.0f} MiB), beside what
[`ropewalk plan`](planning.md) says; it is at most {worst:.1f} % off.

![Peak memory against the length of the sequence](sequence_memory.svg)

| recompute | tokens | measured, MiB | planned, MiB | planned / measured |
|---|---|---|---|---|
{rows}

Memory grows in a straight line with the length:

{lines}

Nothing in a step grows with the square of the length: attention makes its scores in tiles, the loss
its logits in chunks, and with `recompute: block` what lasts from a block to its backward is its input.
{longest}"""


LONGEST_TEMPLATE = """
## {tokens:,} tokens

One step on one sequence of {tokens:,} tokens with `recompute: block` (`--longest`) had its peak at
{process:,.0f} MiB for the whole process, {measured:,.0f} MiB of it beside the program. The line above gives
{on_line:,.0f} MiB there, `ropewalk plan` {planned:,.0f} MiB. The step took {minutes:.0f} minutes on two cores
that did other work too; {attention:.0f} TFLOP of it are attention.
"""


def longest_text(point, line):
    slope, start, _ = line
    return LONGEST_TEMPLATE.format(
        tokens=point["length"], process=point["process"] / MIB, measured=point["bytes"] / MIB,
        on_line=(start + slope * point["length"]) / MIB, planned=point["planned"] / MIB,
        minutes=point["length"] / point["tokens_per_second"] / 60,
        attention=attention_flops(LONGEST) / 1e12)


def page(baseline, tables, longest):
    rows, lines = [], []
    for name, points in tables.items():
        for p in points:
            rows.append(f"| {name} | {p['length']:,} | {p['bytes'] / MIB:.0f} | {p['planned'] / MIB:.0f} "
                        f"| {p['planned'] / p['bytes']:.2f} |")
        slope, start, off = line_through(points)
        lines.append(f"* `recompute: {name}`: {slope:,.0f} bytes a token from {start / MIB:.0f} MiB; no "
                     f"length is more than {100 * off:.1f} % off that line.")
    measured = [p for points in tables.values() for p in points] + [longest] * (longest is not None)
    worst = max(abs(p["planned"] / p["bytes"] - 1) for p in measured)
    return TEMPLATE.format(
        baseline=baseline / MIB, rows="\n".join(rows), lines="\n".join(lines), worst=100 * worst,
        longest=longest_text(longest, line_through(tables["block"])) if longest else "")


def main():
    parser = memory_parser(__doc__, "length_memory")
    parser.add_argument("--longest", action="store_true")
    parser.add_argument("--chart", default=ROOT / "build" / "tests" / "ropewalk_chart_tool")
    options = parser.parse_args()
    bench = Bench(options.program, options.folder.resolve())
    baseline = bench.baseline(MODEL)
    longest = None
    if options.longest:
        longest = measure(bench, LONGEST, baseline)
        print(longest, flush=True)
    tables = {}
    for recompute in RECOMPUTE:
        for length in LENGTHS:
            point = measure(bench, dict(MODEL, length=length, recompute=recompute), baseline)
            tables.setdefault(recompute, []).append(point)
            print(recompute, point, flush=True)
    if options.page:
        chart(options.chart, tables, options.page.parent / "sequence_memory.svg")
        options.page.write_text(page(baseline, tables, longest))


if __name__ == "__main__":
    main()
