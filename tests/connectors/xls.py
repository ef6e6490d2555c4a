"""A writer of XLS, from records to the compound file around them: as programs write it, and as nobody should.

Owns no assertion. Numbers are those of [MS-XLS] and [MS-CFB].
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping
from typing import Final

SECTOR: Final = 512
LAST, FREE, TABLE, TABLES = 0xFFFFFFFE, 0xFFFFFFFF, 0xFFFFFFFD, 0xFFFFFFFC
SHEET_BEGINS: Final = struct.pack("<HHHHHHII", 0x809, 16, 0x600, 0x10, 0, 0, 0, 6)
ENDS: Final = struct.pack("<HH", 0x0A, 0)


def record(kind: int, octets: bytes = b"") -> bytes:
    return struct.pack("<HH", kind, len(octets)) + octets


def shared(row: int, column: int, text: int, look: int = 0) -> bytes:
    return record(0xFD, struct.pack("<HHHI", row, column, look, text))


def number(row: int, column: int, value: float, look: int = 0) -> bytes:
    return record(0x203, struct.pack("<HHHd", row, column, look, value))


def small(row: int, column: int, held: int, look: int = 0) -> bytes:
    """An RK number, as its four octets."""
    return record(0x27E, struct.pack("<HHHI", row, column, look, held))


def many(row: int, column: int, held: Iterable[int], look: int = 0) -> bytes:
    cells = [struct.pack("<HI", look, one) for one in held]
    return record(0xBD, struct.pack("<HH", row, column) + b"".join(cells) + struct.pack("<H", column + len(cells) - 1))


def truth(row: int, column: int, value: int, *, is_error: bool = False) -> bytes:
    return record(0x205, struct.pack("<HHHBB", row, column, 0, value, is_error))


def text(row: int, column: int, value: str, kind: int = 0x204) -> bytes:
    return record(kind, struct.pack("<HHH", row, column, 0) + spelled(value))


def formula(row: int, column: int, saved: bytes, kind: int = 6) -> bytes:
    """saved: eight octets, a number's or `calculated`."""
    return record(kind, struct.pack("<HHH", row, column, 0) + saved + struct.pack("<HIHBH", 0, 0, 3, 0x1E, 1))


def calculated(kind: int, value: int = 0) -> bytes:
    """What a formula gave that is no number: 0 a text that follows, 1 yes or no, 2 an error, 3 nothing."""
    return bytes([kind, 0, value, 0, 0, 0, 0xFF, 0xFF])


def saved(value: str) -> bytes:
    return record(0x207, spelled(value))


def merged(*ranges: tuple[int, int, int, int]) -> bytes:
    """First and last row, first and last column, all from 0."""
    return record(0xE5, struct.pack("<H", len(ranges)) + b"".join(struct.pack("<HHHH", *one) for one in ranges))


def spelled(value: str) -> bytes:
    octets, wide = _letters(value)
    return struct.pack("<HB", len(octets) >> wide, wide) + octets


def texts(values: Iterable[str], room: int = 8224) -> bytes:
    """The table of texts that cells share, with the records that continue it."""
    held, pieces = list(values), list[bytes]()
    piece = struct.pack("<II", len(held), len(held))
    for value in held:
        octets, wide = _letters(value)
        if len(piece) + 3 > room:
            pieces.append(piece)
            piece = b""
        piece += struct.pack("<HB", len(octets) >> wide, wide)
        while octets:
            fits = (room - len(piece)) >> wide << wide
            piece, octets = piece + octets[:fits], octets[fits:]
            if octets:
                pieces.append(piece)
                piece = bytes([wide])
    return b"".join(record(0x3C if n else 0xFC, one) for n, one in enumerate([*pieces, piece]))


def stream(sheets: Mapping[str, bytes], values: Iterable[str] = (), before: bytes = b"", table: bytes = b"") -> bytes:
    """A workbook's records. before: of the whole workbook; table: instead of one of `values`."""
    begins = record(0x809, struct.pack("<HHHHII", 0x600, 5, 0, 0, 0, 6)) + before
    table = table or texts(values)
    named = [struct.pack("<BBB", 0, 0, len(name)) + b"\1" + name.encode("utf-16-le") for name in sheets]
    at = len(begins) + sum(8 + len(name) for name in named) + len(table) + len(ENDS)
    places, parts = list[bytes](), list[bytes]()
    for name, cells in zip(named, sheets.values(), strict=True):
        places.append(record(0x85, struct.pack("<I", at) + name))
        parts.append(SHEET_BEGINS + cells + ENDS)
        at += len(parts[-1])
    return b"".join([begins, *places, table, ENDS, *parts])


def packed(octets: bytes, name: str = "Workbook") -> bytes:
    """The compound file around a stream: header, stream, directory, chains, and where the chains are."""
    octets = octets.ljust(4096, b"\0")
    count = -(-len(octets) // SECTOR)
    tables = further = 0
    while True:
        needs = -(-(count + 1 + tables + further) // 128)
        more = max(0, -(-(needs - 109) // 127))
        if (needs, more) == (tables, further):
            break
        tables, further = needs, more
    chains = [*range(1, count), LAST, LAST, *[TABLE] * tables, *[TABLES] * further]
    chains += [FREE] * (tables * 128 - len(chains))
    at = count + 1 + tables
    where = [*range(count + 1, at), *[FREE] * 109]
    head = struct.pack("<8s16xHHHHH10xII4xIIIII", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", 62, 3, 0xFFFE, 9, 6,
                       tables, count, 4096, LAST, 0, at if further else LAST, further)  # fmt: skip
    listed = b""
    for part in range(further):
        some = [*where[109 + part * 127 : min(tables, 236 + part * 127)], *[FREE] * 127][:127]
        listed += struct.pack("<128I", *some, at + part + 1 if part + 1 < further else LAST)
    first = [*where[: min(109, tables)], *[FREE] * 109][:109]
    directory = _entry("Root Entry", 5, LAST, 0, 1) + _entry(name, 2, 0, len(octets)) + 2 * _entry("", 0, 0, 0)
    return b"".join(
        [head, struct.pack("<109I", *first), octets.ljust(count * SECTOR, b"\0"), directory,
         struct.pack(f"<{len(chains)}I", *chains), listed]
    )  # fmt: skip


def short(octets: bytes) -> bytes:
    """The same for a stream of less than 4,096 octets, which lies in the stream of short ones."""
    whole = bytearray(packed(octets.ljust(4096, b"\0")))
    minis = -(-len(octets) // 64)
    chain = struct.pack("<128I", *range(1, minis), LAST, *[FREE] * (128 - minis))
    at = (len(whole) - SECTOR) // SECTOR
    struct.pack_into("<II", whole, 60, at, 1)
    struct.pack_into("<I", whole, SECTOR + 9 * SECTOR + 4 * at, LAST)
    directory = SECTOR + 8 * SECTOR
    whole[directory : directory + 128] = _entry("Root Entry", 5, 0, minis * 64, 1)
    whole[directory + 128 : directory + 256] = _entry("Workbook", 2, 0, len(octets))
    return bytes(whole) + chain


def _entry(name: str, kind: int, first: int, size: int, below: int = FREE) -> bytes:
    octets = name.encode("utf-16-le") + b"\0\0" if name else b""
    return struct.pack("<64sHBBIII36xIQ", octets, len(octets), kind, 1, FREE, FREE, below, first, size)


def _letters(value: str) -> tuple[bytes, int]:
    try:
        return value.encode("latin-1"), 0
    except UnicodeEncodeError:
        return value.encode("utf-16-le"), 1
