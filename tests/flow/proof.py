"""What must be true of any hub after any fault: nothing lost, doubled or out of order, and all of it provable.

`prove(site)` asserts it and returns the counts. Reads the ledger and Kafka as an outsider would; changes nothing.
"""

from __future__ import annotations

import dataclasses
from itertools import groupby, pairwise
from typing import Any

from hub.app import policy
from hub.audit.replay import replay
from hub.audit.verify import verify
from hub.core.merkle import Frontier, leaf_hash
from hub.ledger.history import History
from hub.producers.signer import load_key
from hub.schemas.topics import FEED
from tests.flow.site import Site

PLACES = """
SELECT p.topic, p.partition, m.record_offset, m.verdict, m.position, m.cause
FROM messages m JOIN partitions p ON p.id = m.partition_id ORDER BY 1, 2, 3
"""


@dataclasses.dataclass(frozen=True)
class Proof:
    """Counts of a run. All but the first four must be zero; `repeats` of the feed may be anything."""

    records: int
    entries: int
    seen: int
    repeats: int
    lost: int
    doubled: int
    inverted: int
    gaps: int
    unfed: int
    altered: int

    def holds(self) -> bool:
        return not any((self.lost, self.doubled, self.inverted, self.gaps, self.unfed, self.altered))


def examine(site: Site, *, feed: bool = True) -> Proof:
    """Count everything that could be wrong."""
    rows = site.sql(PLACES)
    repeats, unfed, altered = fed(site) if feed else (0, 0, 0)
    return Proof(
        records=len(rows),
        entries=site.one("SELECT size FROM head"),
        seen=sum(row[3] == "seen" for row in rows),
        repeats=repeats,
        lost=lost(site, rows),
        doubled=doubled(rows),
        inverted=inverted(site, rows),
        gaps=gaps(site),
        unfed=unfed,
        altered=altered,
    )


def prove(site: Site, *, feed: bool = True, audit: bool = True) -> Proof:
    """Assert that a settled (and, with `feed`, relayed) site lost, doubled and inverted nothing, and audits clean."""
    proof = examine(site, feed=feed)
    assert proof.holds(), proof
    if audit:
        audited(site)
    return proof


# ------------------------------------------------------------------ records and verdicts
def lost(site: Site, rows: list[tuple[Any, ...]]) -> int:
    """Acknowledged records without a verdict."""
    known = {row[:3] for row in rows}
    return sum((topic, partition, offset) not in known for topic, partition, offset, _ in site.acknowledged)


def doubled(rows: list[tuple[Any, ...]]) -> int:
    """Places with two verdicts, and messages without exactly one verdict that is not 'seen'."""
    places = len(rows) - len({row[:3] for row in rows})
    first: dict[bytes, int] = {}
    for row in rows:
        first[row[5]] = first.get(row[5], 0) + (row[3] != "seen")
    return places + sum(count != 1 for count in first.values())


def inverted(site: Site, rows: list[tuple[Any, ...]]) -> int:
    """Records of one key, in one partition, that were recorded in another order than they were sent."""
    keys = {(topic, partition, offset): key for topic, partition, offset, key in site.acknowledged}
    recorded = [(*row[:2], keys.get(row[:3], ""), row[2], row[4]) for row in rows if row[3] != "seen" and row[4]]
    count = 0
    for _, same in groupby(sorted(recorded), key=lambda r: r[:3]):
        count += sum(before[4] >= after[4] for before, after in pairwise(same))
    return count


# ------------------------------------------------------------------ the ledger
def gaps(site: Site) -> int:
    """Positions that are missing, and whatever makes the tree another than the entries'."""
    size, stored = site.sql("SELECT size, frontier FROM head")[0]
    frontier, wrong, expected = Frontier(), 0, 1
    for position, leaf, entry in site.sql("SELECT position, leaf, entry FROM entries ORDER BY position"):
        wrong += position != expected
        wrong += leaf_hash(entry) != leaf
        frontier.append(leaf)
        expected = position + 1
    return wrong + (expected != size + 1) + (Frontier.from_bytes(stored).root() != frontier.root())


# ------------------------------------------------------------------ the feed
def fed(site: Site) -> tuple[int, int, int]:
    """Of the feed: repeats, positions missing or out of order once repeats are dropped, repeats that differ."""
    known: dict[int, dict[str, Any]] = {}
    repeats = unfed = altered = 0
    for message in site.read(FEED):
        position = message["position"]
        if position in known:
            repeats += 1
            altered += known[position] != message
            continue
        unfed += position != len(known) + 1
        known[position] = message
    return repeats, unfed + site.one("SELECT size FROM head") - len(known), altered


# ------------------------------------------------------------------ the audit
def audited(site: Site) -> None:
    """`verify` finds nothing, and `replay` decides the same again."""
    with History(site.settings.database_url) as history:
        if site.settings.signer_file.exists():
            found = verify(history, load_key(site.settings.signer_file).verifier())
            assert found.holds, found.findings[:5]
        again = replay(history, policy(site.settings))
    assert again.holds, again.difference
