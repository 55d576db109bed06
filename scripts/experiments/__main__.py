"""The experiments of the Position Interpolation paper on models that two CPU cores can train.

usage: experiments measure SPEC [--model DIR --text DIR] [--program build/ropewalk]
                                [--folder runs/experiments] [--jobs 2]
       experiments page [--docs docs] [--chart build/tests/ropewalk_chart_tool]

`measure` trains and evaluates what a SPEC (configs/experiments/NAME.json) asks for and
docs/experiments/NAME.json does not have yet, and puts it there, number by number: it may be stopped at any
time. --model and --text (a folder with train*.txt and valid*.txt) name the base of a SPEC that has none of
its own. `page` makes docs/experiments.md and its pictures from docs/experiments/*.json alone. Needs an
interpreter that has third_party/pins/oracles.txt.
"""

import argparse
import pathlib
import signal

from base import ROOT, Base


def measure(options):
    from measuring import Bench

    signal.signal(signal.SIGTERM, signal.default_int_handler)
    base = Base.read(options.spec, options.model, options.text)
    results = options.docs / "experiments" / f"{base.name}.json"
    try:
        Bench(base, options.program, options.folder, results).measure(options.jobs)
    except KeyboardInterrupt:
        raise SystemExit("stopped; the same command goes on from here") from None


def page(options):
    from page import write_page

    write_page(options.docs, options.chart)


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
