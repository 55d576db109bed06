#!/usr/bin/env python3
"""Checks who includes whom, where torch may appear, and how long files are.

The table of layers is CMakeLists.txt's own ropewalk_layer(...) calls. Exit code 1 and one line per
fault when a rule is broken.

usage: check_includes.py [REPOSITORY]
"""

import re
import sys
from pathlib import Path

MAX_HEADER_LINES = 150
MAX_SOURCE_LINES = 500
MAX_LINES_OF = {
    "src/cli/main.cpp": 60,
    "src/cli/engine/engine_main.cpp": 60,
    "src/train/train_step.cpp": 200,
    "src/train/trainer.cpp": 350,
}
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')
TORCH = re.compile(r"^(torch|ATen|c10|caffe2)/")
LOGGING = re.compile(r"^(spdlog|fmt)/")


class Layer:
    def __init__(self, name, torch, allowed):
        self.name, self.torch, self.allowed = name, torch, allowed


def read_layers(cmake_text):
    """name -> Layer, from the ropewalk_layer calls in their order."""
    layers, faults = {}, []
    cmake_text = re.sub(r"#[^\n]*", "", cmake_text)
    for call in re.findall(r"\bropewalk_layer\(([^)]*)\)", cmake_text):
        words = call.split()
        name, allowed, keyword = words[0], [], None
        for word in words[1:]:
            if word in ("TORCH", "OBJECT", "LAYERS", "LIBRARIES"):
                keyword = word
            elif keyword == "LAYERS":
                allowed.append(word)
        layer = Layer(name, "TORCH" in words, allowed)
        for other in allowed:
            if other not in layers:
                faults.append(f"CMakeLists.txt: layer {name} uses {other}, which is not above it")
            elif layers[other].torch and not layer.torch:
                faults.append(f"CMakeLists.txt: layer {name} is torch-free but uses {other}")
        layers[name] = layer
    return layers, faults


def add_command_line(layers):
    """src/cli is the top: the front sees the torch-free layers, the engine all of them."""
    free = [layer.name for layer in layers.values() if not layer.torch]
    layers["cli"] = Layer("cli", False, free)
    layers["cli/engine"] = Layer("cli/engine", True, [n for n in layers if n != "cli"] + ["cli"])


def layer_of(path, layers):
    parts = path.parts
    if parts[:2] == ("src", "cli") and "engine" in parts:
        return layers["cli/engine"]
    name = parts[2] if parts[0] == "include" else parts[1]
    return layers.get(name)


def check_include(path, layer, quote, target):
    """The fault of one include line, or None."""
    if TORCH.match(target):
        return None if layer.torch else f"includes <{target}>, but {layer.name} is torch-free"
    if LOGGING.match(target):
        if path.as_posix() == "src/base/log.cpp":
            return None
        return f"includes <{target}>; only src/base/log.cpp may, others use ropewalk/base/log.h"
    if quote == "<":
        return None
    public = target.startswith("ropewalk/")
    parts = target.split("/")[1:] if public else target.split("/")
    if len(parts) < 2:
        return f'includes "{target}": write the path from include/ or src/'
    other = parts[0]
    # Settings are plain structs; whoever nests them needs nothing else of their layer.
    settings_header = public and target.endswith("_config.h")
    if path.name.endswith("_config.h") and path.parts[0] == "include":
        if other in ("base", "config") or settings_header:
            return None
        return f'includes "{target}"; a settings header may use base, config and settings headers'
    if other == layer.name.split("/")[0]:
        return None
    if not public:
        return f'includes the private header "{target}" of layer {other}'
    if layer.name in ("settings", "plan") and settings_header:
        return None
    if other not in layer.allowed:
        return f'includes "{target}"; layer {layer.name} may use {", ".join(layer.allowed) or "none"}'
    return None


def check_file(root, path, layers):
    lines = (root / path).read_text(encoding="utf-8").splitlines()
    limit = MAX_HEADER_LINES if path.suffix == ".h" else MAX_SOURCE_LINES
    limit = MAX_LINES_OF.get(path.as_posix(), limit)
    if len(lines) > limit:
        yield f"{path}: {len(lines)} lines, at most {limit}: split it"
    if path.parts[0] == "tests":
        return
    layer = layer_of(path, layers)
    if layer is None:
        yield f"{path}: its folder is no layer of CMakeLists.txt"
        return
    for number, line in enumerate(lines, 1):
        match = INCLUDE.match(line)
        fault = match and check_include(path, layer, match.group(1), match.group(2))
        if fault:
            yield f"{path}:{number}: {fault}"


def main():
    root = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).resolve().parents[1])
    layers, faults = read_layers((root / "CMakeLists.txt").read_text(encoding="utf-8"))
    add_command_line(layers)
    num_files = 0
    for folder in ("include/ropewalk", "src", "tests"):
        for full in sorted((root / folder).rglob("*")):
            if full.suffix in (".h", ".cpp", ".cu"):
                num_files += 1
                faults += check_file(root, full.relative_to(root), layers)
    for fault in faults:
        print(fault)
    print(f"{num_files} files, {len(layers)} layers, {len(faults)} faults")
    return 1 if faults or num_files == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
