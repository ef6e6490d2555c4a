"""What a server's process does before it becomes the server: `child.py DEATHSIG PARENT USERNS -- program args`.

Run as a script (`python -I -S`), it owns three steps that must happen inside the new process and that are unsafe in a
fork of a threaded Python: become an unprivileged user of a user namespace (PostgreSQL refuses to run as root, and a
dropped user could not enter a 0700 checkout), ask for a signal when the parent dies, and exec: the pid stays the same.
Never imports anything of the project, never forks, never returns.

DEATHSIG is a signal number or 0; PARENT the pid that must still be the parent; USERNS 1 or 0.
The order matters: a change of credentials clears the death signal, so the namespace comes first.
"""

from __future__ import annotations

import ctypes
import os
import sys
from pathlib import Path

_CLONE_NEWUSER = 0x10000000
_PR_SET_PDEATHSIG = 1
_NOBODY = 65534


def _become_unprivileged() -> None:
    uid, gid = os.geteuid(), os.getegid()
    if ctypes.CDLL(None, use_errno=True).unshare(_CLONE_NEWUSER) != 0:
        sys.exit(f"no user namespace ({os.strerror(ctypes.get_errno())}); run the hub as a plain user with a name")
    Path("/proc/self/setgroups").write_text("deny", encoding="ascii")
    Path("/proc/self/uid_map").write_text(f"{_NOBODY} {uid} 1", encoding="ascii")
    Path("/proc/self/gid_map").write_text(f"{_NOBODY} {gid} 1", encoding="ascii")


def _die_with(parent: int, signal_number: int) -> None:
    if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal_number, 0, 0, 0) != 0:
        sys.exit("the kernel refused a death signal")
    if os.getppid() != parent:  # it died before we asked
        sys.exit("the parent is gone")


def main(argv: list[str]) -> None:
    """Do what the arguments ask and become the program after `--`."""
    signal_number, parent, user_namespace, _, program = int(argv[0]), int(argv[1]), argv[2] == "1", argv[3], argv[4]
    if user_namespace:
        _become_unprivileged()
    if signal_number and sys.platform == "linux":
        _die_with(parent, signal_number)
    os.execv(program, argv[4:])  # noqa: S606 (no shell is the point)


if __name__ == "__main__":
    main(sys.argv[1:])
