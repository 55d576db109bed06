"""A checkpoint whose starts come to nothing is not tried for ever."""

import pathlib

from figures import Outcome, figure
from runs import checkpoints, launch, prepared_run

LONG_STEP = ["--set", "train.global_batch_size=800", "--allow-change", "train.global_batch_size"]


def start_and_kill(config):
    """A start that ends between loading and its first step."""
    run = launch(config, "--resume=auto", *LONG_STEP)
    run.wait_for_line("resumed ")
    run.kill_all()
    run.wait()
    return run.text()


@figure("R20", "Restarts from a checkpoint whose starts end before a step is done",
        "after 2 tries one checkpoint back, then an end")
def fruitless_starts(work):
    failures = []
    config = prepared_run(work.folder, train={"steps": 9})
    assert launch(config).wait() == 0
    config = prepared_run(work.folder, train={"steps": 50})
    steps = sorted(checkpoints(work.folder / "run"))[-2:]
    rounds = work.size(short=1, full=3)
    for _ in range(rounds):
        (work.folder / "run" / "starts.json").unlink(missing_ok=True)
        for step in (steps[1], steps[1], steps[0], steps[0]):
            text = start_and_kill(config)
            if f"step-{step:08d} at step" not in text:
                failures.append(f"expected a start from step {step}:\n{text}")
        last = launch(config, "--resume=auto", *LONG_STEP)
        if last.wait() != 2 or "does not go back any further" not in last.text():
            failures.append(f"expected an end with exit code 2:\n{last.text()}")
    named = launch(config, f"--resume={steps[1]}", *LONG_STEP)
    if named.wait_for_line(f"step-{steps[1]:08d} at step") is None:
        failures.append(f"a start that names the checkpoint was refused:\n{named.text()}")
    named.kill_all()
    # Other settings are another attempt.
    other = launch(config, "--resume", "--set", "train.steps=12")
    if other.wait() != 0 or f"step-{steps[1]:08d} at step" not in other.text():
        failures.append(f"with other settings the newest is taken:\n{other.text()}")
    return Outcome(tried=f"{5 * rounds + 2} starts", failures=failures,
                   result=f"2 from step {steps[1]}, 2 from step {steps[0]}, then exit 2")
