"""Who may decide a partition, and how far it was decided. Owns claims; moving happens in the transaction."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, LiteralString

import msgspec
import psycopg

from hub.errors import Halt, Retry
from hub.ledger import sql
from hub.ledger.blockers import BlockerWatch
from hub.ledger.connect import connect
from hub.schemas import topics


class Claim(msgspec.Struct):
    """A partition this consumer owns, until somebody claims it with a higher epoch."""

    partition_id: int
    epoch: int
    next: int


class Cursors:
    """Claims partitions of one Kafka cluster. Rows are keyed by topic id: a re-created topic is another topic."""

    def __init__(self, url: str, cluster: str, blocker_after_s: float = 5.0) -> None:
        self._url, self._cluster, self._after_s = url, cluster, blocker_after_s

    def claim(self, partitions: Iterable[tuple[str, str, int]]) -> dict[tuple[str, int], Claim]:
        """Claim (topic, topic id, partition)s, in sorted order. The row lock waits for a zombie's open transaction.

        Raises `Retry` when PostgreSQL is away, `Halt` when a topic was deleted and made again.
        """
        watch = BlockerWatch(self._url, self._after_s)
        try:
            with connect(self._url, name="hub-claim") as connection, watch.over(connection.info.backend_pid):
                return {(t, p): self._claim(connection, t, topic_id, p) for t, topic_id, p in sorted(partitions)}
        except psycopg.OperationalError as error:
            raise Retry(f"PostgreSQL went away ({type(error).__name__})") from error
        finally:
            watch.close()

    def _claim(self, connection: psycopg.Connection[Any], topic: str, topic_id: str, partition: int) -> Claim:
        others = {row[0] for row in connection.execute(sql.TOPIC_IDS, (self._cluster, topic)).fetchall()} - {topic_id}
        if others:
            text = f"topic {topic} was deleted and made again: its offsets mean other messages now."
            raise Halt(f"{text} Restore it, or see docs/runbooks/topic-re-created.md.")
        row = connection.execute(sql.CLAIM, (self._cluster, topic_id, topic, partition)).fetchone()
        if row is None:
            raise Halt("a claim returned nothing")
        return Claim(*row)

    def offsets(self) -> dict[tuple[str, int], int]:
        """How far every partition was decided."""
        return {(topic, partition): offset for topic, partition, offset in self._rows(sql.OFFSETS, self._cluster)}

    def epochs(self) -> dict[tuple[str, int], tuple[int, int]]:
        """(epoch, next offset) of every partition."""
        return {
            (topic, partition): (epoch, at) for topic, partition, epoch, at in self._rows(sql.EPOCHS, self._cluster)
        }

    def active_topics(self) -> set[str]:
        """Inbound topics of agencies that are neither paused nor suspended."""
        return {topics.inbound(row[0]) for row in self._rows(sql.ACTIVE)}

    def _rows(self, statement: LiteralString, *values: str) -> list[tuple[Any, ...]]:
        try:
            with connect(self._url, name="hub-offsets") as connection:
                return connection.execute(statement, values).fetchall()
        except psycopg.OperationalError as error:
            raise Retry(f"PostgreSQL went away ({type(error).__name__})") from error
