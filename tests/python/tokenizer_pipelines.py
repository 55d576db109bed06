"""Small tokenizers of the forms that are not byte-level BPE, trained with pip `tokenizers`: what
Llama 2, Mistral, Gemma and Unigram models look like as Hugging Face exports them, and every further
normalizer, pre-tokenizer and decoder."""
import collections
import json
import math

from tokenizers import (AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers,
                        trainers)

SPACE = "\u2581"
BYTES = [f"<0x{byte:02X}>" for byte in range(256)]
LLAMA_NORMALIZER = normalizers.Sequence(
    [normalizers.Prepend(SPACE), normalizers.Replace(" ", SPACE)])
LLAMA_DECODER = decoders.Sequence(
    [decoders.Replace(SPACE, " "), decoders.ByteFallback(), decoders.Fuse(),
     decoders.Strip(content=" ", left=1, right=0)])
ADDED = [AddedToken("<|endoftext|>", special=True),
         AddedToken("<|mask|>", lstrip=True, rstrip=True, special=True),
         AddedToken("<word>", single_word=True, normalized=True),
         AddedToken("caf\u00e9", normalized=True)]


def reloaded(tokenizer, edit=lambda content: None):
    """As a file gives it, since added tokens are normalized when it is read."""
    content = json.loads(tokenizer.to_str())
    edit(content)
    tokenizer = Tokenizer.from_str(json.dumps(content))
    tokenizer.add_tokens(ADDED)
    return Tokenizer.from_str(tokenizer.to_str())


def put_in_front(content, tokens, merges=()):
    """Gives `tokens` the first ids, as conversions from SentencePiece do."""
    pieces = sorted(content["model"]["vocab"], key=content["model"]["vocab"].get)
    order = list(dict.fromkeys([*tokens, *pieces]))
    content["model"]["vocab"] = {token: i for i, token in enumerate(order)}
    content["model"]["merges"] = [*merges, *content["model"]["merges"]]
    for entry in content["added_tokens"]:
        entry["id"] = order.index(entry["content"])


def bpe(texts, *, words=None, normalizer=None, pre_tokenizer=None, decoder=LLAMA_DECODER, tokens=(),
        merges=(), size=900, options=None):
    """`words` cuts the text to learn merges from; `pre_tokenizer` is what the file then has."""
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>"))
    if words is not None:
        tokenizer.pre_tokenizer = words
    elif pre_tokenizer is not None:
        tokenizer.pre_tokenizer = pre_tokenizer
    if normalizer is not None:
        tokenizer.normalizer = normalizer
    tokenizer.train_from_iterator(texts, trainers.BpeTrainer(
        vocab_size=size, limit_alphabet=300, show_progress=False,
        special_tokens=["<unk>", "<s>", "</s>"]))
    tokenizer.decoder = decoder
    if words is not None and pre_tokenizer is not None:
        tokenizer.pre_tokenizer = pre_tokenizer

    def edit(content):
        if words is not None and pre_tokenizer is None:
            content["pre_tokenizer"] = None
        put_in_front(content, ["<unk>", "<s>", "</s>", *tokens], merges)
        content["model"].update({"byte_fallback": bool(tokens), "fuse_unk": True, **(options or {})})
    return reloaded(tokenizer, edit)


def common_pieces(texts, pre_tokenizer, normalizer):
    """Substrings of words with scores like those of real files, many of them equal: ties count.
    Learning them by the library takes too long."""
    counts = collections.Counter()
    for text in texts[::4]:
        if normalizer is not None:
            text = normalizer.normalize_str(text)
        for word, _ in pre_tokenizer.pre_tokenize_str(text):
            counts.update(word[i:i + size] for size in range(1, 7)
                          for i in range(max(0, len(word[:40]) + 1 - size)))
    total = sum(counts.values())
    best = sorted(counts, key=lambda piece: (-counts[piece] * len(piece), piece))[:700]
    return [(piece, round(math.log(counts[piece] / total), 1)) for piece in best]


def unigram(texts, pre_tokenizer, *, normalizer=None, decoder=None, tokens=(), unknown=0):
    pieces = [("<unk>", 0.0), ("<s>", 0.0), ("</s>", 0.0),
              *((token, -20.0) for token in tokens),
              *common_pieces(texts, pre_tokenizer, normalizer), ("the", -7.5), ("the", -6.5)]
    tokenizer = Tokenizer(models.Unigram(pieces, unknown, byte_fallback=bool(tokens)))
    tokenizer.pre_tokenizer = pre_tokenizer
    if normalizer is not None:
        tokenizer.normalizer = normalizer
    tokenizer.decoder = decoder or decoders.Metaspace()
    tokenizer.add_special_tokens(["<unk>", "<s>", "</s>"])
    return reloaded(tokenizer)


def counted_words(pre_tokenizer, normalizer=None):
    """Every word is one unknown token, so that ids show where the text is cut."""
    tokenizer = Tokenizer(models.BPE(vocab={"<unk>": 0}, merges=[], unk_token="<unk>", fuse_unk=True))
    tokenizer.pre_tokenizer = pre_tokenizer
    if normalizer is not None:
        tokenizer.normalizer = normalizer
    return tokenizer


def normalized_bytes(normalizer):
    """Every byte of the normalized text is one token."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE(vocab={c: i for i, c in enumerate(alphabet)}, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.normalizer = normalizer
    tokenizer.decoder = decoders.ByteLevel()
    return reloaded(tokenizer)


def pipelines(text):
    """`text()`: lines to train on. Names of cases, and what makes the tokenizer of each."""
    meta, sequence = pre_tokenizers.Metaspace, pre_tokenizers.Sequence
    cut = meta(prepend_scheme="always")
    first = meta(prepend_scheme="first")
    few = BYTES[:0xE0]  # of some characters not every byte is there
    return {
        "llama2": lambda: bpe(text(), words=cut, normalizer=LLAMA_NORMALIZER, tokens=BYTES),
        "llama2_some_bytes": lambda: bpe(text(), words=cut, normalizer=LLAMA_NORMALIZER, tokens=few),
        "llama2_some_bytes_apart": lambda: bpe(
            text(), words=cut, normalizer=LLAMA_NORMALIZER, tokens=few, options={"fuse_unk": False}),
        "llama2_fused": lambda: bpe(text(), words=cut, normalizer=LLAMA_NORMALIZER),
        "llama2_apart": lambda: bpe(text(), words=cut, normalizer=LLAMA_NORMALIZER,
                                    options={"fuse_unk": False}),
        "llama2_dropped": lambda: bpe(text(), words=cut, normalizer=LLAMA_NORMALIZER,
                                      options={"unk_token": None}),
        "llama2_whole_words": lambda: bpe(text(), words=cut, normalizer=LLAMA_NORMALIZER,
                                          tokens=BYTES, options={"ignore_merges": True}),
        # Merges learned across words, and such of single bytes: seams are few, or none.
        "phrases": lambda: bpe([line[:40] for line in text()], tokens=BYTES,
                               normalizer=normalizers.Replace(Regex(" +"), SPACE)),
        "merged_bytes": lambda: bpe(
            text(), words=cut, tokens=[*BYTES, "<0xE2><0x80>"], merges=[["<0xE2>", "<0x80>"]],
            normalizer=LLAMA_NORMALIZER),
        "merged_unknown": lambda: bpe(
            text(), words=cut, tokens=["<unk>e", "e<unk>"], merges=[["<unk>", "e"], ["e", "<unk>"]],
            normalizer=LLAMA_NORMALIZER),
        "mistral": lambda: bpe(text(), words=cut, tokens=BYTES, pre_tokenizer=meta(
            prepend_scheme="first", split=False)),
        "metaspace_first": lambda: bpe(text(), pre_tokenizer=first, tokens=BYTES,
                                       decoder=decoders.Metaspace(prepend_scheme="first")),
        "metaspace_never": lambda: bpe(text(), pre_tokenizer=meta(prepend_scheme="never"),
                                       tokens=BYTES,
                                       decoder=decoders.Metaspace(prepend_scheme="never")),
        "stripped_first": lambda: bpe(
            text(), pre_tokenizer=sequence([pre_tokenizers.Punctuation(), first]), tokens=BYTES,
            normalizer=normalizers.Sequence([normalizers.Strip(right=False), normalizers.NFKC()])),
        "gemma": lambda: bpe(
            text(), words=cut, normalizer=normalizers.Replace(" ", SPACE), tokens=BYTES,
            pre_tokenizer=pre_tokenizers.Split(" ", "merged_with_previous"),
            decoder=decoders.Sequence([decoders.Replace(SPACE, " "), decoders.ByteFallback(),
                                       decoders.Fuse()])),
        "unigram": lambda: unigram(text(), cut),
        "unigram_bytes": lambda: unigram(text(), cut, tokens=BYTES, decoder=LLAMA_DECODER,
                                         normalizer=normalizers.NFKC()),
        "unigram_some_bytes": lambda: unigram(text(), first, tokens=few, decoder=LLAMA_DECODER),
        "unigram_whole_text": lambda: reloaded(
            unigram(text(), cut, tokens=BYTES), lambda content: content.update(pre_tokenizer=None)),
        "unigram_byte_level": lambda: unigram(
            text(), pre_tokenizers.ByteLevel(add_prefix_space=False), decoder=decoders.ByteLevel(),
            tokens=sorted(pre_tokenizers.ByteLevel.alphabet())),
        "lower_nfkc": lambda: bpe(
            text(), normalizer=normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase(),
                                                     normalizers.Strip()]),
            pre_tokenizer=sequence([pre_tokenizers.Whitespace(),
                                    pre_tokenizers.Digits(individual_digits=True)]),
            decoder=decoders.Fuse()),
        "no_accents": lambda: bpe(
            text(), normalizer=normalizers.Sequence([normalizers.NFD(), normalizers.StripAccents(),
                                                     normalizers.Replace(Regex(r"[\r\n]*"), "|")]),
            pre_tokenizer=sequence([pre_tokenizers.WhitespaceSplit(),
                                    pre_tokenizers.Punctuation("merged_with_previous")]),
            decoder=decoders.Sequence([decoders.Replace(Regex("e+"), "E"),
                                       decoders.Strip(content="t", left=2, right=0)])),
        "delimited": lambda: bpe(
            text(), normalizer=normalizers.NFKD(),
            pre_tokenizer=sequence([pre_tokenizers.CharDelimiterSplit("e"),
                                    pre_tokenizers.Punctuation("contiguous"),
                                    pre_tokenizers.Split(Regex(r"\s*"), "merged_with_next")]),
            decoder=None),
    }


def classes():
    """Tokenizers that show what each character is taken for, or turned into."""
    n, p = normalizers, pre_tokenizers
    return {
        "whitespace": lambda: counted_words(p.Whitespace()),
        "punctuation": lambda: counted_words(p.Sequence([p.WhitespaceSplit(), p.Punctuation()])),
        "nfd_lower": lambda: normalized_bytes(n.Sequence([n.NFD(), n.Lowercase()])),
        "nfkc": lambda: normalized_bytes(n.NFKC()),
        "nfkd_no_accents": lambda: normalized_bytes(n.Sequence([n.NFKD(), n.StripAccents()])),
        "strip": lambda: normalized_bytes(n.Sequence([n.Replace("a", " "), n.Strip()])),
    }
