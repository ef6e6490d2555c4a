"""When a dropped file is complete. Owns the four ways to tell; a file that changes is never touched.

`quiet` is the default because it is true of any writer that does not stop for so long, told or not.
"""

from __future__ import annotations

import csv
import hashlib
import io
import unicodedata
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec
import orjson

from connectors.files.place import Found, is_partners

MANIFEST_LIMIT: Final = 8 * 1_048_576  # bytes
CHUNK: Final = 1 << 20


class Promised(msgspec.Struct, frozen=True):
    """What a manifest says of a file."""

    bytes: int
    sha256: str


class Quiet:
    """Remembers since when each file looks the same."""

    def __init__(self, quiet_s: float) -> None:
        self._quiet_s = quiet_s
        self._seen: dict[str, tuple[Found, float]] = {}

    def look(self, files: Iterable[Found], now: float) -> list[Found]:
        """Those unchanged for long enough. `now` in seconds of any clock that never goes back."""
        seen: dict[str, tuple[Found, float]] = {}
        for file in files:
            before, since = self._seen.get(file.name, (None, now))
            seen[file.name] = (file, since if before == file else now)
        self._seen = seen
        return [file for file, since in seen.values() if now - since >= self._quiet_s]


def candidates(files: Iterable[Found]) -> list[Found]:
    """Files of the partner, oldest first: what corrects another comes behind it."""
    return sorted((f for f in files if is_partners(f.name)), key=lambda f: (f.time, f.name))


def marked(files: Iterable[Found], candidate: Iterable[Found]) -> list[Found]:
    """Those whose marker lies beside them."""
    names = {file.name for file in files}
    return [file for file in candidate if f"{file.name}.done" in names]


def promises(raw: bytes) -> Mapping[str, Promised]:
    """A manifest's promises by name (`promised` finds one), of JSON or CSV. Raises `ValueError` for no manifest."""
    text = raw.removeprefix(b"\xef\xbb\xbf").strip()
    rows = _json(text) if text.startswith((b"{", b"[")) else csv.DictReader(io.StringIO(_decoded(text)))
    try:
        told = {str(r["name"]): Promised(int(r["bytes"]), str(r["sha256"]).strip().lower()) for r in rows}
    except (KeyError, TypeError, csv.Error) as error:
        raise ValueError("a manifest has name, bytes and sha256 of each file") from error
    return {unicodedata.normalize("NFC", name): one for name, one in told.items()} | told


def promised(promises: Mapping[str, Promised], name: str) -> Promised | None:
    """What is promised of a file, whichever way syllables are written: macOS lists a name letter by letter."""
    return promises.get(name) or promises.get(unicodedata.normalize("NFC", name))


def _json(text: bytes) -> list[dict[str, Any]]:
    held = orjson.loads(text)
    files = held.get("files") if isinstance(held, dict) else held
    return files if isinstance(files, list) else []


def _decoded(text: bytes) -> str:
    try:
        return text.decode()
    except UnicodeDecodeError:
        return text.decode("cp949", errors="replace")


def sha256(path: Path) -> str:
    """Of a file's bytes, in hex."""
    digest = hashlib.sha256()
    with path.open("rb") as handle:
        while chunk := handle.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
