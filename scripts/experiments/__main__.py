"""The experiments of the Position Interpolation paper on models that two CPU cores can train.

usage: experiments measure SPEC [--model DIR --text DIR] [--program build/ropewalk]
                                [--folder runs/experiments] [--jobs 2]
       experiments page [--docs docs] [--chart build/tests/ropewalk_chart_tool]

`python scripts/experiments measure configs/experiments/example-model.json` trains and evaluates whatever is
not in the folder yet, and may be stopped at any time; --model and --text (a folder with train*.txt and
valid*.txt) name the base of a SPEC that has none of its own. It ends with docs/experiments/NAME.json, which
holds every number; what is missing then is missing there. `page` makes docs/experiments.md and its pictures
from those files alone. Needs an interpreter that has third_party/pins/oracles.txt.
"""

import argparse
import json
import pathlib

from base import ROOT, Base


def measure(options):
    from measuring import Bench

    base = Base.read(options.spec, options.model, options.text)
    bench = Bench(base, options.program, options.folder / base.name)
    try:
        bench.measure(options.jobs)
    finally:
        write_cells(options.docs / "experiments" / f"{base.name}.json", bench.store.cells())


def write_cells(file, cells):
    """One line a cell."""
    lines = ",\n".join(f"{json.dumps(name)}: {json.dumps(cell)}" for name, cell in cells.items())
    file.write_text(f'{{"cells": {{\n{lines}\n}}}}\n')


def page(options):
    from page import write_page

    write_page(options.docs, ROOT / "configs" / "experiments", options.chart)


def parse_arguments():
    parser = argparse.ArgumentParser(prog="experiments", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--docs", default=ROOT / "docs", type=pathlib.Path)
    commands = parser.add_subparsers(required=True)
    measuring = commands.add_parser("measure")
    measuring.add_argument("spec", type=pathlib.Path)
    measuring.add_argument("--model", type=pathlib.Path)
    measuring.add_argument("--text", type=pathlib.Path)
    measuring.add_argument("--program", default=ROOT / "build" / "ropewalk", type=pathlib.Path)
    measuring.add_argument("--folder", default=ROOT / "runs" / "experiments", type=pathlib.Path)
    measuring.add_argument("--jobs", default=2, type=int)
    measuring.set_defaults(run=measure)
    writing = commands.add_parser("page")
    writing.add_argument("--chart", default=ROOT / "build" / "tests" / "ropewalk_chart_tool",
                         type=pathlib.Path)
    writing.set_defaults(run=page)
    return parser.parse_args()


if __name__ == "__main__":
    options = parse_arguments()
    options.run(options)
