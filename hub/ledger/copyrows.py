"""Rows for COPY in binary form, packed by hand. Owns the wire form of a row, nothing about what is in it.

PostgreSQL's binary COPY: a header, then per row the number of fields and each field with its length, then a trailer.
Packing here costs half of what per-field adaptation costs, and much of it happens before the lock is taken.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from typing import Any

from psycopg import Connection
from psycopg.adapt import Dumper
from psycopg.pq import Format

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


class Array(bytes):
    """A one-dimensional array, packed: what a statement's `ANY` or `unnest` takes without adaptation per element."""


class _ArrayDumper(Dumper):
    format = Format.BINARY
    oid = 0  # unknown: the statement's own cast says which array it is

    def dump(self, obj: Array) -> bytes:
        return bytes(obj)


UUID_OID, BYTEA_OID, INT4_OID, INT8_OID, TEXT_OID = 2950, 17, 23, 20, 25
_array = struct.Struct(">iiIii").pack


def array(oid: int, fields: Sequence[bytes]) -> Array:
    """An array of fields packed by the functions above. `oid`: the element type's."""
    if not fields:
        return Array(struct.pack(">iiI", 0, 0, oid))
    return Array(_array(1, 0, oid, len(fields), 1) + b"".join(fields))


def register(connection: Connection[Any]) -> None:
    """Let this connection take packed arrays."""
    connection.adapters.register_dumper(Array, _ArrayDumper)


def stream(rows: Iterable[bytes]) -> bytes:
    """A whole COPY stream."""
    return HEADER + b"".join(rows) + TRAILER
