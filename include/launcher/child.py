"""Runs a command that dies with its launcher: `python -I -S child.py LAUNCHER_PID SIGNAL UID:GID COMMAND...`.

Linux sends SIGNAL to the command when the launcher ends, however it ends. Elsewhere a killed launcher leaves its
children behind. UID:GID is "-" to stay who we are. A script of its own, not a `preexec_fn`: those may deadlock in a
program with threads, and the user switched to need not be able to read this Python.
"""

from __future__ import annotations

import ctypes
import os
import sys

PR_SET_PDEATHSIG = 1


def main(launcher: str, death_signal: str, user: str, *command: str) -> None:
    """Become the command."""
    if user != "-":
        uid, gid = (int(part) for part in user.split(":"))
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(death_signal))
    if os.getppid() != int(launcher):
        sys.exit("the launcher ended before its child began")
    os.execv(command[0], command)


if __name__ == "__main__":
    main(*sys.argv[1:])
