#!/usr/bin/env python3
"""Kills, starves and damages runs, and writes what came of it: docs/reliability.md.

usage: reliability.py [--program build/ropewalk] [--tools build/tests] [--folder runs/reliability]
                      [--page docs/reliability.md] [--figures R1,R7] [--short]

Needs an interpreter that has third_party/pins/oracles.txt, and clang-14 for the figures that fuzz.
What was measured is kept in the folder, one JSON file a figure, and not measured again: remove a file
to measure afresh. --figures measures just those, afresh. --short: the form that the tests run; the
page is then printed instead of written.
"""

import argparse
import json
import os
import pathlib
import shutil
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
PAGE_HEAD = """# Reliability

What is promised of runs that are killed, starved or fed damaged files, and how often that was tried.
`scripts/reliability.py` makes this page; CI runs a short form of every figure.

| | what is done | target | tried | result |
|---|---|---|---|---|
"""


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--program", default=ROOT / "build" / "ropewalk", type=pathlib.Path)
    parser.add_argument("--tools", default=ROOT / "build" / "tests", type=pathlib.Path)
    parser.add_argument("--folder", default=ROOT / "runs" / "reliability", type=pathlib.Path)
    parser.add_argument("--page", default=ROOT / "docs" / "reliability.md", type=pathlib.Path)
    parser.add_argument("--figures", default="", help="names, with commas between them")
    parser.add_argument("--short", action="store_true")
    return parser.parse_args()


def measure(figure, folder, full):
    work = folder / f"{figure.name}.work"
    shutil.rmtree(work, ignore_errors=True)
    started = time.monotonic()
    outcome = figure.run(work, full)
    shutil.rmtree(work)
    print(f"{figure.name}: {outcome.tried}: {outcome.result} ({time.monotonic() - started:.0f} s)",
          *outcome.failures, sep="\n  ", flush=True)
    return {"tried": outcome.tried, "result": outcome.result, "failures": outcome.failures}


def row(figure, outcome):
    result = outcome["result"]
    if outcome["failures"]:
        result = f"**missed**: {result}; {len(outcome['failures'])} failed"
    return f"| {figure.name} | {figure.title} | {figure.target} | {outcome['tried']} | {result} |\n"


def main():
    arguments = parse_arguments()
    os.environ["ROPEWALK_BIN"] = str(arguments.program.resolve())
    os.environ["ROPEWALK_TOOLS"] = str(arguments.tools.resolve())
    sys.path[:0] = [str(ROOT / "tests" / "python" / "reliability"), str(ROOT / "tests" / "python")]
    from figures import all_figures

    folder = arguments.folder / ("short" if arguments.short else "full")
    folder.mkdir(parents=True, exist_ok=True)
    chosen = [name for name in arguments.figures.split(",") if name]
    figures = all_figures()
    unknown = set(chosen) - {figure.name for figure in figures}
    if unknown:
        sys.exit(f"no figure {', '.join(sorted(unknown))}; there are "
                 + ", ".join(figure.name for figure in figures))
    rows = []
    for figure in figures:
        stored = folder / f"{figure.name}.json"
        if figure.name in chosen or (not chosen and not stored.exists()):
            stored.write_text(json.dumps(measure(figure, folder, not arguments.short), indent=2))
        if stored.exists():
            rows.append((figure, json.loads(stored.read_text())))
    page = PAGE_HEAD + "".join(row(*entry) for entry in rows)
    if arguments.short:
        print(page)
    else:
        arguments.page.write_text(page)
    sys.exit(any(outcome["failures"] for _, outcome in rows))


if __name__ == "__main__":
    main()
