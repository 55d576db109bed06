"""`ropewalk prepare` of Parquet files, in builds with ROPEWALK_PARQUET."""
import json
import os
import pathlib
import subprocess

import pyarrow as pa
import pyarrow.parquet as pq

PROGRAM = os.environ["ROPEWALK_BIN"]
MODEL = pathlib.Path(os.environ["ROPEWALK_SOURCE_DIR"]) / "configs" / "example-model"
TEXTS = [f"text {i}\nof two lines" for i in range(500)]


def prepare(*words, output, expect=0):
    done = subprocess.run([PROGRAM, "prepare", *map(str, words), "--tokenizer", MODEL, "--output", output],
                          capture_output=True, text=True)
    assert done.returncode == expect, done.stderr
    return done.stderr + done.stdout


def write(path, columns, **options):
    path.parent.mkdir(exist_ok=True)
    pq.write_table(pa.table(columns), path, **options)
    return path


def shards(folder):
    return [path.read_bytes() for path in sorted(folder.glob("*.tokens"))]


def test_a_file_gives_the_shards_of_the_same_lines(tmp_path):
    lines = tmp_path / "a.jsonl"
    lines.write_text("".join(json.dumps({"text": text}) + "\n" for text in TEXTS))
    rows = write(tmp_path / "a.parquet", {"meta": [{"text": text} for text in TEXTS]}, row_group_size=70)
    prepare(lines, output=tmp_path / "lines")
    prepare(rows, "--field", "meta.text", output=tmp_path / "rows")
    assert shards(tmp_path / "rows") == shards(tmp_path / "lines")


def test_a_folder_is_read_in_the_order_of_names_and_bad_rows_are_counted(tmp_path):
    write(tmp_path / "in" / "b.parquet", {"text": ["last", None]})
    write(tmp_path / "in" / "a.parquet", {"text": pa.array([b"first", b"\xff"], pa.binary())})
    report = prepare(tmp_path / "in", output=tmp_path / "out")
    assert "a.parquet:2: byte 1 of the text is not valid UTF-8" in report
    assert "b.parquet:2: the column holds no text here (null)" in report
    inputs = json.loads((tmp_path / "out" / "dataset.json").read_text())["inputs"]
    assert [(pathlib.Path(entry["path"]).name, entry["documents"], entry["bad_lines"]) for entry in inputs] \
        == [("a.parquet", 1, 1), ("b.parquet", 1, 1)]


def test_all_that_cannot_be_read_is_named_before_anything_is(tmp_path):
    number = write(tmp_path / "number.parquet", {"text": [1], "body": ["x"]})
    other = write(tmp_path / "other.parquet", {"body": ["x"]})
    nested = write(tmp_path / "nested.parquet", {"text": [["x"]], "body": ["x"]})
    cut = tmp_path / "cut.parquet"
    cut.write_bytes(other.read_bytes()[:-5])
    folder = write(tmp_path / "in" / "a.parquet", {"body": ["x"]}).parent
    report = prepare(number, other, nested, cut, folder, output=tmp_path / "out", expect=2)
    for text in ["5 faults",
                 f"{number}: column 'text' is of type INT64, expected text; name one of its text columns with "
                 '--field: "body"',
                 f"{other}: has no column 'text'; name one",
                 f"{nested}: column 'text' is a struct or a list, expected one text a row; name one",
                 f"{cut}: file cannot be read as Parquet"]:
        assert text in report, text
    assert not (tmp_path / "out.partial").exists()


def test_damage_in_a_row_group_names_group_and_column(tmp_path):
    path = write(tmp_path / "a.parquet", {"text": TEXTS}, row_group_size=100, use_dictionary=False,
                 write_page_checksum=True, compression="none")
    content = bytearray(path.read_bytes())
    content[content.index(b"text 250")] ^= 1
    path.write_bytes(content)
    report = prepare(path, output=tmp_path / "out", expect=2)
    assert f"{path}: row group 3 of column 'text' cannot be read as Parquet" in report
    assert "Fetch it again" in report and not (tmp_path / "out").exists()


def test_chat_data_is_refused(tmp_path):
    path = write(tmp_path / "a.parquet", {"text": ["{}"]})
    assert "a.parquet: is Parquet; --chat-form reads JSON lines only" in prepare(
        path, "--chat-form", "none", output=tmp_path / "out", expect=2)
