"""The FHIR connector beside a hospital's server, driven step by step: no loops, no waiting. Owns no assertion."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from connectors.fhir import FhirConnector
from connectors.protocol import Change, Event, Full, Receipt
from connectors.testing.stage import AGENCY, made
from tests.connectors.fhir_polling.polling import FhirPartner, lines

REFERRAL = "0f2d6f6a-6d3e-4a44-9f43-{:012}"


class Ward:
    """A connector, what it handed over, and a spool that only remembers; full on demand."""

    def __init__(self, partner: FhirPartner) -> None:
        self.partner = partner
        self.events: dict[str, Event] = {}
        self.abouts: dict[str, str] = {}
        self.mark = ""
        self.full = False
        self._connector: FhirConnector | None = None

    @property
    def connector(self) -> FhirConnector:
        if self._connector is None:
            found = made(FhirConnector, self.partner.config(), self.mark)
            assert isinstance(found, FhirConnector)
            self._connector = found
        return self._connector

    async def again(self, **settings: Any) -> None:
        """The connector of a process that was started again, perhaps with other settings."""
        await self.close()
        self.partner.settings |= settings

    async def close(self) -> None:
        if self._connector is not None:
            await self._connector._server.close()
            await self._connector._writing.close()
            if self._connector._memory is not None:
                self._connector._memory.close()
            self._connector = None

    async def take(self, events: Sequence[Event], *, about: Sequence[str] = (), mark: str | None = None) -> int:
        if self.full and events:
            raise Full("full")
        new = [e for e in events if e["id"] not in self.events]
        self.events |= {e["id"]: e for e in new}
        self.abouts |= dict(zip((e["id"] for e in events), about, strict=True))
        self.mark = mark or self.mark
        return len(new)

    # ------------------------------------------------------------- steps
    async def put(self, *resources: dict[str, Any]) -> dict[str, Any]:
        return await self.partner.put(lines(*resources))

    async def look(self) -> list[Event]:
        """One look for new ones; the events that came of it."""
        before = len(self.events)
        await self.connector.round(self.take)
        return list(self.events.values())[before:]

    async def changes(self) -> list[Event]:
        """One look at what was taken before."""
        before = len(self.events)
        self.connector._opened()[2]._since = ""  # whatever the time
        await self.connector.changes(self.take)
        return list(self.events.values())[before:]

    async def write(self) -> None:
        """Write until everything is shown."""
        while await self.connector._answers.write():
            pass

    async def receipt(self, event: Event, status: str = "recorded", *reasons: dict[str, Any], **referral: Any) -> None:
        """What the hub says of an event; its referral's id is made of the given number."""
        number = referral.pop("number", 1)
        own = {"id": REFERRAL.format(number), "state": "offered", "need": "meal_delivery", "receiver": "seniors"}
        told = (own | referral,) if status == "recorded" else ()
        about = self.abouts[event["id"]]
        await self.connector.tell([Receipt(event["id"], f"//agency/{AGENCY}/fhir", status, 1, reasons, told, about)])
        await self.write()

    async def happened(self, kind: str, number: int = 1, **facts: Any) -> None:
        """An entry of the outbox, written."""
        await self.happened_quietly(kind, number, **facts)
        await self.write()

    async def happened_quietly(self, kind: str, number: int = 1, **facts: Any) -> None:
        """An entry of the outbox, kept."""
        change = Change(1, kind, "2026-11-22T03:00:00.000Z", {"referral": REFERRAL.format(number)} | facts)
        await self.connector.follow([change])

    async def task(self, number: int = 1) -> dict[str, Any]:
        return await self.partner.resource(f"Task/t-{number}")

    async def state(self, number: int = 1) -> tuple[str, str]:
        """Task.status, and the hub's own state in it."""
        held = await self.task(number)
        return held["status"], held["businessStatus"]["coding"][0]["code"] if "businessStatus" in held else ""

    async def behave(self, **how: Any) -> None:
        await self.partner.control(behave=how)

    async def asked(self) -> list[str]:
        """Requests since the last time."""
        return [one for one in (await self.partner.control(forget=True))["asked"] if "metadata" not in one]
