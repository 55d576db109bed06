"""Data of which one sequence holds a token that no other does, and models that fail at that token."""

import json
import shutil

from main_job import OWN_MODEL, ropewalk
from safetensors.torch import load_file, save_file

MARK = "\u00a7"
USUAL = "the rope is long and the walk is longer than the rope. "
NUM_DOCUMENTS = 40


def ids_of(text, folder):
    file = folder / "text"
    file.write_text(text)
    return {int(word) for word in ropewalk("tokenize", OWN_MODEL, file).split()}


def model_with(folder, token, change):
    """The example model with an output head of its own, and another embedding for one token."""
    shutil.copytree(OWN_MODEL, folder)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "tie_word_embeddings": False}))
    tensors = load_file(folder / "model.safetensors")
    embedding = tensors["model.embed_tokens.weight"]
    tensors["lm_head.weight"] = embedding.clone()
    embedding[token] = change(embedding[token])
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


def make_bad_data(folder, marked=25):
    """`shards`, in which document number `marked` is the odd one; models `nan` and `loud`."""
    texts = [USUAL * (4 + number % 3) for number in range(NUM_DOCUMENTS)]
    texts[marked] = USUAL + MARK + USUAL
    documents = folder / "documents.jsonl"
    documents.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    ropewalk("prepare", documents, "--tokenizer", OWN_MODEL, "--output", folder / "shards")
    token = sorted(ids_of(MARK, folder) - ids_of(USUAL, folder))[0]
    model_with(folder / "nan", token, lambda row: row * float("nan"))
    model_with(folder / "loud", token, lambda row: row * 0 + 1e4)
    return folder


def bad_steps(run_dir):
    return [json.loads(line) for line in (run_dir / "bad_steps.jsonl").read_text().splitlines()]


def nan_samples(record):
    return [(sample["source"], sample["sequence"]) for batch in record["micro_batches"]
            if batch["loss"] == "nan" for sample in batch["samples"]]
