"""The demo's table: what came in, what it led to, and that it holds. Owns which number is shown under which name.

Every figure is counted in the ledger when it is asked for. What cannot be measured yet is `None`, never zero.
"""

from __future__ import annotations

from typing import Any, Final

from hub import app
from hub.audit.findings import Verified
from hub.audit.verify import verify
from hub.cli.output import Progress
from hub.core.note import Verifier
from hub.core.rules import Rules
from hub.ledger.counts import Counts, Standing, Totals, leaks
from hub.ledger.history import History
from hub.ledger.keyfile import load_keys
from hub.producers.signer import load_key
from hub.rules import texts
from hub.settings import Settings

#: Name in JSON, and as people read it.
ROWS: Final = (
    ("received", "messages received from agencies"),
    ("recorded", "  recorded"),
    ("refused", "  refused, with reasons"),
    ("seen", "  seen before (repeats)"),
    ("no_op", "  without effect"),
    ("mentions", "mentions of persons"),
    ("persons", "persons"),
    ("merged", "  mentions joined to a person already known"),
    ("duplicates", "duplicate referrals found"),
    ("offers", "offers made"),
    ("closed", "loops closed (delivered, and the source told)"),
    ("unplaced", "unplaced needs, each with an owner"),
    ("leaks", "leaks: needs past their clock without a live offer"),
    ("duplicate_support_stopped", "duplicate support stopped"),
    ("feed_position", "feed position"),
    ("ledger_size", "ledger size"),
    ("root", "ledger root"),
)
#: What is shown where a figure is not measured.
LATER: Final = "not measured yet (comes with the same-benefit check)"


def figures(settings: Settings) -> dict[str, Any]:
    """All figures of the ledger as it stands."""
    rules = Rules.load(texts())
    with Counts(settings.database_url) as counts:
        standing, totals = counts.standing(), counts.totals()
        at = app.now()
        leaking = sum(len(leaks(case, at, rules)) for case in counts.cases(load_keys(settings.keys_file)))
    return _of(standing, totals) | {"leaks": leaking, "duplicate_support_stopped": None}


def _of(standing: Standing, totals: Totals) -> dict[str, Any]:
    return {
        "received": totals.received,
        "recorded": totals.recorded,
        "refused": totals.refused,
        "seen": totals.seen,
        "no_op": totals.no_op,
        "mentions": totals.mentions,
        "persons": totals.persons,
        "merged": totals.mentions - totals.persons,
        "duplicates": totals.states.get("duplicate", 0),
        "offers": totals.kinds.get("referral.offered", 0),
        "closed": totals.states.get("closed", 0),
        "unplaced": totals.states.get("unplaced", 0),
        "feed_position": standing.feed,
        "ledger_size": standing.size,
        "root": standing.root,
    }


def verified(settings: Settings, pinned: Verifier | None = None) -> Verified:
    """Everything hashed again, with progress. `pinned`: the log's key as the asker knows it."""
    log = pinned or load_key(settings.signer_file).verifier()
    with History(settings.database_url) as history, Progress("verified") as progress:
        return verify(history, log, progress.reach)


def rows(found: dict[str, Any]) -> list[tuple[str, str]]:
    """The table's lines."""
    return [(words, _shown(found.get(name))) for name, words in ROWS]


def _shown(value: object) -> str:
    if value is None:
        return LATER
    return f"{value:,}" if isinstance(value, int) else str(value)
