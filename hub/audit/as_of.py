"""The state as it was known at a time, from entries and the bodies that still open: nothing else is consulted.

Owns the reading and two forms of a case and of a listing (a value for JSON, a text for people). What was erased shows
as *sealed*. `heard` is the time that counts: what a source claimed for an earlier day was not known then.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

import msgspec
import orjson

from hub.audit.opening import Vault, is_sealed, open_entry
from hub.core import calendar
from hub.core.apply import apply
from hub.core.listings import Listing
from hub.core.sealing import Keys
from hub.core.state import Case, Need, Referral, State
from hub.errors import Usage
from hub.ledger.history import History, Row

SEALED = "sealed"


class AsOf(msgspec.Struct):
    """What was known: the state behind `size` entries, the last heard at `heard`; entries whose bodies are gone.

    listings: by id, with what they say, which the state itself lets go of.
    """

    state: State
    size: int = 0
    heard: str = ""
    sealed: int = 0
    listings: dict[str, Listing] = {}


def as_of(history: History, keys: Keys, at: str) -> AsOf:
    """The state at `at`, RFC 3339. Raises `Usage` when that is no time."""
    moment = instant(at)
    known = AsOf(State())
    for page in history.pages():
        rows = [Row(*row) for row in page]
        if not _read(history, keys, rows, moment, known):
            break
        known.state.settle()
    return known


def instant(at: str) -> str:
    """A time as the ledger writes it: UTC, milliseconds. A time without a zone, or only a day, is Usage."""
    try:
        moment = datetime.fromisoformat(at)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise Usage(f"{at!r} is no time.", "Write RFC 3339 with a zone, as 2026-11-22T09:00:00+09:00.")
    return calendar.instant(moment)


def _read(history: History, keys: Keys, rows: list[Row], moment: str, known: AsOf) -> bool:
    """Apply a page. False once an entry was heard later."""
    entries = [orjson.loads(row.entry) for row in rows]
    taken = [entry for entry in entries if entry["heard"] <= moment]
    vault = Vault(
        history.bodies({ref["key_id"] for e in taken for ref in e["bodies"]}), keys.kek, lambda _: (True, None)
    )
    for entry in taken:
        known.sealed += is_sealed(entry, vault.body)
        apply(known.state, entry, open_entry(entry, vault.body, keys.pepper))
        known.size, known.heard = known.state.size, entry["heard"]
    known.listings |= known.state.listings.changed
    return len(taken) == len(entries)


# ------------------------------------------------------------------ views
def cases(known: AsOf, case: str = "") -> Iterator[dict[str, Any]]:
    """Views of all cases, or of one, by id."""
    for id_ in sorted(known.state.cases):
        if case in {"", id_}:
            yield view(known.state, known.state.cases[id_])


def view(state: State, case: Case) -> dict[str, Any]:
    """A case as a plain value."""
    return {
        "case": case.id,
        "dong": case.dong,
        "version": case.version,
        "members": dict(sorted(case.members.items())),
        "past": [{"person": p, "joined": j, "left": left} for p, j, left in case.past],
        "joined_into": case.joined_into,
        "needs": [_need(case, need) for need in case.needs.values()],
        "referrals": [_referral(state, r) for r in sorted(case.referrals.values(), key=lambda r: r.seq)],
        "signals": [msgspec.structs.asdict(signal) for signal in case.signals],
    }


def listings(known: AsOf) -> Iterator[dict[str, Any]]:
    """Views of what agencies' directories said, by agency and id."""
    for one in sorted(known.listings.values(), key=lambda one: (one.agency, one.id)):
        yield {
            "listing": one.id,
            "agency": one.agency,
            "name": SEALED if one.doc.content is None else str(one.doc.content.get("name", "")),
            "modified": one.modified,
            "position": one.position,
            "heard": one.heard,
            "services": one.doc.services,
            "locations": one.doc.locations,
            "contacts": one.doc.contacts,
            "dongs": list(one.doc.dongs),
            "flags": list(one.doc.flags),
        }


def _need(case: Case, need: Need) -> dict[str, Any]:
    return {"need": need.id, "code": need.code or SEALED, "state": case.needs_state(need.id)}


def _referral(state: State, referral: Referral) -> dict[str, Any]:
    return {
        "referral": referral.id,
        "position": referral.seq,
        "number": referral.number or SEALED,
        "agency": referral.agency,
        "code": referral.code or SEALED,
        "person": state.person_of(referral.record) or (SEALED if referral.record else ""),
        "state": referral.state,
        "urgency": referral.urgency,
        "heard": referral.heard,
        "receiver": referral.receiver,
        "due": referral.due,
        "tried": list(referral.tried),
        "duplicate_of": referral.duplicate_of,
        "related_to": referral.related_to,
    }


def text(views: Iterable[dict[str, Any]], known: AsOf, listed: Iterable[dict[str, Any]] = ()) -> Iterator[str]:
    """The same for people, line by line: cases, then listings under the agency whose directory they are in."""
    yield f"As known at {known.heard or '(nothing yet)'}: {known.size} entries, {known.sealed} of them sealed"
    for case in views:
        yield f"\nCase {case['case']}  {case['dong']}  {len(case['members'])} members (version {case['version']})"
        yield from (f"  member    {person} since {since}" for person, since in case["members"].items())
        yield from (f"  need      {need['code']}: {need['state']}" for need in case["needs"])
        for r in case["referrals"]:
            place = f" at {r['receiver']}" if r["receiver"] else ""
            due = f", answer due {r['due']}" if r["due"] else ""
            yield f"  referral  {r['number']} {r['code']} from {r['agency']}: {r['state']}{place}{due} ({r['urgency']})"
        yield from (f"  signal    {s['kind']} from {s['agency']} ({s['urgency']})" for s in case["signals"])
    agency = ""
    for one in listed:
        if one["agency"] != agency:
            agency = one["agency"]
            yield f"\nDirectory of {agency}"
        told = f"{one['services']} services, {one['locations']} locations"
        flags = f" ({', '.join(one['flags'])})" if one["flags"] else ""
        yield f"  listing   {one['listing']}  {one['name']}: {told}, listed {one['heard']}{flags}"
