"""docs/families.md: what was compared for each family and kind, and the largest differences seen."""

import dataclasses
import math
import re

from references import runs_of

WOBBLE = 5.0  # another machine rounds differently; the bounds hold for every case on each

HEAD = """# Families and kinds of scaling, as proven

Written by `tests/python/families`, which makes small random models of every family with transformers,
runs them there in float64 and here in fp32, and compares. The numbers are the largest seen, rounded up
to one digit: logits relative to the largest logit (bound 2e-5), gradients as the norm of the difference
relative to the norm, over all weights (bound 1e-4). Greedy ids of 64 tokens with a KV cache are equal
everywhere. Every model was read and written here, opened in transformers with no missing or unexpected
tensor and equal logits, and written again with equal bytes; so was it in shards.

`below` and `beyond` are lengths against the context of the pre-training, `s4` is Position Interpolation
by 4, `router` is training with the router's loss.

Documents that share a row stay apart: with one token of the first changed, the others' logits and the
gradients of their loss keep every bit (mixtures of experts: 1e-6, as batches of other sizes round
differently), and each document's logits are those that it has alone.

Three things are not as in transformers 5.23:

* PhiMoE with longrope: transformers takes the short list at every length. Beyond the original context
  the long list is taken here, as in the model authors' own code; the references are corrected so.
* PhiMoE in training: transformers draws experts at random. Here training routes as evaluation does.
* The gradient of the padding token's embedding is dropped there and kept here.
"""


@dataclasses.dataclass
class Row:
    cases: list = dataclasses.field(default_factory=list)
    runs: list = dataclasses.field(default_factory=list)
    logits: float = 0.0
    gradients: float = 0.0

    def add(self, case, label, found):
        self.cases.append(label)
        for run in runs_of(case):
            if run.name not in self.runs:
                self.runs.append(run.name)
            self.logits = max(self.logits, found[run.name]["logits"])
            self.gradients = max(self.gradients, found[run.name]["gradients"])


def rows_of(cases, findings):
    """name -> Row: a family's name, or `KIND` in backquotes for a kind of scaling."""
    rows = {}
    for case in cases:
        if case.name.startswith("kind."):
            _, family, kind = case.name.split(".")
            name, label = f"`{kind}`", family
        else:
            name, label = case.family, case.name.partition(".")[2] or "base"
        rows.setdefault(name, Row()).add(case, label, findings[case.name])
    return rows


def rounded_up(value):
    """0.0000321 -> "4e-05"."""
    if value <= 0 or not math.isfinite(value):
        return "0" if value == 0 else "not finite"
    step = 10.0 ** math.floor(math.log10(value))
    return f"{math.ceil(value / step - 1e-9) * step:.0e}"


def _lines(rows):
    for name, row in rows.items():
        yield (f"| {name} | {', '.join(row.cases)} | {', '.join(row.runs)} "
               f"| {rounded_up(row.logits)} | {rounded_up(row.gradients)} |")


def document(rows):
    parts = [HEAD]
    for title, column, is_kind in (("Families", "Models", False), ("Kinds of scaling", "Families", True)):
        chosen = {name: row for name, row in rows.items() if name.startswith("`") == is_kind}
        first = "Kind" if is_kind else "model_type"
        parts.append("\n".join([f"\n## {title}\n", f"| {first} | {column} | Compared | Logits | Gradients |",
                                "|---|---|---|---|---|", *_lines(chosen), ""]))
    return "".join(parts)


def compare(rows, text):
    """Faults of the document: rows that are missing, left over or say something else."""
    stated = {}
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 5 and re.fullmatch(r"\d+e[+-]\d+|0", cells[3]):
            stated[cells[0]] = cells[1:]
    faults = [f"docs/families.md: {name} is missing" for name in rows if name not in stated]
    faults += [f"docs/families.md: {name} was not compared" for name in stated if name not in rows]
    if not text.startswith(HEAD):
        faults.append("docs/families.md: the opening differs")
    for name in (name for name in rows if name in stated):
        row, (cases, runs, logits, gradients) = rows[name], stated[name]
        if cases != ", ".join(row.cases) or runs != ", ".join(row.runs):
            faults.append(f"docs/families.md: {name}: other models or lengths were compared")
        for what, value, bound in (("logits", row.logits, logits),
                                   ("gradients", row.gradients, gradients)):
            if not value <= WOBBLE * float(bound):
                faults.append(f"docs/families.md: {name}: {what} differ by {value:.1e}, "
                              f"the table says {bound}")
    return faults
