"""Runs from the command line whose sequences are shared by ranks."""

import pytest
from main_job import PROGRAM, numbers, ropewalk
from small_runs import make_shards, settings, small_run

pytestmark = pytest.mark.skipif(not PROGRAM, reason="needs ROPEWALK_BIN")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    return (make_shards(folder / "train", seed=1, num_documents=8, num_words=200),
            make_shards(folder / "validation", seed=2))


@pytest.mark.parametrize("packing", ["concat", "packed"])
@pytest.mark.parametrize("method, ranks, sharing", [
    ("ring", 2, 2),
    ("ring", 4, 2),
    ("ulysses", 2, 2),
])
def test_ranks_that_share_sequences_train_as_one(tmp_path, data, packing, method, ranks, sharing):
    train, validation = data
    config = small_run(tmp_path / "run.json", train, tmp_path / "one",
                       data={"packing": packing, "validation": [str(validation)]},
                       train={"micro_batch_size": 1}, eval={"every_steps": 6, "windows": [64]})
    ropewalk("train", config)
    ropewalk("train", config, "--nproc", str(ranks),
             *settings(train__run_dir=str(tmp_path / "shared"), parallel__context_parallel=sharing,
                       parallel__context_parallel_method=method))
    one, shared = tmp_path / "one", tmp_path / "shared"
    assert numbers(shared, "loss") == pytest.approx(numbers(one, "loss"), rel=1e-5)
    assert numbers(shared, "tokens") == numbers(one, "tokens")
    assert numbers(shared, "eval/perplexity@64") == pytest.approx(
        numbers(one, "eval/perplexity@64"), rel=1e-5)


def test_a_run_goes_on_with_another_number_of_ranks_to_a_sequence(tmp_path, data):
    config = small_run(tmp_path / "run.json", data[0], tmp_path / "one")
    ropewalk("train", config)
    shared = settings(train__run_dir=str(tmp_path / "changing"))
    ropewalk("train", config, *shared, *settings(train__steps=3))
    ropewalk("train", config, *shared, "--resume", "--nproc", "2",
             *settings(parallel__context_parallel=2))
    changing, one = (numbers(tmp_path / name, "loss") for name in ("changing", "one"))
    assert changing == pytest.approx(one, rel=1e-5)
