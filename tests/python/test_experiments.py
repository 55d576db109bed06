"""scripts/experiments: what it measures, what it makes of it, and that the page in docs/ is made so."""

import copy
import json
import math
import os
import pathlib
import shutil
import subprocess
import sys

import numpy
import pytest
import torch
from main_job import OWN_MODEL, ropewalk, text_file
from transformers import LlamaConfig, LlamaForCausalLM
from transformers.models.llama import modeling_llama
from transformers.models.llama.modeling_llama import apply_rotary_pos_emb

ROOT = pathlib.Path(__file__).resolve().parents[2]
SCRIPTS = ROOT / "scripts" / "experiments"
TOOLS = os.environ.get("ROPEWALK_TOOLS")
sys.path.insert(0, str(SCRIPTS))

import attention_bound  # noqa: E402
import page  # noqa: E402
import pictures  # noqa: E402
from base import DIRECT, KINDS, Settings, held_out_pieces  # noqa: E402
from findings import findings  # noqa: E402
from results import Results, perplexity  # noqa: E402
from store import all_cells, tuned_cell, untuned_cell  # noqa: E402

SPEC = {
    "title": "A small one", "about": "Made up.", "context": 256, "factors": [2], "seeds": [1],
    "steps": [1, 2], "direct_times": 2, "tokens_per_step": 512,
    "validation": {"characters": 1500, "pieces_per_file": 1, "documents": 1},
    "passkey": {"digits": 5, "trials": 1}, "passkey_training": {"share": 0.25, "trials": 1},
    "run": {"data": {"packing": "packed"}, "optimizer": {"learning_rate": 1e-4},
            "schedule": {"warmup_steps": 1}},
}


# ---- measuring -----------------------------------------------------------------------------------


def call(*words):
    return subprocess.run(command(*words), capture_output=True, text=True)


def command(*words):
    return [sys.executable, SCRIPTS, *map(str, words)]


class Experiment:
    def __init__(self, folder):
        self.folder = folder
        self.spec = folder / "small.json"
        self.spec.write_text(json.dumps(SPEC))
        self.results = folder / "docs" / "experiments" / "small.json"
        self.results.parent.mkdir(parents=True)
        (folder / "text").mkdir()
        text_file(folder / "text" / "train.txt", 1, 3000)
        text_file(folder / "text" / "valid.txt", 2, 600)

    @property
    def measuring(self):
        return ["--docs", self.folder / "docs", "measure", self.spec, "--model", OWN_MODEL, "--text",
                self.folder / "text", "--program", os.environ["ROPEWALK_BIN"], "--folder",
                self.folder / "runs"]

    def measure(self, *words):
        return call(*self.measuring, *words)

    def cells(self):
        return json.loads(self.results.read_text())["cells"]

    def remove(self, *names):
        found = json.loads(self.results.read_text())
        for name in names:
            del found["cells"][name]
        self.results.write_text(json.dumps(found))

    @property
    def work(self):
        folder, = (path for path in (self.folder / "runs").iterdir() if (path / "runs").exists())
        return folder

    def evaluated(self, checkpoint, *words):
        file = self.folder / "own.json"
        ropewalk("eval", "perplexity", checkpoint, "--data", self.work / "data" / "valid", "--windows", "512",
                 "--stride", "128", "--json", file, *words)
        return json.loads(file.read_text())["results"][0]["perplexity"]


@pytest.fixture(scope="module")
def experiment(tmp_path_factory):
    experiment = Experiment(tmp_path_factory.mktemp("experiment"))
    done = experiment.measure()
    assert done.returncode == 0, done.stderr
    return experiment


def test_every_cell_is_measured(experiment):
    cells = experiment.cells()
    assert set(cells) == set(all_cells(Settings(**SPEC)))
    assert len(cells) == 1 + len(KINDS) + 2 * len(KINDS) + 1
    assert set(cells[tuned_cell("linear", 2, 1, 1)]["perplexity"]) == {"512"}
    assert set(cells[tuned_cell("linear", 2, 1, 2)]["perplexity"]) == {"256", "512"}


def test_cells_are_what_eval_says_of_their_model(experiment):
    cells = experiment.cells()
    found = [cells[untuned_cell(kind, 2)]["perplexity"]["512"][0] for kind in KINDS]
    for kind, value in zip(KINDS, found):
        words = ["--factors", "1"] if kind == DIRECT else ["--factors", "2", "--scaling", kind]
        assert value == pytest.approx(experiment.evaluated(OWN_MODEL, *words), rel=1e-6)
    found += [cells[tuned_cell(kind, 2, 1, 2)]["perplexity"]["512"][0] for kind in KINDS]
    assert len(set(found)) == len(found)
    run = experiment.work / "runs" / "yarn-x2-seed1"
    assert found[-1] == pytest.approx(experiment.evaluated(run / "checkpoints" / "step-00000002"), rel=1e-6)


def test_arms_are_tuned_as_they_are_called(experiment):
    for kind in KINDS:
        run = experiment.work / "runs" / f"{kind}-x2-seed1"
        config = json.loads((run / "config.json").read_text())
        assert config["model"]["max_position_embeddings"] == 512
        assert config["model"]["pos_scaling_type"] == kind
        assert config["model"]["pos_scaling_factor"] == (1 if kind == DIRECT else 2)
        assert config["data"]["weights"] == [0.75, 0.25]
        assert config["data"]["packing"] == "packed"
        assert config["train"]["global_batch_size"] * 512 == SPEC["tokens_per_step"]


@pytest.mark.parametrize("steps", [1, 4])
def test_only_a_missing_cell_is_measured_again_and_comes_out_the_same(experiment, steps):
    """At 1 the run has gone on to 4 and is trained afresh; at 4 its checkpoint is there."""
    before = experiment.cells()
    name = tuned_cell(DIRECT, 2, 1, steps)
    experiment.remove(name)
    done = experiment.measure()
    assert done.returncode == 0, done.stderr
    assert experiment.cells() == before
    assert [line.split(":")[0] for line in done.stdout.splitlines()] == [name]


def test_a_stopped_measurement_goes_on(tmp_path):
    experiment = Experiment(tmp_path)
    with subprocess.Popen(command(*experiment.measuring), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True) as child:
        child.stdout.readline()
        child.terminate()
        errors = child.communicate()[1]
    assert child.returncode == 1 and "the same command goes on" in errors
    before, wanted = experiment.cells(), set(all_cells(Settings(**SPEC)))
    assert before and set(before) < wanted
    assert experiment.measure().returncode == 0
    after = experiment.cells()
    assert set(after) == wanted and before.items() <= after.items()


def test_other_settings_for_the_same_results_are_refused(experiment):
    before = experiment.cells()
    experiment.spec.write_text(json.dumps(dict(SPEC, tokens_per_step=1024)))
    done = experiment.measure()
    experiment.spec.write_text(json.dumps(SPEC))
    assert done.returncode == 1
    assert "small.json: was measured with other settings, text or weights" in done.stderr
    assert experiment.cells() == before


def test_another_text_or_model_for_the_same_results_is_refused(experiment, tmp_path):
    before = experiment.cells()
    shutil.copytree(experiment.folder / "text", tmp_path / "text")
    shutil.copytree(OWN_MODEL, tmp_path / "model")
    for file, option in (("text/valid.txt", "--text"), ("model/config.json", "--model")):
        with (tmp_path / file).open("a") as part:
            part.write("\n")
        done = experiment.measure(option, (tmp_path / file).parent)
        assert done.returncode == 1 and "other settings, text or weights" in done.stderr
    assert experiment.cells() == before


def test_other_words_for_the_same_results_only_replace_the_words(experiment):
    before = experiment.cells()
    experiment.spec.write_text(json.dumps(dict(SPEC, about="Made up again.")))
    done = experiment.measure()
    experiment.spec.write_text(json.dumps(SPEC))
    assert done.returncode == 0 and done.stdout == ""
    assert experiment.cells() == before
    assert json.loads(experiment.results.read_text())["settings"]["about"] == "Made up again."


def test_a_spec_that_is_off_and_a_folder_without_text_are_told(tmp_path):
    experiment = Experiment(tmp_path)
    done = call("--docs", tmp_path / "docs", "measure", experiment.spec, "--folder", tmp_path / "runs")
    assert done.returncode == 1 and "expected --model DIR" in done.stderr
    experiment.spec.write_text(json.dumps(dict(SPEC, step=[1])))
    done = experiment.measure()
    assert done.returncode == 1 and "small.json: " in done.stderr and "'step'" in done.stderr
    experiment.spec.write_text(json.dumps(SPEC))
    (tmp_path / "text" / "train.txt").unlink()
    done = experiment.measure()
    assert done.returncode == 1 and "found no train*.txt" in done.stderr


def test_held_out_pieces_are_spread_over_the_files(tmp_path):
    (tmp_path / "a.txt").write_text("".join(map(chr, range(256, 376))))
    (tmp_path / "b.txt").write_text("short")
    validation = {"characters": 20, "pieces_per_file": 3, "documents": 4}
    files = [tmp_path / "a.txt", tmp_path / "b.txt"]
    pieces = held_out_pieces(validation, files)
    assert [(ord(piece[0]) - 256, len(piece)) for piece in pieces] == [(0, 20), (40, 20), (80, 20)]
    assert held_out_pieces(dict(validation, documents=2), files) == pieces[:2]


# ---- the bounds ----------------------------------------------------------------------------------


def test_scores_are_those_of_transformers_attention():
    """Grouped heads; the pair's own distance gives the score that the model computes."""
    torch.manual_seed(3)
    config = LlamaConfig(vocab_size=40, hidden_size=32, intermediate_size=16, num_hidden_layers=2,
                         num_attention_heads=4, num_key_value_heads=2, head_dim=8,
                         rope_parameters={"rope_type": "default", "rope_theta": 100.0})
    model = LlamaForCausalLM(config).eval()
    ids = torch.randint(0, 40, (12,))
    rotated = []

    def rotate(queries, keys, cos, sin):
        rotated.append(apply_rotary_pos_emb(queries, keys, cos, sin))
        return rotated[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(modeling_llama, "apply_rotary_pos_emb", rotate)
        h, ends, begins = attention_bound.pairs_of_document(model, ids, numpy.random.default_rng(5))
    theta = 100.0 ** (-2 * numpy.arange(4) / 8)
    assert h.shape == (2, 4, attention_bound.PAIRS, 4) and len(rotated) == 2
    assert (begins < ends).all() and ends.max() == 11
    for layer, (queries, keys) in enumerate(rotated):
        for head in range(4):
            for pair in range(attention_bound.PAIRS):
                end, begin = ends[layer, head, pair], begins[layer, head, pair]
                wanted = queries[0, head, end] @ keys[0, head // 2, begin]
                found = attention_bound.score(h[layer, head, pair][None], theta, numpy.array([end - begin]))
                assert found[0, 0] == pytest.approx(wanted.item(), abs=1e-5)


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
                       "error_over_largest_score": [0.1, 0.2, 0.3], "least_sum_over_dim": 1.1, "far": 4,
                       "beyond_over_within": [1.0, 1.1, 1.2], "beyond_over_bound": [0.1, 0.1, 0.2]}}
    windows = {2: ["256", "512"], 4: ["256", "512", "1024"]}

    def cell(values, k_max):
        return {"perplexity": {window: [value, 0.9 * value, 1.1 * value] for window, value in values.items()},
                "passkey": {"k_max": k_max, "found": [[64, 1]]}}

    for factor, names in windows.items():
        window = int(names[-1])
        cells[untuned_cell(DIRECT, factor)] = cell({**dict.fromkeys(names, 1500), "256": 7.2}, 0)
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
    file = tmp_path / "made.json"
    file.write_text(json.dumps({"settings": PAPER, "cells": cells, "model": "0123456789abcdef" * 4,
                                "text": "fedcba9876543210" * 4}))
    return Results(file)


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
    ("untuned-default-x2", 900.0, {"Explosion"}),
    ("untuned-default-x4", 34.0, {"Explosion", "Untuned interpolation"}),
    ("untuned-linear-x2", 40.0, {"Untuned interpolation"}),
    ("untuned-linear-x4", 1200.0, {"Untuned interpolation"}),
    ("tuned-linear-x4-seed1-step200", 7.9, {"Back at the base's level", "Ahead of direct tuning",
                                            "Ahead of longer direct tuning", "Cost at short context"}),
    ("tuned-linear-x4", 7.0, {"Gain of a longer window"}),
    ("tuned-linear-x2", 7.6, {"Back at the base's level", "Cost at short context",
                              "Gain of a longer window"}),
    ("tuned-default-x2-seed2-step25", 5.0, {"Ahead of direct tuning", "Ahead of longer direct tuning"}),
    ("tuned-default-x2-seed2-step2000", 5.0, {"Ahead of longer direct tuning"}),
    ("tuned-yarn-x2", 7.5, {"Kinds"}),
])
def test_what_is_not_so_is_said_not_to_be(tmp_path, start, value, lost):
    cells = as_in_the_papers()
    set_perplexity(cells, start, value)
    assert {name for name, seen in verdicts(tmp_path, cells).items() if not seen} == lost


def reason(tmp_path, cells, name):
    found, = (finding for finding in findings(results_of(tmp_path, cells)) if finding.name == name)
    assert found.seen is False
    return found.why_not


@pytest.mark.parametrize("left", [0.25, 0.75])
def test_what_is_left_of_the_cost_at_short_context_is_worked_out(tmp_path, left):
    """In log perplexity, of what the untuned model loses."""
    cells = as_in_the_papers()
    for factor in PAPER["factors"]:
        cells[untuned_cell("linear", factor)]["perplexity"]["256"][0] = 7.2 * math.exp(factor)
        for seed in PAPER["seeds"]:
            cells[tuned_cell("linear", factor, seed, 200)]["perplexity"]["256"][0] = \
                7.2 * math.exp(left * factor * factor / 2)
    assert f"these steps leave x2 {100 * left:.0f} %, x4 {200 * left:.0f} %." in reason(
        tmp_path, cells, "Cost at short context")


def test_reasons_follow_the_cells(tmp_path):
    cells = as_in_the_papers()
    set_perplexity(cells, "tuned-linear", 9.0)
    cells[tuned_cell("linear", 4, 1, 200)]["perplexity"]["1024"][0] = 10.0  # one of two seeds
    assert "it changes by x2 +0.00 %, x4 +5.56 %;" in reason(tmp_path, cells, "Gain of a longer window")
    set_perplexity(cells, "tuned-yarn", 3.6)
    for name in ("Gain of a longer window", "Back at the base's level"):
        assert "at x2 0.50, x4 0.50 of the base's" in reason(tmp_path, cells, name)
    cells[tuned_cell("linear", 2, 2, 200)]["passkey"]["k_max"] = 256
    assert "bring them back at x4; YaRN" in reason(tmp_path, cells, "Pass key")
    set_perplexity(cells, "untuned-default-x4", 36.0)
    assert "gets to x2 41.67, x4 1.00 times" in reason(tmp_path, cells, "Explosion")


def test_a_base_is_named_by_its_hashes(tmp_path):
    text = page.base_section(results_of(tmp_path, as_in_the_papers()))
    assert "`0123456789ab`" in text and "`fedcba987654`" in text and "fedcba9876543" not in text


def test_untuned_and_tuned_stand_beside_each_other_at_every_window(tmp_path):
    cells = as_in_the_papers()
    cells[untuned_cell("yarn", 4)]["perplexity"] = {"256": [30.5], "512": [31.5], "1024": [32.5]}
    text = page.base_section(results_of(tmp_path, cells))
    assert ("| x4 | YaRN | 0 | 30.50 | 31.50 | 32.50 |\n"
            "| x4 | YaRN | 200 | 7.30 | 7.00 | 6.70 |") in text
    assert "| x2 | linear (PI) | 0 | 16.00 | 16.00 |  |" in text


@pytest.mark.parametrize("kind, k_max", [("linear", 1000), (DIRECT, 600)])
def test_a_pass_key_that_is_not_as_said_is_told(tmp_path, kind, k_max):
    cells = as_in_the_papers()
    for seed in PAPER["seeds"]:
        cells[tuned_cell(kind, 4, seed, 200)]["passkey"]["k_max"] = k_max
    assert {name for name, seen in verdicts(tmp_path, cells).items() if not seen} == {"Pass key"}


def test_a_bound_that_is_passed_is_told(tmp_path):
    cells = as_in_the_papers()
    cells["bound"]["error_over_bound"][2] = 1.01
    assert {name for name, seen in verdicts(tmp_path, cells).items() if not seen} == {"Interpolation bound"}


def test_missing_cells_are_shown_as_missing_and_judge_nothing(tmp_path):
    whole = as_in_the_papers()
    complete = page.base_section(results_of(tmp_path, whole))
    assert "missing" not in complete and "of 2 seeds" not in complete
    cells = copy.deepcopy(whole)
    for seed in PAPER["seeds"]:
        del cells[tuned_cell("linear", 2, seed, 200)]
    del cells[tuned_cell(DIRECT, 4, 2, 25)]
    results = results_of(tmp_path, cells)
    assert len(results.missing()) == 3
    assert results.tuned("linear", 2, 200).text(perplexity) == "missing"
    assert results.tuned(DIRECT, 4, 25).text(perplexity) == "7.70, 1 of 2 seeds"
    text = page.base_section(results)
    assert "3 are missing" in text and "open: cells are missing" in text
    one_seed = copy.deepcopy(whole)
    del one_seed[tuned_cell(DIRECT, 4, 2, 25)]
    assert verdicts(tmp_path, one_seed)["Ahead of direct tuning"] is None
    for chart in pictures.all_pictures(results).values():
        assert chart["series"]


def test_nothing_measured_makes_a_page_too(tmp_path):
    results = results_of(tmp_path, {})
    assert not any(finding.seen for finding in findings(results))
    assert "missing" in page.base_section(results)


# ---- the page in docs/ ---------------------------------------------------------------------------

DOCS = ROOT / "docs"


def test_the_page_is_what_its_numbers_give():
    results = page.all_results(DOCS)
    specs = {file.stem: json.loads(file.read_text()) for file in (ROOT / "configs/experiments").iterdir()}
    assert {found.name: found.settings for found in results} == {
        name: Settings(**spec) for name, spec in specs.items()}
    assert (DOCS / "experiments.md").read_text() == page.page_text(results)


@pytest.mark.skipif(not TOOLS, reason="needs ROPEWALK_TOOLS")
def test_the_pictures_are_what_their_numbers_give(tmp_path):
    tool = pathlib.Path(TOOLS) / "ropewalk_chart_tool"
    names = set()
    for results in page.all_results(DOCS):
        for name, chart in pictures.all_pictures(results).items():
            pictures.draw(tool, chart, tmp_path / name)
            assert (tmp_path / name).read_bytes() == (DOCS / "experiments" / name).read_bytes(), name
            names.add(name)
    assert names == {file.name for file in (DOCS / "experiments").glob("*.svg")}
