"""The checks of the sources must find what they are for."""

import pathlib
import subprocess
import sys

import pytest

SCRIPTS = pathlib.Path(__file__).resolve().parents[2] / "scripts"

LAYERS = """
ropewalk_layer(base LIBRARIES Some::thing)
ropewalk_layer(rope LAYERS base)
ropewalk_layer(spec LAYERS base rope)   # a comment
ropewalk_layer(model TORCH LAYERS base spec)
"""


def check_includes(root, files, layers=LAYERS):
    (root / "CMakeLists.txt").write_text(layers)
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    result = subprocess.run([sys.executable, SCRIPTS / "check_includes.py", root],
                            capture_output=True, text=True)
    assert result.stderr == ""
    return result.returncode, result.stdout


def test_allowed_includes_pass(tmp_path):
    code, text = check_includes(tmp_path, {
        "src/spec/a.cpp": '#include <vector>\n#include "ropewalk/rope/x.h"\n#include "spec/b.h"\n',
        "src/model/a.cpp": '#include <torch/torch.h>\n#include "ropewalk/spec/x.h"\n',
    })
    assert code == 0, text


@pytest.mark.parametrize("path, line, words", [
    ("src/rope/a.cpp", '#include "ropewalk/spec/x.h"', "layer rope may use base"),
    ("src/model/a.cpp", '#include "ropewalk/rope/x.h"', "layer model may use base, spec"),
    ("include/ropewalk/base/a.h", '#include "ropewalk/rope/x.h"', "layer base may use none"),
    ("src/spec/a.cpp", '#include "rope/private.h"', "private header"),
    ("src/spec/a.cpp", "#include <torch/torch.h>", "torch-free"),
    ("src/spec/a.cpp", "  #  include <ATen/Tensor.h>", "torch-free"),
    ("src/spec/a.cpp", "#include <spdlog/spdlog.h>", "base/log.h"),
    ("src/spec/a.cpp", '#include "b.h"', "write the path"),
    ("src/cli/commands/a.cpp", '#include "ropewalk/model/x.h"', "layer cli may use"),
    ("include/ropewalk/model/m_config.h", '#include "ropewalk/spec/x.h"', "settings header"),
    ("src/unknown/a.cpp", "", "no layer"),
])
def test_wrong_include_is_named(tmp_path, path, line, words):
    code, text = check_includes(tmp_path, {path: line + "\n"})
    assert code == 1
    assert path in text and words in text


def test_engine_commands_may_use_every_layer(tmp_path):
    code, text = check_includes(tmp_path, {
        "src/cli/engine/a.cpp": '#include <torch/torch.h>\n#include "ropewalk/model/x.h"\n'
                                '#include "cli/options/train_options.h"\n'})
    assert code == 0, text


def test_layers_that_use_what_is_below_them_are_refused(tmp_path):
    code, text = check_includes(tmp_path, {"src/base/a.cpp": ""},
                                "ropewalk_layer(base LAYERS rope)\nropewalk_layer(rope)\n")
    assert code == 1 and "not above it" in text


@pytest.mark.parametrize("path, limit", [("include/ropewalk/base/a.h", 150),
                                         ("src/base/a.cpp", 500),
                                         ("tests/base/a_test.cpp", 500),
                                         ("src/cli/main.cpp", 60)])
def test_long_files_are_named(tmp_path, path, limit):
    assert check_includes(tmp_path, {path: "\n" * limit})[0] == 0
    code, text = check_includes(tmp_path, {path: "\n" * (limit + 1)})
    assert code == 1 and f"at most {limit}" in text


def check_skips(root, xml, allowed):
    (root / "a.xml").write_text(xml)
    (root / "allowed.txt").write_text(allowed)
    result = subprocess.run([sys.executable, SCRIPTS / "check_skips.py", root, root / "allowed.txt"],
                            capture_output=True, text=True)
    assert result.stderr == ""
    return result.returncode


SKIPPED = """<testsuites><testsuite name="s"><testcase classname="Device" name="NeedsIt">
<skipped message="no device"/></testcase><testcase classname="Device" name="Runs"/></testsuite>
</testsuites>"""


def test_only_listed_skips_pass(tmp_path):
    assert check_skips(tmp_path, SKIPPED, "# none\n") == 1
    assert check_skips(tmp_path, SKIPPED, "Device.Runs\n") == 1
    assert check_skips(tmp_path, SKIPPED, "Device.NeedsIt  # no device here\n") == 0
    assert check_skips(tmp_path, SKIPPED, "Device.*\n") == 0
