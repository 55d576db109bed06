"""Wrong inputs to `train`: exit 2, a message that says where and what, and nothing written."""

import json
import resource
import shutil
import struct

import pytest
from main_job import (OWN_MODEL, PROGRAM, kill_group, ropewalk, start, text_file, wait_for_step)

pytestmark = pytest.mark.skipif(not PROGRAM, reason="needs ROPEWALK_BIN")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    ropewalk("prepare", text_file(folder / "text.txt", seed=2), "--tokenizer", OWN_MODEL,
             "--output", folder / "shards")
    return folder / "shards"


@pytest.fixture
def model(tmp_path):
    """A copy of the example model that a case may spoil."""
    return shutil.copytree(OWN_MODEL, tmp_path / "model")


def run_text(model, data, run_dir, **model_fields):
    fields = {"pretrained": str(model), "max_position_embeddings": 512, "pos_scaling_factor": 2.0,
              **model_fields}
    return json.dumps({"model": fields, "data": {"train": [str(data)]},
                       "train": {"run_dir": str(run_dir), "steps": 2, "global_batch_size": 2}})


def refused(tmp_path, text, *words, options=(), file=None):
    """`file`: where the mistake is, if not in the run config."""
    config = tmp_path / "run.json"
    config.write_text(text)
    run_dir = tmp_path / "run"
    message = ropewalk("train", config, *options, expect=2)
    heading = f"error: {config}" if file is None else str(file)
    for word in (heading, *words):
        assert word in message, message
    assert not run_dir.exists(), sorted(run_dir.rglob("*"))
    return message


@pytest.mark.parametrize("factor, words", [
    ("0.5", ["pos_scaling_factor", "DIVIDED"]),
    ("-1", ["pos_scaling_factor"]),
    ('"16"', ["pos_scaling_factor", "string"]),
    ("NaN", ["run.json"]),
    ("1e400", ["run.json", "1e400"]),
    ("1.5", ["pos_scaling_factor", "512", "at least 2"]),
])
def test_wrong_factor(tmp_path, data, factor, words):
    text = run_text(OWN_MODEL, data, tmp_path / "run").replace("2.0", factor)
    refused(tmp_path, text, *words)


def test_every_fault_is_told_at_once(tmp_path, data):
    text = json.loads(run_text(OWN_MODEL, data, tmp_path / "run", pos_scaling_factr=2.0))
    text["train"]["steps"] = -3
    text["optimizer"] = {"learning_rate": "fast"}
    refused(tmp_path, json.dumps(text), "pos_scaling_factr", "pos_scaling_factor", "train.steps",
            "optimizer.learning_rate")


def test_duplicate_key(tmp_path, data):
    text = run_text(OWN_MODEL, data, tmp_path / "run")
    text = text.replace('"model": {', '"model": {"pos_scaling_factor": 4.0, ')
    refused(tmp_path, text, "pos_scaling_factor", "duplicate")


def test_two_places_that_disagree(tmp_path, model, data):
    config = json.loads((model / "config.json").read_text())
    config.update(max_position_embeddings=512, pos_scaling_factor=2.0,
                  rope_scaling={"type": "linear", "factor": 4.0})
    (model / "config.json").write_text(json.dumps(config))
    text = json.loads(run_text(model, data, tmp_path / "run"))
    del text["model"]["pos_scaling_factor"], text["model"]["max_position_embeddings"]
    refused(tmp_path, json.dumps(text), "pos_scaling_factor", "factor", file=model / "config.json")


def test_model_or_data_that_does_not_exist(tmp_path, model, data):
    gone = tmp_path / "gone"
    refused(tmp_path, run_text(gone, data, tmp_path / "run"), "model.pretrained", str(gone))
    refused(tmp_path, run_text(model, gone, tmp_path / "run"), "not found", file=gone)


def test_pattern_that_matches_no_parameter(tmp_path, data):
    config = tmp_path / "run.json"
    config.write_text(run_text(OWN_MODEL, data, tmp_path / "run"))
    message = ropewalk("train", config, "--set", 'optimizer.frozen=["lm_hat*"]', expect=2)
    assert f"error: {config}" in message
    assert "optimizer.frozen" in message and "lm_hat*" in message


@pytest.mark.parametrize("model_type, word", [("gpt2", "learned"), ("lama", "llama")])
def test_model_type_without_rope_or_unknown(tmp_path, model, data, model_type, word):
    config = json.loads((model / "config.json").read_text())
    (model / "config.json").write_text(json.dumps({**config, "model_type": model_type}))
    refused(tmp_path, run_text(model, data, tmp_path / "run"), model_type, word,
            file=model / "config.json")


def test_missing_shard(tmp_path, model, data):
    weights = (model / "model.safetensors").read_bytes()
    length = struct.unpack("<Q", weights[:8])[0]
    names = [name for name in json.loads(weights[8:8 + length]) if name != "__metadata__"]
    (model / "model.safetensors").unlink()
    shard = "model-00001-of-00001.safetensors"
    index = {"metadata": {}, "weight_map": {name: shard for name in names}}
    (model / "model.safetensors.index.json").write_text(json.dumps(index))
    refused(tmp_path, run_text(model, data, tmp_path / "run"), shard,
            file=model / "model.safetensors.index.json")


def test_truncated_weights(tmp_path, model, data):
    file = model / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-100])
    refused(tmp_path, run_text(model, data, tmp_path / "run"), "truncated", file=file)


def test_header_length_that_lies(tmp_path, model, data):
    file = model / "model.safetensors"
    file.write_bytes(struct.pack("<Q", 1 << 40) + file.read_bytes()[8:])
    refused(tmp_path, run_text(model, data, tmp_path / "run"), "header", file=file)


def rewrite_header(file, change):
    """Edits the tensors' table of a safetensors file; the data stays as it is."""
    content = file.read_bytes()
    length = struct.unpack("<Q", content[:8])[0]
    header = json.loads(content[8:8 + length])
    change(header)
    text = json.dumps(header).encode()
    file.write_bytes(struct.pack("<Q", len(text)) + text + content[8 + length:])


def test_missing_and_left_over_tensor(tmp_path, model, data):
    def rename(header):
        header["model.norm.wait"] = header.pop("model.norm.weight")

    rewrite_header(model / "model.safetensors", rename)
    refused(tmp_path, run_text(model, data, tmp_path / "run"), "model.norm.weight", "model.norm.wait",
            "model.safetensors", file=f"{model} (weights)")


def test_tensor_of_wrong_shape(tmp_path, model, data):
    name = "model.layers.0.mlp.down_proj.weight"

    def transpose(header):
        header[name]["shape"].reverse()

    rewrite_header(model / "model.safetensors", transpose)
    refused(tmp_path, run_text(model, data, tmp_path / "run"), name, "shape", "model.safetensors",
            file=f"{model} (weights)")


def test_tokenizer_of_other_shards(tmp_path, model, data):
    tokenizer = json.loads((model / "tokenizer.json").read_text())
    (model / "tokenizer.json").write_text(json.dumps(tokenizer))
    refused(tmp_path, run_text(model, data, tmp_path / "run"), "tokenizer",
            file=data / "shard-00000.tokens")


def test_model_file_of_other_shards(tmp_path, model, data):
    """Without tokenizer.json it is tokenizer.model that the shards must have been made with."""
    (model / "tokenizer.json").rename(model / "tokenizer.model")
    with (model / "tokenizer.model").open("a") as file:
        file.write("\n")
    refused(tmp_path, run_text(model, data, tmp_path / "run"), "tokenizer",
            file=data / "shard-00000.tokens")


def test_sequence_longer_than_the_window(tmp_path, data):
    refused(tmp_path, run_text(OWN_MODEL, data, tmp_path / "run"), "data.sequence_length", "513",
            "512", options=["--set", "data.sequence_length=513"])


def test_batch_that_the_ranks_cannot_share(tmp_path, data):
    refused(tmp_path, run_text(OWN_MODEL, data, tmp_path / "run"), "global_batch_size", "3",
            options=["--nproc", "3"])


@pytest.mark.parametrize("settings, words", [
    (["parallel.context_parallel=2"],
     ["parallel.context_parallel: found 2 on 3 ranks", "Nearest: 1 or 3"]),
    (["parallel.context_parallel=3", "data.sequence_length=64"],
     ["data.sequence_length: found 64", "a multiple of 6", "Nearest: 60 or 66"]),
    (["parallel.context_parallel=3", "parallel.context_parallel_method=ulysses",
      "data.sequence_length=60"],
     ["parallel.context_parallel_method: found ulysses", "2 attention heads", "ring"]),
])
def test_sequences_that_the_ranks_cannot_share(tmp_path, data, settings, words):
    options = [word for setting in settings for word in ("--set", setting)]
    refused(tmp_path, run_text(OWN_MODEL, data, tmp_path / "run"), *words,
            options=["--nproc", "3", "--set", "train.global_batch_size=3", *options])


def test_dropout_is_never_ignored(tmp_path, model, data):
    config = json.loads((model / "config.json").read_text())
    (model / "config.json").write_text(json.dumps({**config, "attention_dropout": 0.1}))
    refused(tmp_path, run_text(model, data, tmp_path / "run"), "attention_dropout",
            file=model / "config.json")


def test_run_directory_that_is_used_or_in_use(tmp_path, data):
    config = tmp_path / "run.json"
    config.write_text(run_text(OWN_MODEL, data, tmp_path / "run"))
    small = ["--set", "data.sequence_length=32", "--set", "log.every_steps=1"]
    busy = start("train", config, *small, "--set", "train.steps=100000",
                 "--set", "checkpoint.every_steps=2")
    wait_for_step(tmp_path / "run", 3, busy)
    before = sorted(path.name for path in (tmp_path / "run").iterdir())
    message = ropewalk("train", config, *small, "--resume", expect=2)
    assert "in use by process" in message and str(tmp_path / "run") in message
    kill_group(busy)
    message = ropewalk("train", config, *small, expect=2)
    assert "--resume" in message and "--overwrite" in message and str(tmp_path / "run") in message
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == before
    message = ropewalk("train", config, *small, "--resume", "--set", "optimizer.learning_rate=0.1",
                       expect=2)
    assert "optimizer.learning_rate" in message and "--allow-change" in message
    assert str(tmp_path / "run") in message
    ropewalk("train", config, *small, "--overwrite")


def test_resume_without_a_checkpoint(tmp_path, data):
    """Also what a misspelt train.run_dir looks like."""
    text, checkpoints = run_text(OWN_MODEL, data, tmp_path / "run"), tmp_path / "run/checkpoints"
    refused(tmp_path, text, "--resume=auto", options=["--resume"], file=checkpoints)
    refused(tmp_path, text, "no such checkpoint", options=["--resume=3"], file=checkpoints)


@pytest.mark.parametrize("setting", ["trainable", "frozen"])
@pytest.mark.parametrize("ranks", ["1", "2"])
def test_patterns_that_match_no_parameter(tmp_path, data, setting, ranks):
    message = refused(tmp_path, run_text(OWN_MODEL, data, tmp_path / "run"),
                      f"optimizer.{setting}", "layers.0.mlp.down.weight",
                      options=["--set", f'optimizer.{setting}=["layer.0.mlp.down.weight"]',
                               "--nproc", ranks])
    assert message.count('"layer.0.mlp.down.weight"') == 1, message


def test_weights_that_the_manifest_does_not_confirm(tmp_path, data):
    config = tmp_path / "first.json"
    config.write_text(run_text(OWN_MODEL, data, tmp_path / "first"))
    ropewalk("train", config, "--set", "data.sequence_length=32")
    model = tmp_path / "first" / "checkpoints" / "step-00000002"
    content = bytearray((model / "model.safetensors").read_bytes())
    content[-3] ^= 0x40
    (model / "model.safetensors").write_bytes(content)
    refused(tmp_path, run_text(model, data, tmp_path / "run"), "model.safetensors", "hashes to",
            file=model)


def test_missing_token_shard(tmp_path, data):
    spoilt = shutil.copytree(data, tmp_path / "shards")
    (spoilt / "shard-00000.tokens").unlink()
    refused(tmp_path, run_text(OWN_MODEL, spoilt, tmp_path / "run"), "data.train",
            "shard-00000.tokens", "is missing")
    assert "is missing" in ropewalk("verify", spoilt, expect=1)


def test_stride_beyond_the_window_that_windows_leave_open(tmp_path, data):
    refused(tmp_path, run_text(OWN_MODEL, data, tmp_path / "run"), "eval.stride", "found 64",
            "data.sequence_length (32)",
            options=["--set", "eval.stride=64", "--set", "data.sequence_length=32"])


def test_faults_of_every_input_are_told_at_once(tmp_path, model, data):
    """A factor that does not reach, a batch that ranks cannot share, wrong shards and weights."""
    tokenizer = json.loads((model / "tokenizer.json").read_text())
    (model / "tokenizer.json").write_text(json.dumps(tokenizer))
    file = model / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-100])
    text = run_text(model, data, tmp_path / "run", pos_scaling_factor=1.5)
    message = refused(tmp_path, text, "4 faults", "model.pos_scaling_factor: found 1.5",
                      "train.global_batch_size: found 2", "model.pretrained: ", "truncated",
                      "data.train: ", "another tokenizer", options=["--nproc", "3"])
    assert message.count("fault") < 8, message


def test_sound_inputs_are_judged_beside_a_misspelt_key(tmp_path, model, data):
    """Nothing is said of a model whose settings were not understood."""
    text = run_text(model, tmp_path / "gone", tmp_path / "run", pos_scaling_factr=2.0)
    message = refused(tmp_path, text, "2 faults", "pos_scaling_factr", "gone: not found")
    assert "data.sequence_length" not in message


def test_full_disk_leaves_the_previous_checkpoint(tmp_path, data):
    """The limit on file sizes stands for the full disk: a write in the middle of a file fails."""
    config = tmp_path / "run.json"
    config.write_text(run_text(OWN_MODEL, data, tmp_path / "run"))
    small = ["--set", "data.sequence_length=32", "--set", "checkpoint.every_steps=2"]
    ropewalk("train", config, *small)
    kept = tmp_path / "run" / "checkpoints" / "step-00000002"
    ropewalk("verify", kept)

    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))

    message = ropewalk("train", config, *small, "--resume", "--set", "train.steps=4", expect=1,
                       preexec_fn=limit)
    assert "step-00000004" in message, message
    ropewalk("verify", kept)
    assert [path.name for path in kept.parent.iterdir()] == [kept.name]
