"""Training on GPUs; every test is skipped where there are none. Atomic additions make a GPU's sums
depend on their order, so runs are compared to rounding and not bit for bit."""

import pytest
from main_job import (OWN_MODEL, PROGRAM, STEPS, extended_run, last_checkpoint, metrics, prepared,
                      skip_without_gpus, text_file, train, train_killed_once)

pytestmark = pytest.mark.skipif(not PROGRAM, reason="needs ROPEWALK_BIN")
SMALL = ["--set", "data.sequence_length=64", "--set", "train.global_batch_size=6"]
ON_GPUS = ["--set", "parallel.backend=nccl"]
ON_CPU = ["--set", "parallel.backend=gloo"]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("own")
    data = prepared(folder, OWN_MODEL, [text_file(folder / "text.txt", seed=1)])
    config, small = extended_run(folder, OWN_MODEL, data, 512)
    return config, small + SMALL


def losses(run_dir):
    lines = metrics(run_dir)
    assert [line["step"] for line in lines] == list(range(1, STEPS + 1))
    return [line["loss"] for line in lines]


@pytest.mark.parametrize("ranks", [1, 2])
def test_gpus_agree_with_the_cpu(run, tmp_path, ranks):
    skip_without_gpus(ranks)
    config, small = run
    train(config, small + ON_CPU, tmp_path / "cpu", 1)
    train(config, small + ON_GPUS, tmp_path / "gpus", ranks)
    assert losses(tmp_path / "gpus") == pytest.approx(losses(tmp_path / "cpu"), rel=1e-3)


@pytest.mark.parametrize("ranks", [1, 2])
def test_killed_run_on_gpus_goes_on(run, tmp_path, ranks):
    skip_without_gpus(ranks)
    config, small = run
    train(config, small + ON_GPUS, tmp_path / "whole", ranks)
    train_killed_once(config, small + ON_GPUS, tmp_path / "killed", ranks, kill_step=4)
    assert losses(tmp_path / "killed") == pytest.approx(losses(tmp_path / "whole"), rel=1e-3)
    assert last_checkpoint(tmp_path / "killed").exists()
