"""Perplexity while training and afterwards: one protocol, one number."""

import json
import xml.etree.ElementTree

import pytest
from main_job import OWN_MODEL, PROGRAM, metrics, ropewalk
from small_runs import checkpoint, make_shards, small_run

pytestmark = pytest.mark.skipif(not PROGRAM, reason="needs ROPEWALK_BIN")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    validation = make_shards(folder / "validation", seed=2, num_documents=3, num_words=150)
    return make_shards(folder / "train", seed=1), validation


def evaluations(run_dir):
    """step -> {tag: value} of the lines that evaluations wrote."""
    return {line["step"]: {key: value for key, value in line.items() if key != "step"}
            for line in metrics(run_dir) if any(key.startswith("eval/") for key in line)}


def perplexities(tmp_path, model, validation, *words):
    report = tmp_path / "perplexity.json"
    ropewalk("eval", "perplexity", model, "--data", validation, "--json", report, "--threads", 1,
             *words)
    return json.loads(report.read_text())["results"]


@pytest.mark.parametrize("ranks", [1, 2])
def test_evaluation_while_training_equals_the_command_and_changes_nothing(tmp_path, data, ranks):
    train, validation = data
    watched = small_run(tmp_path / "watched.json", train, tmp_path / "watched",
                        data={"validation": [str(validation)]},
                        eval={"every_steps": 2, "windows": [16, 32], "stride": 8, "factors": [1, 2, 4]})
    plain = small_run(tmp_path / "plain.json", train, tmp_path / "plain")
    for config in (watched, plain):
        ropewalk("train", config, "--nproc", ranks)
    found = evaluations(tmp_path / "watched")
    assert list(found) == [2, 4, 6]
    last = checkpoint(tmp_path / "watched", 6)
    results = perplexities(tmp_path, last, validation, "--windows", "16,32", "--stride", 8,
                           "--factors", "1,2,4")
    assert found[6] == {f"eval/perplexity@{result['window']}/factor_{result['factor']:g}":
                        pytest.approx(result["perplexity"], rel=1e-6) for result in results}
    assert {result["documents"] for result in results} == {3}
    # The scaling that training uses is back after each evaluation.
    for name in ("model.safetensors", "trainer/optimizer.safetensors"):
        assert (last / name).read_bytes() == (checkpoint(tmp_path / "plain", 6) / name).read_bytes()


def test_evaluation_of_a_bf16_run_is_computed_in_fp32(tmp_path, data):
    train, validation = data
    config = small_run(tmp_path / "run.json", train, tmp_path / "run",
                       data={"validation": [str(validation)]},
                       train={"precision": "bf16", "steps": 3}, eval={"every_steps": 3})
    ropewalk("train", config)
    ropewalk("export", tmp_path / "run", tmp_path / "exported", "--dtype", "fp32")
    result, = perplexities(tmp_path, tmp_path / "exported", validation, "--windows", 32)
    assert evaluations(tmp_path / "run")[3] == {
        "eval/perplexity@32": pytest.approx(result["perplexity"], rel=1e-6)}


def test_scaling_is_said_completely_or_refused(tmp_path, data):
    def refused(*words):
        return ropewalk("eval", "perplexity", OWN_MODEL, "--data", data[1], "--windows", 16, *words,
                        expect=2)

    assert "--factors" in refused("--scaling", "yarn")
    assert "linear, " in refused("--scaling", "linaer", "--factors", 2)
    assert "no scaling" in refused("--scaling", "default", "--factors", 2)
    kinds = {}
    for kind in ("default", "linear", "yarn"):
        result, = perplexities(tmp_path, OWN_MODEL, data[1], "--windows", 16, "--scaling", kind,
                               "--factors", 1)
        assert (result["kind"], result["factor"]) == ("default", 1)
        kinds[kind] = result["perplexity"]
    own, = perplexities(tmp_path, OWN_MODEL, data[1], "--windows", 16)
    assert set(kinds.values()) == {own["perplexity"]}


def texts_of(picture):
    root = xml.etree.ElementTree.fromstring(picture.read_text())
    return [" ".join(element.itertext()) for element in root.iter() if element.tag.endswith("text")]


def test_compare_draws_and_lists_what_several_evaluations_found(tmp_path, data):
    validation = data[1]
    for name, factors in (("base", "1"), ("scaled", "1,2")):
        ropewalk("eval", "perplexity", OWN_MODEL, "--data", validation, "--windows", "16,64",
                 "--factors", factors, "--json", tmp_path / f"{name}.json", "--threads", 1,
                 "--plot", tmp_path / f"{name}.svg")
    table = ropewalk("eval", "compare", f"base={tmp_path / 'base.json'}",
                     f"scaled={tmp_path / 'scaled.json'}", "--plot", tmp_path / "both.svg",
                     "--title", "before and after")
    rows = {"base, unscaled", "scaled, unscaled", "scaled, linear x2"}
    for row in rows:
        assert row in table
    for result in json.loads((tmp_path / "scaled.json").read_text())["results"]:
        assert f"{result['perplexity']:.4g}" in table
    shown = texts_of(tmp_path / "both.svg")
    assert rows | {"before and after"} <= set(shown), shown
    assert any("unscaled" in text for text in texts_of(tmp_path / "base.svg"))


def test_sampling_is_repeatable_by_seed():
    def sampled(seed):
        out = ropewalk("generate", OWN_MODEL, "--prompt", "import ", "--max-new-tokens", 24, "--json",
                       "--temperature", 1.2, "--top-p", 0.9, "--seed", seed, "--threads", 1)
        return json.loads(out.splitlines()[0])["ids"]

    assert sampled(1) == sampled(1)
    assert sampled(1) != sampled(2)
