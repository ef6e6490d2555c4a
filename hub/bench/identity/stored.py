"""A register of any size in a PostgreSQL of its own, with the hub's tables, sealed documents and keys.

Owns starting that server and filling `records`, `blocking` and `units` by COPY, in parts of bounded size: memory does
not grow with the register. Indexes are made after the rows, with a third of each page free, as in one that has grown:
in a full one the first newcomers would split every page. One record a person, without edges. Never measures.
"""

from __future__ import annotations

import contextlib
import csv
import secrets
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from hashlib import blake2b
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Final

import msgspec
import psutil
import psycopg

from hub.app import install, policy
from hub.bench.identity.population import BLOCK, Arriving, Population
from hub.core.identity.names import syllables
from hub.core.policy import Policy
from hub.core.sealing import wrap
from hub.ledger import sql
from hub.ledger.connect import connect
from hub.ledger.copyrows import NULL, Row, add, int8, raw, row, stream, text, uuid
from hub.ledger.documents import seal_features
from hub.settings import Settings
from infra.local import postgres, process
from infra.local.postgres import Postgres

AT: Final = "2026-11-22T01:00:00.000Z"
#: What the other side reads of a register: as normalized by the hub.
COLUMNS: Final = (
    "unique_id", "surname", "given", "first", "second", "birth", "sex", "phone", "building", "unit", "sigungu", "rrn"
)  # fmt: skip
_UNKEYED: Final = """
ALTER TABLE records DROP CONSTRAINT records_pkey; DROP INDEX records_others; DROP INDEX records_person;
ALTER TABLE blocking DROP CONSTRAINT blocking_pkey
"""
_KEYED: Final = (
    "SET maintenance_work_mem = '512MB'",
    "ALTER TABLE records ADD PRIMARY KEY (id) WITH (fillfactor = 67)",
    "CREATE INDEX records_others ON records (component) WITH (fillfactor = 67) WHERE component <> id",
    "CREATE INDEX records_person ON records (person) WITH (fillfactor = 67)",
    "ALTER TABLE blocking ADD PRIMARY KEY (key, record) WITH (fillfactor = 67)",
    "VACUUM ANALYZE records",
    "VACUUM ANALYZE blocking",
    "VACUUM ANALYZE units",
    "CHECKPOINT",
)
#: A hub that has run for a day has these pages in memory, and so has whoever keeps the register in memory.
#: With a condition that an index answers: a plain scan of a large table keeps nothing in memory.
_WARM: Final = """
SET enable_seqscan = off; SET enable_bitmapscan = off; SET max_parallel_workers_per_gather = 0;
SELECT count(key) FROM blocking WHERE key >= -9223372036854775807;
SELECT count(seq) FROM records WHERE id >= '00000000-0000-0000-0000-000000000000';
SELECT count(component) FROM records WHERE component <> id
"""
Say = Callable[[str], None]


@contextlib.contextmanager
def database(folder: Path) -> Iterator[Settings]:
    """A PostgreSQL with the hub's empty tables; it ends with this block, or with this process."""
    server = Postgres(folder / "postgres", process.port(), secrets.token_hex(24))
    postgres.prepare(server)
    # A quarter of the memory is what PostgreSQL's documentation advises for a server of its own.
    quarter = {"shared_buffers": f"{max(512, psutil.virtual_memory().total // 2**22)}MB"}
    running = postgres.launch(server, deathsig=True, settings=postgres.SETTINGS | quarter)
    try:
        postgres.wait(server, running)
        settings = Settings(state_dir=folder / "hub", database_url=server.url)
        install(settings)
        yield settings
    finally:
        postgres.stop(running)


def fill(settings: Settings, people: int, seed: int, processes: int, say: Say, table: Path | None = None) -> int:
    """Fill the empty tables with a register of `people`; returns its records.

    table: a folder that gets the same register as CSV files, for whoever reads no PostgreSQL.
    """
    blocks = Population(people, policy(settings), seed).blocks()
    done = 0
    with connect(settings.database_url, name="hub-bench", owner=True) as connection:
        connection.execute(_UNKEYED)
        with _executor(processes, _Part(settings, people, seed, table)) as pool:
            for count in pool.map(_fill, range(len(blocks))):
                before, done = done, done + count
                if done * 10 // people != before * 10 // people:
                    say(f"register: {done:,} of about {people:,} people")
        for statement in _KEYED:
            connection.execute(statement)
        connection.execute(_WARM)
    return done


class _Part(msgspec.Struct, frozen=True):
    """What a process that fills is told."""

    settings: Settings
    people: int
    seed: int
    table: Path | None


class _Filler:
    """One process's own connection and population."""

    def __init__(self, part: _Part) -> None:
        self.policy = policy(part.settings)
        self.population = Population(part.people, self.policy, part.seed)
        self.connection = connect(part.settings.database_url, name="hub-bench", owner=True, autocommit=False)
        self.connection.execute("SET synchronous_commit = off")
        self.table = part.table

    def fill(self, block: int) -> int:
        """Write one part of the register and commit it; returns its records."""
        arriving = list(self.population.register(self.population.blocks()[block]))
        _copy(self.connection, self.policy, arriving, 1 + block * BLOCK)
        self.connection.commit()
        if self.table is not None:
            export(self.table / f"{block:05d}.csv", arriving)
        return len(arriving)


_fillers: list[_Filler] = []  # one in each process


def _begin(part: _Part) -> None:
    _fillers[:] = [_Filler(part)]


def _fill(block: int) -> int:
    return _fillers[0].fill(block)


def _executor(processes: int, part: _Part) -> Executor:
    return ProcessPoolExecutor(processes, get_context("spawn"), _begin, (part,))


def data_key(id_: str) -> bytes:
    """A record's key: made of its id, so that runs are alike. Nothing here is anybody's."""
    return blake2b(id_.encode(), digest_size=32, person=b"bench data key").digest()


def _copy(connection: psycopg.Connection[Any], rules: Policy, arriving: list[Arriving], first: int) -> None:
    records: list[Row] = []
    blocking: list[Row] = []
    homes: dict[int, bytes] = {}
    for seq, each in enumerate(arriving, first):
        id_, key = uuid(each.id), data_key(each.id)
        records.append(
            row(
                id_, id_, id_, id_, int8(each.unit), text(AT), int8(seq), raw(wrap(rules.keys.kek, key, each.id)),
                raw(seal_features(key, each.id, each.features, each.keys)), NULL,
            )
        )  # fmt: skip
        blocking += [row(int8(k), id_) for k in each.keys]
        if each.unit is not None:
            homes.setdefault(each.unit, id_)
    add(connection, sql.RECORDS_TABLE, records)
    add(connection, sql.BLOCKING, blocking)
    _copy_homes(connection, homes)


def _copy_homes(connection: psycopg.Connection[Any], homes: dict[int, bytes]) -> None:
    """A mistyped door may name a home of another part: the first keeps it."""
    connection.execute("CREATE TEMPORARY TABLE IF NOT EXISTS homes (key bigint, case_id uuid) ON COMMIT DELETE ROWS")
    with connection.cursor() as cursor, cursor.copy("COPY homes FROM STDIN (FORMAT BINARY)") as copy:
        copy.write(stream([row(int8(key), case) for key, case in homes.items()]))
    connection.execute("INSERT INTO units SELECT * FROM homes ORDER BY key ON CONFLICT DO NOTHING")


def export(path: Path, arriving: list[Arriving]) -> None:
    """The same people as one CSV file with the columns above."""
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([COLUMNS, *map(values, arriving)])


def values(each: Arriving) -> tuple[object, ...]:
    """One record in the columns above."""
    f = each.features
    birth = f"{f.birth[:4]}-{f.birth[4:6]}-{f.birth[6:]}" if f.birth else ""
    phone = f.phones[0] if f.phones else ""
    first, second, *_ = (*syllables(f.given), "", "")
    return (each.id, f.surname, f.given, first, second, birth, f.sex, phone, f.building, f.unit, f.sigungu,
            f.rrn_index)  # fmt: skip
