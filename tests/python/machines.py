"""Two machines for a test: network namespaces joined by a cable of their own, or where those are not
permitted two loopback addresses of this machine."""

import contextlib
import dataclasses
import functools
import re
import subprocess

HOLDER = ["setpriv", "--pdeathsig", "KILL", "unshare", "--net",
          "sh", "-c", "echo ready; exec sleep infinity"]
LOOPBACK = ("127.0.0.2", "127.0.0.3")
NAMESPACES = ("10.0.0.1", "10.0.0.2")


@dataclasses.dataclass
class Machine:
    address: str
    prefix: list  # words before a command that is to run there
    options: list  # of `ropewalk launch`, which it needs beside the usual ones

    def run(self, *words):
        return subprocess.run([*self.prefix, *words], capture_output=True, text=True, check=True).stdout

    def listening(self, pids):
        """Addresses at which these processes listen."""
        lines = [line for line in self.run("ss", "-Hltnp").splitlines()
                 if any(f"pid={pid}," in line for pid in pids)]
        return sorted({re.sub(r"^\[::ffff:(.*)\]$", r"\1", line.split()[3].rpartition(":")[0])
                       for line in lines})


def hold_namespace(stack):
    """A namespace that lives as long as a process which dies with the test."""
    holder = subprocess.Popen(HOLDER, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    stack.callback(holder.communicate)
    stack.callback(holder.kill)
    if holder.stdout.readline() != "ready\n":
        raise OSError(holder.stderr.read().strip())
    return holder.pid


def join_namespaces(stack):
    pids = [hold_namespace(stack) for _ in NAMESPACES]
    machines = [Machine(address, ["nsenter", f"--net=/proc/{pid}/ns/net", "--"], [])
                for address, pid in zip(NAMESPACES, pids)]
    cable = ["eth0", "type", "veth", "peer", "name", "eth0", "netns", str(pids[1])]
    machines[0].run("ip", "link", "add", *cable)
    for machine in machines:
        machine.run("ip", "link", "set", "lo", "up")
        machine.run("ip", "address", "add", f"{machine.address}/24", "dev", "eth0")
        machine.run("ip", "link", "set", "eth0", "up")
    return machines


@functools.cache
def why_no_namespaces():
    """Empty where two of them can be made and joined."""
    try:
        with contextlib.ExitStack() as stack:
            join_namespaces(stack)
    except subprocess.CalledProcessError as error:
        return error.stderr.strip()
    except OSError as error:
        return str(error)
    return ""


@contextlib.contextmanager
def two_machines():
    with contextlib.ExitStack() as stack:
        if why_no_namespaces():
            yield [Machine(address, [], ["--bind", address]) for address in LOOPBACK]
        else:
            yield join_namespaces(stack)
