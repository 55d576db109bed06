"""Runs from the command line whose training state is shared by ranks: zero1, zero2, fsdp, hybrid."""

import shutil

import pytest
from main_job import PROGRAM, kill_group, metrics, numbers, ropewalk, start, wait_for_step
from small_runs import checkpoint, make_shards, settings, small_run, weights

pytestmark = pytest.mark.skipif(not PROGRAM, reason="needs ROPEWALK_BIN")
PERPLEXITY = "eval/perplexity@64"


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    return (make_shards(folder / "train", seed=1, num_documents=3),
            make_shards(folder / "validation", seed=2, num_documents=3, num_words=300))


def write_run(tmp_path, data, name, **changes):
    """A run of 12 sequences a step, evaluated on three documents: unequal work for two ranks."""
    changes.setdefault("train", {}).setdefault("global_batch_size", 12)
    return small_run(tmp_path / f"{name}.json", data[0], tmp_path / name,
                     data={"validation": [str(data[1])]},
                     eval={"every_steps": 3, "windows": [64], "at_start": False}, **changes)


def series(run_dir):
    return numbers(run_dir, "loss"), numbers(run_dir, PERPLEXITY)


def assert_same_course(run_dir, expected):
    for found, wanted in zip(series(run_dir), expected, strict=True):
        assert found == pytest.approx(wanted, rel=1e-5)


@pytest.fixture(scope="module")
def one_rank(tmp_path_factory, data):
    """Losses and perplexities of nine steps on one rank."""
    folder = tmp_path_factory.mktemp("one")
    ropewalk("train", write_run(folder, data, "run", train={"steps": 9}))
    found = series(folder / "run")
    assert len(found[0]) == 9 and len(found[1]) == 3
    return found


def test_a_run_changes_kind_and_ranks_at_every_resume(tmp_path, data, one_rank):
    config = write_run(tmp_path, data, "run", train={"steps": 3})
    kinds = [("4", 3, {"data_parallel": "fsdp", "recompute": "block"}),
             ("2", 6, {"data_parallel": "zero1"}),
             ("3", 7, {"data_parallel": "zero2", "recompute": "selective"}),
             ("4", 8, {"data_parallel": "fsdp", "shard_size": 2}),
             ("1", 9, {})]
    for ranks, steps, parallel in kinds:
        resume = [] if steps == 3 else ["--resume"]
        output = ropewalk("train", config, "--nproc", ranks, *resume,
                          *settings(train__steps=steps, **{f"parallel__{key}": value
                                                           for key, value in parallel.items()}))
        assert "passed over" not in output
    assert numbers(tmp_path / "run", "loss") == pytest.approx(one_rank[0], rel=1e-5)
    # The ends of the pieces are evaluated too.
    evaluated = {line["step"]: line[PERPLEXITY] for line in metrics(tmp_path / "run")
                 if PERPLEXITY in line}
    assert list(evaluated) == [3, 6, 7, 8, 9]
    assert [evaluated[step] for step in (3, 6, 9)] == pytest.approx(one_rank[1], rel=1e-5)


@pytest.mark.parametrize("kind", ["fsdp", "zero1"])
def test_a_killed_run_goes_on_bit_for_bit(tmp_path, data, one_rank, kind):
    parallel = {"data_parallel": kind, "recompute": "block", "threads": 2}
    undisturbed = write_run(tmp_path, data, "undisturbed", train={"steps": 9}, parallel=parallel)
    ropewalk("train", undisturbed, "--nproc", "2")
    assert_same_course(tmp_path / "undisturbed", one_rank)
    killed = write_run(tmp_path, data, "killed", train={"steps": 9}, parallel=parallel)
    process = start("train", killed, "--nproc", "2")
    wait_for_step(tmp_path / "killed", 4, process)
    kill_group(process)
    shutil.rmtree(checkpoint(tmp_path / "killed", 6), ignore_errors=True)
    ropewalk("train", killed, "--nproc", "2", "--resume")
    assert weights(checkpoint(tmp_path / "killed", 9)) == weights(
        checkpoint(tmp_path / "undisturbed", 9))


def test_bf16_runs_of_all_kinds_stay_near_each_other(tmp_path, data):
    courses = {}
    for kind in ("ddp", "zero2", "fsdp"):
        config = write_run(tmp_path, data, kind, train={"precision": "bf16", "steps": 4},
                           parallel={"data_parallel": kind})
        ropewalk("train", config, "--nproc", "2")
        courses[kind] = series(tmp_path / kind)[0]
        assert any(name.startswith("trainer/master") for name in weights(
            checkpoint(tmp_path / kind, 4)))
    for kind in ("zero2", "fsdp"):
        assert courses[kind] == pytest.approx(courses["ddp"], rel=5e-3)


@pytest.mark.parametrize("parallel, words", [
    ({"data_parallel": "fsdp", "shard_size": 4},
     ["parallel.shard_size: found 4", "a divisor of the 3 ranks"]),
    ({"shard_size": 3}, ["parallel.shard_size: found 3", "zero1, zero2 or fsdp"]),
    ({"reduce_dtype": "bf16"}, ["parallel.reduce_dtype: found bf16", "ddp"]),
    ({"offload_block_inputs": True}, ["parallel.offload_block_inputs: found true", "recompute"]),
    ({"data_parallel": "fdsp"}, ["parallel.data_parallel", "fdsp", "fsdp"]),
])
def test_what_does_not_fit_together_is_told_before_a_rank_starts(tmp_path, data, parallel, words):
    config = write_run(tmp_path, data, "run", parallel=parallel)
    message = ropewalk("train", config, "--nproc", "3", expect=2)
    for word in words:
        assert word in message, message
    assert not (tmp_path / "run").exists()
