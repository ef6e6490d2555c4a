"""Lists for the people who run a hub: cases page by page, refusals newest first, why a record was linked.

Owns these statements. Read-only; hands out what it finds, sealed bodies opened only where a method says so. Who may
know what is the caller's to ask of `core.views`, and to record.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from hub.core.bodies import MATCHING, RAW, MatchingBody
from hub.core.sealing import Keys, open_, unwrap
from hub.core.state import Case
from hub.ledger.documents import open_case, projection_key
from hub.ledger.reads import Pool

CASES: Final = "SELECT id::text, seq, doc FROM cases WHERE id > %s::uuid ORDER BY id LIMIT %s"
REFUSED: Final = """
SELECT m.position, p.topic, p.partition, m.record_offset, m.raw_key::text, e.entry
FROM messages m JOIN partitions p ON p.id = m.partition_id JOIN entries e ON e.position = m.position
WHERE m.verdict IN ('refused', 'unsigned') AND m.position > 0 AND m.position < %s AND (%s = '' OR p.topic = %s)
ORDER BY m.position DESC LIMIT %s
"""
BODY: Final = "SELECT wrapped, sealed FROM bodies WHERE key_id = %s::uuid AND cls = %s"
# Access entries are evidence, not a projection: found by reading all of their kind.
READS: Final = """
SELECT position, entry FROM entries WHERE kind = 'access.recorded' AND (
  case_id::text = %s OR convert_from(entry, 'UTF8')::jsonb -> 'facts' ->> 'id' = %s
) ORDER BY position
"""
NO_CASE: Final = "00000000-0000-0000-0000-000000000000"


class Refused(msgspec.Struct, frozen=True):
    """A refused message: where it came in, and why it could not be accepted. `raw_key`: the key of its raw bytes."""

    position: int
    topic: str
    partition: int
    offset: int
    raw_key: str
    heard: str
    agency: str
    reasons: tuple[dict[str, Any], ...]


class Lists:
    """Pages of things, through a reader's pool. Raises `Retry` while PostgreSQL is away."""

    def __init__(self, pool: Pool, keys: Keys) -> None:
        self._pool, self._keys = pool, keys

    def cases(self, after: str, limit: int) -> list[Case]:
        """Cases behind an id, in the order of their ids. `after` is '' for the first."""
        key = projection_key(self._keys)
        return [open_case(key, id_, seq, doc) for id_, seq, doc in self._rows(CASES, (after or NO_CASE, limit))]

    def refused(self, before: int, limit: int, topic: str = "") -> list[Refused]:
        """Refusals below a position, newest first; of one topic, if one is given."""
        return [_refused(row) for row in self._rows(REFUSED, (before, topic, topic, limit))]

    def reads_of(self, id_: str) -> list[dict[str, Any]]:
        """Every recorded read of a thing, or of anything in a case: who, when, what, why. In the ledger's order."""
        found = []
        for position, raw in self._rows(READS, (id_, id_)):
            entry = msgspec.json.decode(raw)
            facts = {name: entry["facts"][name] for name in ("reader", "what", "id", "classes", "purpose")}
            found.append({"position": position, "heard": entry["heard"], "case": entry["case"], **facts})
        return found

    def raw(self, key_id: str) -> bytes | None:
        """The raw bytes of a message, None when erased. Personal data: whoever asks must record the read first."""
        return self._body(key_id, RAW)

    def matching(self, record: str) -> MatchingBody | None:
        """Why a record was linked, None when it met nobody or was erased. Evidence in bits, no personal value."""
        content = self._body(record, MATCHING)
        return msgspec.json.decode(content, type=MatchingBody) if content is not None else None

    def _body(self, key_id: str, cls: str) -> bytes | None:
        rows = self._rows(BODY, (key_id, cls))
        if not rows or rows[0][0] is None or rows[0][1] is None:
            return None
        return open_(unwrap(self._keys.kek, rows[0][0], key_id), key_id, cls, rows[0][1])

    def _rows(self, statement: str, arguments: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        return self._pool.run(lambda c: c.execute(statement, arguments, binary=True).fetchall())


def _refused(row: tuple[Any, ...]) -> Refused:
    position, topic, partition, offset, raw_key, raw = row
    entry = msgspec.json.decode(raw)
    facts = entry["facts"]
    return Refused(
        position, topic, partition, offset, raw_key, entry["heard"], facts["agency"], tuple(facts["reasons"])
    )
