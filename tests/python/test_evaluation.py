"""Perplexity while training and afterwards: one protocol, one number."""

import inspect
import json
import shutil
import textwrap
import xml.etree.ElementTree

import pytest
from event_files import accumulated
from main_job import OWN_MODEL, PROGRAM, metrics, ropewalk
from safetensors.torch import load_file, save_file
from small_runs import checkpoint, make_shards, settings, small_run

pytestmark = pytest.mark.skipif(not PROGRAM, reason="needs ROPEWALK_BIN")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    validation = make_shards(folder / "validation", seed=2, num_documents=3, num_words=150)
    return make_shards(folder / "train", seed=1), validation


def evaluations(run_dir):
    """step -> {tag: value} of the lines that evaluations wrote."""
    return {line["step"]: {key: value for key, value in line.items() if key != "step"}
            for line in metrics(run_dir) if any(key.startswith("eval/") for key in line)}


def perplexities(tmp_path, model, validation, *words):
    report = tmp_path / "perplexity.json"
    ropewalk("eval", "perplexity", model, "--data", validation, "--json", report, "--threads", 1,
             *words)
    return json.loads(report.read_text())["results"]


@pytest.mark.parametrize("ranks", [1, 2])
def test_evaluation_while_training_equals_the_command_and_changes_nothing(tmp_path, data, ranks):
    train, validation = data
    watched = small_run(tmp_path / "watched.json", train, tmp_path / "watched",
                        data={"validation": [str(validation)]},
                        eval={"every_steps": 2, "windows": [16, 32], "stride": 8, "factors": [1, 2, 4]})
    plain = small_run(tmp_path / "plain.json", train, tmp_path / "plain")
    for config in (watched, plain):
        ropewalk("train", config, "--nproc", ranks)
    found = evaluations(tmp_path / "watched")
    assert list(found) == [0, 2, 4, 6]
    last = checkpoint(tmp_path / "watched", 6)
    results = perplexities(tmp_path, last, validation, "--windows", "16,32", "--stride", 8,
                           "--factors", "1,2,4")
    assert found[6] == {f"eval/perplexity@{result['window']}/factor_{result['factor']:g}":
                        pytest.approx(result["perplexity"], rel=1e-6) for result in results}
    assert {result["documents"] for result in results} == {3}
    # The scaling that training uses is back after each evaluation.
    for name in ("model.safetensors", "trainer/optimizer.safetensors"):
        assert (last / name).read_bytes() == (checkpoint(tmp_path / "plain", 6) / name).read_bytes()


def test_evaluation_of_a_bf16_run_is_computed_in_fp32(tmp_path, data):
    train, validation = data
    config = small_run(tmp_path / "run.json", train, tmp_path / "run",
                       data={"validation": [str(validation)]},
                       train={"precision": "bf16", "steps": 3}, eval={"every_steps": 3})
    ropewalk("train", config)
    ropewalk("export", tmp_path / "run", tmp_path / "exported", "--dtype", "fp32")
    result, = perplexities(tmp_path, tmp_path / "exported", validation, "--windows", 32)
    assert evaluations(tmp_path / "run")[3] == {
        "eval/perplexity@32": pytest.approx(result["perplexity"], rel=1e-6)}


def test_scaling_is_said_completely_or_refused(tmp_path, data):
    def refused(*words):
        return ropewalk("eval", "perplexity", OWN_MODEL, "--data", data[1], "--windows", 16, *words,
                        expect=2)

    assert "--factors" in refused("--scaling", "yarn")
    assert "linear, " in refused("--scaling", "linaer", "--factors", 2)
    assert "no scaling" in refused("--scaling", "default", "--factors", 2)
    kinds = {}
    for kind in ("default", "linear", "yarn"):
        result, = perplexities(tmp_path, OWN_MODEL, data[1], "--windows", 16, "--scaling", kind,
                               "--factors", 1)
        assert (result["kind"], result["factor"]) == ("default", 1)
        kinds[kind] = result["perplexity"]
    own, = perplexities(tmp_path, OWN_MODEL, data[1], "--windows", 16)
    assert set(kinds.values()) == {own["perplexity"]}


def texts_of(picture):
    root = xml.etree.ElementTree.fromstring(picture.read_text())
    return [" ".join(element.itertext()) for element in root.iter() if element.tag.endswith("text")]


def test_compare_draws_and_lists_what_several_evaluations_found(tmp_path, data):
    validation = data[1]
    for name, factors in (("base", "1"), ("scaled", "1,2")):
        ropewalk("eval", "perplexity", OWN_MODEL, "--data", validation, "--windows", "16,64",
                 "--factors", factors, "--json", tmp_path / f"{name}.json", "--threads", 1,
                 "--plot", tmp_path / f"{name}.svg")
    table = ropewalk("eval", "compare", f"base={tmp_path / 'base.json'}",
                     f"scaled={tmp_path / 'scaled.json'}", "--plot", tmp_path / "both.svg",
                     "--title", "before and after")
    rows = {"base, unscaled", "scaled, unscaled", "scaled, linear x2"}
    for row in rows:
        assert row in table
    for result in json.loads((tmp_path / "scaled.json").read_text())["results"]:
        assert f"{result['perplexity']:.4g}" in table
    shown = texts_of(tmp_path / "both.svg")
    assert rows | {"before and after"} <= set(shown), shown
    assert any("unscaled" in text for text in texts_of(tmp_path / "base.svg"))


def test_sampling_is_repeatable_by_seed():
    def sampled(seed):
        out = ropewalk("generate", OWN_MODEL, "--prompt", "import ", "--max-new-tokens", 24, "--json",
                       "--temperature", 1.2, "--top-p", 0.9, "--seed", seed, "--threads", 1)
        return json.loads(out.splitlines()[0])["ids"]

    assert sampled(1) == sampled(1)
    assert sampled(1) != sampled(2)


TASKS = {"passkey": {"windows": [128], "trials": 1}, "needle": {"lengths": [128], "depths": [0, 1], "trials": 1},
         "recall": {"lengths": [128], "keys": 2, "hops": 1, "trials": 2}}
# Of the perplexities and tasks of the runs below.
TAGS = {"eval/perplexity@32", "eval/perplexity@256", "eval/passkey@128", "eval/passkey_found@128",
        "eval/needle@128", "eval/recall_keys@128", "eval/recall_variables@128",
        "eval/choices/questions", "eval/choices_by_length/questions"}


def question_file(path):
    path.write_text("".join(json.dumps({"context": f"item {number} is", "choices": ["good", "bad"],
                                        "answer": number % 2}) + "\n" for number in range(5)))
    return path


@pytest.mark.parametrize(("ranks", "kind"), [(1, "ddp"), (2, "fsdp")])
def test_tasks_while_training_equal_the_commands(tmp_path, data, ranks, kind):
    train, validation = data
    questions = question_file(tmp_path / "questions.jsonl")
    config = small_run(tmp_path / "run.json", train, tmp_path / "run",
                       data={"validation": [str(validation)]}, parallel={"data_parallel": kind},
                       eval={"every_steps": 6, "windows": [32, 256], "choices": [str(questions)], **TASKS})
    text = ropewalk("train", config, "--nproc", ranks)
    found = evaluations(tmp_path / "run")
    assert list(found) == [0, 6]
    assert set(found[0]) == set(found[6]) == TAGS
    assert "eval at step 0:" in text and "passkey@128" in text
    model = checkpoint(tmp_path / "run", 6)
    own = tmp_path / "own"
    for words in (["perplexity", "--data", validation, "--windows", "32,256"],
                  ["passkey", "--window", 128, "--trials", 1],
                  ["needle", "--lengths", 128, "--depths", "0,1", "--trials", 1],
                  ["recall", "--lengths", 128, "--keys", 2, "--hops", 1, "--trials", 2],
                  ["short", "--choices", questions]):
        ropewalk("eval", words[0], model, "--json", own, "--threads", 1, *words[1:])
        kind = {"short": "choices", "passkey": "passkey-128"}.get(words[0], words[0])
        written = json.loads((tmp_path / "run" / "eval" / f"step-00000006.{kind}.json").read_text())
        assert approximately(written) == json.loads(own.read_text())


def test_a_gate_may_ask_for_every_number_of_an_evaluation(tmp_path, data):
    """A refused gate lists what there is: what the test above finds written."""
    questions = question_file(tmp_path / "questions.jsonl")
    config = small_run(tmp_path / "run.json", data[0], tmp_path / "run",
                       data={"validation": [str(data[1])]},
                       eval={"every_steps": 6, "windows": [32, 256], "choices": [str(questions)], **TASKS})
    text = json.loads(config.read_text())
    text["stages"] = [{"gate": {"eval/none": {"at_most": 1}}}]
    config.write_text(json.dumps(text))
    listed = ropewalk("train", config, expect=2).partition("expected one of ")[2].partition(". ")[0]
    assert set(listed.split(", ")) == TAGS


def test_an_evaluation_that_a_run_was_ended_in_is_made_up_for(tmp_path, data):
    config = small_run(tmp_path / "run.json", data[0], tmp_path / "run", train={"steps": 4},
                       data={"validation": [str(data[1])]}, checkpoint={"every_steps": 2},
                       eval={"every_steps": 2, "windows": [32]})
    ropewalk("train", config)
    whole = evaluations(tmp_path / "run")
    file = tmp_path / "run" / "metrics.jsonl"

    def cut_short():
        """The checkpoint of step 4 is there and its numbers are not."""
        lines = file.read_text().splitlines()
        file.write_text("".join(f"{line}\n" for line in lines if not (
            "eval/" in line and json.loads(line)["step"] == 4)))

    cut_short()
    assert "the evaluation at step 4 was cut short" in ropewalk("train", config, "--resume", "--nproc", 2)
    assert evaluations(tmp_path / "run") == whole
    cut_short()
    text = ropewalk("train", config, "--resume", *settings(train__steps=6))
    assert "the evaluation at step 4 was cut short" in text
    found = evaluations(tmp_path / "run")
    assert list(found) == [0, 2, 4, 6] and found[4] == whole[4]
    assert "already at step 6" in ropewalk("train", config, "--resume", *settings(train__steps=6))


def test_tensorboard_shows_the_evaluations_of_the_metrics(tmp_path, data):
    config = small_run(tmp_path / "run.json", data[0], tmp_path / "run",
                       data={"validation": [str(data[1])]}, train={"steps": 4},
                       eval={"every_steps": 2, "windows": [16, 32], "factors": [1, 2],
                             "needle": TASKS["needle"]})
    ropewalk("train", config)
    events = accumulated(tmp_path / "run" / "tensorboard")
    shown = {tag: [(event.step, event.value) for event in events.Scalars(tag)]
             for tag in events.Tags()["scalars"] if tag.startswith("eval/")}
    written = evaluations(tmp_path / "run")
    assert list(written) == [0, 2, 4] and len(written[4]) == 5
    assert shown == {tag: [(step, pytest.approx(line[tag], rel=1e-6)) for step, line in written.items()]
                     for tag in written[4]}


def approximately(json_value):
    if isinstance(json_value, dict):
        return {key: approximately(value) for key, value in json_value.items()}
    if isinstance(json_value, list):
        return [approximately(value) for value in json_value]
    return pytest.approx(json_value, rel=1e-5) if isinstance(json_value, float) else json_value


@pytest.fixture(scope="module")
def known_text(tmp_path_factory):
    """Shards of what the example model was trained on the like of."""
    folder = tmp_path_factory.mktemp("known")
    text = folder / "python.txt"
    text.write_text(inspect.getsource(textwrap))
    ropewalk("prepare", text, "--tokenizer", OWN_MODEL, "--output", folder / "shards")
    return folder / "shards"


def start_of(tmp_path, shards, evaluated=None, **changes):
    """What a run of one step says before that step."""
    config = small_run(tmp_path / "run.json", shards, tmp_path / "run",
                       data={"validation": [str(shards)]}, train={"steps": 1}, schedule={"warmup_steps": 0},
                       eval=evaluated or {"every_steps": 1, "windows": [64, 512]}, **changes)
    return ropewalk("train", config).partition("step 1/1")[0]


def test_a_sound_start_raises_no_doubt(tmp_path, known_text):
    text = start_of(tmp_path, known_text)
    assert "eval at step 0:" in text and "warning" not in text, text


def test_a_broken_start_is_doubted(tmp_path, known_text):
    broken = tmp_path / "broken"
    shutil.copytree(OWN_MODEL, broken)
    config = json.loads((broken / "config.json").read_text())
    # As another layout or tokenizer would: the weights no longer fit what is computed with them.
    config["rms_norm_eps"] = 10.0
    (broken / "config.json").write_text(json.dumps(config))
    text = start_of(tmp_path, known_text, model={"pretrained": str(broken)})
    assert "near guessing among 2,048 tokens" in text


def changed_model(folder, change):
    """The example model with `change(name, weight)` for each weight."""
    shutil.copytree(OWN_MODEL, folder)
    weights = load_file(folder / "model.safetensors")
    save_file({name: change(name, weight).contiguous() for name, weight in weights.items()},
              folder / "model.safetensors", metadata={"format": "pt"})
    return folder


def interleaved(name, weight):
    """The other rotary layout, as a wrong conversion leaves it."""
    if not name.endswith(("q_proj.weight", "k_proj.weight")):
        return weight
    return weight.view(-1, 2, 32, weight.shape[-1]).transpose(1, 2).reshape(weight.shape)  # heads of 64


def test_weights_in_the_other_rotary_layout_are_told(tmp_path, known_text):
    model = changed_model(tmp_path / "interleaved", interleaved)
    text = start_of(tmp_path, known_text, model={"pretrained": str(model)})
    assert text.count("warning") == 1 and "with the other rotary layout" in text


def test_the_start_is_judged_under_the_runs_own_scaling(tmp_path):
    """Whatever eval.factors measures besides: a model that is too sure of itself explodes under factor 4,
    and not under the run's 2."""
    model = changed_model(tmp_path / "sure",
                          lambda name, weight: 4 * weight if name == "model.norm.weight" else weight)
    (tmp_path / "text.txt").write_text("def f(a, b):\n    return a + b\n\n" * 200)
    ropewalk("prepare", tmp_path / "text.txt", "--tokenizer", OWN_MODEL, "--output", tmp_path / "shards")
    text = start_of(tmp_path, tmp_path / "shards", {"every_steps": 1, "windows": [64, 512], "factors": [4]},
                    model={"pretrained": str(model)})
    exploded = float(text.partition("perplexity@512/factor_4 ")[2].split()[0])
    assert exploded > 1000 and "warning" not in text, text


def test_no_evaluation_before_the_first_step_where_it_is_off(tmp_path, data):
    config = small_run(tmp_path / "run.json", data[0], tmp_path / "run",
                       data={"validation": [str(data[1])]}, train={"steps": 2},
                       eval={"every_steps": 2, "at_start": False})
    ropewalk("train", config)
    assert list(evaluations(tmp_path / "run")) == [2]
    # A resumed run has begun before.
    ropewalk("train", config, "--resume", *settings(train__steps=4, eval__at_start=True))
    assert list(evaluations(tmp_path / "run")) == [2, 4]


def test_windows_that_no_document_fills_are_told(tmp_path, data):
    config = small_run(tmp_path / "run.json", data[0], tmp_path / "run", train={"steps": 1},
                       data={"validation": [str(data[1])]}, eval={"every_steps": 1, "windows": [64, 3000, 4000]})
    text = ropewalk("train", config, "--nproc", 2, expect=2)
    for window in (3000, 4000):
        assert text.count(f"eval.windows: found {window}, longer than each of the 3 documents") == 1, text
    assert not (tmp_path / "run").exists()
    # The training length is not asked for, and measured all the same.
    short = make_shards(tmp_path / "short", seed=4, num_documents=1, num_words=5)
    config = small_run(tmp_path / "run.json", data[0], tmp_path / "run", train={"steps": 1},
                       data={"validation": [str(short)]}, schedule={"warmup_steps": 0},
                       eval={"every_steps": 1})
    text = ropewalk("train", config)
    assert "data.validation: perplexity at data.sequence_length" in text and "longer than each" in text


def test_factors_of_another_kind_equal_the_command(tmp_path, data):
    config = small_run(tmp_path / "run.json", data[0], tmp_path / "run", train={"steps": 1},
                       data={"validation": [str(data[1])]}, parallel={"threads": 1},
                       schedule={"warmup_steps": 0},
                       eval={"every_steps": 1, "windows": [64], "factors": [2, 4], "scaling": "yarn",
                             "at_start": False})
    ropewalk("train", config)
    found = perplexities(tmp_path, checkpoint(tmp_path / "run", 1), data[1], "--windows", 64, "--factors",
                         "2,4", "--scaling", "yarn")
    assert evaluations(tmp_path / "run")[1] == {
        f"eval/perplexity@64/factor_{row['factor']:.0f}": pytest.approx(row["perplexity"], rel=1e-6)
        for row in found}
    assert "eval.factors: scaling llama3" in ropewalk(
        "train", config, "--overwrite", *settings(eval__scaling="llama3"), expect=2)


def test_tasks_that_cannot_be_are_refused_before_anything_starts(tmp_path, data):
    questions = tmp_path / "questions.jsonl"
    questions.write_text("{}\n")
    config = small_run(tmp_path / "run.json", data[0], tmp_path / "run",
                       eval={"every_steps": 2, "passkey": {"windows": [32]}, "needle": {"lengths": [32, 512]},
                             "recall": {"lengths": [40]}, "choices": [str(questions)]})
    text = ropewalk("train", config, "--nproc", 2, expect=2)
    for part in ("eval.passkey.windows: window 32: the key does not fit", "eval.needle.lengths: length 32",
                 "eval.recall.lengths: length 40", "eval.choices: ", "line 1: found no text `context`"):
        assert text.count(part) == 1, text
    assert not (tmp_path / "run").exists()
