"""The main job from end to end: extend, prepare, train on ranks that are killed, resume, evaluate,
export; on models that other tools made and on the project's own."""

import json
import pathlib
import random
import signal
import subprocess

import numpy
import pytest
import torch
import transformers
from long_forms import sized
from main_job import (OWN_MODEL, PROGRAM, SHARED, STEPS, extended_run, kill_group, last_checkpoint,
                      metrics, prepared, ropewalk, start, state_bytes, text_file, train,
                      train_killed_once, wait_for_step, write_config)

pytestmark = pytest.mark.skipif(not PROGRAM, reason="needs ROPEWALK_BIN")


def shared(name):
    folder = SHARED / name
    if not folder.exists():
        pytest.skip(f"needs {folder}")
    return folder


def check_same_run(run_dir, whole, num_steps, output=""):
    ours, theirs = last_checkpoint(run_dir, num_steps), last_checkpoint(whole, num_steps)
    assert state_bytes(ours) == state_bytes(theirs), output
    assert [line["step"] for line in metrics(run_dir)] == list(range(1, num_steps + 1)), output
    assert [line["loss"] for line in metrics(run_dir)] == [line["loss"] for line in metrics(whole)]


def check_killed_run_equals_undisturbed(tmp_path, config, small, ranks, kill_step):
    train(config, small, tmp_path / "whole", ranks)
    run_dir = tmp_path / "killed"
    output = train_killed_once(config, small, run_dir, ranks, kill_step)
    check_same_run(run_dir, tmp_path / "whole", STEPS, output)
    return last_checkpoint(run_dir)


def check_logits(checkpoint, lengths, scratch):
    exported = scratch / "exported"
    ropewalk("export", checkpoint, exported)
    peer = transformers.AutoModelForCausalLM.from_pretrained(exported, dtype=torch.float32).eval()
    tool = pathlib.Path(PROGRAM).parent / "tests" / "ropewalk_logits_tool"
    for length in lengths:
        torch.manual_seed(length)
        ids = torch.randint(3, peer.config.vocab_size, (1, length))
        out = scratch / "logits.bin"
        subprocess.run([tool, exported, out, *map(str, ids[0].tolist())], check=True)
        ours = torch.from_numpy(numpy.fromfile(out, numpy.float32)).reshape(length, -1)
        with torch.no_grad():
            assert (ours - peer(ids).logits[0]).abs().max() < 1e-4
    return exported


@pytest.mark.parametrize("name, factor", [("example-model-256", 4), ("example-model", 8)])
def test_foreign_model_survives_kills_and_opens_in_transformers(tmp_path, name, factor):
    model = shared(name)
    window = json.loads((model / "config.json").read_text())["max_position_embeddings"]
    length = window * factor
    data = prepared(tmp_path, model, [shared("example-text") / "valid_bible.txt"])
    config, small = extended_run(tmp_path, model, data, length)
    kill_step = random.Random(name).randint(1, STEPS - 2)
    checkpoint = check_killed_run_equals_undisturbed(tmp_path, config, small, 2, kill_step)
    exported = check_logits(checkpoint, [1, window, length], tmp_path)
    hf = transformers.AutoConfig.from_pretrained(exported)
    assert hf.max_position_embeddings == length
    assert hf.rope_parameters["rope_type"] == "linear" and hf.rope_parameters["factor"] == factor
    table = ropewalk("eval", "perplexity", exported, "--data", data, "--windows", length,
                     "--max-documents", 1, "--threads", 1)
    assert str(length) in table


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    """The project's own example model at twice its length, on made-up text."""
    folder = tmp_path_factory.mktemp("own")
    data = prepared(folder, OWN_MODEL, [text_file(folder / "text.txt", seed=1)])
    return folder, *extended_run(folder, OWN_MODEL, data, 512)


@pytest.mark.parametrize("ranks", [1, 2, 3])
def test_resume_is_bit_for_bit_at_any_number_of_ranks(own, tmp_path, ranks):
    _, config, small = own
    small = small + ["--set", f"train.global_batch_size={ranks * 2}",
                     "--set", "data.sequence_length=64"]
    check_killed_run_equals_undisturbed(tmp_path, config, small, ranks, kill_step=4)


@pytest.mark.long
def test_kills_at_random_steps_change_nothing(own, tmp_path):
    """Each attempt is killed at a step that no earlier one reached, in the middle of whatever it does."""
    _, config, small = own
    num_kills = sized(2, 12)
    num_steps = 20 * num_kills
    small = small + ["--set", "data.sequence_length=64", "--set", f"train.steps={num_steps}",
                     "--set", "checkpoint.keep=2"]
    train(config, small, tmp_path / "whole", 2)
    run_dir, dice = tmp_path / "killed", random.Random(num_kills)
    for _ in range(num_kills):
        reached = max((line["step"] for line in metrics(run_dir)), default=0)
        process = start("train", config, *small, "--set", f"train.run_dir={run_dir}", "--nproc", 2,
                        "--resume=auto")
        wait_for_step(run_dir, reached + dice.randint(1, 3), process)
        kill_group(process)
    train(config, small, run_dir, 2, "--resume=auto")
    check_same_run(run_dir, tmp_path / "whole", num_steps)


def test_ranks_agree_with_one_rank(own, tmp_path):
    _, config, small = own
    small = small + ["--set", "train.global_batch_size=6", "--set", "data.sequence_length=64"]
    losses = {}
    for ranks in (1, 2, 3):
        train(config, small, tmp_path / str(ranks), ranks)
        losses[ranks] = [line["loss"] for line in metrics(tmp_path / str(ranks))]
    for ranks in (2, 3):
        assert losses[ranks] == pytest.approx(losses[1], rel=1e-5)


def test_stop_signal_saves_and_exits_75(own, tmp_path):
    _, config, small = own
    run_dir = tmp_path / "stopped"
    process = start("train", config, *small, "--set", f"train.run_dir={run_dir}", "--nproc", 2,
                    "--set", "train.steps=100000", "--set", "data.sequence_length=64")
    wait_for_step(run_dir, 2, process)
    process.send_signal(signal.SIGTERM)
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 75, output
    last = metrics(run_dir)[-1]["step"]
    assert last_checkpoint(run_dir, last).exists(), output
    ropewalk("verify", last_checkpoint(run_dir, last))


def test_save_now_saves_and_goes_on(own, tmp_path):
    _, config, small = own
    run_dir = tmp_path / "saved"
    process = start("train", config, *small, "--set", f"train.run_dir={run_dir}",
                    "--set", "checkpoint.every_steps=0", "--set", "train.steps=40",
                    "--set", "data.sequence_length=64")
    wait_for_step(run_dir, 2, process)
    (run_dir / "save-now").touch()
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 0, output
    saved = sorted(folder.name for folder in (run_dir / "checkpoints").iterdir())
    assert len(saved) == 2 and saved[-1] == "step-00000040", (saved, output)


def test_finished_run_says_so_and_goes_on_with_more_steps(own, tmp_path):
    _, config, small = own
    small = small + ["--set", "data.sequence_length=64"]
    train(config, small, tmp_path / "run", 1)
    assert "already at step" in train(config, small, tmp_path / "run", 1, "--resume")
    train(config, small, tmp_path / "run", 1, "--resume", "--set", f"train.steps={STEPS + 2}")
    assert last_checkpoint(tmp_path / "run", STEPS + 2).exists()


def test_run_from_scratch_trains_and_exports(own, tmp_path):
    folder, _, _ = own
    config = write_config(
        tmp_path / "scratch.json",
        model={"model_type": "llama", "vocab_size": 2048, "hidden_size": 32, "intermediate_size": 64,
               "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2,
               "max_position_embeddings": 64, "tokenizer": str(OWN_MODEL), "bos_token_id": 1,
               "eos_token_id": 2},
        data={"train": [str(folder / "data")]},
        train={"run_dir": str(tmp_path / "run"), "steps": 30, "global_batch_size": 4,
               "micro_batch_size": 2},
        optimizer={"learning_rate": 3e-3}, schedule={"warmup_steps": 5}, log={"every_steps": 1})
    ropewalk("train", config)
    losses = [line["loss"] for line in metrics(tmp_path / "run")]
    assert losses[-1] < losses[0] - 0.3
    check_logits(last_checkpoint(tmp_path / "run", 30), [64], tmp_path)


def test_recompute_and_accumulation_change_nothing_but_rounding(own, tmp_path):
    _, config, small = own
    small = small + ["--set", "data.sequence_length=64", "--set", "train.global_batch_size=4"]
    train(config, small, tmp_path / "plain", 1, "--set", "train.micro_batch_size=4")
    train(config, small, tmp_path / "other", 1, "--set", "train.micro_batch_size=1",
          "--set", "parallel.recompute=block")
    plain = [line["loss"] for line in metrics(tmp_path / "plain")]
    assert [line["loss"] for line in metrics(tmp_path / "other")] == pytest.approx(plain, rel=1e-5)


def test_greedy_generation_equals_transformers(tmp_path):
    prompt = "def forward(self, input):"
    ours = json.loads(ropewalk("generate", OWN_MODEL, "--prompt", prompt, "--greedy", "--json",
                               "--max-new-tokens", 48, "--threads", 1).splitlines()[0])
    peer = transformers.AutoModelForCausalLM.from_pretrained(OWN_MODEL, dtype=torch.float32)
    prompt_ids = torch.tensor([ours["prompt_ids"]])
    theirs = peer.generate(prompt_ids, max_new_tokens=48, do_sample=False)[0, prompt_ids.shape[1]:]
    assert ours["ids"] == theirs.tolist()


def test_perplexity_equals_an_independent_reference(own):
    folder, _, _ = own
    window, stride, factor = 96, 32, 2.0
    report = folder / "perplexity.json"
    ropewalk("eval", "perplexity", OWN_MODEL, "--data", folder / "data", "--windows", window,
             "--stride", stride, "--factors", "1,2", "--json", report, "--threads", 1)
    results = json.loads(report.read_text())["results"]
    tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_file=str(OWN_MODEL / "tokenizer.json"))
    ids = tokenizer.encode((folder / "text.txt").read_text(), add_special_tokens=False)
    for result, scale in zip(results, (1.0, factor)):
        config = transformers.AutoConfig.from_pretrained(OWN_MODEL)
        theta = config.rope_parameters["rope_theta"]
        config.rope_parameters = {"rope_type": "default", "rope_theta": theta} if scale == 1 else {
            "rope_type": "linear", "factor": scale, "rope_theta": theta}
        peer = transformers.AutoModelForCausalLM.from_pretrained(OWN_MODEL, config=config,
                                                                 dtype=torch.float32).eval()
        total, scored, seen, begin = 0.0, 0, 0, 0
        while seen < len(ids):
            end = min(begin + window, len(ids))
            with torch.no_grad():
                logits = peer(torch.tensor([ids[begin:end]])).logits[0].double()
            for t in range(max(seen, begin + 1), end):
                total -= torch.log_softmax(logits[t - 1 - begin], -1)[ids[t]].item()
                scored += 1
            seen, begin = end, begin + stride
        assert result["tokens"] == scored
        assert result["nll"] == pytest.approx(total / scored, rel=1e-4)
        assert result["factor"] == scale
