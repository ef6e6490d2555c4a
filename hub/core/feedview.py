"""What the relay says of an entry: the city's view for `hub.feed`, an agency's for `hub.out.<agency>`.

Owns the bytes of everything that leaves the ledger, and the list of facts that may (what is not listed stays). Pure:
the same entry gives the same bytes, so a repeated publication is the same message. Never opens a body, never decides
who may know: the audience was decided when the entry was recorded, `core.privacy` reads it.

No view shows a case's numbering or another agency's place in the audience: a gap there gives away what is absent
without trace. CloudEvents 1.0, structured JSON; `position` and `epoch` are extension attributes.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final

import msgspec
import orjson

from hub.core.directory import Agency
from hub.core.privacy import may_know
from hub.errors import Halt
from hub.schemas.topics import HUB, Formats, Types

#: The account whose purposes decide what `hub.feed` shows.
CITY: Final = "city"
CITY_KIND: Final = "city_desk"
SEALED_TYPE: Final = "kr.ieum.entry.sealed.v1"

_ENROLLED = ("agency", "agency_kind", "areas", "legal_basis", "name", "purposes")
#: Facts a partner needs to follow what concerns it. Absent on purpose: records, other referrals touched on the way
#: (`moved`, `tightens`, `related_to`), how a person was recognized, how many were asked before (`rank`).
OUTBOX_FACTS: Final[Mapping[str, tuple[str, ...]]] = {
    "agency.registered": _ENROLLED,
    "agency.changed": ("agency", "key", "key_change", "reason", "state"),
    "referral.recorded": (
        "agency", "code", "dong", "duplicate_of", "flags", "need", "needed_by", "person", "referral", "repairs",
        "state", "urgency",
    ),
    "referral.corrected": ("agency", "due", "flags", "needed_by", "referrals", "urgency"),
    "referral.duplicated": ("duplicate_of", "referral"),
    "referral.offered": ("due", "reason", "referral", "to", "urgency"),
    "referral.unplaced": ("owner", "reason", "referral"),
    "referral.changed": ("by", "change", "from", "on_behalf", "reason", "referral", "to"),
    "offer.expired": ("due", "referral", "to"),
    "person.merged": ("absorbed", "into", "was"),
    "person.split": ("into", "was"),
    "identity.decided": ("by", "decision", "reason"),
    "review.opened": (),
    "key.retired": (),
    "identity.redone": (),
    "household.decided": ("by", "decision", "reason"),
    "household.changed": ("joined", "left", "person", "was"),
    "signal.recorded": ("agency", "dong", "flags", "owner", "signal", "signal_kind", "urgency"),
    "directory.listed": (
        "agency", "change", "contacts", "dongs", "flags", "listing", "locations", "modified", "services",
    ),
    "message.refused": ("agency", "reasons"),
    "access.recorded": (),
    "clock.paged": (),
}  # fmt: skip
#: Where the city sees something else. A correction names no source: the entry cannot say whether it asked to be hidden.
FEED_FACTS: Final[Mapping[str, tuple[str, ...]]] = {
    **OUTBOX_FACTS,
    "referral.recorded": (*OUTBOX_FACTS["referral.recorded"], "how", "related_to"),
    "referral.corrected": ("due", "flags", "needed_by", "referrals", "urgency"),
    "referral.offered": (*OUTBOX_FACTS["referral.offered"], "rank"),
    "person.merged": (*OUTBOX_FACTS["person.merged"], "referrals"),
    "person.split": (*OUTBOX_FACTS["person.split"], "referrals"),
    "identity.decided": (*OUTBOX_FACTS["identity.decided"], "review"),
    "review.opened": ("consequences", "guard", "human", "person", "possibly", "rank", "review"),
    "household.decided": (*OUTBOX_FACTS["household.decided"], "into", "persons"),
    "household.changed": (*OUTBOX_FACTS["household.changed"], "absorbed_into"),
    "access.recorded": ("classes", "id", "purpose", "reader", "what"),
    "clock.paged": ("through",),
}


class Entry(msgspec.Struct, frozen=True, gc=False):
    """As much of a ledger entry as may ever be relayed, and its audience (in `facts`)."""

    id: str
    kind: str
    case: str
    heard: str
    facts: dict[str, Any]


class Stamp(msgspec.Struct, frozen=True):
    """What every message of one relay bears: the installation's origin, and the epoch of its feed."""

    origin: str
    epoch: str


class Message(msgspec.Struct, frozen=True, gc=False):
    """A Kafka message. The key is the partition key, None where there is none."""

    key: bytes | None
    value: bytes


_DECODE = msgspec.json.Decoder(Entry).decode


def read(raw: bytes) -> Entry:
    """An entry's bytes, read. Raises `Halt`: the ledger holds nothing else, so something is very wrong."""
    try:
        return _DECODE(raw)
    except msgspec.DecodeError as error:
        raise Halt(f"the ledger holds something that is no entry: {error}") from error


def feed_message(entry: Entry, position: int, stamp: Stamp, city: Agency | None) -> Message:
    """One position of `hub.feed`: the city's view, a bare seal where it may not know (and before it has an account)."""
    if city is None or not may_know(entry.facts["audience"], city):
        return sealed(position, stamp)
    facts = _facts(entry, FEED_FACTS)
    if "origin_hidden" in entry.facts:
        facts.pop("agency", None)
    return _message(entry, position, stamp, facts)


def outbox_message(entry: Entry, position: int, stamp: Stamp) -> Message:
    """One position as the agencies named in its audience see it; the same for each of them."""
    return _message(entry, position, stamp, _facts(entry, OUTBOX_FACTS))


def sealed(position: int, stamp: Stamp) -> Message:
    """That a position exists, and nothing else: no key, no time, no type, always the same but for the number."""
    value = {
        "specversion": "1.0",
        "id": f"position-{position}",
        "source": f"//hub/{stamp.origin}",
        "type": SEALED_TYPE,
        "position": position,
        "epoch": stamp.epoch,
        "datacontenttype": "application/json",
        "data": {"position": position, "sealed": True},
    }
    return Message(None, orjson.dumps(value))


def addressees(entry: Entry, accounts: Collection[str]) -> list[str]:
    """The agencies with an account that the entry concerns."""
    return [code for name in entry.facts["audience"] if name[:2] == "a:" and (code := name[2:]) in accounts]


def is_delivered(entry: Entry) -> bool:
    """Whether this is a delivery: the hub closes the referral once its source has been told."""
    return entry.kind == "referral.changed" and entry.facts["to"] == "delivered"


def closing(entry: Entry, position: int) -> Message:
    """The hub's request to close a delivered referral. A repeat is the same message: the hub answers "seen"."""
    referral = entry.facts["referral"]
    value = {
        "specversion": "1.0",
        "id": f"close-{referral}-{position}",
        "source": f"//agency/{HUB}/relay",
        "type": Types.ANSWER,
        "time": entry.heard,
        "dataschema": Formats.ANSWER,
        "partitionkey": referral,
        "datacontenttype": "application/json",
        "data": {"referral": referral, "change": "close", "at": entry.heard},
    }
    return Message(referral.encode(), orjson.dumps(value))


class Readers:
    """Who has an account as of a position, from the agency entries up to it: so a repeat finds the same readers."""

    def __init__(self) -> None:
        self.accounts: set[str] = set()
        self.city: Agency | None = None

    def follow(self, entry: Entry) -> None:
        """Take note of an entry; only a registration changes anything (a suspended agency's outbox is kept for it)."""
        if entry.kind != "agency.registered":
            return
        facts = entry.facts
        self.accounts.add(facts["agency"])
        if facts["agency"] == CITY and facts["agency_kind"] == CITY_KIND:
            self.city = Agency(CITY, CITY_KIND, facts["name"], tuple(facts["purposes"]), facts["legal_basis"])


def _facts(entry: Entry, listed: Mapping[str, tuple[str, ...]]) -> dict[str, Any]:
    facts = entry.facts
    return {name: facts[name] for name in listed.get(entry.kind, ()) if name in facts}


def _message(entry: Entry, position: int, stamp: Stamp, facts: dict[str, Any]) -> Message:
    id_, kind, case, heard = entry.id, entry.kind, entry.case, entry.heard
    value = {
        "specversion": "1.0",
        "id": id_,
        "source": f"//hub/{stamp.origin}",
        "type": f"kr.ieum.{kind}.v1",
        "time": heard,
        "position": position,
        "epoch": stamp.epoch,
        "datacontenttype": "application/json",
        "data": {"id": id_, "kind": kind, "position": position, "case": case, "heard": heard, "facts": facts},
    }
    if not case:  # a partition key is never empty (CloudEvents, partitioning extension)
        return Message(None, orjson.dumps(value))
    value["partitionkey"] = case
    return Message(case.encode(), orjson.dumps(value))
