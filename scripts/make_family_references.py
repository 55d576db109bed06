#!/usr/bin/env python3
"""Reference models and outputs of transformers for the families, and the comparison with ours.

    PY=$(echo ~/.cache/ropewalk/oracles-*/bin/python)    # but not oracles-old
    $PY scripts/make_family_references.py make OUT llama qwen2      # families, or case names
    $PY scripts/make_family_references.py compare OUT [llama ...]   # runs the tool, prints the table

`make` takes one to five seconds a case; without names it makes all. `compare` needs ropewalk_family_dump_tool
(build/tests, or ROPEWALK_TOOLS). OUT/CASE/model is the model as transformers saves it, OUT/CASE/RUN
holds one comparison: tests/python/families/references.py says what the files are. `list` prints the
cases; `shapes OUT` prints the tensors on disk of the models under OUT. --groups chooses among
families, kinds (of scaling; names begin with `kind.`) and cross (every kind on every family).
"""

import argparse
import os
import pathlib
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests/python/families"))
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")


def chosen_cases(options):
    from selection import select
    return select(options.names, options.groups.split(","))


def make(options):
    import transformers
    from references import make_case
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    for case in chosen_cases(options):
        began = time.monotonic()
        make_case(case, options.out)
        print(f"{case.name} ({time.monotonic() - began:.1f} s)", flush=True)


def compare(options):
    from compare import compare_run
    from references import run_folders
    tools = pathlib.Path(os.environ.get("ROPEWALK_TOOLS", ROOT / "build/tests"))
    folders = [folder for case in chosen_cases(options) if (options.out / case.name).exists()
               for folder in run_folders(case, options.out)]
    subprocess.run([tools / "ropewalk_family_dump_tool", *folders], check=True)
    num_bad = 0
    for folder in folders:
        found = compare_run(folder)
        num_bad += bool(found.faults)
        print(f"{'FAIL' if found.faults else 'ok  '} {folder.parent.name}/{folder.name}: "
              f"logits {found.logits:.1e}, gradients {found.gradients:.1e}")
        for fault in found.faults:
            print(f"       {fault}")
    print(f"{len(folders)} runs, {num_bad} with faults")
    return 1 if num_bad else 0


def show_shapes(options):
    from safetensors import safe_open
    for path in sorted(options.out.glob("*/model/*.safetensors")):
        print(f"## {path.parents[1].name}")
        with safe_open(path, "pt") as file:
            for name in sorted(file.keys()):
                piece = file.get_slice(name)
                print(f"{name} {piece.get_shape()} {piece.get_dtype()}")


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("action", choices=["make", "compare", "list", "shapes"])
    parser.add_argument("out", nargs="?", type=pathlib.Path)
    parser.add_argument("names", nargs="*", help="families or cases")
    parser.add_argument("--groups", default="families,kinds")
    options = parser.parse_intermixed_args()
    if options.action == "list":
        print("\n".join(case.name for case in chosen_cases(options)))
        return 0
    if options.out is None:
        parser.error("which folder?")
    options.out = options.out.resolve()
    return {"make": make, "compare": compare, "shapes": show_shapes}[options.action](options) or 0


if __name__ == "__main__":
    sys.exit(main())
