"""The compound file that an XLS is packed in, to the octets of its one stream of records ([MS-CFB]).

Owns sectors and chains, never a record. A chain that goes round, overlaps itself or leaves the file is refused: what
is held is at most what the file holds.
"""

from __future__ import annotations

import struct
import sys
from array import array
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import IO, Final

OLE: Final = b"\xd0\xcf\x11\xe0"
#: What the stream is called, the newer one first: a file for both generations of programs holds both.
NAMES: Final = ("workbook", "book")
_END: Final = 0xFFFFFFFE
_NONE: Final = 0xFFFFFFFF
_SHIFTS: Final = frozenset({9, 12})  # sectors of 512 or 4,096 bytes
_MINI: Final = 6  # sectors of 64 bytes, of streams too short for a sector of their own
#: Of the header: how large sectors are, where the directory is, below how many octets a stream is short, where the
#: chains of short ones are, how many sectors they take, where more is said about chains.
_HEADER: Final = struct.Struct("<30xH16xI4xIIII")
_ENTRY: Final = struct.Struct("<64sHBxIII36xIQ")
_ENTRY_SIZE: Final = 128
_STREAM, _ROOT = 2, 5
_IN_HEADER: Final = 109  # numbers of sectors that say where the table of chains is
_WORDS: Final = 4
#: Bytes of the directory: an honest one has a dozen entries.
_DIRECTORY_LIMIT: Final = 1_048_576
#: Bytes of all short streams together, and of their chains.
_SHORT_LIMIT: Final = 4 * 1_048_576
_SHORT: Final = 4096  # bytes: a stream below this is a short one

Entry = tuple[bytes, int, int, int, int, int, int, int]  # name, its length, kind, left, right, below, begin, length


class _Compound:
    """An open compound file: its sectors, and which follows which."""

    def __init__(self, handle: IO[bytes], size: int) -> None:
        self._handle = handle
        head = handle.read(512)
        if len(head) < _HEADER.size or not head.startswith(OLE):
            raise ValueError("no compound file")
        shift, self.directory, short, self.mini, _, more = _HEADER.unpack_from(head)
        if shift not in _SHIFTS or short != _SHORT:
            raise ValueError("no such sectors")
        self._sector = 1 << shift
        self._count = -(-size // self._sector)
        self._next = self._table(struct.unpack_from(f"<{_IN_HEADER}I", head, 76), more)

    def octets(self, first: int, limit: int) -> bytearray:
        """The octets of a chain of sectors, at most about so many."""
        held = bytearray()
        for sector in followed(self._next, first):
            if len(held) >= limit:
                break
            held += self._read(sector)
        return held

    def _read(self, sector: int) -> bytes:
        if sector >= self._count:
            raise ValueError("behind the end")
        self._handle.seek((sector + 1) * self._sector)
        return self._handle.read(self._sector)

    def _table(self, first: Sequence[int], more: int) -> array[int]:
        """Which sector follows each: itself in sectors, named in the header and in a chain that says where it goes."""
        table = array("I")
        for sector in chain(first, self._named_further(more)):
            if sector >= _END or len(table) >= self._count:
                break
            table.extend(_numbers(self._read(sector)))
        return table

    def _named_further(self, sector: int) -> Iterator[int]:
        seen = 0
        while sector < _END:
            seen += 1
            if seen > self._count:
                raise ValueError("a chain that goes round")
            *named, sector = _numbers(self._read(sector))
            yield from named


def workbook(handle: IO[bytes], size: int) -> bytes | bytearray:
    """The records of the workbook in a file of this size. Raises `ValueError`, `IndexError` or `struct.error`."""
    file = _Compound(handle, size)
    entries = file.octets(file.directory, _DIRECTORY_LIMIT)
    root, found = _found(entries)
    first, length = found[6], found[7] & 0xFFFFFFFF  # what is above is not always cleared
    if length >= _SHORT:
        held = file.octets(first, length)
        del held[length:]
        return held
    packed = file.octets(root[6], _SHORT_LIMIT)
    after = _numbers(file.octets(file.mini, _SHORT_LIMIT))
    sectors = followed(after, first)
    return b"".join(packed[sector << _MINI : (sector + 1) << _MINI] for sector in sectors)[:length]


def followed(after: Sequence[int], first: int) -> Iterator[int]:
    """The sectors of a chain. Raises `ValueError` for one that goes round, `IndexError` for one that leads nowhere."""
    seen = bytearray(len(after))
    while first < _END:
        if seen[first]:
            raise ValueError("a chain that goes round")
        seen[first] = True
        yield first
        first = after[first]


def _found(entries: bytearray) -> tuple[Entry, Entry]:
    """The root and the workbook, which stands directly under it: a workbook inside a workbook is not meant."""
    root: Entry = _ENTRY.unpack_from(entries)
    named: dict[str, Entry] = {}
    seen: set[int] = set()
    waiting = [root[5]]
    while waiting:
        place = waiting.pop()
        if place == _NONE or place in seen:
            continue
        seen.add(place)
        entry: Entry = _ENTRY.unpack_from(entries, place * _ENTRY_SIZE)
        waiting += (entry[3], entry[4])
        if entry[2] == _STREAM:
            named[entry[0][: max(0, entry[1] - 2)].decode("utf-16-le", "replace").lower()] = entry
    for name in NAMES:
        if name in named and root[2] == _ROOT:
            return root, named[name]
    raise ValueError("no workbook")


def _numbers(octets: bytes | bytearray) -> array[int]:
    """Whole numbers of four octets, the lowest first."""
    numbers = array("I", bytes(octets[: len(octets) // _WORDS * _WORDS]))
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers
