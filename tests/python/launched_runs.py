"""Runs under the launcher whose processes are killed, frozen and signalled."""

import atexit
import contextlib
import os
import pathlib
import signal
import struct
import subprocess
import threading
import time
import uuid

from main_job import LIMIT_S, PROGRAM, wait_for_step
from small_runs import make_shards, small_run

MARK = "ROPEWALK_FIGURE"
# As base/progress.h lays them out.
PAGE = struct.Struct("<QQqqii")
PHASES = ["starting", "loading", "waiting for data", "forward and backward", "update",
          "writing the log", "saving", "evaluating", "ending"]
# Those that a run of many steps goes through again and again.
RUNNING_PHASES = PHASES[2:8]


def environment_of(pid):
    """Empty where the process has ended."""
    try:
        entries = pathlib.Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return {}
    return dict(entry.decode(errors="replace").split("=", 1) for entry in entries if b"=" in entry)


class LaunchedRun:
    """`ropewalk WORDS` in a session of its own, and what it has printed. As a context it leaves no process."""

    def __init__(self, *words, **environment):
        self.mark = uuid.uuid4().hex
        self.process = subprocess.Popen([PROGRAM, *map(str, words)], stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, text=True, errors="replace",
                                        start_new_session=True,
                                        env={**os.environ, MARK: self.mark, **environment})
        self._lines = []  # with the time of each
        self._num_awaited = 0  # those that wait_for_line has gone past
        self._printed = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        atexit.register(self.kill_all)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill_all()

    def _read(self):
        for line in self.process.stdout:
            with self._printed:
                self._lines.append((time.monotonic(), line))
                self._printed.notify_all()
        with self._printed:
            self._lines.append(None)
            self._printed.notify_all()

    def text(self):
        """What it has printed so far."""
        return "".join(entry[1] for entry in list(self._lines) if entry)

    def wait_for_line(self, part):
        """When the next line with `part` was printed; None where the run ended without it, or has not
        said it for long."""
        deadline = time.monotonic() + LIMIT_S
        with self._printed:
            while True:
                for entry in self._lines[self._num_awaited:]:
                    if entry is None:
                        return None
                    self._num_awaited += 1
                    if part in entry[1]:
                        return entry[0]
                if not self._printed.wait(deadline - time.monotonic()):
                    return None

    def wait_for(self, is_there):
        """Until is_there() or the end; returns which."""
        deadline = time.monotonic() + LIMIT_S
        while self.poll() is None:
            if is_there():
                return True
            assert time.monotonic() < deadline, self.text()
            time.sleep(0.005)
        return bool(is_there())

    def poll(self):
        return self.process.poll()

    def wait(self, limit_s=LIMIT_S):
        """The exit code, once all that had its output has ended."""
        code = self.process.wait(timeout=limit_s)
        atexit.unregister(self.kill_all)
        self._reader.join()
        return code

    def end(self):
        """The exit code, and what the run has printed."""
        try:
            code = self.wait()
        except subprocess.TimeoutExpired:
            self.kill_all()
            code = "none: it did not end"
        return code, self.text()

    def kill_all(self):
        for pid in self.pids():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait(timeout=LIMIT_S)

    def pids(self):
        """Of every process that the run has started and that still is there, its own first."""
        pids = [int(entry) for entry in os.listdir("/proc") if entry.isdigit()]
        return [pid for pid in sorted(pids) if environment_of(pid).get(MARK) == self.mark]

    def ranks(self):
        """Processes by rank; none where no launcher started it."""
        found = {}
        for pid in self.pids():
            rank = environment_of(pid).get("ROPEWALK_RANK")
            if rank is not None:
                found[int(rank)] = pid
        return found

    def orphans(self):
        return [f"process {pid} is left" for pid in self.pids()]


class RankProgress:
    """What a rank tells its agent."""

    def __init__(self, pid):
        descriptor = environment_of(pid)["ROPEWALK_HEARTBEAT_FD"]
        self._page = open(f"/proc/{pid}/fd/{descriptor}", "rb", buffering=0)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._page.close()

    def read(self):
        """Phase and finished steps."""
        self._page.seek(0)
        _, _, step, _, _, phase = PAGE.unpack(self._page.read(PAGE.size))
        return PHASES[phase], step

    def wait_for(self, phase):
        deadline = time.monotonic() + LIMIT_S
        while self.read()[0] != phase:
            assert time.monotonic() < deadline, f"the rank was never {phase}"


def make_data(folder):
    """Training and validation shards."""
    return make_shards(folder / "train", seed=1), make_shards(folder / "validation", seed=2, num_words=300)


def endless_run(folder, data, name, **changes):
    """A run config that saves and evaluates all the time, and its run directory."""
    sections = {"data": {"validation": [str(data[1])]}, "train": {"steps": 1_000_000},
                "checkpoint": {"every_steps": 4, "keep": 2}, "eval": {"every_steps": 3}}
    for section, keys in changes.items():
        sections[section] = {**sections.get(section, {}), **keys}
    run_dir = folder / name
    return small_run(folder / f"{name}.json", data[0], run_dir, **sections), run_dir


def start_endless(folder, data, name, *words, step=1, **changes):
    """Two ranks that have done some steps."""
    config, run_dir = endless_run(folder, data, name, **changes)
    run = LaunchedRun("train", config, "--nproc", 2, *words)
    wait_for_step(run_dir, step, run.process)
    return run, run_dir


def percentile(values, part):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))]
