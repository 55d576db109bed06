"""`ropewalk prepare` as a process: what it reads, what it passes over, and that it may be killed at any
moment. Bytes and rules are those of docs/file_formats.md."""

import contextlib
import ctypes
import gzip
import hashlib
import json
import os
import pathlib
import pty
import random
import resource
import select
import signal
import struct
import subprocess

import pytest

SOURCE = pathlib.Path(__file__).resolve().parents[2]
MODEL = SOURCE / "configs" / "example-model"
PROGRAM = os.environ.get("ROPEWALK_BIN", "")
LIMIT_S = 300
MIB = 1 << 20

pytestmark = pytest.mark.skipif(not PROGRAM, reason="needs ROPEWALK_BIN")


def words(*inputs, output, options=()):
    return [PROGRAM, "prepare", *map(str, inputs), "--tokenizer", str(MODEL), "--output", str(output),
            *map(str, options)]


def prepare(*inputs, output, options=(), expect=0, **keywords):
    done = subprocess.run(words(*inputs, output=output, options=options), capture_output=True,
                          timeout=LIMIT_S, **keywords)
    report = done.stderr.decode() + done.stdout.decode()
    assert done.returncode == expect, report
    return report


def contents(folder):
    """Name -> hash of everything in a folder."""
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(folder.rglob("*")) if path.is_file()}


def index_of(folder):
    return json.loads((folder / "dataset.json").read_text())


def documents_of(folder):
    """The ids of each document, in order."""
    documents = []
    for shard in index_of(folder)["shards"]:
        data = (folder / shard["file"]).read_bytes()
        width, = struct.unpack_from("<I", data, 16)
        tokens, count, token_at, table_at = struct.unpack_from("<QQQQ", data, 32)
        ids = struct.unpack_from(f"<{tokens}{'H' if width == 2 else 'I'}", data, token_at)
        table = struct.unpack_from(f"<{count + 1}Q", data, table_at)
        documents += [ids[table[i]:table[i + 1]] for i in range(count)]
    return documents


def json_lines(texts):
    return "".join(json.dumps({"text": text}) + "\n" for text in texts)


def zstd(content):
    library = ctypes.CDLL("libzstd.so.1")
    library.ZSTD_compress.restype = library.ZSTD_compressBound.restype = ctypes.c_size_t
    bound = library.ZSTD_compressBound(ctypes.c_size_t(len(content)))
    packed = ctypes.create_string_buffer(bound)
    size = library.ZSTD_compress(packed, ctypes.c_size_t(bound), content, ctypes.c_size_t(len(content)), 1)
    return packed[:size]


def some_texts(count, seed):
    rng = random.Random(seed)
    vocabulary = ["".join(rng.choices("abcdefghij", k=rng.randrange(1, 9))) for _ in range(500)]
    return [" ".join(rng.choices(vocabulary, k=rng.randrange(200))) for _ in range(count)]


# Kills and stops.

@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """Inputs of every kind, with bad lines, and what an undisturbed run makes of them."""
    folder = tmp_path_factory.mktemp("corpus")
    lines = json_lines(some_texts(4000, seed=1))
    (folder / "a.jsonl").write_text("nonsense\n" + lines)
    (folder / "b.jsonl.gz").write_bytes(gzip.compress(json_lines(some_texts(2000, seed=2)).encode(), 1))
    (folder / "c.txt").write_text("\n".join(some_texts(300, seed=3)))
    (folder / "d.jsonl.zst").write_bytes(zstd((json_lines(some_texts(2000, seed=4)) + "{}\n").encode()))
    return folder


OPTIONS = {"whole": ["--shard-tokens", 40_000],
           "split": ["--shard-tokens", 40_000, "--validation-fraction", "0.05", "--workers", 2]}


@pytest.fixture(scope="module", params=OPTIONS)
def job(request, corpus, tmp_path_factory):
    """Options, and the bytes that they must give."""
    folder = tmp_path_factory.mktemp("undisturbed") / "out"
    prepare(corpus, output=folder, options=OPTIONS[request.param])
    return OPTIONS[request.param], contents(folder)


def start(*inputs, output, options=(), **keywords):
    return subprocess.Popen(words(*inputs, output=output, options=options), stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, **keywords)


def num_finished_shards(output):
    """As progress.json has it, which is replaced as a whole; -1 when all is done but the renaming."""
    try:
        progress = json.loads((output.with_name(output.name + ".partial") / "progress.json").read_text())
    except FileNotFoundError:
        return 0
    return -1 if progress["publishing"] else sum(len(part["shards"]) for part in progress["parts"])


class FolderWatch:
    """Tells (by inotify) when an entry of a folder comes, goes or is replaced."""
    CREATE, MOVED_FROM, MOVED_TO, DELETE = 0x100, 0x40, 0x80, 0x200

    def __init__(self, folder):
        library = ctypes.CDLL(None, use_errno=True)
        self.descriptor = library.inotify_init1(os.O_CLOEXEC)
        if self.descriptor < 0 or library.inotify_add_watch(
                self.descriptor, os.fsencode(folder),
                self.CREATE | self.MOVED_FROM | self.MOVED_TO | self.DELETE) < 0:
            raise OSError(ctypes.get_errno(), "inotify")

    def close(self):
        os.close(self.descriptor)

    def wait_until(self, condition, process):
        """False when the process ended before."""
        end = os.pidfd_open(process.pid)
        try:
            while not condition():
                ready, _, _ = select.select([self.descriptor, end], [], [], LIMIT_S)
                assert ready, f"nothing happened for {LIMIT_S} s"
                if end in ready:
                    return False
                os.read(self.descriptor, 1 << 16)
            return True
        finally:
            os.close(end)


@contextlib.contextmanager
def start_watched(*inputs, output, **keywords):
    """The command, and a watch of its work folder, which is there before the command."""
    work = output.with_name(output.name + ".partial")
    work.mkdir(exist_ok=True)
    with contextlib.closing(FolderWatch(work)) as watch, \
            start(*inputs, output=output, **keywords) as process:
        try:
            yield process, watch
        except BaseException:
            process.kill()
            raise


def signal_at(count, number, corpus, output, options):
    """Starts the command and signals it when so many shards are finished (-1: when it publishes)."""
    def is_reached():
        shards = num_finished_shards(output)
        return shards == -1 or 0 <= count <= shards

    with start_watched(corpus, output=output, options=options) as (process, watch):
        if watch.wait_until(is_reached, process):
            process.send_signal(number)
        report = process.communicate(timeout=LIMIT_S)[0].decode()
    return process.returncode, report


@pytest.mark.parametrize("seed", range(2))
def test_killed_at_any_shard_it_goes_on_to_the_same_bytes(corpus, job, tmp_path, seed):
    options, expected = job
    output = tmp_path / "out"
    total = sum(name.endswith(".tokens") for name in expected)
    assert total > 15
    rng = random.Random(seed)
    for count in [*sorted(rng.sample(range(1, total - 2), 4)), -1]:
        code, report = signal_at(count, signal.SIGKILL, corpus, output, options)
        if code == 0:
            break  # too fast for the last kill
        assert code == -signal.SIGKILL, report
        if output.exists():  # killed after the rename
            assert contents(output) == expected
            continue
        for folder in {shard.parent for shard in (tmp_path / "out.partial/data").rglob("*.tokens")}:
            subprocess.run([PROGRAM, "verify", folder], check=True, capture_output=True)
    if (tmp_path / "out.partial").exists():
        assert "goes on after what is finished" in prepare(corpus, output=output, options=options)
    assert contents(output) == expected
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_stopped_it_says_how_to_go_on_and_does(corpus, job, tmp_path, number):
    options, expected = job
    output = tmp_path / "out"
    code, report = signal_at(2, number, corpus, output, options)
    assert code == 75, report
    assert "out.partial" in report and "same command" in report
    assert not output.exists()
    prepare(corpus, output=output, options=options)
    assert contents(output) == expected


def test_a_second_one_for_the_same_output_is_refused(corpus, tmp_path):
    output = tmp_path / "out"
    with start_watched(corpus, output=output, options=OPTIONS["whole"]) as (process, watch):
        assert watch.wait_until(lambda: num_finished_shards(output) >= 1, process)
        process.send_signal(signal.SIGSTOP)
        try:
            report = prepare(corpus, output=output, expect=2)
            assert f"in use by process {process.pid}" in report
        finally:
            process.send_signal(signal.SIGCONT)
        assert process.communicate(timeout=LIMIT_S) and process.returncode == 0
    assert sum(entry["documents"] for entry in index_of(output)["inputs"]) == 8001


def test_the_number_of_workers_changes_no_byte(corpus, job, tmp_path):
    options, expected = job
    for workers in (1, 5):
        output = tmp_path / str(workers)
        prepare(corpus, output=output, options=[*options, "--workers", workers] if "--workers" not in options
                else [*options[:-1], workers])
        assert contents(output) == expected


# Inputs.

def test_standard_input_is_json_lines_or_what_format_says(tmp_path):
    texts = ["one", "two\nlines", "three é"]
    lines = json_lines(texts)
    (tmp_path / "a.jsonl").write_text(lines)
    prepare(tmp_path / "a.jsonl", output=tmp_path / "file")
    prepare("-", output=tmp_path / "lines", input=lines.encode())
    assert documents_of(tmp_path / "lines") == documents_of(tmp_path / "file")
    prepare("-", output=tmp_path / "text", options=["--format", "text"], input=b"two\nlines")
    assert documents_of(tmp_path / "text") == documents_of(tmp_path / "file")[1:2]
    assert index_of(tmp_path / "text")["inputs"][0]["path"] == "-"


def test_a_stop_while_standard_input_gives_nothing_ends_it(tmp_path):
    output = tmp_path / "out"
    with start_watched("-", output=output, stdin=subprocess.PIPE) as (process, watch):
        process.stdin.write(json_lines(["text"]).encode())
        process.stdin.flush()
        assert watch.wait_until((tmp_path / "out.partial" / "lock").exists, process)
        process.send_signal(signal.SIGTERM)
        report = process.stdout.read().decode()
    assert process.returncode == 1 and "standard input cannot be gone on with" in report
    assert not list(tmp_path.iterdir())


def test_folders_and_quoted_patterns_are_searched(tmp_path):
    for name in ("corpus/b.jsonl", "corpus/x/a.jsonl", "corpus/x/y/c.jsonl"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json_lines([name]))
    (tmp_path / "corpus/table.csv").write_text("1,2")

    def paths(pattern):
        report = prepare(pattern, output="out", options=["--overwrite"], cwd=tmp_path)
        return [entry["path"] for entry in index_of(tmp_path / "out")["inputs"]], report

    found, report = paths("corpus")
    assert found == ["corpus/b.jsonl", "corpus/x/a.jsonl", "corpus/x/y/c.jsonl"]
    assert "1 found but passed over" in report and "corpus/table.csv" in report
    assert paths("corpus/*.jsonl")[0] == ["corpus/b.jsonl"]
    assert paths("corpus/**/[ac].jsonl")[0] == ["corpus/x/a.jsonl", "corpus/x/y/c.jsonl"]
    report = prepare("corpus/*.zip", "corpus/table.csv", "gone.txt", output="other", expect=2, cwd=tmp_path)
    for name in ("3 faults", "corpus/*.zip: matches no text file", "table.csv: unknown ending",
                 "gone.txt: not found"):
        assert name in report


def test_a_nested_field_is_read(tmp_path):
    (tmp_path / "plain.jsonl").write_text(json_lines(["deep text"]))
    (tmp_path / "nested.jsonl").write_text('{"meta": {"parts": [{}, {"text": "deep text"}]}}\n')
    prepare(tmp_path / "plain.jsonl", output=tmp_path / "a")
    prepare(tmp_path / "nested.jsonl", output=tmp_path / "b", options=["--field", "meta.parts[1].text"])
    assert documents_of(tmp_path / "a") == documents_of(tmp_path / "b")


# Bad lines, damage, bombs.

BAD_LINES = [b'{"text": "cut', b'{"body": "x"}', b'{"text": 7}', b'{"text": "\xff"}', b"[1]", b'"text"',
             b'{"text": "a", "text": "b"}', b'{"text": "\\ud800"}', b'{"text": "' + b"x" * 2000 + b'"}']


def test_bad_lines_are_passed_over_and_counted(tmp_path):
    file = tmp_path / "in.jsonl"
    good = json_lines(["good"]).encode()
    file.write_bytes(b"".join(good + line + b"\n" for line in BAD_LINES) + 5 * b"nonsense\n")
    options = ["--max-line-bytes", 1000]
    report = prepare(file, output=tmp_path / "out", options=options)
    for i in range(len(BAD_LINES)):
        assert f"in.jsonl:{2 * i + 2}: " in report
    assert "in.jsonl:19: " in report and "in.jsonl:20: " not in report  # the first ten
    assert f"{len(BAD_LINES) + 5} bad lines passed over" in report
    index = index_of(tmp_path / "out")
    assert (index["documents"], index["bad_lines"]) == (len(BAD_LINES), len(BAD_LINES) + 5)
    report = prepare(file, output=tmp_path / "strict", options=[*options, "--strict"], expect=2)
    assert "in.jsonl:2: " in report and not (tmp_path / "strict").exists()


def test_only_bad_lines_are_an_error(tmp_path):
    file = tmp_path / "in.jsonl"
    file.write_bytes(b"\n".join(BAD_LINES))
    report = prepare(file, output=tmp_path / "out", options=["--max-line-bytes", 1000], expect=2)
    assert f"all {len(BAD_LINES)} lines are bad, the first one: {file}:1: " in report
    assert [path.name for path in tmp_path.iterdir()] == ["in.jsonl"]


@pytest.mark.parametrize("kind", ["gz", "zst"])
def test_truncated_compressed_files_are_errors(tmp_path, kind):
    lines = json_lines(some_texts(2000, seed=7)).encode()
    whole = gzip.compress(lines) if kind == "gz" else zstd(lines)
    good = tmp_path / "good.jsonl"
    good.write_bytes(lines)
    file = tmp_path / f"cut.jsonl.{kind}"
    for size in (0, len(whole) // 2, len(whole) - 1):
        file.write_bytes(whole[:size])
        report = prepare(good, file, output=tmp_path / "out", options=["--shard-tokens", 50_000], expect=2)
        assert f"cut.jsonl.{kind}: " in report and "truncated" in report
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([file.name, "good.jsonl"])


def prepare_in_little_memory(*inputs, output, options=(), limit_bytes=400 * MIB, expect=0):
    """The address space holds the program, its threads' stacks and arenas, and no bomb."""
    def limit():
        resource.setrlimit(resource.RLIMIT_AS, (limit_bytes, limit_bytes))
    return prepare(*inputs, output=output, options=[*options, "--workers", 1], expect=expect,
                   preexec_fn=limit)


def test_a_bomb_takes_neither_memory_nor_an_hour(tmp_path):
    file = tmp_path / "bomb.jsonl.zst"
    file.write_bytes(16 * 1024 * zstd(b"x" * (64 * MIB)))  # 1 TiB
    report = prepare_in_little_memory(file, output=tmp_path / "out", expect=2)
    assert "bomb.jsonl.zst: unpacks to more than 1000 times its size" in report


def test_a_line_without_end_is_skipped_without_being_held(tmp_path):
    good = json_lines(["good"]).encode()
    file = tmp_path / "long.jsonl.gz"
    file.write_bytes(gzip.compress(good + b"x" * (200 * MIB) + b"\n" + good, 1))
    text = tmp_path / "long.txt.gz"
    text.write_bytes(gzip.compress(b"x" * (200 * MIB), 1))
    report = prepare_in_little_memory(
        file, text, output=tmp_path / "out", limit_bytes=180 * MIB,
        options=["--max-line-bytes", "1MiB", "--max-document-bytes", "1MiB"])
    assert "long.jsonl.gz:2: longer than 1 MiB" in report and "long.txt.gz:1: longer than 1 MiB" in report
    assert index_of(tmp_path / "out")["documents"] == 2


# Split.

class Hash128(ctypes.Structure):
    _fields_ = [("low", ctypes.c_uint64), ("high", ctypes.c_uint64)]


def share_of(text, seed):
    """Where in [0, 1) the rule of docs/file_formats.md puts a document."""
    library = ctypes.CDLL("libxxhash.so.0")
    library.XXH3_128bits.restype = Hash128
    content = struct.pack("<Q", seed) + text.encode()
    return library.XXH3_128bits(content, ctypes.c_size_t(len(content))).high / 2**64


def test_the_split_is_as_documented(tmp_path):
    texts = some_texts(1500, seed=5) + some_texts(100, seed=5)  # the last ones twice
    for name, chosen in {"all": texts, "train": [text for text in texts if share_of(text, 7) >= 0.1],
                         "validation": [text for text in texts if share_of(text, 7) < 0.1]}.items():
        (tmp_path / f"{name}.jsonl").write_text(json_lines(chosen))
        prepare(tmp_path / f"{name}.jsonl", output=tmp_path / name)
    prepare(tmp_path / "all.jsonl", output=tmp_path / "split",
            options=["--validation-fraction", 0.1, "--split-seed", 7])
    for part in ("train", "validation"):
        found = documents_of(tmp_path / "split" / part)
        assert found == documents_of(tmp_path / part)
        index = index_of(tmp_path / "split" / part)
        assert index["split"] == {"part": part, "validation_fraction": 0.1, "seed": 7}
        assert index["documents"] == index["inputs"][0]["documents"] == len(found)
        assert index["tokens"] == index["inputs"][0]["tokens"] == sum(map(len, found))
    subprocess.run([PROGRAM, "verify", tmp_path / "split" / "train"], check=True, capture_output=True)


# Progress.

def test_a_terminal_shows_progress(tmp_path):
    terminal, other_end = pty.openpty()
    process = subprocess.Popen(words("-", output=tmp_path / "out"), stdin=subprocess.PIPE,
                               stdout=subprocess.DEVNULL, stderr=other_end)
    os.close(other_end)
    with process:
        process.stdin.write(json_lines(["some text"]).encode())
        process.stdin.flush()
        shown = b""
        while b"MB/s" not in shown:  # rewritten while it waits for more
            shown += os.read(terminal, 1000)
        process.stdin.close()
    os.close(terminal)
    assert process.returncode == 0
    assert b"\r" in shown and b" documents " in shown and b"\n" not in shown
