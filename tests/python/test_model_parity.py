"""Logits, loss and gradients of our decoder against transformers, in fp32."""

import os
import pathlib
import subprocess

import pytest
import torch
from main_job import skip_without_gpus
from safetensors.torch import load_file, save_file
from transformers import LlamaConfig, LlamaForCausalLM

SOURCE = pathlib.Path(os.environ.get("ROPEWALK_SOURCE_DIR", pathlib.Path(__file__).parents[2]))
SHARED = pathlib.Path(os.environ.get("ROPEWALK_SHARED", SOURCE.parent / "shared"))
TOLERANCE = 1e-4


@pytest.fixture(scope="session")
def tool():
    place = pathlib.Path(os.environ.get("ROPEWALK_TOOLS", "")) / "ropewalk_family_dump_tool"
    if not place.exists():
        pytest.skip("needs ropewalk_family_dump_tool in ROPEWALK_TOOLS")
    return str(place)


@pytest.fixture(params=["cpu", "cuda"])
def device(request):
    """Words for the tool that choose where ours computes; transformers stays on the CPU."""
    if request.param == "cuda":
        skip_without_gpus(1)
    return ["--device", request.param]


def save_model(folder, **overrides):
    torch.manual_seed(5)
    fields = dict(vocab_size=97, hidden_size=48, intermediate_size=80, num_hidden_layers=3,
                  num_attention_heads=6, num_key_value_heads=2, head_dim=12, rms_norm_eps=1e-5,
                  max_position_embeddings=128, tie_word_embeddings=False, initializer_range=0.2,
                  bos_token_id=1, eos_token_id=2)
    model = LlamaForCausalLM(LlamaConfig(**{**fields, **overrides})).float()
    model.save_pretrained(folder)
    return folder


def ours(tool, folder, tokens, targets, scratch, *words):
    save_file({"tokens": tokens, "targets": targets}, scratch / "input.safetensors")
    if folder != scratch / "model":
        (scratch / "model").symlink_to(folder)
    done = subprocess.run(list(map(str, [tool, scratch, *words])), capture_output=True, text=True,
                          timeout=600)
    assert not (scratch / "error.txt").exists(), done.stderr
    return load_file(scratch / "ours.safetensors")


def theirs(folder, tokens, targets, config=None):
    model = LlamaForCausalLM.from_pretrained(folder, dtype=torch.float32, config=config)
    logits = model(tokens).logits
    loss = torch.nn.functional.cross_entropy(
        logits.flatten(0, 1), targets.flatten(), ignore_index=-100)
    loss.backward()
    grads = {"grad/" + name: parameter.grad for name, parameter in model.named_parameters()}
    return {"logits": logits.detach(), "loss": loss.detach(), **grads}


def compare(got, want):
    assert (got["logits"] - want["logits"]).abs().max() <= TOLERANCE
    assert abs(got["loss"] - want["loss"]) <= 1e-5
    positions = want["logits"].shape[0] * want["logits"].shape[1]
    for name in want:
        if name.startswith("grad/"):
            scale = want[name].abs().max() + 1.0 / positions
            assert (got[name] - want[name]).abs().max() <= TOLERANCE * scale, name


def random_batch(rows, length, vocab):
    torch.manual_seed(11)
    tokens = torch.randint(vocab, (rows, length))
    targets = torch.randint(vocab, (rows, length))
    targets[:, ::5] = -100
    return tokens, targets


@pytest.mark.parametrize("overrides", [
    {},
    {"num_key_value_heads": 6, "tie_word_embeddings": True},
    {"attention_bias": True, "mlp_bias": True, "num_key_value_heads": 1},
    {"rope_parameters": {"rope_type": "linear", "rope_theta": 10000.0, "factor": 8.0}},
    {"rope_parameters": {"rope_type": "yarn", "rope_theta": 10000.0, "factor": 4.0,
                         "original_max_position_embeddings": 32}},
    {"rope_parameters": {"rope_type": "llama3", "rope_theta": 500000.0, "factor": 8.0,
                         "low_freq_factor": 1.0, "high_freq_factor": 4.0,
                         "original_max_position_embeddings": 64}},
], ids=["gqa", "tied", "biased", "linear", "yarn", "llama3"])
def test_random_models_agree(tool, device, tmp_path, overrides):
    folder = save_model(tmp_path / "model", **overrides)
    tokens, targets = random_batch(2, 61, 97)
    compare(ours(tool, folder, tokens, targets, tmp_path, *device), theirs(folder, tokens, targets))


@pytest.mark.parametrize("factor", [1.0, 2.0, 8.0, 16.0])
def test_scaling_at_run_time_agrees_beyond_the_original_context(tool, device, tmp_path, factor):
    folder = save_model(tmp_path / "model")
    tokens, targets = random_batch(1, 300, 97)
    config = LlamaConfig.from_pretrained(folder)
    config.rope_parameters = {"rope_type": "linear", "rope_theta": 10000.0, "factor": factor}
    compare(ours(tool, folder, tokens, targets, tmp_path, "--factor", factor, *device),
            theirs(folder, tokens, targets, config))


def test_logits_at_32k_positions_are_as_exact_as_transformers(tool, tmp_path):
    """Large weights make sharp scores, which magnify rounding: the yardstick is the same model in
    float64 (rotary angles stay fp32 there), from which ours may be no further than twice what
    transformers' own fp32 run is."""
    folder = save_model(tmp_path / "model", num_hidden_layers=1, hidden_size=24,
                        intermediate_size=24, num_attention_heads=2, num_key_value_heads=1,
                        initializer_range=0.5)
    tokens, targets = random_batch(1, 32768, 97)
    with torch.no_grad():
        single = LlamaForCausalLM.from_pretrained(folder, dtype=torch.float32)(tokens).logits
        exact = LlamaForCausalLM.from_pretrained(folder, dtype=torch.float64)(tokens).logits
    got = ours(tool, folder, tokens, targets, tmp_path)["logits"]
    theirs_error = (single - exact).abs().max().item()
    ours_error = (got - exact).abs().max().item()
    print(f"largest distance from float64: ours {ours_error:.2e}, transformers {theirs_error:.2e}")
    assert ours_error <= 2 * theirs_error


@pytest.mark.parametrize("name", ["example-model", "example-model-256"])
@pytest.mark.parametrize("factor", [1.0, 4.0])
def test_example_models_agree(tool, tmp_path, name, factor):
    folder = SHARED / name
    if not (folder / "config.json").exists():
        pytest.skip("needs the shared example models (ROPEWALK_SHARED)")
    config = LlamaConfig.from_pretrained(folder)
    length = int(config.max_position_embeddings * factor)
    tokens, targets = random_batch(1, length, config.vocab_size)
    theta = config.rope_parameters["rope_theta"]
    config.rope_parameters = {"rope_type": "linear", "rope_theta": theta, "factor": factor}
    words = [] if factor == 1.0 else ["--factor", factor]
    compare(ours(tool, folder, tokens, targets, tmp_path, *words),
            theirs(folder, tokens, targets, config))
