"""What the text of docs/long_sequences.md and of the parallel modes in docs/performance.md must say,
given the figures in their tables."""

import re
import statistics

from tokenizer_page import number, rows_under

MIB = 2 ** 20
HALF = 0.5  # what rounding to a whole number changes at most
MEMORY_COLUMNS = ["recompute", "tokens", "measured, MiB", "planned, MiB", "planned / measured"]
MAX_OFF_LINE = 0.05
MAX_PLAN_ERROR = 0.1
MODE_COLUMNS = ["mode", "tokens/s", "/ ddp", "lowest, highest", "sent, MiB", "/ ddp", "planned, MiB"]
MODES = ["ddp", "zero1", "zero2", "fsdp", "fsdp, recompute block", "ddp, context 2 (ring)",
         "ddp, context 2 (ulysses)"]


def numbers(texts):
    return [float(text.replace(",", "")) for text in texts]


def found_in(text, pattern):
    match = re.search(pattern, text)
    assert match, f"nothing like {pattern}"
    return numbers(match.groups())


# ---- docs/long_sequences.md ----------------------------------------------------------------------


class Line:
    """The least squares line through sizes that were rounded to whole MiB. Values come with what that
    rounding changes in them at most."""

    def __init__(self, lengths, sizes):
        self.lengths, self.sizes = lengths, sizes
        self.mean = statistics.mean(lengths)
        self.shares = [(length - self.mean) / sum((other - self.mean) ** 2 for other in lengths)
                       for length in lengths]

    def sum(self, weights):
        return sum(w * size for w, size in zip(weights, self.sizes)), HALF * sum(map(abs, weights))

    def slope(self):
        return self.sum(self.shares)

    def at(self, length):
        return self.sum([1 / len(self.lengths) + (length - self.mean) * share for share in self.shares])

    def off(self):
        """The largest relative distance of a size."""
        distances = []
        for length, size in zip(self.lengths, self.sizes):
            value, rounding = self.at(length)
            off = abs(size / value - 1)
            distances.append((off, (HALF + (1 + off) * rounding) / (value - rounding)))
        return tuple(map(max, zip(*distances)))


def plan_error(measured, planned):
    ratio = planned / measured
    return abs(ratio - 1), HALF * (1 + ratio) / (measured - HALF)


def line_faults(name, rows, said):
    """`said`: bytes a token, MiB at no length, and distance in percent, as the text has them."""
    line = Line([row[0] for row in rows], [row[1] for row in rows])
    given = [(line.slope(), MIB, HALF), (line.at(0), 1, HALF), (line.off(), 100, 0.05)]
    for text, ((value, rounding), scale, half) in zip(said, given):
        if abs(scale * value - text) > scale * rounding + half:
            yield f"{name}: the text says {text} where the table gives {scale * value:.1f}"
    if said[2] > 100 * MAX_OFF_LINE:
        yield f"{name}: {said[2]} % off the line"


def longest_faults(longest, baseline, line):
    tokens, process, measured, on_line, planned, attention = longest
    if abs(process - measured - baseline) > 3 * HALF:
        yield f"longest: the process has {process - measured:.0f} MiB beside the step, not {baseline:.0f}"
    given = line[1] + line[0] * tokens / MIB
    if abs(given - on_line) > 2 * HALF + HALF * tokens / MIB:
        yield f"longest: the line gives {given:.0f} MiB, the text says {on_line:.0f}"
    if abs(measured / on_line - 1) > 2 * MAX_OFF_LINE:
        yield "longest: far from the line"
    # 4.5 forward passes; of one, 2 operations for each of 256 features, in 6 layers.
    flops = 4.5 * 2 * 256 * 6 * tokens ** 2
    if abs(flops / 1e12 - attention) > HALF:
        yield f"longest: attention has {flops / 1e12:.0f} TFLOP"


def memory_faults(page, picture):
    text = " ".join(page.split())
    baseline, worst = found_in(text, r"program itself \((\d+) MiB\).*?at most ([\d.]+) % off")
    lines = {name: numbers(said) for name, *said in re.findall(
        r"`recompute: (\w+)`: ([\d,]+) bytes a token from ([\d,]+) MiB; .*?more than ([\d.]+) % off", text)}
    tables = {}
    for name, *cells in rows_under(MEMORY_COLUMNS, page):
        tables.setdefault(name, []).append(numbers(cells))
    if not list(lines) == list(tables) == ["none", "block"]:
        return ["a table or its line is missing"]
    found, pairs = [], []
    for name, said in lines.items():
        found += line_faults(name, tables[name], said)
    for tokens, measured, planned, ratio in [row for rows in tables.values() for row in rows]:
        pairs.append((measured, planned))
        if abs(planned / measured - ratio) > plan_error(measured, planned)[1] + 0.005:
            found.append(f"{tokens:,.0f} tokens: planned / measured is {planned / measured:.2f}")
    if "\n## " in page:
        longest = found_in(text, r"## ([\d,]+) tokens .*?peak at ([\d,]+) MiB for the .*? ([\d,]+) MiB of it "
                                 r".*?gives ([\d,]+) MiB .*?plan` ([\d,]+) MiB\. .*?; (\d+) TFLOP")
        found += longest_faults(longest, baseline, lines["block"])
        pairs.append((longest[2], longest[4]))
    error, rounding = max(plan_error(*pair) for pair in pairs)
    if abs(100 * error - worst) > 100 * rounding + 0.05 or worst > 100 * MAX_PLAN_ERROR:
        found.append(f"the plan is {100 * error:.1f} % off, the text says {worst}")
    drawn = numbers(re.findall(r"line, ([\d.]+) KiB a token", picture))
    said = [slope / 1024 for slope, *_ in lines.values()]
    if len(drawn) != len(said) or max(abs(a - b) for a, b in zip(drawn, said)) > 0.051:
        found.append("the picture has other lines")
    return found


# ---- docs/performance.md: parallel modes -----------------------------------------------------------


def mode_faults(page):
    if page.count("\n## Parallel modes\n") != 1:
        return ["not one section of parallel modes"]
    rows = {row[0].strip("`"): row[1:] for row in rows_under(MODE_COLUMNS, page)}
    if list(rows) != MODES:
        return [f"the modes are {list(rows)}"]
    speeds, sent = ({mode: number(cells[i]) for mode, cells in rows.items()} for i in (0, 3))
    found = []
    for mode, cells in rows.items():
        low, high = numbers(cells[2].split(", "))
        # The ratio of two medians, too, lies between the least and the largest ratio of a round.
        quotient = speeds[mode] / speeds["ddp"]
        rounding = quotient * (HALF / speeds[mode] + HALF / speeds["ddp"])
        for ratio, half in ((number(cells[1]), 0), (quotient, rounding)):
            if not low - 0.005 - half <= ratio <= high + 0.005 + half:
                found.append(f"{mode}: {ratio:.2f} of the speed of ddp is not within {cells[2]}")
        if None in (sent[mode], number(cells[5])):
            found.append(f"{mode}: bytes are missing")
        elif abs(sent[mode] / sent["ddp"] - number(cells[4])) > 0.01:
            found.append(f"{mode}: sends {sent[mode] / sent['ddp']:.2f} of the bytes of ddp")
    return found
