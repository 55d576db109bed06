"""Every scaling kind in every generation of Hugging Face fields, flat and nested, for the families
that name them differently: what we read and what we write gives the frequencies of transformers."""

import copy
import importlib
import json
import os
import pathlib
import subprocess
import sys

import pytest
import torch
from transformers import CONFIG_MAPPING

TOOL = pathlib.Path(os.environ.get("ROPEWALK_TOOLS", "")) / "ropewalk_rope_tool"
if not os.environ.get("ROPEWALK_TOOLS") or not TOOL.exists():
    pytest.skip("needs ropewalk_rope_tool in ROPEWALK_TOOLS", allow_module_level=True)

SIZES = dict(vocab_size=32, hidden_size=64, intermediate_size=48, num_hidden_layers=2,
             num_attention_heads=2, num_key_value_heads=1, bos_token_id=1, eos_token_id=2,
             pad_token_id=0)


def short(pairs):
    return [1.0 + 0.05 * i for i in range(pairs)]


def long(pairs):
    return [1.5 + 0.4 * i for i in range(pairs)]


# Kind -> parameters for a window of 512 with L = 64, for heads with 16 pairs.
KINDS = {
    "default": {"rope_type": "default", "rope_theta": 20000.0},
    "linear": {"rope_type": "linear", "rope_theta": 10000.0, "factor": 8.0},
    "linear_fraction": {"rope_type": "linear", "rope_theta": 10000.0, "factor": 1.5625},
    "dynamic": {"rope_type": "dynamic", "rope_theta": 10000.0, "factor": 4.0},
    "yarn": {"rope_type": "yarn", "rope_theta": 10000.0, "factor": 8.0,
             "original_max_position_embeddings": 64},
    "yarn_options": {"rope_type": "yarn", "rope_theta": 500000.0, "factor": 8.0,
                     "original_max_position_embeddings": 64, "beta_fast": 16.0, "beta_slow": 2.0,
                     "mscale": 0.7, "mscale_all_dim": 1.0, "truncate": False},
    "yarn_zero": {"rope_type": "yarn", "rope_theta": 10000.0, "factor": 8.0, "beta_fast": 0,
                  "beta_slow": None, "mscale": 0, "original_max_position_embeddings": 64},
    "yarn_attention": {"rope_type": "yarn", "rope_theta": 10000.0, "factor": 3.0,
                       "attention_factor": 1.25, "original_max_position_embeddings": 64},
    "yarn_no_factor": {"rope_type": "yarn", "rope_theta": 10000.0, "factor": None,
                       "original_max_position_embeddings": 64},
    "longrope": {"rope_type": "longrope", "rope_theta": 10000.0, "short_factor": short,
                 "long_factor": long, "original_max_position_embeddings": 64},
    "longrope_factor": {"rope_type": "longrope", "rope_theta": 10000.0, "short_factor": short,
                        "long_factor": long, "factor": 5.0,
                        "original_max_position_embeddings": 64},
    "longrope_attention": {"rope_type": "longrope", "rope_theta": 10000.0, "short_factor": short,
                           "long_factor": long, "factor": 8.0, "attention_factor": 1.1,
                           "original_max_position_embeddings": 64},
    "llama3": {"rope_type": "llama3", "rope_theta": 500000.0, "factor": 8.0,
               "low_freq_factor": 1.0, "high_freq_factor": 4.0,
               "original_max_position_embeddings": 64},
    "proportional": {"rope_type": "proportional", "rope_theta": 10000.0,
                     "partial_rotary_factor": 0.25},
    "proportional_scaled": {"rope_type": "proportional", "rope_theta": 10000.0, "factor": 4.0,
                            "partial_rotary_factor": 0.5},
}


def parameters_of(kind, pairs=16):
    return {key: value(pairs) if callable(value) else value for key, value in KINDS[kind].items()}


# Family -> (config fields besides SIZES, our contexts with the main one first).
FAMILIES = {
    "llama": ({"head_dim": 32}, [{"head_dim": 32}]),
    "stablelm": ({"partial_rotary_factor": 0.5},
                 [{"head_dim": 32, "partial_rotary_allowed": True,
                   "default_partial_rotary_factor": 0.25}]),
    "gpt_neox": ({"rotary_pct": 0.5},
                 [{"head_dim": 32, "partial_rotary_allowed": True,
                   "default_partial_rotary_factor": 0.25, "theta_key": "rotary_emb_base",
                   "partial_key": "rotary_pct"}]),
}
GEMMA3 = [{"head_dim": 32, "layer_type": "full_attention", "default_theta": 1e6},
          {"head_dim": 32, "layer_type": "sliding_attention", "main": False,
           "theta_key": "rope_local_base_freq"}]
OLMO3 = [{"head_dim": 32, "layer_type": "full_attention", "default_theta": 5e5},
         {"head_dim": 32, "layer_type": "sliding_attention", "main": False, "theta_key": "",
          "default_theta": 5e5}]


def base_config(model_type, **fields):
    config = {"model_type": model_type, **SIZES, "max_position_embeddings": 512, **fields}
    if model_type in ("gemma3_text", "olmo3"):
        config["layer_types"] = ["sliding_attention", "full_attention"]
    return config


def ask(questions):
    done = subprocess.run([str(TOOL)], input=json.dumps(questions), capture_output=True, text=True,
                          timeout=60)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def ask_one(config, contexts, lengths=(0,)):
    return ask([{"config": config, "contexts": contexts, "lengths": list(lengths)}])[0]


ROTARY = {"llama": "LlamaRotaryEmbedding", "stablelm": "StableLmRotaryEmbedding",
          "gpt_neox": "GPTNeoXRotaryEmbedding", "gemma3_text": "Gemma3RotaryEmbedding",
          "olmo3": "Olmo3RotaryEmbedding", "phi3": "Phi3RotaryEmbedding",
          "hunyuan_v1_dense": "HunYuanDenseV1RotaryEmbedding"}


def rotary_module(config):
    name = config["model_type"]
    folder = name.removesuffix("_text")
    models = importlib.import_module(f"transformers.models.{folder}.modeling_{folder}")
    opened = CONFIG_MAPPING[name].from_dict(copy.deepcopy(config))
    return getattr(models, ROTARY[name])(opened)


def reference_tables(config, lengths, layer_type=None):
    """Frequencies and attention factor for sequences of these lengths, as transformers has them."""
    module = rotary_module(config)
    prefix = f"{layer_type}_" if layer_type else ""
    words = {"layer_type": layer_type} if layer_type else {}
    tables = []
    # Growing lengths: dynamic scaling remembers the longest that it saw.
    for length in sorted(lengths):
        module(torch.zeros(1), torch.tensor([[max(length, 1) - 1]]), **words)
        tables.append((getattr(module, prefix + "inv_freq").double().clone(),
                       float(getattr(module, prefix + "attention_scaling"))))
    return tables


def assert_tables(ours, reference):
    for mine, (frequencies, attention_factor) in zip(ours["tables"], reference, strict=True):
        found = torch.tensor(mine["inverse_frequencies"], dtype=torch.float64)
        torch.testing.assert_close(found, frequencies, rtol=3e-6, atol=0)
        assert mine["attention_factor"] == pytest.approx(attention_factor, rel=1e-12)


def form(config, parameters, name, contexts):
    """The same statement in each generation of fields."""
    config, parameters = copy.deepcopy(config), copy.deepcopy(parameters)
    share = parameters.get("partial_rotary_factor")
    if name == "rope_parameters":
        config["rope_parameters"] = parameters
        return config
    config[contexts[0].get("theta_key", "rope_theta")] = parameters.pop("rope_theta")
    if share is not None and name != "rope_scaling":
        config["partial_rotary_factor"] = parameters.pop("partial_rotary_factor")
    if name == "type":
        parameters["type"] = parameters.pop("rope_type")
    config["rope_scaling"] = parameters
    return config


LENGTHS = [0, 64, 65, 300, 512, 700]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["rope_parameters", "rope_scaling", "type"])
@pytest.mark.parametrize("family", FAMILIES)
def test_flat_fields_both_ways(family, name, kind):
    fields, contexts = FAMILIES[family]
    share = 0.5 if family != "llama" else 1.0
    parameters = parameters_of(kind, int(16 * share))
    config = form(base_config(family, **fields), parameters, name, contexts)
    if kind == "dynamic":
        config["max_position_embeddings"] = 64
    if family == "gpt_neox" and parameters["rope_type"] == "proportional" and name == "type":
        config["rotary_pct"] = config.pop("partial_rotary_factor")
    answer = ask_one(config, contexts, LENGTHS)
    assert answer["errors"] == [], answer["errors"]
    assert_tables(answer["ropes"][0], reference_tables(config, LENGTHS))
    # What we write reads back equal, here and in transformers.
    assert answer["same_again"] and answer["errors_again"] == []
    assert_tables(answer["ropes"][0], reference_tables(answer["written"], LENGTHS))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("model_type,contexts", [("gemma3_text", GEMMA3), ("olmo3", OLMO3)])
def test_nested_fields_both_ways(model_type, contexts, kind):
    config = base_config(model_type, head_dim=32)
    parameters = parameters_of(kind)
    if parameters.get("truncate") is False:
        config["rope_parameters"] = {"truncate": False}
    config["rope_parameters"] = config.get("rope_parameters", {}) | {
        "full_attention": parameters,
        "sliding_attention": {"rope_type": "default", "rope_theta": 3000.0}}
    if kind == "dynamic":
        config["max_position_embeddings"] = 64
    answer = ask_one(config, contexts, LENGTHS)
    assert answer["errors"] == [], answer["errors"]
    assert answer["same_again"], answer
    assert "rope_scaling" not in answer["written"] and "rope_theta" not in answer["written"]
    assert set(answer["written"]["ropewalk"]["layer_types"]) == {"sliding_attention"}
    for ours, context in zip(answer["ropes"], contexts):
        for config_in_turn in (config, answer["written"]):
            assert_tables(ours, reference_tables(config_in_turn, LENGTHS,
                                                 context["layer_type"]))


@pytest.mark.parametrize("fields", [
    {"rope_theta": 2e6, "rope_local_base_freq": 5000.0,
     "rope_scaling": {"rope_type": "linear", "factor": 8.0}},
    {"rope_theta": 2e6},
    {},
])
def test_old_gemma3_fields_are_about_one_layer_type_each(fields):
    config = base_config("gemma3_text", head_dim=32, **fields)
    answer = ask_one(config, GEMMA3, [0, 512])
    assert answer["errors"] == []
    for ours, context in zip(answer["ropes"], GEMMA3):
        for config_in_turn in (config, answer["written"]):
            assert_tables(ours, reference_tables(config_in_turn, [0, 512],
                                                 context["layer_type"]))
    assert answer["same_again"]


def test_nested_truncate_is_taken_from_where_transformers_looks():
    config = base_config("gemma3_text", head_dim=32)
    config["rope_parameters"] = {
        "full_attention": parameters_of("yarn_options"),
        "sliding_attention": {"rope_type": "default", "rope_theta": 3000.0}}
    answer = ask_one(config, GEMMA3)
    assert "transformers looks for it there" in " ".join(answer["warnings"])
    assert_tables(answer["ropes"][0], reference_tables(config, [0], "full_attention"))


def test_fixed_alpha_of_hunyuan():
    config = base_config("hunyuan_v1_dense", head_dim=32, rope_theta=10000.0, rope_scaling={
        "type": "dynamic", "alpha": 1000.0, "factor": 1.0, "beta_fast": 32, "beta_slow": 1,
        "mscale": 1.0, "mscale_all_dim": 1.0})
    context = [{"head_dim": 32, "hears_alpha": True}]
    answer = ask_one(config, context, [0, 512, 2000])
    assert answer["errors"] == [] and answer["same_again"]
    for config_in_turn in (config, answer["written"]):
        assert_tables(answer["ropes"][0],
                      reference_tables(config_in_turn, [0, 512, 2000]))
    assert "alpha" in " ".join(ask_one(config, [{"head_dim": 32}])["errors"])


@pytest.mark.parametrize("old_name", ["longrope", "su"])
def test_published_phi3_fields(old_name):
    config = base_config("phi3", original_max_position_embeddings=64, rope_theta=10000.0,
                         rope_scaling={"type": old_name, "short_factor": short(16),
                                       "long_factor": long(16)})
    answer = ask_one(config, [{"head_dim": 32, "partial_rotary_allowed": True}], LENGTHS)
    assert answer["errors"] == [] and answer["same_again"]
    assert answer["written"]["rope_scaling"] == {
        "type": "longrope", "short_factor": short(16), "long_factor": long(16)}
    assert answer["written"]["original_max_position_embeddings"] == 64
    # transformers 5.23 renames "su" too late to find the original length, and fails on it.
    opened = [answer["written"]] if old_name == "su" else [config, answer["written"]]
    for config_in_turn in opened:
        assert_tables(answer["ropes"][0], reference_tables(config_in_turn, LENGTHS))


def test_gptj_is_written_in_our_own_keys_alone():
    config = {"model_type": "gptj", "n_embd": 64, "n_head": 2, "rotary_dim": 16,
              "n_positions": 512, "pos_scaling_factor": 8.0}
    contexts = [{"head_dim": 32, "rotary_dims": 16, "window_key": "n_positions", "theta_key": "",
                 "partial_key": "", "scaling_expressible": False}]
    answer = ask_one(config, contexts)
    written = answer["written"]
    assert answer["errors"] == [] and answer["same_again"]
    assert answer["ropes"][0]["original"] == 64
    assert written["n_positions"] == 512 and written["pos_scaling_factor"] == 8.0
    assert not {"rope_scaling", "rope_parameters", "rope_theta", "partial_rotary_factor",
                "max_position_embeddings"} & set(written)
    assert "no other program hears" in " ".join(answer["foreign_reader_remarks"])
    plain = {key: value for key, value in config.items() if key != "pos_scaling_factor"}
    assert ask_one(plain, contexts)["foreign_reader_remarks"] == []
    deaf = plain | {"rope_scaling": {"type": "linear", "factor": 8.0}}
    assert "transformers has no rope fields" in " ".join(ask_one(deaf, contexts)["errors"])


OLD_PROGRAM = """
import json, sys, torch
from transformers import LlamaConfig
from transformers.models.llama.modeling_llama import LlamaRotaryEmbedding
answers = []
for config in json.load(sys.stdin):
    rope = LlamaRotaryEmbedding(config=LlamaConfig.from_dict(config))
    tables = []
    for length in (64, 512):
        rope(torch.zeros(1), torch.tensor([[length - 1]]))
        tables.append([rope.inv_freq.double().tolist(), rope.attention_scaling])
    answers.append(tables)
print(json.dumps(answers))
"""


def test_older_transformers_reads_what_we_write():
    old = os.environ.get("ROPEWALK_OLD_ORACLES")
    if not old or not pathlib.Path(old).exists():
        pytest.skip("needs ROPEWALK_OLD_ORACLES (scripts/setup.sh --oracles)")
    questions = []
    for kind in ("default", "linear", "linear_fraction", "dynamic", "longrope",
                 "longrope_attention", "llama3"):
        config = base_config("llama", head_dim=32, rope_parameters=parameters_of(kind))
        if kind == "dynamic":
            config["max_position_embeddings"] = 64
        questions.append({"config": config, "contexts": [{"head_dim": 32}], "lengths": [64, 512]})
    answers = ask(questions)
    done = subprocess.run([sys.executable, "-c", OLD_PROGRAM], capture_output=True, text=True,
                          input=json.dumps([answer["written"] for answer in answers]), timeout=300,
                          env={**os.environ, "PYTHONPATH": old})
    assert done.returncode == 0, done.stderr
    for answer, tables in zip(answers, json.loads(done.stdout.splitlines()[-1]), strict=True):
        reference = [(torch.tensor(frequencies, dtype=torch.float64), scaling)
                     for frequencies, scaling in tables]
        if "short_factor" in answer["written"].get("rope_scaling", {}):
            # It takes the short list at every length; foreign_reader_remarks says so.
            answer["ropes"][0]["tables"].pop()
            reference.pop()
        assert_tables(answer["ropes"][0], reference)
