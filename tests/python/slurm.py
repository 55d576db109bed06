"""A Slurm cluster of this one machine: munged, slurmctld and slurmd with a configuration of their own,
in a folder and on ports that nobody else uses. It ends with the test, however that ends."""

import contextlib
import getpass
import os
import shutil
import socket
import subprocess
import time

PROGRAMS = ("munged", "slurmctld", "slurmd", "srun", "sinfo", "setpriv")
LIMIT_S = 30

# No cgroups and no accounting: they need more of a machine than a container gives.
CONFIGURATION = """\
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller_port}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
SelectType=select/linear
SlurmdParameters=config_overrides
NodeName={host} NodeAddr=127.0.0.1 Port={node_port} CPUs=2 State=UNKNOWN
PartitionName=all Nodes=ALL Default=YES State=UP
"""


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


@contextlib.contextmanager
def cluster(folder):
    """Yields the variables that make srun use the cluster; raises Unavailable."""
    missing = [name for name in PROGRAMS if shutil.which(name) is None]
    if missing:
        raise Unavailable(f"not installed: {', '.join(missing)}")
    folder.mkdir(mode=0o700)
    for name in ("state", "spool"):
        (folder / name).mkdir()
    key = folder / "munge.key"
    key.write_bytes(os.urandom(128))
    key.chmod(0o600)
    ports = free_ports(2)
    configuration = folder / "slurm.conf"
    configuration.write_text(CONFIGURATION.format(
        folder=folder, host=socket.gethostname().split(".")[0], user=getpass.getuser(),
        controller_port=ports[0], node_port=ports[1]))
    environment = {"SLURM_CONF": str(configuration)}
    daemons = {}

    def start(name, *words):
        log = folder / f"{name}.log"
        with log.open("w") as output:
            daemons[name] = (subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", name, *map(str, words)], stdout=output,
                stderr=output, stdin=subprocess.DEVNULL, env={**os.environ, **environment}), log)

    def node_is_idle():
        states = subprocess.run(["sinfo", "--noheader", "--format=%T"], capture_output=True, text=True,
                                env={**os.environ, **environment}, timeout=LIMIT_S)
        return states.stdout.strip() == "idle"

    try:
        start("munged", "--force", "--foreground", f"--key-file={key}",
              f"--socket={folder / 'munge.socket'}", f"--pid-file={folder / 'munge.pid'}",
              f"--log-file={folder / 'munge.log'}", f"--seed-file={folder / 'munge.seed'}")
        wait_until((folder / "munge.socket").exists, daemons, "munged")
        start("slurmctld", "-D")
        start("slurmd", "-D")
        wait_until(node_is_idle, daemons, "the node's registration")
        yield environment
    finally:
        for process, _ in reversed(daemons.values()):
            process.kill()
            process.wait()
