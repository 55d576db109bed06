"""Parameter counts of published models from their configs alone."""

import collections
import json
import subprocess

from known_sizes import KNOWN

UNITS = {"M": 1e6, "B": 1e9}


def test_parameters_are_counted_exactly_without_weights(program, known_families, tmp_path, known):
    assert known.config["model_type"] in known_families
    (tmp_path / "config.json").write_text(json.dumps(known.config))
    done = subprocess.run([program, "inspect", tmp_path, "--json"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["parameters"] == known.parameters


def test_the_table_agrees_with_the_public_figures():
    assert len(KNOWN) >= 25
    assert not [n for n, c in collections.Counter(k.name for k in KNOWN).items() if c > 1]
    for known in KNOWN:
        public = float(known.public[:-1]) * UNITS[known.public[-1]]
        assert abs(known.parameters / public - 1) < 0.04, known.name
        repository, path, *_ = known.source.split()
        assert "/" in repository and "." in path, f"{known.name}: cite a file"
