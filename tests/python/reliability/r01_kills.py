"""Runs that are killed and started again come out as if nobody had touched them."""

import contextlib
import os
import signal
import time

from figures import Outcome, figure
from runs import (STEPS, checkpoints, differences, fresh, launch, leftovers, losses, prepared_run,
                  undisturbed, verifies)

EVERY = 3  # steps between two checkpoints
# Everything that a continuation depends on, in turn: ranks and what else is set.
VARIANTS = [
    (1, {}),
    (2, {}),
    (2, {"checkpoint": {"async_save": True}}),
    (2, {"parallel": {"data_parallel": "fsdp"}}),
    (1, {"train": {"precision": "bf16"}, "checkpoint": {"async_save": True}}),
    (2, {"parallel": {"data_parallel": "zero1"}, "checkpoint": {"async_save": True},
         "schedule": {"type": "cosine"}}),
]


def victims(run, how):
    ranks = list(run.ranks().values()) or [run.process.pid]
    if how == "one rank":
        return ranks[-1:]
    return ranks if how == "all ranks" else [run.process.pid]


def kill(run, how):
    for pid in victims(run, how):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    run.wait()


def reference_of(work, number):
    ranks, changes = VARIANTS[number]
    name = f"reference{number}"
    if not (work.folder / name).exists():
        undisturbed(work.folder, name, ranks=ranks, **changes)
    return work.folder / name


def numbered(work, name, number):
    ranks, changes = VARIANTS[number]
    return prepared_run(work.folder, name, **changes), ranks


@figure("R1", "One rank, all ranks or the launcher killed (SIGKILL) at a random instant, then `--resume=auto`",
        "nothing lost but the work since the last checkpoint; what is there verifies; same bits at the end")
def random_kills(work):
    wanted = work.size(short=4, full=200)
    kills, failures, most_lost, variant, runs = 0, [], 0, 0, 0
    while kills < wanted:
        number = variant % len(VARIANTS)
        variant += 1
        config, ranks = numbered(work, "run", number)
        run_dir = fresh(work.folder / "run")
        is_async = VARIANTS[number][1].get("checkpoint", {}).get("async_save", False)
        before = 0
        while True:
            run = launch(config, "--resume=auto", ranks=ranks)
            if kills < wanted:
                time.sleep(work.dice.uniform(0.0, 4.0))
            else:
                run.wait()
            if run.poll() is not None:
                break
            kill(run, work.dice.choice(["one rank", "all ranks", "launcher"]))
            kills += 1
            failures += [f"{folder} does not verify" for folder in checkpoints(run_dir).values()
                         if not verifies(folder)]
            saved = max(checkpoints(run_dir), default=0)
            if saved < before:
                failures.append(f"kill {kills}: step {before} was saved, now the newest is {saved}")
            before = saved
            lost = max(losses(run_dir), default=0) - saved
            most_lost = max(most_lost, lost)
            # What is being written when the kill comes is lost too.
            if lost > (2 if is_async else 1) * EVERY:
                failures.append(f"kill {kills}: {lost} steps lost")
        runs += 1
        if run.poll() != 0:
            failures.append(run.text())
            continue
        failures += differences(run_dir, reference_of(work, number))
        failures += [f"{name} was left" for name in leftovers(run_dir)]
    return Outcome(tried=f"{kills} kills in {runs} runs", failures=failures,
                   result=f"0 checkpoints lost, at most {most_lost} steps of work with a checkpoint every {EVERY}; "
                          f"{runs} of {runs} runs ended with the bits of an undisturbed one"
                   if not failures else "see below")


@figure("R4", "Killed at a random step and resumed: every weight, moment and number of the state, and the bits of every loss",
        "equal to those of a run that nobody touched")
def exact_continuations(work):
    wanted = work.size(short=3, full=100)
    failures = []
    exact = 0
    for number in range(wanted):
        variant = (number + 1) % len(VARIANTS)
        config, ranks = numbered(work, "run", variant)
        run_dir = fresh(work.folder / "run")
        first = launch(config, ranks=ranks)
        step = work.dice.randrange(1, STEPS - 2)
        first.wait_for(lambda: max(losses(run_dir), default=0) >= step)
        kill(first, "all ranks")
        second = launch(config, "--resume=auto", ranks=ranks)
        second.wait()
        faults = differences(run_dir, reference_of(work, variant))
        failures += [f"killed after step {step}, variant {variant}: {fault}" for fault in faults]
        exact += not faults
    return Outcome(tried=f"{wanted} continuations: 1 and 2 ranks, ddp, zero1, fsdp, fp32, bf16, accumulation, "
                         "epoch borders, saves in the background",
                   result=f"{exact} of {wanted} equal", failures=failures)
