"""`--max-restarts`: ranks that die are started again, from the beginning or from the newest checkpoint, and
the run ends as without it."""

import os
import signal
import time

import pytest
from launched_runs import LaunchedRun
from main_job import PROGRAM, metrics, ropewalk, state_bytes, wait_for_step
from small_runs import checkpoint, make_shards, settings, small_run

pytestmark = pytest.mark.skipif(not PROGRAM, reason="needs ROPEWALK_BIN")


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    return make_shards(tmp_path_factory.mktemp("data"), seed=1)


def endless(tmp_path, shards, every_steps=3):
    return small_run(tmp_path / "run.json", shards, tmp_path / "run", train={"steps": 100000},
                     checkpoint={"every_steps": every_steps, "keep": 2})


def stop(run):
    run.process.send_signal(signal.SIGTERM)
    code, text = run.end()
    assert code == 75, text
    return text


def reach(run, part):
    assert run.wait_for_line(part) is not None, run.text()


@pytest.mark.parametrize("words", [[], ["--overwrite"]], ids=["fresh", "overwrite"])
def test_before_the_first_save_the_run_begins_anew_and_after_it_goes_on(tmp_path, shards, words):
    run_dir = tmp_path / "run"
    config = endless(tmp_path, shards, every_steps=100000)
    if words:
        ropewalk("train", config, *settings(train__steps=2))
    with LaunchedRun("train", config, "--nproc", 2, "--max-restarts", 2, *words) as run:
        reach(run, "step 4/")
        os.kill(run.ranks()[1], signal.SIGKILL)
        reach(run, "restart 1 of 2: rank 1 (process")
        reach(run, "step 2/")
        (run_dir / "save-now").touch()
        reach(run, "saved ")
        os.kill(run.ranks()[0], signal.SIGKILL)
        reach(run, "goes on from the newest checkpoint")
        reach(run, "resumed ")
        text = stop(run)
    assert text.count("was killed by signal 9") >= 2

    steps = [line["step"] for line in metrics(run_dir)]
    assert steps == list(range(1, steps[-1] + 1)), "each step once"
    ropewalk("train", config, "--nproc", 2,
             *settings(train__run_dir=str(tmp_path / "whole"), train__steps=steps[-1]))
    resumed, whole = (state_bytes(checkpoint(tmp_path / name, steps[-1])) for name in ("run", "whole"))
    assert resumed.keys() == whole.keys()
    for name in whole:
        # state.json holds train.steps, which differs.
        assert name.endswith(".json") or resumed[name] == whole[name], name


def test_a_hung_rank_is_a_failure_too(tmp_path, shards):
    with LaunchedRun("train", endless(tmp_path, shards), "--nproc", 2, "--max-restarts", 1,
                     "--hang-limit", 2) as run:
        reach(run, "step 5/")
        os.kill(run.ranks()[1], signal.SIGSTOP)
        reach(run, "is frozen: no sign of life")
        reach(run, "resumed ")
        stop(run)


def test_bad_input_is_final(tmp_path, shards):
    config = small_run(tmp_path / "run.json", shards, tmp_path / "run")
    ropewalk("train", config)
    text = ropewalk("train", config, "--nproc", 2, "--max-restarts", 3, expect=2)
    assert "has checkpoints of a run already" in text and "restart" not in text


def test_a_single_rank_may_be_started_again_too(tmp_path, shards):
    config = endless(tmp_path, shards)
    with LaunchedRun("train", config, "--nproc", 1, "--max-restarts", 1) as run:
        reach(run, "step 4/")
        os.kill(run.ranks()[0], signal.SIGKILL)
        reach(run, "resumed ")
        stop(run)


def test_ctrl_z_is_no_hang(tmp_path, shards):
    with LaunchedRun("train", endless(tmp_path, shards), "--nproc", 2, "--hang-limit", 1) as run:
        reach(run, "step 5/")
        os.killpg(run.process.pid, signal.SIGSTOP)
        time.sleep(2)  # twice the limit, for the whole group
        os.killpg(run.process.pid, signal.SIGCONT)
        wait_for_step(tmp_path / "run", metrics(tmp_path / "run")[-1]["step"] + 20, run.process)
        stop(run)


def test_the_options_need_a_launcher(tmp_path, shards):
    config = small_run(tmp_path / "run.json", shards, tmp_path / "run")
    text = ropewalk("train", config, "--max-restarts", 3, "--hang-limit", 5, expect=2)
    assert "--max-restarts: found without --nproc" in text
    assert "--hang-limit: found without --nproc" in text
    text = ropewalk("launch", "--max-restarts", "many", "--hang-limit", "-1", "--", "train", config,
                    "--max-restarts", 3, expect=2)
    assert '--max-restarts: found "many"' in text and '--hang-limit: found "-1"' in text
    assert "--max-restarts: found after --" in text
