"""Tests that have a long form are marked `long`. scripts/test.sh --full runs them once more, under the
CTest label `slow` and with ROPEWALK_FULL set, which chooses the larger of their two sizes."""

import os


def sized(short, full):
    return full if os.environ.get("ROPEWALK_FULL") else short
