"""`ropewalk launch`: two machines train together, fail together and stop together."""

import contextlib
import os
import shlex
import signal
import subprocess
import time

import pytest
from machines import two_machines, why_no_namespaces
from main_job import PROGRAM, last_checkpoint, metrics, ropewalk, state_bytes, wait_for_step
from slurm import Unavailable, cluster, free_ports
from small_runs import checkpoint, make_shards, settings, small_run
from test_doc_commands import (LAUNCHERS, begin_with_a_run_config, commands, launcher_of,
                               reader_environment, readers_folder, scaled_down)

pytestmark = pytest.mark.skipif(not PROGRAM, reason="needs ROPEWALK_BIN")
LIMIT_S = 120
# "Within seconds", on a machine that has much else to do.
SOON_S = 30


@pytest.fixture(scope="module", params=["loopback" if why_no_namespaces() else "namespaces"])
def machines():
    with two_machines() as pair:
        yield pair


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    return make_shards(tmp_path_factory.mktemp("data"), seed=1)


@pytest.fixture
def start_on():
    """Starts the program on a machine; whatever still runs at the end of the test is killed."""
    with contextlib.ExitStack() as stack:
        def start(machine, *words, **options):
            process = stack.enter_context(subprocess.Popen(
                [*machine.prefix, PROGRAM, *map(str, words)], stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT, text=True, **options))
            stack.callback(process.kill)
            return process
        yield start


def launch_words(machine, node, port, *more, rendezvous=None, launch=(), **options):
    words = ["launch", *machine.options, *launch]
    given = {"nnodes": 2, "node_rank": node, "rendezvous": f"{rendezvous}:{port}", **options}
    for name, value in given.items():
        words += [f"--{name.replace('_', '-')}", value]
    return [*words, "--", "train", *more]


class Job:
    """One run on both machines, one rank each."""

    def __init__(self, machines, start_on, *train, launch=()):
        port, = free_ports(1)
        self.words = [launch_words(machine, node, port, *train, rendezvous=machines[0].address,
                                   launch=launch)
                      for node, machine in enumerate(machines)]
        self.machines, self.start_on = machines, start_on
        self.agents = [start_on(machine, *words) for machine, words in zip(machines, self.words)]

    def rank_of(self, node):
        """The process of the one rank that this machine's agent has started."""
        rank, = subprocess.run(["pgrep", "-P", str(self.agents[node].pid)], capture_output=True,
                               text=True, check=True).stdout.split()
        return int(rank)

    def outputs(self, expect, limit_s=LIMIT_S):
        """What both have printed when they have ended with that code."""
        texts = [agent.communicate(timeout=limit_s)[0] for agent in self.agents]
        for agent, text in zip(self.agents, texts):
            assert agent.returncode == expect, "\n\n".join(texts)
        return texts


def wait_for_other_ranks(job, before):
    deadline = time.monotonic() + LIMIT_S
    for node in (0, 1):
        while True:
            assert job.agents[node].poll() is None, job.agents[node].stdout.read()
            assert time.monotonic() < deadline, "no rank was started again"
            with contextlib.suppress(subprocess.CalledProcessError):  # between two ranks
                if job.rank_of(node) != before[node]:
                    break
            time.sleep(0.02)


def test_the_machines_are_network_namespaces():
    if why_no_namespaces():
        pytest.skip(f"network namespaces are not permitted ({why_no_namespaces()}): the tests of this "
                    "file took two loopback addresses of one machine")


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """A folder as the page takes it for granted, and the result of its `train --nproc`."""
    folder = readers_folder(tmp_path_factory.mktemp("page"))
    begin_with_a_run_config(folder)
    train, = commands_of_the_page("ropewalk train")
    ropewalk(*shlex.split(train)[1:], "--set", "train.run_dir=runs/nproc", cwd=folder)
    return folder, result_of(folder / "runs" / "nproc")


def commands_of_the_page(launcher):
    return [scaled_down(line) for line in commands(LAUNCHERS) if launcher_of(line) == launcher]


def result_of(run_dir):
    losses = [line["loss"] for line in metrics(run_dir)]
    assert len(losses) == 3
    return losses, state_bytes(last_checkpoint(run_dir, step=3))


def test_commands_of_the_page_give_the_run_of_nproc(page, machines, start_on):
    folder, expected = page
    port, = free_ports(1)
    agents = []
    for machine, line in zip(machines, commands_of_the_page("ropewalk launch")):
        line = line.replace("--nproc 2", "--nproc 1")
        line = line.replace("10.0.0.1:29500", f"{machines[0].address}:{port}")
        words = shlex.split(line)[1:]
        agents.append(start_on(machine, words[0], *machine.options, *words[1:],
                               "--set", "train.run_dir=runs/launch", cwd=folder))
    outputs = [agent.communicate(timeout=LIMIT_S)[0] for agent in agents]
    assert [agent.returncode for agent in agents] == [0, 0], outputs
    assert "neither encrypted nor authenticated" in outputs[0]
    assert result_of(folder / "runs" / "launch") == expected


def skip_on_loopback():
    if why_no_namespaces():
        pytest.skip("this launcher's ranks refuse a loopback address as that of another machine, and "
                    f"network namespaces are not permitted: {why_no_namespaces()}")


def environment_of_the_page(folder, **variables):
    kept = {key: value for key, value in reader_environment(folder).items() if key != "PET_STANDALONE"}
    return {**kept, **variables}


def test_torchrun_on_two_machines_gives_the_run_of_nproc(page, machines):
    skip_on_loopback()
    folder, expected = page
    port, = free_ports(1)
    command, = commands_of_the_page("torchrun")
    agents = []
    for node, machine in enumerate(machines):
        several = (f"torchrun --nnodes 2 --node-rank {node} --master-addr {machines[0].address} "
                   f"--master-port {port} ")
        line = command.replace("torchrun ", several).replace("--nproc-per-node 2", "--nproc-per-node 1")
        agents.append(subprocess.Popen([*machine.prefix, "bash", "-c",
                                        f"exec {line} --set train.run_dir=runs/torchrun"],
                                       cwd=folder, env=environment_of_the_page(folder),
                                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True))
    try:
        outputs = [agent.communicate(timeout=LIMIT_S)[0] for agent in agents]
    finally:
        for agent in agents:
            agent.kill()
    assert [agent.returncode for agent in agents] == [0, 0], outputs
    assert result_of(folder / "runs" / "torchrun") == expected


def test_slurm_on_two_machines_gives_the_run_of_nproc(page, machines, tmp_path):
    skip_on_loopback()
    folder, expected = page
    command, = commands_of_the_page("srun")
    line = command.replace("srun ", "srun --nodes 2 ") + " --set train.run_dir=runs/srun"
    try:
        with cluster(tmp_path / "slurm", machines) as variables:
            done = subprocess.run(
                [*machines[0].prefix, "bash", "-c", line], cwd=folder, capture_output=True, text=True,
                env=environment_of_the_page(folder, MASTER_ADDR=machines[0].address, **variables),
                timeout=LIMIT_S)
    except Unavailable as reason:
        pytest.skip(f"no Slurm here: {reason}")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "neither encrypted nor authenticated" in done.stderr
    assert result_of(folder / "runs" / "srun") == expected


@pytest.mark.parametrize("kind", ["ddp", "fsdp"])
def test_stop_signal_to_one_machine_saves_and_ends_both_and_resume_goes_on(
        tmp_path, machines, start_on, shards, kind):
    config = small_run(tmp_path / "run.json", shards, tmp_path / "run", train={"steps": 100000},
                       checkpoint={"every_steps": 0}, parallel={"data_parallel": kind})
    job = Job(machines, start_on, config)
    wait_for_step(tmp_path / "run", 2, job.agents[0])
    ranks = [job.rank_of(node) for node in (0, 1)]
    for node, machine in enumerate(machines):
        listening = machine.listening([job.agents[node].pid, ranks[node]])
        assert listening == [machine.address], "nothing else may be reached from outside"

    job.agents[1].send_signal(signal.SIGTERM)
    job.outputs(expect=75)
    stopped_at = metrics(tmp_path / "run")[-1]["step"]
    assert checkpoint(tmp_path / "run", stopped_at).exists()

    more = settings(train__steps=stopped_at + 3)
    Job(machines, start_on, config, *more, "--resume").outputs(expect=0)
    ropewalk("train", config, "--nproc", 2, *more, *settings(train__run_dir=str(tmp_path / "whole")))
    whole, resumed = (state_bytes(checkpoint(tmp_path / name, stopped_at + 3)) for name in ("whole", "run"))
    assert whole == resumed
    assert [line["loss"] for line in metrics(tmp_path / "run")] == [
        line["loss"] for line in metrics(tmp_path / "whole")]


def test_a_machine_that_comes_too_late_is_told_so_and_disturbs_nothing(
        tmp_path, machines, start_on, shards):
    config = small_run(tmp_path / "run.json", shards, tmp_path / "run", train={"steps": 100000})
    job = Job(machines, start_on, config)
    wait_for_step(tmp_path / "run", 1, job.agents[0])
    late = start_on(machines[1], *job.words[1])
    text, _ = late.communicate(timeout=SOON_S)
    assert late.returncode == 1
    assert "its run has started already (is --node-rank 1 given twice?)" in text
    wait_for_step(tmp_path / "run", metrics(tmp_path / "run")[-1]["step"] + 2, job.agents[0])
    job.agents[0].send_signal(signal.SIGTERM)
    job.outputs(expect=75)


@pytest.mark.parametrize("node, kind", [(0, "ddp"), (1, "ddp"), (1, "fsdp")])
def test_a_killed_rank_ends_both_machines_and_is_named_on_both(
        tmp_path, machines, start_on, shards, node, kind):
    config = small_run(tmp_path / "run.json", shards, tmp_path / "run", train={"steps": 100000},
                       parallel={"data_parallel": kind})
    job = Job(machines, start_on, config)
    wait_for_step(tmp_path / "run", 2, job.agents[0])
    ranks = [job.rank_of(each) for each in (0, 1)]
    os.kill(ranks[node], signal.SIGKILL)
    for text in job.outputs(expect=1, limit_s=SOON_S):
        assert f"rank {node} (process {ranks[node]} on node {node}) was killed by signal 9" in text
    for rank in ranks:
        with pytest.raises(ProcessLookupError):
            os.kill(rank, 0)


def test_a_frozen_rank_ends_both_machines_and_each_tells_where_its_ranks_stand(
        tmp_path, machines, start_on, shards):
    config = small_run(tmp_path / "run.json", shards, tmp_path / "run", train={"steps": 100000})
    job = Job(machines, start_on, config, launch=["--hang-limit", 2])
    wait_for_step(tmp_path / "run", 5, job.agents[0])
    ranks = [job.rank_of(each) for each in (0, 1)]
    os.kill(ranks[1], signal.SIGSTOP)
    for node, text in enumerate(job.outputs(expect=1, limit_s=SOON_S)):
        assert f"rank 1 (process {ranks[1]} on node 1) is frozen: no sign of life for" in text
        assert f"rank {node} (process {ranks[node]} on node {node}): in step " in text \
            or f"rank {node} (process {ranks[node]} on node {node}): after step " in text


def test_ranks_of_both_machines_are_started_again_and_go_on(tmp_path, machines, start_on, shards):
    config = small_run(tmp_path / "run.json", shards, tmp_path / "run", train={"steps": 100000})
    job = Job(machines, start_on, config, launch=["--max-restarts", 2])
    for node in (0, 1):
        step = metrics(tmp_path / "run")[-1]["step"] if node else 0
        wait_for_step(tmp_path / "run", step + 4, job.agents[0])
        before = [job.rank_of(each) for each in (0, 1)]
        os.kill(before[node], signal.SIGKILL)
        wait_for_other_ranks(job, before)
    wait_for_step(tmp_path / "run", metrics(tmp_path / "run")[-1]["step"] + 2, job.agents[0])
    job.agents[1].send_signal(signal.SIGTERM)
    texts = job.outputs(expect=75)
    assert "restart 1 of 2: rank 0 (process" in texts[0] and "restart 2 of 2: rank 1" in texts[0]
    assert "restart 2: rank 1" in texts[1]
    assert texts[0].count("resumed ") == 2
    steps = [line["step"] for line in metrics(tmp_path / "run")]
    assert steps == list(range(1, steps[-1] + 1)), "each step once"
    assert checkpoint(tmp_path / "run", steps[-1]).exists()


def test_machines_that_do_not_fit_together_end_before_a_rank_starts(tmp_path, machines, start_on, shards):
    config = small_run(tmp_path / "run.json", shards, tmp_path / "run", train={"global_batch_size": 4})
    port, = free_ports(1)
    agents = [start_on(machine, *launch_words(machine, node, port, config, nproc=nproc,
                                              rendezvous=machines[0].address))
              for node, (machine, nproc) in enumerate(zip(machines, [1, 2]))]
    for agent in agents:
        text, _ = agent.communicate(timeout=SOON_S)
        assert agent.returncode == 2, text
        assert "does not fit the run of node 0" in text
        assert "--nproc: found 2, node 0 was started with 1" in text
    assert not (tmp_path / "run").exists()


def test_an_unreachable_rendezvous_is_named_after_the_timeout(tmp_path, machines, start_on, shards):
    config = small_run(tmp_path / "run.json", shards, tmp_path / "run")
    port, = free_ports(1)
    agent = start_on(machines[1], *launch_words(machines[1], 1, port, config, timeout=0.5,
                                                rendezvous=machines[0].address))
    text, _ = agent.communicate(timeout=SOON_S)
    assert agent.returncode == 1
    assert f"no rendezvous at {machines[0].address}:{port} within 0.5 s (Connection refused)" in text


def test_one_machine_is_the_run_of_nproc(tmp_path, shards):
    config = small_run(tmp_path / "run.json", shards, tmp_path / "nproc")
    ropewalk("train", config, "--nproc", 2)
    ropewalk("launch", "--nproc", 2, "--", "train", config,
             *settings(train__run_dir=str(tmp_path / "launch")))
    nproc, launch = (state_bytes(checkpoint(tmp_path / name, 6)) for name in ("nproc", "launch"))
    assert nproc == launch


def test_every_fault_of_the_command_line_is_told_at_once():
    text = ropewalk("launch", "--nnodes", "two", "--nproc", "0", "--rendezvous", "10.0.0.1", "--job-id",
                    "a b", "--grace", "soon", "--timeout", "-1", "--", "tran", "run.json", expect=2)
    for word in ("ropewalk launch: 7 faults", '--nnodes: found "two", expected a whole number',
                 '--nproc: found "0"', '--rendezvous: found "10.0.0.1", expected HOST:PORT',
                 '--job-id: found "a b"', '--grace: found "soon"', '--timeout: found "-1"'):
        assert word in text, text
    assert "did you mean `train`?" in text

    text = ropewalk("launch", "--nnodes", 2, "--", "train", "run.json", "--nproc", 2, expect=2)
    for word in ("--node-rank: missing", "--rendezvous: missing", "--nproc: found after --"):
        assert word in text, text
    text = ropewalk("launch", "--nnodes", 2, "--node-rank", 2, expect=2)
    for word in ('--node-rank: found "2", expected a whole number of 0 to 1', "command after --: missing"):
        assert word in text, text


def test_misspelt_words_get_a_hint():
    assert "Did you mean `--nnodes`?" in ropewalk("launch", "--nodes", 2, "--", "train", "r", expect=2)
    assert "Did you mean `--resume`?" in ropewalk("launch", "--", "train", "r.json", "--resum", expect=2)
    assert "Did you mean `ropewalk launch`?" in ropewalk("lanch", expect=2)
    assert "Usage: ropewalk launch [OPTIONS] -- train RUN.json" in ropewalk("launch", "--help")
    assert "--resume" in ropewalk("launch", "--", "train", "--help")
