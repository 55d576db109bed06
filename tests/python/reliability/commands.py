"""Single commands for the figures, with what they took; and the fuzz targets."""

import dataclasses
import functools
import os
import pathlib
import re
import subprocess
import sys

from main_job import PROGRAM

FUZZ = pathlib.Path(__file__).resolve().parents[3] / "scripts" / "fuzz.sh"
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


@functools.cache
def build_fuzz_targets():
    subprocess.run([FUZZ, "--runs", "1", "run_config"], check=True, stdout=subprocess.DEVNULL)


def fuzz(target, runs, jobs=1):
    """That many inputs for one target, by processes with other random numbers each; returns (inputs run, findings)."""
    build_fuzz_targets()
    processes = [subprocess.Popen([FUZZ, "--built", "--runs", str(runs // jobs), "--seed", str(job + 1), target],
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
                 for job in range(jobs)]
    total, failures = 0, []
    for process in processes:
        output, _ = process.communicate()
        found = re.search(r"number_of_executed_units (\d+)", output)
        total += int(found.group(1)) if found else 0
        if process.returncode != 0:
            failures.append(f"{target}: {output[-2000:]}")
    return total, failures


def files_below(folder):
    return sorted(str(path.relative_to(folder)) for path in pathlib.Path(folder).rglob("*"))
