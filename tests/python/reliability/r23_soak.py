"""A long run that is killed again and again."""

import json
import signal
import time

from figures import Outcome, figure
from r01_kills import kill
from runs import checkpoints, differences, launch, leftovers, losses, prepared_run

CHANGES = {
    "train": {"steps": 10_000_000, "global_batch_size": 8},
    "checkpoint": {"every_steps": 20, "async_save": True},
    "parallel": {"data_parallel": "zero1"},
    "log": {"every_steps": 1, "tensorboard": False},
    # Evaluations take time and change no bit: the run that nobody touches does without them.
    "eval": {"every_steps": 10, "windows": [32, 64]},
}
ENDS = ["one rank", "all ranks", "launcher"]


@figure("R23", "A soak: 2 ranks, killed every 30 to 60 s, started again with `--resume=auto` and nothing else",
        "no hand on it; the same bits as a run that nobody touched")
def soak(work):
    duration_s = work.size(short=6, full=3600)
    pause_s = work.size(short=(1.5, 3.0), full=(30.0, 60.0))
    validation = [str(work.folder / "data" / "shards")]
    config = prepared_run(work.folder, data={"validation": validation}, **CHANGES)
    run_dir = work.folder / "run"
    kills, failures = 0, []
    ends_at = time.monotonic() + duration_s
    while time.monotonic() < ends_at:
        run = launch(config, "--resume=auto", ranks=2)
        time.sleep(work.dice.uniform(*pause_s))
        if run.poll() is not None:
            failures.append(f"ended by itself with exit code {run.poll()}:\n{run.text()[-3000:]}")
            break
        kill(run, work.dice.choice(ENDS))
        kills += 1
    run = launch(config, "--resume=auto", ranks=2)
    run.wait_for_line("resumed " if checkpoints(run_dir) else "step ")
    run.process.send_signal(signal.SIGTERM)
    if run.wait() != 75:
        failures.append(f"SIGTERM: exit code {run.poll()}:\n{run.text()[-3000:]}")
    steps = max(checkpoints(run_dir)) + 5
    last = ["--set", f"train.steps={steps}", "--set", "eval.every_steps=0"]
    run = launch(config, "--resume", *last, ranks=2)
    if run.wait() != 0:
        failures.append(run.text()[-3000:])
    config = prepared_run(work.folder, "reference", data={"validation": validation}, **CHANGES)
    reference = launch(config, *last, "--set", "checkpoint.every_steps=0", ranks=2)
    if reference.wait(limit_s=None) != 0:
        failures.append(reference.text()[-3000:])
    failures += training_differences(run_dir, work.folder / "reference", steps)
    failures += [f"{name} was left" for name in leftovers(run_dir)]
    return Outcome(tried=f"{duration_s / 60:.0f} minutes, {kills} kills, {steps} steps", failures=failures,
                   result="weights, moments, state and the loss of every step equal")


def training_differences(run_dir, reference, steps):
    """The two runs' settings of evaluation and saving differ, and are recorded in the state."""
    faults = [fault for fault in differences(run_dir, reference, steps) if "state.json" not in fault]
    states = [state_of(folder, steps) for folder in (run_dir, reference)]
    if states[0] != states[1]:
        faults.append("the trainer's states differ")
    if losses(run_dir).keys() != set(range(1, steps + 1)):
        faults.append("metrics.jsonl lacks steps")
    return faults


def state_of(run_dir, steps):
    state = json.loads((checkpoints(run_dir)[steps] / "trainer" / "state.json").read_text())
    del state["settings"]
    return state
