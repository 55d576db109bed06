"""Training mixtures of experts: ranks, recompute and resume, with experts that a step does not use."""

import json
import shutil

import pytest
import torch
from main_job import OWN_MODEL, PROGRAM, numbers, ropewalk, state_bytes
from safetensors.torch import load_file
from small_runs import checkpoint, make_shards, settings, small_run
from transformers import AutoConfig, AutoModelForCausalLM

pytestmark = pytest.mark.skipif(not PROGRAM, reason="needs ROPEWALK_BIN")

CONTEXT = 64
# A step sees 2 x 8 tokens and each takes two experts: most of the 40 are idle.
STEP = {"model": {"max_position_embeddings": 2 * CONTEXT}, "data": {"sequence_length": 8}}
FAMILIES = {
    "mixtral": {"num_key_value_heads": 2, "num_local_experts": 40, "num_experts_per_tok": 2,
                "sliding_window": None},
    "gpt_oss": {"num_key_value_heads": 2, "num_local_experts": 40, "num_experts_per_tok": 2,
                "head_dim": 16, "sliding_window": 5, "rope_parameters": {
                    "rope_type": "default", "rope_theta": 10000.0}},
    "deepseek_v3": {"num_key_value_heads": 4, "n_routed_experts": 40, "num_experts_per_tok": 2,
                    "n_group": 4, "topk_group": 2, "moe_intermediate_size": 24,
                    "first_k_dense_replace": 1, "q_lora_rank": 24, "kv_lora_rank": 16,
                    "qk_nope_head_dim": 8, "qk_rope_head_dim": 8, "v_head_dim": 12},
}


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    return make_shards(tmp_path_factory.mktemp("data"), seed=3)


@pytest.fixture(scope="module", params=FAMILIES)
def model(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param) / "model"
    config = AutoConfig.for_model(
        request.param, vocab_size=2048, hidden_size=48, intermediate_size=40, num_hidden_layers=2,
        num_attention_heads=4, max_position_embeddings=CONTEXT, bos_token_id=1, eos_token_id=2,
        pad_token_id=None, tie_word_embeddings=False, **FAMILIES[request.param])
    torch.manual_seed(5)
    network = AutoModelForCausalLM.from_config(config).float()
    for name, buffer in network.named_buffers():
        if name.endswith("e_score_correction_bias"):
            buffer.normal_(std=0.1)
    network.save_pretrained(folder)
    shutil.copy(OWN_MODEL / "tokenizer.json", folder)
    shutil.copy(OWN_MODEL / "tokenizer_config.json", folder)
    return folder


def run(tmp_path, model, shards, name, *more, **changes):
    sections = json.loads(json.dumps(STEP))
    sections["model"]["pretrained"] = str(model)
    for section, keys in changes.items():
        sections.setdefault(section, {}).update(keys)
    config = small_run(tmp_path / f"{name}.json", shards, tmp_path / name, **sections)
    ropewalk("train", config, *more)
    return tmp_path / name


def tensors(folder):
    found = {}
    for path in folder.glob("*.safetensors"):
        found.update(load_file(path))
    return found


def test_ranks_and_recompute_agree_though_experts_are_idle(tmp_path, model, shards):
    one = run(tmp_path, model, shards, "one")
    two = run(tmp_path, model, shards, "two", "--nproc", 2)
    again = run(tmp_path, model, shards, "again", parallel={"recompute": "block"})
    assert numbers(again, "loss") == numbers(one, "loss")
    assert numbers(two, "loss") == pytest.approx(numbers(one, "loss"), rel=1e-5)
    before, after = tensors(model), tensors(checkpoint(one, 6))
    idle = [name for name, tensor in after.items()
            if "expert" in name and torch.equal(tensor, before[name])]
    assert idle or model.parent.name.startswith("gpt_oss"), "no step left an expert idle"
    for name, tensor in before.items():
        if name.endswith("e_score_correction_bias"):
            assert torch.equal(tensor, after[name]), "what only chooses experts is not trained"


def test_resumed_run_ends_bit_for_bit_the_same(tmp_path, model, shards):
    whole = run(tmp_path, model, shards, "whole", "--nproc", 2)
    branch = tmp_path / "branch"
    ropewalk("train", tmp_path / "whole.json", "--nproc", 2,
             *settings(train__run_dir=str(branch)), f"--resume={checkpoint(whole, 3)}")
    assert state_bytes(checkpoint(whole, 6)) == state_bytes(checkpoint(branch, 6))


@pytest.mark.parametrize("model", ["mixtral", "gpt_oss"], indirect=True)
def test_router_loss_is_part_of_the_loss(tmp_path, model, shards):
    config = json.loads((model / "config.json").read_text())
    plain = run(tmp_path, model, shards, "plain", train={"steps": 1})
    asking = tmp_path / "asking"
    shutil.copytree(model, asking)
    config.update(output_router_logits=True, router_aux_loss_coef=0.5)
    (asking / "config.json").write_text(json.dumps(config))
    with_loss = run(tmp_path, asking, shards, "with_loss", train={"steps": 1})
    # Balanced routing costs coefficient * experts per token; nothing costs less.
    added = numbers(with_loss, "loss")[0] - numbers(plain, "loss")[0]
    assert added >= 0.5 * config["num_experts_per_tok"] * 0.999
