"""Stages: a curriculum in one run, resumed where it is, with gates in between."""

import json
import os
import signal

import jsonschema
import pytest
from launched_runs import LaunchedRun
from main_job import OWN_MODEL, PROGRAM, metrics, ropewalk, state_bytes
from small_runs import checkpoint, make_shards, small_run

pytestmark = pytest.mark.skipif(not PROGRAM, reason="needs ROPEWALK_BIN")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    return make_shards(folder / "one", seed=1), make_shards(folder / "two", seed=2)


def staged(tmp_path, data, gate=None, name="run", **first):
    """Two to the double, then to the fourfold of the context, on other data."""
    path = small_run(tmp_path / f"{name}.json", data[0], tmp_path / name, train={"steps": 4},
                     data={"validation": [str(data[1])]},
                     eval={"every_steps": 4, "windows": [32], "max_documents": 1, "at_start": False})
    config = json.loads(path.read_text())
    for key in ("max_position_embeddings", "pos_scaling_factor"):
        del config["model"][key]
    config["stages"] = [
        {"model": {"max_position_embeddings": 512, "pos_scaling_factor": 2.0}, **first},
        {"model": {"max_position_embeddings": 1024, "pos_scaling_factor": 4.0},
         "data": {"train": [str(data[1])], "sequence_length": 48}, "train": {"steps": 5},
         "optimizer": {"learning_rate": 1e-4}}]
    if gate:
        config["stages"][0]["gate"] = gate
    path.write_text(json.dumps(config))
    return path


def factor_of(folder):
    return json.loads((folder / "config.json").read_text())["pos_scaling_factor"]


def test_a_stage_goes_on_from_the_one_before(tmp_path, data):
    config = staged(tmp_path, data)
    ropewalk("config", "validate", config)
    text = ropewalk("train", config, "--nproc", 2)
    assert "stage 1 of 2" in text and "stage 2 of 2" in text
    first, second = tmp_path / "run" / "stage-1", tmp_path / "run" / "stage-2"
    assert [factor_of(checkpoint(first, 4)), factor_of(checkpoint(second, 5))] == [2.0, 4.0]
    assert {line["learning_rate"] for line in metrics(second) if line["step"] == 5 and "loss" in line} == {1e-4}
    # As by hand: the second stage's own config, with the first one's result.
    by_hand = json.loads(ropewalk("config", "print", config, "--stage", 2))
    assert by_hand["train"]["run_dir"] == str(second)
    by_hand["model"]["pretrained"] = str(checkpoint(first, 4))
    by_hand["train"]["run_dir"] = str(tmp_path / "by-hand")
    (tmp_path / "by-hand.json").write_text(json.dumps(by_hand))
    ropewalk("train", tmp_path / "by-hand.json", "--nproc", 2)
    assert state_bytes(checkpoint(second, 5)) == state_bytes(checkpoint(tmp_path / "by-hand", 5))


def test_a_run_that_is_killed_goes_on_in_its_stage(tmp_path, data):
    whole = staged(tmp_path, data, name="whole")
    ropewalk("train", whole, "--nproc", 2)
    config = staged(tmp_path, data)
    for reached in ("step 2/4", "step 4/5"):  # of the first and of the second stage
        with LaunchedRun("train", config, "--nproc", 2, "--resume=auto", "--set",
                         "checkpoint.every_steps=1") as run:
            assert run.wait_for_line(reached) is not None, run.text()
            os.kill(run.ranks()[1], signal.SIGKILL)
            run.wait()
    text = ropewalk("train", config, "--nproc", 2, "--resume")
    assert "stage 1 of 2" not in text, "it is done"
    for stage, step in ((1, 4), (2, 5)):
        ours, theirs = (checkpoint(tmp_path / name / f"stage-{stage}", step) for name in ("run", "whole"))
        ours, theirs = state_bytes(ours), state_bytes(theirs)
        assert ours.keys() == theirs.keys()
        for name in theirs:
            # state.json holds checkpoint.every_steps, which differs.
            assert name.endswith(".json") or ours[name] == theirs[name], name
    assert "already at step" not in ropewalk("train", config, "--resume", "--nproc", 2)


def test_a_shut_gate_ends_the_run_until_the_stage_has_more_steps(tmp_path, data):
    config = staged(tmp_path, data, gate={"eval/perplexity@32": {"at_most": 1.5}})
    text = ropewalk("train", config, expect=1)
    assert "gate stays shut: eval/perplexity@32 is" in text and "at most 1.5 is asked for" in text
    assert not (tmp_path / "run" / "stage-2").exists()
    assert "gate stays shut" in ropewalk("train", config, "--resume", expect=1)
    text = json.loads(config.read_text())
    text["stages"][0]["gate"]["eval/perplexity@32"] = {"at_most": 1e9, "at_least": 1.0}
    text["stages"][0]["train"] = {"steps": 6}
    config.write_text(json.dumps(text))
    ropewalk("train", config, "--resume")
    assert checkpoint(tmp_path / "run" / "stage-1", 6).exists()
    assert checkpoint(tmp_path / "run" / "stage-2", 5).exists()
    # Too late to lengthen the first.
    text["stages"][0]["train"] = {"steps": 8}
    config.write_text(json.dumps(text))
    assert "stage 2 has begun" in ropewalk("train", config, "--resume", expect=2)


def test_only_the_evaluation_at_the_stages_end_opens_the_gate(tmp_path, data):
    config = staged(tmp_path, data, gate={"eval/perplexity@32": {"at_most": 1.5}},
                    eval={"every_steps": 2}, checkpoint={"every_steps": 2})
    ropewalk("train", config, expect=1)
    text = json.loads(config.read_text())
    text["stages"][0]["gate"]["eval/perplexity@32"] = {"at_most": 1e9}
    config.write_text(json.dumps(text))
    stage = tmp_path / "run" / "stage-1"
    lines = (stage / "metrics.jsonl").read_text().splitlines()
    evaluations = [line for line in lines if "eval/perplexity@32" in line]
    assert len(evaluations) > 1
    diverged = json.dumps(dict(json.loads(evaluations[-1]), **{"eval/perplexity@32": None}))
    others = "".join(line + "\n" for line in lines if line != evaluations[-1])
    (stage / "metrics.jsonl").write_text(others + diverged + "\n")
    assert "eval/perplexity@32 is not finite" in ropewalk("train", config, "--resume", expect=1)
    (stage / "metrics.jsonl").write_text("".join(line + "\n" for line in lines))
    text["stages"][0]["gate"] = {"eval/perplexity@64": {"at_most": 1e9}}
    text["eval"]["windows"] = [32, 64]
    config.write_text(json.dumps(text))
    assert "eval/perplexity@64 was not measured at step 4" in ropewalk("train", config, "--resume", expect=1)
    # As a run that was ended in its last evaluation, behind the checkpoint.
    (stage / "metrics.jsonl").write_text(others)
    found = ropewalk("train", config, "--resume")
    assert "the evaluation at step 4 was cut short, and is made now" in found
    assert checkpoint(tmp_path / "run" / "stage-2", 5).exists()
    # What has begun is not asked for its gate again.
    (stage / "metrics.jsonl").unlink()
    assert "already at step" not in ropewalk("train", config, "--resume")


def test_a_gate_that_nothing_measures_is_refused_before_the_first_step(tmp_path, data):
    config = staged(tmp_path, data, gate={"eval/passkey@512": {"at_least": 512}})
    found = ropewalk("train", config, expect=2)
    assert "stage 1 of 2" in found and "gate.eval/passkey@512: is not measured in this stage" in found
    assert "expected one of eval/perplexity@32" in found
    found = ropewalk("train", config, "--set", "eval.every_steps=0", expect=2)
    assert "nothing is measured in this stage: eval.every_steps is 0" in found
    assert not (tmp_path / "run").exists()


def test_updates_of_a_stage_are_merged_into_the_next(tmp_path, data):
    """With an adapter that the first begins with, and no later one."""
    config = staged(tmp_path, data)
    text = json.loads(config.read_text())
    text["lora"] = {"rank": 2}
    config.write_text(json.dumps(text))
    ropewalk("train", config)
    ropewalk("export", tmp_path / "run" / "stage-1", tmp_path / "adapter", "--adapter")
    text["lora"]["pretrained"] = str(tmp_path / "adapter")
    text["train"]["run_dir"] = str(tmp_path / "again")
    config.write_text(json.dumps(text))
    ropewalk("train", config)
    assert checkpoint(tmp_path / "again" / "stage-2", 5).exists()
    assert "pretrained" not in json.loads(ropewalk("config", "print", config, "--stage", 2))["lora"]
    text["stages"][1]["lora"] = {"pretrained": str(tmp_path / "adapter")}
    config.write_text(json.dumps(text))
    assert "stages[1].lora.pretrained: a stage goes on from the one before" in ropewalk(
        "config", "validate", config, expect=2)


def test_stages_that_cannot_be_are_refused_all_at_once(tmp_path, data):
    config = staged(tmp_path, data)
    text = json.loads(config.read_text())
    text["stages"][0].update(parallel={"data_parallel": "fsdp"}, gate={"loss": {"at_mots": 3}})
    text["stages"][1]["model"].update(pretrained="elsewhere", pos_scaling_factor=3.0)
    text["stages"][1]["train"]["step"] = 7
    text["stages"].append("last")
    config.write_text(json.dumps(text))
    found = ropewalk("train", config, "--nproc", 2, expect=2)
    for part in ("stages[0].parallel: cannot differ between stages", "stages[0].gate.loss.at_mots: unknown key",
                 "stages[0].gate.loss: found", "is no number of an evaluation",
                 "stages[1].model.pretrained: a stage goes on from the one before", "stages[2]: found \"last\"",
                 "stage 2 of 3: ", "train.step: ", "pos_scaling_factor"):
        assert part in found, found
    assert not (tmp_path / "run").exists()
    found = ropewalk("config", "validate", config, expect=2)
    assert "stages[0].parallel" in found and "train.step: " in found


def test_what_a_staged_run_cannot_do_is_refused(tmp_path, data):
    config = staged(tmp_path, data)
    assert "Remove the run directory" in ropewalk("train", config, "--overwrite", expect=2)
    assert "goes on where it is" in ropewalk("train", config, "--resume=3", expect=2)
    assert "--stage 1" in ropewalk("plan", config, expect=2)
    assert "has 2 stages" in ropewalk("config", "print", config, "--stage", 3, expect=2)
    ropewalk("train", config, "--set", "train.steps=1")
    assert "--resume" in ropewalk("train", config, "--set", "train.steps=1", expect=2)


def test_the_schema_knows_stages(tmp_path, data):
    schema = json.loads(ropewalk("config", "schema"))
    config = json.loads(staged(tmp_path, data, gate={"eval/perplexity@32": {"at_most": 3}}).read_text())
    jsonschema.validate(config, schema)
    config["stages"][0]["parallel"] = {}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(config, schema)
