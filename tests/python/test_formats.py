"""Our files against the reference readers and writers: pip safetensors, pip tensorboard."""

import copy
import json
import os
import pathlib
import random
import re
import struct
import subprocess

import numpy
import pytest
import safetensors
import safetensors.numpy
from event_files import accumulated
from long_forms import sized

NUM_MUTANTS = sized(2_000, 50_000)


def find_tool(name):
    place = pathlib.Path(os.environ.get("ROPEWALK_TOOLS", "")) / name
    if not place.exists():
        pytest.skip(f"needs {name} in ROPEWALK_TOOLS")
    return str(place)


@pytest.fixture(scope="session")
def tool():
    return find_tool("ropewalk_formats_tool")


def run(*words, stdin=""):
    done = subprocess.run(words, input=stdin, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout


def file_bytes(header, data):
    text = header if isinstance(header, bytes) else header.encode()
    return struct.pack("<Q", len(text)) + text + data


def parts(content):
    length = struct.unpack("<Q", content[:8])[0]
    return content[8 : 8 + length], content[8 + length :]


# ---- safetensors: accept and refuse the same files as the reference ---------------------------


def seeds():
    tensors = {
        "a": numpy.arange(6, dtype=numpy.float32).reshape(2, 3),
        "layer.0.w": numpy.arange(4, dtype=numpy.int8),
        "none": numpy.zeros((0, 3), numpy.float16),
        "scalar": numpy.array(7, dtype=numpy.int64),
        "é": numpy.array([True, False]),
    }
    return [
        safetensors.numpy.save(tensors, {"format": "pt", "note": "x"}),
        safetensors.numpy.save({"w": tensors["a"]}),
        safetensors.numpy.save({}),
        safetensors.numpy.save({k: v.astype(numpy.float64) for k, v in tensors.items()}),
    ]


NUMBERS = [0, 1, 2, 3, 7, 8, 12, 16, 24, 255, 2**16, 2**31, 2**32, 2**32 + 1, 2**62, 2**63 - 1]
VALUES = NUMBERS + [-1, -0.0, 1.5, 1e3, 2**63, 2**64 - 1, 2**64, None, True, "F32", "", [], {}, [1], "x" * 50]
DTYPES = "BOOL F4 F6_E2M3 F6_E3M2 U8 I8 F8_E5M2 F8_E4M3 F8_E8M0 F8_E5M2FNUZ F8_E4M3FNUZ I16 U16 F16 BF16 I32 U32 F32 C64 F64 I64 U64".split()
BAD_DTYPES = ["F31", "f32", "", "F128", "BF16 "]


def some_value(rng):
    return copy.deepcopy(rng.choice(VALUES))  # a later change must not reach into VALUES


def mutate_json(rng, content):
    """A change of the header's values, with length and data kept or changed to fit."""
    header, data = parts(content)
    tree = json.loads(header)
    for _ in range(rng.choice([1, 1, 1, 2])):
        names = list(tree)
        kind = rng.randrange(9)
        if not names or kind == 0:
            tree[rng.choice(["new", "__metadata__", "", "a"])] = some_value(rng)
            continue
        name = rng.choice(names)
        entry = tree[name]
        if kind == 1:
            del tree[name]
        elif kind == 2 or not isinstance(entry, dict):
            tree[name] = some_value(rng)
        elif kind == 3 and isinstance(entry.get("data_offsets"), list) and entry["data_offsets"]:
            at = rng.randrange(len(entry["data_offsets"]))
            entry["data_offsets"][at] = some_value(rng)
        elif kind == 4 and isinstance(entry.get("shape"), list):
            entry["shape"].insert(0, rng.choice(NUMBERS + [-1, 1.0]))
        elif kind == 5 and "dtype" in entry:
            entry["dtype"] = rng.choice(DTYPES + BAD_DTYPES)
        elif kind == 6:
            entry[rng.choice(["dtype", "shape", "data_offsets", "extra"])] = some_value(rng)
        elif kind == 7 and entry:
            del entry[rng.choice(list(entry))]
        else:
            items = list(tree.items())
            rng.shuffle(items)
            tree = dict(items)
    data = rng.choice([data, data, data, data[:-1], data + b"x", b""])
    text = json.dumps(tree, ensure_ascii=rng.random() < 0.5)
    return file_bytes(rng.choice(["", "", "", " ", "\n"]) + text + rng.choice(["", "  ", "\n", "x"][:3]), data)


def mutate_fitting(rng):
    """A file that is right but for at most one thing, over all types."""
    entries, offset = {}, 0
    for i in range(rng.randrange(1, 5)):
        dtype = rng.choice(DTYPES)
        shape = [rng.choice([0, 1, 2, 3, 4, 8]) for _ in range(rng.randrange(4))]
        bits = {"F4": 4, "F6_E2M3": 6, "F6_E3M2": 6, "C64": 64}.get(dtype)
        if bits is None:
            digits = "".join(c for c in dtype.split("_")[0] if c.isdigit())
            bits = int(digits) if digits else 8
        count = 1
        for size in shape:
            count *= size
        size = count * bits // 8 + rng.choice([0] * 12 + [1])
        entries[f"t{i}"] = {"dtype": dtype, "shape": shape, "data_offsets": [offset, offset + size]}
        offset += size
    items = list(entries.items())
    rng.shuffle(items)
    return file_bytes(json.dumps(dict(items)), b"\1" * (offset + rng.choice([0] * 12 + [1])))


def mutate_bytes(rng, content):
    content = bytearray(content)
    for _ in range(rng.choice([1, 1, 1, 2, 4])):
        kind = rng.randrange(5)
        end = 8 + struct.unpack("<Q", content[:8])[0] if len(content) >= 8 and rng.random() < 0.9 else 0
        at = rng.randrange(max(1, min(end or len(content), len(content))))
        if kind == 0 and content:
            content[at] ^= 1 << rng.randrange(8)
        elif kind == 1:
            content = content[:at]
        elif kind == 2:
            content.insert(at, rng.randrange(256))
        elif kind == 3 and content:
            del content[at]
        elif content:
            content[at] = rng.choice(b'{}[]:,"0123456789\\ \n\0-.eE')
    return bytes(content)


def mutants(rng, count):
    sources = seeds()
    for number in range(count):
        content = rng.choice(sources)
        yield [mutate_json(rng, content), mutate_fitting(rng), mutate_bytes(rng, content)][number % 3]


def reference_accepts(content):
    try:
        safetensors.deserialize(content)
        return True
    except safetensors.SafetensorError:
        return False


class Twice(Exception):
    pass


def refuse_twice(pairs):
    keys = [key for key, _ in pairs]
    if len(set(keys)) != len(keys):
        raise Twice
    return dict(pairs)


def stricter_by_intent(content):
    """Files that the reference takes and we refuse: keys that occur twice and space before the
    first brace (the format's README forbids both), sizes above 2^63 - 1 in an empty tensor, and
    lists in place of entries."""
    header, _ = parts(content)
    if not header.startswith(b"{"):
        return True
    try:
        tree = json.loads(header, object_pairs_hook=refuse_twice)
    except Twice:
        return True
    except ValueError:
        return False
    for name, entry in tree.items():
        if name == "__metadata__" and isinstance(entry, dict):
            continue
        if isinstance(entry, list):
            return True
        if isinstance(entry, dict) and any(size >= 2**63 for size in entry.get("shape", [])):
            return True
    return False


def verdicts(tool, folder, contents):
    paths = []
    for number, content in enumerate(contents):
        paths.append(folder / f"{number}.safetensors")
        paths[-1].write_bytes(content)
    lines = run(tool, "check", stdin="".join(f"{path}\n" for path in paths)).splitlines()
    assert len(lines) == len(paths)
    return lines


@pytest.mark.long
def test_mutated_files_are_judged_as_by_the_reference(tool, tmp_path):
    contents = list(mutants(random.Random(7), NUM_MUTANTS))
    lines = verdicts(tool, tmp_path, contents)
    accepted = differing = 0
    for content, line in zip(contents, lines):
        ours, reference = line.startswith("ok "), reference_accepts(content)
        accepted += reference
        if ours != reference:
            differing += 1
            assert reference and stricter_by_intent(content), (content[:400], line)
    # Both verdicts must be well represented, else nothing was compared.
    assert len(contents) / 10 < accepted < len(contents) * 9 / 10
    print(f"{len(contents)} files, {accepted} accepted by the reference, {differing} refused by intent")


def test_handmade_attacks_are_judged_as_by_the_reference(tool, tmp_path):
    good = '"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}'
    four = b"\0" * 4
    contents = [
        b"",
        b"\0" * 8,
        struct.pack("<Q", 2**64 - 1) + b"{}",
        struct.pack("<Q", 100_000_001) + b"{}",
        file_bytes("{%s}" % good, four),
        file_bytes("{%s}\0" % good, four),
        file_bytes("\ufeff{%s}" % good, four),
        file_bytes("{%s} {}" % good, four),
        file_bytes("{%s,}" % good, four),
        file_bytes('{"__metadata__":null,%s}' % good, four),
        file_bytes('{"__metadata__":{"a":null},%s}' % good, four),
        file_bytes('{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"more":[[[{"a":1e5}]]]}}', four),
        file_bytes('{"w":{"dtype":"F32","dtype":"F32","shape":[1],"data_offsets":[0,4]}}', four),
        file_bytes('{"\\ud800":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}', four),
        file_bytes('{"\\u0000":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}', four),
        file_bytes(b'{"\xff":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}', four),
        file_bytes('{"w":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0]}}', b""),
        file_bytes('{"w":{"dtype":"F32","shape":[0,4294967296,4294967296],"data_offsets":[0,0]}}', b""),
        file_bytes('{"w":{"dtype":"F32","shape":[4294967296,4294967296,0],"data_offsets":[0,0]}}', b""),
        file_bytes('{"w":{"dtype":"F32","shape":[4611686018427387905],"data_offsets":[0,4]}}', four),
        file_bytes('{"w":{"dtype":"F32","shape":[1e0],"data_offsets":[0,4]}}', four),
        file_bytes('{"w":{"dtype":"F32","shape":[01],"data_offsets":[0,4]}}', four),
        file_bytes('{"a":{"dtype":"F32","shape":[0],"data_offsets":[4,4]},%s}' % good, four),
        file_bytes('{"a":{"dtype":"F32","shape":[0],"data_offsets":[2,2]},%s}' % good, four),
        file_bytes("{%s,%s}" % (good, good.replace('"w"', '"v"')), four),
        file_bytes("[" * 100, b""),
    ]
    lines = verdicts(tool, tmp_path, contents)
    ours = [line.startswith("ok ") for line in lines]
    assert ours == [reference_accepts(content) for content in contents], lines


def test_reference_reads_what_we_write_and_we_read_what_it_writes(tool, tmp_path):
    import torch
    from safetensors.torch import load_file, save_file

    generator = torch.Generator().manual_seed(3)
    values = torch.randn(40, 3, generator=generator)
    kinds = [torch.float64, torch.float32, torch.bfloat16, torch.float16, torch.float8_e4m3fn,
             torch.float8_e5m2, torch.int64, torch.int8, torch.uint8, torch.bool]
    tensors = {f"model.{kind}": values.to(kind) for kind in kinds}
    tensors["empty"] = torch.zeros(0, 4)
    tensors["scalar"] = torch.tensor(3.5)
    save_file(tensors, tmp_path / "theirs.safetensors", {"format": "pt"})
    run(tool, "copy", str(tmp_path / "theirs.safetensors"), str(tmp_path / "ours.safetensors"))
    read = load_file(tmp_path / "ours.safetensors")
    assert set(read) == set(tensors)
    for name, tensor in tensors.items():
        assert read[name].dtype == tensor.dtype and read[name].shape == tensor.shape
        assert bytes(read[name].view(torch.uint8).numpy() if tensor.numel() and tensor.dim() else b"") == bytes(
            tensor.view(torch.uint8).numpy() if tensor.numel() and tensor.dim() else b"")
    assert read["scalar"] == 3.5
    # The same order and padding as the reference: the same bytes.
    assert (tmp_path / "ours.safetensors").read_bytes() == (tmp_path / "theirs.safetensors").read_bytes()
    with safetensors.safe_open(tmp_path / "ours.safetensors", "pt") as opened:
        assert opened.metadata() == {"format": "pt"}


# ---- TensorBoard ---------------------------------------------------------------------------------


def test_tensorboard_reads_our_scalars(tool, tmp_path):
    run(tool, "events", str(tmp_path), "1", "7")
    accumulator = accumulated(tmp_path)
    assert set(accumulator.Tags()["scalars"]) == {"train/loss", "train/bad"}
    events = accumulator.Scalars("train/loss")
    assert [event.step for event in events] == list(range(1, 8))
    assert [event.value for event in events] == [float(numpy.float32(1 / (s + 1))) for s in range(1, 8)]
    assert events[2].wall_time == 1003.0
    assert numpy.isnan(accumulator.Scalars("train/bad")[0].value)
    text = accumulator.Tensors("config")[0].tensor_proto
    assert text.string_val[0] == b"# run\n`steps` 7"
    assert accumulator.SummaryMetadata("config").plugin_data.plugin_name == "text"


def test_tensorboard_drops_what_a_resume_repeats(tool, tmp_path):
    run(tool, "events", str(tmp_path), "1", "9")
    run(tool, "events", str(tmp_path), "6", "12", "5")
    steps = [event.step for event in accumulated(tmp_path).Scalars("train/loss")]
    assert steps == list(range(1, 13))


def test_tensorboard_reads_a_file_that_was_cut(tool, tmp_path):
    path = pathlib.Path(run(tool, "events", str(tmp_path), "1", "9").strip())
    path.write_bytes(path.read_bytes()[:-5])
    steps = [event.step for event in accumulated(tmp_path).Scalars("train/loss")]
    assert steps == list(range(1, 10))  # the cut record is the last one of the other tag


# ---- token shard: a reader written from docs/file_formats.md alone ------------------------------


def read_shard(path):
    content = path.read_bytes()
    magic, version, header_bytes, width, zero, vocab, num_tokens, num_documents, begin, table = struct.unpack(
        "<8sIIIIQQQQQ", content[:64])
    assert (magic, version, header_bytes, zero, begin) == (b"RWTOKENS", 1, 128, 0, 128)
    assert table == (128 + num_tokens * width + 7) // 8 * 8
    offsets = numpy.frombuffer(content, "<u8", num_documents + 1, table).tolist()
    ids = numpy.frombuffer(content, {2: "<u2", 4: "<u4"}[width], num_tokens, 128).tolist()
    assert len(content) == table + 8 * (num_documents + 1)
    return {"vocab_size": vocab, "tokenizer_hash": content[64:80].hex(), "token_bytes": width,
            "document_offsets": offsets, "ids": ids}


def write_tokenizer(folder):
    tokenizers = pytest.importorskip("tokenizers")
    tokenizer = tokenizers.Tokenizer(tokenizers.models.BPE())
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = tokenizers.decoders.ByteLevel()
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=300, initial_alphabet=tokenizers.pre_tokenizers.ByteLevel.alphabet(), show_progress=False)
    tokenizer.train_from_iterator(["In the beginning God created the heaven and the earth."], trainer)
    folder.mkdir()
    tokenizer.save(str(folder / "tokenizer.json"))
    return tokenizer


def test_token_shard_is_as_documented(tool, tmp_path):
    ropewalk = os.environ.get("ROPEWALK_BIN")
    if not ropewalk:
        pytest.skip("needs ROPEWALK_BIN")
    tokenizer = write_tokenizer(tmp_path / "model")
    texts = ["In the beginning", "", "God created\n\nthe heaven é"]
    (tmp_path / "in.jsonl").write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    run(ropewalk, "prepare", str(tmp_path / "in.jsonl"), "--tokenizer", str(tmp_path / "model"), "--output",
        str(tmp_path / "out"))
    ids = []
    for shard in sorted((tmp_path / "out").glob("**/*.tokens")):
        content = read_shard(shard)
        assert json.loads(run(tool, "shard", str(shard))) == content
        assert content["vocab_size"] == tokenizer.get_vocab_size()
        ids += content["ids"]
    assert ids == [i for text in texts for i in tokenizer.encode(text, add_special_tokens=False).ids]


# ---- charts --------------------------------------------------------------------------------------

CHART = {"title": "Memory <here>", "subtitle": "of a step",
         "x": {"label": "length", "unit": "tokens", "ticks": [0, 8192]}, "y": {"label": "peak", "minimum": 0},
         "series": [{"name": "measured", "points": [[0, 1], [10, 2], [20, None], [8000, 2], [8192, 3]]},
                    {"name": "a line", "dashed": True, "points": [[0, 1], [8192, 4]]}]}


def test_a_chart_is_drawn_from_json():
    picture = run(find_tool("ropewalk_chart_tool"), stdin=json.dumps(CHART))
    for words in ("Memory &lt;here&gt;", "of a step", "length [tokens]", ">8,192<", ">a line<", "stroke-dasharray"):
        assert words in picture
    lines = [path for path in re.findall(r'<path d="([^"]+)" fill="none"', picture) if "L" in path]
    assert [path.count("M") for path in lines] == [2, 1]  # a gap parts the first


@pytest.mark.parametrize("text", ["", '{"title": "a"}', json.dumps({**CHART, "series": [{"name": 1}]})])
def test_a_chart_that_is_none_is_refused(text):
    done = subprocess.run([find_tool("ropewalk_chart_tool")], input=text, capture_output=True, text=True)
    assert done.returncode == 2 and "standard input" in done.stderr and not done.stdout
