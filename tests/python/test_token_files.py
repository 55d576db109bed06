"""Token files of other tools, written here from their public formats, and shards with targets.

nanoGPT: data/openwebtext/prepare.py. llm.c: dev/data/data_common.py. Megatron-LM:
megatron/core/datasets/indexed_dataset.py. Ours: docs/file_formats.md.
"""

import json
import os
import pathlib
import random
import struct
import subprocess

import numpy
import pytest
from main_job import PROGRAM, ropewalk

pytestmark = pytest.mark.skipif(not PROGRAM, reason="needs ROPEWALK_BIN")
EOS = 999
MEGATRON_TYPES = {1: numpy.uint8, 2: numpy.int8, 3: numpy.int16, 4: numpy.int32, 5: numpy.int64,
                  8: numpy.uint16}


@pytest.fixture(scope="session")
def tool():
    place = pathlib.Path(os.environ.get("ROPEWALK_TOOLS", "")) / "ropewalk_formats_tool"
    if not place.exists():
        pytest.skip("needs ropewalk_formats_tool in ROPEWALK_TOOLS")
    return str(place)


def read(tool, path, *eos):
    words = [tool, "tokens", str(path), *map(str, eos)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def refused(tool, path, *parts):
    done = subprocess.run([tool, "tokens", str(path)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 2, f"{done.returncode} {done.stdout[:200]}"
    for part in (pathlib.Path(path).stem, *parts):
        assert part in done.stderr, done.stderr
    return done.stderr


def made_up_documents(seed, count=40, limit=EOS):
    """Empty ones among them, but not at either end, where a separator says nothing of them."""
    rng = random.Random(seed)
    sizes = [1, *(rng.choice([0, 1, 5, 70, 300]) for _ in range(count)), 2]
    return [[rng.randrange(limit) for _ in range(size)] for size in sizes]


def joined(documents, before):
    stream = []
    for document in documents:
        stream += [EOS, *document] if before else [*document, EOS]
    return stream


def write_flat(path, ids, dtype=numpy.uint16, header=()):
    words = numpy.zeros(256, numpy.int32)
    words[:len(header)] = header
    path.write_bytes((words.tobytes() if header else b"") + numpy.array(ids, dtype).tobytes())
    return path


def megatron_index(code, lengths, pointers, documents, version=1):
    return b"".join([b"MMIDIDX\x00\x00", struct.pack("<QBQQ", version, code, len(lengths), len(documents)),
                     numpy.array(lengths, numpy.int32).tobytes(),
                     numpy.array(pointers, numpy.int64).tobytes(),
                     numpy.array(documents, numpy.int64).tobytes()])


def write_megatron(prefix, documents, code=8, eod=None, seed=0):
    """Documents of one or more sequences, as IndexedDatasetBuilder lays them down."""
    rng = random.Random(seed)
    width = numpy.dtype(MEGATRON_TYPES[code]).itemsize
    lengths, ends, stream = [], [0], []
    for document in documents:
        ids = document + ([eod] if eod is not None else [])
        cut = rng.randrange(len(ids) + 1)
        lengths += [cut, len(ids) - cut] if rng.random() < 0.5 else [len(ids)]
        ends.append(len(lengths))
        stream += ids
    pointers = (numpy.cumsum([0, *lengths])[:-1] * width).tolist()
    index = pathlib.Path(f"{prefix}.idx")
    index.write_bytes(megatron_index(code, lengths, pointers, ends))
    pathlib.Path(f"{prefix}.bin").write_bytes(numpy.array(stream, MEGATRON_TYPES[code]).tobytes())
    return index


# ---- what is read -------------------------------------------------------------------------------


@pytest.mark.parametrize("before", [False, True], ids=["separator behind", "separator before"])
def test_nanogpt_and_llmc_files_hold_their_documents(tool, tmp_path, before):
    documents = made_up_documents(1)
    stream = joined(documents, before)
    files = {
        "nanogpt": write_flat(tmp_path / "nano.bin", stream),
        "llm.c": write_flat(tmp_path / "narrow.bin", stream, header=(20240520, 1, len(stream))),
    }
    for name, file in files.items():
        found = read(tool, file, EOS)
        assert found["format"] == name
        assert found["documents"] == documents
        assert read(tool, file)["documents"] == [stream]
    wide = [i + 100_000 for i in stream]
    file = write_flat(tmp_path / "wide.bin", wide, numpy.uint32, (20240801, 7, len(wide)))
    assert read(tool, file, EOS + 100_000)["documents"] == [[i + 100_000 for i in d] for d in documents]


@pytest.mark.parametrize("code", MEGATRON_TYPES)
def test_megatron_files_hold_their_documents(tool, tmp_path, code):
    eod = 127 if code in (1, 2) else EOS
    documents = made_up_documents(code, limit=eod)
    write_megatron(tmp_path / "plain", documents, code, seed=code)
    write_megatron(tmp_path / "ended.v1_text_document", documents, code, eod, seed=code)
    for name in ("plain", "plain.idx", "plain.bin"):
        found = read(tool, tmp_path / name, eod)
        assert found["format"] == "megatron"
        assert found["documents"] == documents
    ended = tmp_path / "ended.v1_text_document"
    assert read(tool, ended, eod)["documents"] == documents
    assert read(tool, ended)["documents"] == [[*d, eod] for d in documents]


def test_shard_with_targets_is_as_documented(tool, tmp_path):
    documents = made_up_documents(3, count=9)
    rng = random.Random(4)
    targets = [[rng.randrange(2) for _ in d] if i % 3 else [] for i, d in enumerate(documents)]
    lines = "".join(json.dumps([d, t]) + "\n" for d, t in zip(documents, targets))
    path = tmp_path / "x.tokens"
    subprocess.run([tool, "write-shard", str(path)], input=lines, text=True, check=True, timeout=60)
    targets = [t if i % 3 else [1] * len(d) for i, (d, t) in enumerate(zip(documents, targets))]
    assert read(tool, path) == {"format": "ropewalk", "documents": documents, "targets": targets}

    content = path.read_bytes()
    version, = struct.unpack("<I", content[8:12])
    num_tokens, num_documents, begin, table = struct.unpack("<QQQQ", content[32:64])
    at, zero = struct.unpack("<QQ", content[96:112])
    assert (version, begin, zero) == (2, 128, 0)
    assert at == (128 + 2 * num_tokens + 7) // 8 * 8
    assert table == at + (num_tokens + 63) // 64 * 8
    assert len(content) == table + 8 * (num_documents + 1)
    bits = numpy.unpackbits(numpy.frombuffer(content[at:table], numpy.uint8), bitorder="little")
    assert bits[:num_tokens].tolist() == [bit for t in targets for bit in t]
    assert not bits[num_tokens:].any()

    assert "with targets" in ropewalk("verify", path)
    assert json.loads(ropewalk("inspect", path, "--json"))["target_tokens"] == sum(map(sum, targets))
    path.write_bytes(content[:at] + bytes([content[at] ^ 1]) + content[at + 1:])
    assert "does not match its hash" in ropewalk("verify", path, expect=1)


# ---- what is refused ----------------------------------------------------------------------------


def test_flat_files_cut_anywhere_in_header_or_ids_are_refused(tool, tmp_path):
    whole = write_flat(tmp_path / "x.bin", [1, 2, 3], header=(20240520, 1, 3)).read_bytes()
    cut = tmp_path / "cut.bin"
    for size in [*range(4, 60, 7), 1023, 1024, *range(1025, len(whole))]:
        cut.write_bytes(whole[:size])
        refused(tool, cut, "truncated")
    cut.write_bytes(whole + b"\0\0")
    refused(tool, cut, "appended")
    for content in (b"", b"\1", b"\1\2\3", numpy.arange(5, dtype=numpy.uint16).tobytes()[:-1]):
        cut.write_bytes(content)
        refused(tool, cut, "bytes, expected")


def test_megatron_files_cut_anywhere_are_refused(tool, tmp_path):
    index = write_megatron(tmp_path / "x", [[1, 2], [], [3, 4, 5]], seed=2)
    binary = tmp_path / "x.bin"
    whole, ids = index.read_bytes(), binary.read_bytes()
    for size in range(len(whole)):
        index.write_bytes(whole[:size])
        refused(tool, index)
    index.write_bytes(whole + b"\0")
    refused(tool, index)
    index.write_bytes(whole)
    assert read(tool, index)["documents"] == [[1, 2], [], [3, 4, 5]]
    for size in range(len(ids)):
        binary.write_bytes(ids[:size])
        refused(tool, index, "truncated")
    binary.write_bytes(ids + ids)
    refused(tool, index, "appended to")
    binary.unlink()
    refused(tool, index, "x.bin is not beside it")


@pytest.mark.parametrize("change, told", [
    ({"magic": b"MMIDIDX\x00\x01"}, ["no Megatron index"]),
    ({"version": 2}, ["version: is 2"]),
    ({"code": 6}, ["floating point"]),
    ({"code": 9}, ["type of the ids: is 9"]),
    ({"lengths": [2, -3, 1]}, ["sequence 1: has length -3"]),
    ({"pointers": [0, -4, 10]}, ["sequence 1: begins at byte -4"]),
    ({"pointers": [0, 5, 10]}, ["sequence 1: begins at byte 5", "multiple of 2"]),
    ({"pointers": [0, 4, 2**62]}, ["sequence 2: has 1 ids from byte 4611686018427387904"]),
    ({"lengths": [2, 3, 9]}, ["sequence 2: has 9 ids from byte 10", "which has 12 bytes"]),
    ({"pointers": [4, 0, 10]}, ["sequence 1: begins at byte 0", "in document 0"]),
    ({"documents": [0, 3, 2]}, ["document 1: ends at sequence 2 before it begins, at 3"]),
    ({"documents": [1, 2, 3]}, ["runs from 1 to 3"]),
    ({"documents": [0, 2, 4]}, ["runs from 0 to 4"]),
    ({"lengths": [-2, 3, 9], "pointers": [0, 5, 10], "documents": [0, 2, 1]},
     ["5 faults", "has length -2", "begins at byte 5", "has 9 ids", "runs from 0 to 1", "document 1"]),
])
def test_broken_megatron_indexes_are_told_rule_by_rule(tool, tmp_path, change, told):
    parts = {"code": 8, "lengths": [2, 3, 1], "pointers": [0, 4, 10], "documents": [0, 2, 3]}
    magic = change.pop("magic", None)
    index = megatron_index(**(parts | change))
    path = tmp_path / "x.idx"
    path.write_bytes(magic + index[9:] if magic else index)
    (tmp_path / "x.bin").write_bytes(numpy.arange(6, dtype=numpy.uint16).tobytes())
    refused(tool, path, *told)
    report = ropewalk("verify", tmp_path, expect=1)
    assert all(part in report for part in told if "faults" not in part), report


# ---- inspect and verify -------------------------------------------------------------------------


def expected_bins(documents):
    lengths = numpy.array([len(d) for d in documents])
    bins = []
    for k in range(int(lengths.max()).bit_length() + 1):
        low, high = (0, 0) if k == 0 else (2**(k - 1), 2**k - 1)
        within, longer = lengths[(lengths >= low) & (lengths <= high)], lengths[lengths >= low]
        bins.append({"from": low, "to": high,
                     "documents": len(within), "tokens": int(within.sum()),
                     "token_share": within.sum() / lengths.sum(),
                     "documents_at_least": len(longer), "tokens_at_least": int(longer.sum()),
                     "token_share_at_least": longer.sum() / lengths.sum()})
    return bins


def test_inspect_counts_long_documents_of_every_kind_of_file(tool, tmp_path):
    kinds = [made_up_documents(seed) for seed in (5, 6, 7)]
    kinds[2].append([7] * 2048)
    write_flat(tmp_path / "a.bin", joined(kinds[0], before=True))
    write_megatron(tmp_path / "b", kinds[1], eod=EOS)
    lines = "".join(json.dumps([d, []]) + "\n" for d in kinds[2])
    subprocess.run([tool, "write-shard", str(tmp_path / "c.tokens")], input=lines, text=True, check=True,
                   timeout=60)
    for name, documents in zip(("a.bin", "b", "b.bin", "c.tokens"), (kinds[0], kinds[1], kinds[1], kinds[2])):
        found = json.loads(ropewalk("inspect", tmp_path / name, "--eos-id", EOS, "--json"))
        assert found["documents"] == len(documents)
        assert found["document_lengths"] == {"longest": max(map(len, documents)),
                                             "bins": expected_bins(documents)}
    together = sum(kinds, [])
    found = json.loads(ropewalk("inspect", tmp_path, "--eos-id", EOS, "--json"))
    assert [pathlib.Path(shard["path"]).name for shard in found["shards"]] == ["a.bin", "b.bin", "c.tokens"]
    assert found["tokens"] == sum(map(len, together))
    assert found["document_lengths"]["bins"] == expected_bins(together)
    assert found["remarks"] == []

    table = ropewalk("inspect", tmp_path / "c.tokens")
    row = next(line.split() for line in table.splitlines() if "2,048-4,095" in line)
    share = f"{100 * 2048 / sum(map(len, kinds[2])):.1f}%"
    assert row == ["2,048-4,095", "1", "2,048", share, "1", "2,048", share]
    without = json.loads(ropewalk("inspect", tmp_path / "a.bin", "--json"))
    assert without["documents"] == 1
    assert "--eos-id" in without["remarks"][0]


def test_verify_goes_through_the_files_of_a_folder(tmp_path):
    documents = made_up_documents(8)
    write_flat(tmp_path / "a.bin", joined(documents, before=False))
    write_megatron(tmp_path / "b", documents, code=4, eod=EOS)
    report = ropewalk("verify", tmp_path)
    assert "a.bin: ok" in report and "rules of nanogpt" in report
    assert "b.idx: ok" in report and "rules of megatron" in report
    assert "ok" in ropewalk("verify", tmp_path / "b")
    ids = numpy.fromfile(tmp_path / "b.bin", numpy.int32)
    ids[5] = -7
    ids.tofile(tmp_path / "b.bin")
    assert "token 5 has id -7" in ropewalk("verify", tmp_path / "b.bin", expect=1)
