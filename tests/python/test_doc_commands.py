"""Every command of README.md and docs/ is run: in a folder that holds what the pages name, made small
by the tables below. A command that no table knows fails the test."""

import ctypes
import json
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys

import plan_pages
import pytest
from main_job import OWN_MODEL, PROGRAM, SOURCE, text_file
from test_docs import shell_lines

pytestmark = pytest.mark.skipif(not PROGRAM, reason="needs ROPEWALK_BIN")
PAGES = [SOURCE / "README.md", *sorted(SOURCE.glob("docs/*.md"))]
LAUNCHERS = SOURCE / "docs" / "distributed_runs.md"

# Pages that begin where README.md's `extend` ended, with a run config.
CONTINUED = {"distributed_runs.md", "evaluation.md", "getting_started.md", "lora.md", "reports.md"}

# What the pages' sizes become: the example model has a window of 256.
SCALED_DOWN = [
    (r"\b32768\b", "512"), (r"\b8192\b", "384"), (r"\b2048\b", "256"),
    (r"(--factors 1),16\b", r"\1,2"),
    (r"(--nproc|--nproc-per-node|-n|--ntasks) 8\b", r"\1 2"),
    (r"\bstep-00001000\b", "step-00000003"),
    (r"--validation-fraction 0.01\b", "--validation-fraction 0.5 --split-seed 4"),  # of two documents
]
ADDED = [
    (r"\btrain run\.json\b", "--set train.steps=3 --set train.global_batch_size=4 "
                             "--set schedule.warmup_steps=1 --set parallel.threads=1 "
                             "--set log.every_steps=1"),
    (r"\beval perplexity\b", "--max-documents 1 --threads 1"),
    (r"\beval (passkey|needle|recall)\b", "--trials 1 --threads 1"),
]

# Too long for a test, or what started this one.
RUN_ELSEWHERE = {
    "scripts/quickstart.sh": "by hand on a fresh clone: it sets up, builds and takes minutes",
    "scripts/test.sh": "it runs this test",
    "scripts/simulated_rank.py configs/llama-70b-131k.json 256 model.num_hidden_layers=2      "
    "model.vocab_size=4096 model.bos_token_id=1 model.eos_token_id=2 data.sequence_length=512":
        "gigabytes; test_plan.py makes the same of smaller sizes",
    **dict.fromkeys(("PY=$(echo ~/.cache/ropewalk/oracles-*/bin/python)",
                     "$PY scripts/make_family_references.py make runs/references NAME",
                     "$PY scripts/make_family_references.py compare runs/references NAME"),
                    "NAME is a family to be written; python.families calls the same functions"),
    **dict.fromkeys(("$PY scripts/experiments measure configs/experiments/example-model.json",
                     "$PY scripts/experiments measure configs/experiments/small-64.json --model DIR "
                     "--text DIR",
                     "$PY scripts/experiments page"),
                    "hours; test_experiments.py measures a small one and makes the page again"),
}
# Run by test_launchers.py and test_several_machines.py.
LAUNCHED = ("torchrun", "mpirun", "srun", "ropewalk launch")


def commands(page):
    return [re.sub(r"\s+#.*", "", line) for line in shell_lines(page) if line]


def launcher_of(command):
    """"torchrun", or with the program's own two words "ropewalk launch"."""
    words = shlex.split(command)
    return " ".join(words[:2]) if words[0] == "ropewalk" else words[0]


def scaled_down(command):
    for pattern, small in SCALED_DOWN:
        command = re.sub(pattern, small, command)
    return " ".join([command, *(words for pattern, words in ADDED if re.search(pattern, command))])


def reader_environment(folder):
    """`ropewalk` and the launchers on PATH; what root in a container has to tell them."""
    path = [folder / "build", pathlib.Path(sys.executable).parent, os.environ["PATH"]]
    ranks = ("SLURM_", "OMPI_", "PMI", "RANK", "WORLD_SIZE", "LOCAL_", "MASTER_")
    kept = {key: value for key, value in os.environ.items() if not key.startswith(ranks)}
    return {**kept, "PATH": ":".join(map(str, path)), "PET_STANDALONE": "1",
            "OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
            "OMPI_MCA_rmaps_base_oversubscribe": "1"}


def run(folder, command):
    done = subprocess.run(["bash", "-c", command], cwd=folder, capture_output=True, text=True,
                          timeout=300, env=reader_environment(folder))
    assert done.returncode == 0, f"{command}\nexit {done.returncode}\n{done.stderr}{done.stdout}"
    return done.stdout + done.stderr


def jsonl(path, seed):
    text = text_file(path, seed, num_words=1500).read_text()
    path.write_text(json.dumps({"text": text}) + "\n")
    return path


def zstd(content):
    compress = ctypes.CDLL("libzstd.so.1").ZSTD_compress
    compress.restype = ctypes.c_size_t
    packed = ctypes.create_string_buffer(2 * len(content) + 1024)
    sizes = [ctypes.c_size_t(size) for size in (len(packed), len(content))]
    return packed[:compress(packed, sizes[0], content, sizes[1], 3)]


def readers_folder(folder):
    """With the files that the pages take for granted."""
    for name in ("texts", "corpus", "build"):
        (folder / name).mkdir()
    (folder / "build" / "ropewalk").symlink_to(PROGRAM)
    shutil.copytree(OWN_MODEL, folder / "checkpoints" / "base")
    plan_pages.readers_files(folder)
    jsonl(folder / "heldout.jsonl", seed=9)
    pair = {"prompt": "What is two and two?", "completion": " Four."}
    question = {"context": "Is water wet?", "choices": ["yes", "no"], "answer": 0}
    (folder / "questions.jsonl").write_text(json.dumps(question) + "\n")
    (folder / "pairs.jsonl").write_text(json.dumps(pair) + "\n")
    for number in range(2):
        text = jsonl(folder / "texts" / f"{number}.jsonl", seed=number)
        (folder / "corpus" / f"{number}.jsonl.zst").write_bytes(zstd(text.read_bytes()))
    return folder


def begin_with_a_run_config(folder):
    for command in commands(SOURCE / "README.md"):
        if re.search(r"ropewalk (prepare|extend)\b", command):
            run(folder, scaled_down(command))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_commands_of_the_page_run_in_its_order(tmp_path, page):
    folder = readers_folder(tmp_path)
    if page.name in CONTINUED:
        begin_with_a_run_config(folder)
    for command in commands(page):
        words = shlex.split(command)
        if command in RUN_ELSEWHERE or launcher_of(command) in LAUNCHED:
            continue
        assert words[0] in ("ropewalk", "build/ropewalk", "mkdir"), f"{page.name}: in no table: {command}"
        run(folder, scaled_down(command))
