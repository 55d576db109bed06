"""The JSON Schema of run configs, judged by an independent validator (jsonschema)."""

import json
import os
import pathlib
import re
import subprocess

import jsonschema
import pytest

ROPEWALK = os.environ["ROPEWALK_BIN"]
ROOT = pathlib.Path(__file__).resolve().parents[2]
CONFIGS = sorted((ROOT / "configs").glob("*.json"))


def ropewalk(*arguments):
    return subprocess.run([ROPEWALK, *map(str, arguments)], capture_output=True, text=True)


def without_comments(text):
    """Strings are matched first, so that a `//` inside one stays."""
    return re.sub(r'("(?:\\.|[^"\\])*")|//[^\n]*', lambda match: match.group(1) or "", text)


@pytest.fixture(scope="module")
def schema():
    result = ropewalk("config", "schema")
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


@pytest.fixture(scope="module")
def validator(schema):
    return jsonschema.Draft202012Validator(schema)


def test_schema_is_valid_draft_2020_12(schema):
    jsonschema.Draft202012Validator.check_schema(schema)


def test_there_are_configs():
    assert len(CONFIGS) >= 3


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.name)
def test_every_example_config_is_valid(path, validator):
    validator.validate(json.loads(without_comments(path.read_text())))
    result = ropewalk("config", "validate", path)
    assert (result.returncode, result.stderr) == (0, "")


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.name)
def test_printed_config_is_valid_and_prints_as_itself(path, validator, tmp_path):
    printed = ropewalk("config", "print", path).stdout
    validator.validate(json.loads(printed))
    copy = tmp_path / "copy.json"
    copy.write_text(printed)
    assert ropewalk("config", "print", copy).stdout == printed


def test_defaults_in_the_schema_are_those_that_print_fills_in(schema, tmp_path):
    config = tmp_path / "least.json"
    config.write_text('{"model": {"pretrained": "x"}, "train": {"run_dir": "y"}}')
    printed = json.loads(ropewalk("config", "print", config).stdout)
    defaults = {
        (section, key): field["default"]
        for section, part in schema["properties"].items()
        for key, field in part.get("properties", {}).items()
        if "default" in field
    }
    assert len(defaults) > 30
    for (section, key), value in defaults.items():
        assert printed[section][key] == value, (section, key)


# One key at a time, so that no rule over several keys speaks.
KEYS = [
    "model.pos_scaling_factor",
    "model.pos_scaling_type",
    "model.truncate",
    "data.validation",
    "data.packing",
    "train.run_dir",
    "train.seed",
    "optimizer.betas",
    "optimizer.weight_decay",
    "schedule.final_fraction",
    "parallel.tf32",
    "parallel.recompute",
    "eval.windows",
    "eval.factors",
    "log",
    "no_such_key",
]
VALUES = [
    None, True, 0, 1, 2, -1, 0.5, 2.5, 16.0, 1e300, "", "16", "yarn", "block", "concat", [], {},
    [0.5, 0.25], [0.5, 1], [1, 2], [2], [16.0, 64], ["a"], [""], {"every_steps": 0}, {"x": 1},
]  # fmt: skip


@pytest.mark.parametrize("key", KEYS)
def test_reader_and_schema_agree_on_single_values(key, validator, tmp_path):
    differing = []
    for value in VALUES:
        config = {"model": {"pretrained": "x"}, "train": {"run_dir": "y"}}
        section, _, name = key.partition(".")
        if name:
            config.setdefault(section, {})[name] = value
        else:
            config[section] = value
        path = tmp_path / "run.json"
        path.write_text(json.dumps(config))
        result = ropewalk("config", "validate", path)
        assert result.returncode in (0, 2), result.stderr
        if validator.is_valid(config) != (result.returncode == 0):
            differing.append((value, result.stderr))
    # An integer beyond 64 bits is a number that JSON Schema cannot tell apart.
    assert [d for d in differing if d[0] != 1e300] == []


def test_every_fault_is_named_at_once(tmp_path):
    path = tmp_path / "bad.json"
    path.write_text(
        '{"model": {"pretrained": "x", "pos_scaling_factor": 0.5}, "trian": {},'
        ' "train": {"steps": "16"}}'
    )
    result = ropewalk("config", "validate", path)
    assert result.returncode == 2
    assert result.stdout == ""
    for part in (str(path), "4 faults", "model.pos_scaling_factor", "train.steps", "trian",
                 'did you mean "train"', "train.run_dir"):  # fmt: skip
        assert part in result.stderr


def test_reference_page_is_what_the_program_prints():
    page = (ROOT / "docs" / "config_reference.md").read_text()
    assert ropewalk("config", "reference").stdout == page
