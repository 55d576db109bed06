"""Ids and decoded text against pip `tokenizers`: zero differences, on generated and real text."""
import functools
import json
import os
import pathlib
import random
import struct
import subprocess

import pytest
from long_forms import sized
from tokenizers import (AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers,
                        processors, trainers)
from tokenizer_pipelines import classes, pipelines

ROPEWALK = os.environ.get("ROPEWALK_BIN", "build/ropewalk")
REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
SHARED = pathlib.Path(os.environ.get("ROPEWALK_SHARED", REPOSITORY.parent / "shared"))
NUM_STRINGS = sized(1_000, 100_000)

LLAMA3 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
          r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")
QWEN2 = LLAMA3.replace(r"\p{N}{1,3}", r"\p{N}")
GPT4O = (r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+"
         r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+"
         r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}"
         r"| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+")

SCRIPTS = [
    (0x20, 0x7E), (0x20, 0x7E), (0x61, 0x7A), (0x30, 0x39), (0xA0, 0xFF), (0x100, 0x24F),
    (0x300, 0x36F), (0x370, 0x3FF), (0x400, 0x4FF), (0x590, 0x5FF), (0x600, 0x6FF), (0x900, 0x97F),
    (0xE00, 0xE7F), (0x1100, 0x11FF), (0x1E00, 0x1EFF), (0x2000, 0x206F), (0x20A0, 0x20CF),
    (0x2150, 0x218F), (0x2460, 0x24FF), (0x3000, 0x30FF), (0x4E00, 0x9FFF), (0xAC00, 0xD7A3),
    (0xE000, 0xE0FF), (0xFB00, 0xFB4F), (0xFE00, 0xFE0F), (0xFF00, 0xFFEF), (0x10330, 0x1034F),
    (0x1D400, 0x1D7FF), (0x1F300, 0x1F64F), (0x1F900, 0x1F9FF), (0x20000, 0x2A6DF), (0x0, 0x1F),
    (0x7F, 0x9F),
]
PHRASES = [
    "the", "The", "it's", "I'LL", "don't", "WE'VE", "'s", "'S", "\u2019s", "'\u017f", "  ", "   ",
    "\n", "\n\n", "\r\n", "\t", " \n ", "\u00a0", "\u180e", "\u2028", "\u3000", "\u200d",
    "\U0001f468\u200d\U0001f469\u200d\U0001f467", "\U0001f1e9\U0001f1ea", "e\u0301", "\u1e9b\u0323",
    "\u1112\u1161\u11ab", "<s>", "</s>", "<unk>", " <s>", "<s", "<|endoftext|>", " <|mask|> ",
    "<|mask|>", "<word>", "x<word>y", " <word> ", "\u00e9<word>", "cafe\u0301", "3.14159",
    "1234567", "\u0661\u0662\u0663", "\u2167", "\u00bd", "def f(x):\n    return x\n",
    "http://a.b/c?d=e&f", "\ufeff", "\u0000",
]


def generate(rng):
    parts = []
    for _ in range(rng.randint(1, 12)):
        kind = rng.random()
        if kind < 0.35:
            parts.append(rng.choice(PHRASES))
        elif kind < 0.45:
            parts.append(rng.choice(PHRASES)[:1] * rng.randint(1, 60))
        elif kind < 0.6:
            parts.append(" " * rng.randint(0, 4))
        else:
            first, last = rng.choice(SCRIPTS)
            parts.append("".join(chr(rng.randint(first, last)) for _ in range(rng.randint(1, 10))))
    return "".join(parts)


@functools.cache
def strings(seed, count=NUM_STRINGS):
    rng = random.Random(seed)
    return [generate(rng) for _ in range(count)]


@functools.cache
def training_text():
    lines = strings(7, 800).copy()
    for source in sorted(REPOSITORY.glob("src/**/*.cpp"))[:20]:
        lines += source.read_text().splitlines(keepends=True)
    return lines


def trained(pre_tokenizer, *, normalizer=None, alphabet=True, ignore_merges=False, unknown=None,
            fuse=False):
    tokenizer = Tokenizer(models.BPE(ignore_merges=ignore_merges, unk_token=unknown, fuse_unk=fuse))
    tokenizer.pre_tokenizer = pre_tokenizer
    if normalizer is not None:
        tokenizer.normalizer = normalizer
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(
        training_text() if alphabet else ["the quick brown fox jumps over it", "the end"] * 9,
        trainers.BpeTrainer(
            vocab_size=1500, show_progress=False, special_tokens=["<unk>", "<s>", "</s>"],
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet() if alphabet else []))
    tokenizer.add_special_tokens([AddedToken("<|endoftext|>", special=True),
                                  AddedToken("<|mask|>", lstrip=True, rstrip=True, special=True)])
    tokenizer.add_tokens([AddedToken("<word>", single_word=True, normalized=True),
                          AddedToken("caf\u00e9", normalized=True)])
    return tokenizer


def split(pattern, behavior="isolated", invert=False):
    return pre_tokenizers.Split(Regex(pattern), behavior=behavior, invert=invert)


def with_bytes(*steps):
    return pre_tokenizers.Sequence(
        [*steps, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])


def cases():
    byte_level = pre_tokenizers.ByteLevel
    return {
        "gpt2": lambda: trained(byte_level(add_prefix_space=False)),
        "gpt2_prefix_space": lambda: trained(byte_level(add_prefix_space=True)),
        "gpt2_digits": lambda: trained(pre_tokenizers.Sequence(
            [pre_tokenizers.Digits(individual_digits=False), byte_level(add_prefix_space=True)])),
        "llama3": lambda: trained(with_bytes(split(LLAMA3)), ignore_merges=True),
        "qwen2": lambda: trained(with_bytes(split(QWEN2)), normalizer=normalizers.NFC()),
        "gpt4o": lambda: trained(with_bytes(split(GPT4O))),
        "removed": lambda: trained(with_bytes(split(r"\s+", "removed"), split(r"\p{N}"))),
        "inverted": lambda: trained(with_bytes(split(r"\w+|[^\w\s]+", "removed", invert=True))),
        "merged_previous": lambda: trained(with_bytes(split(r"[\s_]", "merged_with_previous"))),
        "merged_next": lambda: trained(with_bytes(split(r"[\s_]", "merged_with_next"))),
        "contiguous": lambda: trained(with_bytes(split(r"\p{Lu}", "contiguous"))),
        "literal": lambda: trained(with_bytes(
            pre_tokenizers.Split(" ", behavior="merged_with_next"), split(r"(?=\p{Lu})"))),
        "few_bytes": lambda: trained(byte_level(add_prefix_space=False), alphabet=False),
        "few_bytes_unknown": lambda: trained(byte_level(add_prefix_space=False), alphabet=False,
                                             unknown="<unk>"),
        "few_bytes_fused": lambda: trained(byte_level(add_prefix_space=False), alphabet=False,
                                           unknown="<unk>", fuse=True),
        **pipelines(training_text),
    }


@functools.cache
def content_of(name):
    return {**cases(), **classes()}[name]().to_str()


def tokenizer_of(name):
    """A new object of what is trained once."""
    return Tokenizer.from_str(content_of(name))


def run(*arguments, **options):
    return subprocess.run([ROPEWALK, *map(str, arguments)], capture_output=True, **options)


def read_shard(path):
    data = pathlib.Path(path).read_bytes()
    assert data[:8] == b"RWTOKENS"
    width = struct.unpack_from("<I", data, 16)[0]
    tokens, documents, token_at, table_at = struct.unpack_from("<QQQQ", data, 32)
    ids = struct.unpack_from(f"<{tokens}{'H' if width == 2 else 'I'}", data, token_at)
    table = struct.unpack_from(f"<{documents + 1}Q", data, table_at)
    return [list(ids[table[i]:table[i + 1]]) for i in range(documents)]


def our_ids(folder, texts, scratch):
    """Through `prepare`, since a line of `tokenize` cannot hold a newline."""
    lines = scratch / "texts.jsonl"
    lines.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    output = scratch / "shards"
    done = run("prepare", lines, "--tokenizer", folder, "--output", output)
    assert done.returncode == 0, done.stderr.decode()
    return [ids for shard in sorted(output.glob("*.tokens")) for ids in read_shard(shard)]


def our_texts(folder, documents, scratch, *flags):
    lines = scratch / "ids.txt"
    lines.write_text("".join(" ".join(map(str, ids)) + "\n" for ids in documents))
    done = run("tokenize", folder, lines, "--decode", *flags)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode()


def save(tokenizer, folder, config=None):
    folder.mkdir()
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text(json.dumps(config or {}))
    return folder


def assert_equal_ids(tokenizer, texts, found):
    expected = [e.ids for e in tokenizer.encode_batch(texts, add_special_tokens=False)]
    assert len(found) == len(expected)
    different = [i for i in range(len(texts)) if found[i] != expected[i]]
    assert not different, "\n".join(
        f"{texts[i]!r}\n  {[tokenizer.id_to_token(t) for t in expected[i]]}\n"
        f"  {[tokenizer.id_to_token(t) for t in found[i]]}" for i in different[:5])
    return expected


@pytest.mark.long
@pytest.mark.parametrize("name", cases())
def test_generated_strings_give_equal_ids_and_text(name, tmp_path):
    tokenizer = tokenizer_of(name)
    folder = save(tokenizer, tmp_path / "model")
    texts = strings(11) + ["", " ", "a", "\u00e9"]
    ids = assert_equal_ids(tokenizer, texts, our_ids(folder, texts, tmp_path))

    # Ids that no text gave, so that characters are cut in two.
    rng = random.Random(5)
    ids += [[rng.randrange(tokenizer.get_vocab_size()) for _ in range(12)] for _ in range(500)]
    for skip, flags in ((True, []), (False, ["--special"])):
        expected = "".join(text + "\n" for text in tokenizer.decode_batch(ids, skip))
        assert our_texts(folder, ids, tmp_path, *flags) == expected


@pytest.mark.parametrize("name", ["gpt2_digits", "llama3", "qwen2", *classes()])
def test_every_assigned_code_point_falls_into_the_same_class(name, tmp_path):
    tokenizer = tokenizer_of(name)
    folder = save(tokenizer, tmp_path / "model")
    # Of the ideographs and the syllables of Hangul, which are all alike, one in 16.
    alike = [(0x3400, 0xA000), (0xAC00, 0xD800), (0xE000, 0xF900), (0x17000, 0x1AF00),
             (0x20000, 0x32000)]
    points = [c for c in range(0x32000) if not 0xD800 <= c < 0xE000 and
              (c % 16 == 0 or not any(first <= c < last for first, last in alike))]
    # Between letters, spaces and digits, and among marks that NFC puts in order and composes.
    texts = ["".join(f"a{c}b {c} 1{c} a\u0301{c}\u0327\u0301" for c in map(chr, points[i:i + 64]))
             for i in range(0, len(points), 64)]
    assert_equal_ids(tokenizer, texts, our_ids(folder, texts, tmp_path))


@pytest.mark.parametrize("name", ["gpt2", "llama3", "qwen2", "llama2", "mistral", "phrases",
                                  "unigram_whole_text", "no_accents"])
def test_long_runs_of_one_character_give_equal_ids(name, tmp_path):
    tokenizer = tokenizer_of(name)
    folder = save(tokenizer, tmp_path / "model")
    texts = [character * 100_000 for character in ["a", " ", "\n", "1", "\u00e9", "\u0301", "="]]
    texts += ["ab" * 50_000, "a" + " " * 99_999 + "b", "\U0001f600" * 20_000]
    assert_equal_ids(tokenizer, texts, our_ids(folder, texts, tmp_path))


def shared(path):
    if not (SHARED / path).exists():
        pytest.skip(f"no {path} in the shared folder ({SHARED})")
    return SHARED / path


def test_example_model_gives_equal_ids_and_text(tmp_path):
    folder = shared("example-model")
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    texts = strings(13)
    ids = assert_equal_ids(tokenizer, texts, our_ids(folder, texts, tmp_path))
    expected = "".join(text + "\n" for text in tokenizer.decode_batch(ids))
    assert our_texts(folder, ids, tmp_path) == expected


def test_prepared_files_hold_the_ids_of_their_text(tmp_path):
    folder = shared("example-model")
    files = sorted(shared("example-text").glob("valid_*.txt"))
    done = run("prepare", *files, "--tokenizer", folder, "--output", tmp_path / "shards")
    assert done.returncode == 0, done.stderr.decode()
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    texts = [file.read_bytes().decode() for file in files]
    found = read_shard(tmp_path / "shards" / "shard-00000.tokens")
    assert_equal_ids(tokenizer, texts, found)
    tokens = sum(map(len, found))
    assert f"{len(files)} documents, {tokens:,} tokens" in done.stdout.decode()


def test_tokenize_prints_ids_or_counts_line_by_line(tmp_path):
    tokenizer = tokenizer_of("gpt2")
    folder = save(tokenizer, tmp_path / "model")
    text = "first line\n\nit's <s> third\n"
    lines = text.splitlines()
    ids = [tokenizer.encode(line).ids for line in lines]
    done = run("tokenize", folder, input=text.encode())
    assert done.stdout.decode() == "".join(" ".join(map(str, line)) + "\n" for line in ids)
    done = run("tokenize", folder, "--count", input=text.encode())
    assert done.stdout.decode().split() == [str(len(line)) for line in ids]


def test_special_adds_what_the_post_processor_says(tmp_path):
    tokenizer = tokenizer_of("llama3")
    template = processors.TemplateProcessing(single="<s> $A </s>",
                                             special_tokens=[("<s>", 1), ("</s>", 2)])
    tokenizer.post_processor = processors.Sequence([processors.ByteLevel(), template])
    folder = save(tokenizer, tmp_path / "model", {"bos_token": "<s>", "eos_token": "</s>"})
    done = run("tokenize", folder, "--special", input=b"hello\n")
    assert list(map(int, done.stdout.split())) == tokenizer.encode("hello").ids

    (folder / "tokenizer_config.json").write_text(json.dumps(
        {"bos_token": {"content": "<s>"}, "eos_token": "</s>", "add_bos_token": False,
         "add_eos_token": True}))
    done = run("tokenize", folder, "--special", input=b"hello\n")
    assert list(map(int, done.stdout.split())) == tokenizer.encode("hello").ids[1:]


def edited(tmp_path, edit):
    folder = save(tokenizer_of("gpt2"), tmp_path / "model")
    content = json.loads((folder / "tokenizer.json").read_text())
    edit(content)
    (folder / "tokenizer.json").write_text(json.dumps(content))
    return folder


@pytest.mark.parametrize("words, edit", [
    (["WordLevel"], lambda t: t["model"].update(type="WordLevel")),
    (["model.vocab", "[piece, score]"], lambda t: t["model"].update(type="Unigram")),
    (["model.vocab", "list"], lambda t: t["model"].update(vocab=[["a", -1.0]], merges=[])),
    (["[piece, score]"], lambda t: t["model"].update(type="Unigram", vocab=[["a"], ["b", 1]])),
    (["model.unk_id", "7"],
     lambda t: t.update(model={"type": "Unigram", "vocab": [["a", -1.0]], "unk_id": 7})),
    (["pre_tokenizer.pretokenizers[0]", "UnicodeScripts"], lambda t: t.update(pre_tokenizer={
        "type": "Sequence", "pretokenizers": [{"type": "UnicodeScripts"}]})),
    (["pre_tokenizer.prepend_scheme", "sometimes"], lambda t: t.update(pre_tokenizer={
        "type": "Metaspace", "replacement": "_", "prepend_scheme": "sometimes"})),
    (["pre_tokenizer.replacement", "__"],
     lambda t: t.update(pre_tokenizer={"type": "Metaspace", "replacement": "__"})),
    (["pre_tokenizer.add_prefix_space", "contradict"], lambda t: t.update(pre_tokenizer={
        "type": "Metaspace", "replacement": "_", "prepend_scheme": "first",
        "add_prefix_space": False})),
    (["pre_tokenizer.behavior"],
     lambda t: t.update(pre_tokenizer={"type": "Punctuation", "behavior": "Odd"})),
    (["normalizer.normalizers[1]", "BertNormalizer"], lambda t: t.update(normalizer={
        "type": "Sequence", "normalizers": [{"type": "NFC"}, {"type": "BertNormalizer"}]})),
    (["normalizer.prepend"], lambda t: t.update(normalizer={"type": "Prepend"})),
    (["normalizer.pattern", "normalizer.content"],
     lambda t: t.update(normalizer={"type": "Replace", "pattern": "a"})),
    (["normalizer.pattern", "\\h"], lambda t: t.update(
        normalizer={"type": "Replace", "pattern": {"Regex": "\\h"}, "content": ""})),
    (["normalizer.strip_right"],
     lambda t: t.update(normalizer={"type": "Strip", "strip_left": True})),
    (["decoder.start", "decoder.stop"],
     lambda t: t.update(decoder={"type": "Strip", "content": " ", "start": -1})),
    (["dropout", "0.1"], lambda t: t["model"].update(dropout=0.1)),
    (["continuing_subword_prefix"], lambda t: t["model"].update(continuing_subword_prefix="##")),
    (["BertProcessing"], lambda t: t.update(post_processor={"type": "BertProcessing"})),
    (["WordPiece"], lambda t: t.update(decoder={"type": "WordPiece"})),
    (["merges[0]", "zzz"], lambda t: t["model"]["merges"].insert(0, ["zzz", "a"])),
    (["CTC", "Nmt"],
     lambda t: t.update(normalizer={"type": "Nmt"}, decoder={"type": "CTC"})),
])
def test_what_is_not_understood_is_named_with_the_file(words, edit, tmp_path):
    folder = edited(tmp_path, edit)
    done = run("tokenize", folder, input=b"hello\n")
    assert done.returncode == 2
    for word in [*words, "tokenizer.json"]:
        assert word in done.stderr.decode()


def test_merges_as_text_and_without_type_are_read(tmp_path):
    def edit(content):
        content["model"]["merges"] = [" ".join(pair) for pair in content["model"]["merges"]]
        del content["model"]["type"]
    folder = edited(tmp_path, edit)
    texts = strings(3, 200)
    assert_equal_ids(Tokenizer.from_file(str(folder / "tokenizer.json")), texts,
                     our_ids(folder, texts, tmp_path))
