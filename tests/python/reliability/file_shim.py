"""Programs under the shim of tests/shim: their file operations are counted, refused or written down."""

import dataclasses
import os
import pathlib
import subprocess

from main_job import LIMIT_S, PROGRAM

SHIM = pathlib.Path(os.environ.get("ROPEWALK_TOOLS", "")) / "libropewalk_file_shim.so"


@dataclasses.dataclass
class Done:
    code: int
    output: str
    count: int  # operations on what is watched


def shimmed(*words, watched, scratch, do=None, journal=None):
    """Runs the program. `do`: what the shim does, as tests/shim/ledger.h describes it."""
    state = scratch / "shim.state"
    state.unlink(missing_ok=True)
    for path in (journal, f"{journal}.data") if journal else ():
        pathlib.Path(path).unlink(missing_ok=True)
    environment = dict(os.environ, LD_PRELOAD=str(SHIM), FILE_SHIM_FOLDER=str(watched),
                       FILE_SHIM_STATE=str(state), FILE_SHIM_NO_SYNC="1")
    if do:
        environment["FILE_SHIM_DO"] = do
    if journal:
        environment["FILE_SHIM_JOURNAL"] = str(journal)
    assert SHIM.exists(), f"{SHIM}: build the tests"
    done = subprocess.run([PROGRAM, *map(str, words)], env=environment, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=LIMIT_S)
    count = int.from_bytes(state.read_bytes(), "little") if state.exists() else 0
    return Done(done.returncode, done.stdout, count)
