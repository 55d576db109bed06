#!/usr/bin/env python3
"""Fails when a test was skipped that the list of allowed skips does not name.

usage: check_skips.py RESULTS_FOLDER ALLOWED_SKIPS
RESULTS_FOLDER holds JUnit XML files (GoogleTest's and pytest's). A line of ALLOWED_SKIPS is a name
such as `Suite.Case` or `test_file.test_name`, `*` matching anything, then `#` and the reason.
"""

import fnmatch
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path


def skipped_tests(folder):
    """(name, reason) of every skipped test case."""
    for path in sorted(Path(folder).glob("*.xml")):
        for case in ElementTree.parse(path).getroot().iter("testcase"):
            skip = case.find("skipped")
            if skip is not None:
                suite = case.get("classname", "").split(".")[-1]
                yield f"{suite}.{case.get('name')}", " ".join(skip.get("message", "").split())


def main():
    folder, allowed_path = sys.argv[1:]
    lines = Path(allowed_path).read_text(encoding="utf-8").splitlines()
    allowed = [line.split("#")[0].strip() for line in lines if line.split("#")[0].strip()]
    num_allowed, faults = 0, []
    for name, reason in skipped_tests(folder):
        if any(fnmatch.fnmatchcase(name, pattern) for pattern in allowed):
            num_allowed += 1
            print(f"skipped, as allowed: {name}: {reason}")
        else:
            faults.append(name)
            print(f"SKIPPED, NOT IN {Path(allowed_path).name}: {name}: {reason}")
    print(f"{num_allowed} allowed skips, {len(faults)} others")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
