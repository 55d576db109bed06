"""R19: which checkpoints stay, whatever befalls the saves of a run."""

import os
import pathlib
import re
import shutil
import subprocess

from figures import Outcome, figure
from file_shim import SHIM
from main_job import LIMIT_S
from runs import checkpoints
from saves import Save, Workshop, content, set_aside, temporary

TOOL = pathlib.Path(os.environ.get("ROPEWALK_TOOLS", "")) / "ropewalk_retention_tool"


def faults_of_tool(work, number):
    """Lives of a folder that holds nothing but names: thousands, in one process."""
    seed = work.dice.randrange(10**9)
    environment = dict(os.environ, LD_PRELOAD=str(SHIM), FILE_SHIM_FOLDER=str(work.folder / "lives"),
                       FILE_SHIM_NO_SYNC="1")
    done = subprocess.run([TOOL, work.folder / "lives", str(seed), str(number)], env=environment,
                          text=True, capture_output=True, timeout=10 * LIMIT_S)
    assert done.returncode in (0, 1), done.stdout + done.stderr
    *faults, totals = done.stdout.splitlines()
    return faults, totals


def faults_of_life(run_dir, had_one):
    found = checkpoints(run_dir)
    faults = [f"step {step} is not whole" for step, path in found.items()
              if not (path / "manifest.json").exists()]
    # Those that --overwrite replaces go by another name until the save that replaces them.
    if had_one and not found and not set_aside(run_dir):
        faults.append("no checkpoint is left")
    return faults


def one_life(work, workshop, run_dir, had_one):
    """A run that goes on from somewhere, and may be killed at a file operation of a save."""
    there = checkpoints(run_dir)
    ways = [["--resume=auto"]] + ([["--overwrite"], [f"--resume={min(there)}"]] if there else [])
    words = work.dice.choice(ways)
    begin = {"--resume=auto": max(there, default=0), "--overwrite": 0}.get(words[0], min(there, default=0))
    life = Save("a life", steps=begin + work.dice.randint(1, 3), words=words,
                keep=work.dice.choice([0, 2, 3]))
    do = f"die {work.dice.randint(1, 250)}" if work.dice.random() < 0.6 else None
    done = workshop.go_on(life, run_dir, run_dir / "checkpoints", do=do)
    faults = faults_of_life(run_dir, had_one)
    if done.code == 0:
        now = checkpoints(run_dir)
        if max(now) != life.steps or (life.keep and len(now) > life.keep):
            faults.append(f"keep {life.keep}, {life.steps} steps: {sorted(now)}")
        if temporary(run_dir / "checkpoints") or set_aside(run_dir):
            faults.append("something else was left")
    elif done.code != 137:
        faults.append(f"exit {done.code}: {done.output}")
    return [f"{words[0]} from step {begin} to {life.steps}, {do}: {fault}" for fault in faults]


@figure("R19", "random lives of a run: saves, kills at file operations of saves, failures of a disk, "
        "resumes from older steps, starts over; 2, 3 or all checkpoints kept",
        target="never fewer than one whole checkpoint; never deleted: the one just written, the one "
        "the run began with")
def retention(work):
    failures, totals = faults_of_tool(work, work.size(short=400, full=20000))
    workshop = Workshop(work.folder)
    num_runs = work.size(short=3, full=200)
    had_one = False
    for number in range(num_runs):
        run_dir = work.folder / "life"
        if number % 10 == 0:
            shutil.rmtree(run_dir, ignore_errors=True)
            had_one = False
        failures += one_life(work, workshop, run_dir, had_one)
        had_one = had_one or bool(checkpoints(run_dir))
    return Outcome(tried=f"{totals} of a folder, and {num_runs} runs",
                   result=f"{len(failures)} failed", failures=failures)
