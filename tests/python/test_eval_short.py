"""What extension costs at short context: perplexity beside the base model's, and multiple choice."""

import gzip
import json
import random

import eval_reference as reference
import pytest
import transformers
from main_job import OWN_MODEL, PROGRAM, ropewalk
from small_runs import make_shards

pytestmark = pytest.mark.skipif(not PROGRAM, reason="needs ROPEWALK_BIN")


def short(tmp_path, *words, nproc=1):
    file = tmp_path / "short.json"
    table = ropewalk("eval", "short", OWN_MODEL, "--json", file, "--threads", 1, "--nproc", nproc, *words)
    return json.loads(file.read_text()), table


@pytest.fixture(scope="module")
def questions(tmp_path_factory):
    """Of texts that say nothing: the scores differ all the same. Choices differ in length and script."""
    dice = random.Random(4)
    words = ["the", "lord", "said", "unto", "def", "return", "self", "water", "été", "in"]
    lines = [{"context": " ".join(dice.choices(words, k=12)) + dice.choice(["", ":", " ", "\n"]),
              "choices": [" ".join(dice.choices(words, k=dice.randint(1, 5))) for _ in range(dice.randint(2, 4))]}
             for _ in range(11)]
    for line in lines:
        line["answer"] = dice.randrange(len(line["choices"]))
    lines[3]["delimiter"] = ""
    file = tmp_path_factory.mktemp("questions") / "nonsense.jsonl.gz"
    file.write_bytes(gzip.compress("\n".join(json.dumps(line) for line in lines).encode()))
    return file, lines


def test_multiple_choice_equals_the_reference(tmp_path, questions):
    file, lines = questions
    found, table = short(tmp_path, "--choices", file, "--factors", "1,4")
    tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_file=str(OWN_MODEL / "tokenizer.json"))
    for result, peer in zip(found["choices"], (reference.model(OWN_MODEL),
                                               reference.model(OWN_MODEL, "linear", 4.0)), strict=True):
        right = [0, 0]
        for line in lines:
            context = line["context"].rstrip()
            delimiter = line["context"][len(context):] + line.get("delimiter", " ")
            for i, scores in enumerate(reference.choice_scores(peer, tokenizer, context, line["choices"],
                                                               delimiter)):
                right[i] += scores.index(max(scores)) == line["answer"]
        assert [round(result[key] * 11) for key in ("accuracy", "accuracy_normalized")] == right
        assert (result["task"], result["questions"]) == ("nonsense", 11)
    assert "nonsense, linear x4" in table
    assert short(tmp_path, "--choices", file, "--factors", "1,4", nproc=2)[0] == found


def test_the_base_stands_beside_the_extended_model(tmp_path):
    shards = make_shards(tmp_path / "data", seed=5, num_documents=2, num_words=150)
    extended = tmp_path / "extended"
    ropewalk("export", OWN_MODEL, extended)
    config = json.loads((extended / "config.json").read_text())
    config.update(max_position_embeddings=1024, pos_scaling_factor=4.0)
    (extended / "config.json").write_text(json.dumps(config))
    file = tmp_path / "short.json"
    table = ropewalk("eval", "short", extended, "--base", OWN_MODEL, "--data", shards, "--json", file,
                     "--threads", 1)
    rows = json.loads(file.read_text())["perplexity"]
    assert [(row["name"], row["factor"], row["window"]) for row in rows] == [
        (name, factor, window) for name, factor in (("base", 1), ("extended", 4))
        for window in (32, 64, 128, 256)]
    ropewalk("eval", "perplexity", OWN_MODEL, "--data", shards, "--windows", "32,256", "--json",
             tmp_path / "own.json", "--threads", 1)
    own = json.loads((tmp_path / "own.json").read_text())["results"]
    assert [rows[0]["nll"], rows[3]["nll"]] == [result["nll"] for result in own]
    assert all(row["nll"] > rows[0]["nll"] for row in rows[4:]), "untuned, it costs"
    assert "base, unscaled" in table and "extended, linear x4" in table


def test_wrong_questions_are_refused_all_at_once(tmp_path):
    file = tmp_path / "questions.jsonl"
    file.write_text('{"context": "a", "choices": ["b", "c"], "answer": 1}\n'
                    '{"context": 1, "choices": ["b"], "answer": 1}\n'
                    '{"context": "a", "choices": ["b", 2], "answer": "b"}\n')
    text = ropewalk("eval", "short", OWN_MODEL, "--choices", file, expect=2)
    for part in ("line 2: found no text `context`", "line 2: found fewer than two `choices`",
                 "line 2: found `answer` 1", "line 3: found choice 2", 'line 3: found `answer` "b"',
                 str(file)):
        assert part in text, text
    assert "line 1" not in text
    file.write_text("\n")
    assert "has no questions" in ropewalk("eval", "short", OWN_MODEL, "--choices", file, expect=2)
    assert "expected one of them" in ropewalk("eval", "short", OWN_MODEL, expect=2)
    file.write_text('{"context": "a", "choices": ["b", "c"], "answer": 1}\n{"context"\n')
    assert "line 2: column 11: not valid JSON" in ropewalk("eval", "short", OWN_MODEL, "--choices", file, expect=2)
