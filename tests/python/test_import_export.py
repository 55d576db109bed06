"""Checkpoints between transformers and ropewalk: the same logits in both directions."""

import json
import os
import pathlib
import shutil
import struct
import subprocess
import sys

import numpy
import pytest
import torch
import transformers

SOURCE = pathlib.Path(__file__).resolve().parents[2]
SHARED = pathlib.Path(os.environ.get("ROPEWALK_SHARED", SOURCE.parent / "shared"))
BASE = {
    "vocab_size": 131,
    "hidden_size": 48,
    "intermediate_size": 80,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 4,
    "max_position_embeddings": 64,
    "tie_word_embeddings": True,
    "initializer_range": 0.15,
}
LINEAR = {"rope_type": "linear", "factor": 4.0, "rope_theta": 10000.0}
CASES = {
    "tied": {},
    "untied": {"tie_word_embeddings": False},
    "grouped_queries": {"num_key_value_heads": 2, "tie_word_embeddings": False},
    "biases": {"attention_bias": True, "mlp_bias": True},
    "wide_heads": {"head_dim": 16, "num_key_value_heads": 1},
    "theta": {"rope_parameters": {"rope_type": "default", "rope_theta": 500000.0}},
    "linear": {"rope_parameters": LINEAR, "max_position_embeddings": 256},
}


@pytest.fixture(scope="session")
def program():
    if "ROPEWALK_BIN" not in os.environ:
        pytest.skip("needs ROPEWALK_BIN")
    return os.environ["ROPEWALK_BIN"]


@pytest.fixture(scope="session")
def logits_tool(program):
    tool = pathlib.Path(program).parent / "tests" / "ropewalk_logits_tool"
    assert tool.exists(), f"{tool} is not built"
    return str(tool)


def run(*words, expect=0):
    done = subprocess.run([str(w) for w in words], capture_output=True, text=True, timeout=300)
    assert done.returncode == expect, done.stderr + done.stdout
    return done.stderr + done.stdout


def some_ids(config, length):
    torch.manual_seed(length)
    return torch.randint(0, config.vocab_size, (1, length))


def peer_model(folder):
    model, info = transformers.AutoModelForCausalLM.from_pretrained(
        folder, dtype=torch.float32, output_loading_info=True)
    assert not info["missing_keys"] and not info["unexpected_keys"], info
    assert not info["mismatched_keys"], info
    return model.eval()


def peer_logits(folder, ids):
    with torch.no_grad():
        return peer_model(folder)(ids).logits[0]


def our_logits(tool, folder, ids, scratch):
    out = scratch / "logits.bin"
    run(tool, folder, out, *ids[0].tolist())
    return torch.from_numpy(numpy.fromfile(out, numpy.float32)).reshape(ids.shape[1], -1)


def make_model(folder, changes, dtype=torch.float32, **saving):
    torch.manual_seed(11)
    config = transformers.LlamaConfig(**{**BASE, **changes})
    model = transformers.LlamaForCausalLM(config)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.dim() == 1:
                parameter.add_(0.3 * torch.randn_like(parameter))
    model.to(dtype).save_pretrained(folder, **saving)
    return folder


def check_both_ways(program, logits_tool, source, scratch, lengths):
    exported = scratch / "exported"
    run(program, "export", source, exported)
    run(program, "verify", exported)
    config = transformers.AutoConfig.from_pretrained(source)
    for length in lengths:
        ids = some_ids(config, length)
        expected = peer_logits(source, ids)
        ours = our_logits(logits_tool, source, ids, scratch)
        assert (ours - expected).abs().max() < 1e-4
        assert torch.equal(peer_logits(exported, ids), expected)
        again = our_logits(logits_tool, exported, ids, scratch)
        assert torch.equal(again, ours)
    return exported


@pytest.mark.parametrize("case", CASES)
def test_logits_are_equal_before_and_after_export(program, logits_tool, tmp_path, case):
    source = make_model(tmp_path / "model", CASES[case])
    window = CASES[case].get("max_position_embeddings", 64)
    check_both_ways(program, logits_tool, source, tmp_path, [1, 17, window])


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_weights_keep_their_type(program, logits_tool, tmp_path, dtype):
    source = make_model(tmp_path / "model", {}, dtype=getattr(torch, dtype))
    exported = check_both_ways(program, logits_tool, source, tmp_path, [33])
    assert json.loads((exported / "config.json").read_text())["dtype"] == dtype


def test_shards_with_an_index_are_read(program, logits_tool, tmp_path):
    source = make_model(tmp_path / "model", {"tie_word_embeddings": False}, max_shard_size="100KB")
    assert (source / "model.safetensors.index.json").exists()
    check_both_ways(program, logits_tool, source, tmp_path, [40])


def test_old_rope_scaling_spelling_is_read(program, logits_tool, tmp_path):
    source = make_model(tmp_path / "model", CASES["linear"])
    path = source / "config.json"
    config = json.loads(path.read_text())
    del config["rope_parameters"]
    config.update(rope_theta=10000.0, rope_scaling={"type": "linear", "factor": 4.0})
    path.write_text(json.dumps(config))
    check_both_ways(program, logits_tool, source, tmp_path, [200])


def test_export_in_another_type_is_what_transformers_rounds_to(program, tmp_path):
    source = make_model(tmp_path / "model", {})
    run(program, "export", source, tmp_path / "half", "--dtype", "bf16")
    ours = peer_model(tmp_path / "half").state_dict()
    for name, tensor in peer_model(source).state_dict().items():
        assert torch.equal(ours[name], tensor.bfloat16().float()), name


@pytest.mark.parametrize("name", ["example-model", "example-model-256"])
def test_shared_example_models(program, logits_tool, tmp_path, name):
    source = SHARED / name
    if not source.exists():
        pytest.skip(f"needs {name} (ROPEWALK_SHARED)")
    window = json.loads((source / "config.json").read_text())["max_position_embeddings"]
    exported = check_both_ways(program, logits_tool, source, tmp_path, [5, window])
    text = "In the beginning: def main(argv): return 42\n"
    before = transformers.AutoTokenizer.from_pretrained(source)
    after = transformers.AutoTokenizer.from_pretrained(exported)
    assert after(text)["input_ids"] == before(text)["input_ids"]


OLD_READER = """
import sys, numpy, torch, transformers
folder, out, ids = sys.argv[1], sys.argv[2], [int(i) for i in sys.argv[3:]]
assert transformers.__version__.startswith("4."), transformers.__version__
model = transformers.AutoModelForCausalLM.from_pretrained(folder, torch_dtype=torch.float32).eval()
with torch.no_grad():
    model(torch.tensor([ids])).logits[0].numpy().tofile(out)
"""


@pytest.mark.parametrize("case", ["tied", "linear", "theta"])
def test_an_older_transformers_reads_exports_the_same(program, tmp_path, case):
    folder = os.environ.get("ROPEWALK_OLD_ORACLES")
    if not folder:
        pytest.skip("needs ROPEWALK_OLD_ORACLES")
    source = make_model(tmp_path / "model", CASES[case])
    exported = tmp_path / "exported"
    run(program, "export", source, exported)
    ids = some_ids(transformers.AutoConfig.from_pretrained(source), 50)
    out = tmp_path / "old.bin"
    subprocess.run(
        [sys.executable, "-c", OLD_READER, exported, out, *map(str, ids[0].tolist())],
        check=True, timeout=300, env={**os.environ, "PYTHONPATH": folder})
    old = torch.from_numpy(numpy.fromfile(out, numpy.float32)).reshape(50, -1)
    assert (old - peer_logits(source, ids)).abs().max() < 1e-4


# ---- what is refused --------------------------------------------------------------------------


def truncate(folder):
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])
    return "model.safetensors"


def lie_about_header_length(folder):
    path = folder / "model.safetensors"
    path.write_bytes(struct.pack("<Q", 1 << 60) + path.read_bytes()[8:])
    return "header"


def edit_header(folder, edit):
    path = folder / "model.safetensors"
    content = path.read_bytes()
    length = struct.unpack("<Q", content[:8])[0]
    header = edit(content[8 : 8 + length].decode()).encode()
    path.write_bytes(struct.pack("<Q", len(header)) + header + content[8 + length :])


def rename_tensor(folder):
    edit_header(folder, lambda text: text.replace("model.norm.weight", "model.form.weight"))
    return "model.norm.weight"


def change_shape(folder):
    edit_header(folder, lambda text: text.replace("[80,48]", "[48,80]", 1))
    return "[48, 80]"


def drop_pickle_only(folder):
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    return "safetensors"


def learned_positions(folder):
    path = folder / "config.json"
    config = json.loads(path.read_text())
    config["model_type"] = "gpt2"
    path.write_text(json.dumps(config))
    return "gpt2"


@pytest.mark.parametrize("damage", [truncate, lie_about_header_length, rename_tensor, change_shape,
                                    drop_pickle_only, learned_positions])
def test_damaged_models_are_refused_and_nothing_is_written(program, tmp_path, damage):
    source = make_model(tmp_path / "model", {})
    words = damage(source)
    text = run(program, "export", source, tmp_path / "out", expect=2)
    assert words in text
    assert sorted(p.name for p in tmp_path.iterdir()) == ["model"]
    assert words in run(program, "verify", source, expect=1)


def test_missing_shard_is_named(program, tmp_path):
    source = make_model(tmp_path / "model", {}, max_shard_size="100KB")
    shard = sorted(source.glob("model-*.safetensors"))[1]
    shard.unlink()
    assert shard.name in run(program, "export", source, tmp_path / "out", expect=2)
    assert shard.name in run(program, "verify", source, expect=1)


def test_verify_of_what_it_does_not_know_is_bad_usage(program, tmp_path):
    run(program, "verify", tmp_path / "nothing", expect=2)
    run(program, "verify", tmp_path, expect=2)


def test_existing_target_is_never_touched(program, tmp_path):
    source = make_model(tmp_path / "model", {})
    (tmp_path / "out").mkdir()
    assert "exists already" in run(program, "export", source, tmp_path / "out", expect=2)
    assert not list((tmp_path / "out").iterdir())
    shutil.rmtree(tmp_path / "out")
    run(program, "export", source, tmp_path / "out")
