"""The program's front: what it does without LibTorch and without the engine."""

import os
import pathlib
import shutil
import subprocess

import pytest
from main_job import OWN_MODEL, PROGRAM, ropewalk
from small_runs import make_shards, small_run

pytestmark = pytest.mark.skipif(not PROGRAM, reason="needs ROPEWALK_BIN")
TORCH = ("torch", "c10", "cudart", "gloo")


def needed_libraries(program):
    listing = subprocess.run(["readelf", "-d", program], capture_output=True, text=True, check=True)
    return [line for line in listing.stdout.splitlines() if "NEEDED" in line]


def test_front_loads_no_torch():
    libraries = needed_libraries(PROGRAM)
    assert libraries and not [line for line in libraries if any(name in line for name in TORCH)]
    loaded = subprocess.run(["ldd", PROGRAM], capture_output=True, text=True, check=True).stdout
    names = [line.split()[0] for line in loaded.splitlines()]  # an address can spell "c10"
    assert names and not [line for line in names if any(name in line for name in TORCH)]
    engine = pathlib.Path(PROGRAM).parent / "libexec" / "ropewalk-engine"
    assert any("torch" in line for line in needed_libraries(engine))


def test_torch_free_commands_need_neither_engine_nor_libraries(tmp_path):
    alone = shutil.copy(PROGRAM, tmp_path / "ropewalk")
    environment = {key: value for key, value in os.environ.items() if key != "LD_LIBRARY_PATH"}

    def run(*words):
        done = subprocess.run([alone, *map(str, words)], capture_output=True, text=True,
                              env=environment)
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert "train" in run("--help")
    assert "--resume" in run("train", "--help")
    assert "--factors" in run("eval", "perplexity", "--help")
    assert "example-model" in run("inspect", OWN_MODEL)
    run("verify", OWN_MODEL)
    run("config", "schema")
    run("extend", OWN_MODEL, "--to", 512)
    planned = small_run(tmp_path / "run.json", tmp_path / "no-data", tmp_path / "run")
    assert "peak" in run("plan", planned, "--gpus", 8, "--set", "train.global_batch_size=8")


def test_verify_of_shards_and_a_model_in_one_folder_checks_both(tmp_path):
    shards = make_shards(tmp_path / "data", seed=3)
    both = shutil.copytree(OWN_MODEL, tmp_path / "both")
    for file in shards.iterdir():
        shutil.copy(file, both)
    report = ropewalk("verify", both)
    assert "shard-00000.tokens: ok" in report and "parameters" in report
    weights = both / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1])
    assert "model.safetensors" in ropewalk("verify", both, expect=1)
    shutil.copy(OWN_MODEL / "model.safetensors", both)
    with open(both / "shard-00000.tokens", "r+b") as shard:
        shard.seek(200)
        shard.write(b"\x7f\x7f")
    assert "shard-00000.tokens" in ropewalk("verify", both, expect=1)
