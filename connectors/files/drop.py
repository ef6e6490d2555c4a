"""The drop itself: which files wait, which are complete, and where they go. Owns markers, manifests and rejections."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import structlog

from connectors.files import words
from connectors.files.config import FilesConfig
from connectors.files.place import ARCHIVE, NAME_LIMIT, REJECTED, Found, Place, is_manifest, is_short
from connectors.files.ready import MANIFEST_LIMIT, Promised, Quiet, candidates, marked, promised, promises, sha256
from connectors.protocol import Broken
from connectors.reading import Placed
from connectors.reading_report import readable

log = structlog.get_logger()
REASON: Final = ".reason.txt"


class Drop:
    """One drop, looked at again and again."""

    def __init__(self, config: FilesConfig, place: Place) -> None:
        self._config, self._place = config, place
        self._quiet = Quiet(config.quiet_s)
        self._manifests: dict[str, tuple[Found, Mapping[str, Promised]]] = {}
        self.links = 0

    async def waiting(self) -> list[Found]:
        """Every file of the partner, complete or not, oldest first."""
        return candidates(await self._listed())

    async def ready(self, now: float) -> list[Found]:
        """Those that are complete. `now`: seconds of a clock that never goes back."""
        files = await self._listed()
        waiting = candidates(files)
        quiet = self._quiet.look(waiting, now)
        match self._config.ready:
            case "renamed":
                return waiting
            case "done":
                return marked(files, waiting)
            case "manifest":
                all_told = await self._promised(files)
                # One that will not grow any more is looked into, and rejected if it is not what was promised.
                still = {file.name for file in quiet}
                told = [(f, promised(all_told, f.name)) for f in waiting]
                return [f for f, one in told if one and (f.size == one.bytes or f.name in still)]
            case _:
                return quiet

    async def refuses(self, file: Found) -> str:
        """Why a file is not even opened, '' when it is."""
        if not is_short(file.name):
            return "its name is too long"
        return f"larger than {self._config.max_bytes} bytes" if file.size > self._config.max_bytes else ""

    async def differs(self, file: Found, local: Path) -> str:
        """Why a file is not what its manifest promised."""
        if self._config.ready != "manifest":
            return ""
        told = promised(await self._promised(await self._listed()), file.name)
        if told is None:
            return ""
        found = await asyncio.to_thread(sha256, local)
        return "" if (file.size, found) == (told.bytes, told.sha256) else "it differs from its manifest"

    async def is_same(self, file: Found) -> bool:
        """Whether the file is as it was listed: somebody may have written on while it was read."""
        return file in (await self._place.listing()).files

    async def free(self, folder: str, name: str) -> str:
        """Where a file can go: the folder, or the first numbered one of it that has none of this name."""
        path, number = f"{folder}/{name}", 1
        while await self._place.exists(path):
            number += 1
            path = f"{folder}/{number}/{name}"
        return path

    async def exists(self, path: str) -> bool:
        """Whether anything is there."""
        return await self._place.exists(path)

    async def tidy(self, name: str) -> None:
        """A file has gone: so does its marker, and a manifest none of whose files is left. Twice is once."""
        try:
            await self._tidy(name)
        except (FileNotFoundError, PermissionError) as error:
            # Not ours to remove: what it belonged to is safe all the same.
            log.warning("marker_not_removed", error=type(error).__name__)

    async def _tidy(self, name: str) -> None:
        if self._config.ready == "done" and not await self._place.exists(name):
            await self._place.remove(f"{name}.done")
        if self._config.ready == "manifest":
            files = await self._listed()
            await self._promised(files)
            for manifest, (_, told) in list(self._manifests.items()):
                if promised(told, name) and not any(promised(told, file.name) for file in files):
                    await self._place.move(manifest, await self.free(f"{ARCHIVE}/manifests", manifest))

    async def reject(self, name: str, reasons: Sequence[Placed], day: str) -> None:
        """Put a file aside, with the reason beside it. The reason first: no file is ever aside without one."""
        to = await self.free(f"{REJECTED}/{day}", name)
        path = f"{to.rpartition('/')[0]}/{_cut(name)}{REASON}"
        scratch = self._place.scratch(path)
        await asyncio.to_thread(scratch.write_text, _text(name, reasons), "utf-8-sig")
        await self._place.publish(scratch, path)
        await self._place.move(name, to)
        await self.tidy(name)

    async def _listed(self) -> tuple[Found, ...]:
        listing = await self._place.listing()
        self.links = listing.links
        return listing.files

    async def _promised(self, files: Sequence[Found]) -> dict[str, Promised]:
        """What the manifests that lie there promise; one that cannot be read is passed over until it changes."""
        manifests = [file for file in files if is_manifest(file.name)]
        held = {file.name: self._manifests[file.name] for file in manifests if self._known(file)}
        for file in manifests:
            if file.name not in held:
                held[file.name] = (file, await self._read(file))
        self._manifests = held
        return {name: one for _, told in held.values() for name, one in told.items()}

    def _known(self, file: Found) -> bool:
        return file.name in self._manifests and self._manifests[file.name][0] == file

    async def _read(self, file: Found) -> Mapping[str, Promised]:
        if file.size > MANIFEST_LIMIT:
            return {}
        local = await self._place.fetch(file.name)
        try:
            return promises(await asyncio.to_thread(local.read_bytes))
        except ValueError as error:
            log.warning("manifest_unreadable", error=type(error).__name__)
            return {}
        finally:
            await self._place.release(local)


def _text(name: str, reasons: Sequence[Placed]) -> str:
    """For a person: which file, and line by line why."""
    title = f"이 파일은 읽지 못했습니다: {readable(name)}"
    found = [(place.row, words.unread(place.item)) for place in reasons if isinstance(place.item, Broken)]
    lines = [f"{row}행: {why}" if row else why for row, why in found]
    return "\r\n".join([title, "", *lines, "", "고친 뒤 원래 폴더에 다시 넣어 주세요.", ""])


def _cut(name: str) -> str:
    """A name that leaves room for an ending."""
    return name if is_short(name) else os.fsdecode(os.fsencode(name)[:NAME_LIMIT].decode(errors="ignore").encode())
