"""What saving and resuming cost."""

import json
import statistics

from figures import Outcome, figure
from main_job import OWN_MODEL, metrics, numbers
from runs import checkpoints, fresh, launch, prepared_run

# hidden size, layers; parameters in millions come out of it
SIZES = [(128, 4), (256, 6), (384, 8)]
STEPS = 12


def model(hidden, layers):
    return {"pretrained": None, "model_type": "llama", "vocab_size": 2048, "hidden_size": hidden,
            "intermediate_size": 3 * hidden, "num_hidden_layers": layers, "num_attention_heads": 4,
            "num_key_value_heads": 4, "max_position_embeddings": 512, "pos_scaling_factor": None,
            "tie_word_embeddings": False, "bos_token_id": 1, "eos_token_id": 2,
            "tokenizer": str(OWN_MODEL)}


def sized_run(work, name, hidden, layers, **changes):
    """From random weights, or after them."""
    config = prepared_run(work.folder, name, model=model(hidden, layers), **changes)
    sections = json.loads(config.read_text())
    sections["model"] = {key: value for key, value in sections["model"].items() if value is not None}
    config.write_text(json.dumps(sections))
    return config


def file_bytes(folder):
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


@figure("R21", "Peak memory of a run that was resumed, against one that was started", "at most 5 % more")
def memory_on_resume(work):
    failures, shown = [], []
    for hidden, layers in SIZES[:work.size(short=1, full=3)]:
        run_dir = fresh(work.folder / "run")
        config = sized_run(work, "run", hidden, layers, checkpoint={"every_steps": 0},
                           train={"steps": 3}, data={"sequence_length": 64})
        assert launch(config).wait() == 0
        started = numbers(run_dir, "memory_bytes")[-1]
        run = launch(config, "--resume", "--set", "train.steps=6")
        assert run.wait() == 0, run.text()
        resumed = numbers(run_dir, "memory_bytes")[-1]
        shown.append(f"{file_bytes(checkpoints(run_dir)[6]) / 2**20:.0f} MiB: {100 * (resumed / started - 1):+.1f} %")
        if resumed > 1.05 * started:
            failures.append(f"{resumed / 2**20:.0f} MiB after a resume, {started / 2**20:.0f} MiB after a start")
    return Outcome(tried=f"{len(shown)} sizes of checkpoint", result="; ".join(shown), failures=failures)


def step_times(run_dir):
    times = [line["time_s"] for line in metrics(run_dir)]
    return [later - earlier for earlier, later in zip(times, times[1:])]


@figure("R22", "How long training stands still for a checkpoint, 2 ranks, written in the background or not",
        "in the background at most the time of one step")
def stall(work):
    failures, shown = [], []
    every = 4
    for is_async in work.size(short=(True,), full=(True, False)):
        run_dir = fresh(work.folder / "run")
        hidden, layers = SIZES[work.size(short=0, full=2)]
        config = sized_run(work, "run", hidden, layers, data={"sequence_length": 128},
                           train={"steps": 3 * every + 2, "global_batch_size": 16},
                           checkpoint={"every_steps": every, "async_save": is_async},
                           log={"every_steps": 1})
        run = launch(config, ranks=2)
        assert run.wait() == 0, run.text()
        times = step_times(run_dir)  # entry i: from the line of step i + 1 to that of step i + 2
        # Saves follow the lines of their steps. Those written beside a save are slower and are not
        # part of the measure of a step.
        after = [times[step - 1] for step in range(every, 3 * every + 1, every)]
        usual = statistics.median(times[i] for i in range(1, len(times)) if (i + 1) % every in (2, 3))
        stalls = [max(0.0, time - usual) for time in after]
        size = file_bytes(checkpoints(run_dir)[max(checkpoints(run_dir))])
        where = "in the background" if is_async else "waited for"
        shown.append(f"{where}: {statistics.median(stalls):.2f} s beside a step of {usual:.2f} s")
        if is_async and statistics.median(stalls) > usual:
            failures.append(f"stalls of {stalls} s, a step takes {usual} s")
    return Outcome(tried=f"3 checkpoints of {size / 2**20:.0f} MiB each", result="; ".join(shown), failures=failures)
