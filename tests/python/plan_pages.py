"""The pages about `plan`, through the script that writes their outputs."""

import importlib.util
import pathlib

SOURCE = pathlib.Path(__file__).resolve().parents[2]


def script(name):
    spec = importlib.util.spec_from_file_location(name, SOURCE / "scripts" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


GUIDE = script("plan_guide")
readers_files = GUIDE.readers_files
