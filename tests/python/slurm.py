"""A Slurm cluster: munged, slurmctld and a slurmd per machine, with a configuration of their own, in a
folder and on ports that nobody else uses. It ends with the test, however that ends."""

import contextlib
import getpass
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import time

from machines import Machine

PROGRAMS = ("munged", "slurmctld", "slurmd", "srun", "sinfo", "setpriv")
LIMIT_S = 30

# No cgroups and no accounting: they need more of a machine than a container gives.
CONFIGURATION = """\
ClusterName=test
SlurmctldHost={host}({controller})
SlurmctldPort={port}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool-%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
SelectType=select/linear
SlurmdParameters=config_overrides
PartitionName=all Nodes=ALL Default=YES State=UP
"""
NODE = "NodeName={name} NodeHostname={host} NodeAddr={address} Port={port} CPUs=2 State=UNKNOWN\n"
# In its own network namespace there is nobody to keep out.
THIS_MACHINE = Machine("127.0.0.1", [], [])
ON_LOOPBACK = "CommunicationParameters=NoInAddrAny,NoCtldInAddrAny\n"


class Unavailable(Exception):
    """Slurm cannot run here, with the reason."""


def free_ports(count):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def wait_until(ready, daemons, what):
    deadline = time.monotonic() + LIMIT_S
    while not ready():
        for name, (process, log) in daemons.items():
            if process.poll() is not None:
                raise Unavailable(f"{name} ended: {log.read_text()[-500:]}")
        if time.monotonic() > deadline:
            raise Unavailable(f"{what} took longer than {LIMIT_S} s")
        time.sleep(0.05)


def kill_all_with(variable):
    """Whoever has this variable: what slurmd starts is nobody's child."""
    for process in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            if variable.encode() in (process / "environ").read_bytes().split(b"\0"):
                os.kill(int(process.name), signal.SIGKILL)
        except OSError:
            continue  # ended meanwhile, or another user's


def configuration(folder, nodes):
    host = socket.gethostname().split(".")[0]
    ports = free_ports(1 + len(nodes))
    text = CONFIGURATION.format(folder=folder, host=host, user=getpass.getuser(), port=ports[0],
                                controller=nodes["node0"].address)
    if nodes == {"node0": THIS_MACHINE}:
        text += ON_LOOPBACK
    return text + "".join(NODE.format(name=name, host=host, address=machine.address, port=port)
                          for (name, machine), port in zip(nodes.items(), ports[1:]))


@contextlib.contextmanager
def cluster(folder, machines=(THIS_MACHINE,)):
    """Yields the variables that make srun use the cluster, on the first machine; raises Unavailable."""
    missing = [name for name in PROGRAMS if shutil.which(name) is None]
    if missing:
        raise Unavailable(f"not installed: {', '.join(missing)}")
    nodes = {f"node{number}": machine for number, machine in enumerate(machines)}
    folder.mkdir(mode=0o700)
    (folder / "state").mkdir()
    key = folder / "munge.key"
    key.write_bytes(os.urandom(128))
    key.chmod(0o600)
    file = folder / "slurm.conf"
    file.write_text(configuration(folder, nodes))
    variables = {"SLURM_CONF": str(file)}
    daemons = {}

    def start(name, machine, *words):
        log = folder / f"{name}.log"
        with log.open("w") as output:
            daemons[name] = (subprocess.Popen(
                [*machine.prefix, "setpriv", "--pdeathsig", "KILL", *map(str, words)], stdout=output,
                stderr=output, stdin=subprocess.DEVNULL, env={**os.environ, **variables}), log)

    def all_are_idle():
        states = subprocess.run([*machines[0].prefix, "sinfo", "--noheader", "--Node", "--format=%T"],
                                capture_output=True, text=True, env={**os.environ, **variables},
                                timeout=LIMIT_S)
        return states.stdout.split() == ["idle"] * len(nodes)

    try:
        start("munged", machines[0], "munged", "--force", "--foreground", f"--key-file={key}",
              f"--socket={folder / 'munge.socket'}", f"--pid-file={folder / 'munge.pid'}",
              f"--log-file={folder / 'munge.log'}", f"--seed-file={folder / 'munge.seed'}")
        wait_until((folder / "munge.socket").exists, daemons, "munged")
        start("slurmctld", machines[0], "slurmctld", "-D")
        for name, machine in nodes.items():
            start(name, machine, "slurmd", "-D", "-N", name)
        wait_until(all_are_idle, daemons, "the nodes' registration")
        yield variables
        wait_until(all_are_idle, daemons, "the end of the steps")
    finally:
        for process, _ in reversed(daemons.values()):
            process.kill()
            process.wait()
        kill_all_with(f"SLURM_CONF={file}")
