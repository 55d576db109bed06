"""Runs that go on with other ranks: another number, another kind, or some that do not see the same."""

import json
import os
import shutil
import subprocess

from figures import Outcome, figure
from main_job import PROGRAM, numbers, state_bytes
from runs import checkpoints, fresh, launch, prepared_run, undisturbed
from safetensors.numpy import load_file
from slurm import free_ports

BATCH = {"global_batch_size": 12, "steps": 10}
RANKS = (1, 2, 3, 4)
KINDS = ("ddp", "zero1", "zero2", "fsdp")
NEAR = 1e-5


def mode(kind):
    return {"train": BATCH, "parallel": {"data_parallel": kind}, "checkpoint": {"every_steps": 5}}


def weights_differ(ours, theirs):
    """The largest relative difference of a tensor."""
    largest = 0.0
    for file in sorted(theirs.glob("*.safetensors")):
        other = load_file(file)
        for name, value in load_file(ours / file.name).items():
            norm = float((other[name] ** 2).sum()) ** 0.5
            largest = max(largest, float(((value - other[name]) ** 2).sum()) ** 0.5 / norm)
    return largest


@figure("R5", "Saved by 1, 2, 3, 4 ranks and resumed by 1, 2, 3, 4, in every kind of data parallelism",
        "the same samples; loss within 1e-5")
def other_ranks(work):
    failures, worst_loss, worst_weight, tried = [], 0.0, 0.0, 0
    reference = undisturbed(work.folder, **mode("ddp"))
    expected = numbers(reference, "loss")
    pairs = [(kind, saved, resumed) for kind in KINDS for saved in RANKS for resumed in RANKS]
    if not work.full:
        pairs = [("fsdp", 2, 3)]
    for kind, saved, resumed in pairs:
        name = f"{kind}-{saved}"
        config = prepared_run(work.folder, name, **mode(kind))
        if not (work.folder / name).exists():
            first = launch(config, "--set", "train.steps=5", ranks=saved)
            assert first.wait() == 0, first.text()
        branch = shutil.copytree(work.folder / name, fresh(work.folder / "branch"))
        # Kinds change too: what one wrote another reads.
        other = KINDS[(KINDS.index(kind) + resumed) % len(KINDS)]
        run = launch(config, "--resume", "--set", f"train.run_dir={branch}",
                     "--set", f"parallel.data_parallel={other}", ranks=resumed)
        tried += 1
        if run.wait() != 0:
            failures.append(run.text())
            continue
        loss = max(abs(a / b - 1) for a, b in zip(numbers(branch, "loss"), expected, strict=True))
        weight = weights_differ(checkpoints(branch)[10], checkpoints(reference)[10])
        worst_loss, worst_weight = max(worst_loss, loss), max(worst_weight, weight)
        if loss > NEAR or weight > NEAR:
            failures.append(f"{kind} at {saved} -> {other} at {resumed}: loss {loss:.1e}, weights {weight:.1e}")
        cursors = [state_cursor(folder) for folder in (branch, reference)]
        if cursors[0] != cursors[1]:
            failures.append(f"{kind} at {saved} -> {other} at {resumed}: {cursors[0]} samples, not {cursors[1]}")
    return Outcome(tried=f"{tried} resumes", failures=failures,
                   result=f"the same number of samples; largest difference of a loss {worst_loss:.1e}, "
                          f"of a weight tensor {worst_weight:.1e}")


def state_cursor(run_dir):
    state = json.loads((checkpoints(run_dir)[10] / "trainer" / "state.json").read_text())
    return state["owners"]["progress"]["cursor"]


@figure("R13", "Two ranks that see different checkpoints under the run directory",
        "an error on both that names the difference, before anything is loaded")
def different_views(work):
    failures = []
    config = prepared_run(work.folder, "run", train={"steps": 6})
    run = launch(config, "--set", f"train.run_dir={work.folder / 'first' / 'run'}")
    assert run.wait() == 0, run.text()
    for view in ("missing", "other"):
        other = fresh(work.folder / view)
        shutil.copytree(work.folder / "first", other)
        newest = checkpoints(other / "run")[6]
        if view == "missing":
            shutil.rmtree(newest)
        else:
            shutil.rmtree(newest)
            shutil.copytree(checkpoints(other / "run")[3], newest)
        before = state_bytes(checkpoints(work.folder / "first" / "run")[6])
        port, = free_ports(1)
        ranks = []
        for rank, cwd in enumerate((work.folder / "first", other)):
            environment = {**os.environ, "RANK": str(rank), "WORLD_SIZE": "2", "LOCAL_RANK": str(rank),
                           "LOCAL_WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
            ranks.append(subprocess.Popen(
                [PROGRAM, "train", str(config), "--resume", "--set", "train.run_dir=run",
                 "--set", "train.steps=9"],
                cwd=cwd, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True))
        for rank, process in enumerate(ranks):
            text, _ = process.communicate(timeout=60)
            if process.returncode != 2 or "rank 1" not in text or "step-00000006" not in text:
                failures.append(f"{view}, rank {rank}: exit {process.returncode}\n{text}")
        if before != state_bytes(checkpoints(work.folder / "first" / "run")[6]):
            failures.append(f"{view}: a checkpoint was changed")
    return Outcome(tried="2 views: the newest is missing, the newest is another", failures=failures,
                   result="exit 2 on both ranks, which name the checkpoint and the rank")
