"""A family of resources as one message, or why it cannot be one. Owns what travels; never interprets what it says.

What a server adds to each update (versions, times) and what we wrote into a Task stay behind, so that the same words
are the same message. A message also names the one before it: words that return after others are news.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

import msgspec
import orjson

from connectors.fhir.memory import Known
from connectors.fhir.tasks import Reason, bare, unstamped
from connectors.protocol import Broken, Event, Origin
from hub.schemas.envelope import RAW_LIMIT
from hub.schemas.native.fhir import ENTRIES_LIMIT
from hub.schemas.topics import Formats, Types

Json = dict[str, Any]
#: Bytes of the message around a bundle, at most.
AROUND: Final = 4096
MEDIA: Final = "application/fhir+json"
_ENTRY: Final = re.compile(r"(?:/data)?/entry/(\d{1,3})/resource(.*)")
_STEP: Final = re.compile(r"/(\d+)(?=/|$)")


class Family(msgspec.Struct):
    """A request with what it leads to. members: `Kind/id` → resource, the request first; Tasks by themselves.

    changed: when it was updated, where that is known.
    """

    request: str
    members: dict[str, Json] = {}
    tasks: dict[str, Json] = {}
    reasons: list[Reason] = []
    changed: str = ""

    @property
    def status(self) -> str:
        """Status of the request; '' where it has none."""
        status = self.members.get(self.request, {}).get("status")
        return status if isinstance(status, str) else ""

    def refuse(self, path: str, code: str, text: str) -> None:
        """It cannot be sent. path: element of a resource, as `Task.focus`."""
        if (reason := Reason(path, code, text)) not in self.reasons:
            self.reasons.append(reason)

    def names(self) -> tuple[str, ...]:
        """Of all resources, in the order of the bundle."""
        first, *rest = self.members
        return (first, *sorted(rest), *sorted(self.tasks))


def content(family: Family, base: str) -> Json | Reason:
    """The bundle, or why there is none."""
    names = family.names()
    if len(names) > ENTRIES_LIMIT:
        return Reason(family.request.partition("/")[0], "too_long", f"more than {ENTRIES_LIMIT} resources belong to it")
    values = {name: unstamped(family.members[name]) for name in names if name in family.members}
    values |= {name: bare(task) | {"status": "requested"} for name, task in family.tasks.items()}
    kind = family.request.partition("/")[0]
    try:
        # The server's own address travels where resources refer to one another by it, and nowhere else.
        absolute = f'"{base}/'.encode() in orjson.dumps(values)
    except TypeError:  # a number of more than 64 bits, or text that no UTF-8 can hold
        return Reason(kind, "unreadable", "a number or a text that JSON cannot carry on")
    bundle = {"resourceType": "Bundle", "type": "transaction", "entry": [
        ({"fullUrl": f"{base}/{name}"} if absolute else {})
        | {"resource": values[name], "request": {"method": "PUT", "url": name}}
        for name in names
    ]}  # fmt: skip
    if len(orjson.dumps(bundle)) > RAW_LIMIT - AROUND:
        return Reason(kind, "too_large", f"together larger than {RAW_LIMIT} bytes")
    return bundle


def digest(origin: Origin, bundle: Json) -> str:
    """What tells these words from others."""
    return origin.digest("fhir content", orjson.dumps(bundle, option=orjson.OPT_SORT_KEYS))


def event(origin: Origin, bundle: Json, follows: str) -> Event:
    """The message."""
    behind = {"follows": follows} if follows else {}
    return origin.event(Formats.FHIR, _subject(bundle), media=MEDIA, data=bundle, **behind)


def withdrawals(origin: Origin, known: Known) -> list[Event]:
    """A message for each referral of the family that can still be taken back."""
    found = []
    for stand in known.stands.values():
        if stand.id and stand.state != "withdrawn":
            data = {"referral": stand.id, "change": "withdraw", "at": known.withdraw}
            found.append(origin.event(Formats.ANSWER, stand.id, type_=Types.ANSWER, data=data))
    return found


def _subject(bundle: Json) -> object:
    """The request's identifier, else its id: what a correction of it has too."""
    request = bundle["entry"][0]["resource"]
    return request.get("identifier") or request.get("id")


def elements(reasons: Sequence[dict[str, Any]], members: Sequence[str]) -> tuple[Reason, ...]:
    """The hub's reasons at the elements their hospital knows: /data/entry/1/resource/birthDate is Patient.birthDate."""
    return tuple(
        Reason(_element(str(one.get("path", "")), members), str(one.get("code", "")), str(one.get("text", "")))
        for one in reasons
    )


def _element(path: str, members: Sequence[str]) -> str:
    told = _ENTRY.fullmatch(path)
    if told is None:
        return "" if path in {"", "/data", "/data/entry", "/entry"} else path
    kind = members[int(told[1])].partition("/")[0] if int(told[1]) < len(members) else "Bundle"
    return kind + _STEP.sub(r"[\1]", told[2]).replace("/", ".")


def preview(origin: Origin, family: Family, base: str) -> Event | Broken:
    """A gathered family as it would be sent first, or why it would not."""
    bundle = content(family, base) if not family.reasons else family.reasons[0]
    return Broken(bundle.path, 0, bundle.text) if isinstance(bundle, Reason) else event(origin, bundle, "")
