"""Tokenizers of real models against the pip libraries that made them: zero differences in ids and in
decoded text, on generated strings with special tokens inside, long runs of one character and real text.

With ROPEWALK_TOKENIZER_RESULTS set to a file, what was compared goes there as JSON: the equality part
of docs/real_tokenizers.md, which scripts/bench_tokenizers.py writes."""

import dataclasses
import json
import os
import random
import shutil

import pytest
from long_forms import sized
from real_tokenizers import CASES, PACKAGES
from test_tokenizer import REPOSITORY, SHARED, our_ids, our_texts, run, strings

NUM_STRINGS = sized(2_000, 100_000)
BATCH = 20_000  # strings at a time, so that the ids of the long form fit


@dataclasses.dataclass
class Found:
    strings: int = 0
    differences: int = 0
    examples: list = dataclasses.field(default_factory=list)


def with_specials(texts, specials, seed):
    """Of every five texts one gets a special token somewhere in it."""
    rng = random.Random(seed)
    for text in texts:
        if specials and rng.random() < 0.2:
            at = rng.randint(0, len(text))
            text = text[:at] + rng.choice(specials) + text[at:]
        yield text


def runs():
    texts = [character * 100_000 for character in ["a", " ", "\n", "1", "\u00e9", "\u0301", "=", "\u0000"]]
    return texts + ["ab" * 50_000, "a" + " " * 99_999 + "b", "\U0001f600" * 20_000]


def real_text():
    """Whole files, so that documents are long."""
    files = sorted(REPOSITORY.glob("src/**/*.cpp")) + sorted(REPOSITORY.glob("docs/*.md"))
    texts = [file.read_text() for file in files[::sized(8, 1)]]
    for file in sorted(SHARED.glob("example-text/*.txt")):
        texts.append(file.read_text()[:sized(100_000, 1_000_000)])
    return texts


def compare_batch(folder, peers, texts, scratch, found):
    """Every run of the program reads the tokenizer anew, which costs more than a batch: hence few runs."""
    ours = our_ids(folder, texts, scratch)
    shutil.rmtree(scratch / "shards")
    assert len(ours) == len(texts)
    found.strings += len(texts)
    for peer in peers:
        theirs = [peer.encode(text) for text in texts]
        note(found, peer, [(text[:80], a, b) for text, a, b in zip(texts, ours, theirs) if a != b])
    compare_decoded(folder, peers, ours + random_ids(peers[0].size, 500), scratch, found)


def compare_decoded(folder, peers, documents, scratch, found):
    for skip, flags in ((True, []), (False, ["--special"])):
        ours = our_texts(folder, documents, scratch, *flags)
        for peer in peers:
            theirs = [peer.decode(ids, skip) for ids in documents]
            if None in theirs or ours == "".join(text + "\n" for text in theirs):
                continue
            some = [our_texts(folder, [ids], scratch, *flags)[:-1] for ids in documents[:200]]
            wrong = [(ids[:20], a[:80], b[:80]) for ids, a, b in zip(documents, some, theirs) if a != b]
            note(found, peer, wrong or [("decoding of", len(documents), "documents")])


def note(found, peer, wrong):
    found.differences += len(wrong)
    found.examples += [f"{peer.name}: {one!r}"[:1000] for one in wrong[:5]]


def random_ids(size, count):
    """Ids that no text gives: characters are cut in two."""
    rng = random.Random(5)
    return [[rng.randrange(size) for _ in range(12)] for _ in range(count)]


def report(case, peers, found):
    path = os.environ.get("ROPEWALK_TOKENIZER_RESULTS")
    if not path:
        return
    results = json.loads(open(path).read()) if os.path.exists(path) else {}
    results[case.name] = {"kind": case.kind, "peers": [peer.name for peer in peers],
                          "strings": found.strings, "differences": found.differences}
    with open(path, "w") as file:
        json.dump(results, file, indent=1)


@pytest.fixture(autouse=True)
def packages():
    if not PACKAGES.is_dir():
        pytest.skip("needs ROPEWALK_TEXT_ORACLES (scripts/setup.sh --oracles)")


@pytest.mark.long
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_ids_and_text_are_those_of_the_pip_libraries(case, tmp_path):
    folder = case.write(tmp_path / "model")
    peers = case.peers(folder)
    found = Found()
    texts = [*with_specials(strings(17, NUM_STRINGS), case.specials, 3), *runs(), *real_text()]
    for first in range(0, len(texts), BATCH):
        compare_batch(folder, peers, texts[first:first + BATCH], tmp_path, found)
    report(case, peers, found)
    assert found.differences == 0, "\n".join(found.examples)


def test_llama_puts_its_begin_of_text_in_front(tmp_path):
    case = next(case for case in CASES if case.name == "Llama 3")
    done = run("tokenize", case.write(tmp_path / "model"), "--special", input=b"hello\n")
    assert done.stdout.split() == [b"128000", b"15339"]


def test_tokens_added_beside_a_model_file_are_refused_by_name(tmp_path):
    case = next(case for case in CASES if case.name == "Mistral v1")
    folder = case.write(tmp_path / "model")
    config = {"bos_token": "<s>", "add_bos_token": True,
              "added_tokens_decoder": {"1": {"content": "<s>"}, "32000": {"content": "<|im_start|>"}}}
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    done = run("tokenize", folder, input=b"hello\n")
    assert done.returncode == 2
    assert b"added_tokens_decoder.32000" in done.stderr and b"<|im_start|>" in done.stderr

    del config["added_tokens_decoder"]["32000"]
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    done = run("tokenize", folder, "--special", input=b"hello\n")
    assert done.stdout.split()[0] == b"1"
