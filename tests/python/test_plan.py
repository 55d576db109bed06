"""`ropewalk plan`: memory and time before a run."""

import json
import re
import subprocess

import plan_pages
import pytest
from main_job import OWN_MODEL, PROGRAM, SOURCE, metrics, ropewalk
from small_runs import make_shards, settings, small_run

pytestmark = pytest.mark.skipif(not PROGRAM, reason="needs ROPEWALK_BIN")
GIB = 2 ** 30
LLAMA_8B = {"model_type": "llama", "vocab_size": 128256, "hidden_size": 4096,
            "intermediate_size": 14336, "num_hidden_layers": 32, "num_attention_heads": 32,
            "num_key_value_heads": 8, "max_position_embeddings": 131072,
            "tie_word_embeddings": False, "bos_token_id": 0, "eos_token_id": 1}


@pytest.fixture
def run_file(tmp_path):
    def write(parallel=None, **train):
        config = {"model": LLAMA_8B, "data": {"sequence_length": 8192},
                  "train": {"run_dir": "r", "global_batch_size": 16, "precision": "bf16", **train},
                  "parallel": parallel or {"data_parallel": "fsdp", "recompute": "block"}}
        path = tmp_path / "run.json"
        path.write_text(json.dumps(config))
        return path
    return write


def plan(*words):
    return json.loads(ropewalk("plan", *words, "--json"))


def set_words(changes):
    return [word for key, value in changes.items() for word in ("--set", f"{key}={value}")]


def test_totals_are_sums_and_the_peak_is_the_highest(run_file):
    found = plan(run_file(), "--gpus", 8)
    moments = found["memory"]["bytes_at"]
    for uses in moments.values():
        assert uses["total"] == sum(value for key, value in uses.items() if key != "total")
    assert found["memory"]["peak_bytes"] == max(uses["total"] for uses in moments.values())
    assert found["memory"]["peak_bytes"] == moments[found["memory"]["peak_at"]]["total"]
    assert found["recompute"]["block"]["peak_bytes"] == found["memory"]["peak_bytes"]
    assert found["model"]["parameters"] == 8030261248


def test_text_says_what_json_says(run_file):
    run = run_file()
    found, text = plan(run, "--gpus", 8), ropewalk("plan", run, "--gpus", 8)
    peak = found["memory"]["peak_bytes"]
    assert f"peak: {peak / GIB:.2f} GiB of 79.00 GiB: fits" in text
    assert f"longest sequence that fits with these settings: {found['longest_sequence']} tokens" in text


def test_a_run_that_does_not_fit_says_so_and_what_would(run_file):
    run = run_file(parallel={"data_parallel": "ddp"})
    text = ropewalk("plan", run, "--gpus", 8, "--memory", "80GiB")  # exit 0
    assert "DOES NOT FIT" in text and "cheapest settings that fit" in text
    found = plan(run, "--gpus", 8, "--memory", "80GiB")
    assert not found["fits"]
    changed = plan(run, "--gpus", 8, "--memory", "80GiB", *set_words(found["cheapest"]["set"]))
    assert changed["fits"]
    assert changed["memory"]["peak_bytes"] == found["cheapest"]["peak_bytes"]
    assert changed["cheapest"]["set"] == {}


def test_the_longest_sequence_fits(run_file):
    run = run_file()
    longest = plan(run, "--gpus", 8)["longest_sequence"]
    assert longest > 8192
    longer = settings(model__max_position_embeddings=10 ** 6)
    assert plan(run, "--gpus", 8, *longer, *settings(data__sequence_length=longest))["fits"]
    assert not plan(run, "--gpus", 8, *longer, *settings(data__sequence_length=longest + 128))["fits"]


def test_without_settings_that_fit_the_ranks_that_would_do_are_named(run_file):
    run = run_file()
    text = ropewalk("plan", run, "--gpus", 1, "--memory", "40GiB")
    assert "no settings make this length fit on 1 rank" in text
    found = plan(run, "--gpus", 1, "--memory", "40GiB")
    assert found["cheapest"] is None and f"{found['ranks_needed']} ranks would do" in text
    assert "more memory" in ropewalk("plan", run, "--gpus", 1, "--memory", "1GiB")


def test_this_machine_is_planned_for_without_options(run_file):
    found = plan(run_file(parallel={}))
    assert found["hardware"] == "cpu" and found["ranks"] == 1
    assert 0 < found["memory_bytes"] < 2 ** 50


def refused(run, *words):
    return ropewalk("plan", run, *words, expect=2)


def test_every_fault_is_told_at_once(run_file):
    run = run_file(parallel={"data_parallel": "fsdp", "shard_size": 3, "context_parallel": 3})
    message = refused(run, "--gpus", 8, "--memory", "lots", "--hardware", "h10",
                      *settings(data__sequence_length=8191))
    assert f"error: {run}" in message
    for words in ('--memory: found "lots", expected a size',
                  '--hardware: found "h10"', 'did you mean "h100"?',
                  "parallel.shard_size: found 3, expected a divisor of the 8 ranks",
                  "parallel.context_parallel: found 3 on 8 ranks, expected a divisor",
                  "data.sequence_length: found 8191"):
        assert words in message, message


@pytest.mark.parametrize("words, text", [
    (["--gpus", 0], "--gpus"),
    (["--gpus", 12], "train.global_batch_size: found 16 with micro_batch_size 1 on 12 ranks"),
    (["--gpus", 8, *settings(parallel__context_parallel=16)], "parallel.context_parallel: found 16"),
    (["--gpus", 64, *settings(parallel__context_parallel=64, parallel__context_parallel_method="ulysses")],
     "32 attention heads"),
    (settings(data__sequence_length=200000), "data.sequence_length"),
    (settings(parallel__recompute="blocks"), "parallel.recompute"),
    (settings(model__hidden_size=-1), "model.hidden_size"),
    (settings(model__hiden_size=4096), "hidden_size"),
    (["--hardware", ""], "--hardware"),
    (["--memory", "-1GiB"], "--memory"),
])
def test_wrong_input_is_refused(run_file, words, text):
    assert text in refused(run_file(), *words)


def test_a_missing_file_and_a_missing_model_are_refused(tmp_path, run_file):
    assert "none.json" in refused(tmp_path / "none.json")
    run = run_file()
    config = json.loads(run.read_text())
    config["model"] = {"pretrained": str(tmp_path / "nothing")}
    run.write_text(json.dumps(config))
    assert "which does not exist; expected a folder" in refused(run, "--gpus", 8)


def test_frozen_parameters_need_no_moments(run_file):
    run = run_file()
    whole = plan(run, "--gpus", 8)["memory"]["bytes_at"]["loss"]
    part = plan(run, "--gpus", 8, *settings(optimizer__trainable=["layers.0.*"]))
    assert part["memory"]["bytes_at"]["loss"]["moments"] < whole["moments"] / 30
    assert part["memory"]["bytes_at"]["loss"]["weights"] == whole["weights"]


@pytest.mark.parametrize("combination", [
    dict(layers=6, inner=1024, length=2048, recompute="block"),
    # GELU is an op that takes memory without making a tensor of it.
    dict(model_type="gpt_neox", kv_heads=None, length=2048),
    dict(hidden=384, length=512, ranks=2, parallel={"data_parallel": "fsdp"}),
    dict(layers=6, inner=1024, length=2048, lora={"rank": 8}),
], ids=["llama", "gpt_neox", "fsdp", "lora"])
def test_measured_memory_is_as_planned(tmp_path, combination):
    """As a row of docs/plan_memory.md."""
    bench = plan_pages.script("plan_memory")
    runs = bench.Bench(PROGRAM, tmp_path)
    result = runs.result(combination)
    measured = result["measured"] - runs.baseline(combination)
    assert result["planned"] / measured == pytest.approx(1.0, abs=0.15)


def test_training_warns_when_the_memory_will_not_do(tmp_path):
    shards = make_shards(tmp_path / "data", seed=5)
    run = small_run(tmp_path / "run.json", shards, tmp_path / "run", train={"steps": 1})
    assert "memory:" not in ropewalk("train", run)
    assert metrics(tmp_path / "run")
    # A loss of all tokens at once, of a batch that is planned for and never made: the run is
    # refused for another reason, after the warning.
    huge = settings(train__micro_batch_size=10 ** 7, train__global_batch_size=10 ** 7,
                    train__loss_chunk_tokens=10 ** 9)
    message = ropewalk("train", run, *huge, expect=2)
    assert re.search(r"memory: a rank is expected to need [\d.]+ [GTP]iB, and has", message)
    assert f"ropewalk plan {run}" in message


@pytest.mark.parametrize("path", plan_pages.GUIDE.PAGES, ids=lambda path: path.name)
def test_pages_show_what_plan_prints(path):
    page = path.read_text()
    assert plan_pages.GUIDE.with_outputs(page, PROGRAM) == page, "run scripts/plan_guide.py"


def test_seventy_b_fits_256_gpus():
    found = plan(SOURCE / "configs/llama-70b-131k.json", "--gpus", 256, "--memory", "80GiB")
    assert found["fits"] and found["ranks"] == 256 and found["sequence_length"] == 131072
    assert found["model"]["parameters"] == 70553706496


def test_a_simulated_rank_is_as_planned():
    """As docs/seventy_b_at_131k.md, of the smallest sizes."""
    words = ["model.num_hidden_layers=2", "model.hidden_size=128", "model.intermediate_size=448",
             "model.num_attention_heads=8", "model.vocab_size=2048", "model.bos_token_id=1",
             "model.eos_token_id=2", "data.sequence_length=64"]
    done = subprocess.run([SOURCE / "scripts/simulated_rank.py", SOURCE / "configs/llama-70b-131k.json",
                           "256", *words], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    rows = dict(re.findall(r"^(\S.*?)  +(\d+ +\d+)$", done.stdout, re.M))
    assert len(rows) == 6
    for what, figures in rows.items():
        found, planned = map(int, figures.split())
        if what.startswith(("weights", "the same", "shard", "sent")):
            assert found == planned, what
        assert found <= planned or what.startswith("all tensors"), what


def test_the_guide_tells_what_plan_prints():
    page = plan_pages.GUIDE.PAGE.read_text()
    outputs = " ".join(re.findall(r"```text\n(.*?)```", page, re.S))
    commands = " ".join(re.findall(r"```\n(ropewalk.*?)```", page, re.S))
    prose = re.sub(r"```.*?```", "", page, flags=re.S)
    given = (SOURCE / "configs/llama-7b-to-32k.json").read_text()
    numbers = re.findall(r"(?<![\w.-])\d+(?:\.\d+)?(?![\w-]*[a-z])", prose)
    assert len(numbers) > 8
    for number in numbers:
        assert re.search(rf"(?<![\d.]){re.escape(number)}(?![\d.]*\d)", outputs + commands + given), number


def test_the_hardware_table_is_the_programs():
    page = (SOURCE / "docs/planning.md").read_text()
    source = (SOURCE / "src/plan/hardware.cpp").read_text()
    listed = re.findall(r"^\| `([\w-]+)` \|.*\| ([^|]+) \|$", page, re.M)
    assert [name for name, _ in listed] == re.findall(r'\{"([\w-]+)",', source)
    for name, origin in listed:
        assert origin in source, name
    for name, _ in listed:
        assert name in ropewalk("plan", "--help")


@pytest.mark.parametrize("ranks, changes", [
    (4, {"parallel__context_parallel": 4}),
    (4, {"parallel__context_parallel": 2, "train__global_batch_size": 2}),
    (4, {"parallel__context_parallel": 2, "train__global_batch_size": 2, "train__micro_batch_size": 2}),
    (2, {"parallel__context_parallel": 2, "parallel__context_parallel_method": "ulysses"}),
    (4, {"parallel__context_parallel": 4, "parallel__context_parallel_method": "ulysses"}),
    (3, {"parallel__context_parallel": 2}),
    (2, {"parallel__data_parallel": "fsdp", "parallel__recompute": "selective",
         "parallel__offload_block_inputs": True}),
])
def test_plan_accepts_what_train_accepts(tmp_path, ranks, changes):
    config = small_run(tmp_path / "run.json", make_shards(tmp_path / "data", seed=1), tmp_path / "run",
                       train={"global_batch_size": 4, "steps": 1}, data={"sequence_length": 64})
    words = settings(**changes)
    planned = subprocess.run([PROGRAM, "plan", config, "--gpus", str(ranks), *words],
                             capture_output=True, text=True)
    trained = subprocess.run([PROGRAM, "train", config, "--nproc", str(ranks), *words],
                             capture_output=True, text=True)
    assert planned.returncode == trained.returncode, planned.stderr + trained.stderr
