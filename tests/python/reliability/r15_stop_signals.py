"""R15: schedulers and people ask a run to save and end, at any instant."""

import os
import signal
import time

from figures import Outcome, figure
from launched_runs import RUNNING_PHASES, LaunchedRun, RankProgress, endless_run, make_data, start_endless
from main_job import metrics
from small_runs import checkpoint

SIGNALS = [signal.SIGTERM, signal.SIGUSR1, signal.SIGINT]
LONGEST_S = 5


def last_step(run_dir):
    return max((line["step"] for line in metrics(run_dir) if "loss" in line), default=0)


def judge(run, run_dir):
    """Faults of a run that was told to stop."""
    code, text = run.end()
    step = last_step(run_dir)
    faults = []
    if code != 75:
        faults.append(f"exit code {code}")
    if f"stopped at step {step} on signal" not in text:
        faults.append(f"the last metrics line is of step {step}, which it did not stop at")
    if not (checkpoint(run_dir, step) / "manifest.json").exists():
        faults.append(f"no checkpoint of step {step}")
    return [f"{fault}\n{text}" for fault in faults] + run.orphans()


def stop_while_running(work, data, number):
    target = work.dice.choice(["the launcher", "rank 0", "rank 1"])
    phase, sent = work.dice.choice(RUNNING_PHASES), work.dice.choice(SIGNALS)
    run, run_dir = start_endless(work.folder, data, f"stop{number}", step=work.dice.randrange(1, 8))
    ranks = run.ranks()
    pid = run.process.pid if target == "the launcher" else ranks[int(target[-1])]
    with RankProgress(ranks[work.dice.randrange(2)]) as progress:
        progress.wait_for(phase)
    began = time.monotonic()
    os.kill(pid, sent)
    run.process.wait()
    seconds = time.monotonic() - began
    faults = judge(run, run_dir)
    if seconds > LONGEST_S:
        faults.append(f"took {seconds:.1f} s")
    return seconds, [f"{sent.name} to {target} while {phase}: {fault}" for fault in faults]


def stop_while_starting(work, data, number):
    """Before the ranks can have made a step: none is lost, as the first one is made and saved."""
    config, run_dir = endless_run(work.folder, data, f"early{number}")
    run = LaunchedRun("train", config, "--nproc", 2)
    while len(run.ranks()) < 2:
        time.sleep(0.001)
    time.sleep(work.dice.uniform(0, 2))
    run.process.send_signal(work.dice.choice(SIGNALS))
    return [f"while starting: {fault}" for fault in judge(run, run_dir)]


def stop_twice(work, data):
    """In a step of many sequences, which would go on for long."""
    config, _ = endless_run(work.folder, data, "twice", train={"global_batch_size": 40_000})
    run = LaunchedRun("train", config, "--nproc", 2)
    while len(run.ranks()) < 2:
        time.sleep(0.001)
    with RankProgress(run.ranks()[0]) as progress:
        progress.wait_for("forward and backward")
    run.process.send_signal(signal.SIGUSR1)
    time.sleep(1.2)
    began = time.monotonic()
    run.process.send_signal(signal.SIGTERM)
    code, text = run.end()
    seconds = time.monotonic() - began
    ended_at_once = code == 1 and "second stop signal" in text and seconds < 1
    faults = [] if ended_at_once else [f"a second signal: exit code {code} after {seconds:.1f} s\n{text}"]
    return faults + run.orphans()


@figure("R15", "SIGTERM, SIGUSR1 or SIGINT to the launcher or to one rank, in a random phase",
        target="exit 75 within 5 s, saved at the last step; a second signal ends at once")
def stops(work):
    data = make_data(work.folder / "data")
    times, failures = [], []
    stops, early = work.size(short=2, full=90), work.size(short=1, full=10)
    for number in range(stops):
        seconds, faults = stop_while_running(work, data, number)
        times.append(seconds)
        failures += faults
    for number in range(early):
        failures += stop_while_starting(work, data, number)
    failures += stop_twice(work, data)
    return Outcome(f"{stops} signals while running, {early} while starting, 1 repeated",
                   f"0 steps lost, longest end {max(times):.1f} s", failures)
