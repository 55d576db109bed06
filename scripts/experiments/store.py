"""What was measured on one base: docs/experiments/NAME.json, one line a cell."""

import json
import os
import threading

from base import KINDS

BASE_PASSKEY, BOUND = "base-passkey", "bound"


def untuned_cell(kind, factor):
    return f"untuned-{kind}-x{factor}"


def tuned_cell(kind, factor, seed, steps):
    return f"tuned-{kind}-x{factor}-seed{seed}-step{steps}"


def untuned_arms(settings):
    return [(kind, factor) for kind in KINDS for factor in settings.factors]


def tuned_arms(settings):
    """Kind, factor, seed: a run each."""
    return [(kind, factor, seed) for seed in settings.seeds for kind, factor in untuned_arms(settings)]


def all_cells(settings):
    names = [BOUND, *(untuned_cell(*arm) for arm in untuned_arms(settings))]
    if not settings.passkey_training:
        names.append(BASE_PASSKEY)
    return names + [tuned_cell(*arm, steps) for arm in tuned_arms(settings)
                    for steps in settings.steps_of(arm[0])]


def what_counts(head):
    """What cells of one file have in common: all but the words for readers."""
    words = ("title", "about", "model")
    return {**head, "settings": {key: value for key, value in head["settings"].items() if key not in words}}


class Store:
    """Cells that are kept as soon as they are measured. The file is replaced whole."""

    def __init__(self, file, head):
        """`head`: what the base's described() says; cells already there must have come of the same."""
        self.file, self.head, self.cells = file, head, {}
        file.parent.mkdir(parents=True, exist_ok=True)
        self.lock = threading.Lock()
        if file.exists():
            found = json.loads(file.read_text())
            self.cells = found.pop("cells")
            if what_counts(found) != what_counts(head):
                raise SystemExit(f"{file}: was measured with other settings, text or weights; expected the "
                                 "same. Remove it to measure afresh")
            if found != head:
                self.write()

    def __contains__(self, name):
        return name in self.cells

    def put(self, name, cell):
        with self.lock:
            self.cells[name] = cell
            self.write()
        print(f"{name}: {json.dumps(cell)[:160]}", flush=True)

    def write(self):
        head = ",\n".join(f"{json.dumps(key)}: {json.dumps(value)}" for key, value in self.head.items())
        lines = ",\n".join(f"{json.dumps(name)}: {json.dumps(cell)}"
                           for name, cell in sorted(self.cells.items()))
        part = self.file.with_suffix(".part")
        part.write_text(f'{{{head},\n"cells": {{\n{lines}\n}}}}\n')
        os.replace(part, self.file)
