"""Low-rank updates: training and resuming with them, and adapters to and from pip `peft`."""

import json
import shutil

import pytest
import torch
from lora_models import (FAMILIES, edited, edited_tensors, logits_of, make_adapter, make_model,
                         one_sample, opened, our_logits, with_adapter)
from main_job import OWN_MODEL, PROGRAM, numbers, ropewalk
from safetensors.torch import load_file
from small_runs import checkpoint, make_shards, settings, small_run, weights

pytestmark = pytest.mark.skipif(not PROGRAM, reason="needs ROPEWALK_BIN")
RANK = 4


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    return make_shards(tmp_path_factory.mktemp("data") / "train", seed=1, num_documents=3)


def lora_run(tmp_path, shards, name, lora=None, model=None, **changes):
    """A run config of small_run with a section `lora`; `model` replaces the whole section."""
    path = small_run(tmp_path / f"{name}.json", shards, tmp_path / name, **changes)
    with edited(path) as config:
        config["lora"] = {"rank": RANK, "alpha": 8, **(lora or {})}
        config["model"] = model or config["model"]
    return path


def trained(run_dir, step):
    return load_file(checkpoint(run_dir, step) / "trainer" / "lora.safetensors")


# Training


def test_training_lowers_the_loss_and_changes_only_what_it_should(tmp_path, shards):
    run = lora_run(tmp_path, shards, "run", train={"steps": 30, "global_batch_size": 4},
                   optimizer={"learning_rate": 1e-2}, checkpoint={"every_steps": 0})
    ropewalk("train", run)
    losses = numbers(tmp_path / "run", "loss")
    assert losses[-1] < losses[0] - 2.0
    base = load_file(OWN_MODEL / "model.safetensors")
    merged = load_file(checkpoint(tmp_path / "run", 30) / "model.safetensors")
    assert merged.keys() == base.keys()
    for name, values in merged.items():
        change = values - base[name].float()
        if "mlp" in name:
            assert not change.any(), name
        elif "proj" in name:
            singular = torch.linalg.svdvals(change)
            assert singular[0] > 0 and singular[RANK] < 1e-4 * singular[0], name
        else:
            assert change.any(), name
    found = trained(tmp_path / "run", 30)
    assert {name.split(".")[-3] for name in found if "lora_" in name} == {"lora_A", "lora_B"}
    assert not any("mlp" in name for name in found)


def test_the_checkpoint_is_the_model_that_was_trained(tmp_path, shards):
    """Its perplexity is that of the run's own evaluation, which computes W x + s B (A x)."""
    run = lora_run(tmp_path, shards, "run", data={"validation": [str(shards)]},
                   optimizer={"learning_rate": 1e-2},
                   eval={"every_steps": 6, "windows": [32], "max_documents": 1})
    ropewalk("train", run)
    inside = numbers(tmp_path / "run", "eval/perplexity@32")[-1]
    ropewalk("eval", "perplexity", checkpoint(tmp_path / "run", 6), "--data", shards,
             "--windows", 32, "--max-documents", 1, "--threads", 1, "--json", tmp_path / "out.json")
    outside = json.loads((tmp_path / "out.json").read_text())["results"][0]["perplexity"]
    assert inside == pytest.approx(outside, rel=1e-5)


KINDS = {
    "ddp": {},
    "fsdp": {"data_parallel": "fsdp", "recompute": "block"},
    "zero1": {"data_parallel": "zero1", "recompute": "selective"},
    "zero2": {"data_parallel": "zero2"},
    "context_parallel": {"context_parallel": 2},
}


@pytest.fixture(scope="module")
def one_rank(tmp_path_factory, shards):
    folder = tmp_path_factory.mktemp("one")
    ropewalk("train", lora_run(folder, shards, "run", optimizer={"learning_rate": 1e-2}))
    return folder / "run"


@pytest.mark.parametrize("kind", KINDS)
def test_two_ranks_train_as_one(tmp_path, shards, one_rank, kind):
    run = lora_run(tmp_path, shards, "run", parallel=KINDS[kind],
                   optimizer={"learning_rate": 1e-2})
    ropewalk("train", run, "--nproc", 2)
    assert numbers(tmp_path / "run", "loss") == pytest.approx(numbers(one_rank, "loss"), rel=1e-5)
    ours = load_file(checkpoint(tmp_path / "run", 6) / "model.safetensors")
    theirs = load_file(checkpoint(one_rank, 6) / "model.safetensors")
    for name, values in theirs.items():
        torch.testing.assert_close(ours[name], values, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("ranks, kind, precision", [(1, "ddp", "fp32"), (2, "ddp", "bf16"),
                                                    (2, "fsdp", "bf16")])
def test_a_resumed_run_goes_on_bit_for_bit(tmp_path, shards, ranks, kind, precision):
    changes = {"parallel": KINDS[kind], "train": {"precision": precision, "steps": 6}}
    ropewalk("train", lora_run(tmp_path, shards, "whole", **changes), "--nproc", ranks)
    stopped = lora_run(tmp_path, shards, "stopped", **changes,
                       checkpoint={"async_save": kind == "fsdp"})
    ropewalk("train", stopped, "--nproc", ranks, *settings(train__steps=3))
    ropewalk("train", stopped, "--nproc", ranks, "--resume")
    assert weights(checkpoint(tmp_path / "stopped", 6)) == weights(
        checkpoint(tmp_path / "whole", 6))


def test_the_ratio_of_learning_rates_is_that_of_the_updates_of_b(tmp_path, shards):
    steps = {}
    for ratio in (1, 8):
        run = lora_run(tmp_path, shards, f"ratio-{ratio}", {"learning_rate_ratio": ratio},
                       train={"steps": 1}, schedule={"warmup_steps": 0})
        ropewalk("train", run)
        steps[ratio] = trained(tmp_path / f"ratio-{ratio}", 1)
    for name, values in steps[1].items():
        factor = 8 if "lora_B" in name else 1
        torch.testing.assert_close(steps[8][name], factor * values, rtol=1e-5, atol=1e-9)
        assert "lora_B" not in name or values.any()


def test_only_updates_are_trained_where_norms_and_embeddings_are_not_wanted(tmp_path, shards):
    """The first block's input then has no gradient."""
    losses = {}
    for recompute in ("none", "block", "selective"):
        run = lora_run(tmp_path, shards, recompute,
                       {"train_norms": False, "train_embeddings": False},
                       parallel={"data_parallel": "fsdp", "recompute": recompute},
                       optimizer={"learning_rate": 1e-2})
        ropewalk("train", run, "--nproc", 2)
        assert all("lora_" in name for name in trained(tmp_path / recompute, 6))
        losses[recompute] = numbers(tmp_path / recompute, "loss")
    assert losses["block"] == losses["none"] == losses["selective"]
    assert losses["none"][-1] < losses["none"][0]


# Between ropewalk and peft


@pytest.fixture(scope="module", params=FAMILIES)
def pair(request, tmp_path_factory):
    """(folder of a model, folder of its adapter, family)"""
    folder = tmp_path_factory.mktemp(request.param)
    base = make_model(folder / "base", request.param)
    _, targets, saved = FAMILIES[request.param]
    adapter = make_adapter(folder / "adapter", base, target_modules=targets, modules_to_save=saved)
    return base, adapter, request.param


def adapter_run(tmp_path, base, adapter, shards, length=32, lora=None, positions=None, **changes):
    changes.setdefault("optimizer", {"learning_rate": 1e-3, "max_grad_norm": 0.0})
    changes.setdefault("train", {"steps": 1, "global_batch_size": 1})
    return lora_run(
        tmp_path, shards, "run", {"alpha": 6, "pretrained": str(adapter), **(lora or {})},
        {"pretrained": str(base), "tokenizer": str(OWN_MODEL), **(positions or {})},
        data={"sequence_length": length}, schedule={"warmup_steps": 0}, **changes)


def test_gradients_equal_those_of_peft_and_so_do_logits_after_the_step(tmp_path, pair):
    base, adapter, family = pair
    shards, ids = one_sample(tmp_path / "data", num_words=12)
    # transformers knows no linear scaling of Phi-3.
    extended = {} if family == "phi3" else {"max_position_embeddings": 128,
                                            "pos_scaling_factor": 2.0}
    run = adapter_run(tmp_path, base, adapter, shards, length=len(ids) - 1, positions=extended,
                      lora={"targets": FAMILIES[family][1]})
    ropewalk("train", run)
    found = checkpoint(tmp_path / "run", 1)

    ropewalk("export", found, tmp_path / "out", "--adapter")
    positions = type(opened(base).config).from_pretrained(tmp_path / "out")
    assert positions.rope_parameters.get("factor") == extended.get("pos_scaling_factor")
    start = with_adapter(base, adapter, positions)
    for name, parameter in start.named_parameters():
        parameter.requires_grad_(("lora_" in name or "modules_to_save" in name))
    tokens = torch.tensor(ids)
    loss = torch.nn.functional.cross_entropy(start(tokens[None, :-1]).logits[0], tokens[1:])
    loss.backward()
    assert numbers(tmp_path / "run", "loss")[0] == pytest.approx(loss.item(), rel=1e-5)
    moments = load_file(found / "trainer" / "optimizer.safetensors")
    compared = 0
    for name, parameter in start.named_parameters():
        if not parameter.requires_grad:
            continue
        stored = name.replace(".default", "").replace("modules_to_save.", "")
        if "lora_" not in name:
            stored = stored.removeprefix("base_model.model.")
        first = moments[stored + ".exp_avg"] / 0.1  # 1 - beta1
        torch.testing.assert_close(first, parameter.grad, rtol=1e-3, atol=2e-6, msg=name)
        compared += 1
    assert compared == sum(name.endswith(".exp_avg") for name in moments)

    after = with_adapter(base, tmp_path / "out", positions)
    ours = our_logits(found, ids, tmp_path)
    assert (ours - logits_of(after, ids)).abs().max() < 1e-4
    assert (ours - logits_of(start, ids)).abs().max() > 1e-3  # the step did something


def test_an_adapter_is_merged_as_peft_merges_it(tmp_path, pair):
    base, adapter, _ = pair
    ropewalk("export", base, tmp_path / "merged", "--merge-adapter", adapter)
    ids = list(range(3, 40))
    wanted = logits_of(with_adapter(base, adapter), ids)
    assert (logits_of(opened(tmp_path / "merged"), ids) - wanted).abs().max() < 1e-4
    assert (our_logits(tmp_path / "merged", ids, tmp_path) - wanted).abs().max() < 1e-4


def test_a_tied_embedding_goes_to_peft_tied(tmp_path, shards):
    run = lora_run(tmp_path, shards, "run", {"use_rslora": True},
                   optimizer={"learning_rate": 1e-2})
    ropewalk("train", run)
    found = checkpoint(tmp_path / "run", 6)
    ropewalk("export", tmp_path / "run", tmp_path / "adapter", "--adapter")
    config = json.loads((tmp_path / "adapter" / "adapter_config.json").read_text())
    assert config["target_modules"] == ["k_proj", "o_proj", "q_proj", "v_proj"]
    assert "PEFT adapter of rank 4, 43 tensors" in ropewalk("verify", tmp_path / "adapter")
    assert "export MODEL DIR --merge-adapter" in ropewalk(
        "generate", tmp_path / "adapter", "--prompt", "x", expect=2)
    base = opened(OWN_MODEL)
    positions = type(base.config).from_pretrained(tmp_path / "adapter")
    assert positions.max_position_embeddings == 512 and positions.tie_word_embeddings
    ids = list(range(3, 40))
    wanted = our_logits(found, ids, tmp_path)
    theirs = logits_of(with_adapter(OWN_MODEL, tmp_path / "adapter", positions), ids)
    assert (theirs - wanted).abs().max() < 1e-3
    # And back: merged into the base, and as the start of another run, which is where this one ended.
    ropewalk("export", OWN_MODEL, tmp_path / "merged", "--merge-adapter", tmp_path / "adapter",
             "--dtype", "fp32")
    assert (our_logits(tmp_path / "merged", ids, tmp_path) - wanted).abs().max() < 1e-3
    merged = load_file(tmp_path / "merged" / "model.safetensors")
    for name, values in load_file(found / "model.safetensors").items():
        torch.testing.assert_close(merged[name].float(), values, rtol=1e-5, atol=1e-5)
    again = lora_run(tmp_path, shards, "again", {"use_rslora": True,
                                                 "pretrained": str(tmp_path / "adapter")},
                     train={"steps": 1}, optimizer={"learning_rate": 1e-30})
    ropewalk("train", again)
    for name, values in trained(tmp_path / "run", 6).items():
        assert torch.equal(trained(tmp_path / "again", 1)[name], values), name


# Wrong inputs


def broken(adapter, tmp_path):
    return shutil.copytree(adapter, tmp_path / "broken")


def merge_error(base, adapter, tmp_path):
    return ropewalk("export", base, tmp_path / "never", "--merge-adapter", adapter, expect=2)


@pytest.fixture(scope="module")
def llama(tmp_path_factory):
    folder = tmp_path_factory.mktemp("llama")
    base = make_model(folder / "base")
    return base, make_adapter(folder / "adapter", base, target_modules=["q_proj", "v_proj"])


def test_what_is_no_plain_lora_is_told_at_once(tmp_path, llama):
    base, adapter = llama
    folder = broken(adapter, tmp_path)
    with edited(folder / "adapter_config.json") as config:
        config.update(peft_type="IA3", use_dora=True, rank_pattern={"q_proj": 8},
                      init_lora_weights="pissa", r=0)
    text = merge_error(base, folder, tmp_path)
    for part in ("adapter_config.json: 5 faults", 'peft_type: found "IA3", expected "LORA"',
                 "use_dora: found true", 'rank_pattern: found {"q_proj":8}',
                 'init_lora_weights: found "pissa"', "r: found 0, expected"):
        assert part in text, text
    assert not (tmp_path / "never").exists()


def test_an_adapter_of_another_model_is_refused_tensor_by_tensor(tmp_path, llama):
    _, adapter = llama
    other = make_model(tmp_path / "other", hidden_size=96, num_hidden_layers=1)
    text = merge_error(other, adapter, tmp_path)
    assert "adapter_model.safetensors" in text
    assert "layers.0.self_attn.q_proj.lora_A.weight: is F32 [4, 64], expected" in text
    assert "shape [4, 96]" in text
    assert "layers.1.self_attn.q_proj.lora_A.weight: (F32 [4, 64]) is left over" in text


def test_half_an_update_and_a_pickle_are_refused(tmp_path, llama):
    base, adapter = llama
    folder = broken(adapter, tmp_path)
    name = "base_model.model.model.layers.0.self_attn.q_proj.lora_B.weight"
    with edited_tensors(folder / "adapter_model.safetensors") as tensors:
        del tensors[name]
    assert f"{name}: is missing; expected shape [64, 4]" in merge_error(base, folder, tmp_path)
    (folder / "adapter_model.safetensors").rename(folder / "adapter_model.bin")
    assert "never opened" in merge_error(base, folder, tmp_path)
    assert "has no adapter_config.json" in merge_error(base, tmp_path, tmp_path)


def test_a_tied_model_does_not_take_an_embedding_that_was_trained_untied(tmp_path):
    base = make_model(tmp_path / "base", tie_word_embeddings=True)
    adapter = make_adapter(tmp_path / "adapter", base, target_modules=["q_proj"],
                           modules_to_save=["embed_tokens"])
    assert "ensure_weight_tying is off" in merge_error(base, adapter, tmp_path)


def test_a_run_names_every_difference_to_the_adapter_that_it_starts_from(tmp_path, llama, shards):
    base, adapter = llama

    def error(**lora):
        run = adapter_run(tmp_path, base, adapter, shards, lora=lora)
        text = ropewalk("train", run, expect=2)
        assert not (tmp_path / "run").exists()
        return text

    text = error(rank=8, alpha=16, use_rslora=True)
    for part in ("lora.rank: found 8, the adapter in", "has 4; set it to that",
                 "lora.alpha: found 16,", "lora.use_rslora: found true,"):
        assert part in text, text
    text = error(targets=["q_proj", "o_proj"])
    assert "layers.0.self_attn.o_proj.lora_A.weight: is missing" in text
    assert "layers.1.self_attn.v_proj.lora_B.weight: (F32 [32, 4]) is left over" in text
    saved = make_adapter(tmp_path / "saved", base, target_modules=["q_proj"],
                         modules_to_save=["norm"])
    run = adapter_run(tmp_path, base, saved, shards,
                      lora={"targets": ["q_proj"], "train_norms": False})
    assert "is a whole weight that this run leaves as it is" in ropewalk("train", run, expect=2)


def test_settings_that_mean_nothing_are_refused(tmp_path, shards):
    run = lora_run(tmp_path, shards, "run", {"targets": ["q_proj", "query"]},
                   optimizer={"trainable": ["*norm*"]})
    text = ropewalk("train", run, expect=2)
    assert "optimizer.trainable: stands beside lora.rank" in text
    run = lora_run(tmp_path, shards, "run", {"targets": ["q_proj", "query"]})
    text = ropewalk("train", run, expect=2)
    assert 'lora.targets: found "query", which names no linear layer' in text
    assert "down_proj, gate_proj, k_proj, o_proj, q_proj, up_proj, v_proj" in text
    scratch = {"model_type": "llama", "vocab_size": 2048, "hidden_size": 64,
               "intermediate_size": 80, "num_hidden_layers": 1, "num_attention_heads": 2,
               "max_position_embeddings": 64, "eos_token_id": 2}
    run = lora_run(tmp_path, shards, "run", model=scratch)
    assert "lora.rank: found 4, but a model from scratch has no weights" in ropewalk(
        "train", run, expect=2)
    run = lora_run(tmp_path, shards, "run", {"rank": 0, "pretrained": "somewhere"})
    assert "lora.pretrained: names an adapter, but lora.rank is 0" in ropewalk(
        "train", run, expect=2)


def test_updates_are_not_resumed_beside_other_weights(tmp_path, llama, shards):
    base, adapter = llama
    moved = shutil.copytree(base, tmp_path / "moved")
    run = adapter_run(tmp_path, moved, adapter, shards, lora={"targets": ["q_proj", "v_proj"]})
    ropewalk("train", run)
    with edited_tensors(moved / "model.safetensors") as tensors:
        tensors["model.layers.0.mlp.up_proj.weight"] += 1
    text = ropewalk("train", run, "--resume", *settings(train__steps=2), expect=2)
    assert "the low-rank updates belong to other weights" in text
    ropewalk("train", run, "--resume", *settings(train__steps=2, model__pretrained=str(base)))


def test_an_exported_adapter_knows_its_base(tmp_path, shards):
    ropewalk("train", lora_run(tmp_path, shards, "run", train={"steps": 1}))
    adapter = tmp_path / "adapter"
    ropewalk("export", tmp_path / "run", adapter, "--adapter")
    other = shutil.copytree(OWN_MODEL, tmp_path / "other")
    with edited_tensors(other / "model.safetensors") as tensors:
        tensors["model.layers.0.mlp.up_proj.weight"] += 1
    said = "base_weights.json: the adapter was trained beside weight files with hash"
    assert said in merge_error(other, adapter, tmp_path)
    again = lora_run(tmp_path, shards, "again", {"pretrained": str(adapter)},
                     model={"pretrained": str(other), "max_position_embeddings": 512,
                            "pos_scaling_factor": 2.0})
    assert said in ropewalk("train", again, expect=2)
    with edited(adapter / "config.json") as config:
        config["num_attention_heads"] = 4
        config["head_dim"] = 64
    assert "num_attention_heads is 4, expected 2" in merge_error(OWN_MODEL, adapter, tmp_path)
    with edited(adapter / "config.json") as config:
        config["num_attention_heads"] = 2
    (adapter / "base_weights.json").unlink()
    ropewalk("export", other, tmp_path / "merged", "--merge-adapter", adapter)


def test_an_adapter_is_exported_of_runs_that_have_one_only(tmp_path):
    text = ropewalk("export", OWN_MODEL, tmp_path / "never", "--adapter", expect=2)
    assert "holds no low-rank updates" in text
