"""`report`: the page of real runs and evaluations, its pictures, and what a browser makes of it."""

import html.parser
import json
import math
import re
import shutil
import xml.etree.ElementTree as ElementTree

import browser
import pytest
from main_job import OWN_MODEL, PROGRAM, ropewalk
from small_runs import checkpoint, make_shards, small_run

pytestmark = pytest.mark.skipif(not PROGRAM, reason="needs ROPEWALK_BIN")

SECTIONS = ["summary", "config", "loss", "perplexity-steps", "perplexity-window", "loss-by-position",
            "passkey", "needle", "recall", "short", "throughput", "memory"]
HOSTILE = "</title><img src=x onerror=alert(1)>&amp; \"it's\""
VOID = {"meta", "img", "br", "wbr", "hr", "link", "input"}


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Two runs with evaluations while they train, and files of every evaluation in the first."""
    folder = tmp_path_factory.mktemp("runs")
    train, valid = make_shards(folder / "train", 1), make_shards(folder / "valid", 2, 2, 1200)
    for name, rate, factors in (("tuned", 1e-3, []), ("faster", 3e-3, [1.0, 2.0])):
        config = small_run(folder / f"{name}.json", train, folder / name, data={"validation": [str(valid)]},
                           optimizer={"learning_rate": rate}, train={"steps": 8},
                           eval={"every_steps": 4, "windows": [64, 128], "factors": factors})
        ropewalk("train", config)
    model, results = checkpoint(folder / "tuned", 8), folder / "tuned" / "eval"
    results.mkdir(exist_ok=True)
    common = ["--factors", "1,2", "--threads", 1, "--json"]
    ropewalk("eval", "perplexity", model, "--data", valid, "--windows", "64,128", *common,
             results / "perplexity.json")
    ropewalk("eval", "passkey", model, "--window", 256, "--distances", "96,128", "--trials", 1, *common,
             results / "passkey.json")
    ropewalk("eval", "needle", model, "--lengths", "192,256", "--depths", "0,1", "--trials", 1, *common,
             results / "needle.json")
    ropewalk("eval", "recall", model, "--lengths", "256", "--trials", 1, "--keys", 2, "--hops", 1, *common,
             results / "recall.json")
    questions = folder / "questions.jsonl"
    questions.write_text('{"context": "a", "choices": ["b", "c"], "answer": 0}\n')
    ropewalk("eval", "short", model, "--base", OWN_MODEL, "--data", valid, "--choices", questions, *common,
             results / "short.json")
    return folder


def copied_run(runs, folder, name="tuned"):
    """Without its checkpoints."""
    return shutil.copytree(runs / "tuned", folder / name, ignore=shutil.ignore_patterns("checkpoints"))


def perplexity_file(file, step):
    """As a run writes it: each window under two factors, with the loss by position."""
    rest = math.exp(-step / 900)
    results = [{"window": window, "kind": "linear", "factor": factor,
                "perplexity": 9 + window / 256 * rest / factor,
                "positions": [{"begin": part * window // 8, "end": (part + 1) * window // 8,
                               "nll": 2.5 - part / 20 + part * rest / factor} for part in range(8)]}
               for factor in (1, 16) for window in (1024, 4096, 16384)]
    file.write_text(json.dumps({"protocol": "pi", "results": results}))


def long_runs(folder):
    """As of days on GPUs: many steps and windows, long and hostile names, cells too narrow for numbers."""
    for name, steps in (("a-run-with-a-name-that-is-longer-than-most-legends-expect", 3000),
                        (HOSTILE.replace("/", "|"), 700)):
        run = folder / name
        (run / "eval").mkdir(parents=True)
        (run / "config.json").write_text(json.dumps({"model": {"pretrained": HOSTILE}, "train": {"steps": steps}}))
        lines = []
        for step in range(1, steps + 1):
            lines.append({"step": step, "loss": 2 + (step % 13) / step, "learning_rate": 2e-5, "tokens": 4096 * step,
                          "tokens_per_second": 1e5 + step % 7, "mfu": 0.4, "memory_bytes": 7e10})
            if step % 100 == 0:
                # The shorter run is evaluated under two factors.
                tags = {"": 1} if steps > 1000 else {"/factor_1": 1, "/factor_16": 16}
                lines.append({"step": step, **{f"eval/perplexity@{1024 * 2**n}{tag}":
                                               9 + n * math.exp(-step / 900) + 3 * n / factor
                                               for n in range(6) for tag, factor in tags.items()}})
                perplexity_file(run / "eval" / f"step-{step:08}.perplexity.json", step)
        lines[300].update(loss=None, skipped=True)
        text = "".join(json.dumps(line) + "\n" for line in lines)
        (run / "metrics.jsonl").write_text(text + '{"step": 1')
        scores = [{"length": 2048 * n, "depth": depth / 10, "trials": 5, "successes": n % 6}
                  for n in range(1, 17) for depth in range(0, 11, 2)]
        (run / "eval" / "needle.json").write_text(json.dumps(
            {"task": "needle", "results": [{"kind": "linear", "factor": 16, "scores": scores}]}))
    return sorted(folder.iterdir())


class Page(html.parser.HTMLParser):
    """Checks that elements close in order; keeps their attributes and the text of the page."""

    def __init__(self, text):
        super().__init__()
        self.open, self.elements, self.text = [], [], ""
        self.feed(text)
        self.close()
        assert not self.open, self.open

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open and self.open[-1] == tag, f"</{tag}> inside {self.open}"
        self.open.pop()

    def handle_data(self, text):
        self.text += text

    def of(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]


def report(folder, *words):
    """The page and its pictures by name."""
    ropewalk("report", *words, "-o", folder / "report.html", "--figures", folder / "figures")
    pictures = {file.stem: ElementTree.parse(file) for file in (folder / "figures").glob("*.svg")}
    return Page((folder / "report.html").read_text()), pictures


def texts_of(picture):
    return [element.text for element in picture.iter() if element.tag.endswith("}text")]


def test_the_page_holds_every_part_and_loads_nothing(runs, tmp_path):
    page, pictures = report(tmp_path, runs / "tuned", runs / "faster")
    assert [section["id"] for section in page.of("section")] == SECTIONS
    assert set(pictures) == {"loss", "learning-rate", "perplexity-steps-1", "perplexity-steps-2",
                             "perplexity-window-1", "perplexity-window-2", "perplexity-window-runs",
                             "perplexity-eval", "loss-by-position", "passkey", "needle", "recall",
                             "throughput", "memory"}
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert {link["href"] for link in page.of("a")} == {f"#{name}" for name in SECTIONS}
    text = (tmp_path / "report.html").read_text().replace("http://www.w3.org/2000/svg", "")
    assert not re.search(r"https?:|//\w|\bsrc=|@import|url\(|<script", text)
    for words in ("256 → 512 tokens", "linear x2", "8 of 8", "optimizer.learning_rate", "0.003"):
        assert words in page.text, words


def test_pictures_show_what_the_files_say(runs, tmp_path):
    page, pictures = report(tmp_path, runs / "tuned", runs / "faster")
    assert {"tuned", "faster", "loss [nats per token]", "step"} <= set(texts_of(pictures["loss"]))
    assert {"window 64, factor 1", "window 128, factor 2"} <= set(texts_of(pictures["perplexity-steps-2"]))
    assert {"step 4", "step 8", "window [tokens]"} <= set(texts_of(pictures["perplexity-window-1"]))
    assert "tuned, perplexity, linear x2" in texts_of(pictures["perplexity-eval"])
    assert "loss [nats per token]" in texts_of(pictures["loss-by-position"])
    assert "depth [%]" in texts_of(pictures["needle"])
    lines = [json.loads(line) for line in (runs / "tuned" / "metrics.jsonl").read_text().splitlines()]
    last = [line["loss"] for line in lines if "loss" in line][-1]
    perplexity = [line["eval/perplexity@128"] for line in lines if "eval/perplexity@128" in line][-1]
    assert f"{last:.4g}" in page.text and f"{perplexity:.4g}" in page.text


def test_one_run_is_compared_with_the_defaults(runs, tmp_path):
    page, pictures = report(tmp_path, copied_run(runs, tmp_path), "--eval",
                            f"again={runs / 'tuned' / 'eval' / 'perplexity.json'}")
    assert "model.pos_scaling_factor" in page.text and "schedule.type" not in page.text
    assert {"perplexity, linear x2", "again, linear x2"} <= set(texts_of(pictures["perplexity-eval"]))


def test_parts_without_data_say_how_to_get_it(runs, tmp_path):
    run = copied_run(runs, tmp_path)
    shutil.rmtree(run / "eval")
    lines = (run / "metrics.jsonl").read_text().splitlines(keepends=True)
    (run / "metrics.jsonl").write_text("".join(line for line in lines if "eval/" not in line))
    page, pictures = report(tmp_path, run)
    assert set(pictures) == {"loss", "learning-rate", "throughput", "memory"}
    for words in ("ropewalk eval passkey CHECKPOINT", "ropewalk eval needle", "eval.every_steps=200"):
        assert words in page.text, words


def test_names_become_no_markup_and_half_a_line_is_left_out(tmp_path):
    page, pictures = report(tmp_path, *long_runs(tmp_path / "runs"))
    assert not page.of("img") and not page.of("b") and not page.of("script")
    assert "onerror=alert(1)" in page.text and HOSTILE.split("/")[-1] in page.text
    assert "Half a line at the end of metrics.jsonl" in page.text
    assert any("onerror" in text for text in texts_of(pictures["loss"]))
    assert "pale: lowest and highest of each 4 to 15 logged steps" in " ".join(texts_of(pictures["loss"]))


def test_every_evaluation_of_a_long_run_is_drawn_and_listed(tmp_path):
    run, = (folder for folder in long_runs(tmp_path / "runs") if folder.name.startswith("a-run"))
    page, pictures = report(tmp_path, run)
    for name, lines in (("perplexity-window", 30), ("perplexity-eval", 60), ("loss-by-position", 60)):
        texts = texts_of(pictures[name])
        assert len([element for element in pictures[name].iter() if element.tag.endswith("}path")]) == lines
        assert any(text.startswith("step 100") for text in texts)
        assert any(text.startswith("step 3,000") for text in texts)
        assert sum(text.startswith("step ") for text in texts) <= 10
        assert f"of {lines} are named" in " ".join(texts)
    for step in range(100, 3001, 100):
        assert f"step {step:,}, linear x16" in page.text
    # A map for each evaluation would be a picture for each.
    for step in range(100, 700, 100):
        shutil.copy(run / "eval" / "needle.json", run / "eval" / f"step-{step:08}.needle.json")
    (run / "eval" / "needle.json").unlink()
    (tmp_path / "maps").mkdir()
    _, pictures = report(tmp_path / "maps", run)
    maps = {name: texts_of(picture) for name, picture in pictures.items() if name.startswith("needle")}
    assert set(maps) == {"needle-1", "needle-2"}
    assert "step 100" in maps["needle-1"] and "step 600" in maps["needle-2"]


def test_every_fault_is_told_and_nothing_written(runs, tmp_path):
    run = copied_run(runs, tmp_path)
    metrics = run / "metrics.jsonl"
    metrics.write_text(metrics.read_text().replace('"loss":', '"loss:', 1))
    (run / "eval" / "other.json").write_text('{"kind": "run"}')
    text = ropewalk("report", run, tmp_path / "none", runs / "train", "--eval", f"x={runs / 'tuned.json'}",
                    "-o", tmp_path / "report.html", expect=2)
    for words in ("6 faults", f"{metrics}:2: not valid JSON",
                  f"{tmp_path / 'none'}: no such folder", f"{runs / 'train'}: found no metrics.jsonl",
                  f"{run / 'eval' / 'other.json'}: found an object with the keys \"kind\"",
                  f"{runs / 'tuned.json'}: found an object with the keys \"model, data"):
        assert words in text, words
    assert not (tmp_path / "report.html").exists()


@pytest.mark.skipif(not browser.CHROMIUM, reason="chromium is not installed")
def test_a_browser_finds_no_overlap_and_a_phone_no_sideways_scrolling(runs, tmp_path):
    for name, folders in (("real", [runs / "tuned", runs / "faster"]), ("long", long_runs(tmp_path / "runs"))):
        page = tmp_path / f"{name}.html"
        ropewalk("report", *folders, "-o", page)
        widths = (1280, 390, 320)
        for width, layout in zip(widths, browser.layouts(tmp_path, page, widths)):
            assert layout["faults"] == [], f"{name} at {width}: {layout['faults']}"
            assert layout["width"] <= width, f"{name}: {layout['width']} px wide at {width}"
            assert layout["texts"] > 100 and layout["pictures"] >= 9
        # For people to look at: the folder is kept by pytest.
        for width in (1280, 390):
            size = browser.screenshot(page, tmp_path / f"{name}-{width}.png", width, 4000)
            assert size == (max(width, browser.NARROWEST), 4000)
