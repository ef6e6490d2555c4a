"""One look at a directory: a folder, a file or an API. Owns which files count and their bounds, not what they say."""

from __future__ import annotations

import asyncio
import hashlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from connectors.hsds import documents
from connectors.hsds.config import HsdsConfig
from connectors.hsds.found import WHOLE_LIMIT, Found
from connectors.hsds.pages import Away, pages
from connectors.hsds.tables import Package

ENDINGS: Final = frozenset({".json", ".jsonl", ".csv"})
#: Tables unfold in memory, so they may be less.
TABLES_LIMIT: Final = 16 * 1_048_576
FILES_LIMIT: Final = 10_000
#: A folder's state: every file's name, size and time. The same again: nothing was written since.
Standing = tuple[tuple[str, int, int, int], ...]
#: Descriptions of a package, no part of one.
_DESCRIPTIONS: Final = frozenset({"datapackage.json"})


def standing(config: HsdsConfig) -> Standing:
    """The files that count. Raises `Away` where the path cannot be read."""
    root = Path(config.path)
    try:
        if stat.S_ISREG(root.lstat().st_mode):
            return (_stamp(root, root.name),)
        return tuple(_listed(root, config))
    except OSError as error:
        raise Away(f"{root} cannot be read: {error.strerror}") from error


def _listed(root: Path, config: HsdsConfig) -> Iterator[tuple[str, int, int, int]]:
    """Files below the folder by name; hidden ones, links and our own report are passed over."""
    own = {config.report_file.resolve()}
    count = 0
    for folder, folders, files in os.walk(root, onerror=_raise):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            path = Path(folder) / name
            told = path.suffix.lower() in ENDINGS and name[0] != "." and name.lower() not in _DESCRIPTIONS
            if not told or path.is_symlink() or path.resolve() in own:
                continue
            count += 1
            if count > FILES_LIMIT:
                raise Away(f"more than {FILES_LIMIT} files")
            yield _stamp(path, str(path.relative_to(root)))


def _raise(error: OSError) -> None:
    raise error


def _stamp(path: Path, name: str) -> tuple[str, int, int, int]:
    found = path.stat()
    return name, found.st_size, found.st_mtime_ns, found.st_ino


def read_files(config: HsdsConfig, files: Standing) -> Found:
    """All of them, put together. A file that went away meanwhile is named like one that cannot be read."""
    found = Found()
    root = Path(config.path)
    packages: dict[Path, Package] = {}
    tables = 0
    for name, size, _, _ in files:
        path = root if root.name == name and root.is_file() else root / name
        is_table = path.suffix.lower() == ".csv"
        tables += size if is_table else 0
        if size > WHOLE_LIMIT or (is_table and tables > TABLES_LIMIT):
            limit = TABLES_LIMIT if is_table else WHOLE_LIMIT
            found.broken(name, 0, "", "too_large", f"larger than {limit} bytes, alone or with the others")
            continue
        try:
            found.files[name] = _sha256(path)
            if is_table:
                packages.setdefault(path.parent, Package(found)).read(name, path)
            else:
                documents.read(name, path.read_bytes(), found)
        except OSError as error:
            found.broken(name, 0, "", "unreadable", f"cannot be read: {error.strerror}")
    for package in packages.values():
        package.end()
    return found


def _sha256(path: Path) -> str:
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


async def read_pages(config: HsdsConfig) -> Found:
    """The whole API. What could be had before a page that could not is found; the rest is named."""
    found = Found()
    async for page in pages(config):
        name = f"page {page.number}"
        if page.code:
            found.broken(name, 0, "", page.code, page.text)
            continue
        found.files[name] = hashlib.sha256(page.content).hexdigest()
        await asyncio.to_thread(documents.read, name, page.content, found)
    return found
