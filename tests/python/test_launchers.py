"""The same run under every launcher of docs/distributed_runs.md: weights, moments, state and the loss
of each step are those of `train --nproc`, bit for bit."""

import os
import re
import shlex
import shutil
import subprocess

import pytest
import slurm
from main_job import PROGRAM, last_checkpoint, metrics, state_bytes
from test_doc_commands import (LAUNCHERS, begin_with_a_run_config, commands, launcher_of,
                               reader_environment, readers_folder, run, scaled_down)

pytestmark = pytest.mark.skipif(not PROGRAM, reason="needs ROPEWALK_BIN")
STARTED_HERE = ["ropewalk train", "torchrun", "mpirun", "srun"]


def launched_command(launcher, run_dir):
    """The page's command that begins so, small, with a run directory of its own."""
    command, = [line for line in commands(LAUNCHERS) if launcher_of(line) == launcher]
    return scaled_down(command) + f" --set train.run_dir={run_dir}"


def result_of(run_dir):
    return state_bytes(last_checkpoint(run_dir, step=3)), [line["loss"] for line in metrics(run_dir)]


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    """A folder with a run config, and the result of `train --nproc 2`."""
    folder = readers_folder(tmp_path_factory.mktemp("launchers"))
    begin_with_a_run_config(folder)
    run(folder, launched_command("ropewalk train", "runs/nproc"))
    result = result_of(folder / "runs" / "nproc")
    assert len(result[1]) == 3
    return folder, result


def test_every_launcher_of_the_page_has_its_test():
    of_the_page = {launcher_of(line) for line in commands(LAUNCHERS)}
    assert of_the_page == {*STARTED_HERE, "ropewalk launch"}  # test_several_machines.py


@pytest.mark.parametrize("launcher", ["torchrun", "mpirun"])
def test_launcher_gives_the_run_of_nproc(reference, launcher):
    folder, expected = reference
    if shutil.which(launcher, path=reader_environment(folder)["PATH"]) is None:
        pytest.skip(f"{launcher} is not installed")
    run(folder, launched_command(launcher, f"runs/{launcher}"))
    assert result_of(folder / "runs" / launcher) == expected


def test_slurm_gives_the_run_of_nproc(reference, tmp_path):
    folder, expected = reference
    try:
        with slurm.cluster(tmp_path / "slurm") as variables:
            command = launched_command("srun", "runs/srun")
            run(folder, " ".join([*(f"{key}={value}" for key, value in variables.items()), command]))
    except slurm.Unavailable as reason:
        pytest.skip(f"no Slurm here, test_variables_of_srun_give_the_run_of_nproc stands in: {reason}")
    assert result_of(folder / "runs" / "srun") == expected


def test_variables_of_srun_give_the_run_of_nproc(reference):
    """What srun would start is started by hand, with the variables that its manual names."""
    folder, expected = reference
    tasks, command = re.fullmatch(r"srun --ntasks (\d+) (.*)",
                                  launched_command("srun", "runs/variables")).groups()
    step = {"SLURM_JOB_ID": str(os.getpid()), "SLURM_STEP_ID": "0", "SLURM_STEP_NODELIST": "localhost",
            "SLURM_NTASKS": tasks, "SLURM_STEP_NUM_TASKS": tasks, "SLURM_STEP_NUM_NODES": "1",
            "SLURM_STEP_TASKS_PER_NODE": tasks, "SLURM_NODEID": "0"}
    ranks = [subprocess.Popen(
        shlex.split(command), cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        env={**reader_environment(folder), **step, "SLURM_PROCID": str(i), "SLURM_LOCALID": str(i)})
        for i in range(int(tasks))]
    try:
        for rank in ranks:
            output, _ = rank.communicate(timeout=300)
            assert rank.returncode == 0, output
    finally:
        for rank in ranks:
            rank.kill()
    assert result_of(folder / "runs" / "variables") == expected
