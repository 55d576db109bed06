"""Runs all the work of the session before the first test that looks at it."""

import json
import os
import pathlib
import subprocess
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from known_sizes import KNOWN  # noqa: E402
from selection import select  # noqa: E402

NUM_PROCESSES = 2


# While a family is being written: ROPEWALK_FAMILIES=llama,qwen2 narrows a run to it.
NAMES = [name for name in os.environ.get("ROPEWALK_FAMILIES", "").split(",") if name]
# Groups of selection.py: families, kinds, cross.
GROUPS = os.environ.get("ROPEWALK_CASE_GROUPS", "families,kinds")
CASES = select(NAMES, GROUPS.split(","))
WHOLE = not NAMES and GROUPS == "families,kinds"


def pytest_generate_tests(metafunc):
    if "case" in metafunc.fixturenames:
        metafunc.parametrize("case", CASES, ids=[case.name for case in CASES])
    if "known" in metafunc.fixturenames:
        rows = [row for row in KNOWN if not NAMES or row.config["model_type"] in NAMES]
        metafunc.parametrize("known", rows, ids=[row.name for row in rows])


@pytest.fixture(scope="session")
def program():
    if "ROPEWALK_BIN" not in os.environ:
        pytest.skip("needs ROPEWALK_BIN")
    return os.environ["ROPEWALK_BIN"]


@pytest.fixture(scope="session")
def known_families(program):
    done = subprocess.run([program, "inspect", "--families", "--json"], capture_output=True,
                          text=True, check=True)
    return {family["model_type"] for family in json.loads(done.stdout)["families"]}


@pytest.fixture(scope="session")
def findings(program, tmp_path_factory):
    """case name -> what work.py found."""
    out = tmp_path_factory.mktemp("families")
    names = [case.name for case in CASES]
    script = str(pathlib.Path(__file__).parent / "work.py")
    parts = [subprocess.Popen([sys.executable, script, str(out), str(NUM_PROCESSES), str(part), *names],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
             for part in range(NUM_PROCESSES)]
    logs = [part.communicate()[0] for part in parts]
    assert all(part.returncode == 0 for part in parts), "\n".join(logs)
    return {name: json.loads((out / name / "faults.json").read_text()) for name in names}
