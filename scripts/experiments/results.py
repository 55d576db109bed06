"""What was measured on one base, as docs/experiments/NAME.json holds it, by what it is."""

import dataclasses
import json
import statistics

from base import DIRECT, SCALED_KINDS

KINDS = (DIRECT, *SCALED_KINDS)


def untuned_cell(kind, factor):
    return f"untuned-{kind}-x{factor}"


def tuned_cell(kind, factor, seed, steps):
    return f"tuned-{kind}-x{factor}-seed{seed}-step{steps}"


@dataclasses.dataclass(frozen=True)
class Spread:
    """Values of those of `wanted` seeds that were measured."""

    values: tuple
    wanted: int

    @property
    def mean(self):
        return statistics.mean(self.values) if self.values else None

    def text(self, form):
        if not self.values:
            return "missing"
        shown = form(self.mean)
        if len(self.values) > 1:
            shown += f" ({form(min(self.values))}-{form(max(self.values))})"
        if len(self.values) < self.wanted:
            shown += f", {len(self.values)} of {self.wanted} seeds"
        return shown


class Results:
    def __init__(self, name, settings, file):
        self.name, self.settings = name, settings
        self.cells = json.loads(file.read_text())["cells"] if file.exists() else {}

    @property
    def longest(self):
        return max(self.settings.factors)

    def number_missing(self):
        names = [untuned_cell(DIRECT, self.longest), "bound"]
        names += [untuned_cell(kind, factor) for kind in SCALED_KINDS for factor in self.settings.factors]
        for kind in KINDS:
            names += [tuned_cell(kind, factor, seed, steps) for factor in self.settings.factors
                      for seed in self.settings.seeds for steps in self.settings.steps_of(kind)]
        return sum(name not in self.cells for name in names), len(names)

    def untuned(self, kind, factor, window):
        """Perplexity, or None where it is missing; the unscaled model is the same for every factor."""
        cell = self.cells.get(untuned_cell(kind, self.longest if kind == DIRECT else factor))
        return cell and cell["perplexity"][str(window)][0]

    @property
    def base(self):
        """Perplexity of the base at its own context."""
        return self.untuned(DIRECT, self.longest, self.settings.context)

    def interval(self):
        """The 95 % confidence interval of that over the documents."""
        return self.cells[untuned_cell(DIRECT, self.longest)]["perplexity"][str(self.settings.context)][1:]

    def of_seeds(self, kind, factor, steps, value):
        cells = [self.cells.get(tuned_cell(kind, factor, seed, steps)) for seed in self.settings.seeds]
        found = [value(cell) for cell in cells if cell]
        return Spread(tuple(v for v in found if v is not None), len(cells))

    def tuned(self, kind, factor, steps, window=None):
        """Perplexity at the window the model was tuned for, or at another."""
        key = str(window or self.settings.window(factor))
        return self.of_seeds(kind, factor, steps,
                             lambda cell: cell["perplexity"][key][0] if key in cell["perplexity"] else None)

    def k_max(self, kind, factor, steps):
        return self.of_seeds(kind, factor, steps, lambda cell: cell["passkey"]["k_max"])

    def untuned_k_max(self, kind, factor):
        """The unscaled model was only asked within its longest window."""
        cell = self.cells.get(untuned_cell(kind, self.longest if kind == DIRECT else factor))
        return cell and cell["passkey"]["k_max"]
