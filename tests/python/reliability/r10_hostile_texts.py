"""Tokenizers, token files and texts that nobody meant to write."""

import gzip
import json
import struct

from commands import fuzz, run_command
from figures import Outcome, figure
from main_job import OWN_MODEL

FUZZ_RUNS = 1_000_000
TARGETS = ("tokenizer_json", "tokenizer_model", "token_shard", "flat_tokens", "megatron_tokens", "text_file")
BOMB_MIB, BOMB_S = 512, 30
# What twice the text may take, as a multiple: 2 and what the clock of a busy machine adds.
MOST_GROWTH = 3.0
LONG_BYTES = 1_000_000

SPLITS = {
    "gpt2": r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+",
    "llama3": r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
              r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
    "o200k": r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+"
             r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+"
             r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}"
             r"| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+",
}
# One line each, of one thing over and over.
LINES = {"letters": "a", "spaces": " ", "words": "ab ", "capitals": "A", "changes": "aA", "digits": "7",
         "marks": "!", "apostrophes": "'", "accents": "e\u0301", "tabs": "\t a"}
CATASTROPHES = ["(a|aa)+[bc]", "(a*)*[bc]", r"(?:\p{L}+)+[!?]", "(x+x+)+y|(a+a+)+[bc]", "a*a*a*a*[bc]|a"]


def byte_symbols():
    shown = [*range(33, 127), *range(161, 173), *range(174, 256)]
    hidden = [byte for byte in range(256) if byte not in shown]
    return [chr(byte) for byte in shown] + [chr(256 + number) for number in range(len(hidden))]


def write_tokenizer(folder, pre_tokenizer, model=None):
    """Bytes and a few merges, cut as `pre_tokenizer` says."""
    folder.mkdir(parents=True, exist_ok=True)
    vocabulary = {symbol: number for number, symbol in enumerate(byte_symbols())}
    merges = []
    for left, right in (("a", "a"), ("aa", "aa"), ("aaaa", "aaaa"), ("A", "A"), ("a", "b"), ("\u0120", "\u0120"),
                        ("7", "7"), ("!", "!")):
        vocabulary[left + right] = len(vocabulary)
        merges.append([left, right])
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "use_regex": False}
    steps = [pre_tokenizer, byte_level] if pre_tokenizer else [byte_level]
    (folder / "tokenizer.json").write_text(json.dumps({
        "added_tokens": [], "normalizer": None, "decoder": {"type": "ByteLevel"},
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": steps},
        "model": model or {"type": "BPE", "vocab": vocabulary, "merges": merges}}))
    return folder


def split(pattern):
    return {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": False}


def tokenizers(folder):
    yield "the example model's", OWN_MODEL
    for name, pattern in SPLITS.items():
        yield name, write_tokenizer(folder / name, split(pattern))
    yield "uncut", write_tokenizer(folder / "uncut", None)
    pieces = [["<unk>", 0.0], *([symbol, -5.0] for symbol in byte_symbols()), ["aa", -6.0], ["aaaaaaaa", -7.0]]
    yield "unigram", write_tokenizer(folder / "unigram", None,
                                     {"type": "Unigram", "unk_id": 0, "vocab": pieces})


def seconds(checkpoint, file, text):
    file.write_text(text)
    done = run_command("tokenize", checkpoint, "--count", file)
    assert done.code == 0, done.text
    return done.cpu_s


def slow_lines(work):
    """Texts whose double takes much more than twice the time; the worst growth."""
    failures, worst, tried = [], 0.0, 0
    file = work.folder / "line.txt"
    names = list(LINES) if work.full else ["spaces", "changes"]
    for name, checkpoint in tokenizers(work.folder):
        start = seconds(checkpoint, file, "a")
        for line in names:
            half = LINES[line] * (LONG_BYTES // len(LINES[line].encode()))
            times = [min(seconds(checkpoint, file, text) for _ in range(work.size(short=1, full=3))) - start
                     for text in (half, half + half)]
            tried += 1
            # Below that, starting the program is most of it.
            growth = times[1] / max(times[0], 0.05)
            worst = max(worst, growth)
            if growth > MOST_GROWTH:
                failures.append(f"{name}, {line}: {times[0]:.2f} s, twice the text {times[1]:.2f} s")
    return failures, worst, tried


def zstd_bomb(num_bytes):
    """A frame of blocks that each say: 128 KiB of one byte."""
    block = 128 << 10
    count = num_bytes // block
    blocks = struct.pack("<I", 1 << 1 | block << 3)[:3] + b"a"
    last = struct.pack("<I", 1 | 1 << 1 | block << 3)[:3] + b"a"
    return struct.pack("<IBB", 0xFD2FB528, 0x00, 0x38) + blocks * (count - 1) + last


def bombs():
    ten_mb = gzip.compress(b"a" * 10_000_000, mtime=0)
    lines = gzip.compress(b'{"text": "a"}\n' * 700_000, mtime=0)
    yield "lines.jsonl.gz", lines * 1000, (0, 2)
    yield "one-line.jsonl.gz", ten_mb * 1000, (2,)
    yield "one-line.jsonl.zst", zstd_bomb(10_000_000_000), (2,)
    yield "text.txt.zst", zstd_bomb(10_000_000_000), (2,)
    yield "text.txt.gz", ten_mb * 1000, (2,)


def burst_bombs(work):
    failures, most_mib, most_s = [], 0.0, 0.0
    chosen = [bomb for bomb in bombs() if work.full or bomb[0] != "lines.jsonl.gz"]
    for name, content, codes in chosen:
        file = work.folder / name
        file.write_bytes(content)
        done = run_command("prepare", file, "--tokenizer", OWN_MODEL, "--output", work.folder / "shards")
        file.unlink()
        most_mib, most_s = max(most_mib, done.peak_mib), max(most_s, done.cpu_s)
        if done.code not in codes or done.peak_mib > BOMB_MIB or done.cpu_s > BOMB_S:
            failures.append(f"{name}: exit {done.code}, {done.peak_mib:.0f} MiB, {done.cpu_s:.0f} s\n{done.text[-1000:]}")
    return failures, most_mib, most_s, len(chosen)


def match_catastrophes(work):
    """Patterns that try every way to cut a word: they give up, and name themselves."""
    failures, most_s = [], 0.0
    file = work.folder / "word.txt"
    file.write_text("a" * 5000 + "-")
    for number, pattern in enumerate(CATASTROPHES):
        checkpoint = write_tokenizer(work.folder / f"catastrophe-{number}", split(pattern))
        done = run_command("tokenize", checkpoint, "--count", file)
        most_s = max(most_s, done.cpu_s)
        if done.code != 2 or "gave up" not in done.text or done.cpu_s > BOMB_S:
            failures.append(f"{pattern}: exit {done.code} after {done.cpu_s:.1f} s\n{done.text[:500]}")
    return failures, most_s


@figure("R10", "Hostile tokenizers, token files and texts; packed files that unpack to 10 GB",
        f"no crash; at most {BOMB_MIB} MiB and {BOMB_S} s; twice the text takes at most {MOST_GROWTH:g} times the time")
def hostile_texts(work):
    failures, growth, num_lines = slow_lines(work)
    faults, most_mib, bomb_s, num_bombs = burst_bombs(work)
    failures += faults
    faults, match_s = match_catastrophes(work)
    failures += faults
    tried = f"{num_lines} lines of 1 and 2 MB; {num_bombs} bombs; {len(CATASTROPHES)} patterns that backtrack"
    if work.full:
        total = 0
        for target in TARGETS:
            runs, findings = fuzz(target, FUZZ_RUNS, jobs=2)
            failures += findings
            total += runs
        tried += f"; {total:,} inputs for {len(TARGETS)} readers under ASan and UBSan"
    return Outcome(tried=tried, failures=failures,
                   result=f"{growth:.1f} times the time for twice the text; bombs take at most {most_mib:.0f} MiB "
                          f"and {bomb_s:.1f} s, patterns {match_s:.1f} s")
