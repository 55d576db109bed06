#!/usr/bin/env python3
"""What one rank of a large job holds and sends, without the job: the rank is built and makes a step
on this machine while its peers are simulated (collectives end at once and move nothing), and every
figure stands beside that of `ropewalk plan`.

usage: simulated_rank.py RUN.json NUM_RANKS [KEY=VALUE ...]

KEY=VALUE make the model and the sequences small enough for this machine. Needs the release build with
tests: the program is build/tests/ropewalk_simulated_rank_tool, or that of ROPEWALK_TOOLS.
"""

import json
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
TOOL = pathlib.Path(os.environ.get("ROPEWALK_TOOLS", ROOT / "build" / "tests"))
WHAT = {
    "weights_at_loss": "weights at the loss: shard, and gathered whole",
    "weights_and_gradients_at_block": "the same and a block's gradients, at the end of its backward",
    "gradients": "shard of the gradients",
    "moments": "moments of AdamW",
    "sent": "sent to other ranks in a step",
    "most_tensors": "all tensors where they are most",
}


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    done = subprocess.run([TOOL / "ropewalk_simulated_rank_tool", *sys.argv[1:]],
                          capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(done.stderr or __doc__)
    found = json.loads(done.stdout)
    print(f"{'bytes of one rank':<62}{'found':>14}{'planned':>14}")
    for key, text in WHAT.items():
        print(f"{text:<62}{found[key]['found']:>14}{found[key]['planned']:>14}")
    print(f"the shard's numbers that belong to no parameter have no moments: {found['padding']} bytes")


if __name__ == "__main__":
    main()
