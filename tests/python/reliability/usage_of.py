"""Runs a command and writes to descriptor FD its exit code, seconds of processor time and peak of resident
memory in KiB. A process of its own, and a small one: a child's peak counts what its parent had at the fork.

usage: python -S usage_of.py FD COMMAND...
"""

import os
import resource
import sys

CPU_LIMIT_S = 120

if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_LIMIT_S, CPU_LIMIT_S))
    descriptor, command = int(sys.argv[1]), sys.argv[2:]
    os.set_inheritable(descriptor, False)
    child = os.posix_spawn(command[0], command, os.environ)
    _, status, usage = os.wait4(child, 0)
    os.write(descriptor, f"{os.waitstatus_to_exitcode(status)} {usage.ru_utime + usage.ru_stime} "
                         f"{usage.ru_maxrss}".encode())
