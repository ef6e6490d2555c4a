"""The one small contract between a connector and what runs it. Start reading here.

input → `connector.run(take)` → `take(events)`: committed to the spool → the partner is acknowledged → the spool drains
upstream in order → the hub's receipts → `connector.tell(receipts)`: the partner sees what became of it.

Owns the shapes. A connector knows its partner's protocol and wraps what it hears (`Origin.event`); it interprets
nothing, stores nothing and never talks to the hub.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Protocol

import msgspec
import orjson
from pydantic import BaseModel, ConfigDict

from connectors.reading_tables import Broken
from hub.errors import HubError
from hub.schemas.topics import Types

__all__ = ["Broken", "Change", "Check", "Config", "Connector", "Event", "Full", "Origin", "Receipt", "Take", "refusal"]

#: A CloudEvents 1.0 envelope in structured JSON (`hub.schemas.envelope`).
Event = dict[str, Any]
#: A field of a configuration that no log, no `spec` example and no error may show.
SECRET = {"writeOnly": True}
PENDING, RECORDED, REFUSED, SEEN = "pending", "recorded", "refused", "seen"
#: The hub holds it for good and will not be asked what became of it: Kafka without the hub's address.
TAKEN = "taken"


class Full(HubError):  # noqa: N818 - named by what it is, as the tree it belongs to
    """The spool has reached its bound: refuse the input loudly, the partner must keep it and send it again."""


class Config(BaseModel):
    """What a connector needs to know. Unknown names are errors; a secret is a field with `json_schema_extra=SECRET`."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Check(msgspec.Struct, frozen=True):
    """One thing that was looked at before running: what was found, and how to mend it where it is not well."""

    name: str
    ok: bool
    found: str
    fix: str = ""


class Receipt(msgspec.Struct, frozen=True, omit_defaults=True):
    """What became of one event. status: recorded, refused (with reasons: path, code, text), seen, pending or taken.

    referrals: the sender's referrals that came of it, as they stand: id, number, need, state, receiver, due. `about`:
    what the connector gave along with the event (`Take.about`).
    """

    id: str
    source: str
    status: str
    position: int = 0
    reasons: tuple[dict[str, Any], ...] = ()
    referrals: tuple[dict[str, Any], ...] = ()
    about: str = ""


class Change(msgspec.Struct, frozen=True):
    """Something happened to a referral: an entry of the agency's outbox, in order (docs/city.md names the kinds)."""

    position: int
    kind: str
    heard: str
    facts: dict[str, Any]


class Take(Protocol):
    """Commits events to the spool. When it returns, they survive a kill -9, and the partner may be acknowledged."""

    async def __call__(self, events: Sequence[Event], *, about: Sequence[str] = (), mark: str | None = None) -> int:
        """Returns how many were new. The same id twice is one event.

        about: one text an event, kept beside it and given back with its receipt (a file and row, a control id).
        mark: the connector's bookmark, committed in the same transaction. Raises `Full` at the bound.
        """


class Origin(msgspec.Struct, frozen=True):
    """Who sends: agency, system, the secret that ids are made with, and the clock (RFC 3339, UTC)."""

    agency: str
    system: str
    key: bytes
    now: Callable[[], str]

    def event(
        self,
        schema: str,
        subject: object,
        *,
        type_: str = Types.REFERRAL,
        media: str = "application/json",
        **payload: object,
    ) -> Event:
        """An envelope around `payload` (`data`, or `data_base64` for bytes).

        The id is an HMAC of schema and payload, so the same input twice is the same event; the partition key one of
        `subject` (what must stay in order: a referral's number). Neither holds nor reveals personal data.
        """
        content = orjson.dumps([schema, payload], option=orjson.OPT_SORT_KEYS)
        return {
            "specversion": "1.0",
            "id": self.digest("id", content),
            "source": f"//agency/{self.agency}/{self.system}",
            "type": type_,
            "time": self.now(),
            "dataschema": schema,
            "datacontenttype": media,
            "partitionkey": self.digest("subject", orjson.dumps([schema, subject])),
            **payload,
        }

    def digest(self, purpose: str, content: bytes) -> str:
        """32 hex digits that only this agency can make of `content`."""
        return hmac.new(self.key, purpose.encode() + b"\0" + content, hashlib.sha256).hexdigest()[:32]


class Connector(Protocol):
    """One way in (or out). Constructed with its configuration and its `Origin`; `run` may be called once."""

    name: ClassVar[str]
    about: ClassVar[str]
    Config: ClassVar[type[Config]]
    #: A configuration that `spec` accepts, without secrets of anybody.
    EXAMPLE: ClassVar[dict[str, Any]]

    def __init__(self, config: Any, origin: Origin, mark: str = "") -> None:  # noqa: ANN401 - its own Config
        """`mark`: the bookmark committed last, '' at first."""

    async def check(self) -> list[Check]:
        """Whether it could run: one check per thing that can be wrong, never an exception."""

    async def discover(self, limit: int) -> list[Event | Broken]:
        """Up to `limit` events as they would be sent, without taking them: the partner's side stays as it is."""

    async def run(self, take: Take) -> None:
        """Hear, take, acknowledge, until canceled. What cannot be read is answered to the partner, row and reason."""

    async def backfill(self, since: str, take: Take) -> int:
        """Take what is older, from a date (ISO) on. Returns how many were new. Raises `Usage` where it cannot."""

    async def tell(self, receipts: Sequence[Receipt]) -> None:
        """Show the partner what became of its events. Repeated with the same receipts after a crash."""

    async def follow(self, changes: Sequence[Change]) -> None:
        """Show the partner what happened to its referrals since. Repeated with the same changes after a crash.

        Receipts older than the changes were told before. A referral that no receipt has named yet may be passed over:
        its receipt tells how it stands by then.
        """


def spec(connector: type[Connector]) -> dict[str, Any]:
    """JSON Schema of a connector's configuration, its secrets marked `writeOnly`, with its example."""
    schema = connector.Config.model_json_schema()
    return {**schema, "title": connector.name, "description": connector.about, "examples": [connector.EXAMPLE]}


def refusal(broken: Broken) -> dict[str, str]:
    """An unreadable piece of input as a reason for the partner: place, code and text, never content."""
    place = f"{broken.path}:{broken.row}" if broken.row else broken.path
    return {"path": place, "code": "unreadable", "text": broken.reason}
