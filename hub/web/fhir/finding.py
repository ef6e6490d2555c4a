"""Reads and searches of the façade. Owns which resource an id or a search means; blocking reads.

A sender's own resource goes before a referral of the same id. Searches find one's own, and Tasks of referrals one may
know of; they never tell how many there are elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec

from hub.core import feedview
from hub.core.bodies import IdentityBody
from hub.core.directory import Agency
from hub.core.normalize.dates import read_day, read_instant
from hub.core.privacy import concerns
from hub.core.sealing import keyed_digest
from hub.core.views import CONTACT, IDENTITY, NOTES
from hub.ledger.fhir import Held
from hub.ledger.reads import Posted
from hub.web.deps import WebDeps
from hub.web.fhir import told
from hub.web.fhir.families import REQUEST
from hub.web.fhir.outcome import wrong
from hub.web.fhir.resources import is_id, name, part_codes, reference, stamped
from hub.web.fhir.standings import Standings
from hub.web.fhir.tasks import REFERRAL, Standing

Resource = dict[str, Any]
#: Entries looked through at a time, and at most for one page of a search: then the next page goes on.
SCAN: Final = 500
SCANS: Final = 10
_UUID: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.ASCII)
_DAY: Final = 10


class Found(msgspec.Struct, frozen=True):
    """A resource to answer with; what was opened of whom, to be recorded before it is."""

    value: Resource
    opened: tuple[str, ...] = ()
    what: str = ""
    id: str = ""
    case: str = ""


class Finding:
    """Finds resources for one account at a time."""

    def __init__(self, deps: WebDeps, standings: Standings) -> None:
        self._deps, self._store, self._standings = deps, deps.fhir, standings
        self._pepper = deps.keys.pepper

    # ------------------------------------------------------------- one
    def one(self, agency: Agency, kind: str, id_: str) -> Found | None:
        """The resource this id means to this account; None for what there is not, or must not be known."""
        held = self._store.get(agency.code, kind, id_)
        if held is not None and (held.value is not None or held.number_key):
            return self.own(agency, held)
        if not is_referral(id_):
            return None
        if kind == "Patient":
            opened = self._standings.identity(agency, id_)
            return _person(*opened) if opened is not None and opened[1] is not None else None
        standing = self._standings.one(agency, id_) if kind in {"Task", REQUEST} else None
        return self._of_ledger(agency, kind, standing) if standing else None

    def own(self, agency: Agency, held: Held) -> Found:
        """A sender's own resource."""
        if held.kind not in {"Task", REQUEST}:
            opened = (CONTACT, IDENTITY) if held.kind in {"Patient", "RelatedPerson"} else ()
            value = stamped((held.value or {}) | {"id": held.id}, held.at)
            return Found(value, opened, held.kind.lower(), held.id)
        standings = self.standings(agency, held)
        if held.kind == "Task":
            verdict = self._standings.verdict(agency, held) if not standings else None
            return _opening(told.own_task(held, standings, verdict), standings)
        value = told.own_request(held, standings)
        return _opening(value, standings, (NOTES,) if value.get("note") else (), held)

    def standings(self, agency: Agency, held: Held) -> list[Standing]:
        """The referrals a Task or request of one's own stands for: a part's by its codes, a root's all."""
        request: Mapping[str, Any] | None = held.value
        if held.kind == "Task" and held.value is not None:
            request = self._request(agency, reference(held.value.get("focus")))
        codes = part_codes(request, self._deps.policy.mapping.codings) if request else None
        return self._standings.numbered(agency, held.number_key, codes)

    def _request(self, agency: Agency, named: str) -> Resource | None:
        kind, _, id_ = named.partition("/")
        found = self._store.get(agency.code, kind, id_) if kind == REQUEST and is_id(id_) else None
        return found.value if found else None

    def _of_ledger(self, agency: Agency, kind: str, standing: Standing) -> Found:
        open_ = self._standings.opens(agency, standing.id)
        make = told.task if kind == "Task" else told.request
        return _opening(make(standing, open_=open_), [standing])

    def moved_by(self, agency: Agency, held: Held | None, id_: str) -> list[Standing]:
        """The referrals an update of a Task is about: those of one's own Task, or the one of this id."""
        if held is not None:
            return self.standings(agency, held)
        one = self._standings.one(agency, id_) if is_referral(id_) else None
        return [one] if one is not None else []

    # ------------------------------------------------------------- many
    def identified(self, agency: Agency, kind: str, token: str) -> list[Found]:
        """By one's own identifier, or by the hub's id of a referral."""
        key = name(self._pepper, "identifier", kind, token)
        held = [h for h in self._store.named(agency.code, [key]) if h.kind == kind]
        if held:
            return [self.own(agency, h) for h in held]
        system, _, id_ = token.rpartition("|")
        if system not in {"", REFERRAL} or not is_referral(id_) or kind not in {"Task", REQUEST}:
            return []
        found = self.one(agency, kind, id_)
        return [found] if found else []

    def focused(self, agency: Agency, named: str) -> list[Found]:
        """Tasks about a ServiceRequest: one's own, else the hub's for each of its referrals."""
        focus = named if "/" in named else f"{REQUEST}/{named}"
        key = name(self._pepper, "focus", focus)
        held = [h for h in self._store.named(agency.code, [key]) if h.kind == "Task"]
        if held:
            return [self.own(agency, h) for h in held]
        kind, _, id_ = focus.partition("/")
        if kind != REQUEST or not is_id(id_):
            return []
        request = self._store.get(agency.code, REQUEST, id_)
        if request is not None:
            return [self._of_ledger(agency, "Task", s) for s in self.standings(agency, request)]
        found = self.one(agency, "Task", id_) if is_referral(id_) else None
        return [found] if found else []

    def moved(self, agency: Agency, after: int, count: int) -> tuple[list[Found], int]:
        """Tasks that moved behind a position, at most `count`, and where to go on (0: that was all)."""
        head = self._deps.reads.head().size
        met: dict[str, None] = {}
        for _ in range(SCANS):
            page = self._deps.reads.entries_of(agency.code, after, head, SCAN)
            for posted in page:
                after = posted.position
                met |= dict.fromkeys(_referrals_in(posted, agency.code))
                if len(met) >= count:
                    return self._tasks(agency, met), after
            if len(page) < SCAN:
                return self._tasks(agency, met), 0
        return self._tasks(agency, met), after

    def _tasks(self, agency: Agency, ids: Iterable[str]) -> list[Found]:
        found: dict[str, Found] = {}
        for id_ in ids:
            standing = self._standings.one(agency, id_)
            if standing is not None:
                own = self._own_task_of(agency, standing)
                one = self.own(agency, own) if own else self._of_ledger(agency, "Task", standing)
                found[one.value["id"]] = one
        return list(found.values())

    def _own_task_of(self, agency: Agency, standing: Standing) -> Held | None:
        number = standing.view.get("number")
        if not number:
            return None
        key = keyed_digest(self._pepper, agency.code, str(number))[:16]
        held = self._store.named(agency.code, [name(self._pepper, "number", "Task", key.hex())])
        mine = [h for h in held if any(s.id == standing.id for s in self.standings(agency, h))]
        return mine[0] if mine else None

    def position(self, moment: str, *, inclusive: bool) -> int:
        """The last position heard before a moment (up to it, unless inclusive): what moved since lies behind it."""
        low, high = 0, self._deps.reads.head().size
        while low < high:
            middle = (low + high + 1) // 2
            (posted,) = self._deps.reads.entries(middle - 1, 1)
            heard = feedview.read(posted.entry).heard
            before = heard < moment or (heard == moment and not inclusive)
            low, high = (middle, high) if before else (low, middle - 1)
        return low


def is_referral(id_: str) -> bool:
    """Whether an id can be one of the ledger's."""
    return _UUID.fullmatch(id_) is not None


def since(text: str) -> tuple[str, bool]:
    """`gt…` or `ge…` with a date or instant: (RFC 3339 UTC, inclusive). Raises the problem of anything else."""
    prefix, rest = text[:2], text[2:].replace(" ", "+")  # a plus sign that nobody encoded
    moment = read_instant(rest) if len(rest) > _DAY else read_day(rest)
    if prefix not in {"gt", "ge"} or not moment:
        raise wrong("invalid", "_lastUpdated", "value", "_lastUpdated takes gt or ge with an instant.")
    return (moment if len(moment) > _DAY else f"{moment}T00:00:00.000Z"), prefix == "ge"


def _referrals_in(posted: Posted, agency: str) -> list[str]:
    entry = feedview.read(posted.entry)
    if not concerns(entry.facts["audience"], agency) or entry.kind == "access.recorded":
        return []
    named = [entry.facts["referral"]] if "referral" in entry.facts else list(entry.facts.get("referrals", ()))
    return [id_ for id_ in named if isinstance(id_, str)]


def _opening(
    value: Resource, standings: list[Standing], classes: tuple[str, ...] = (), held: Held | None = None
) -> Found:
    opened = tuple(sorted({c for s in standings for c in s.opened} | set(classes)))
    if standings:
        return Found(value, opened, "referral", standings[0].id, standings[0].case)
    return Found(value, opened, held.kind.lower() if held else "", held.id if held else "")


def _person(standing: Standing, body: IdentityBody | None) -> Found:
    assert body is not None  # noqa: S101 - the caller looked
    value = told.patient(standing, body)
    opened = tuple(sorted({CONTACT, IDENTITY, *standing.opened}))
    return Found(value, opened, "referral", standing.id, standing.case)
