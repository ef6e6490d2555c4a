"""Secrets in files: the key-encryption key and pepper of the ledger, and any other secret text (the log's key).

Owns their creation and loading: mode 0600, owned by us, complete or absent. Never prints, logs or replaces one: a lost
or replaced key file makes bodies unreadable for good, so creating over an existing file is refused.
"""

from __future__ import annotations

import json
import os
import secrets
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Final

from hub.core.sealing import KEY_SIZE, Keys
from hub.errors import Usage

if TYPE_CHECKING:
    from collections.abc import Callable

_MODE: Final = 0o600
_VERSION: Final = 1


def create_secret(path: Path, text: str) -> None:
    """Write a secret that must not exist yet. Raises Usage when it does.

    A crash leaves either no file of this name or the whole secret (and maybe a `.new` file, which the next try drops).
    """
    draft = path.with_name(path.name + ".new")
    draft.unlink(missing_ok=True)
    write_private(draft, text.encode())
    try:
        os.link(draft, path)  # unlike a rename, this fails when the name is taken
    except FileExistsError:
        raise Usage(f"{path} exists already.", "Keep it: it cannot be made again. Name another file.") from None
    finally:
        draft.unlink()
    sync_folder(path.parent)


def write_private(path: Path, content: bytes) -> None:
    """Create a file only we can read and wait until the disk holds it."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _MODE)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Wait until the disk holds the names in a folder: a new name can be lost although its file was synced."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read_secret(path: Path) -> str:
    """A secret's text. Raises Usage when the file is missing or anyone else could have read or written it."""
    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            content = file.read()
    except OSError as error:
        raise Usage(f"{path} cannot be read: {error.strerror}.", "Restore it from your key backup.") from None
    if stat.S_IMODE(status.st_mode) & ~_MODE:
        raise Usage(f"{path} is open to others (mode {stat.S_IMODE(status.st_mode):04o}).", f"chmod 600 {path}")
    if status.st_uid != os.geteuid():
        raise Usage(f"{path} belongs to another user.", f"chown {os.geteuid()} {path}")
    return content.decode(errors="replace")


def create_keys(path: Path, randomness: Callable[[int], bytes] = secrets.token_bytes) -> Keys:
    """New ledger keys in a new file. Raises Usage when the file exists."""
    keys = Keys(kek=randomness(KEY_SIZE), pepper=randomness(KEY_SIZE))
    create_secret(path, json.dumps({"v": _VERSION, "kek": keys.kek.hex(), "pepper": keys.pepper.hex()}) + "\n")
    return keys


def load_keys(path: Path) -> Keys:
    """The ledger keys of a file. Raises Usage when it is missing, open to others or no key file."""
    text = read_secret(path)
    try:
        stored = json.loads(text)
        kek, pepper = bytes.fromhex(stored["kek"]), bytes.fromhex(stored["pepper"])
    except (ValueError, KeyError, TypeError):
        raise Usage(f"{path} is no key file.", "Restore it from your key backup.") from None
    if stored.get("v") != _VERSION or len(kek) != KEY_SIZE or len(pepper) != KEY_SIZE:
        raise Usage(f"{path} is a key file of another kind.", "Restore it from your key backup.")
    return Keys(kek=kek, pepper=pepper)
