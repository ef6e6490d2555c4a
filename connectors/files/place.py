"""Where a partner drops files: what a folder of this machine and one over SFTP have in common.

Owns the shape and which names are files of a partner. Paths are relative to the place, with '/', and never lead out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final, Protocol

import msgspec

from connectors.protocol import Check
from hub.errors import Retry

ARCHIVE, REJECTED, REPORTS = "archive", "rejected", "reports"
ROOMS: Final = (ARCHIVE, REJECTED, REPORTS)
#: Still being written, as transfer programs name it.
UNFINISHED: Final = (".tmp", ".part", ".partial", ".filepart", ".crdownload", ".swp")
#: Bytes of a name; longer ones leave no room for what is put behind them.
NAME_LIMIT: Final = 200
_DAY: Final = re.compile(r"\d{4}-\d\d-\d\d(?:/\d{1,9})?")


class Away(Retry):
    """The place cannot be reached now, or does not let us in. Nothing was lost; look again later."""


class Found(msgspec.Struct, frozen=True):
    """A file that lies there. time: of its last change, seconds."""

    name: str
    size: int
    time: float


class Listing(msgspec.Struct, frozen=True):
    """The files of a place, and how many entries were passed over as no plain files (links, pipes)."""

    files: tuple[Found, ...]
    links: int = 0


class Place(Protocol):
    """All methods raise `Away` while the place cannot be reached, `FileNotFoundError` and `PermissionError` for one."""

    async def open(self) -> None:
        """Make the rooms (archive, rejected, reports) where they are missing."""

    async def listing(self, room: str = "") -> Listing:
        """The plain files in the drop itself or a room of it. Links are not followed."""

    async def days(self) -> Sequence[str]:
        """Folders of the archive, and theirs, in any order: '2026-11-22', '2026-11-22/2'."""

    async def fetch(self, path: str) -> Path:
        """The file where it can be read on this machine. `release` it."""

    async def release(self, local: Path) -> None:
        """No more reading."""

    async def move(self, path: str, to: str) -> None:
        """Rename, in one step; the folder is made. Never over another file: `FileExistsError`."""

    async def exists(self, path: str) -> bool:
        """Whether anything is there."""

    async def remove(self, path: str) -> None:
        """Delete a marker. Nothing where it is gone already."""

    def scratch(self, path: str) -> Path:
        """Where to write, on this machine, what `publish` will put at `path`."""

    async def publish(self, local: Path, path: str) -> None:
        """Put what was written there, in one step: never half, over a former one."""

    async def check(self) -> Sequence[Check]:
        """What can be wrong with the place itself."""

    async def close(self) -> None:
        """Let go."""


def is_partners(name: str) -> bool:
    """Whether a name may be a file that was dropped: not hidden, not being written, no marker, no way out."""
    return (
        not name.startswith((".", "~$"))
        and "/" not in name
        and "\0" not in name
        and not name.lower().endswith((*UNFINISHED, ".done"))
        and not is_manifest(name)
    )


def in_order(folders: Iterable[str], first: str) -> list[str]:
    """Folders of the archive from a day on (ISO), as they were filled: '2026-11-22', then its '/2', its '/10'."""
    days = (folder.partition("/") for folder in folders if _DAY.fullmatch(folder) and folder >= first)
    return ["".join(parts) for parts in sorted(days, key=lambda parts: (parts[0], int(parts[2] or 0)))]


def is_manifest(name: str) -> bool:
    """Whether it lists others."""
    return name.lower() in {"manifest.json", "manifest.csv"}


def is_short(name: str) -> bool:
    """Whether a report of it can be named after it."""
    return len(name.encode(errors="surrogateescape")) <= NAME_LIMIT
