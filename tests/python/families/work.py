"""One process of a test run: references of its cases, our outputs, round trips.

usage: work.py OUT NUM_PARTS PART CASE...

Of the cases, those whose number is PART modulo NUM_PARTS are done. Faults go to OUT/CASE/faults.json:
{run or "round trip": [text, ...]}, with the largest differences of each run.
"""

import json
import os
import pathlib
import subprocess
import sys

import torch
import transformers

from compare import compare_run
from references import make_case, run_folders
from round_trip import SHARD_BYTES, check_round_trip
from selection import GROUPS


def run_tool(*words):
    tool = pathlib.Path(os.environ["ROPEWALK_TOOLS"]) / "ropewalk_family_dump_tool"
    subprocess.run([tool, *map(str, words)], check=True, stderr=subprocess.DEVNULL)


def export(case, out):
    """The bases go through the program as well: the variants' tensors would add nothing."""
    target = out / case.name / "exported"
    done = subprocess.run([os.environ["ROPEWALK_BIN"], "export", out / case.name / "model", target],
                          capture_output=True, text=True)
    return [] if done.returncode == 0 else [f"ropewalk export: {done.stderr.strip()}"]


def judge(case, out, faults):
    found = {"round trip": {"faults": faults}}
    for folder in run_folders(case, out):
        difference = compare_run(folder)
        found[folder.name] = {"faults": difference.faults, "logits": difference.logits,
                              "gradients": difference.gradients}
    if not faults and case.greedy:
        found["round trip"]["faults"] = check_round_trip(case, out / case.name)
    (out / case.name / "faults.json").write_text(json.dumps(found, indent=2))


def main():
    out, num_parts, part = pathlib.Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    names = sys.argv[4:]
    known = {case.name: case for make in GROUPS.values() for case in make()}
    cases = [known[name] for name in names[part::num_parts]]
    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    for case in cases:
        make_case(case, out)
    run_tool(*(folder for case in cases for folder in run_folders(case, out)))
    written = [out / case.name for case in cases if case.greedy]
    if written:
        run_tool("--rewrite", SHARD_BYTES, *written)
    for case in cases:
        judge(case, out, export(case, out) if case.name == case.family else [])


if __name__ == "__main__":
    main()
