"""Every figure of docs/reliability.md in its short form. scripts/reliability.py runs the long ones."""

import pathlib
import sys

import pytest

sys.path[:0] = [str(pathlib.Path(__file__).parent), str(pathlib.Path(__file__).parents[1])]

from figures import all_figures  # noqa: E402
from main_job import PROGRAM  # noqa: E402

pytestmark = pytest.mark.skipif(not PROGRAM, reason="needs ROPEWALK_BIN")


@pytest.mark.parametrize("figure", all_figures(), ids=lambda figure: figure.name)
def test_figure(figure, tmp_path):
    outcome = figure.run(tmp_path, full=False)
    assert not outcome.failures, "\n".join(outcome.failures)
