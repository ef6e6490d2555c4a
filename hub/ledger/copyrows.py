"""Rows for COPY in binary form, packed by hand. Owns the wire form of a row, nothing about what is in it.

PostgreSQL's binary COPY: a header, then per row the number of fields and each field with its length, then a trailer.
Packing here costs half of what per-field adaptation costs, and much of it happens before the lock is taken.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from psycopg import Connection
from psycopg.adapt import Dumper
from psycopg.pq import Format

Row = tuple[bytes, ...]
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


def bool_(value: bool) -> bytes:  # noqa: FBT001 - the field's one value
    """A boolean field."""
    return _length(1) + (b"\x01" if value else b"\x00")


def row(*fields: bytes) -> Row:
    """One row of packed fields."""
    return fields


class Array(bytes):
    """A one-dimensional array, packed: what a statement's `ANY` or `unnest` takes without adaptation per element."""


class _ArrayDumper(Dumper):
    format = Format.BINARY
    oid = 0  # unknown: the statement's own cast says which array it is

    def dump(self, obj: Array) -> bytes:
        return bytes(obj)


UUID_OID, BYTEA_OID, INT2_OID, INT4_OID, INT8_OID, TEXT_OID, BOOL_OID = 2950, 17, 21, 23, 20, 25, 16
OIDS = {
    "uuid": UUID_OID,
    "bytea": BYTEA_OID,
    "int2": INT2_OID,
    "int4": INT4_OID,
    "int8": INT8_OID,
    "text": TEXT_OID,
    "bool": BOOL_OID,
}
_array = struct.Struct(">iiIii").pack


def array(oid: int, fields: Sequence[bytes]) -> Array:
    """An array of fields packed by the functions above. `oid`: the element type's."""
    if not fields:
        return Array(struct.pack(">iiI", 0, 0, oid))
    return Array(_array(1, 1, oid, len(fields), 1) + b"".join(fields))


def register(connection: Connection[Any]) -> None:
    """Let this connection take packed arrays."""
    connection.adapters.register_dumper(Array, _ArrayDumper)


def stream(rows: Iterable[Row]) -> bytes:
    """A whole COPY stream."""
    return HEADER + b"".join([_count(len(r)) + b"".join(r) for r in rows]) + TRAILER


class Table:
    """A table rows are added to, in one of two ways that write the same.

    COPY for many rows: cheapest a row, two ways there and back a table. `unnest` for few: all tables of a small slice
    go in one pipeline, where COPY cannot.
    """

    def __init__(self, name: str, columns: Mapping[str, str]) -> None:
        names = ", ".join(columns)
        arrays = ", ".join(f"%s::{kind}[]" for kind in columns.values())
        self.copy = f"COPY {name} ({names}) FROM STDIN (FORMAT BINARY)"
        self.insert = f"INSERT INTO {name} ({names}) SELECT * FROM unnest({arrays})"  # noqa: S608 - our own names
        self._oids = [OIDS[kind] for kind in columns.values()]

    def arrays(self, rows: Sequence[Row]) -> list[Array]:
        """The rows as one array a column."""
        return [array(oid, column) for oid, column in zip(self._oids, zip(*rows, strict=True), strict=True)]


def add(connection: Connection[Any], table: Table, rows: Sequence[Row]) -> None:
    """Add packed rows: by COPY, or inside a pipeline by `unnest`. Nothing is sent for none."""
    if not rows:
        return
    if connection.pgconn.pipeline_status:
        connection.execute(table.insert, table.arrays(rows))
        return
    with connection.cursor() as cursor, cursor.copy(table.copy) as stream_in:
        stream_in.write(stream(rows))
