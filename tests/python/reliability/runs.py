"""Small runs for the figures: started, watched, killed, and compared with one that nobody touched."""

import pathlib
import shutil
import subprocess

from launched_runs import LaunchedRun
from main_job import PROGRAM, metrics, state_bytes
from small_runs import make_shards, small_run

STEPS = 24


def prepared_run(folder, name="run", **changes):
    """A config that trains STEPS steps over both of an epoch's ends, with accumulation."""
    folder = pathlib.Path(folder)
    shards = folder / "data" / "shards"
    if not shards.exists():
        make_shards(folder / "data", seed=1, num_documents=4, num_words=60)
    sections = {"train": {"steps": STEPS, "global_batch_size": 4, "micro_batch_size": 1},
                "checkpoint": {"every_steps": 3, "keep": 2}}
    for section, keys in changes.items():
        sections.setdefault(section, {}).update(keys)
    return small_run(folder / f"{name}.json", shards, folder / name, **sections)


def launch(config, *words, ranks=1):
    """`ropewalk train`, under the launcher where there are several ranks."""
    return LaunchedRun("train", config, *words, *(["--nproc", ranks] if ranks > 1 else []))


def checkpoints(run_dir):
    """Published ones by step, oldest first."""
    folders = (pathlib.Path(run_dir) / "checkpoints").glob("step-*[0-9]")
    return {int(folder.name[5:]): folder for folder in sorted(folders) if "." not in folder.name}


def verifies(folder):
    return subprocess.run([PROGRAM, "verify", str(folder)], capture_output=True).returncode == 0


def leftovers(run_dir):
    return [path.name for path in (pathlib.Path(run_dir) / "checkpoints").glob("*.*")]


def losses(run_dir):
    """By step, as the bits that were written."""
    return {line["step"]: float(line["loss"]).hex() for line in metrics(run_dir) if "loss" in line}


def differences(run_dir, reference, step=STEPS):
    """Between a run and one that nobody touched: final state to the bit, losses of every step."""
    faults = []
    own = checkpoints(run_dir).get(step)
    if own is None:
        return [f"{run_dir}: no checkpoint at step {step}"]
    ours, theirs = state_bytes(own), state_bytes(checkpoints(reference)[step])
    faults += [f"{own}/{name} differs" for name in sorted(ours.keys() | theirs.keys())
               if ours.get(name) != theirs.get(name)]
    if losses(run_dir) != losses(reference):
        faults.append(f"{run_dir}: losses differ")
    return faults


def undisturbed(folder, name="reference", ranks=1, **changes):
    """Runs to the end; returns the run directory."""
    config = prepared_run(folder, name, **changes)
    run = launch(config, ranks=ranks)
    assert run.wait() == 0, run.text()
    return pathlib.Path(folder) / name


def fresh(run_dir):
    shutil.rmtree(run_dir, ignore_errors=True)
    return run_dir
