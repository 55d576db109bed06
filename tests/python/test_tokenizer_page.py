"""docs/real_tokenizers.md holds every real tokenizer, without a difference and as fast as promised."""

import pytest
import tokenizer_page
from real_tokenizers import CASES
from test_tokenizer import REPOSITORY

PAGE = (REPOSITORY / tokenizer_page.PAGE).read_text()


def row_of(columns, name):
    return next(row for row in tokenizer_page.rows_under(columns, PAGE) if row[0] == name)


def line_of(row):
    return "| " + " | ".join(row) + " |\n"


def altered(columns, name, changes):
    """The page with some cells of a row changed, by column."""
    row = row_of(columns, name)
    changed = [changes.get(column, cell) for column, cell in zip(columns, row)]
    assert PAGE.count(line_of(row)) == 1
    return PAGE.replace(line_of(row), line_of(changed))


def test_the_page_is_complete_and_as_promised():
    assert tokenizer_page.faults(PAGE, CASES) == []
    assert len(CASES) >= 8


@pytest.mark.parametrize("columns, changes, fault", [
    (tokenizer_page.EQUALITY_COLUMNS, {"Differences": "1"}, "0 differences"),
    (tokenizer_page.EQUALITY_COLUMNS, {"Strings": "99,999"}, "0 differences"),
    (tokenizer_page.EQUALITY_COLUMNS, {"Kind": "another"}, "kind"),
    (tokenizer_page.SPEED_COLUMNS, {"Doubling": "2.31"}, "doubling"),
    (tokenizer_page.SPEED_COLUMNS, {"Times": "1.9"}, "times tokenizers"),
    (tokenizer_page.SPEED_COLUMNS, {"Peer, MB/s": "-"}, "no number"),
    (tokenizer_page.SPEED_COLUMNS, {"Peer": "another"}, "`tokenizers`"),
])
def test_a_row_that_breaks_a_promise_is_named(columns, changes, fault):
    found = tokenizer_page.faults(altered(columns, "GPT-2", changes), CASES)
    assert len(found) == 1 and "GPT-2" in found[0] and fault in found[0]


def test_missing_and_foreign_tokenizers_are_named():
    line = line_of(row_of(tokenizer_page.SPEED_COLUMNS, "GPT-2"))
    faults = tokenizer_page.faults(PAGE.replace(line, line.replace("GPT-2", "GPT-1")), CASES)
    assert any("GPT-2 is not in" in fault for fault in faults)
    assert any("GPT-1 is no" in fault for fault in faults)


def test_other_text_around_the_tables_is_a_fault():
    assert any("around" in fault for fault in tokenizer_page.faults(PAGE.replace("MB/s** is", "MB/s** was"), CASES))
