"""Shared by the end-to-end tests: the program, its inputs, and runs that are killed on the way."""

import json
import os
import pathlib
import random
import signal
import subprocess
import time

import pytest
import torch

SOURCE = pathlib.Path(__file__).resolve().parents[2]
SHARED = pathlib.Path(os.environ.get("ROPEWALK_SHARED", SOURCE.parent / "shared"))
OWN_MODEL = SOURCE / "configs" / "example-model"
PROGRAM = os.environ.get("ROPEWALK_BIN", "")
LIMIT_S = 300
STEPS = 10


def ropewalk(*words, expect=0, **options):
    done = subprocess.run([PROGRAM, *map(str, words)], capture_output=True, text=True,
                          timeout=LIMIT_S, **options)
    assert done.returncode == expect, f"exit {done.returncode}\n{done.stderr}{done.stdout}"
    return done.stdout + done.stderr


def start(*words):
    """In a process group of its own, so that every rank can be killed at once."""
    return subprocess.Popen([PROGRAM, *map(str, words)], stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, text=True, start_new_session=True)


def metrics(run_dir):
    file = pathlib.Path(run_dir) / "metrics.jsonl"
    lines = file.read_text().splitlines() if file.exists() else []
    return [json.loads(line) for line in lines if line.endswith("}")]


def numbers(run_dir, key):
    """One figure of the metrics, of every line that has it."""
    return [line[key] for line in metrics(run_dir) if key in line]


def wait_for_step(run_dir, step, process):
    deadline = time.monotonic() + LIMIT_S
    while not any(line["step"] >= step for line in metrics(run_dir)):
        assert process.poll() is None, process.stdout.read()
        assert time.monotonic() < deadline, f"no step {step} in {run_dir}"
        time.sleep(0.02)


def kill_group(process):
    os.killpg(process.pid, signal.SIGKILL)
    process.wait(timeout=LIMIT_S)
    process.stdout.close()


def write_config(path, **sections):
    path.write_text(json.dumps(sections))
    return path


def text_file(path, seed, num_words=6000):
    """Text with structure enough to be learnt and no file needed from anywhere."""
    dice = random.Random(seed)
    words = [f"{dice.choice('bcdfglmnprst')}{dice.choice('aeiou')}{dice.choice('bdklmnrst')}" for _ in range(60)]
    path.write_text(" ".join(dice.choice(words) for _ in range(num_words)) + "\n")
    return path


def state_bytes(checkpoint):
    """What must be equal bit for bit: weights, moments, and every number of the trainer's state."""
    checkpoint = pathlib.Path(checkpoint)
    files = sorted(checkpoint.glob("*.safetensors")) + sorted(checkpoint.glob("trainer/*"))
    assert files
    return {str(file.relative_to(checkpoint)): file.read_bytes() for file in files}


def prepared(tmp_path, model, sources):
    data = tmp_path / "data"
    if not data.exists():
        ropewalk("prepare", *sources, "--tokenizer", model, "--output", data)
    return data


def extended_run(tmp_path, model, data, length):
    """A run config as `extend` writes it, made small."""
    config = tmp_path / "run.json"
    ropewalk("extend", model, "--to", length, "--data", data, "-o", config)
    small = ["train.global_batch_size=2", f"train.steps={STEPS}", "checkpoint.every_steps=3",
             "checkpoint.keep=0", "log.every_steps=1", "optimizer.learning_rate=0.001",
             "schedule.warmup_steps=2", "parallel.threads=1"]
    return config, [word for setting in small for word in ("--set", setting)]


def train(config, small, run_dir, ranks, *more, expect=0):
    return ropewalk("train", config, *small, "--set", f"train.run_dir={run_dir}", "--nproc", ranks,
                    *more, expect=expect)


def last_checkpoint(run_dir, step=STEPS):
    return pathlib.Path(run_dir) / "checkpoints" / f"step-{step:08d}"


def train_killed_once(config, small, run_dir, ranks, kill_step):
    """A run whose ranks are all killed after `kill_step` and which goes on from there."""
    process = start("train", config, *small, "--set", f"train.run_dir={run_dir}", "--nproc", ranks)
    wait_for_step(run_dir, kill_step, process)
    kill_group(process)
    return train(config, small, run_dir, ranks, "--resume=auto")


def num_gpus():
    """GPUs that the program can use: it needs its CUDA module for them."""
    module = pathlib.Path(PROGRAM).parent / "libexec" / "libropewalk_cuda.so"
    return torch.cuda.device_count() if module.exists() else 0


def skip_without_gpus(count):
    if num_gpus() < count:
        pytest.skip(f"needs {count} GPUs and a build with ROPEWALK_CUDA")
