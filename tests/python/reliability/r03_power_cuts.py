"""R3: what a disk may hold when the power is cut after any file operation."""

import re
import shutil

from figures import Outcome, figure
from file_shim import shimmed
from main_job import OWN_MODEL, ropewalk, text_file
from power_loss import Disk, folder_in, put_on_disk, read_journal, variants
from saves import SAVES, SHORT_SAVES, Workshop, content, set_aside, temporary, undisturbed

SAVED = re.compile(rb"saved \S+/step-(\d+)")


class Cuts:
    """Power cuts of one journal: every operation, or some by the dice, each in several ways."""

    def __init__(self, work):
        self.work = work
        self.num_cuts = 0
        self.failures = []
        self.sample = {}  # by title, one of the states

    def each(self, disk, journal, title, check):
        """`check` gets what is left, all that was said by then, and whether the program had ended;
        gives faults."""
        records = read_journal(journal)
        assert records
        said = b""
        for index, record in enumerate(records):
            said += record.data if record.name == "say" else b""
            disk.replay(record)
            is_last = index == len(records) - 1
            if not is_last and not self.work.full and self.work.dice.random() > 0.25:
                continue
            for found in variants(disk, self.work.dice, self.work.size(short=5, full=12)):
                self.num_cuts += 1
                if title not in self.sample or self.work.dice.random() < 0.05:
                    self.sample[title] = found
                self.failures += [f"{title}, cut after operation {record.number}: {fault}"
                                  for fault in check(found, said, is_last)]


def published_in(found, checkpoints):
    for name in sorted(found):
        step = re.fullmatch(rf"{re.escape(checkpoints)}/step-(\d+)/", name)
        if step:
            yield int(step[1]), folder_in(found, name)


def faults_of_run(save, whole, found, said, run_dir):
    """What is named like a checkpoint is whole; what was said to be saved is there."""
    there = dict(published_in(found, f"{run_dir}/checkpoints"))
    faults = [fault for step, files in there.items() if (fault := whole.fault(step, files))]
    saved = [int(step) for step in SAVED.findall(said)]
    if saved:
        if there.get(saved[-1]) != whole.new[saved[-1]]:
            faults.append(f"step {saved[-1]} was said to be saved and is not there")
        if max(there, default=0) not in whole.new:
            faults.append(f"step {max(there, default=0)} is the newest, not one that was saved")
    elif save.before and not there and "--overwrite" not in save.words:
        faults.append("no checkpoint is left")
    return faults


def cut_save(work, cuts, workshop, save):
    root = work.folder / "cut"
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir()
    workshop.put(save, root / "run")
    disk = Disk(root)
    journal = work.folder / "journal"
    _, whole = undisturbed(workshop, save, root / "run", root, journal=journal)
    cuts.each(disk, journal, save.name,
              lambda found, said, _: faults_of_run(save, whole, found, said, "run"))


def faults_of_resume(workshop, save, found, folder):
    """The program itself takes what is left for what it is."""
    shutil.rmtree(folder, ignore_errors=True)
    put_on_disk(found, folder)
    run_dir = folder / "run"
    try:
        if (run_dir / "checkpoints").exists() and list(published_in(found, "run/checkpoints")):
            ropewalk("verify", run_dir)
        workshop.resume(save, run_dir)
    except AssertionError as error:
        return [f"{save.name}, after a power cut: {error}"]
    leftovers = temporary(run_dir / "checkpoints") + set_aside(run_dir)
    return [f"{save.name}, after a power cut and a resume: {leftovers} left"] if leftovers else []


def cut_folder(work, cuts, words, target, title, before=None):
    """A command that makes a folder: it is there whole or not at all, and there at the end."""
    root = work.folder / "cut"
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir()
    if before:
        shutil.copytree(before, root / target)
    old = content(before) if before else None
    disk = Disk(root)
    journal = work.folder / "journal"
    done = shimmed(*words, watched=root, scratch=work.folder, journal=journal)
    assert done.code == 0, done.output
    new = content(root / target)

    def check(found, said, is_last):
        there = folder_in(found, target)
        if is_last and there != new:
            return ["what was made is not there"]
        if there not in (None, old, new):
            return [f"half of it is there: {sorted(there)}"]
        replaced = folder_in(found, f"{target}.partial/replaced")
        return ["neither old nor new is there"] if old and there is None and replaced != old else []

    cuts.each(disk, journal, title, check)
    return root / target


@figure("R3", "the power is cut after each file operation of saves, of `export` and of `prepare`: data "
        "and names that were not synced are lost, in part or all",
        target="what was said to be saved is there; nothing damaged is taken for whole")
def power_cuts(work):
    cuts = Cuts(work)
    workshop = Workshop(work.folder)
    saves = work.size(short=SHORT_SAVES, full=SAVES)
    for save in saves:
        cut_save(work, cuts, workshop, save)
    for save in work.size(short=saves[1:2], full=saves):
        found = cuts.sample[save.name]
        cuts.failures += faults_of_resume(workshop, save, found, work.folder / "after")
    cut_folder(work, cuts, ["export", OWN_MODEL, work.folder / "cut/new/folder/exported"],
               "new/folder/exported", "export")
    text = text_file(work.folder / "text.txt", seed=1, num_words=2000)
    prepare = ["prepare", text, "--tokenizer", OWN_MODEL, "--shard-tokens", 2000,
               "--output", work.folder / "cut/new/shards"]
    made = cut_folder(work, cuts, prepare, "new/shards", "prepare")
    old = shutil.copytree(made, work.folder / "old-shards")
    other = text_file(work.folder / "text.txt", seed=2, num_words=2000)
    assert other == text
    cut_folder(work, cuts, [*prepare, "--overwrite"], "new/shards", "prepare --overwrite", before=old)
    return Outcome(tried=f"{cuts.num_cuts} states of a disk, {len(saves)} kinds of save, `export` and `prepare`",
                   result=f"{len(cuts.failures)} failed", failures=cuts.failures)
