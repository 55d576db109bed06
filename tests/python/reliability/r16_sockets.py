"""R16, R17, R18: who can reach a run, what strangers on its port do to it, and two runs that meet."""

import contextlib
import os
import random
import signal
import socket
import struct

from figures import Outcome, figure
from launched_runs import LaunchedRun, endless_run, environment_of, make_data, start_endless
from machines import Machine
from main_job import metrics, wait_for_step
from r15_stop_signals import judge

HERE = Machine("127.0.0.1", [], [])
# Of a stranger, with an engine that has to load first.
LONGEST_S = 10


def stop(run, run_dir):
    run.process.send_signal(signal.SIGTERM)
    return judge(run, run_dir)


@figure("R16", "Listening sockets while two ranks train on one machine", target="127.0.0.1 only")
def listening(work):
    data = make_data(work.folder / "data")
    run, run_dir = start_endless(work.folder, data, "run")
    addresses = HERE.listening(run.pids())
    failures = [f"listens at {address}" for address in addresses if address != "127.0.0.1"]
    if not addresses:
        failures.append("no socket was found")
    return Outcome("1 run with the default config", f"listens at {', '.join(addresses)}",
                   failures + stop(run, run_dir))


# How a client of c10d's TCPStore begins, and one of its commands.
GREETING = b"\x00" + struct.pack("<I", 0x3C85F7CE)
SET = b"\x01"


def garbage(dice):
    """What strangers may send."""
    return [b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
            dice.randbytes(dice.randrange(1, 5000)),
            b"\x00" * 4096,
            GREETING + SET + struct.pack("<Q", 2**40) + b"key",
            GREETING + SET + struct.pack("<Q", 2**63),
            GREETING + dice.randbytes(64)]


@contextlib.contextmanager
def silent_connections(port, count):
    """Connections that begin to say something and go no further, as long as the scope lasts."""
    with contextlib.ExitStack() as stack:
        for number in range(count):
            connection = stack.enter_context(socket.create_connection(("127.0.0.1", port)))
            connection.sendall([GREETING[:3], GREETING + SET + b"\x05\x00"][number % 2])
        yield


def send_garbage(port, dice, count):
    for _ in range(count):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)) as connection:
            connection.sendall(dice.choice(garbage(dice)))


def stranger_to(run, config, **changes):
    """An engine that takes itself for a rank of the run: its variables, but for the changes."""
    own = environment_of(run.ranks()[1])
    names = ["RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "STORE_PORT", "STORE_ADDRESS",
             "JOB_NONCE"]
    variables = {f"ROPEWALK_{name}": own[f"ROPEWALK_{name}"] for name in names}
    variables.update({f"ROPEWALK_{name}": value for name, value in changes.items()})
    return LaunchedRun("train", config, **variables)


STRANGERS = {
    "a rank of another job": ({"JOB_NONCE": "0" * 32}, "are another job's"),
    "a rank that no launcher started": ({"JOB_NONCE": ""}, "are another job's"),
    "a rank number twice": ({}, "has this number already"),
    "another number of ranks": ({"WORLD_SIZE": "3", "LOCAL_WORLD_SIZE": "3", "RANK": "2",
                                 "LOCAL_RANK": "2"}, "was started as one of 2"),
}


@figure("R17", "Strangers on the port where the ranks meet: garbage, silence, wrong ranks",
        target="named error within 10 s or ignored; the run goes on")
def strangers(work):
    data = make_data(work.folder / "data")
    connections = work.size(short=50, full=1000)
    failures = []
    # While the ranks are on their way, and while they train.
    config, run_dir = endless_run(work.folder, data, "run", train={"global_batch_size": 6})
    run = LaunchedRun("train", config, "--nproc", 2)
    while len(run.ranks()) < 2:
        pass
    port = int(environment_of(run.ranks()[0])["ROPEWALK_STORE_PORT"])
    dice = random.Random(work.dice.random())
    with silent_connections(port, connections // 2):
        send_garbage(port, dice, connections // 2)
        wait_for_step(run_dir, 2, run.process)
        send_garbage(port, dice, connections // 2)
        others = {name: (stranger_to(run, config, **changes), wanted)
                  for name, (changes, wanted) in STRANGERS.items()}
        for name, (stranger, wanted) in others.items():
            code, text = stranger.end()
            if code != 1 or wanted not in text:
                failures.append(f"{name}: exit code {code}\n{text}")
        wait_for_step(run_dir, metrics(run_dir)[-1]["step"] + 3, run.process)
    failures += stop(run, run_dir)
    return Outcome(f"{connections} connections with garbage, {connections // 2} silent ones, "
                   f"{len(STRANGERS)} wrong ranks",
                   "every wrong rank was told, the run was not disturbed", failures)


@figure("R18", "Two runs at a time: in one run directory, and side by side",
        target="the second in a directory is refused by name; ports never clash")
def two_runs(work):
    data = make_data(work.folder / "data")
    failures = []
    first, first_dir = start_endless(work.folder, data, "first")
    second, second_dir = start_endless(work.folder, data, "second")
    code, text = LaunchedRun("train", work.folder / "first.json", "--nproc", 2, "--resume").end()
    if code != 2 or str(first_dir) not in text or str(first.ranks()[0]) not in text:
        failures.append(f"in the same directory: exit code {code}\n{text}")
    failures += stop(first, first_dir) + stop(second, second_dir)
    return Outcome("3 runs", "refused with the process that has the directory; both others went on", failures)
