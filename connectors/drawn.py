"""A secret that a connector draws for itself once and keeps in a file of its own (0600).

Owns how such a file comes to be: whole or not at all, whatever ends the process, and one for all who draw at a time.
"""

from __future__ import annotations

import os
from pathlib import Path

from hub.errors import Usage


def drawn_once(path: Path, draw: bytes) -> bytes:
    """What is kept at `path`; where nothing is kept yet, `draw`, from now on.

    Raises `Usage` for a file of another length: to go on with half a secret would be to go on with none.
    """
    if not path.exists():
        _keep(path, draw)
    held = path.read_bytes()
    if len(held) != len(draw):
        raise Usage(
            f"{path} holds {len(held)} bytes of {len(draw)}.",
            "Restore it from a backup. If there is none, remove it: another is made, and what comes again counts anew.",
        )
    return held


def _keep(path: Path, draw: bytes) -> None:
    draft = path.with_name(f"{path.name}.{os.getpid()}.new")
    draft.unlink(missing_ok=True)
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(draw)
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(draft, path)  # unlike a rename, this fails when the name is taken
    except FileExistsError:
        pass  # another process drew first: its secret is the one
    finally:
        draft.unlink()
    if hasattr(os, "O_DIRECTORY"):  # Windows has no folder to wait for
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
