"""Small runs for the figures: started, watched, killed, and compared with one that nobody touched."""

import contextlib
import os
import pathlib
import shutil
import signal
import subprocess
import time

from main_job import LIMIT_S, PROGRAM, metrics, state_bytes
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


class Launch:
    """`ropewalk train`, in a session of its own, with its output in a file."""

    def __init__(self, config, *words, ranks=1):
        self.output = pathlib.Path(config).with_suffix(".log")
        command = [PROGRAM, "train", str(config), *map(str, words)]
        if ranks > 1:
            command += ["--nproc", str(ranks)]
        with open(self.output, "w") as output:
            self.process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT,
                                            start_new_session=True)

    @property
    def pid(self):
        return self.process.pid

    def text(self):
        return self.output.read_text(errors="replace")

    def ranks(self):
        """Process numbers of the ranks that are there: children of the launcher, or itself."""
        return children_of(self.pid) or [self.pid]

    def poll(self):
        return self.process.poll()

    def wait(self, limit_s=LIMIT_S):
        return self.process.wait(timeout=limit_s)

    def wait_for(self, is_there, limit_s=LIMIT_S):
        """Until is_there() or the end; returns which."""
        deadline = time.monotonic() + limit_s
        while self.poll() is None:
            if is_there():
                return True
            assert time.monotonic() < deadline, self.text()
            time.sleep(0.005)
        return bool(is_there())

    def wait_for_text(self, text):
        return self.wait_for(lambda: text in self.text())

    def kill(self, number=signal.SIGKILL):
        """Every process of the session."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, number)


def children_of(pid):
    """Direct children."""
    try:
        text = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text()
    except OSError:
        return []
    return [int(word) for word in text.split()]


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
    launch = Launch(config, ranks=ranks)
    assert launch.wait() == 0, launch.text()
    return pathlib.Path(folder) / name


def fresh(run_dir):
    shutil.rmtree(run_dir, ignore_errors=True)
    return run_dir
