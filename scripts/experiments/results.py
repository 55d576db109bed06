"""What was measured on one base, by what it is."""

import dataclasses
import json
import statistics

from base import DIRECT, LINEAR, Settings
from store import BASE_PASSKEY, BOUND, all_cells, tuned_cell, untuned_cell

ARM_NAMES = {DIRECT: "direct", LINEAR: "linear (PI)", "dynamic": "dynamic NTK", "yarn": "YaRN"}


def perplexity(value):
    return "missing" if value is None else f"{value:.{2 if value < 100 else 1}f}"


def tokens(value):
    return "missing" if value is None else f"{value:.0f}"


@dataclasses.dataclass(frozen=True)
class Spread:
    """Values of those of `wanted` seeds that were measured."""

    values: tuple
    wanted: int

    @property
    def mean(self):
        return statistics.mean(self.values) if self.values else None

    @property
    def complete(self):
        return len(self.values) == self.wanted

    def text(self, form):
        if not self.values:
            return "missing"
        shown, least, most = map(form, (self.mean, min(self.values), max(self.values)))
        if least != most:
            shown += f" ({least}-{most})"
        if not self.complete:
            shown += f", {len(self.values)} of {self.wanted} seeds"
        return shown


class Results:
    def __init__(self, file):
        found = json.loads(file.read_text())
        self.name, self.settings, self.cells = file.stem, Settings(**found["settings"]), found["cells"]
        self.model, self.text = found["model"], found["text"]  # hashes

    @property
    def longest(self):
        return max(self.settings.factors)

    def missing(self):
        return [name for name in all_cells(self.settings) if name not in self.cells]

    def untuned(self, kind, factor, window=None):
        """Perplexity at the window that the factor is for, or at a shorter one; None where it is missing."""
        cell = self.cells.get(untuned_cell(kind, factor))
        return cell and cell["perplexity"][str(window or self.settings.window(factor))][0]

    @property
    def base(self):
        """Perplexity of the base at its own context."""
        return self.untuned(DIRECT, self.longest, self.settings.context)

    @property
    def base_interval(self):
        """The 95 % confidence interval of that over the documents."""
        cell = self.cells.get(untuned_cell(DIRECT, self.longest))
        return cell and cell["perplexity"][str(self.settings.context)][1:]

    def of_seeds(self, kind, factor, steps, value):
        cells = [self.cells.get(tuned_cell(kind, factor, seed, steps)) for seed in self.settings.seeds]
        return Spread(tuple(value(cell) for cell in cells if cell), len(cells))

    def tuned(self, kind, factor, steps, window=None):
        """Perplexity at the window the model was tuned for, or at a shorter one, where the last number of
        steps was measured."""
        key = str(window or self.settings.window(factor))
        return self.of_seeds(kind, factor, steps, lambda cell: cell["perplexity"][key][0])

    def k_max(self, kind, factor, steps):
        return self.of_seeds(kind, factor, steps, lambda cell: cell["passkey"]["k_max"])

    def untuned_k_max(self, kind, factor):
        cell = self.cells.get(untuned_cell(kind, factor))
        return cell and cell["passkey"]["k_max"]

    @property
    def base_passkey(self):
        return self.cells.get(BASE_PASSKEY)

    @property
    def bound(self):
        return self.cells.get(BOUND)
