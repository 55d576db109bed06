"""Positions against transformers: frequencies, every form of the rope fields, what we write, and the
commands that say it (extend, inspect)."""

import copy
import json
import logging
import math
import os
import pathlib
import random
import subprocess
import sys

import pytest
import torch
import transformers
from long_forms import sized
from transformers import LlamaConfig
from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS
from transformers.models.llama.modeling_llama import LlamaRotaryEmbedding

BIN = os.environ.get("ROPEWALK_BIN")
pytestmark = pytest.mark.skipif(not BIN, reason="ROPEWALK_BIN is not set")

SMALL = {
    "architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": 97,
    "hidden_size": 64, "intermediate_size": 80, "num_hidden_layers": 2, "num_attention_heads": 2,
    "num_key_value_heads": 1, "max_position_embeddings": 64, "rms_norm_eps": 1e-5,
    "hidden_act": "silu", "bos_token_id": 1, "eos_token_id": 2, "dtype": "float32",
}

KINDS = {
    "default": {"rope_type": "default", "rope_theta": 10000.0},
    "linear": {"rope_type": "linear", "rope_theta": 20000.0, "factor": 8.0},
    "linear_fraction": {"rope_type": "linear", "rope_theta": 10000.0, "factor": 1.5625},
    "yarn": {"rope_type": "yarn", "rope_theta": 10000.0, "factor": 8.0,
             "original_max_position_embeddings": 64},
    "yarn_options": {"rope_type": "yarn", "rope_theta": 500000.0, "factor": 8.0,
                     "original_max_position_embeddings": 64, "beta_fast": 16.0, "beta_slow": 2.0,
                     "mscale": 0.7, "mscale_all_dim": 1.0, "truncate": False},
    "llama3": {"rope_type": "llama3", "rope_theta": 500000.0, "factor": 8.0,
               "low_freq_factor": 1.0, "high_freq_factor": 4.0,
               "original_max_position_embeddings": 64},
}


def run(*words, code=0):
    done = subprocess.run([BIN, *map(str, words)], capture_output=True, text=True, timeout=120)
    assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
    return done.stdout if code == 0 else done.stderr


def inspect(path):
    return json.loads(run("inspect", path, "--json"))


def write_model(folder, **fields):
    folder.mkdir(parents=True, exist_ok=True)
    config = {**copy.deepcopy(SMALL), **fields}
    (folder / "config.json").write_text(json.dumps(config))
    return folder


def reference_table(config):
    kind = config.rope_parameters["rope_type"]
    if kind == "default":
        return LlamaRotaryEmbedding.compute_default_rope_parameters(config)
    return ROPE_INIT_FUNCTIONS[kind](config, None)


def assert_same_table(ours, config):
    frequencies, attention_factor = reference_table(config)
    ours_frequencies = torch.tensor(ours["inverse_frequencies"], dtype=torch.float64)
    # transformers computes in fp32.
    torch.testing.assert_close(ours_frequencies, frequencies.double(), rtol=3e-6, atol=0)
    assert ours["attention_factor"] == pytest.approx(attention_factor, rel=1e-12)


def extended_config(model, tmp_path, *words, name="run.json"):
    """config.json as a run made by `extend` would write it."""
    run_config = tmp_path / name
    run("extend", model, *words, "-o", run_config)
    run("config", "validate", run_config)
    return inspect(run_config)["model_config"]


# ---- reading ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("form", ["rope_parameters", "rope_scaling", "type", "with_null"])
def test_every_form_reads_as_transformers_reads_it(name, form, tmp_path):
    parameters = copy.deepcopy(KINDS[name])
    fields = {"max_position_embeddings": 512}
    if form == "rope_parameters":
        fields["rope_parameters"] = parameters
    elif form == "with_null":
        fields |= {"rope_scaling": None, "rope_parameters": parameters}
    else:
        fields["rope_theta"] = parameters.pop("rope_theta")
        if form == "type":
            parameters["type"] = parameters.pop("rope_type")
        fields["rope_scaling"] = parameters
    folder = write_model(tmp_path / "model", **fields)
    assert_same_table(inspect(folder)["rope"], LlamaConfig.from_pretrained(folder))


def test_precedence_is_that_of_transformers(tmp_path):
    folder = write_model(
        tmp_path / "model", max_position_embeddings=512, rope_theta=30000.0,
        rope_scaling={"type": "linear", "factor": 4.0},
        rope_parameters={"rope_type": "linear", "factor": 2.0, "rope_theta": 10000.0})
    found = inspect(folder)
    assert_same_table(found["rope"], LlamaConfig.from_pretrained(folder))
    assert "rope_scaling is taken" in " ".join(found["remarks"])


def test_what_transformers_saves_reads_the_same(tmp_path):
    for name, parameters in KINDS.items():
        config = LlamaConfig(**{k: v for k, v in SMALL.items() if k not in ("model_type", "dtype")},
                             rope_parameters=copy.deepcopy(parameters))
        config.save_pretrained(tmp_path / name)
        assert_same_table(inspect(tmp_path / name)["rope"], config)


def random_rope(dice):
    """Rope fields of a model with `length` positions before scaling, over everything that is read."""
    kind = dice.choice(["default", "linear", "yarn", "llama3"])
    rope = {"rope_type": kind, "rope_theta": 10 ** dice.uniform(2, 7)}
    length = dice.choice([16, 100, 256, 2048, 8192])
    if kind != "default":
        rope["factor"] = dice.choice([1.5, 2.0, 4.0, 8.0, 16.0, 32.0, 1 + 40 * dice.random()])
    if kind in ("yarn", "llama3"):
        rope["original_max_position_embeddings"] = length
    if kind == "llama3":
        rope["low_freq_factor"] = dice.uniform(0.5, 2)
        rope["high_freq_factor"] = rope["low_freq_factor"] + dice.uniform(0.5, 8)
    if kind == "yarn" and dice.random() < 0.5:
        rope |= {"beta_fast": dice.uniform(8, 64), "beta_slow": dice.uniform(0.25, 4)}
    if kind == "yarn" and dice.random() < 0.5:
        rope["truncate"] = dice.random() < 0.5
    if kind == "yarn":
        rope |= dice.choice([{}, {"attention_factor": dice.uniform(0.5, 2)},
                             {"mscale": dice.uniform(0.5, 1.5), "mscale_all_dim": dice.uniform(0.5, 1.5)}])
    return rope, math.ceil(length * rope.get("factor", 1.0))


@pytest.mark.long
def test_random_parameters_read_as_transformers_reads_them(tmp_path):
    dice = random.Random(17)
    for number in range(sized(40, 2_000)):
        rope, window = random_rope(dice)
        heads = dice.choice([1, 2, 4])
        head_dim = dice.choice([2, 8, 10, 64, 80, 128, 256])
        folder = write_model(tmp_path / str(number), rope_parameters=rope, head_dim=head_dim,
                             max_position_embeddings=window, num_attention_heads=heads,
                             num_key_value_heads=1)
        assert_same_table(inspect(folder)["rope"], LlamaConfig.from_pretrained(folder))


# ---- writing ------------------------------------------------------------------------------------


@pytest.fixture
def warnings_of_transformers():
    records = []

    class Keep(logging.Handler):
        def emit(self, record):
            records.append(record.getMessage())

    handler = Keep(level=logging.WARNING)
    transformers.logging.add_handler(handler)
    yield records
    transformers.logging.remove_handler(handler)


@pytest.mark.parametrize("method,words", [("linear", []), ("yarn", ["--method", "yarn"]),
                                          ("dynamic", ["--method", "dynamic"]),
                                          ("default", ["--method", "default"])])
def test_extended_config_opens_in_transformers(method, words, tmp_path, warnings_of_transformers):
    model = write_model(tmp_path / "model")
    written = extended_config(model, tmp_path, "--to", 512, *words)
    folder = tmp_path / "extended"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(written))
    config = LlamaConfig.from_pretrained(folder)
    assert warnings_of_transformers == []
    # With kind dynamic it is the length of the pre-training.
    assert config.max_position_embeddings == (64 if method == "dynamic" else 512)
    assert config.rope_parameters["rope_type"] == method
    assert_same_table(inspect(folder)["rope"], config)
    # Our own keys survive transformers, and its file reads back as the same model.
    config.save_pretrained(tmp_path / "saved")
    again = inspect(tmp_path / "saved")
    assert again["rope"] == inspect(folder)["rope"]
    assert again["identity"] == inspect(folder)["identity"]


@pytest.mark.parametrize("words", [[], ["--method", "default"]])
def test_older_transformers_reads_the_same_positions(words, tmp_path):
    old = os.environ.get("ROPEWALK_OLD_ORACLES")
    if not old or not pathlib.Path(old).exists():
        pytest.skip("needs ROPEWALK_OLD_ORACLES (scripts/setup.sh --oracles)")
    model = write_model(tmp_path / "model")
    written = extended_config(model, tmp_path, "--to", 512, *words)
    folder = tmp_path / "extended"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(written))
    program = (
        "import json, sys, transformers\n"
        "from transformers import LlamaConfig\n"
        "from transformers.models.llama.modeling_llama import LlamaRotaryEmbedding\n"
        "config = LlamaConfig.from_pretrained(sys.argv[1])\n"
        "rope = LlamaRotaryEmbedding(config=config)\n"
        "print(json.dumps([transformers.__version__, config.max_position_embeddings,\n"
        "                  rope.inv_freq.double().tolist(), rope.attention_scaling]))\n")
    done = subprocess.run([sys.executable, "-c", program, str(folder)], capture_output=True,
                          text=True, timeout=300, env={**os.environ, "PYTHONPATH": old})
    assert done.returncode == 0, done.stderr
    version, window, frequencies, scaling = json.loads(done.stdout.splitlines()[-1])
    assert version.startswith("4.4") and window == 512
    ours = inspect(folder)["rope"]
    assert ours["inverse_frequencies"] == pytest.approx(frequencies, rel=3e-6)
    assert ours["attention_factor"] == scaling


# ---- extend -------------------------------------------------------------------------------------


def test_extend_says_before_after_and_meaning(tmp_path):
    model = write_model(tmp_path / "model", max_position_embeddings=2048)
    text = run("extend", model, "--to", 32768, "-o", tmp_path / "run.json")
    lines = [line.split() for line in text.splitlines()]
    assert ["max_position_embeddings", "2048", "32768"] in lines
    assert any(line[:3] == ["pos_scaling_factor", "1", "16"] for line in lines)
    assert "position 32767 is computed as 2047.9375" in text
    config = json.loads("\n".join(
        line for line in (tmp_path / "run.json").read_text().splitlines()
        if not line.strip().startswith("//")))
    assert config["model"]["pos_scaling_factor"] == 16.0
    assert config["model"]["max_position_embeddings"] == 32768
    assert "train" not in config["data"]


def test_extend_without_output_prints_a_config(tmp_path):
    model = write_model(tmp_path / "model")
    (tmp_path / "run.json").write_text(run("extend", model, "--to", 512))
    run("config", "validate", tmp_path / "run.json")


def test_extend_composes_with_what_is_there(tmp_path):
    model = write_model(tmp_path / "base")
    first = extended_config(model, tmp_path, "--to", 128, name="first.json")
    extended = write_model(tmp_path / "extended", **first)
    text = run("extend", extended, "--to", 512, "-o", tmp_path / "second.json")
    assert "2 (in the checkpoint) x 4 (this extension) = 8 in total" in text
    second = inspect(tmp_path / "second.json")["model_config"]
    direct = extended_config(model, tmp_path, "--to", 512, name="direct.json")
    assert second["ropewalk"] == direct["ropewalk"]
    assert second["rope_scaling"] == {"type": "linear", "factor": 8.0}


def test_extend_composes_with_a_foreign_linear_model(tmp_path):
    model = write_model(tmp_path / "model", max_position_embeddings=128,
                        rope_scaling={"type": "linear", "factor": 2.0}, rope_theta=10000.0)
    written = extended_config(model, tmp_path, "--to", 256)
    assert written["pos_scaling_factor"] == 4.0
    assert written["ropewalk"]["original_max_position_embeddings"] == 64


def test_extend_to_any_length_covers_it(tmp_path):
    model = write_model(tmp_path / "model")
    for length in (65, 100, 127, 300):
        written = extended_config(model, tmp_path, "--to", length, name=f"{length}.json")
        assert written["max_position_embeddings"] == length
        assert written["pos_scaling_factor"] * 64 >= length
        assert written["pos_scaling_factor"] == pytest.approx(length / 64, rel=1e-12)


def test_extend_names_data_and_original_length(tmp_path):
    model = write_model(tmp_path / "model", max_position_embeddings=512)
    run("extend", model, "--to", 1024, "--original-max-position-embeddings", 128, "--data", "a",
        "--data", "b", "--validation", "c", "-o", tmp_path / "run.json")
    found = inspect(tmp_path / "run.json")
    assert found["pos_scaling_factor"] == 8.0
    assert found["config"]["data"]["train"] == ["a", "b"]
    assert found["config"]["eval"]["windows"] == [128, 256, 512, 1024]


@pytest.mark.parametrize("words,message", [
    (["--to", "32"], "expected more than that"),
    (["--to", "64"], "expected more than that"),
    (["--to", "-5"], "--to"),
    (["--to", "many"], "--to"),
    (["--to", "512", "--method", "liner"], "did you mean"),
    (["--to", "512", "--method", "longrope"], "short_factor and long_factor are lists"),
])
def test_extend_refuses_bad_words_and_writes_nothing(words, message, tmp_path):
    model = write_model(tmp_path / "model")
    assert message in run("extend", model, *words, "-o", tmp_path / "run.json", code=2)
    assert not (tmp_path / "run.json").exists()


def test_extend_keeps_an_existing_file(tmp_path):
    model = write_model(tmp_path / "model")
    (tmp_path / "run.json").write_text("mine")
    assert "already exists" in run("extend", model, "--to", 512, "-o", tmp_path / "run.json", code=2)
    assert (tmp_path / "run.json").read_text() == "mine"
    run("extend", model, "--to", 512, "-o", tmp_path / "run.json", "--overwrite")


def test_extend_refuses_linear_on_native_scaling(tmp_path):
    model = write_model(tmp_path / "model", max_position_embeddings=512,
                        rope_parameters=KINDS["llama3"])
    message = run("extend", model, "--to", 1024, "-o", tmp_path / "run.json", code=2)
    assert "llama3" in message and "sensible ways" in message
    written = extended_config(model, tmp_path, "--to", 1024, "--method", "llama3")
    assert written["rope_parameters"]["factor"] == 16.0


def test_extend_replaces_native_scaling_when_told_so(tmp_path):
    model = write_model(tmp_path / "model", max_position_embeddings=512,
                        rope_parameters=KINDS["llama3"])
    written = extended_config(model, tmp_path, "--to", 1024, "--allow-linear-over-native")
    assert written["rope_scaling"] == {"type": "linear", "factor": 16.0}
    assert written["ropewalk"]["original_max_position_embeddings"] == 64


def test_longrope_lists_from_the_run_config(tmp_path):
    model = write_model(tmp_path / "model")
    lists = {"short_factor": [1.0] * 16, "long_factor": [1.0 + i for i in range(16)]}
    path = tmp_path / "run.json"
    path.write_text(json.dumps({"model": {
        "pretrained": str(model), "max_position_embeddings": 512, "pos_scaling_factor": 8.0,
        "pos_scaling_type": "longrope", **lists}, "train": {"run_dir": "runs/x"}}))
    found = inspect(path)
    folder = write_model(tmp_path / "written", **found["model_config"])
    config = LlamaConfig.from_pretrained(folder)
    assert_same_table(found["rope"], config)
    long, _ = ROPE_INIT_FUNCTIONS["longrope"](config, None, seq_len=512)
    ours = found["rope"]["inverse_frequencies_at_max_position_embeddings"]
    assert ours == pytest.approx(long.double().tolist(), rel=3e-6)


# ---- rope ---------------------------------------------------------------------------------------


def test_rope_explains_yarn_and_draws_it(tmp_path):
    model = write_model(tmp_path / "model", hidden_size=256, num_attention_heads=2,
                        max_position_embeddings=32768, rope_parameters={
                            "rope_type": "yarn", "rope_theta": 10000.0, "factor": 16.0,
                            "original_max_position_embeddings": 2048})
    picture = tmp_path / "waves.svg"
    found = json.loads(run("rope", model, "--json", "--plot", picture))["layer_types"][0]
    assert found["ramp"] == {"low": 16.0, "high": 41.0}
    assert found["attention_factor"] == pytest.approx(1.2773, abs=1e-4)
    pairs = found["pairs"]
    assert len(pairs) == 64 and pairs[3]["dimensions"] == [3, 67]
    assert pairs[0]["wavelength"] == pytest.approx(6.283185307)
    assert pairs[0]["rotations_within_original"] == pytest.approx(2048 / 6.283185307)
    assert pairs[0]["scaled_wavelength"] == pytest.approx(pairs[0]["wavelength"])
    assert pairs[63]["scaled_wavelength"] == pytest.approx(16 * pairs[63]["wavelength"])
    svg = picture.read_text()
    for text in ("L = 2048", "L&apos; = 32768", "positions", "without scaling", "as computed"):
        assert text in svg or text.replace("&apos;", "'") in svg, text
    text = run("rope", model)
    assert "ramp: pairs up to 16" in text and "total factor (s): 16" in text
    assert "remark: yarn: older transformers" in text


def test_rope_tells_bands_and_run_configs(tmp_path):
    model = write_model(tmp_path / "model", max_position_embeddings=512,
                        rope_parameters=KINDS["llama3"])
    bands = json.loads(run("rope", model, "--json"))["layer_types"][0]["bands"]
    assert bands == {"untouched_below": 16.0, "interpolated_above": 64.0}
    plain = write_model(tmp_path / "plain")
    run("extend", plain, "--to", 512, "-o", tmp_path / "run.json")
    text = run("rope", tmp_path / "run.json")
    assert "kind: linear" in text and "context now (L'): 512 positions" in text
    assert "no such file" in run("rope", tmp_path / "nothing", code=2)


# ---- models that cannot be used, and fields that contradict -------------------------------------


@pytest.mark.parametrize("fields,message", [
    ({"model_type": "gpt2"}, "learned"),
    ({"model_type": "bloom"}, "ALiBi"),
    ({"model_type": "bert"}, "encoder"),
    ({"model_type": "llama4"}, "not supported"),
    ({"model_type": "lama"}, 'did you mean "llama"'),
    ({"pos_scaling_factor": 0.5}, "write 4, not 0.25"),
    ({"pos_scaling_factor": -1}, "expected a number >= 1"),
    ({"pos_scaling_factor": "16"}, "without quotes"),
    ({"pos_scaling_factor": float("nan")}, "config.json"),
    ({"pos_scaling_factor": 8.0, "rope_scaling": {"type": "linear", "factor": 2.0}},
     "rope_scaling says linear with factor 2"),
    ({"max_postion_embeddings": 64}, 'did you mean "max_position_embeddings"'),
    ({"attention_scale": 0.1}, "attention_scale"),
])
def test_bad_models_are_refused(fields, message, tmp_path):
    model = write_model(tmp_path / "model", **fields)
    for words in (["extend", model, "--to", 512, "-o", tmp_path / "run.json"], ["inspect", model]):
        assert message in run(*words, code=2)
    assert not (tmp_path / "run.json").exists()


def test_number_beyond_double_is_refused(tmp_path):
    model = write_model(tmp_path / "model", pos_scaling_factor=7)
    path = model / "config.json"
    path.write_text(path.read_text().replace("\"pos_scaling_factor\": 7",
                                             "\"pos_scaling_factor\": 1e400"))
    assert "1e400" in run("inspect", model, code=2)


@pytest.mark.parametrize("model_fields,message", [
    ({"max_position_embeddings": 512, "pos_scaling_factor": 4.0}, "expected at least 8"),
    ({"max_position_embeddings": 512}, "write pos_scaling_factor 8"),
    ({"max_position_embeddings": 512, "pos_scaling_factor": 0.5}, "pos_scaling_factor"),
    ({"max_position_embeddings": 512, "pos_scaling_factor": 8, "pos_scaling_type": "longrope"},
     "model.short_factor: is missing for longrope; expected 16 numbers"),
    ({"max_position_embeddings": 512, "pos_scaling_factor": 8, "long_factor": [1.5]},
     "long_factor"),
])
def test_bad_run_configs_are_refused(model_fields, message, tmp_path):
    model = write_model(tmp_path / "model")
    path = tmp_path / "run.json"
    path.write_text(json.dumps({"model": {"pretrained": str(model), **model_fields},
                                "train": {"run_dir": "runs/x"}}))
    assert message in run("inspect", path, code=2)


def test_editing_two_numbers_by_hand_is_an_extension(tmp_path):
    model = write_model(tmp_path / "model", max_position_embeddings=512, pos_scaling_factor=8.0)
    path = tmp_path / "run.json"
    path.write_text(json.dumps({"model": {"pretrained": str(model)}, "train": {"run_dir": "r"}}))
    found = inspect(path)
    assert found["pos_scaling_type"] == "linear" and found["pos_scaling_factor"] == 8.0
    assert found["trained_rope"]["max_position_embeddings"] == 64
    assert "pre-trained with 64 positions" in " ".join(found["remarks"])


def test_families_are_listed():
    found = json.loads(run("inspect", "--families", "--json"))
    assert "llama" in [family["model_type"] for family in found["families"]]
    assert "gpt2" in [refused["model_type"] for refused in found["refused"]]
