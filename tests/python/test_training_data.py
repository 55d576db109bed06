"""How documents become sequences of a run: packing, mixing, long documents, what is refused."""

import json
import struct

import pytest
from main_job import OWN_MODEL, PROGRAM, metrics, numbers, ropewalk, text_file
from small_runs import checkpoint, make_shards, settings, small_run, weights

pytestmark = pytest.mark.skipif(not PROGRAM, reason="needs ROPEWALK_BIN")

PACKINGS = ["concat", "packed", "document"]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Two folders: many short documents, and a few of which some are long."""
    folder = tmp_path_factory.mktemp("data")
    short = make_shards(folder / "short", seed=1, num_documents=30, num_words=40)
    texts = [text_file(folder / f"{number}.txt", 900 + number, words)
             for number, words in enumerate([20, 600, 20, 800])]
    ropewalk("prepare", *texts, "--tokenizer", OWN_MODEL, "--output", folder / "long")
    return short, folder / "long"


@pytest.mark.parametrize("packing", PACKINGS)
def test_ranks_and_resumes_see_the_same_samples(packing, tmp_path, data):
    def config(name):
        return small_run(tmp_path / f"{name}.json", data[0], tmp_path / name,
                         data={"packing": packing, "sequence_length": 48},
                         train={"global_batch_size": 4, "micro_batch_size": 2})

    ropewalk("train", config("one"))
    ropewalk("train", config("two"), "--nproc", "2")
    one, two = (numbers(tmp_path / name, "loss") for name in ("one", "two"))
    assert two == pytest.approx(one, rel=1e-5)
    ropewalk("train", config("stopped"), *settings(train__steps=3, schedule__type="constant"))
    ropewalk("train", config("stopped"), "--resume", *settings(schedule__type="constant"))
    ropewalk("train", config("whole"), *settings(schedule__type="constant"))
    assert numbers(tmp_path / "stopped", "loss") == numbers(tmp_path / "whole", "loss")
    assert weights(checkpoint(tmp_path / "stopped", 6)) == weights(checkpoint(tmp_path / "whole", 6))


@pytest.mark.parametrize("packing", PACKINGS)
def test_one_epoch_has_every_token_as_a_target_once(packing, tmp_path, data):
    config = small_run(tmp_path / "run.json", data[0], tmp_path / "run",
                       data={"packing": packing, "sequence_length": 64, "add_bos": True},
                       train={"global_batch_size": 1, "steps": 400, "micro_batch_size": 1},
                       optimizer={"learning_rate": 1e-5}, checkpoint={"every_steps": 0})
    ropewalk("train", config)
    line = next(line for line in metrics(tmp_path / "run") if line["epochs"] >= 1)
    assert line["epochs"] == 1
    held = json.loads((data[0] / "dataset.json").read_text())
    documents = 0 if packing == "concat" else held["documents"]  # their ends; concat: see below
    expected = held["tokens"] + documents
    if packing == "concat":  # the whole stream but for its first token and the rest of the last row
        stream = held["tokens"] + 2 * held["documents"]
        expected = (stream - 1) // 64 * 64
    assert line["tokens"] == expected


def test_sources_are_mixed_by_their_weights(tmp_path, data):
    config = small_run(tmp_path / "run.json", data[0], tmp_path / "run",
                       data={"train": [str(data[0]), str(data[1])], "weights": [1, 3]},
                       train={"steps": 60, "global_batch_size": 8, "micro_batch_size": 8})
    output = ropewalk("train", config)
    tokens = {key: value for key, value in metrics(tmp_path / "run")[-1].items() if "tokens/" in key}
    assert sum(tokens.values()) == 60 * 8 * 32 and set(tokens) == {"tokens/shards", "tokens/long"}
    assert tokens["tokens/long"] / sum(tokens.values()) == pytest.approx(0.75, abs=0.05)
    assert "data: long:" in output and "times" in output
    ropewalk("train", config, "--resume", *settings(train__steps=61))
    resumed = metrics(tmp_path / "run")[-1]
    assert resumed["tokens/long"] + resumed["tokens/shards"] == resumed["tokens"]
    message = ropewalk("train", config, "--resume", *settings(train__steps=62, data__weights=[1, 1]),
                       expect=2)
    assert "data.weights" in message


def test_long_documents_get_their_share(tmp_path, data):
    config = small_run(tmp_path / "run.json", data[1], tmp_path / "run",
                       data={"packing": "document", "long_document_tokens": 200,
                             "long_document_share": 0.5},
                       train={"steps": 60, "global_batch_size": 8, "micro_batch_size": 8})
    ropewalk("train", config)
    line = metrics(tmp_path / "run")[-1]
    assert line["tokens/long"] > 0 and line["tokens/long/long"] > line["tokens/long"]


def test_short_documents_are_left_out(tmp_path, data):
    config = small_run(tmp_path / "run.json", data[1], tmp_path / "run",
                       data={"packing": "packed", "min_document_tokens": 200})
    output = ropewalk("train", config)
    both = ropewalk("train", config, "--overwrite", *settings(data__min_document_tokens=0))
    count = lambda text: int(text.split("data: long: ")[1].split(" ")[0].replace(",", ""))  # noqa: E731
    assert count(output) <= count(both)
    message = ropewalk("train", config, "--overwrite", *settings(data__min_document_tokens=10**6),
                       expect=2)
    assert "min_document_tokens" in message and "inspect" in message


def num_trained(shard):
    """Set bits of a shard's section of targets (docs/file_formats.md)."""
    data = shard.read_bytes()
    begin = struct.unpack_from("<Q", data, 96)[0]
    tokens, = struct.unpack_from("<Q", data, 32)
    return sum(bin(byte).count("1") for byte in data[begin:begin + (tokens + 7) // 8])


@pytest.mark.parametrize("packing", PACKINGS)
def test_the_loss_of_chat_data_is_on_the_answers_alone(packing, tmp_path):
    lines = tmp_path / "pairs.jsonl"
    lines.write_text("".join(json.dumps({"prompt": f"What is {number} and {number}?",
                                         "completion": f" It is {2 * number}."}) + "\n"
                             for number in range(40)))
    ropewalk("prepare", lines, "--chat-form", "none", "--tokenizer", OWN_MODEL, "--output",
             tmp_path / "chat")
    config = small_run(tmp_path / "run.json", tmp_path / "chat", tmp_path / "run",
                       data={"packing": packing, "sequence_length": 128},
                       train={"global_batch_size": 1, "micro_batch_size": 1, "steps": 60},
                       checkpoint={"every_steps": 0})
    ropewalk("train", config)
    line = next(line for line in metrics(tmp_path / "run") if line["epochs"] >= 1)
    trained = num_trained(tmp_path / "chat" / "shard-00000.tokens")
    if packing == "concat":  # the rest of the last row is dropped
        assert 0.9 * trained <= line["tokens"] <= trained
    else:
        assert line["tokens"] == trained
    held = json.loads((tmp_path / "chat" / "dataset.json").read_text())
    assert trained < 0.6 * held["tokens"]


def test_a_chat_template_that_is_not_known_is_refused(tmp_path):
    lines = tmp_path / "chat.jsonl"
    lines.write_text(json.dumps({"messages": [{"role": "user", "content": "a"},
                                              {"role": "assistant", "content": "b"}]}) + "\n")
    message = ropewalk("prepare", lines, "--chat-form", "auto", "--tokenizer", OWN_MODEL, "--output",
                       tmp_path / "chat", expect=2)
    assert "chat_template" in message and "chatml" in message and "llama3" in message
    message = ropewalk("prepare", lines, "--chat-form", "chatml", "--tokenizer", OWN_MODEL, "--output",
                       tmp_path / "chat", expect=2)
    assert "<|im_start|>" in message
    message = ropewalk("prepare", lines, "--chat-form", "none", "--tokenizer", OWN_MODEL, "--output",
                       tmp_path / "chat", expect=2)
    assert f"{lines}:1" in message and "messages" in message
    assert not (tmp_path / "chat").exists()


def test_bos_is_the_tokenizers_choice_unless_said(tmp_path, data):
    def first_loss(name, **changes):
        config = small_run(tmp_path / f"{name}.json", data[0], tmp_path / name, train={"steps": 1})
        ropewalk("train", config, *settings(**changes))
        return numbers(tmp_path / name, "loss")[0]

    by_default = first_loss("default")
    said = [first_loss("yes", data__add_bos=True), first_loss("no", data__add_bos=False)]
    assert said[0] != said[1]
    tokenizer = json.loads((OWN_MODEL / "tokenizer_config.json").read_text())
    assert by_default == said[0 if tokenizer.get("add_bos_token") else 1]


def test_the_start_tells_of_a_double_bos_and_of_what_is_left_out(tmp_path):
    model = json.loads((OWN_MODEL / "config.json").read_text())
    bos, eos = model["bos_token_id"], model["eos_token_id"]
    ids = [bos, 10, 11, eos, bos, 12, 13, 14, 15, 16, eos] * 40
    (tmp_path / "train.bin").write_bytes(struct.pack(f"<{len(ids)}H", *ids))
    config = small_run(tmp_path / "run.json", tmp_path / "train.bin", tmp_path / "run",
                       train={"steps": 1}, data={"add_bos": True, "min_document_tokens": 5})
    told = ropewalk("train", config)
    assert f"data.train[0]: its documents begin with the begin-of-text token (id {bos})" in told
    assert "left out, documents: 40" in told
    config = small_run(tmp_path / "run.json", tmp_path / "train.bin", tmp_path / "other",
                       train={"steps": 1}, data={"add_bos": False})
    told = ropewalk("train", config)
    assert "begin-of-text" not in told and "left out" not in told


@pytest.mark.parametrize("changes, words", [
    ({"data__repeat": False, "train__steps": 5000}, ["data.repeat", "5,000", "times"]),
    ({"data__weights": [1, 2]}, ["data.weights", "2 numbers", "1 folders"]),
    ({"data__weights": [0]}, ["data.weights[0]", "> 0"]),
    ({"data__long_document_tokens": 50}, ["data.long_document_share", "both or neither"]),
    ({"data__long_document_share": 0.5}, ["data.long_document_tokens", "both or neither"]),
    ({"data__long_document_tokens": 50, "data__long_document_share": 0.5,
      "data__min_document_tokens": 60}, ["data.long_document_tokens", "more than"]),
    ({"data__packing": "pack"}, ["data.packing", "packed"]),
])
def test_what_cannot_be_is_refused_before_the_start(changes, words, tmp_path, data):
    config = small_run(tmp_path / "run.json", data[0], tmp_path / "run",
                       train={"global_batch_size": 1, "micro_batch_size": 1})
    message = ropewalk("train", config, *settings(**changes), expect=2)
    for word in words:
        assert word in message, message
    assert not (tmp_path / "run").exists()
