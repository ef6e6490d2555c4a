"""Mentions of persons with what ties them, what was decided of them, and reviews. Owns these statements.

Read-only, like `Reads`, through the same pool. Never decides who may know what (`core.mentions` does). Features and
edges are opened here: whoever gives away what follows from them records the read first.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any, Final

import msgspec

from hub.core.bodies import MATCHING, MatchingBody
from hub.core.feedview import read
from hub.core.identity.identify import Explanation
from hub.core.mentions import Happened, Mention
from hub.core.sealing import Keys, open_, unwrap
from hub.core.state import Review
from hub.ledger.documents import JudgedDoc, open_edges, open_features, read_judged
from hub.ledger.reads import BODIES, Pool

#: A person has about three mentions and at most 20 by the machine; what is far more is not read on a screen.
MOST: Final = 100
# By any id: the person's own, a former one, or that of a mention.
OF: Final = """
WITH who AS (
  SELECT COALESCE(
    (SELECT person FROM records WHERE id = %s::uuid), (SELECT "into" FROM aliases WHERE person = %s::uuid), %s::uuid
  ) AS person
)
SELECT r.id::text, r.person::text, r.component::text, r.case_id::text, r.seq, r.wrapped, r.features, r.edges, r.judged
FROM who JOIN records r ON r.person = who.person ORDER BY r.seq, r.id LIMIT %s
"""
MENTIONS: Final = """
SELECT r.id::text, r.person::text, r.component::text, r.case_id::text, r.seq, r.wrapped, r.features, r.edges, r.judged
FROM records r WHERE r.id = ANY(%s::uuid[]) ORDER BY r.seq, r.id
"""
# Whoever met these mentions: in their component, among what they were compared with, or in a review beside them.
AROUND: Final = """
SELECT r.id::text, r.person::text, r.component::text, r.case_id::text, r.seq, r.wrapped, r.features, r.edges, r.judged
FROM records r
WHERE (
  r.component = ANY(%s::uuid[]) AND r.component <> r.id OR r.id = ANY(%s::uuid[])
  OR r.id IN (SELECT v.record FROM reviews v WHERE v.other = ANY(%s::uuid[]))
) AND r.person <> %s::uuid ORDER BY r.seq, r.id LIMIT 400
"""
RECORDED: Final = "SELECT position, entry FROM entries WHERE position = ANY(%s::bigint[]) ORDER BY position"
# The index entries_people holds just these kinds; searched inside PostgreSQL, since most of them concern others.
DECIDED: Final = """
SELECT position, entry FROM entries
WHERE kind IN ('person.merged', 'person.split', 'identity.decided') AND position >= %s
AND EXISTS (SELECT 1 FROM unnest(%s::bytea[]) AS named(id) WHERE position(named.id IN entry) > 0)
ORDER BY position LIMIT 1000
"""
REVIEW: Final = """
SELECT id::text, record::text, other::text, rank, human, guard, consequences, heard, decided FROM reviews
WHERE id = %s::uuid
"""
# Likeliest and gravest first. Two mentions that became one person meanwhile ask nothing any more.
OPEN_REVIEWS: Final = """
SELECT v.id::text, v.record::text, v.other::text, v.rank, v.human, v.guard, v.consequences, v.heard, v.decided
FROM reviews v JOIN records a ON a.id = v.record JOIN records b ON b.id = v.other
WHERE v.decided = '' AND v.human AND a.person <> b.person AND (v.rank < %s OR (v.rank = %s AND v.id > %s::uuid))
ORDER BY v.rank DESC, v.id LIMIT %s
"""
ALL_REVIEWS: Final = """
SELECT id::text, record::text, other::text, rank, human, guard, consequences, heard, decided FROM reviews
WHERE rank < %s OR (rank = %s AND id > %s::uuid) ORDER BY rank DESC, id LIMIT %s
"""


class People:
    """Who is who, as a reader sees it. Ids are UUID texts. Raises `Retry` while PostgreSQL is away."""

    def __init__(self, pool: Pool, keys: Keys) -> None:
        self._pool, self._keys = pool, keys

    def person(self, id_: str) -> list[Mention]:
        """All mentions of the person this id means now, in the order heard; none where it means nobody."""
        return [self._mention(row) for row in self._rows(OF, (id_, id_, id_, MOST))]

    def mentions(self, ids: Iterable[str]) -> list[Mention]:
        """These mentions, in the order heard."""
        wanted = sorted(set(ids))
        return [self._mention(row) for row in self._rows(MENTIONS, (wanted,))] if wanted else []

    def around(self, mine: Collection[Mention]) -> list[Mention]:
        """Mentions of other persons that met one of these."""
        ids = sorted(m.id for m in mine)
        components = sorted({m.component for m in mine})
        met = sorted({other for m in mine for other in m.edges}.union(components) - set(ids))
        person = next((m.person for m in mine), "")
        rows = self._rows(AROUND, (components, met, ids, person)) if person else []
        return [self._mention(row) for row in rows]

    def recorded(self, positions: Iterable[int]) -> list[Happened]:
        """The entries at these positions."""
        return self._entries(RECORDED, (sorted(set(positions)),))

    def decided(self, ids: Collection[str], since: int) -> list[Happened]:
        """Merges, splits and workers' words that name one of these records or persons, from a position on."""
        return self._entries(DECIDED, (since, [id_.encode() for id_ in sorted(ids)])) if ids else []

    def explanations(self, records: Iterable[str]) -> dict[str, Explanation]:
        """Why each record was linked or not on the day it came; missing where it met nobody or was erased."""
        wanted = sorted(set(records))
        rows = self._rows(BODIES, (wanted, MATCHING)) if wanted else []
        found = {key: self._explanation(key, wrapped, sealed) for key, wrapped, sealed in rows if wrapped and sealed}
        return {key: explanation for key, explanation in found.items() if explanation.candidates}

    def review(self, id_: str) -> Review | None:
        """One review."""
        rows = self._rows(REVIEW, (id_,))
        return _review(rows[0]) if rows else None

    def reviews(self, behind: tuple[int, str], limit: int, *, every: bool = False) -> list[Review]:
        """Reviews behind a (rank, id), gravest first: those a person must answer, or every one there ever was."""
        rank, id_ = behind
        return [_review(row) for row in self._rows(ALL_REVIEWS if every else OPEN_REVIEWS, (rank, rank, id_, limit))]

    # ------------------------------------------------------------- inside
    def _rows(self, statement: str, arguments: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        return self._pool.run(lambda c: c.execute(statement, arguments, binary=True).fetchall())

    def _entries(self, statement: str, arguments: tuple[Any, ...]) -> list[Happened]:
        return [Happened(position, read(entry)) for position, entry in self._rows(statement, arguments)]

    def _mention(self, row: tuple[Any, ...]) -> Mention:
        id_, person, component, case, position, wrapped, features, edges, judged = row
        key = unwrap(self._keys.kek, wrapped, id_) if wrapped else None
        stored = open_edges(key, id_, edges) if key else None
        word = read_judged(judged) if judged else JudgedDoc((), ())
        return Mention(
            id=id_,
            person=person,
            component=component,
            case=case,
            position=position,
            features=open_features(key, id_, features).features if key and features else None,
            edges=stored.edges if stored else {},
            guards=stored.guards if stored else {},
            same=word.same,
            apart=word.apart,
        )

    def _explanation(self, key_id: str, wrapped: bytes, sealed: bytes) -> Explanation:
        plain = open_(unwrap(self._keys.kek, wrapped, key_id), key_id, MATCHING, sealed)
        body = msgspec.json.decode(plain, type=MatchingBody)
        return _explained(bytes(body.explain))


def _explained(raw: bytes) -> Explanation:
    """What stood in the body: '{}' where the record met nobody."""
    return msgspec.json.decode(raw, type=Explanation) if len(raw) > len(b"{}") else Explanation("")


def _review(row: tuple[Any, ...]) -> Review:
    id_, record, other, rank, human, guard, consequences, heard, decided = row
    codes = tuple(code for code in consequences.split(",") if code)
    return Review(id_, record, other, rank, human, guard, codes, heard, decided)
