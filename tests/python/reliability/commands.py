"""Single commands for the figures, with what they took; and the fuzz targets."""

import dataclasses
import os
import pathlib
import re
import subprocess
import sys

from main_job import PROGRAM

FUZZ_TARGETS = os.environ.get("ROPEWALK_FUZZ_TARGETS", "")
USAGE_OF = pathlib.Path(__file__).parent / "usage_of.py"
LIMIT_S = 600


@dataclasses.dataclass
class Done:
    code: int
    text: str  # of both outputs
    cpu_s: float
    peak_mib: float  # resident


def run_command(*words):
    """`ropewalk` with these words, and what it took."""
    read_end, write_end = os.pipe()
    done = subprocess.run([sys.executable, "-S", USAGE_OF, str(write_end), PROGRAM, *map(str, words)],
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          pass_fds=[write_end], timeout=LIMIT_S)
    os.close(write_end)
    with open(read_end) as answer:
        code, cpu_s, peak_kib = answer.read().split()
    return Done(int(code), done.stdout.decode(errors="replace"), float(cpu_s), int(peak_kib) / 1024)


def fuzz(target, runs, folder, jobs=1):
    """That many inputs for one target; returns (inputs run, findings). Seeds are the project's."""
    seeds = pathlib.Path(__file__).resolve().parents[2] / "fuzz" / "corpus" / target
    reached, findings = folder / f"{target}-reached", folder / f"{target}-findings"
    processes, total, failures = [], 0, []
    for job in range(jobs):
        for place in (reached, findings):
            (place / str(job)).mkdir(parents=True, exist_ok=True)
        processes.append(subprocess.Popen(
            [pathlib.Path(FUZZ_TARGETS) / target, f"-runs={runs // jobs}", f"-seed={job + 1}",
             "-max_len=16384", "-timeout=10", "-rss_limit_mb=2048", "-print_final_stats=1",
             "-print_funcs=0", "-verbosity=0", f"-artifact_prefix={findings / str(job)}/",
             reached / str(job), seeds],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            env={**os.environ, "TMPDIR": memory_folder(folder)}))
    for process in processes:
        output, _ = process.communicate()
        found = re.search(r"number_of_executed_units: *(\d+)", output)
        total += int(found.group(1)) if found else 0
        if process.returncode != 0:
            failures.append(f"{target}: {output[-2000:]}")
    return total, failures


def memory_folder(otherwise):
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else str(otherwise)


def files_below(folder):
    return sorted(str(path.relative_to(folder)) for path in pathlib.Path(folder).rglob("*"))
