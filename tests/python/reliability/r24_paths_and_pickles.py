"""Names that lead elsewhere, and files that could run code."""

import json
import pathlib
import pickle
import re
import shutil
import subprocess
import zipfile

from commands import files_below, run_command
from figures import Outcome, figure
from main_job import OWN_MODEL, PROGRAM, SHARED
from runs import checkpoints, fresh, launch, prepared_run

MODEL = SHARED / "example-model"
SHARD_NAMES = ["../outside.safetensors", "a/../../outside.safetensors", "./..//outside.safetensors",
               "a\n.safetensors", "a\0.safetensors", "", ".", "..", "link.safetensors", "linked/outside.safetensors"]
LISTED_NAMES = ["../outside", "/etc/hostname", "a/../../outside", "a\nb", "a\0b", "", ".", "..", "./config.json",
                "manifest.json", "folder/"]
FOLDER_NAMES = ["a\nb", "a\0b", "a\x1b[2Jb", ""]


class Ran:
    """Makes a file where it is unpickled."""

    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return pathlib.Path.touch, (self.marker,)


def shard_names(work):
    """model.safetensors.index.json of a model whose folder has links, beside weights outside it."""
    failures = []
    exported = len(SHARD_NAMES) + 1 if work.full else 2
    for number, name in enumerate([*SHARD_NAMES, str(work.folder / "box" / "outside.safetensors")]):
        box = fresh(work.folder / "box")
        folder = box / "model"
        folder.mkdir(parents=True)
        shutil.copy(MODEL / "config.json", folder)
        shutil.copy(MODEL / "model.safetensors", box / "outside.safetensors")
        (folder / "link.safetensors").symlink_to(box / "outside.safetensors")
        (folder / "linked").symlink_to(box)
        index = {"weight_map": {"model.norm.weight": name}}
        (folder / "model.safetensors.index.json").write_text(json.dumps(index))
        before = files_below(box)
        commands = [(("verify", folder), 1), (("export", folder, box / "copy"), 2)]
        for words, code in commands[:2 if number < exported else 1]:
            done = run_command(*words)
            if done.code != code or "shard '" not in done.text or files_below(box) != before:
                failures.append(f"index names {name!r}: {words[0]} ended with {done.code}\n{done.text[:600]}")
    return failures, len(SHARD_NAMES) + 1


def with_own_hash(folder, text):
    """Lets the program say what the manifest should hash to: its hash is no signature."""
    path = folder / "manifest.json"
    path.write_text(text)
    found = re.search(r"its bytes hash to ([0-9a-f]{32})", run_command("verify", folder).text)
    path.write_text(re.sub(r'("manifest_hash": ")[0-9a-f]{32}', rf"\g<1>{found.group(1)}", text))


def listed_names(work, checkpoint):
    """manifest.json that lists other files, or whose file is a link."""
    failures = []
    for name in [*LISTED_NAMES, "link"]:
        box = fresh(work.folder / "box")
        folder = shutil.copytree(checkpoint, box / "checkpoint")
        text = (folder / "manifest.json").read_text()
        (box / "outside").write_text("outside")
        if name == "link":
            shutil.move(folder / "config.json", box / "config.json")
            (folder / "config.json").symlink_to(box / "config.json")
        else:
            with_own_hash(folder, text.replace('"path": "config.json"', f'"path": {json.dumps(name)}'))
        before = files_below(box)
        done = run_command("verify", folder)
        complaint = "leads out of the folder" if name == "link" else "unsafe"
        if done.code != 1 or complaint not in done.text or files_below(box) != before:
            failures.append(f"manifest lists {name!r}: verify ended with {done.code}\n{done.text[:600]}")
    return failures, len(LISTED_NAMES) + 1


def folder_names(work, config):
    failures = []
    settings = json.loads(config.read_text())
    for name in FOLDER_NAMES:
        settings["train"]["run_dir"] = f"{work.folder}/out{name}" if name else ""
        hostile = work.folder / "hostile.json"
        hostile.write_text(json.dumps(settings))
        before = files_below(work.folder)
        done = run_command("train", hostile)
        if done.code != 2 or "train.run_dir" not in done.text or files_below(work.folder) != before:
            failures.append(f"run_dir {name!r}: train ended with {done.code}\n{done.text[:600]}")
    return failures, len(FOLDER_NAMES)


@figure("R24", "Names in index.json, manifest.json and for output folders that lead elsewhere or hold control characters",
        "refused by name; nothing written")
def hostile_paths(work):
    config = prepared_run(work.folder, train={"steps": 3})
    run = launch(config)
    assert run.wait() == 0, run.text()
    tried = [shard_names(work), listed_names(work, checkpoints(work.folder / "run")[3]),
             folder_names(work, config)]
    counts = [count for _, count in tried]
    return Outcome(tried=f"{counts[0]} shard names, {counts[1]} of a manifest, {counts[2]} output folders",
                   result="all refused, nothing written", failures=[text for faults, _ in tried for text in faults])


def write_pickles(folder, marker):
    """As torch.save wrote before 1.6, and as it does now."""
    content = pickle.dumps(Ran(marker))
    (folder / "old.pt").write_bytes(content)
    with zipfile.ZipFile(folder / "pytorch_model.bin", "w") as archive:
        archive.writestr("archive/data.pkl", content)
        archive.writestr("archive/version", "3\n")
    shutil.copy(folder / "pytorch_model.bin", folder / "model.pth")
    return ["old.pt", "pytorch_model.bin", "model.pth"]


def unpickler_symbols():
    """What the program and its engine import of LibTorch that reads pickles."""
    found = []
    for binary in [pathlib.Path(PROGRAM), *(pathlib.Path(PROGRAM).parent / "libexec").glob("*")]:
        listed = subprocess.run(["nm", "-DC", "--undefined-only", binary], capture_output=True, text=True)
        found += [f"{binary.name}: {line.strip()}" for line in listed.stdout.splitlines()
                  if re.search(r"unpickle|pickle_load|torch::load|torch::jit::(_)?load|import_ir_module", line, re.I)]
    return found


@figure("R25", "Pickled weights given in place of a model: .bin, .pt, .pth",
        "refused with exit 2 and how to convert; no unpickler in the program")
def pickled_weights(work):
    failures, tried = [], 0
    config = prepared_run(work.folder)
    folder, marker = work.folder / "pickled", work.folder / "ran"
    folder.mkdir()
    shutil.copy(OWN_MODEL / "config.json", folder)
    names = write_pickles(folder, marker)
    for name in [None, *names]:
        place = folder / name if name else folder
        settings = json.loads(config.read_text())
        settings["model"]["pretrained"] = str(place)
        pickled = work.folder / "pickled.json"
        pickled.write_text(json.dumps(settings))
        for words in (("train", pickled), ("export", place, work.folder / "copy"), ("inspect", place)):
            done = run_command(*words)
            tried += 1
            if words[0] == "inspect" and name is None:
                continue  # shows config.json alone
            if done.code != 2 or not re.search(r"pickle", done.text) or "save_pretrained" not in done.text:
                failures.append(f"{words[0]} of {name or 'the folder'}: exit {done.code}\n{done.text[:600]}")
    if marker.exists():
        failures.append("a pickle was run")
    failures += unpickler_symbols()
    return Outcome(tried=f"{tried} commands", result="all refused with the way to convert", failures=failures)
