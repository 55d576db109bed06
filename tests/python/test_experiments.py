"""scripts/experiments: what it measures, what it makes of it, and that the page in docs/ is made so."""

import copy
import json
import os
import pathlib
import subprocess
import sys

import numpy
import pytest
import torch
from main_job import OWN_MODEL, text_file
from transformers.models.llama.modeling_llama import apply_rotary_pos_emb

ROOT = pathlib.Path(__file__).resolve().parents[2]
SCRIPTS = ROOT / "scripts" / "experiments"
TOOLS = os.environ.get("ROPEWALK_TOOLS")
sys.path.insert(0, str(SCRIPTS))

import attention_bound  # noqa: E402
import page  # noqa: E402
import pictures  # noqa: E402
from base import DIRECT, SCALED_KINDS, Settings, held_out_pieces  # noqa: E402
from findings import findings  # noqa: E402
from results import KINDS, Results, tuned_cell, untuned_cell  # noqa: E402

SPEC = {
    "title": "A small one", "about": "Made up.", "context": 256, "factors": [2], "seeds": [1],
    "steps": [1, 2], "direct_times": 2, "tokens_per_step": 512,
    "validation": {"characters": 1500, "pieces_per_file": 1, "documents": 1},
    "passkey": {"digits": 5, "trials": 1, "training_share": 0.25, "training_trials": 1},
    "run": {"optimizer": {"learning_rate": 1e-4}, "schedule": {"warmup_steps": 1}},
}


# ---- measuring -----------------------------------------------------------------------------------


def call(*words):
    return subprocess.run([sys.executable, SCRIPTS, *map(str, words)], capture_output=True, text=True)


class Experiment:
    def __init__(self, folder):
        self.folder = folder
        self.spec = folder / "small.json"
        self.spec.write_text(json.dumps(SPEC))
        (folder / "docs" / "experiments").mkdir(parents=True)
        (folder / "text").mkdir()
        text_file(folder / "text" / "train.txt", 1, 3000)
        text_file(folder / "text" / "valid.txt", 2, 600)

    def measure(self):
        return call("--docs", self.folder / "docs", "measure", self.spec, "--model", OWN_MODEL, "--text",
                    self.folder / "text", "--program", os.environ["ROPEWALK_BIN"], "--folder",
                    self.folder / "runs")

    def cells(self):
        return json.loads((self.folder / "docs" / "experiments" / "small.json").read_text())["cells"]


@pytest.fixture(scope="module")
def experiment(tmp_path_factory):
    experiment = Experiment(tmp_path_factory.mktemp("experiment"))
    done = experiment.measure()
    assert done.returncode == 0, done.stderr
    return experiment


def test_every_cell_is_measured(experiment):
    names = {untuned_cell(DIRECT, 2), "bound", *(untuned_cell(kind, 2) for kind in SCALED_KINDS),
             *(tuned_cell(kind, 2, 1, steps) for kind in KINDS for steps in (1, 2)),
             tuned_cell(DIRECT, 2, 1, 4)}
    cells = experiment.cells()
    assert set(cells) == names
    results = Results("small", Settings(**SPEC), experiment.folder / "docs/experiments/small.json")
    assert results.number_missing() == (0, len(names))
    assert set(cells[tuned_cell("linear", 2, 1, 1)]["perplexity"]) == {"512"}
    assert set(cells[tuned_cell("linear", 2, 1, 2)]["perplexity"]) == {"256", "512"}


def test_arms_are_tuned_as_they_are_called(experiment):
    for kind in KINDS:
        run = experiment.folder / "runs/small/runs" / f"{kind}-x2-seed1"
        config = json.loads((run / "config.json").read_text())
        assert config["model"]["max_position_embeddings"] == 512
        assert config["model"]["pos_scaling_type"] == kind
        assert config["model"]["pos_scaling_factor"] == (1 if kind == DIRECT else 2)
        assert config["data"]["weights"] == [0.75, 0.25]
        assert config["train"]["global_batch_size"] * 512 == SPEC["tokens_per_step"]


def test_only_a_missing_cell_is_measured_again_and_comes_out_the_same(experiment):
    before = experiment.cells()
    store = experiment.folder / "runs/small/cells"
    times = {file.name: file.stat().st_mtime_ns for file in store.iterdir()}
    # The run has gone on to 4 steps, so that it must be trained afresh for the cell at 1.
    gone = store / f"{tuned_cell(DIRECT, 2, 1, 1)}.json"
    gone.unlink()
    done = experiment.measure()
    assert done.returncode == 0, done.stderr
    assert experiment.cells() == before
    changed = {file.name for file in store.iterdir() if times[file.name] != file.stat().st_mtime_ns}
    assert changed == {gone.name}


def test_other_settings_in_the_same_folder_are_refused(experiment):
    before = experiment.cells()
    spec = dict(SPEC, tokens_per_step=1024)
    experiment.spec.write_text(json.dumps(spec))
    done = experiment.measure()
    experiment.spec.write_text(json.dumps(SPEC))
    assert done.returncode == 1
    assert "setup.json: was measured with other settings or weights" in done.stderr
    assert experiment.cells() == before


def test_a_spec_without_a_model_and_a_folder_without_text_are_told(tmp_path):
    experiment = Experiment(tmp_path)
    done = call("measure", experiment.spec, "--folder", tmp_path / "runs")
    assert done.returncode == 1 and "expected --model DIR" in done.stderr
    (tmp_path / "text" / "train.txt").unlink()
    done = experiment.measure()
    assert done.returncode == 1 and "found no train*.txt" in done.stderr


def test_held_out_pieces_are_spread_over_the_files(tmp_path):
    (tmp_path / "a.txt").write_text("".join(map(chr, range(256, 376))))
    (tmp_path / "b.txt").write_text("short")
    pieces = list(held_out_pieces({"characters": 20, "pieces_per_file": 3},
                                  [tmp_path / "a.txt", tmp_path / "b.txt"]))
    assert [(ord(piece[0]) - 256, len(piece)) for piece in pieces] == [(0, 20), (40, 20), (80, 20)]


# ---- the bounds ----------------------------------------------------------------------------------


def test_scores_are_those_of_transformers_rotary_embedding():
    dice = numpy.random.default_rng(3)
    dim, distance = 16, 11
    theta = 100.0 ** (-2 * numpy.arange(dim // 2) / dim)
    queries, keys = dice.standard_normal((2, 1, dim))
    h = (attention_bound.heads_of(queries, 1) * attention_bound.heads_of(keys, 1).conj())[0]
    angles = torch.tensor(numpy.concatenate([theta, theta]))

    def rotated(position):
        cos, sin = (angles * position).cos()[None, None], (angles * position).sin()[None, None]
        return [t[0, 0, 0].numpy() for t in apply_rotary_pos_emb(
            torch.tensor(queries)[None, None], torch.tensor(keys)[None, None], cos, sin)]

    wanted = rotated(20 + distance)[0] @ rotated(20)[1]
    assert attention_bound.score(h, theta, numpy.array([float(distance)]))[0, 0] == pytest.approx(wanted)


def test_the_bound_with_the_sum_holds_and_is_tight_for_the_worst_pair():
    """All h alike and real: the second derivative at 0 is the whole sum of squares."""
    dim, base = 64, 10000.0
    theta = base ** (-2 * numpy.arange(dim // 2) / dim)
    h = numpy.ones((1, dim // 2), complex)

    class FirstPlace:
        def integers(self, low, high, shape):
            return numpy.full(shape, -1)  # from -1 to 0; the score is even

    ratio, error = attention_bound.interpolation(h, theta, 256, base, FirstPlace())
    allowed = (theta ** 2).sum() / (dim / (4 * numpy.log(base)))
    assert 0.8 * allowed < ratio[0] <= allowed
    assert error[0] <= (theta ** 2).sum() / 8


def test_the_sum_of_extrapolation_for_one_pair_is_one():
    sums = attention_bound.extrapolation_sum(numpy.array([1.0]), numpy.arange(5.0))
    assert sums == pytest.approx(numpy.ones(5))


# ---- what is made of it --------------------------------------------------------------------------

PAPER = dict(SPEC, factors=[2, 4], seeds=[1, 2], steps=[25, 200], direct_times=10)


def as_in_the_papers():
    """Cells of a model that shows everything that the papers say."""
    cells = {"bound": {"error_over_bound": [0.1, 0.5, 0.9], "pairs": 1000, "squares": 4.0,
                       "squares_in_theorem": 3.47, "dim": 128, "theta": 1e4, "bounds_ratio": 600.0,
                       "error_over_largest_score": [0.1, 0.2, 0.3], "least_sum_over_dim": 1.1,
                       "beyond_over_within": [1.0, 1.1, 1.2], "beyond_over_bound": [0.1, 0.1, 0.2]}}
    windows = {2: ["256", "512"], 4: ["256", "512", "1024"]}

    def cell(values, k_max):
        return {"perplexity": {window: [value, 0.9 * value, 1.1 * value] for window, value in values.items()},
                "passkey": {"k_max": k_max, "found": []}}

    cells[untuned_cell(DIRECT, 4)] = cell({"256": 7.2, "512": 1500, "1024": 2000}, 256)
    for factor, names in windows.items():
        window = int(names[-1])
        for kind, value in (("linear", 8.0), ("dynamic", 7.9), ("yarn", 7.3)):
            cells[untuned_cell(kind, factor)] = cell(dict.fromkeys(names, value * factor), 0)
        for seed in PAPER["seeds"]:
            for steps in (25, 200):
                for kind, value in (("linear", 7.0), ("dynamic", 6.95), ("yarn", 6.9)):
                    cells[tuned_cell(kind, factor, seed, steps)] = cell(
                        {name: value + 0.1 * factor - 0.3 * i for i, name in enumerate(names)}, window)
            for steps in (25, 200, 250, 2000):
                cells[tuned_cell(DIRECT, factor, seed, steps)] = cell(dict.fromkeys(names, 7.7), 260)
    return cells


def results_of(tmp_path, cells):
    (tmp_path / "made.json").write_text(json.dumps({"cells": cells}))
    return Results("made", Settings(**PAPER), tmp_path / "made.json")


def verdicts(tmp_path, cells):
    return {finding.name: finding.seen for finding in findings(results_of(tmp_path, cells))}


def test_a_model_that_shows_all_is_said_to(tmp_path):
    found = verdicts(tmp_path, as_in_the_papers())
    assert len(found) == 10 and all(found.values()), found


def set_perplexity(cells, start, value):
    for name, cell in cells.items():
        if name.startswith(start):
            cell["perplexity"] = {window: [value] * 3 for window in cell["perplexity"]}


@pytest.mark.parametrize("start, value, lost", [
    ("untuned-default", 900.0, {"Explosion"}),
    ("untuned-linear-x2", 40.0, {"Untuned interpolation"}),
    ("untuned-linear-x4", 2500.0, {"Untuned interpolation"}),
    ("tuned-linear-x4", 9.5, {"Back at the base's level", "Ahead of direct tuning",
                                            "Ahead of longer direct tuning", "Gain of a longer window"}),
    ("tuned-default-x2-seed2-step250", 5.0, {"Ahead of longer direct tuning"}),
    ("tuned-yarn-x2", 7.5, {"Kinds"}),
])
def test_what_is_not_so_is_said_not_to_be(tmp_path, start, value, lost):
    cells = as_in_the_papers()
    set_perplexity(cells, start, value)
    found = verdicts(tmp_path, cells)
    assert lost <= {name for name, seen in found.items() if seen is False}


def test_a_pass_key_that_is_lost_and_a_bound_that_is_passed_are_told(tmp_path):
    cells = as_in_the_papers()
    cells[tuned_cell("linear", 4, 1, 200)]["passkey"]["k_max"] = 1000
    cells["bound"]["error_over_bound"][2] = 1.01
    assert {name for name, seen in verdicts(tmp_path, cells).items() if not seen} == {
        "Pass key", "Interpolation bound"}


def test_missing_cells_are_shown_as_missing_and_judge_nothing(tmp_path):
    whole = as_in_the_papers()
    complete = page.base_section(results_of(tmp_path, whole))
    assert "missing" not in complete and "seeds)" not in complete
    cells = copy.deepcopy(whole)
    for seed in PAPER["seeds"]:
        del cells[tuned_cell("linear", 2, seed, 200)]
    del cells[tuned_cell(DIRECT, 4, 2, 25)]
    results = results_of(tmp_path, cells)
    assert results.number_missing()[0] == 3
    assert results.tuned("linear", 2, 200).text(page.number) == "missing"
    assert results.tuned(DIRECT, 4, 25).text(page.number) == "7.70, 1 of 2 seeds"
    found = verdicts(tmp_path, cells)
    assert found["Back at the base's level"] is None and found["Ahead of direct tuning"] is None
    assert found["Explosion"] is True
    text = page.base_section(results)
    assert "missing" in text and "open: cells are missing" in text
    for chart in pictures.all_pictures(results).values():
        assert chart["series"]
    assert "missing" in page.base_section(results_of(tmp_path, {}))


# ---- the page in docs/ ---------------------------------------------------------------------------

DOCS = ROOT / "docs"


def test_the_page_is_what_its_numbers_give():
    results = page.all_results(DOCS, ROOT / "configs" / "experiments")
    assert len(results) >= 2
    assert (DOCS / "experiments.md").read_text() == page.page_text(results)


@pytest.mark.skipif(not TOOLS, reason="needs ROPEWALK_TOOLS")
def test_the_pictures_are_what_their_numbers_give(tmp_path):
    tool = pathlib.Path(TOOLS) / "ropewalk_chart_tool"
    names = set()
    for results in page.all_results(DOCS, ROOT / "configs" / "experiments"):
        for name, chart in pictures.all_pictures(results).items():
            pictures.draw(tool, chart, tmp_path / name)
            assert (tmp_path / name).read_bytes() == (DOCS / "experiments" / name).read_bytes(), name
            names.add(name)
    assert names == {file.name for file in (DOCS / "experiments").glob("*.svg")}
