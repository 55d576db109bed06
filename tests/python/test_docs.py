"""The pages name only commands, options, settings, scripts and files that exist."""

import os
import pathlib
import re
import shlex
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = os.environ.get("ROPEWALK_BIN")
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), ROOT / "third_party/README.md"])

pytestmark = pytest.mark.skipif(not PROGRAM, reason="needs ROPEWALK_BIN")


def shell_lines(page):
    """Lines of the page's code blocks for a shell, indented ones too, continued lines joined."""
    for language, block in re.findall(r"^ *```(\w*)\n(.*?)^ *```$", page.read_text(), re.S | re.M):
        if language not in ("", "sh", "bash", "console", "shell"):
            continue
        for line in block.replace("\\\n", " ").splitlines():
            yield line.strip().removeprefix("$ ")


def simple_commands(page):
    for line in shell_lines(page):
        try:
            words = shlex.split(line, comments=True)
        except ValueError:
            continue  # not a command line: output or a picture
        command = []
        for word in [*words, ";"]:
            if word in (";", "&&", "||", "|", "&"):
                if command:
                    yield command
                command = []
            else:
                command.append(word)


def ropewalk_calls(page):
    """Words after the program's name, for calls of it wherever in the command it stands."""
    for command in simple_commands(page):
        for i, word in enumerate(command):
            if word == "ropewalk" or word.endswith("build/ropewalk"):
                yield command[i + 1:]
                break


def help_text(words):
    result = subprocess.run([PROGRAM, *words, "--help"], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    return result.stdout


def known_commands():
    listing = help_text([]).split("Options:")[0]
    return {tuple(match.split()) for match in re.findall(r"^  (\w+(?: \w+)?)  ", listing, re.M)}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_calls_of_the_program_parse(page):
    commands = known_commands()
    assert ("train",) in commands and ("eval", "perplexity") in commands
    for words in ropewalk_calls(page):
        if not words or words[0] in ("--help", "--version", "COMMAND"):
            continue
        command = next((tuple(words[:n]) for n in (2, 1) if tuple(words[:n]) in commands), None)
        assert command, f"{page.name}: no such command: ropewalk {' '.join(words)}"
        options = set(re.findall(r"(?<![\w-])(--?[a-z][\w-]*)", help_text(command).split("Options:")[-1]))
        for word in words[len(command):]:
            if re.match(r"--?[a-z]", word):
                assert word.split("=")[0] in options, f"{page.name}: {' '.join(words)}: no {word}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_settings_in_calls_exist(page):
    reference = (ROOT / "docs/config_reference.md").read_text()
    sections = dict(re.findall(r"^## `(\w+)`\n(.*?)(?=^## |\Z)", reference, re.S | re.M))
    for words in ropewalk_calls(page):
        for option, value in zip(words, words[1:]):
            if option == "--set":
                section, key = value.split("=")[0].split(".", 1)
                assert f"| `{key}` |" in sections.get(section, ""), f"{page.name}: --set {value}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.S | re.M)
    for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", text):
        if not target.startswith(("http://", "https://", "mailto:")):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_scripts_exist_and_may_be_run(page):
    for command in simple_commands(page):
        if command[0].removeprefix("./").startswith("scripts/"):
            assert os.access(ROOT / command[0], os.X_OK), f"{page.name}: {command[0]}"


def test_every_layer_is_in_the_architecture_page_or_its_picture():
    text = "".join((ROOT / "docs" / name).read_text() for name in ("architecture.md", "layers.svg"))
    for layer in re.findall(r"^\s*ropewalk_layer\((\w+)", (ROOT / "CMakeLists.txt").read_text(), re.M):
        assert re.search(rf"\b{layer}\b", text), f"docs/architecture.md says nothing of layer {layer}"


def test_the_smallest_family_is_as_small_as_said():
    lengths = {path.name: len(path.read_text().splitlines())
               for path in (ROOT / "src/spec/families").glob("*.cpp")}
    page = (ROOT / "docs/adding_a_family.md").read_text()
    name, count = re.search(r"`(\w+\.cpp)`, has (\d+) lines", page).groups()
    assert lengths[name] == int(count) == min(lengths.values())
