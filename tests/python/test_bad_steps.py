"""Steps that go wrong: all ranks decide alike, nothing of them is kept, their samples are named."""

import json

import pytest
from bad_data import bad_steps, make_bad_data, nan_samples
from main_job import PROGRAM, kill_group, metrics, numbers, ropewalk, start, state_bytes, wait_for_step
from safetensors.torch import load_file
from small_runs import checkpoint, settings, small_run

pytestmark = pytest.mark.skipif(not PROGRAM, reason="needs ROPEWALK_BIN")

STEPS = 12


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return make_bad_data(tmp_path_factory.mktemp("bad"))


def bad_run(place, tmp_path, name, model="nan", **changes):
    sections = {"model": {"pretrained": str(place / model)},
                "train": {"steps": STEPS, "global_batch_size": 4, "bad_steps": {"action": "skip"}}}
    for section, keys in changes.items():
        sections.setdefault(section, {}).update(keys)
    return small_run(tmp_path / f"{name}.json", place / "shards", tmp_path / name, **sections)


@pytest.mark.parametrize("ranks", [1, 2])
def test_a_bad_step_is_skipped_and_its_samples_are_named(place, tmp_path, ranks):
    config = bad_run(place, tmp_path, "run", train={"steps": 70})
    output = ropewalk("train", config, "--nproc", ranks)
    bad = bad_steps(tmp_path / "run")
    assert len(bad) >= 2, "the sequence comes once in an epoch"
    lines = {line["step"]: line for line in metrics(tmp_path / "run")}
    assert sorted(lines) == list(range(1, 71))
    assert [step for step, line in lines.items() if line.get("skipped")] == [r["step"] for r in bad]
    assert output.count("is bad and its update was not made: the loss is nan") == len(bad)
    assert len({tuple(nan_samples(record)) for record in bad}) == 1
    assert all(len(nan_samples(record)) == 1 for record in bad)
    assert all(len(record["micro_batches"]) == 4 and record["action"] == "skip" for record in bad)
    assert all(isinstance(lines[step]["loss"], float) for step in lines if "skipped" not in lines[step])


def test_ranks_agree_and_weights_are_those_of_a_run_without_the_step(place, tmp_path):
    """One rank meets the sequence, two ranks must leave the same step out."""
    for ranks in (1, 2):
        ropewalk("train", bad_run(place, tmp_path, f"run{ranks}", train={"steps": 40}), "--nproc", ranks)
    assert [record["step"] for record in bad_steps(tmp_path / "run1")] == \
        [record["step"] for record in bad_steps(tmp_path / "run2")]
    one, two = (numbers(tmp_path / f"run{ranks}", "loss") for ranks in (1, 2))
    assert [loss for loss in one if loss] == pytest.approx([loss for loss in two if loss], rel=1e-5)
    step = bad_steps(tmp_path / "run1")[0]["step"]
    before, after = (load_file(checkpoint_at(place, tmp_path, last)) for last in (step - 1, step))
    assert before.keys() == after.keys()
    for name in before:
        equal = (before[name] == after[name]) | (before[name].isnan() & after[name].isnan())
        assert equal.all(), f"{name} was changed by the bad step"


def checkpoint_at(place, tmp_path, steps):
    config = bad_run(place, tmp_path, f"to{steps}", train={"steps": steps})
    ropewalk("train", config)
    return checkpoint(tmp_path / f"to{steps}", steps) / "model.safetensors"


def test_by_default_the_run_ends_and_keeps_its_checkpoint(place, tmp_path):
    config = bad_run(place, tmp_path, "run", train={"steps": 40, "bad_steps": {}},
                     checkpoint={"every_steps": 1})
    message = ropewalk("train", config, expect=1)
    bad, = bad_steps(tmp_path / "run")
    assert f"step {bad['step']} is bad" in message and str(tmp_path / "run/bad_steps.jsonl") in message
    assert "bad_steps.action" in message and bad["action"] == "stop"
    assert checkpoint(tmp_path / "run", bad["step"] - 1).exists()
    assert not checkpoint(tmp_path / "run", bad["step"]).exists()


def test_too_many_in_a_row_end_the_run(place, tmp_path):
    config = bad_run(place, tmp_path, "run",
                     train={"bad_steps": {"action": "skip", "max_in_a_row": 3, "loss_spike_factor": 0}},
                     optimizer={"learning_rate": 1e30})
    message = ropewalk("train", config, "--nproc", 2, expect=1)
    actions = [record["action"] for record in bad_steps(tmp_path / "run")][-3:]
    assert actions == ["skip", "skip", "stop"], message
    steps = [record["step"] for record in bad_steps(tmp_path / "run")][-3:]
    assert steps == list(range(steps[0], steps[0] + 3))


def test_a_spike_is_bad_where_it_is_looked_for(place, tmp_path):
    spikes = {"train": {"steps": 60, "bad_steps": {"action": "skip", "loss_spike_factor": 1.5}}}
    ropewalk("train", bad_run(place, tmp_path, "run", model="loud", **spikes))
    found = bad_steps(tmp_path / "run")
    assert found and all("more than 1.5 times" in record["fault"] for record in found)
    assert all(record["step"] > 16 for record in found)
    # Resumed in between, the run decides as it would have undisturbed.
    config = bad_run(place, tmp_path, "killed", model="loud", **spikes)
    process = start("train", config)
    wait_for_step(tmp_path / "killed", found[0]["step"] - 2, process)
    kill_group(process)
    ropewalk("train", config, "--resume=auto")
    assert state_bytes(checkpoint(tmp_path / "run", 60)) == state_bytes(checkpoint(tmp_path / "killed", 60))


@pytest.mark.parametrize("ranks", [1, 2])
def test_rolling_back_passes_over_the_samples_since_the_checkpoint(place, tmp_path, ranks):
    back = {"train": {"steps": 50, "bad_steps": {"action": "roll_back"}}}
    output = ropewalk("train", bad_run(place, tmp_path, "run", **back), "--nproc", ranks)
    bad = bad_steps(tmp_path / "run")
    assert [line["step"] for line in metrics(tmp_path / "run")] == list(range(1, 51))
    assert output.count("going back to") == len(bad) >= 1
    first = bad[0]
    saved = (first["step"] - 1) // 3 * 3
    assert str(checkpoint(tmp_path / "run", saved)) in output
    # The samples from the checkpoint to the bad step were passed over: the second time the step comes
    # it reads what follows.
    state = json.loads((checkpoint(tmp_path / "run", 50) / "trainer/state.json").read_text())
    passed_over = sum(4 * (record["step"] - (record["step"] - 1) // 3 * 3) for record in bad)
    assert state["owners"]["progress"]["cursor"] == 50 * 4 + passed_over
    assert all("skipped" not in line for line in metrics(tmp_path / "run"))


def test_rolling_back_without_a_checkpoint_says_so(place, tmp_path):
    config = bad_run(place, tmp_path, "run", train={"steps": 40, "bad_steps": {"action": "roll_back"}},
                     checkpoint={"every_steps": 0})
    assert "no checkpoint to go back to yet" in ropewalk("train", config, "--nproc", 2, expect=1)


def test_the_time_limit_saves_and_stops(place, tmp_path):
    config = bad_run(place, tmp_path, "run")
    output = ropewalk("train", config, *settings(train__max_time_s=0.001), "--nproc", 2, expect=75)
    assert "train.max_time_s is over" in output
    assert checkpoint(tmp_path / "run", 1).exists()
    ropewalk("train", config, "--resume", "--nproc", 2)
    ropewalk("train", bad_run(place, tmp_path, "whole"), "--nproc", 2)
    assert state_bytes(checkpoint(tmp_path / "run", STEPS)) == \
        state_bytes(checkpoint(tmp_path / "whole", STEPS))
