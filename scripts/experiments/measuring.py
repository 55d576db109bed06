"""Trains and evaluates with the program, and keeps what was measured: one JSON file a cell."""

import concurrent.futures
import itertools
import json
import os
import pathlib
import shutil
import subprocess
import tempfile

from attention_bound import attention_bound
from base import DIRECT, PASSKEY_TRAINING_SEED, SCALED_KINDS, held_out_pieces, write_documents
from results import tuned_cell, untuned_cell

STRIDES_PER_WINDOW = 4
PASSKEY_SEED = 1


class Store:
    """The cells of one base. A cell is written whole or not at all."""

    def __init__(self, folder, fingerprint):
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        setup = folder / "setup.json"
        if not setup.exists():
            setup.write_text(json.dumps(fingerprint, indent=2))
        elif json.loads(setup.read_text()) != fingerprint:
            raise SystemExit(f"{setup}: was measured with other settings or weights; expected the same, or a "
                             "new --folder")

    def file(self, name):
        return self.folder / f"{name}.json"

    def has(self, name):
        return self.file(name).exists()

    def put(self, name, cell):
        part = self.file(name).with_suffix(".part")
        part.write_text(json.dumps(cell))
        os.replace(part, self.file(name))
        print(f"{self.folder.parent.name}: {name}: {json.dumps(cell)[:160]}", flush=True)

    def cells(self):
        return {file.stem: json.loads(file.read_text()) for file in sorted(self.folder.glob("*.json"))
                if file.stem != "setup"}


class Bench:
    """Measures one base in a folder of its own, with one thread for each of `jobs` runs."""

    def __init__(self, base, program, folder):
        self.base, self.settings = base, base.settings
        self.program, self.folder = program, folder
        self.store = Store(folder / "cells", base.fingerprint())

    def call(self, *words, accepted=(0,)):
        done = subprocess.run([self.program, *map(str, words)], capture_output=True, text=True)
        if done.returncode not in accepted:
            raise SystemExit(f"{' '.join(map(str, done.args))}\nended with {done.returncode}:\n{done.stderr}")
        return done.stdout

    def evaluated(self, task, checkpoint, *words):
        with tempfile.TemporaryDirectory() as folder:
            results = pathlib.Path(folder) / "results.json"
            self.call("eval", task, checkpoint, *words, "--threads", 1, "--json", results)
            return json.loads(results.read_text())["results"]

    # ---- text ----

    def prepare(self):
        data = self.folder / "data"
        if not (data / "train").exists():
            self.shards("train", self.base.texts("train", self.folder / "text" / "train"))
        if not (data / "valid").exists():
            files = self.base.texts("valid", self.folder / "text" / "valid")
            documents = self.folder / "valid.jsonl"
            pieces = held_out_pieces(self.settings.validation, files)
            write_documents(documents, itertools.islice(pieces, self.settings.validation["documents"]))
            self.shards("valid", [documents])
        if self.settings.passkey:
            for factor in self.settings.factors:
                self.passkey_documents(self.settings.window(factor))

    def shards(self, name, files):
        self.call("prepare", *files, "--tokenizer", self.base.model, "--output", self.folder / "data" / name)

    def passkey_documents(self, window):
        """Prompts of every distance in a window, each with its answer, as text to train on."""
        name = f"passkey-{window}"
        if (self.folder / "data" / name).exists():
            return
        replies = self.folder / f"{name}.replies.jsonl"
        passkey = self.settings.passkey
        self.evaluated("passkey", self.base.model, "--window", window, "--digits", passkey["digits"],
                       "--trials", passkey["training_trials"], "--seed", PASSKEY_TRAINING_SEED,
                       "--replies", replies)
        documents = self.folder / f"{name}.jsonl"
        lines = map(json.loads, replies.read_text().splitlines())
        write_documents(documents, (f"{line['prompt']} {line['answer']}.\n" for line in lines))
        self.shards(name, [documents])

    # ---- cells ----

    def perplexity(self, checkpoint, windows, *words):
        """Of each window, by a stride of a quarter of it, with its interval over documents."""
        found = {}
        for window in windows:
            result, = self.evaluated("perplexity", checkpoint, "--data", self.folder / "data" / "valid",
                                     "--windows", window, "--stride", window // STRIDES_PER_WINDOW, *words)
            found[str(window)] = [result[key] for key in
                                  ("perplexity", "perplexity_low", "perplexity_high")]
        return found

    def passkey(self, checkpoint, window, *words):
        result, = self.evaluated("passkey", checkpoint, "--window", window, "--digits",
                                 self.settings.passkey["digits"], "--trials", self.settings.passkey["trials"],
                                 "--seed", PASSKEY_SEED, *words)
        return {"k_max": result["k_max"],
                "found": [[score["distance"], score["successes"]] for score in result["scores"]]}

    def measured(self, checkpoint, factor, windows, *words):
        cell = {"perplexity": self.perplexity(checkpoint, windows, *words)}
        if self.settings.passkey:
            cell["passkey"] = self.passkey(checkpoint, self.settings.window(factor), *words)
        return cell

    def untuned(self, kind, factor):
        name = untuned_cell(kind, factor)
        if not self.store.has(name):
            scaling = ["--factors", factor if kind != DIRECT else 1]
            if kind != DIRECT:
                scaling += ["--scaling", kind]
            windows = self.settings.windows(factor)
            self.store.put(name, self.measured(self.base.model, factor, windows, *scaling))

    def bound(self):
        if not self.store.has("bound"):
            documents = self.folder / "valid.jsonl"
            self.store.put("bound", attention_bound(self.settings, self.base.model, documents))

    def tuned(self, kind, factor, seed, steps):
        """Trains on to each number of steps whose cell is missing, and measures there."""
        run = self.folder / "runs" / f"{kind}-x{factor}-seed{seed}"
        for count in steps:
            name = tuned_cell(kind, factor, seed, count)
            if self.store.has(name):
                continue
            if last_step(run) > count:
                shutil.rmtree(run)
            config = self.write_config(run, kind, factor, seed)
            self.call("train", config, "--resume=auto", "--set", f"train.steps={count}")
            windows = self.settings.windows(factor)
            self.store.put(name, self.measured(run / "checkpoints" / f"step-{count:08d}", factor,
                                               windows if count == steps[-1] else windows[-1:]))

    def write_config(self, run, kind, factor, seed):
        window, data = self.settings.window(factor), self.folder / "data"
        sources = {"train": [str(data / "train")]}
        if self.settings.passkey:
            share = self.settings.passkey["training_share"]
            sources = {"train": [str(data / "train"), str(data / f"passkey-{window}")],
                       "weights": [1 - share, share]}
        sequences = max(1, self.settings.tokens_per_step // window)
        own = {
            "model": {"pretrained": str(self.base.model), "max_position_embeddings": window,
                      "pos_scaling_factor": 1 if kind == DIRECT else factor, "pos_scaling_type": kind},
            "data": {**sources, "sequence_length": window},
            "train": {"run_dir": str(run), "seed": seed, "global_batch_size": sequences,
                      "micro_batch_size": sequences},
            "parallel": {"threads": 1},
            "checkpoint": {"every_steps": 0, "keep": 2},
        }
        config = run.with_suffix(".json")
        config.parent.mkdir(exist_ok=True)
        config.write_text(json.dumps({**own, **self.settings.run}, indent=2))
        return config

    # ---- all of it ----

    def tasks(self):
        """Two lists of calls. Those of a list do not wait for each other; those of the second go on with
        runs of the first, the short windows first because the long ones take hours."""
        settings = self.settings
        first = [(self.bound,)]
        first += [(self.untuned, DIRECT, max(settings.factors))]
        first += [(self.untuned, kind, factor) for kind in SCALED_KINDS for factor in settings.factors]
        arms = [(kind, factor, seed) for seed in settings.seeds for kind in (DIRECT, *SCALED_KINDS)
                for factor in settings.factors]
        first += [(self.tuned, *arm, settings.steps) for arm in arms]
        further = [steps for steps in settings.direct_steps if steps not in settings.steps]
        return first, [(self.tuned, DIRECT, factor, seed, further)
                       for factor in settings.factors for seed in settings.seeds]

    def measure(self, jobs):
        self.prepare()
        for tasks in self.tasks():
            with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
                futures = [pool.submit(*task) for task in tasks]
                try:
                    for future in concurrent.futures.as_completed(futures):
                        future.result()
                except BaseException:
                    pool.shutdown(cancel_futures=True)
                    raise


def last_step(run):
    steps = [int(folder.name.removeprefix("step-")) for folder in (run / "checkpoints").glob("step-????????")]
    return max(steps, default=0)
