#!/usr/bin/env python3
"""Writes docs/real_tokenizers.md: for each real tokenizer what tests/python/test_real_tokenizers.py found in its
long form, and the speed of ours and of the pip libraries, taking turns.

    ROPEWALK_TEXT_ORACLES=FOLDER python scripts/bench_tokenizers.py --equality FILE.json [--text FILE ...]
        [--tool build/tests/ropewalk_encode_speed_tool] [--rounds 3] [--only NAME ...] [--output docs/real_tokenizers.md]

FILE.json is what ROPEWALK_TOKENIZER_RESULTS=FILE.json made the test write. Of every time the least of the
rounds counts. Run it with the Python of the oracles (third_party/pins/oracles.txt) on an idle machine. With
--only the table goes to the standard output and the page stays.
"""

import argparse
import json
import math
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
PIECE_CHARACTERS = 10_000
TEXT_CHARACTERS = 2_000_000
SIZE = 1_000_000  # bytes of a text that is then doubled
ENOUGH = 2.25  # a doubling below it is not measured again,
MAX_SECONDS = 20  # one above it is for so long, since a busy machine makes it seem large
NUM_TEXTS_OF_LIBRARY = 4  # that are doubled where libsentencepiece encodes, at some MB a second
REPEATED = ["a", "ab", " ", "\n", "1", "=", "\u0301", "\U0001f600"]
os.environ.update(TOKENIZERS_PARALLELISM="false", RAYON_NUM_THREADS="1", OMP_NUM_THREADS="1")


class Ours:
    """The tool with one tokenizer loaded."""

    def __init__(self, tool, model, scratch):
        self.file = scratch / "texts"
        self.process = subprocess.Popen([tool, model], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, command):
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            raise SystemExit(f"{' '.join(map(str, self.process.args))} ended at '{command}'")
        return answer.split()

    def read(self, texts):
        self.file.write_text("\0".join(texts), newline="")
        assert self.ask(f"read {self.file}") == [str(len(texts))]

    def clock_seconds(self, threads):
        return float(self.ask(f"encode {threads}")[0])

    def processor_seconds(self):
        return float(self.ask("encode 1")[1])

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def processor_seconds(action):
    started = time.process_time()
    action()
    return time.process_time() - started


def pieces_of(text):
    """Whole lines, about PIECE_CHARACTERS together."""
    pieces = [""]
    for line in text.splitlines(keepends=True):
        if len(pieces[-1]) > PIECE_CHARACTERS:
            pieces.append("")
        pieces[-1] += line
    return pieces


def throughput(ours, peers, texts, rounds):
    """MB a second of ours by one thread (of its processor time) and by two, and of each peer by one."""
    ours.read(texts)
    least = [math.inf] * (2 + len(peers))
    for _ in range(rounds):
        found = [ours.processor_seconds(), ours.clock_seconds(2),
                 *(processor_seconds(lambda: peer.encode_all(texts)) for peer in peers)]
        least = [min(pair) for pair in zip(least, found)]
    megabytes = sum(len(text.encode()) for text in texts) / 1e6
    return [megabytes / seconds for seconds in least]


def growth(ours, text):
    """By what factor the processor time grows when `text` is doubled."""
    least = [math.inf, math.inf]
    started = time.perf_counter()
    while time.perf_counter() - started < MAX_SECONDS:
        for i, whole in enumerate([text, text + text]):
            ours.read([whole])
            least[i] = min(least[i], ours.processor_seconds())
        if least[1] / least[0] < ENOUGH:
            break
    return least[1] / least[0]


def growing_texts(text):
    """Name -> a text of SIZE bytes: prose with and without newlines, and runs, each one word or many."""
    def filled(part):
        encoded = part.encode()
        return (encoded * (1 + SIZE // len(encoded)))[:SIZE].decode(errors="ignore")
    texts = {"text": filled(text), "one line": filled(" ".join(text.split()) + " "),
             "no spaces": filled("".join(re.findall(r"[a-zA-Z]+", text)))}
    return texts | {f"{run!r} repeated": filled(run) for run in REPEATED}


def measure(case, options, text, growing, scratch):
    folder = case.write(scratch / "model")
    peers = case.timed_peers(folder, scratch)
    ours = Ours(options.tool, folder, scratch)
    one, two, *theirs = throughput(ours, peers, pieces_of(text), options.rounds)
    doubled = list(growing)[:NUM_TEXTS_OF_LIBRARY if case.by_library else None]
    factors = {name: growth(ours, growing[name]) for name in doubled}
    ours.close()
    worst = max(factors, key=factors.get)
    rows = [[case.name, peer.name, f"{one:.1f}", f"{two:.1f}", f"{speed:.1f}", f"{one / speed:.1f}",
             f"{factors[worst]:.2f}"] for peer, speed in zip(peers, theirs)]
    print(*(" | ".join(row) for row in rows), f"  worst: {worst}", sep="\n", flush=True)
    return rows


def machine():
    names = re.findall(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text())
    from importlib.metadata import version
    return (f"{names[0].strip() if names else 'unknown CPU'}, {len(os.sched_getaffinity(0))} cores, "
            f"tokenizers {version('tokenizers')}")


def read_text(files):
    """Equal shares of the files, TEXT_CHARACTERS together."""
    files = files or sorted(ROOT.glob("src/**/*.cpp"))
    return "".join(file.read_text()[:TEXT_CHARACTERS // len(files)] for file in files)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--tool", type=pathlib.Path, default=ROOT / "build/tests/ropewalk_encode_speed_tool")
    parser.add_argument("--equality", type=pathlib.Path, required=True)
    parser.add_argument("--text", type=pathlib.Path, nargs="*", default=[])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", nargs="*")
    parser.add_argument("--output", type=pathlib.Path, default=ROOT / "docs/real_tokenizers.md")
    options = parser.parse_args()
    sys.path.insert(0, str(ROOT / "tests/python"))
    import tokenizer_page
    from real_tokenizers import CASES
    cases = [case for case in CASES if not options.only or case.name in options.only]
    equal = json.loads(options.equality.read_text())
    if missing := [case.name for case in cases if case.name not in equal]:
        raise SystemExit(f"{options.equality}: nothing on {', '.join(missing)}; run the long form of the test")
    text = read_text(options.text)
    growing = growing_texts(text)
    speed_rows = []
    for case in cases:
        with tempfile.TemporaryDirectory() as scratch:
            speed_rows += measure(case, options, text, growing, pathlib.Path(scratch))
    equality_rows = [tokenizer_page.equality_row(case, equal[case.name]) for case in cases]
    page = tokenizer_page.document(equality_rows, speed_rows, machine())
    if options.only:
        print(page)
    else:
        options.output.write_text(page)
        if faults := tokenizer_page.faults(page, cases):
            raise SystemExit("\n".join(faults))


if __name__ == "__main__":
    main()
