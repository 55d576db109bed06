"""Every family against transformers: logits, gradients, generation, files; and the table of it in docs."""

import os
import pathlib

import table
from cases import FAMILIES
from compare import GRADIENT_BOUND, LOGIT_BOUND
from conftest import CASES, NAMES, WHOLE

SOURCE = pathlib.Path(os.environ.get("ROPEWALK_SOURCE_DIR", pathlib.Path(__file__).parents[3]))


def test_all_families_are_known_and_all_known_families_are_proven(known_families):
    expected = {case.family for case in CASES} if NAMES else set(FAMILIES)
    assert sorted(expected - known_families) == [], "the program does not know these"
    assert sorted(known_families - set(FAMILIES)) == [], "these have no reference case"


def test_outputs_equal_those_of_transformers(findings, case):
    faults = [f"{run}: {fault}" for run, found in findings[case.name].items()
              for fault in found["faults"] if run != "round trip"]
    assert not faults, "\n".join(faults)


def test_written_models_open_in_transformers_and_are_stable(findings, case):
    faults = findings[case.name]["round trip"]["faults"]
    assert not faults, "\n".join(faults)


def test_the_table_in_docs_says_what_was_found(findings, tmp_path_factory):
    rows = table.rows_of(CASES, findings)
    found = tmp_path_factory.getbasetemp() / "families.md"
    found.write_text(table.document(rows))
    if not WHOLE:
        return  # only a whole run can be compared
    page = SOURCE / "docs/families.md"
    faults = table.compare(rows, page.read_text() if page.exists() else "")
    assert not faults, "\n".join([*faults, f"{found} is this run's table, to copy when it is right"])


def test_bounds_are_those_of_the_proof():
    assert (LOGIT_BOUND, GRADIENT_BOUND) == (2e-5, 1e-4)
