"""R6: disks that are full, fail, or may not be written to."""

import dataclasses
import errno
import json
import os
import shutil
import subprocess

from figures import Outcome, figure
from file_shim import shimmed
from main_job import LIMIT_S, OWN_MODEL, PROGRAM, ropewalk, text_file
from runs import checkpoints
from saves import BACKGROUND, Save, Workshop, content, temporary, undisturbed

SAVE = Save("saves", steps=5, before=3, words=["--resume"])
SAVE_BEHIND = dataclasses.replace(SAVE, name="saves in the background",
                                  words=["--resume", *BACKGROUND])
SAVE_GOING_ON = dataclasses.replace(SAVE, name="saves of a run that goes on",
                                    words=["--resume", "--set", 'checkpoint.on_failure="go_on"'])
SAVE_OF_TWO = dataclasses.replace(SAVE_BEHIND, name="saves of two ranks", ranks=2)
NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
# Whoever may not remove a file leaves it behind.
NO_REMOVAL = (errno.EIO, errno.EROFS, errno.EACCES)


@dataclasses.dataclass
class Trouble:
    deed: str  # of the shim
    error: int = 0

    def do(self, number):
        return f"{self.deed} {number}" + (f" {self.error}" if self.error else "")

    def is_harmless(self):
        return self.deed == "short" or self.error == errno.EINTR

    def __str__(self):
        return f"{self.deed} {os.strerror(self.error) if self.error else ''}".strip()


TROUBLES = [Trouble("short"), Trouble("fail", errno.EINTR), Trouble("fail", errno.EIO),
            Trouble("full", errno.ENOSPC), Trouble("full", errno.EROFS), Trouble("fail", errno.ENOSPC),
            Trouble("fail", errno.EDQUOT), Trouble("full", errno.EDQUOT), Trouble("full", errno.EIO),
            Trouble("full", errno.EACCES)]


def faults_of_metrics(run_dir):
    """Every line is whole, and steps grow."""
    lines = (run_dir / "metrics.jsonl").read_text().splitlines()
    try:
        steps = [json.loads(line)["step"] for line in lines]
    except ValueError as error:
        return [f"metrics.jsonl: {error}"]
    return [] if steps == sorted(set(steps)) else [f"metrics.jsonl: steps {steps}"]


def faults_of_end(save, whole, run_dir, done, error):
    """Of a run that met a disk which refuses with `error`."""
    found = checkpoints(run_dir)
    faults = [fault for step, path in found.items() if (fault := whole.fault(step, content(path)))]
    newest = max(found, default=0)
    if newest < save.before:
        faults.append(f"step {newest} is the newest")
    if done.code == 0 and newest != save.steps:
        faults.append(f"it ended well without its last checkpoint, at step {newest}")
    if done.code not in (0, 1):
        faults.append(f"exit {done.code}")
    if done.code == 1 and not (str(run_dir) in done.output and os.strerror(error) in done.output):
        faults.append("the message lacks the path or the reason")
    message = done.output.partition("ropewalk: error: ")[2]
    # A checkpoint that is complete needs no more room.
    if (error in NO_ROOM and "/checkpoints/" in message and " needs " not in message
            and "is complete" not in message):
        faults.append("the message lacks the bytes needed")
    if error not in NO_REMOVAL and temporary(run_dir / "checkpoints"):
        faults.append(f"{temporary(run_dir / 'checkpoints')} left")
    faults += faults_of_metrics(run_dir)
    return faults


def meet_trouble(workshop, save, whole, trouble, number, run_dir, resumes):
    done = workshop.run(save, run_dir, run_dir, do=trouble.do(number))
    faults = faults_of_end(save, whole, run_dir, done, trouble.error)
    if trouble.is_harmless() and done.code != 0:
        faults.append(f"exit {done.code}")
    if resumes:
        try:
            workshop.resume(save, run_dir)
        except AssertionError as error:
            faults.append(f"resume: {error}")
        if temporary(run_dir / "checkpoints"):
            faults.append(f"{temporary(run_dir / 'checkpoints')} left after a resume")
    return [f"{save.name}, {trouble} from operation {number}: {fault}\n{done.output}"
            for fault in faults]


class Trials:
    def __init__(self, work, workshop):
        self.work, self.workshop = work, workshop
        self.count = 0
        self.failures = []

    def meet(self, save, troubles, num_each):
        run_dir = self.work.folder / "run"
        self.workshop.put(save, run_dir)
        done, whole = undisturbed(self.workshop, save, run_dir, run_dir)
        for trouble in troubles:
            # The shim counts all that is written to the run's folder.
            for number in self.work.dice.sample(range(1, done.count + 1), num_each):
                resumes = self.count % 4 == 0
                self.failures += meet_trouble(self.workshop, save, whole, trouble, number, run_dir,
                                              resumes)
                self.count += 1
        return whole

    def go_on(self):
        """One save fails and is told of; the next one succeeds."""
        run_dir = self.work.folder / "run"
        self.workshop.put(SAVE_GOING_ON, run_dir)
        done, whole = undisturbed(self.workshop, SAVE_GOING_ON, run_dir, run_dir / "checkpoints")
        # Of the first of two saves.
        for number in self.work.dice.sample(range(1, done.count // 2 - 10), self.work.size(1, 30)):
            done = self.workshop.run(SAVE_GOING_ON, run_dir, run_dir / "checkpoints",
                                     do=f"fail {number} {errno.ENOSPC}")
            faults = faults_of_end(SAVE_GOING_ON, whole, run_dir, done, errno.ENOSPC)
            was_told = "goes on without this checkpoint" in done.output
            if done.code != 0 or (4 in checkpoints(run_dir)) == was_told:
                faults.append(f"exit {done.code}, {sorted(checkpoints(run_dir))}")
            self.failures += [f"going on after operation {number} failed: {fault}\n{done.output}"
                              for fault in faults]
            self.count += 1

    def lose_numbers(self, whole, name, number):
        """A log that cannot be written any more is told of once, and ends nothing."""
        run_dir = self.work.folder / "run"
        done = self.workshop.run(SAVE, run_dir, run_dir / name, do=f"full {number} {errno.ENOSPC}")
        faults = faults_of_end(SAVE, whole, run_dir, done, errno.ENOSPC)
        if done.code != 0 or done.output.count("goes on without these numbers") != 1:
            faults.append(f"exit {done.code}")
        self.failures += [f"{name} cannot be written: {fault}\n{done.output}" for fault in faults]
        self.count += 1

    def fill_disk(self, whole):
        """A file system that has room for what is there and a part of what comes."""
        begun = self.workshop.begun(SAVE)
        size = sum(len(data) for data in content(begun).values())
        script = ('mount -t tmpfs -o size="$1" tmpfs "$2" && cp -r "$3" "$2/run" && shift 3 && "$@"; '
                  'code=$?; cp -r "$MOUNT/run" "$KEPT"; exit $code')
        mounted, kept = self.work.folder / "mounted", self.work.folder / "kept"
        mounted.mkdir()
        options = SAVE.options(mounted / "run")
        for room in [self.work.dice.randrange(2_500_000) for _ in range(self.work.size(1, 60))]:
            shutil.rmtree(kept, ignore_errors=True)
            done = subprocess.run(
                ["unshare", "--mount", "sh", "-c", script, "sh", str(size + 65536 + room), mounted,
                 begun, PROGRAM, "train", self.workshop.config, *map(str, options),
                 *self.workshop.seeded(SAVE)],
                env=dict(os.environ, MOUNT=str(mounted), KEPT=str(kept)), text=True,
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=LIMIT_S)
            assert kept.exists(), done.stdout
            end = Ended(done.returncode, done.stdout.replace(str(mounted / "run"), str(kept)))
            self.failures += [f"a disk with {room} bytes left: {fault}\n{done.stdout}"
                              for fault in faults_of_end(SAVE, whole, kept, end, errno.ENOSPC)]
            self.count += 1

    def fill_folder(self, words, target, number_of, goes_on):
        """`export` and `prepare`: the target is there whole or not at all, nothing else is left."""
        root = self.work.folder / "made"

        def make(do=None):
            return shimmed(*words, watched=root, scratch=self.work.folder, do=do)

        shutil.rmtree(root, ignore_errors=True)
        root.mkdir()
        done = make()
        assert done.code == 0, done.output
        whole = content(root / target)
        for number in number_of(done.count):
            shutil.rmtree(root)
            root.mkdir()
            done = make(f"full {number} {errno.ENOSPC}")
            faults = []
            if (root / target).exists() and content(root / target) != whole:
                faults.append("half of it is there")
            if done.code == 0 and not (root / target).exists():
                faults.append("it ended well and made nothing")
            if done.code not in (0, 1):
                faults.append(f"exit {done.code}")
            if done.code == 1 and not (str(root) in done.output and "No space left" in done.output):
                faults.append("the message lacks path or reason")
            if done.code == 1 and not goes_on and list(root.rglob("*.tmp-*")):
                faults.append("temporary files are left")
            if done.code == 1 and goes_on:
                again = make()
                if again.code != 0 or content(root / target) != whole:
                    faults.append(f"with room again: exit {again.code}: {again.output}")
            self.failures += [f"{words[0]}, full from operation {number}: {fault}\n{done.output}"
                              for fault in faults]
            self.count += 1


@dataclasses.dataclass
class Ended:
    code: int
    output: str


def may_mount():
    return subprocess.run(["unshare", "--mount", "true"], capture_output=True).returncode == 0


@figure("R6", "disks that are full from one file operation on, fail once, write less than they were "
        "given, are interrupted or may not be written to, under `train`, `export` and `prepare`",
        target="it ends with exit 1, path, reason and bytes needed, or goes on if told to; earlier "
        "checkpoints are whole; nothing half is left")
def full_disks(work):
    trials = Trials(work, Workshop(work.folder))
    short = not work.full
    whole = trials.meet(SAVE, TROUBLES[:4] if short else TROUBLES, work.size(1, 40))
    trials.meet(SAVE_BEHIND, TROUBLES[3:5] if short else TROUBLES, work.size(1, 20))
    if work.full:
        trials.meet(SAVE_OF_TWO, TROUBLES, 5)
    trials.go_on()
    # Without what a start writes: one that finds no room ends at once.
    trials.lose_numbers(whole, "metrics.jsonl", 3)
    if work.full:
        trials.lose_numbers(whole, "tensorboard", 4)
    if may_mount():
        trials.fill_disk(whole)

    def chosen(num_short):
        return lambda count: (range(1, count + 1) if work.full
                              else sorted(work.dice.sample(range(1, count + 1), num_short)))

    exported = ["export", OWN_MODEL, work.folder / "made/exported"]
    trials.fill_folder(exported, "exported", chosen(1), goes_on=False)
    text = text_file(work.folder / "text.txt", seed=1, num_words=2000)
    prepare = ["prepare", text, "--tokenizer", OWN_MODEL, "--shard-tokens", 2000,
               "--output", work.folder / "made/shards"]
    trials.fill_folder(prepare, "shards", chosen(8), goes_on=True)
    return Outcome(tried=f"{trials.count} troubles", result=f"{len(trials.failures)} failed",
                   failures=trials.failures)
