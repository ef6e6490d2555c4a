"""One statement for several arguments, all sent at once, the rows taken one argument at a time.

PostgreSQL works on the next argument while the caller works on the rows of the last one. A psycopg pipeline hands out
its first rows only when all are there, so this speaks to libpq itself, through psycopg's own interface to it. Owns
sending and receiving; never a statement, a transaction or the meaning of a row.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from select import POLLIN, POLLOUT, poll
from typing import Any

import psycopg
from psycopg import errors, pq
from psycopg.adapt import Transformer

from hub.ledger.copyrows import Array

_BINARY = pq.Format.BINARY
_UNNAMED = b""


def rows(connection: psycopg.Connection[Any], statement: str, arguments: Sequence[Array]) -> Iterator[list[Any]]:
    """The rows of `statement` (with one `%s`) for each argument, in order. Exhaust it before the connection is used.

    Inside a pipeline whose results have all been taken. Raises what psycopg raises; then the transaction is over.
    """
    pgconn = connection.pgconn
    pgconn.send_prepare(_UNNAMED, statement.replace("%s", "$1").encode())  # read and planned once for all arguments
    for argument in arguments:
        pgconn.send_query_prepared(_UNNAMED, [argument], param_formats=[_BINARY], result_format=_BINARY)
        pgconn.send_flush_request()
    _send(pgconn)
    _take(connection, pq.ExecStatus.COMMAND_OK)
    transformer = Transformer(connection)
    for _ in arguments:
        result = _take(connection, pq.ExecStatus.TUPLES_OK)
        transformer.set_pgresult(result)
        yield transformer.load_rows(0, result.ntuples, tuple)


def _take(connection: psycopg.Connection[Any], wanted: pq.ExecStatus) -> pq.abc.PGresult:
    """The next command's only result."""
    result = _next(connection.pgconn)
    if result is None or result.status != wanted:
        raise _error(connection, result)
    _next(connection.pgconn)  # its end
    return result


def _send(pgconn: pq.abc.PGconn) -> None:
    """Hand everything to the kernel, reading on the way: a server that cannot write does not read."""
    waiting = poll()
    waiting.register(pgconn.socket, POLLIN | POLLOUT)
    while pgconn.flush():
        if any(event & POLLIN for _, event in waiting.poll()):
            pgconn.consume_input()


def _next(pgconn: pq.abc.PGconn) -> pq.abc.PGresult | None:
    if pgconn.is_busy():
        waiting = poll()
        waiting.register(pgconn.socket, POLLIN)
        while pgconn.is_busy():
            waiting.poll()
            pgconn.consume_input()
    return pgconn.get_result()


def _error(connection: psycopg.Connection[Any], result: pq.abc.PGresult | None) -> psycopg.Error:
    if result is None:
        return errors.OperationalError("the connection gave no answer")
    return errors.error_from_result(result, encoding=connection.info.encoding)
