"""A base model with its text, and what is to be measured on it: a file of configs/experiments."""

import dataclasses
import hashlib
import json
import pathlib
import shutil
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]
DIRECT = "default"  # the kind without scaling: tuned directly
LINEAR = "linear"  # Position Interpolation
KINDS = (DIRECT, LINEAR, "dynamic", "yarn")
# What else the numbers depend on.
PROTOCOL = {"strides_per_window": 4, "passkey_seed": 1, "passkey_training_seed": 1000}


@dataclasses.dataclass(frozen=True)
class Settings:
    """What a file of configs/experiments says."""

    title: str
    about: str
    context: int  # that the model was pre-trained with, in tokens
    factors: list
    seeds: list  # of tuning
    steps: list
    direct_times: int  # direct tuning also gets so many times as many steps
    tokens_per_step: int  # one sequence at least
    validation: dict  # documents: `characters` of each, `pieces_per_file` and `documents` at most
    passkey: dict  # `digits`, and `trials` at a distance
    run: dict  # sections of the run config
    model: str | None = None
    # `share` of the sequences, and `trials` at a distance. Without it, only the base is asked for keys.
    passkey_training: dict | None = None

    @property
    def direct_steps(self):
        return sorted({*self.steps, *(self.direct_times * steps for steps in self.steps)})

    def steps_of(self, kind):
        return self.direct_steps if kind == DIRECT else self.steps

    def window(self, factor):
        return self.context * factor

    def windows(self, factor):
        """The base's own and every one of a factor up to this."""
        return [self.window(k) for k in (1, *self.factors) if k <= factor]

    def sequences_per_step(self, factor):
        return max(1, self.tokens_per_step // self.window(factor))


@dataclasses.dataclass(frozen=True)
class Base:
    name: str
    settings: Settings
    model: pathlib.Path
    text: pathlib.Path | None  # a folder with train*.txt and valid*.txt; None: the example text

    @staticmethod
    def read(file, model, text):
        try:
            settings = Settings(**json.loads(file.read_text()))
        except (OSError, ValueError, TypeError) as fault:
            raise SystemExit(f"{file}: {fault}; expected a file like those of configs/experiments") from None
        if not model and not settings.model:
            raise SystemExit(f"{file}: names no model; expected --model DIR, and --text DIR with its text")
        return Base(file.stem, settings, model or ROOT / settings.model, text)

    def described(self, texts):
        """All that the numbers depend on, beside the program."""
        files = [*sorted(self.model.glob("*.safetensors")), self.model / "config.json",
                 self.model / "tokenizer.json"]
        return {"settings": dataclasses.asdict(self.settings), "protocol": PROTOCOL,
                "model": hash_of(files), "text": hash_of(texts)}

    def texts(self, part, folder):
        return given_text(part, self.text) if self.text else example_text(part, folder)


def hash_of(files):
    digest = hashlib.sha256()
    for file in files:
        digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


def example_text(part, folder):
    """The text that the example model was trained on, or what was held out of it."""
    shutil.rmtree(folder, ignore_errors=True)
    libtorch = subprocess.run(["bash", "-c", ". scripts/lib/dependencies.sh; libtorch_folder"], cwd=ROOT,
                              capture_output=True, text=True, check=True).stdout.strip()
    subprocess.run([ROOT / "scripts" / "example_text.sh", part, libtorch, folder.resolve()], check=True)
    return sorted(folder.iterdir())


def given_text(part, folder):
    files = sorted(folder.glob(f"{part}*.txt"))
    if not files:
        raise SystemExit(f"{folder}: found no {part}*.txt; expected text files of that name")
    return files


def held_out_pieces(validation, files):
    """Documents of equal length, evenly from each file; a file that is too short has none."""
    length = validation["characters"]
    pieces = []
    for file in files:
        text = file.read_text()
        count = min(validation["pieces_per_file"], len(text) // length)
        for number in range(count):
            begin = number * len(text) // count
            pieces.append(text[begin:begin + length])
    return pieces[:validation["documents"]]


def write_documents(file, texts):
    file.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
