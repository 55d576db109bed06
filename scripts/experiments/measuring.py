"""Trains and evaluates with the program what the store does not have yet."""

import concurrent.futures
import hashlib
import json
import pathlib
import shutil
import subprocess
import tempfile
import threading

from attention_bound import attention_bound
from base import DIRECT, PROTOCOL, held_out_pieces, write_documents
from store import (BASE_PASSKEY, BOUND, Store, tuned_arms, tuned_cell, untuned_arms, untuned_cell,
                   what_counts)


class Bench:
    """Measures one base, with one thread for each of `jobs` runs. `work` holds runs and token shards, in a
    folder for all that counts for the numbers; the cells go to `results`."""

    def __init__(self, base, program, work, results):
        self.settings, self.model, self.program = base.settings, base.model, program
        work.mkdir(parents=True, exist_ok=True)
        self.texts = {part: base.texts(part, work / f"{base.name}-text" / part)
                      for part in ("train", "valid")}
        head = base.described([*self.texts["train"], *self.texts["valid"]])
        self.store = Store(results, head)
        digest = hashlib.sha256(json.dumps(what_counts(head)).encode()).hexdigest()
        self.folder = work / f"{base.name}-{digest[:12]}"
        self.folder.mkdir(exist_ok=True)
        self.children, self.lock, self.stopped = set(), threading.Lock(), False

    # ---- the program ----

    def call(self, *words):
        command = [self.program, *map(str, words)]
        with self.lock:
            if self.stopped:
                raise SystemExit("stopped")
            child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
            self.children.add(child)
        errors = child.communicate()[1]
        with self.lock:
            self.children.remove(child)
        if child.returncode != 0:
            raise SystemExit(f"{' '.join(map(str, command))}\nended with {child.returncode}:\n{errors}")

    def stop(self):
        """Ends what runs: trainers save first."""
        with self.lock:
            self.stopped = True
            for child in self.children:
                child.terminate()

    def evaluated(self, task, checkpoint, *words):
        with tempfile.TemporaryDirectory() as folder:
            results = pathlib.Path(folder) / "results.json"
            self.call("eval", task, checkpoint, *words, "--threads", 1, "--json", results)
            return json.loads(results.read_text())["results"]

    # ---- text ----

    @property
    def documents(self):
        return self.folder / "valid.jsonl"

    def prepare(self):
        self.shards("train", self.texts["train"])
        write_documents(self.documents, held_out_pieces(self.settings.validation, self.texts["valid"]))
        self.shards("valid", [self.documents])
        if self.settings.passkey_training:
            for factor in self.settings.factors:
                self.passkey_documents(self.settings.window(factor))

    def shards(self, name, files):
        folder = self.folder / "data" / name
        if not folder.exists():
            self.call("prepare", *files, "--tokenizer", self.model, "--output", folder)

    def passkey_documents(self, window):
        """Prompts of every distance in a window, each with its answer, as text to train on."""
        documents = self.folder / f"passkey-{window}.jsonl"
        if not documents.exists():
            with tempfile.TemporaryDirectory() as folder:
                replies = pathlib.Path(folder) / "replies.jsonl"
                self.evaluated("passkey", self.model, "--window", window, "--digits",
                               self.settings.passkey["digits"], "--trials",
                               self.settings.passkey_training["trials"], "--seed",
                               PROTOCOL["passkey_training_seed"], "--replies", replies)
                lines = list(map(json.loads, replies.read_text().splitlines()))
            write_documents(documents, (f"{line['prompt']} {line['answer']}.\n" for line in lines))
        self.shards(f"passkey-{window}", [documents])

    # ---- cells ----

    def perplexity(self, checkpoint, windows, *words):
        """Of each window, with its interval over documents."""
        found = {}
        for window in windows:
            stride = window // PROTOCOL["strides_per_window"]
            result, = self.evaluated("perplexity", checkpoint, "--data", self.folder / "data" / "valid",
                                     "--windows", window, "--stride", stride, *words)
            found[str(window)] = [result[key] for key in
                                  ("perplexity", "perplexity_low", "perplexity_high")]
        return found

    def passkey(self, checkpoint, window, *words):
        passkey = self.settings.passkey
        result, = self.evaluated("passkey", checkpoint, "--window", window, "--digits", passkey["digits"],
                                 "--trials", passkey["trials"], "--seed", PROTOCOL["passkey_seed"], *words)
        return {"k_max": result["k_max"],
                "found": [[score["distance"], score["successes"]] for score in result["scores"]]}

    def measured(self, checkpoint, factor, windows, *words):
        cell = {"perplexity": self.perplexity(checkpoint, windows, *words)}
        if self.settings.passkey_training:
            cell["passkey"] = self.passkey(checkpoint, self.settings.window(factor), *words)
        return cell

    def base_passkey(self):
        """The base within its own context, where no other cell asks for keys."""
        if BASE_PASSKEY not in self.store and not self.settings.passkey_training:
            self.store.put(BASE_PASSKEY, self.passkey(self.model, self.settings.context))

    def bound(self):
        if BOUND not in self.store:
            settings = self.settings
            self.store.put(BOUND, attention_bound(self.model, self.documents, settings.context,
                                                  max(settings.factors)))

    def untuned(self, kind, factor):
        name = untuned_cell(kind, factor)
        if name not in self.store:
            scaling = [1] if kind == DIRECT else [factor, "--scaling", kind]
            self.store.put(name, self.measured(self.model, factor, self.settings.windows(factor), "--factors",
                                               *scaling))

    def tuned(self, kind, factor, seed, steps):
        """Trains on to each number of steps whose cell is missing, and measures there."""
        run = self.folder / "runs" / f"{kind}-x{factor}-seed{seed}"
        for count in steps:
            name = tuned_cell(kind, factor, seed, count)
            if name in self.store:
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
        if self.settings.passkey_training:
            share = self.settings.passkey_training["share"]
            sources = {"train": [str(data / "train"), str(data / f"passkey-{window}")],
                       "weights": [1 - share, share]}
        sequences = self.settings.sequences_per_step(factor)
        sections = {
            "model": {"pretrained": str(self.model), "max_position_embeddings": window,
                      "pos_scaling_factor": 1 if kind == DIRECT else factor, "pos_scaling_type": kind},
            "data": {**sources, "sequence_length": window},
            "train": {"run_dir": str(run), "seed": seed, "global_batch_size": sequences,
                      "micro_batch_size": sequences},
            "parallel": {"threads": 1},
            "checkpoint": {"every_steps": 0, "keep": 2},
        }
        for section, keys in self.settings.run.items():
            sections.setdefault(section, {}).update(keys)
        config = run.with_suffix(".json")
        config.parent.mkdir(exist_ok=True)
        config.write_text(json.dumps(sections, indent=2))
        return config

    # ---- all of it ----

    def tasks(self):
        """Two lists of calls. Those of a list do not wait for each other; those of the second go on with
        runs of the first, the short windows first because the long ones take hours."""
        settings = self.settings
        first = [(self.bound,), (self.base_passkey,)]
        first += [(self.untuned, *arm) for arm in untuned_arms(settings)]
        first += [(self.tuned, *arm, settings.steps) for arm in tuned_arms(settings)]
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
                    self.stop()
                    pool.shutdown(cancel_futures=True)
                    raise


def last_step(run):
    steps = [int(folder.name.removeprefix("step-")) for folder in (run / "checkpoints").glob("step-????????")]
    return max(steps, default=0)
