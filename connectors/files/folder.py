"""A folder of this machine, or one mounted on it. Owns renaming, and that no link leads out."""

from __future__ import annotations

import asyncio
import os
import shutil
import stat
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final, TypeVar

from connectors.files.place import ARCHIVE, ROOMS, Away, Found, Listing
from connectors.protocol import Check

T = TypeVar("T")
LEAST_FREE: Final = 256 * 1_048_576  # bytes


class Folder:
    """See `place.Place`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    async def open(self) -> None:
        """See `Place`."""
        await _away(self._rooms)

    async def listing(self, room: str = "") -> Listing:
        """See `Place`."""
        return await _away(lambda: _listing(self.folder / room))

    async def days(self) -> Sequence[str]:
        """See `Place`."""
        return await _away(lambda: sorted(_folders(self.folder / ARCHIVE)))

    async def fetch(self, path: str) -> Path:
        """See `Place`. The file itself, once it is known to be one and to be readable."""
        local = self.folder / path

        def look() -> None:
            # Without following: between listing and reading, a link may have taken its place.
            handle = os.open(local, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
            try:
                if not stat.S_ISREG(os.fstat(handle).st_mode):
                    raise FileNotFoundError(path)
            finally:
                os.close(handle)

        await asyncio.to_thread(look)
        return local

    async def release(self, local: Path) -> None:
        """See `Place`."""

    async def move(self, path: str, to: str) -> None:
        """See `Place`."""
        await asyncio.to_thread(self._move, self.folder / path, self.folder / to)

    async def exists(self, path: str) -> bool:
        """See `Place`."""
        return await asyncio.to_thread(os.path.lexists, self.folder / path)

    async def remove(self, path: str) -> None:
        """See `Place`."""
        await asyncio.to_thread((self.folder / path).unlink, missing_ok=True)

    def scratch(self, path: str) -> Path:
        """See `Place`. Beside its place, so that it gets there by renaming."""
        target = self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        return target.with_name(f".{target.name}.part")

    async def publish(self, local: Path, path: str) -> None:
        """See `Place`."""
        await asyncio.to_thread(_publish, local, self.folder / path)

    async def check(self) -> Sequence[Check]:
        """See `Place`."""
        return await asyncio.to_thread(self._checks)

    async def close(self) -> None:
        """See `Place`."""

    def _rooms(self) -> None:
        if not self.folder.is_dir():
            raise FileNotFoundError(self.folder)
        for room in ROOMS:
            (self.folder / room).mkdir(exist_ok=True)

    def _move(self, path: Path, to: Path) -> None:
        to.parent.mkdir(parents=True, exist_ok=True)
        if os.path.lexists(to):
            raise FileExistsError(to)
        os.rename(path, to)  # noqa: PTH104 - what a Path does, by its own name
        _settle(to.parent)

    def _checks(self) -> list[Check]:
        here = str(self.folder)
        if not self.folder.is_dir():
            return [Check("folder", ok=False, found=f"{here} is no folder", fix="Make it, or correct `folder`.")]
        try:
            return [Check("folder", ok=True, found=here), self._writable(), self._one_disk(), self._space()]
        except OSError as error:
            return [Check("folder", ok=False, found=f"{here}: {error.strerror}", fix="Look at the folder's rights.")]

    def _writable(self) -> Check:
        try:
            self._rooms()
            for room in ("", *ROOMS):
                trial = self.folder / room / ".ieum-trial.part"
                trial.write_bytes(b"")
                trial.unlink()
        except OSError as error:
            fix = f"Give the connector's user the right to write: chown or chmod u+rwx {self.folder}"
            return Check("writable", ok=False, found=f"cannot write or rename here: {error.strerror}", fix=fix)
        return Check("writable", ok=True, found="files can be moved, reports written")

    def _one_disk(self) -> Check:
        apart = [r for r in ROOMS if (self.folder / r).is_dir() and _device(self.folder / r) != _device(self.folder)]
        found = f"{', '.join(apart)} on another disk" if apart else "one disk"
        return Check("one disk", not apart, found, "Renaming needs one disk: unmount it there." if apart else "")

    def _space(self) -> Check:
        free = shutil.disk_usage(self.folder).free
        well = free >= LEAST_FREE
        return Check("space", well, f"{free:,} bytes free", "" if well else "Make room: reports cannot be written.")


async def _away(work: Callable[[], T]) -> T:
    """A folder that cannot be listed is away (a network drive), whatever the reason."""
    try:
        return await asyncio.to_thread(work)
    except OSError as error:
        raise Away(f"the folder cannot be read: {error.strerror}") from error


def _listing(folder: Path) -> Listing:
    files, links = [], 0
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_file(follow_symlinks=False):
                seen = entry.stat(follow_symlinks=False)
                files.append(Found(entry.name, seen.st_size, seen.st_mtime))
            else:
                links += not entry.is_dir(follow_symlinks=False)
    return Listing(tuple(files), links)


def _folders(archive: Path, above: str = "") -> Iterator[str]:
    if not archive.is_dir():
        return
    for entry in os.scandir(archive):
        if entry.is_dir(follow_symlinks=False):
            yield above + entry.name
            yield from _folders(Path(entry.path), f"{above}{entry.name}/")


def _publish(local: Path, target: Path) -> None:
    with local.open("rb") as handle:
        os.fsync(handle.fileno())
    local.replace(target)
    _settle(target.parent)


def _settle(folder: Path) -> None:
    """A rename is durable when its folder is."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _device(path: Path) -> int:
    return path.stat().st_dev
