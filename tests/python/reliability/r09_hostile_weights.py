"""Weight files that nobody meant to write."""

import pathlib

import test_formats
from commands import fuzz
from figures import Outcome, figure

FUZZ_RUNS = {"safetensors": 10_000_000, "model_folder": 1_000_000}


@figure("R9", "Mutated safetensors files and indices",
        "judged as by pip safetensors; no crash; memory at most 1 MiB and 64 bytes for each of the file")
def hostile_weights(work):
    failures, accepted, stricter = [], 0, 0
    tool = test_formats.find_tool("ropewalk_formats_tool")
    contents = list(test_formats.mutants(work.dice, work.size(short=1_000, full=50_000)))
    for content, line in zip(contents, test_formats.verdicts(tool, pathlib.Path(work.folder), contents)):
        ours, reference = line.startswith("ok "), test_formats.reference_accepts(content)
        accepted += ours
        if ours == reference:
            continue
        stricter += 1
        if ours or not test_formats.stricter_by_intent(content):
            failures.append(f"{content[:400]}: {line}")
    tried = f"{len(contents):,} files compared"
    if work.full:
        for target, wanted in FUZZ_RUNS.items():
            runs, findings = fuzz(target, wanted, jobs=2)
            failures += findings
            tried += f"; {target}: {runs:,} inputs under ASan and UBSan"
    return Outcome(tried=tried, failures=failures,
                   result=f"{accepted:,} accepted by both, {stricter:,} that the reference takes refused on purpose")
