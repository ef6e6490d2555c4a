"""Four writers append while readers tail by position, in the database and on the feed: nothing is missed."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import psycopg
import pytest

from tests.flow import people
from tests.flow.people import refer
from tests.flow.proof import prove
from tests.flow.site import Site

WRITERS = ("consumer 0", "consumer 1", "consumer 2", "consumer 3")
PERSONS = range(1200)


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Site]:
    with people.town(tmp_path) as site:
        yield site


class Tail:
    """Reads entries behind the last position it saw, as fast as it can."""

    def __init__(self, site: Site) -> None:
        self._url = site.settings.database_url
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="tail", daemon=True)
        self.seen: list[int] = []
        self.looks = 0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        self._thread.join(30)

    def _run(self) -> None:
        with psycopg.connect(self._url, autocommit=True) as connection:
            last, ended = 0, False
            while not ended:
                ended = self._ending.is_set()  # one look more after the writers have ended
                statement = "SELECT position FROM entries WHERE position > %s ORDER BY position"
                found = [row[0] for row in connection.execute(statement, (last,))]
                self.seen += found
                last = found[-1] if found else last
                self.looks += 1


def test_four_writers_and_tailing_readers_miss_nothing(town: Site) -> None:
    refer(town, PERSONS)
    with Tail(town) as tail:
        town.start(*WRITERS, "relay")
        town.settle()
        town.until(town.relayed, 60, "all relayed")
    proof = prove(town)
    assert tail.seen == list(range(1, proof.entries + 1))
    assert tail.looks > 100
    busy = town.one("SELECT count(*) FROM partitions WHERE next_offset > 0 AND topic LIKE 'hub.in.%%'")
    assert busy == len(WRITERS)  # two sources with two partitions: one for each writer
