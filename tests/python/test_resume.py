"""How runs stop, go on, start over and branch off: what is kept, compared and refused."""

import json
import shutil
import signal

import pytest
from event_files import accumulated
from main_job import (OWN_MODEL, PROGRAM, kill_group, metrics, ropewalk, start, state_bytes,
                      wait_for_step)
from small_runs import checkpoint, make_shards, settings, small_run, weights

pytestmark = pytest.mark.skipif(not PROGRAM, reason="needs ROPEWALK_BIN")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    return make_shards(folder / "train", seed=1), make_shards(folder / "validation", seed=2)


def evaluated_steps(run_dir):
    return [line["step"] for line in metrics(run_dir) if any("eval/" in key for key in line)]


def test_stop_signal_saves_without_evaluating(tmp_path, data):
    train, validation = data
    run_dir = tmp_path / "run"
    config = small_run(tmp_path / "run.json", train, run_dir, data={"validation": [str(validation)]},
                       train={"steps": 100000}, checkpoint={"every_steps": 0},
                       eval={"every_steps": 90000, "at_start": False})
    process = start("train", config)
    wait_for_step(run_dir, 2, process)
    process.send_signal(signal.SIGTERM)
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 75, output
    assert evaluated_steps(run_dir) == [], output
    assert checkpoint(run_dir, metrics(run_dir)[-1]["step"]).exists(), output


def test_saving_comes_first_and_the_true_end_is_evaluated(tmp_path, data):
    train, validation = data
    config = small_run(tmp_path / "run.json", train, tmp_path / "run",
                       data={"validation": [str(validation)]}, train={"steps": 3},
                       eval={"every_steps": 2, "at_start": False})
    output = ropewalk("train", config)
    assert evaluated_steps(tmp_path / "run") == [2, 3]
    assert 0 < output.index("saved") < output.index("eval at step 3")


def test_resume_compares_with_the_checkpoint_itself(tmp_path, data):
    config = small_run(tmp_path / "run.json", data[0], tmp_path / "run")
    ropewalk("train", config)
    (tmp_path / "run" / "config.json").unlink()
    more = settings(train__steps=8)
    faster = settings(optimizer__learning_rate=0.1)
    message = ropewalk("train", config, "--resume", *more, *faster, expect=2)
    assert "optimizer.learning_rate" in message and "started with 0.001, now it is 0.1" in message

    branch = tmp_path / "branch"
    source = checkpoint(tmp_path / "run", 3)
    elsewhere = ["--set", f"train.run_dir={branch}", f"--resume={source}"]
    message = ropewalk("train", config, *elsewhere, *faster, expect=2)
    assert "optimizer.learning_rate" in message and str(source) in message
    assert not branch.exists()
    ropewalk("train", config, *elsewhere, *faster, "--allow-change", "optimizer.learning_rate")
    last = checkpoint(branch, 6)
    assert weights(last) != weights(checkpoint(tmp_path / "run", 6))
    message = ropewalk("train", config, *elsewhere, "--allow-change", "optimizer", *more, expect=2)
    assert "another run's" in message
    # What was allowed once is what the branch has from now on.
    stored = json.loads((last / "trainer" / "state.json").read_text())["settings"]
    assert stored["optimizer"]["learning_rate"] == 0.1


def test_checkpoint_of_another_model_is_refused_by_what_differs(tmp_path, data):
    config = small_run(tmp_path / "run.json", data[0], tmp_path / "run")
    ropewalk("train", config)
    other = shutil.copytree(OWN_MODEL, tmp_path / "other")
    fields = json.loads((other / "config.json").read_text())
    (other / "config.json").write_text(json.dumps({**fields, "rms_norm_eps": 0.5}))
    before = weights(checkpoint(tmp_path / "run", 6))
    message = ropewalk("train", config, "--resume",
                       *settings(train__steps=8, model__pretrained=str(other)), expect=2)
    assert f"rms_norm_eps: the checkpoint's model has {fields['rms_norm_eps']}" in message
    assert "this run's has 0.5" in message and str(checkpoint(tmp_path / "run", 6)) in message
    assert weights(checkpoint(tmp_path / "run", 6)) == before


def test_state_holds_settings_and_random_numbers_but_no_path(tmp_path, data):
    config = small_run(tmp_path / "run.json", data[0], tmp_path / "run", train={"seed": 5})
    ropewalk("train", config)
    text = (checkpoint(tmp_path / "run", 6) / "trainer" / "state.json").read_text()
    assert str(tmp_path) not in text and str(data[0]) not in text
    state = json.loads(text)
    assert state["owners"]["progress"]["rng"] == {"seed": 5, "stream": 0}
    assert state["owners"]["progress"]["cursor"] == 12
    assert state["settings"]["schedule"]["warmup_steps"] == 2
    assert state["settings"]["train"]["steps"] == 6


@pytest.mark.parametrize("changes", [
    {"train": {"precision": "bf16"}},
    {"optimizer": {"frozen": ["embed_tokens.*", "layers.0.*"], "weight_decay": 0.1},
     "schedule": {"type": "cosine", "final_fraction": 0.1}, "parallel": {"recompute": "block"}},
], ids=["bf16", "frozen-cosine-recompute"])
@pytest.mark.parametrize("ranks", [1, 2])
def test_branch_from_the_middle_ends_bit_for_bit_the_same(tmp_path, data, changes, ranks):
    config = small_run(tmp_path / "run.json", data[0], tmp_path / "whole", **changes)
    ropewalk("train", config, "--nproc", ranks)
    ropewalk("train", config, "--nproc", ranks, "--set", f"train.run_dir={tmp_path / 'branch'}",
             f"--resume={checkpoint(tmp_path / 'whole', 3)}")
    whole, branch = (checkpoint(tmp_path / name, 6) for name in ("whole", "branch"))
    assert state_bytes(whole) == state_bytes(branch)
    has_masters = (whole / "trainer" / "master.safetensors").exists()
    assert has_masters == ("precision" in changes.get("train", {}))
    losses = [line["loss"] for line in metrics(tmp_path / "whole")]
    assert [line["loss"] for line in metrics(tmp_path / "branch")] == losses[3:]


def test_overwrite_leaves_the_old_run_until_its_first_save(tmp_path, data):
    config = small_run(tmp_path / "run.json", data[0], tmp_path / "run")
    ropewalk("train", config)
    before = weights(checkpoint(tmp_path / "run", 6))
    process = start("train", config, "--overwrite",
                    *settings(train__steps=100000, checkpoint__every_steps=0, train__seed=9))
    wait_for_step(tmp_path / "run", 7, process)
    kill_group(process)
    assert weights(checkpoint(tmp_path / "run", 6)) == before
    ropewalk("train", config, "--resume", *settings(train__steps=7))
    assert checkpoint(tmp_path / "run", 7).exists()


def test_refused_overwrite_touches_nothing(tmp_path, data):
    config = small_run(tmp_path / "run.json", data[0], tmp_path / "run")
    ropewalk("train", config)
    files = {path: path.read_bytes() for path in (tmp_path / "run").rglob("*")
             if path.is_file() and path.name != "lock"}
    ropewalk("train", config, "--overwrite", *settings(optimizer__frozen=["nothing"]), expect=2)
    assert {path: path.read_bytes() for path in files} == files


def test_tensorboard_shows_only_the_run_that_replaced_another(tmp_path, data):
    config = small_run(tmp_path / "run.json", data[0], tmp_path / "run")
    ropewalk("train", config)
    ropewalk("train", config, "--overwrite", *settings(train__steps=2, optimizer__learning_rate=0.5))
    events = accumulated(tmp_path / "run" / "tensorboard").Scalars("train/loss")
    shown = [(event.step, event.value) for event in events]
    assert shown == [(line["step"], pytest.approx(line["loss"])) for line in metrics(tmp_path / "run")]
    assert len(shown) == 2
