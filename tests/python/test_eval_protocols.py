"""Perplexity by three papers' protocols, passkeys and needles: equal to an independent reference's, on any
number of ranks; and what cannot be measured is refused."""

import json
import math

import eval_reference as reference
import pytest
import transformers
from key_finder import write_key_finder
from main_job import OWN_MODEL, PROGRAM, SHARED, ropewalk
from small_runs import make_shards

pytestmark = pytest.mark.skipif(not PROGRAM, reason="needs ROPEWALK_BIN")
WINDOW, STRIDE = 64, 16


@pytest.fixture(scope="module")
def tokenizer():
    return transformers.PreTrainedTokenizerFast(tokenizer_file=str(OWN_MODEL / "tokenizer.json"))


@pytest.fixture(scope="module")
def texts(tmp_path_factory, tokenizer):
    """Shards, and their documents' ids; lengths differ."""
    folder = tmp_path_factory.mktemp("texts")
    shards = make_shards(folder, seed=3, num_documents=3, num_words=90)
    documents = [tokenizer.encode((folder / f"{number}.txt").read_text(), add_special_tokens=False)
                 for number in range(3)]
    return shards, documents


@pytest.fixture(scope="module")
def peers():
    return [reference.model(OWN_MODEL), reference.model(OWN_MODEL, "linear", 2.0)]


def measured(tmp_path, shards, *words, nproc=1):
    file = tmp_path / "perplexity.json"
    table = ropewalk("eval", "perplexity", OWN_MODEL, "--data", shards, "--windows", WINDOW, "--stride",
                     STRIDE, "--factors", "1,2", "--json", file, "--threads", 1, "--nproc", nproc, *words)
    return json.loads(file.read_text()), table


def test_pi_equals_the_reference_with_interval_and_positions(tmp_path, texts, peers):
    shards, documents = texts
    found, table = measured(tmp_path, shards)
    assert found["protocol"] == "pi"
    for result, peer in zip(found["results"], peers, strict=True):
        sums = reference.pi(peer, documents, WINDOW, STRIDE)
        nll = sum(s for s, _ in sums) / sum(w for _, w in sums)
        assert result["nll"] == pytest.approx(nll, rel=1e-5)
        assert result["tokens"] == sum(len(ids) - 1 for ids in documents)
        low, high = reference.interval_of_mean(sums, t=4.3027)
        assert result["perplexity_low"] == pytest.approx(math.exp(low), rel=1e-4)
        assert result["perplexity_high"] == pytest.approx(math.exp(high), rel=1e-4)
        for part in result["positions"]:
            loss, tokens = reference.loss_at(peer, documents, WINDOW, STRIDE, (part["begin"], part["end"]))
            assert (part["nll"], part["tokens"]) == (pytest.approx(loss, rel=1e-5), tokens)
        assert [part["begin"] for part in result["positions"]] == list(range(0, WINDOW, WINDOW // 16))
        assert f"{result['perplexity_low']:.4g} to {result['perplexity_high']:.4g}" in table
    assert "loss at positions of window 64" in table


def test_yarn_equals_the_reference(tmp_path, texts, peers):
    shards, documents = texts
    found, _ = measured(tmp_path, shards, "--protocol", "yarn")
    assert found["protocol"] == "yarn"
    for result, peer in zip(found["results"], peers, strict=True):
        assert result["nll"] == pytest.approx(
            reference.yarn(peer, documents, WINDOW, STRIDE, bos=1), rel=1e-5)
        assert result["tokens"] == sum(map(len, documents)), "a document's first token is scored too"


def test_yarn_truncate_equals_the_reference(tmp_path, texts, peers):
    shards, documents = texts
    file = tmp_path / "perplexity.json"
    ropewalk("eval", "perplexity", OWN_MODEL, "--data", shards, "--windows", WINDOW, "--factors", "1,2",
             "--json", file, "--protocol", "yarn_truncate")
    found = json.loads(file.read_text())
    assert found["protocol"] == "yarn_truncate"
    for result, peer in zip(found["results"], peers, strict=True):
        assert result["nll"] == pytest.approx(
            reference.yarn_truncate(peer, documents, WINDOW, bos=1), rel=1e-5)
        assert (result["tokens"], result["documents"]) == (3 * (WINDOW - 1), 3)
        assert result["stride"] == WINDOW


def test_kinds_and_factors_are_measured_on_one_loaded_model(tmp_path, texts):
    shards, _ = texts
    words = ["eval", "perplexity", OWN_MODEL, "--data", shards, "--windows", WINDOW, "--threads", 1]

    def results(*scaling):
        ropewalk(*words, *scaling, "--json", tmp_path / "found.json")
        return json.loads((tmp_path / "found.json").read_text())["results"]

    found = results("--factors", "1,2,4", "--scaling", "linear,yarn")
    assert [(row["kind"], row["factor"]) for row in found] == [
        ("default", 1), ("linear", 2), ("linear", 4), ("yarn", 2), ("yarn", 4)]
    assert found[3:] == results("--factors", "2,4", "--scaling", "yarn")


def test_longlora_equals_the_reference(tmp_path, texts, peers):
    shards, documents = texts
    found, _ = measured(tmp_path, shards, "--protocol", "longlora")
    assert found["protocol"] == "longlora"
    for result, peer in zip(found["results"], peers, strict=True):
        assert result["nll"] == pytest.approx(
            reference.longlora(peer, documents, WINDOW, STRIDE), rel=1e-5)
        assert result["perplexity_low"] is None, "windows overlap over documents"


@pytest.mark.parametrize("protocol", ["pi", "yarn", "longlora"])
def test_any_number_of_ranks_finds_the_same(tmp_path, texts, protocol):
    one, table = measured(tmp_path, texts[0], "--protocol", protocol)
    for nproc in (2, 3):
        assert measured(tmp_path, texts[0], "--protocol", protocol, nproc=nproc) == (one, table)


def test_other_protocols_do_not_compare(tmp_path, texts):
    for protocol in ("pi", "yarn"):
        ropewalk("eval", "perplexity", OWN_MODEL, "--data", texts[0], "--windows", 32, "--protocol",
                 protocol, "--json", tmp_path / f"{protocol}.json")
    text = ropewalk("eval", "compare", f"a={tmp_path / 'pi.json'}", f"b={tmp_path / 'yarn.json'}", expect=2)
    assert "a by pi" in text and "b was measured by protocol yarn" in text
    results = json.loads((tmp_path / "pi.json").read_text())
    # As an exploded model leaves them.
    results["results"][0].update(perplexity=None, nll=None, perplexity_low=None, perplexity_high=None)
    (tmp_path / "pi.json").write_text(json.dumps(results))
    assert "inf" in ropewalk("eval", "compare", f"a={tmp_path / 'pi.json'}")
    results["results"][0].update(window="64", kind=None)
    del results["results"][0]["nll"]
    for protocol in ("p", ""):
        (tmp_path / "pi.json").write_text(json.dumps(dict(results, protocol=protocol)))
        text = ropewalk("eval", "compare", f"a={tmp_path / 'pi.json'}", expect=2)
        for part in ("pi.json", "4 faults", f'protocol: found "{protocol}", expected one of pi',
                     "results[0].window: found", "results[0].kind: is missing", "results[0].nll: is missing"):
            assert part in text, text


def test_what_cannot_be_measured_is_refused(tmp_path, texts):
    def refused(*words):
        return ropewalk("eval", *words, expect=2)

    perplexity = ["perplexity", OWN_MODEL, "--data", texts[0]]
    assert "pi, yarn, yarn_truncate, longlora" in refused(*perplexity, "--windows", 32, "--protocol", "yarm")
    assert "expected more than" in refused(*perplexity, "--windows", 100000, "--protocol", "longlora")
    text = refused(*perplexity, "--windows", "32,5000,6000")
    assert "found 5000, longer than each of the 3 documents" in text and "found 6000" in text
    passkey = ["passkey", OWN_MODEL, "--window"]
    assert "the key does not fit" in refused(*passkey, 64)
    text = refused(*passkey, 256, "--distances", "8,128")
    assert "distance 8: the key does not fit" in text and "greater distances" in text
    text = refused(*passkey, 256, "--distances", "128,300,4000")
    assert "distance 300, 4000: the key does not fit into the window of 256 tokens" in text
    assert "length 64: the key does not fit" in refused("needle", OWN_MODEL, "--lengths", 64)
    assert "length 64: the key does not fit" in refused("recall", OWN_MODEL, "--lengths", 64)
    assert "--depths" in refused("needle", OWN_MODEL, "--lengths", 256, "--depths", 1.5)


def replies_of(tmp_path, *words, nproc=1):
    files = tmp_path / "out.json", tmp_path / "replies.jsonl"
    table = ropewalk("eval", *words, "--json", files[0], "--replies", files[1], "--threads", 1,
                     "--nproc", nproc)
    return (json.loads(files[0].read_text()),
            [json.loads(line) for line in files[1].read_text().splitlines()], table)


def test_passkey_prompts_and_replies_equal_the_reference(tmp_path, tokenizer, peers):
    words = ["passkey", OWN_MODEL, "--window", 192, "--distances", "60,192", "--trials", 2, "--seed", 7,
             "--factors", "1,2"]
    found, replies, _ = replies_of(tmp_path, *words)
    expected = [(distance, *trial) for distance in (60, 192)
                for trial in reference.passkey_prompts(tokenizer, 192, distance, 2, seed=7)]
    for peer, factor in zip(peers, (1, 2), strict=True):
        own = [line for line in replies if line["factor"] == factor]
        assert [(line["length"], line["prompt"], line["answer"]) for line in own] == expected
        for line in own:
            count = reference.answer_tokens(tokenizer, line["answer"])
            assert line["reply"] == reference.greedy(peer, tokenizer, line["prompt"], count)
    assert [result["k_max"] for result in found["results"]] == [0, 0]
    longest = max(len(tokenizer.encode(prompt)) for _, prompt, _ in expected)
    assert found["results"][0]["scores"][1]["prompt_tokens"] == longest <= 192 - 6
    assert replies_of(tmp_path, *words, nproc=2)[:2] == (found, replies)


def check_scores_where_some_keys_are_found(tmp_path, model, tokenizer, kind, digits):
    window, trials, seed, factor = 256, 10, 5, 4.0
    found, _, _ = replies_of(tmp_path, "passkey", model, "--window", window, "--digits", digits, "--seed",
                             seed, "--factors", factor, "--scaling", kind)
    result, = found["results"]
    expected = reference.passkey_scores(reference.model(model, kind, factor), tokenizer, window, trials, seed,
                                        digits)
    assert [(score["distance"], score["successes"]) for score in result["scores"]] == expected
    assert {score["trials"] for score in result["scores"]} == {trials}
    assert result["k_max"] == reference.k_max(expected, trials)
    within, beyond = ([found for distance, found in expected if (distance <= result["k_max"]) == inside]
                      for inside in (True, False))
    assert 0 < sum(within) < trials * len(within) and max(beyond) >= 2, "other rules give other numbers"
    return within


def test_passkey_scores_equal_the_reference_where_some_keys_are_found(tmp_path, tokenizer):
    model = tmp_path / "model"
    write_key_finder(model, OWN_MODEL)
    within = check_scores_where_some_keys_are_found(tmp_path, model, tokenizer, "linear", digits=1)
    assert min(within) == 2, "20 % are enough"


def test_passkey_scores_equal_the_reference_on_a_model_that_was_trained_on_keys(tmp_path):
    model = SHARED / "example-model"
    if not model.exists():
        pytest.skip("the shared example folder is not in the clone")
    tokenizer = transformers.AutoTokenizer.from_pretrained(model)
    tokenizer.add_bos_token = True  # as its tokenizer_config.json says, which `transformers` 5 passes over
    check_scores_where_some_keys_are_found(tmp_path, model, tokenizer, "yarn", digits=4)


def test_needles_stand_at_their_depth(tmp_path, tokenizer):
    _, replies, table = replies_of(tmp_path, "needle", OWN_MODEL, "--lengths", "160,256", "--depths",
                                   "0,0.5,1", "--trials", 1)
    assert len(replies) == 6
    for line in replies:
        room = line["length"] - len(tokenizer.encode(line["answer"])) - 1
        before, after = (part.count(".") for part in line["prompt"].split("The pass key is", 1))
        sentences = before - 3 + after - 3  # less those of the task and of the key's lines
        placed = round(line["depth"] * sentences)
        assert line["prompt"] == reference.passkey_prompt(line["answer"], placed, sentences - placed)
        assert len(tokenizer.encode(line["prompt"])) <= room
        longer = reference.passkey_prompt(line["answer"], placed, sentences - placed + 1)
        assert len(tokenizer.encode(longer)) > room, "as long as the length allows"
    assert "depth 0.5" in table


def test_recall_texts_hold_what_they_ask_for(tmp_path):
    _, replies, _ = replies_of(tmp_path, "recall", OWN_MODEL, "--lengths", 300, "--keys", 3, "--hops", 1,
                               "--trials", 4)
    keys, variables = ([line for line in replies if line["task"] == task] for task in ("keys", "variables"))
    assert len(keys) == len(variables) == 4
    for line in keys:
        *_, question = line["prompt"].splitlines()
        word = question.rpartition("The number of the ")[2].removesuffix(" is")
        assert f"The number of the {word} is {line['answer']}." in line["prompt"]
        assert line["prompt"].count("The number of the") == 4, "three numbers and the question"
    for line in variables:
        *_, question = line["prompt"].splitlines()
        last = question.rpartition("VAR ")[2].removesuffix(" =")
        first = line["prompt"].partition(f"VAR {last} = VAR ")[2].partition(".")[0]
        assert f"VAR {first} = {line['answer']}." in line["prompt"]
    assert len({line["prompt"] for line in replies}) == 8


def test_a_model_that_learnt_short_keys_finds_them_four_times_as_far_under_yarn(tmp_path):
    model = SHARED / "example-model"
    if not model.exists():
        pytest.skip("the shared example folder is not in the clone")
    found, _, _ = replies_of(tmp_path, "passkey", model, "--window", 128, "--digits", 4, "--distances",
                             "40,64,88", "--trials", 4, "--factors", "1,4", "--scaling", "yarn")
    unscaled, yarn = found["results"]
    assert unscaled["k_max"] == 0 and yarn["k_max"] == 88
    assert sum(score["successes"] for score in yarn["scores"]) == 12
