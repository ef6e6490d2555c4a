"""Messages on their way: published, acknowledged, and told what became of them. Owns receipts and the access message.

The web changes nothing itself. A crash after the acknowledgment leaves a message that is decided anyway; before it,
the client has no answer and sends again under the same id, which the ledger answers "seen".
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from typing import Any, Final
from urllib.parse import quote

import msgspec
import orjson

from hub.core.directory import Agency
from hub.errors import Retry
from hub.ledger.reads import Verdict
from hub.schemas import topics
from hub.schemas.canonical import AccessClaim
from hub.schemas.envelope import Envelope
from hub.schemas.topics import Formats, Types
from hub.web.deps import WebDeps
from hub.web.intake import Message
from hub.web.verdicts import Ticket, Verdicts

ACCEPTED: Final = "accepted"
SEEN: Final = "seen"
PENDING: Final = "pending"
#: The hub's own hand in messages about itself.
WEB: Final = f"//agency/{topics.HUB}/web"


class Sent(msgspec.Struct, frozen=True):
    """A message Kafka holds. `before`: it had a verdict when it came; `verdict`: the ledger's, if there is one."""

    envelope: Envelope
    before: bool
    verdict: Verdict | None

    @property
    def status(self) -> str:
        """In one word: seen, recorded, refused, no-op; accepted while it is not decided."""
        return SEEN if self.before else self.verdict.verdict if self.verdict else ACCEPTED

    def receipt(self) -> dict[str, Any]:
        """What the sender keeps."""
        value = {"id": self.envelope.id, "source": self.envelope.source, "status": self.status}
        value["receipt"] = receipt_path(self.envelope.source, self.envelope.id)
        return value | outcome(self.verdict)


def outcome(verdict: Verdict | None) -> dict[str, Any]:
    """A verdict with what belongs to it: the entry's position, a refusal's reasons."""
    if verdict is None:
        return {"verdict": PENDING}
    value: dict[str, Any] = {"verdict": verdict.verdict}
    if verdict.position:
        value["position"] = verdict.position
    if verdict.verdict == "refused":
        value["reasons"] = verdict.facts.get("reasons", [])
    return value


def receipt_path(source: str, id_: str) -> str:
    """Where the receipt of a message stands."""
    return f"/v1/receipts/{quote(source, safe='')}/{quote(id_, safe='')}"


class Courier:
    """Publishes for callers, within the time Kafka is given."""

    def __init__(self, deps: WebDeps) -> None:
        self._deps = deps
        self.verdicts = Verdicts(deps.reads.verdicts, deps.limits.verdict_s)

    async def submit(self, agency: Agency, messages: Sequence[Message], wait_s: float) -> list[Sent]:
        """Publish to the agency's own topic; wait for verdicts if asked to. Raises `Retry` when Kafka is away."""
        tickets = [Ticket.of(m.envelope, self._deps.keys.pepper) for m in messages]
        before = await self._before(tickets)
        await self._publish(topics.inbound(agency.code), messages)
        verdicts = await self.verdicts.wait(tickets, wait_s) if wait_s else before
        return [Sent(m.envelope, t in before, verdicts.get(t)) for m, t in zip(messages, tickets, strict=True)]

    async def accessed(self, claim: AccessClaim) -> None:
        """Tell the ledger of a read of personal data; only when Kafka holds this may the read be answered."""
        data = msgspec.to_builtins(claim)
        data.pop("type")  # msgspec's tag, no field of the message
        value = {
            "specversion": "1.0",
            "id": self._deps.draw(16).hex(),
            "source": WEB,
            "type": Types.ACCESS,
            "time": claim.at,
            "dataschema": Formats.SYSTEM,
            "partitionkey": claim.case or claim.id,
            "data": data,
        }
        await self._acknowledged([self._deps.publish(topics.ACCESS, claim.case or claim.id, orjson.dumps(value))])

    async def _before(self, tickets: Sequence[Ticket]) -> dict[Ticket, Verdict]:
        """Verdicts from before. Without PostgreSQL nobody can tell; the message is taken all the same."""
        try:
            return await self.verdicts.known(tickets)
        except Retry:
            return {}

    async def _publish(self, topic: str, messages: Sequence[Message]) -> None:
        await self._acknowledged([self._deps.publish(topic, m.key, m.raw) for m in messages])

    async def _acknowledged(self, sends: Iterable[Any]) -> None:
        try:
            async with asyncio.timeout(self._deps.limits.publish_s):
                await asyncio.gather(*sends)
        except TimeoutError:
            raise Retry("Kafka did not acknowledge in time") from None
