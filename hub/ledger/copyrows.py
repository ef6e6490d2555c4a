"""Rows for COPY in binary form, packed by hand. Owns the wire form of a row, nothing about what is in it.

PostgreSQL's binary COPY: a header, then per row the number of fields and each field with its length, then a trailer.
Packing here costs half of what per-field adaptation costs, and much of it happens before the lock is taken.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable

HEADER = b"PGCOPY\n\xff\r\n\x00" + struct.pack(">ii", 0, 0)
TRAILER = b"\xff\xff"
NULL = b"\xff\xff\xff\xff"
_length = struct.Struct(">i").pack
_count = struct.Struct(">h").pack
_int2 = struct.Struct(">ih").pack
_int4 = struct.Struct(">ii").pack
_int8 = struct.Struct(">iq").pack
_uuid_length = _length(16)


def raw(value: bytes | None) -> bytes:
    """A bytea field."""
    return NULL if value is None else _length(len(value)) + value


def text(value: str) -> bytes:
    """A text field."""
    encoded = value.encode()
    return _length(len(encoded)) + encoded


def uuid(value: str) -> bytes:
    """A uuid field from its text; NULL for ''."""
    return _uuid_length + bytes.fromhex(value.replace("-", "")) if value else NULL


def int2(value: int) -> bytes:
    """A smallint field."""
    return _int2(2, value)


def int4(value: int) -> bytes:
    """An int field."""
    return _int4(4, value)


def int8(value: int | None) -> bytes:
    """A bigint field."""
    return NULL if value is None else _int8(8, value)


def row(*fields: bytes) -> bytes:
    """One row of packed fields."""
    return _count(len(fields)) + b"".join(fields)


def stream(rows: Iterable[bytes]) -> bytes:
    """A whole COPY stream."""
    return HEADER + b"".join(rows) + TRAILER
