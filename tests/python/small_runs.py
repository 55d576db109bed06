"""Runs of a second or two: the project's example model at twice its length, on made-up text."""

import json
import pathlib

from main_job import OWN_MODEL, ropewalk, text_file


def make_shards(folder, seed, num_documents=1, num_words=3000):
    """Token shards of that many documents, each of its own text."""
    folder.mkdir(parents=True, exist_ok=True)
    texts = [text_file(folder / f"{number}.txt", 100 * seed + number, num_words)
             for number in range(num_documents)]
    ropewalk("prepare", *texts, "--tokenizer", OWN_MODEL, "--output", folder / "shards")
    return folder / "shards"


def small_run(path, shards, run_dir, **changes):
    """Writes a run config; `changes` are sections whose keys are added."""
    config = {
        "model": {"pretrained": str(OWN_MODEL), "max_position_embeddings": 512,
                  "pos_scaling_factor": 2.0},
        "data": {"train": [str(shards)], "sequence_length": 32},
        "train": {"run_dir": str(run_dir), "steps": 6, "global_batch_size": 2},
        "optimizer": {"learning_rate": 1e-3},
        "schedule": {"warmup_steps": 2},
        "parallel": {"threads": 1},
        "checkpoint": {"every_steps": 3, "keep": 0},
        "log": {"every_steps": 1},
        "eval": {"every_steps": 0},
    }
    for section, keys in changes.items():
        config[section].update(keys)
    path.write_text(json.dumps(config))
    return path


def settings(**values):
    """--set words: settings(train__steps=3) is train.steps=3."""
    return [word for key, value in values.items()
            for word in ("--set", f"{key.replace('__', '.')}={json.dumps(value)}")]


def checkpoint(run_dir, step):
    return pathlib.Path(run_dir) / "checkpoints" / f"step-{step:08d}"


def weights(folder):
    """Bytes of the model, of its optimizer and master weights, by file."""
    files = sorted(pathlib.Path(folder).rglob("*.safetensors"))
    assert files
    return {str(file.relative_to(folder)): file.read_bytes() for file in files}
