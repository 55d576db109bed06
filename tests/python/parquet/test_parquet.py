"""Parquet files that pyarrow writes, read by builds with ROPEWALK_PARQUET."""
import json
import os
import pathlib
import random
import subprocess

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

TOOL = pathlib.Path(os.environ["ROPEWALK_TOOLS"]) / "ropewalk_parquet_tool"
TEXTS = ["", "one", "two\nlines", "\u4e2d\u6587 \U0001f600", "x" * 5000, "nul\0inside"] * 40


def read(path, field="text"):
    done = subprocess.run([TOOL, path, field], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    *rows, last = [json.loads(line) for line in done.stdout.split("\n")[:-1]]
    return rows, last


def refusal(path, field="text"):
    done = subprocess.run([TOOL, path, field], capture_output=True, text=True)
    assert done.returncode == 2, done.stdout
    assert str(path) in done.stderr
    return done.stderr


def write(path, columns, **options):
    pq.write_table(pa.table(columns), path, **options)
    return path


@pytest.mark.parametrize("compression", ["none", "snappy", "zstd", "gzip", "brotli", "lz4"])
@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.binary()], ids=str)
@pytest.mark.parametrize("dictionary", [True, False])
def test_rows_of_all_groups_come_in_order(compression, kind, dictionary, tmp_path):
    column = pa.array([text.encode() for text in TEXTS], pa.binary()).cast(kind)
    path = write(tmp_path / "a.parquet", {"other": range(len(TEXTS)), "text": column},
                 row_group_size=37, data_page_size=2000, compression=compression,
                 use_dictionary=dictionary)
    assert pq.ParquetFile(path).num_row_groups == 7
    rows, last = read(path)
    assert rows == TEXTS
    assert last["bytes"] == path.stat().st_size


@pytest.mark.parametrize("options", [
    {"data_page_version": "2.0"},
    {"use_dictionary": False, "column_encoding": "DELTA_BYTE_ARRAY"},
    {"use_dictionary": False, "column_encoding": "DELTA_LENGTH_BYTE_ARRAY"},
    {"write_page_checksum": True}], ids=str)
def test_other_encodings(options, tmp_path):
    rows, _ = read(write(tmp_path / "a.parquet", {"text": TEXTS}, data_page_size=1000, **options))
    assert rows == TEXTS


def test_nulls_are_faults_of_their_rows(tmp_path):
    texts = [text if i % 3 else None for i, text in enumerate(TEXTS)]
    rows, _ = read(write(tmp_path / "a.parquet", {"text": texts}, row_group_size=50))
    expected = [text if text is not None else
                {"row": i + 1, "fault": "the column holds no text here (null)"}
                for i, text in enumerate(texts)]
    assert rows == expected
    only, _ = read(write(tmp_path / "b.parquet", {"text": pa.array([None] * 5, pa.string())}))
    assert [row["row"] for row in only] == [1, 2, 3, 4, 5]


def test_invalid_utf8_is_a_fault_of_its_row(tmp_path):
    path = write(tmp_path / "a.parquet", {"text": pa.array([b"good", b"ab\xff", b"after"])})
    rows, _ = read(path)
    assert rows == ["good", {"row": 2, "fault": "byte 3 of the text is not valid UTF-8"}, "after"]


def test_columns_inside_of_structs(tmp_path):
    columns = {"meta": [{"body": {"text": "a"}}, {"body": None}, None, {"body": {"text": "b"}}],
               "dotted.name": ["w", "x", "y", "z"], "dotted": [{"name": "no"}] * 4}
    path = write(tmp_path / "a.parquet", columns)
    rows, _ = read(path, "meta.body.text")
    assert [row if isinstance(row, str) else row["row"] for row in rows] == ["a", 2, 3, "b"]
    assert read(path, "dotted.name")[0] == ["w", "x", "y", "z"]


def test_no_rows_and_no_groups(tmp_path):
    assert read(write(tmp_path / "a.parquet", {"text": pa.array([], pa.string())}))[0] == []


def test_columns_that_are_no_text(tmp_path):
    path = write(tmp_path / "a.parquet", {
        "number": [1], "list": [["a"]], "body": ["b"], "fixed": pa.array([b"ab"], pa.binary(2))})
    assert "has no column 'text'; name one of its text columns with --field: \"body\"" in refusal(path)
    assert "column 'number' is of type" in refusal(path, "number")
    assert "column 'fixed' is of type" in refusal(path, "fixed")
    assert "lies in a list" in refusal(path, "list.list.element")
    assert "it has no text column" in refusal(write(tmp_path / "b.parquet", {"number": [1]}))


def test_truncated_and_foreign_files(tmp_path):
    whole = write(tmp_path / "a.parquet", {"text": TEXTS}, row_group_size=37).read_bytes()
    cut = tmp_path / "cut.parquet"
    for size in [0, 3, 4, 11, len(whole) // 2, len(whole) - 9, len(whole) - 1]:
        cut.write_bytes(whole[:size])
        assert "cannot be read as Parquet" in refusal(cut), size
    cut.write_text("{}\n" * 100)
    assert "cannot be read as Parquet" in refusal(cut)
    assert "no such file" in refusal(tmp_path / "none.parquet")


def test_damage_ends_with_an_error_or_is_found_by_checksums(tmp_path):
    """Wherever a byte is turned over: never a crash, and with checksums never another text."""
    path = write(tmp_path / "a.parquet", {"text": TEXTS}, row_group_size=60, data_page_size=3000,
                 compression="snappy", write_page_checksum=True)
    whole = path.read_bytes()
    rng = random.Random(1)
    damaged = tmp_path / "damaged.parquet"
    refused = 0
    for _ in range(150):
        at = rng.randrange(len(whole))
        damaged.write_bytes(whole[:at] + bytes([whole[at] ^ (1 << rng.randrange(8))]) + whole[at + 1:])
        done = subprocess.run([TOOL, damaged], capture_output=True, text=True)
        assert done.returncode in (0, 2), done
        refused += done.returncode == 2
    assert refused > 75


def test_memory_does_not_grow_with_the_row_group(tmp_path):
    rng = random.Random(2)
    words = ["".join(rng.choices("abcdefghijklmnop ", k=9)) for _ in range(5000)]

    def memory(rows):
        texts = [" ".join(rng.choices(words, k=800)) for _ in range(rows)]
        path = write(tmp_path / "a.parquet", {"text": texts}, row_group_size=rows,
                     use_dictionary=False)
        assert pq.ParquetFile(path).num_row_groups == 1
        found, last = read(path)
        assert found == texts
        return last["memory_kb"]

    small = memory(400)
    assert memory(10_000) < small + 24_000  # 80 MB of text
