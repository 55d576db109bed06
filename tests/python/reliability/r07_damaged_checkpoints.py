"""Checkpoints cut short or with a bit turned over."""

import contextlib
import shutil

from commands import run_command
from figures import Outcome, figure
from main_job import metrics
from runs import checkpoints, fresh, launch, prepared_run

HEADER_BYTES = 4096  # what begins a weight file
SMALL_BYTES = 65536


def files_of(folder):
    return sorted(path for path in folder.rglob("*") if path.is_file())


@contextlib.contextmanager
def cut(file, size):
    content = file.read_bytes()
    file.write_bytes(content[:size])
    try:
        yield f"{file} cut to {size} of {len(content)} bytes"
    finally:
        file.write_bytes(content)


@contextlib.contextmanager
def flipped(file, byte, bit):
    def flip():
        with open(file, "r+b") as opened:
            opened.seek(byte)
            value = opened.read(1)[0] ^ 1 << bit
            opened.seek(byte)
            opened.write(bytes([value]))
    flip()
    try:
        yield f"{file}: bit {bit} of byte {byte} flipped"
    finally:
        flip()


def cuts(dice, folder, count):
    for file in files_of(folder):
        size = file.stat().st_size
        sizes = {0, size - 1, *(dice.randrange(size) for _ in range(count - 2))}
        yield from (cut(file, wanted) for wanted in sorted(sizes))


def flips(dice, folder, count):
    """Every other one in the manifest, another JSON file or the header of weights."""
    files = files_of(folder)
    weights = [file.stat().st_size for file in files]
    for number in range(count):
        file = dice.choice(files) if number % 2 else dice.choices(files, weights)[0]
        size = file.stat().st_size
        end = min(size, HEADER_BYTES) if number % 2 and size > SMALL_BYTES else size
        yield flipped(file, dice.randrange(end), dice.randrange(8))


def resume_passes_over(branch, config, damage):
    """What goes wrong when a run resumes beside a damaged newest checkpoint, if anything."""
    own = ["--set", f"train.run_dir={branch}", "--set", "train.steps=7"]
    newest = checkpoints(branch)[6]
    before = (files_of(branch), metrics(branch))
    with damage as text:
        named = launch(config, f"--resume={newest}", *own)
        if named.wait() != 2 or newest.name not in named.text():
            return f"{text}: --resume of it ended with {named.poll()}\n{named.text()}"
        if (files_of(branch), metrics(branch)) != before:
            return f"{text}: --resume of it changed the run"
        last = launch(config, "--resume=auto", *own)
        said = last.wait() == 0 and "step-00000003" in last.text() and newest.name in last.text()
        if not said or [line["step"] for line in metrics(branch)][-1] != 7:
            return f"{text}: did not go on from the one before\n{last.text()}"
    return None


@figure("R7", "Files of a checkpoint cut short or with one bit flipped",
        "all found; auto-resume goes back one and says so; a named one ends with exit 2")
def damaged_checkpoints(work):
    failures = []
    config = prepared_run(work.folder, train={"steps": 6})
    run = launch(config)
    assert run.wait() == 0, run.text()
    folder = checkpoints(work.folder / "run")[6]
    damages = [*cuts(work.dice, folder, work.size(short=4, full=200)),
               *flips(work.dice, folder, work.size(short=60, full=2000))]
    for damage in damages:
        with damage as text:
            done = run_command("verify", folder)
        if done.code != 1:
            failures.append(f"{text}: verify ended with {done.code}\n{done.text}")
    sound = run_command("verify", folder)
    assert sound.code == 0, sound.text
    resumes = work.size(short=2, full=20)
    for _ in range(resumes):
        branch = shutil.copytree(work.folder / "run", fresh(work.folder / "branch"))
        newest = checkpoints(branch)[6]
        file = work.dice.choice(files_of(newest))
        size = file.stat().st_size
        damage = work.dice.choice([cut(file, work.dice.randrange(size)),
                                   flipped(file, work.dice.randrange(size), work.dice.randrange(8))])
        fault = resume_passes_over(branch, config, damage)
        if fault:
            failures.append(fault)
    return Outcome(tried=f"{len(damages)} damages, {resumes} of others resumed from", failures=failures,
                   result=f"{len(damages)} found by verify; {resumes} passed over")
