"""Steps whose loss is not finite on one of two ranks, or a spike."""

import json

from bad_data import NUM_DOCUMENTS, bad_steps, make_bad_data, nan_samples
from figures import Outcome, figure
from main_job import metrics
from runs import launch
from small_runs import small_run

STEPS = 24
POLICIES = [
    ("nan", {"action": "stop"}),
    ("nan", {"action": "skip"}),
    ("nan", {"action": "roll_back"}),
    ("loud", {"action": "skip", "loss_spike_factor": 1.5}),
]


def check(run_dir, policy, code, records):
    """What is wrong with how a run went on after its bad steps."""
    action = policy["action"]
    if code != (1 if action == "stop" else 0):
        yield f"exit code {code}"
    if not records:
        yield "no step was found to be bad"
    for record in records:
        if record["action"] != action:
            yield f"{action}: step {record['step']} says {record['action']}"
        if "loss_spike_factor" not in policy and len(nan_samples(record)) != 1:
            yield f"step {record['step']}: {len(nan_samples(record))} samples are named instead of one"
    lines = metrics(run_dir)
    skipped = [line["step"] for line in lines if line.get("skipped")]
    if action == "skip" and skipped != [record["step"] for record in records]:
        yield f"steps {skipped} are said to be skipped"
    if action == "roll_back" and [line["step"] for line in lines] != list(range(1, STEPS + 1)):
        yield "steps are missing or doubled in metrics.jsonl"


@figure("R14", "A loss that is not finite on one of two ranks, or a spike: stop, skip, roll back",
        "all ranks decide alike at the same step, nothing of it is kept, its samples are named")
def bad_steps_of_all_kinds(work):
    failures, tried, found = [], 0, 0
    policies = work.size(short=POLICIES[2:3], full=POLICIES)
    for place in range(work.size(short=1, full=10)):
        folder = work.folder / f"data{place}"
        folder.mkdir()
        # The spike needs 16 good steps before it: the sequences come in an order drawn by the seed.
        make_bad_data(folder, marked=work.dice.randrange(NUM_DOCUMENTS))
        for number, (model, policy) in enumerate(policies):
            run_dir = work.folder / f"run{place}-{number}"
            # Over three epochs a spike comes behind its 16 good steps.
            steps = 3 * STEPS if "loss_spike_factor" in policy else STEPS
            config = small_run(run_dir.with_suffix(".json"), folder / "shards", run_dir,
                               model={"pretrained": str(folder / model)},
                               train={"steps": steps, "global_batch_size": 8, "bad_steps": policy},
                               checkpoint={"every_steps": 1})
            run = launch(config, ranks=2)
            code = run.wait()
            records = bad_steps(run_dir) if (run_dir / "bad_steps.jsonl").exists() else []
            faults = list(check(run_dir, policy, code, records))
            failures += [f"{json.dumps(policy)}: {fault}" for fault in faults]
            if faults:
                failures.append(run.text()[-2000:])
            tried += 1
            found += len(records)
    return Outcome(tried=f"{tried} runs of 2 ranks", failures=failures,
                   result=f"{found} bad steps, each decided alike and its samples named")
