#!/usr/bin/env python3
"""Writes docs/real_tokenizers.md: for each real tokenizer what tests/python/test_real_tokenizers.py found in its
long form, and the speed of ours against the pip library, taking turns, one thread each.

    ROPEWALK_TEXT_ORACLES=FOLDER python scripts/bench_tokenizers.py --program build/ropewalk \\
        --equality FILE.json [--text FILE ...] [--rounds 5] [--only NAME ...] [--output docs/real_tokenizers.md]

FILE.json is what ROPEWALK_TOKENIZER_RESULTS=FILE.json made the test write. Times are processor time, so
that a busy machine hits them little; of ours the time of an empty input is taken off. Run it with the
Python of the oracles (third_party/pins/oracles.txt).
"""

import argparse
import json
import os
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
PIECE_BYTES = 10_000
TEXT_BYTES = 2_000_000
SIZES = [500_000, 1_000_000, 2_000_000]
MAX_DOUBLING = 2.3
os.environ.update(TOKENIZERS_PARALLELISM="false", RAYON_NUM_THREADS="1", OMP_NUM_THREADS="1")


def cpu_seconds(command):
    """Of one run of a program, all its threads."""
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(map(str, command))} failed")
    return usage.ru_utime + usage.ru_stime


def timed(action):
    started = time.process_time()
    action()
    return time.process_time() - started


def pieces_of(text):
    """Whole lines, about PIECE_BYTES together."""
    pieces = [""]
    for line in text.splitlines(keepends=True):
        if len(pieces[-1]) > PIECE_BYTES:
            pieces.append("")
        pieces[-1] += line
    return pieces


class Ours:
    def __init__(self, program, folder, scratch):
        self.program, self.folder, self.scratch = program, folder, scratch

    def prepare(self, texts):
        lines = self.scratch / "texts.jsonl"
        lines.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
        return cpu_seconds([self.program, "prepare", lines, "--tokenizer", self.folder,
                            "--output", self.scratch / "shards", "--overwrite"])

    def count(self, text):
        file = self.scratch / "line.txt"
        file.write_text(text)
        return cpu_seconds([self.program, "tokenize", self.folder, file, "--count"])


def throughput(ours, peer, texts, rounds):
    """Bytes a second of ours, and the ratio to the peer's."""
    num_bytes = sum(len(text.encode()) for text in texts)
    speeds, ratios = [], []
    for _ in range(rounds):
        mine = ours.prepare(texts) - ours.prepare(["a"])
        theirs = timed(lambda: [peer.encode(text) for text in texts])
        speeds.append(num_bytes / mine)
        ratios.append(theirs / mine)
    return statistics.median(speeds), statistics.median(ratios)


def growth(ours, text, rounds):
    """The largest factor of the time of a doubled text, each time the least of some runs."""
    start = min(ours.count("a") for _ in range(rounds))
    times = [min(ours.count(text[:size]) for _ in range(rounds)) - start for size in SIZES]
    return max(later / max(earlier, 1e-3) for earlier, later in zip(times, times[1:]))


def one_line(text):
    line = " ".join(text.split())
    return (line * (1 + SIZES[-1] // len(line)))[:SIZES[-1]]


def measure(case, options, text, scratch):
    folder = case.write(scratch / "model")
    peer = case.peers(folder)[0]
    ours = Ours(options.program, folder, scratch)
    speed, ratio = throughput(ours, peer, pieces_of(text), options.rounds)
    doubling = max(growth(ours, line, 3) for line in [one_line(text), "a" * SIZES[-1], "=" * SIZES[-1]])
    print(f"{case.name}: {speed / 1e6:.1f} MB/s, {ratio:.2f} times {peer.name}, doubling {doubling:.2f}",
          flush=True)
    return speed, ratio, doubling


def machine():
    names = re.findall(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text())
    from importlib.metadata import version
    return f"{names[0].strip() if names else 'unknown CPU'}, tokenizers {version('tokenizers')}"


def read_text(files):
    """Equal shares of the files, TEXT_BYTES together."""
    files = files or sorted(ROOT.glob("src/**/*.cpp"))
    return "".join(file.read_text()[:TEXT_BYTES // len(files)] for file in files)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--program", type=pathlib.Path, default=ROOT / "build/ropewalk")
    parser.add_argument("--equality", type=pathlib.Path, required=True)
    parser.add_argument("--text", type=pathlib.Path, nargs="*", default=[])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", nargs="*")
    parser.add_argument("--output", type=pathlib.Path, default=ROOT / "docs/real_tokenizers.md")
    options = parser.parse_args()
    sys.path.insert(0, str(ROOT / "tests/python"))
    import tokenizer_page
    from real_tokenizers import CASES
    equal = json.loads(options.equality.read_text())
    text = read_text(options.text)
    rows, slow = [], []
    for case in [case for case in CASES if not options.only or case.name in options.only]:
        with tempfile.TemporaryDirectory() as scratch:
            speed, ratio, doubling = measure(case, options, text, pathlib.Path(scratch))
        found = equal[case.name]
        rows.append([case.name, case.kind, ", ".join(found["peers"]), f"{found['strings']:,}",
                     found["differences"], f"{speed / 1e6:.1f}", f"{ratio:.1f}", f"{doubling:.2f}"])
        if doubling > MAX_DOUBLING:
            slow.append(case.name)
    if not options.only:
        options.output.write_text(tokenizer_page.document(rows, machine()))
    if slow:
        raise SystemExit(f"doubling a text took more than {MAX_DOUBLING} times as long: {', '.join(slow)}")


if __name__ == "__main__":
    main()
