"""Pages of measurements: their text follows from their tables, and a changed figure is noticed."""

import re

import measured_pages
import pytest
from test_docs import ROOT

MEMORY = (ROOT / "docs/long_sequences.md").read_text()
PICTURE = (ROOT / "docs/sequence_memory.svg").read_text()
SPEED = (ROOT / "docs/performance.md").read_text()


def changed(page, figure, factor):
    """The page with the number that the pattern's group matches first multiplied."""
    match = re.search(figure, page)
    text = match[1].replace(",", "")
    decimals = len(text.partition(".")[2])
    number = f"{factor * float(text):,.{decimals}f}"
    return page[:match.start(1)] + number + page[match.end(1):]


def test_memory_of_long_sequences_is_as_told():
    assert measured_pages.memory_faults(MEMORY, PICTURE) == []


@pytest.mark.parametrize("figure, factor", [
    (r"at most ([\d.]+) %", 1.5),
    (r"([\d,]+) bytes a token", 1.05),
    (r"bytes a token from (\d+) MiB", 1.3),
    (r"\| block \| [\d,]+ \| (\d+) ", 1.1),
    (r"\| block \| [\d,]+ \| \d+ \| (\d+) ", 1.1),
    (r" ([\d.]+) \|\n", 1.1),
])
def test_another_figure_of_memory_is_noticed(figure, factor):
    assert measured_pages.memory_faults(changed(MEMORY, figure, factor), PICTURE)


def test_another_distance_another_picture_and_a_missing_line_are_noticed():
    assert measured_pages.memory_faults(re.sub(r"more than [\d.]+ %", "more than 4.9 %", MEMORY), PICTURE)
    assert measured_pages.memory_faults(MEMORY, changed(PICTURE, r"line, ([\d.]+) KiB", 1.1))
    assert measured_pages.memory_faults(MEMORY.replace("* `recompute: none`", "* none"), PICTURE)


def test_parallel_modes_are_all_there_and_their_ratios_right():
    assert measured_pages.mode_faults(SPEED) == []


@pytest.mark.parametrize("figure, factor", [
    (r"\| `fsdp` \| (\d+)", 5),
    (r"\| `fsdp` \| \d+ \| ([\d.]+)", 5),
    (r"\| `fsdp` .*?, [\d.]+ \| ([\d.]+)", 1.1),
    (r"\| `fsdp` .*?, [\d.]+ \| [\d.]+ \| ([\d.]+)", 1.1),
])
def test_another_figure_of_a_mode_is_noticed(figure, factor):
    assert measured_pages.mode_faults(changed(SPEED, figure, factor))


def test_a_missing_mode_and_a_second_section_are_noticed():
    assert measured_pages.mode_faults(re.sub(r"\| `zero2` .*\n", "", SPEED))
    assert measured_pages.mode_faults(SPEED + SPEED[SPEED.index("\n## Parallel modes"):])
