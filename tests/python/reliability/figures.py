"""The figures of docs/reliability.md: what each one tries, how often, and what must come out.

A module r*.py of this folder declares one or more of them:

    @figure("R1", "Ranks killed at random instants", target="nothing lost")
    def random_kills(work):
        for _ in range(work.size(short=3, full=200)):
            ...
        return Outcome(tried="200 kills", result="0 lost", failures=[])
"""

import dataclasses
import importlib
import pathlib
import random
import typing

FOLDER = pathlib.Path(__file__).parent


@dataclasses.dataclass
class Outcome:
    tried: str  # how often, of what
    result: str  # what was measured
    failures: list  # one text for each that missed the target; empty: it is met


@dataclasses.dataclass
class Work:
    """What a figure is measured with: a folder of its own, and dice that fall the same every time."""

    folder: pathlib.Path
    dice: random.Random
    full: bool

    def size(self, short, full):
        return full if self.full else short


@dataclasses.dataclass(frozen=True)
class Figure:
    name: str  # "R1"
    title: str
    target: str
    measure: typing.Callable

    def order(self):
        return int(self.name[1:])

    def run(self, folder, full):
        folder = pathlib.Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        return self.measure(Work(folder, random.Random(f"ropewalk {self.name}"), full))


FIGURES = {}


def figure(name, title, target):
    def declare(measure):
        assert name not in FIGURES, f"{name} is declared twice"
        FIGURES[name] = Figure(name, title, target, measure)
        return measure
    return declare


def all_figures():
    for path in sorted(FOLDER.glob("r*.py")):
        importlib.import_module(path.stem)
    return sorted(FIGURES.values(), key=Figure.order)
