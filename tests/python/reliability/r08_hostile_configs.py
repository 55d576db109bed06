"""Run configs that nobody meant to write."""

import json
import re

from commands import fuzz, run_command
from figures import Outcome, figure
from main_job import SOURCE

MOST_MIB = 64
PIECES = ["{", "}", "[", "]", ",", ":", '"', "//", "/*", "null", "true", "1e400", "-0", "NaN", "0.5",
          "9223372036854775808", '"\\u0000"', "\\ud800", "\x00", "\x1b[2J", "[[[[", "\u2028"]
VALUES = [None, True, 0, -1, 1, 2**63 - 1, 2**64 - 1, 1e308, 5e-324, -0.0, "", "16", "a\nb", "a\0b", [], {},
          [1, "x", None], {"steps": 1}, "x" * 5000, [[[[[[]]]]]]]


def damaged_text(dice, text):
    for _ in range(dice.randrange(1, 4)):
        at = dice.randrange(len(text) + 1)
        text = dice.choice([text[:at] + dice.choice(PIECES) + text[at:],
                            text[:at] + text[at + dice.randrange(1, 9):],
                            text[:at] + text[dice.randrange(len(text) + 1):][:40] + text[at:]])
    return text.encode(errors="surrogatepass")


def damaged_values(dice, value):
    if dice.random() < 0.15:
        return dice.choice(VALUES)
    if isinstance(value, dict):
        changed = {key: damaged_values(dice, one) if dice.random() < 0.3 else one
                   for key, one in value.items()}
        if dice.random() < 0.1:
            changed[dice.choice(["pos_scaling_facter", "\x01", "", "x" * 200])] = dice.choice(VALUES)
        return changed
    return value


def giants():
    """Each is small or large for its kind: too long, too deep, too many."""
    yield "a string of 100 MB", b'{"model": {"pretrained": "' + b"x" * 100_000_000 + b'"}}'
    yield "nested a million times", b"[" * 1_000_000
    yield "nested a thousand times", b'{"model": ' * 1000 + b"1" + b"}" * 1000
    yield "a hundred thousand unknown keys", json.dumps(
        {f"key{number}": number for number in range(60_000)}).encode()
    yield "half a million numbers", b'{"eval": {"windows": [' + b"1," * 500_000 + b"1]}}"
    yield "duplicates", b'{"train": 1' + b', "train": 1' * 80_000 + b"}"
    yield "invalid UTF-8", b'{"model": {"pretrained": "\xff\xfe"}}'
    yield "empty", b""
    yield "a NUL byte", b'{"model": {}}\0{}'


def names_its_place(done, file):
    """The file, and a JSON path or a line and column or what the whole of it is."""
    return f"{file}" in done.text and re.search(
        r"(model|data|train|optimizer|schedule|parallel|checkpoint|eval|log|key\d+|\S+)\b.*: |:\d+:\d+: "
        r"|expected", done.text) is not None


@figure("R8", "Damaged run configs, through the program and in process",
        f"refused with exit 2 and the place, or accepted; at most {MOST_MIB} MiB")
def hostile_configs(work):
    failures, most_mib, refused = [], 0.0, 0
    examples = [path.read_text() for path in sorted((SOURCE / "configs").glob("*.json"))]
    plain = [json.loads(re.sub(r"//[^\n\"]*\n", "\n", text)) for text in examples]
    inputs = list(giants())
    for number in range(work.size(short=60, full=500)):
        content = (damaged_text(work.dice, work.dice.choice(examples)) if number % 2
                   else json.dumps(damaged_values(work.dice, work.dice.choice(plain))).encode())
        inputs.append((f"damaged {number}", content))
    file = work.folder / "run.json"
    for name, content in inputs:
        file.write_bytes(content)
        done = run_command("config", "validate", file)
        most_mib = max(most_mib, done.peak_mib)
        refused += done.code == 2
        if done.code not in (0, 2) or (done.code == 2 and not names_its_place(done, file)):
            failures.append(f"{name}: exit {done.code}\n{done.text[:1000]}")
        if done.peak_mib > MOST_MIB:
            failures.append(f"{name}: {done.peak_mib:.0f} MiB")
    tried = f"{len(inputs)} files"
    if work.full:
        runs, findings = fuzz("run_config", 100_000)
        failures += findings
        tried += f"; {runs:,} in process under ASan and UBSan"
    return Outcome(tried=tried, failures=failures,
                   result=f"{refused} refused, the others accepted; at most {most_mib:.0f} MiB")
