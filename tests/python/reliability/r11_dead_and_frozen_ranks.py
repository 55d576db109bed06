"""R11, R12: one rank of two dies or stands still; the launcher notices, says which, and ends the run."""

import os
import pathlib
import re
import signal
import time

from figures import Outcome, figure
from launched_runs import RUNNING_PHASES, RankProgress, make_data, percentile, start_endless


def check_end(run, wanted_code, wanted_text):
    """Faults of how a run ended."""
    code, text = run.end()
    faults = [] if code == wanted_code else [f"exit code {code} instead of {wanted_code}"]
    if not re.search(wanted_text, text):
        faults.append(f"the launcher did not say {wanted_text}")
    return [f"{fault}\n{text}" for fault in faults] + run.orphans()


@figure("R11", "A rank is killed in a random phase", target="all have ended within 2 s, no process is left")
def dead_rank(work):
    data = make_data(work.folder / "data")
    times, failures = [], []
    kills = work.size(short=3, full=100)
    for number in range(kills):
        phase = work.dice.choice(RUNNING_PHASES)
        rank = work.dice.randrange(2)
        run, _ = start_endless(work.folder, data, f"kill{number}", step=work.dice.randrange(1, 8))
        pid = run.ranks()[rank]
        with RankProgress(pid) as progress:
            progress.wait_for(phase)
        began = time.monotonic()
        os.kill(pid, signal.SIGKILL)
        run.process.wait()
        times.append(time.monotonic() - began)
        faults = check_end(run, 1, rf"rank {rank} \(process {pid}\) was killed by signal 9")
        failures += [f"rank {rank} killed while {phase}: {fault}" for fault in faults]
    if percentile(times, 0.99) > 2:
        failures.append(f"the slowest end took {max(times):.1f} s")
    result = (f"p50 {percentile(times, 0.5):.2f} s, p99 {percentile(times, 0.99):.2f} s, "
              f"longest {max(times):.2f} s, no process left")
    return Outcome(f"{kills} kills", result, failures)


def state_of(pid):
    return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0]


def freeze(run, rank, phase):
    """Stops a rank in that phase; returns when, and what it was doing."""
    pid = run.ranks()[rank]
    with RankProgress(pid) as progress:
        progress.wait_for(phase)
        began = time.monotonic()
        os.kill(pid, signal.SIGSTOP)
        while state_of(pid) != "T":
            time.sleep(0.001)
        return began, progress.read()


def hang_in_the_log(run, run_dir):
    """A metrics file that takes no line: rank 0 waits for ever within its step."""
    file = run_dir / "metrics.jsonl"
    os.mkfifo(run_dir / "fifo")
    began = time.monotonic()
    os.replace(run_dir / "fifo", file)
    return began


@figure("R12", "A rank is frozen (SIGSTOP) in a random phase, or blocked within a step",
        target="noticed within the limit (10 s, or 5 median steps), with rank, phase and step")
def frozen_rank(work):
    data = make_data(work.folder / "data")
    limit_s = work.size(short=2, full=10)
    # The line is read a moment after it was written.
    latest_s = limit_s + 0.2
    times, failures = [], []

    def judge(run, began, what, wanted_text):
        noticed = run.wait_for_line("ending all ranks")
        if noticed is None:
            failures.append(f"{what}: never noticed")
        else:
            times.append(noticed - began)
            if times[-1] > latest_s:
                failures.append(f"{what}: noticed after {times[-1]:.1f} s")
        failures.extend(f"{what}: {fault}" for fault in check_end(run, 1, wanted_text))

    freezes, blocks = work.size(short=1, full=20), work.size(short=1, full=3)
    for number in range(freezes):
        phase = work.dice.choice(RUNNING_PHASES)
        rank = work.dice.randrange(2)
        run, _ = start_endless(work.folder, data, f"freeze{number}", "--hang-limit", limit_s, step=6)
        began, (found_phase, step) = freeze(run, rank, phase)
        inside = found_phase in RUNNING_PHASES[:3]
        place = rf"in step {step + 1}" if inside else rf"after step {step}"
        judge(run, began, f"rank {rank} frozen while {found_phase}",
              rf"rank {rank} \(process \d+\) is frozen: no sign of life for [\d.]+ s, "
              rf"{place} \({found_phase}\); the process is stopped")
    for number in range(blocks):
        run, run_dir = start_endless(work.folder, data, f"block{number}", "--hang-limit", limit_s, step=40,
                                     eval={"every_steps": 0})
        began = hang_in_the_log(run, run_dir)
        judge(run, began, "rank 0 blocked in the log",
              r"rank 0 \(process \d+\) is hung: after step \d+ \(writing the log\)")
    result = (f"noticed after {percentile(times, 0.5):.1f} s (median), longest {max(times):.1f} s, "
              f"limit {limit_s} s") if times else "never noticed"
    return Outcome(f"{freezes} freezes, {blocks} blocked files", result, failures)
