"""What became of messages: verdicts, and receipts with the referrals that came of them. Owns these two statements.

Only what the rows mean; `hub.ledger.reads` runs them. Who may ask for which message is the web's to know.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

import msgspec
import orjson

from hub.core.decide import REFUSED
from hub.core.decide.signing import UNSIGNED, reopened_cause
from hub.core.state import Case, Referral

# The entry beside the verdict: a refusal's reasons, a change's new state.
VERDICTS: Final = """
SELECT m.cause, m.verdict, m.position, m.data_digest, e.entry
FROM messages m LEFT JOIN entries e ON e.position = m.position AND m.position > 0
WHERE m.cause = ANY(%s) AND m.verdict <> 'seen'
"""
# The first entry is the verdict's own; a message with several needs has recorded a referral with each of its entries.
# A referral's case is that of now: it may have moved since.
RECEIPTS: Final = """
SELECT m.cause, m.verdict, m.position, m.data_digest, CASE WHEN e.position = m.position THEN e.entry END,
       r.id::text, c.id::text, c.seq, c.doc
FROM messages m
LEFT JOIN entries e ON e.cause = m.cause AND m.position > 0
  AND (e.position = m.position OR e.kind = 'referral.recorded')
LEFT JOIN referrals r ON e.kind = 'referral.recorded'
  AND r.id = (convert_from(e.entry, 'UTF8')::jsonb #>> '{facts,referral}')::uuid
LEFT JOIN cases c ON c.id = r.case_id
WHERE m.cause = ANY(%s) AND m.verdict <> 'seen'
ORDER BY m.cause, e.ordinal
"""


class Verdict(msgspec.Struct, frozen=True):
    """What became of a message: recorded, refused or no-op; `facts` of the first entry it caused.

    unsigned: refused for its signature; a signed copy is decided anew.
    """

    verdict: str
    position: int
    data_digest: bytes
    facts: dict[str, Any] = {}
    unsigned: bool = False


class Told(msgspec.Struct, frozen=True):
    """A message's verdict and the referrals it brought about, in its own order."""

    verdict: Verdict
    referrals: tuple[Referral, ...] = ()


def verdicts(rows: Iterable[tuple[Any, ...]]) -> dict[bytes, Verdict]:
    """Rows of `VERDICTS` by cause."""
    return {row[0]: _verdict(*row[1:5]) for row in rows}


def copies(found: Mapping[bytes, Verdict | Told], pepper: bytes) -> dict[bytes, bytes]:
    """For each message that was refused for its signature, the cause its signed copy would have."""
    told = {cause: one.verdict if isinstance(one, Told) else one for cause, one in found.items()}
    return {cause: reopened_cause(pepper, cause) for cause, verdict in told.items() if verdict.unsigned}


def receipts(rows: Iterable[tuple[Any, ...]], opened: Callable[[tuple[Any, ...]], Case]) -> dict[bytes, Told]:
    """Rows of `RECEIPTS` by cause. `opened` reads a case of its id, sequence and document."""
    found: dict[bytes, Verdict] = {}
    referrals: dict[bytes, list[Referral]] = {}
    cases: dict[str, Case] = {}
    for cause, verdict, position, digest, entry, referral, *case in rows:
        found.setdefault(cause, _verdict(verdict, position, digest, entry))
        if referral is not None:
            held = cases.get(case[0]) or cases.setdefault(case[0], opened(tuple(case)))
            referrals.setdefault(cause, []).append(held.referrals[referral])
    return {cause: Told(verdict, tuple(referrals.get(cause, ()))) for cause, verdict in found.items()}


def _verdict(verdict: str, position: int, digest: bytes, entry: bytes | None) -> Verdict:
    unsigned = verdict == UNSIGNED
    return Verdict(REFUSED if unsigned else verdict, position, digest, _facts(entry), unsigned)


def _facts(entry: bytes | None) -> dict[str, Any]:
    facts: dict[str, Any] = orjson.loads(entry)["facts"] if entry else {}
    return facts
