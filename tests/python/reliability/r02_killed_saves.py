"""R2: a process is killed just before each file operation of a save."""

from figures import Outcome, figure
from main_job import ropewalk
from runs import checkpoints
from saves import (SAVES, SHORT_SAVES, Workshop, content, set_aside, temporary,
                   undisturbed)


def faults_after_kill(whole, run_dir):
    found = checkpoints(run_dir)
    faults = [whole.fault(step, content(path)) for step, path in found.items()]
    if found:
        # Torch-free and strict: what is named like a checkpoint must be one.
        try:
            ropewalk("verify", run_dir)
        except AssertionError as error:
            faults.append(f"verify: {error}")
    # Those that --overwrite is about to replace are whole under another name.
    aside = [path for path in set_aside(run_dir) if content(path) in list(whole.old.values())]
    if whole.old and not found and not aside:
        faults.append("no whole checkpoint is left")
    return [fault for fault in faults if fault]


def fault_of_newest(save, whole, run_dir):
    """It must be one that was there before, or a new one."""
    found = checkpoints(run_dir)
    newest = max(found, default=None)
    if newest is None:
        return "" if save.before == 0 or "--overwrite" in save.words else "none is left"
    return "" if newest in whole.old or newest in whole.new else f"step {newest} is the newest"


def fault_of_resume(workshop, save, run_dir):
    newest = max(checkpoints(run_dir), default=0)
    try:
        workshop.resume(save, run_dir)
    except AssertionError as error:
        return f"resume: {error}"
    if temporary(run_dir / "checkpoints") or set_aside(run_dir):
        return f"left after a resume: {temporary(run_dir / 'checkpoints') + set_aside(run_dir)}"
    return "" if max(checkpoints(run_dir)) == newest + 1 else "the resume saved nothing"


def points(work, count):
    return range(1, count + 1) if work.full else [work.dice.randint(1, count)]


def kill_at(workshop, save, whole, number, run_dir, resumes):
    done = workshop.run(save, run_dir, run_dir / "checkpoints", do=f"die {number}")
    faults = faults_after_kill(whole, run_dir)
    faults.append(fault_of_newest(save, whole, run_dir))
    if done.code == 0 or (save.ranks == 1 and done.code != 137):
        faults.append(f"exit {done.code}: {done.output}")
    if resumes:
        faults.append(fault_of_resume(workshop, save, run_dir))
    return [f"{save.name}, killed before operation {number}: {fault}" for fault in faults if fault]


@figure("R2", "a process is killed before each file operation of a save: the first, one that deletes, "
        "one that replaces; one or two ranks; in the background or not",
        target="a whole checkpoint, the previous or the new one, after every kill; nothing half that "
        "is named like one; resume goes on")
def killed_saves(work):
    workshop = Workshop(work.folder)
    num_kills, num_resumes, failures = 0, 0, []
    saves = work.size(short=SHORT_SAVES, full=SAVES)
    for save in saves:
        run_dir = work.folder / "run"
        workshop.put(save, run_dir)
        done, whole = undisturbed(workshop, save, run_dir, run_dir / "checkpoints")
        for number in points(work, done.count):
            resumes = num_kills % work.size(short=2, full=8) == 0
            failures += kill_at(workshop, save, whole, number, run_dir, resumes)
            num_kills += 1
            num_resumes += resumes
    return Outcome(tried=f"{num_kills} kills in {len(saves)} kinds of save, {num_resumes} resumed",
                   result=f"{len(failures)} failed", failures=failures)
