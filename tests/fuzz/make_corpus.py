#!/usr/bin/env python3
"""Writes the seeds of the fuzz targets, tests/fuzz/corpus/TARGET/: small sound files of every kind.
Files that are there under other names (inputs that once failed) stay.

usage: make_corpus.py
"""

import gzip
import json
import pathlib
import struct

CORPUS = pathlib.Path(__file__).parent / "corpus"
CONFIGS = pathlib.Path(__file__).resolve().parents[2] / "configs"
BORDER = b"\n=====\n"


def put(target, name, *parts):
    folder = CORPUS / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(BORDER.join(
        part.encode() if isinstance(part, str) else part for part in parts))


def safetensors(tensors, data=b"", **metadata):
    header = {"__metadata__": metadata, **tensors} if metadata else tensors
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + data


def tensor(dtype, shape, begin, end):
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


def make_run_configs():
    for path in CONFIGS.glob("*.json"):
        put("run_config", path.stem, path.read_text())
    small = json.dumps({"model": {"pretrained": "m", "pos_scaling_factor": 2.0},
                        "data": {"train": ["d"]},
                        "train": {"run_dir": "r", "steps": 5, "global_batch_size": 4}})
    put("run_config", "set", small,
        'model.pos_scaling_type=yarn\ndata.sequence_length=64\nparallel.context_parallel=2\n'
        'eval.windows=[64,128]\noptimizer.betas=[0.9,0.99]\ntrain.seed=3\ndata.weights=[1]')


def make_reports():
    config = json.dumps({"model": {"pretrained": "m", "max_position_embeddings": 64}, "train": {"steps": 2}})
    metrics = "".join(json.dumps(line) + "\n" for line in (
        {"step": 1, "loss": 2.5, "learning_rate": 1e-5, "tokens": 64, "tokens_per_second": 10.0, "mfu": 0.5,
         "memory_bytes": 1 << 30},
        {"step": 2, "loss": None, "skipped": True},
        {"step": 2, "eval/perplexity@64": 9.5, "eval/perplexity@32/factor_2": None}))
    place = {"trials": 2, "successes": 1, "prompt_tokens": 9}
    results = {
        "perplexity": {"protocol": "pi", "results": [
            {"window": 64, "stride": 64, "kind": "linear", "factor": 2.0, "perplexity": 5.5,
             "perplexity_low": 5.0, "perplexity_high": 6.0,
             "positions": [{"begin": 0, "end": 32, "nll": 1.5, "tokens": 31}]}]},
        "passkey": {"task": "passkey", "results": [
            {"kind": "default", "factor": 1.0, "k_max": 32, "scores": [{"distance": 32, **place}]}]},
        "needle": {"task": "needle", "results": [
            {"kind": "yarn", "factor": 2.0, "scores": [{"length": 64, "depth": 0.5, **place}]}]},
        "recall": {"task": "recall", "results": [
            {"kind": "linear", "factor": 2.0, "scores": [{"task": "keys", "length": 64, **place}]}]}}
    for name, result in results.items():
        put("report", name, config, metrics, json.dumps(result))


LLAMA = {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": 32,
         "hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2,
         "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 64,
         "rms_norm_eps": 1e-5, "tie_word_embeddings": False, "hidden_act": "silu",
         "rope_theta": 10000.0, "torch_dtype": "float32", "bos_token_id": 1, "eos_token_id": 2}
SCALINGS = {
    "linear": {"type": "linear", "factor": 4.0},
    "dynamic": {"type": "dynamic", "factor": 2.0},
    "yarn": {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 16,
             "beta_fast": 32, "beta_slow": 1},
    "llama3": {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0,
               "high_freq_factor": 4.0, "original_max_position_embeddings": 32},
    "longrope": {"type": "longrope", "short_factor": [1.0, 1.0], "long_factor": [2.0, 4.0],
                 "original_max_position_embeddings": 32},
}
FAMILIES = {
    "qwen3": {"model_type": "qwen3", "head_dim": 8, "layer_types": ["full_attention"] * 2,
              "sliding_window": None, "use_sliding_window": False},
    "mixtral": {"model_type": "mixtral", "num_local_experts": 4, "num_experts_per_tok": 2,
                "router_aux_loss_coef": 0.02, "sliding_window": None},
    "gpt_neox": {"model_type": "gpt_neox", "rotary_pct": 0.5, "rotary_emb_base": 10000,
                 "layer_norm_eps": 1e-5, "use_parallel_residual": True, "hidden_act": "gelu",
                 "num_key_value_heads": None, "rms_norm_eps": None},
    "gemma3_text": {"model_type": "gemma3_text", "head_dim": 8, "query_pre_attn_scalar": 8,
                    "sliding_window": 16, "rope_local_base_freq": 10000.0,
                    "layer_types": ["sliding_attention", "full_attention"],
                    "hidden_activation": "gelu_pytorch_tanh"},
    "deepseek_v3": {"model_type": "deepseek_v3", "q_lora_rank": 8, "kv_lora_rank": 8,
                    "qk_nope_head_dim": 4, "qk_rope_head_dim": 4, "v_head_dim": 4,
                    "n_routed_experts": 4, "n_shared_experts": 1, "num_experts_per_tok": 2,
                    "first_k_dense_replace": 1, "moe_intermediate_size": 8, "n_group": 2,
                    "topk_group": 1, "norm_topk_prob": True, "routed_scaling_factor": 2.5},
}


def make_hf_configs():
    put("hf_config", "llama", json.dumps(LLAMA, indent=1))
    for name, scaling in SCALINGS.items():
        put("hf_config", name, json.dumps({**LLAMA, "rope_scaling": scaling}))
    for name, fields in FAMILIES.items():
        config = {**LLAMA, **fields}
        put("hf_config", name, json.dumps({k: v for k, v in config.items() if v is not None}))
    quantized = {"quant_method": "fp8", "weight_block_size": [8, 8], "fmt": "e4m3",
                 "activation_scheme": "dynamic"}
    put("hf_config", "fp8", json.dumps({**LLAMA, "quantization_config": quantized}))
    put("hf_config", "rope_parameters", json.dumps(
        {**LLAMA, "rope_parameters": {"rope_type": "linear", "factor": 2.0, "rope_theta": 1e4}}))


def make_weights():
    one = safetensors({"a": tensor("F32", [2, 2], 0, 16)}, bytes(16))
    several = safetensors({"a": tensor("BF16", [3], 0, 6), "b": tensor("F4", [4], 6, 8),
                           "c": tensor("U8", [0, 5], 8, 8), "d": tensor("I64", [], 8, 16)},
                          bytes(range(16)), format="pt")
    put("safetensors", "empty", safetensors({}))
    put("safetensors", "one", one)
    put("safetensors", "several", several)
    put("safetensors", "unknown-field", safetensors(
        {"a": {**tensor("U8", [1], 0, 1), "more": [{"x": [1, None]}]}}, b"a"))
    index = {"metadata": {"total_size": 32}, "weight_map": {
        "a": "a.safetensors", "b": "b.safetensors", "c": "b.safetensors", "d": "b.safetensors"}}
    put("model_folder", "two", json.dumps(index), safetensors({"a": tensor("U8", [1], 0, 1)}, b"a"),
        safetensors({"b": tensor("U8", [1], 0, 1), "c": tensor("U8", [0], 1, 1),
                     "d": tensor("F16", [1], 1, 3)}, b"bdd"))
    for name, shard in (("outside", "../a.safetensors"), ("absolute", "/a.safetensors"),
                        ("pickle", "a.bin"), ("newline", "a\n.safetensors"),
                        ("nul", "a\0.safetensors")):
        put("model_folder", name, json.dumps({"weight_map": {"a": shard}}), one)


def make_manifests():
    def manifest(*paths, **fields):
        files = [{"path": path, "size": 1, "hash": "e6c632b61e964e1ff9c2ddd2cb6d0d4b"}
                 for path in paths]
        text = json.dumps({"format": "ropewalk-manifest-1", "hash_kind": "xxh3-128", **fields,
                           "files": files}, indent=2)
        return text[:-2] + ',\n  "manifest_hash": "' + "0" * 32 + '"\n}\n'
    put("manifest", "one", manifest("a.txt", step=3))
    put("manifest", "hostile", manifest("../a.txt", "/a.txt", "a\n", "b/../a.txt", "manifest.json"))


def make_token_files():
    def shard(version, vocabulary, ids, targets=b""):
        width = "<H" if vocabulary <= 65536 else "<I"
        tokens = b"".join(struct.pack(width, i) for i in ids)
        tokens += bytes(-len(tokens) % 8)
        end = 128 + len(tokens)
        table = struct.pack("<3Q", 0, 1, len(ids))
        header = b"RWTOKENS" + struct.pack(
            "<4I", version, 128, struct.calcsize(width), 0) + struct.pack(
            "<5Q", vocabulary, len(ids), 2, 128, end + len(targets)) + bytes(32) + struct.pack(
            "<2Q", end if targets else 0, 0) + bytes(16)
        return header + tokens + targets + table
    put("token_shard", "narrow", shard(1, 100, [1, 2, 3]))
    put("token_shard", "wide", shard(1, 70000, [1, 69999, 3]))
    put("token_shard", "targets", shard(2, 100, [1, 2, 3], b"\x05" + bytes(7)))
    put("flat_tokens", "nanogpt", struct.pack("<8H", 5, 6, 0, 7, 8, 9, 0, 1))
    for name, magic, version, width in (("gpt2", 20240520, 1, "<4H"), ("llama3", 20240801, 7, "<4I")):
        put("flat_tokens", name,
            struct.pack("<256i", magic, version, 4, *[0] * 253) + struct.pack(width, 5, 0, 6, 7))
    for name, code, width in (("u16", 8, "<5H"), ("i32", 4, "<5i"), ("i64", 5, "<5q"), ("u8", 1, "<5B")):
        size = struct.calcsize(width) // 5
        index = b"MMIDIDX\0\0" + struct.pack("<QB2Q", 1, code, 2, 3) + struct.pack("<2i", 3, 2)
        index += struct.pack("<2q", 0, 3 * size) + struct.pack("<3q", 0, 1, 2)
        put("megatron_tokens", name, index, struct.pack(width, 5, 6, 0, 8, 0))


def zstd_frame(content):
    """One block stored as it is."""
    return struct.pack("<IBB", 0xFD2FB528, 0x20, len(content)) + struct.pack(
        "<I", 1 | len(content) << 3)[:3] + content


def make_text_files():
    lines = b'{"text": "one"}\n\n{"text": "tw\\u00f6 \\ud83d\\ude00", "n": [1, {"a": "b"}]}\r\n{"t": 1}\n[\n'
    for ending, packed in (("jsonl", lines), ("jsonl.gz", gzip.compress(lines, mtime=0)),
                           ("jsonl.zst", zstd_frame(lines)), ("txt", b"a text\n\xff"),
                           ("txt.gz", gzip.compress(b"a", mtime=0) + gzip.compress(b"b", mtime=0)),
                           ("txt.zst", zstd_frame(b"a") + zstd_frame(b"b"))):
        put("text_file", ending, ending.encode() + b"\n" + packed)
    put("text_file", "field", b"jsonl n[1].a\n" + lines)


def byte_symbols():
    shown = [*range(33, 127), *range(161, 173), *range(174, 256)]
    hidden = [byte for byte in range(256) if byte not in shown]
    return [chr(byte) for byte in shown] + [chr(256 + i) for i in range(len(hidden))]


TEXT = "It's 3 o'clock,  h\u00e9llo ab abba <s>\n\tw\u00f6rld \u0130 12345"


def make_tokenizers():
    added = [{"id": 300, "content": "<s>", "special": True, "normalized": False, "lstrip": True},
             {"id": 301, "content": "ABC", "special": False, "normalized": True}]
    vocabulary = {symbol: i for i, symbol in enumerate(byte_symbols())} | {"ab": 256, "abb": 257}
    byte_level = {"version": "1.0", "added_tokens": added, "normalizer": {"type": "NFC"},
                  "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": True, "use_regex": True},
                  "post_processor": {
                      "type": "TemplateProcessing",
                      "single": [{"SpecialToken": {"id": "<s>"}}, {"Sequence": {"id": "A"}}],
                      "special_tokens": {"<s>": {"ids": [300]}}},
                  "decoder": {"type": "ByteLevel"},
                  "model": {"type": "BPE", "vocab": vocabulary, "merges": ["a b", ["ab", "b"]]}}
    put("tokenizer_json", "byte-level", json.dumps(byte_level),
        '{"bos_token": "<s>", "eos_token": {"content": "ABC"}, "add_bos_token": true}', TEXT)
    letters = {token: i for i, token in enumerate(["<unk>", "\u2581", "a", "b", "ab", "\u2581ab", "<0x41>"])}
    spaces = {"added_tokens": added, "normalizer": {"type": "Sequence", "normalizers": [
                  {"type": "Prepend", "prepend": "\u2581"},
                  {"type": "Replace", "pattern": {"String": " "}, "content": "\u2581"},
                  {"type": "Strip", "strip_left": True, "strip_right": False}, {"type": "NFKD"},
                  {"type": "StripAccents"}, {"type": "Lowercase"}]},
              "pre_tokenizer": {"type": "Metaspace", "replacement": "\u2581",
                                "prepend_scheme": "first", "split": True},
              "decoder": {"type": "Sequence", "decoders": [
                  {"type": "Replace", "pattern": {"String": "\u2581"}, "content": " "},
                  {"type": "ByteFallback"}, {"type": "Fuse"},
                  {"type": "Strip", "content": " ", "start": 1, "stop": 0}]},
              "model": {"type": "BPE", "unk_token": "<unk>", "fuse_unk": True, "byte_fallback": True,
                        "vocab": letters, "merges": [["a", "b"], ["\u2581", "ab"]]}}
    put("tokenizer_json", "spaces", json.dumps(spaces), "", TEXT)
    split = {"pre_tokenizer": {"type": "Sequence", "pretokenizers": [
                 {"type": "Split", "pattern": {"Regex": r"\p{N}{1,3}|\s+(?!\S)|[^\r\n\p{L}]?\p{L}+"},
                  "behavior": "Isolated", "invert": False},
                 {"type": "Digits", "individual_digits": True},
                 {"type": "Punctuation", "behavior": "MergedWithNext"}, {"type": "Whitespace"},
                 {"type": "CharDelimiterSplit", "delimiter": "b"}]},
             "decoder": {"type": "Metaspace", "replacement": "\u2581", "add_prefix_space": True},
             "model": {"type": "Unigram", "unk_id": 0, "byte_fallback": False,
                       "vocab": [["<unk>", 0.0], ["a", -1.5], ["b", -2], ["ab", -2.5], ["\u2581", -3]]}}
    put("tokenizer_json", "unigram", json.dumps(split), "", TEXT)


def varint(value):
    encoded = b""
    while value >= 0x80:
        encoded += bytes([value & 0x7F | 0x80])
        value >>= 7
    return encoded + bytes([value])


def field(number, value):
    if isinstance(value, bytes):
        return varint(number << 3 | 2) + varint(len(value)) + value
    if isinstance(value, float):
        return varint(number << 3 | 5) + struct.pack("<f", value)
    return varint(number << 3) + varint(value)


def make_tokenizer_models():
    def model(kind, pieces, byte_fallback, character_map=b""):
        encoded = b"".join(field(1, field(1, text.encode()) + field(2, score) + field(3, piece_kind))
                           for text, score, piece_kind in pieces)
        return encoded + field(2, field(3, kind) + field(35, byte_fallback)) + field(
            3, field(1, b"identity") + (field(2, character_map) if character_map else b"")
            + field(3, 1) + field(4, 0))
    words = [("<unk>", 0.0, 2), ("<s>", 0.0, 3), ("</s>", 0.0, 3), ("<x>", 0.0, 4), ("\u2581", -1.0, 1),
             ("a", -2.0, 1), ("b", -3.0, 1), ("ab", -0.5, 1)]
    some_bytes = [(f"<0x{byte:02X}>", 0.0, 6) for byte in range(256)]
    put("tokenizer_model", "bpe", model(2, words, 0), "", TEXT)
    put("tokenizer_model", "bpe-bytes", model(2, words + some_bytes, 1), "", TEXT)
    put("tokenizer_model", "unigram", model(1, words, 0),
        '{"added_tokens_decoder": {"1": {"content": "<s>"}}}', TEXT)
    # Bytes lead from the root to unit 256 ^ byte; "a" alone goes on, to a value at unit 128.
    units = [0] * 512
    units[0] = 256 << 10
    units[256] = 1
    units[256 ^ ord("a")] = ord("a") | 1 << 8 | (256 ^ ord("a") ^ 128) << 10
    units[128] = 1 << 31
    trie = struct.pack("<512I", *units)
    put("tokenizer_model", "character-map",
        model(1, words, 0, struct.pack("<I", len(trie)) + trie + b"b\0"), "", TEXT)
    put("tokenizer_model", "tiktoken", "IQ== 0\nIg== 1\nYWI= 2\n", "", TEXT)


if __name__ == "__main__":
    make_run_configs()
    make_reports()
    make_hf_configs()
    make_weights()
    make_manifests()
    make_token_files()
    make_text_files()
    make_tokenizers()
    make_tokenizer_models()
