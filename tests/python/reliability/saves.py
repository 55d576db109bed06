"""Short runs that save: what is on disk before, the command, and what may be there afterwards."""

import dataclasses
import json
import pathlib
import shutil

from file_shim import shimmed
from main_job import OWN_MODEL, ropewalk
from runs import checkpoints
from small_runs import checkpoint, make_shards, settings, small_run

TINY_MODEL = {"model_type": "llama", "vocab_size": 2048, "hidden_size": 16, "intermediate_size": 32,
              "num_hidden_layers": 1, "num_attention_heads": 2, "num_key_value_heads": 1,
              "max_position_embeddings": 64, "tokenizer": str(OWN_MODEL), "bos_token_id": 1,
              "eos_token_id": 2}


def tiny_config(path, shards):
    """A run of a model so small that a run is mostly start-up; every step saves."""
    small_run(path, shards, "none", data={"sequence_length": 16}, checkpoint={"every_steps": 1})
    path.write_text(json.dumps({**json.loads(path.read_text()), "model": TINY_MODEL}))
    return path


def set_aside(run_dir):
    return sorted((pathlib.Path(run_dir) / "checkpoints").glob("step-*.set-aside-*"))


def temporary(folder):
    return sorted(pathlib.Path(folder).rglob("*.tmp-*"))


def content(folder):
    """Every file's bytes by its path in the folder."""
    folder = pathlib.Path(folder)
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@dataclasses.dataclass
class Save:
    name: str
    steps: int  # of the run, which ends with a save
    words: list
    before: int = 0  # saves of the run that is there already
    keep: int = 2
    ranks: int = 1

    def options(self, run_dir):
        return ["--nproc", self.ranks, *self.words,
                *settings(train__run_dir=str(run_dir), train__steps=self.steps,
                          checkpoint__keep=self.keep)]


BACKGROUND = settings(checkpoint__async_save=True)
SAVES = [
    Save("the first save", steps=1, words=[]),
    Save("a save that deletes an older one", steps=4, before=3, words=["--resume"]),
    Save("a save after --resume=1 that sets later ones aside", steps=2, before=3, keep=0,
         words=["--resume=1"]),
    Save("a save after --overwrite", steps=1, before=3, words=["--overwrite"]),
    Save("saves of two ranks in the background", steps=5, before=3, ranks=2,
         words=["--resume", *BACKGROUND]),
    Save("a save of two ranks", steps=4, before=3, ranks=2, words=["--resume"]),
    Save("saves in the background", steps=5, before=3, words=["--resume", *BACKGROUND]),
]
SHORT_SAVES = SAVES[:5]


class Workshop:
    """Makes what saves begin with, once, and copies of it."""

    def __init__(self, folder):
        self.folder = folder
        self.config = tiny_config(folder / "run.json", make_shards(folder / "data", seed=1))

    def train(self, *words, expect=0):
        return ropewalk("train", self.config, *words, expect=expect)

    def begun(self, save):
        """The run directory as it is before the save; a missing one for the first."""
        run_dir = self.folder / "begun" / f"{save.before}-{save.ranks}"
        if save.before and not run_dir.exists():
            before = dataclasses.replace(save, steps=save.before, keep=0, words=[])
            # Another seed: what is written anew differs from what was there.
            self.train(*before.options(run_dir), *settings(train__seed=1))
        return run_dir

    def seeded(self, save):
        return [] if "--overwrite" in save.words else settings(train__seed=1)

    def put(self, save, run_dir):
        """A fresh copy of what the save begins with."""
        shutil.rmtree(run_dir, ignore_errors=True)
        if save.before:
            shutil.copytree(self.begun(save), run_dir)

    def run(self, save, run_dir, watched, **shim):
        """The save on a fresh copy, under the shim."""
        self.put(save, run_dir)
        return self.go_on(save, run_dir, watched, **shim)

    def go_on(self, save, run_dir, watched, **shim):
        return shimmed("train", self.config, *save.options(run_dir), *self.seeded(save),
                       watched=watched, scratch=self.folder, **shim)

    def resume(self, save, run_dir):
        words = [word for word in save.words if not word.startswith(("--resume", "--overwrite"))]
        steps = 1 + max(checkpoints(run_dir), default=0)
        later = dataclasses.replace(save, words=["--resume=auto", *words], steps=steps)
        return self.train(*later.options(run_dir), *self.seeded(save))


@dataclasses.dataclass
class Whole:
    """What checkpoints of a save's run hold when they are whole: contents by step."""
    old: dict
    new: dict

    def fault(self, step, files):
        """Why that is no checkpoint of the run; empty: it is one."""
        good = [contents[step] for contents in (self.old, self.new) if step in contents]
        if not good:
            return f"step {step} was never saved"
        if files in good:
            return ""
        faults = [", ".join(sorted(name for name in files.keys() | whole.keys()
                                   if files.get(name) != whole.get(name))) for whole in good]
        return f"step {step} differs in {' / '.join(faults)}"


def contents_by_step(run_dir):
    return {step: content(path) for step, path in checkpoints(run_dir).items()}


def undisturbed(workshop, save, run_dir, watched, **shim):
    """The save when nothing disturbs it, on what was put there: what it did, and its checkpoints."""
    done = workshop.go_on(save, run_dir, watched, **shim)
    assert done.code == 0, done.output
    first = {"--resume=1": 1, "--overwrite": 0}.get(save.words[0] if save.words else "", save.before)
    old = contents_by_step(workshop.begun(save)) if save.before else {}
    new = {step: files for step, files in contents_by_step(run_dir).items() if step > first}
    assert set(new) == set(range(first + 1, save.steps + 1))
    return done, Whole(old, new)
