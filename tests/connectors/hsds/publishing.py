"""A partner that publishes a directory: a file in a folder, replaced whenever something changes."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, ClassVar

from connectors.hsds import HsdsConnector
from connectors.protocol import Event
from connectors.testing import Answer, Partner

NAME = "directory.jsonl"
PERSON = ("박순자", "010-2345-6789")


def organization(number: int, **more: Any) -> dict[str, Any]:
    """One of fifty organizations, in its version of this number; a person is named as its contact."""
    contact = {"id": "c", "name": PERSON[0], "phones": [{"number": PERSON[1]}]}
    service = {"id": "s", "name": "밑반찬", "status": "active", "minimum_age": number}
    return {
        "id": f"org-{number % 50}",
        "name": f"복지관 {number % 50}",
        "description": "가" * 400,
        "contacts": [contact],
        "services": [service],
    } | more


def lines(numbers: Iterable[int]) -> bytes:
    return b"".join(json.dumps(organization(n), ensure_ascii=False).encode() + b"\n" for n in numbers)


class PublishingPartner(Partner):
    connector = HsdsConnector
    patience_s: ClassVar[float] = 8.0
    canaries = PERSON
    odd: ClassVar[Mapping[str, bytes]] = {
        "empty": b"",
        "no JSON": b"PK\x03\x04 \x00\x00",
        "broken": '{"id": "x", "name": "박순자'.encode(),
        "a key twice": b'{"id": "x", "id": "y", "name": "z"}',
        "no number": b'{"id": "x", "name": "z", "services": [{"minimum_age": NaN}]}',
        "deep": b'{"id": "x", "name": "z", "services": ' + b"[" * 90 + b"]" * 90 + b"}",
        "an organization without an id": '{"name": "박순자", "services": []}'.encode(),
        "an organization without a name": b'{"id": "nameless", "services": []}',
        "a list, one of it broken": b'[{"id": "x", "name": "z"}, {"id": }, 7, {"name": 1}]',
        "a list that never ends": b'[{"id": "x", "name": "z"}, {"id": "y"',
        "not UTF-8": '{"id": "x", "name": "복지관"}'.encode("cp949"),
        "endless": b'{"id": "x", "name": "' + b"x" * 2_000_000 + b'"}',
        "a service of nobody": b'{"id": "s", "name": "z", "eligibility_description": "all"}',
        "a number for a name": b'{"id": "x", "name": 7}',
        "a taxonomy": b'{"id": "t", "name": "z", "version": "1"}',
        "nothing in a list": b"[]",
    }
    malformed = frozenset(odd) - {"a taxonomy", "nothing in a list"}

    @property
    def place(self) -> Path:
        return self.folder / "directory"

    async def open(self) -> None:
        self.place.mkdir(exist_ok=True)

    def config(self) -> dict[str, Any]:
        return {"path": str(self.place), "poll_s": 0.01}

    def good(self, number: int) -> bytes:
        return lines([number])

    def number(self, event: Event) -> int:
        return int(event["data"]["services"][0]["minimum_age"]) if event["data"].get("services") else -1

    def report(self) -> dict[str, Any]:
        path = self.place / "ieum-report.json"
        return dict(json.loads(path.read_bytes())) if path.exists() else {}

    async def feed(self, content: bytes) -> Answer:
        digest = hashlib.sha256(content).hexdigest()
        path = self.place / NAME
        path.with_suffix(".part").write_bytes(content)
        path.with_suffix(".part").rename(path)
        try:
            async with asyncio.timeout(self.patience_s):
                while (report := self.report()).get("files", {}).get(NAME) != digest:  # noqa: ASYNC110 - a publisher knows no event
                    await asyncio.sleep(0.005)
        except TimeoutError:
            return Answer(taken=False)
        reasons = tuple(dict(p) for p in report["problems"])
        return Answer(taken=report["state"] == "read" and not reasons, reasons=reasons)

    async def feed_many(self, numbers: Iterable[int]) -> Answer:
        """Fifty at a time: a file holds each organization once."""
        waiting = list(numbers)
        while waiting:
            part, waiting = waiting[:50], waiting[50:]
            answer = await self.feed(lines(part))
            if not answer.taken:
                return answer
        return Answer(taken=True)

    async def shown(self) -> set[int] | None:
        for _ in range(100):
            told = [one for one in self.report().get("listings", ()) if one["status"] != "waiting"]
            if len(told) >= 4:
                break
            await asyncio.sleep(0.05)
        return {int(one["id"].removeprefix("org-")) for one in told}
