"""Events to the hub until each was taken: over HTTP in batches, or over Kafka with the agency's own rights.

Owns patience: 429, 503 and lost connections are waited out and the same bytes sent again under the same ids. What the
door calls unacceptable is taken out of its batch, with the reasons, and the rest goes on. Order holds for each
partition key. Never decides what a verdict means.
"""

from __future__ import annotations

import asyncio
import dataclasses
import time
import zlib
from collections.abc import Callable, Sequence
from typing import Any, Final
from urllib.parse import quote

import httpx
import orjson

from hub.cli import receipts
from hub.cli.accounts import KafkaAccess
from hub.cli.publishing import Outgoing, Verdicts, publish
from hub.cli.receipts import PENDING, Receipt
from hub.errors import Retry, Usage
from hub.schemas.canonical import Refusal
from hub.schemas.envelope import Envelope, parse
from hub.settings import Settings

Event = dict[str, Any]
Heard = Callable[[int], None]

BATCH_EVENTS: Final = 500
BATCH_BYTES: Final = 6 * 1024 * 1024
#: Batches under way; events of one key are all in the same lane, so they stay in order.
LANES: Final = 4
#: The API waits at most this long for verdicts.
WAIT_S: Final = 30.0
BACKOFF_S: Final = (0.2, 0.5, 1.0, 2.0, 5.0)
#: How long the hub may take nothing. Longer than a restart; a day's outage is the connectors' spool's affair.
PATIENCE_S: Final = 600.0
LOOK_S: Final = 0.2
BATCH: Final = "application/cloudevents-batch+json"


def over_http(url: str, token: str, events: Sequence[Event], wait_s: float, heard: Heard) -> list[Receipt]:
    """Send over the API. The receipts are in the order of the events."""
    return asyncio.run(_over_http(url, token, events, wait_s, heard))


def over_kafka(
    settings: Settings, access: KafkaAccess, events: Sequence[Event], wait_s: float, heard: Heard
) -> list[Receipt]:
    """Send over Kafka as the agency; verdicts are read as the operator."""
    as_agency = dataclasses.replace(settings, kafka_username=access.username, kafka_password=access.password)
    publish(as_agency, (Outgoing(access.topic, e["partitionkey"], orjson.dumps(e)) for e in events), heard)
    agency = access.topic.rpartition(".")[2]
    envelopes = [_parsed(e, agency) for e in events]
    with Verdicts(settings) as verdicts:
        found = verdicts.wait(envelopes, wait_s) if wait_s else [None] * len(events)
    return [receipts.of_verdict(e, n, v) for e, n, v in zip(events, envelopes, found, strict=True)]


def _parsed(event: Event, agency: str) -> Envelope:
    envelope = parse(orjson.dumps(event), agency)
    if isinstance(envelope, Refusal):
        raise Usage(f"an event is no message: {envelope.reasons[0].text}")
    return envelope


async def _over_http(url: str, token: str, events: Sequence[Event], wait_s: float, heard: Heard) -> list[Receipt]:
    lanes: list[list[int]] = [[] for _ in range(LANES)]
    for place, event in enumerate(events):
        lanes[zlib.crc32(str(event["partitionkey"]).encode()) % LANES].append(place)
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(base_url=url, headers=headers, timeout=WAIT_S + 15) as client:
        door = Door(client, events, time.monotonic() + wait_s, heard)
        await asyncio.gather(*(door.send(lane) for lane in lanes))  # the first error ends the run, as it is
        await door.settle()
    return [door.receipts[place] for place in range(len(events))]


class Door:
    """One send: what was taken, and what became of it, by the event's place."""

    def __init__(self, client: httpx.AsyncClient, events: Sequence[Event], until: float, heard: Heard) -> None:
        self._client, self._events, self._until, self._heard = client, events, until, heard
        self.receipts: dict[int, Receipt] = {}

    async def send(self, places: Sequence[int]) -> None:
        """Send a lane's events, batch after batch."""
        for batch in self._batches(places):
            left = batch
            while left:
                left = await self._post(left)
            self._heard(len(batch))

    async def settle(self) -> None:
        """Ask for the verdicts still missing, as long as there is time."""
        while time.monotonic() < self._until:
            waiting = [p for p, r in self.receipts.items() if r.status == PENDING]
            if not waiting:
                return
            for place in waiting[:BATCH_EVENTS]:
                await self._look(place)
            await asyncio.sleep(LOOK_S)

    def _batches(self, places: Sequence[int]) -> list[list[int]]:
        batches: list[list[int]] = []
        size = BATCH_BYTES
        for place in places:
            length = len(orjson.dumps(self._events[place])) + 1
            if size + length > BATCH_BYTES or len(batches[-1]) == BATCH_EVENTS:
                batches.append([])
                size = 0
            batches[-1].append(place)
            size += length
        return batches

    async def _post(self, places: list[int]) -> list[int]:
        """Send one batch. Returns what has to be sent again, without what can never be accepted."""
        wait_s = max(0.0, min(WAIT_S, self._until - time.monotonic()))
        content = orjson.dumps([self._events[p] for p in places])
        answer = await self._patiently("POST", f"/v1/events?wait={wait_s:.1f}", content)
        if answer.status_code == httpx.codes.BAD_REQUEST:
            return self._without(places, answer.json())
        if not answer.is_success:
            raise Retry(f"the hub answered {answer.status_code}: {answer.text[:200]}")
        for place, receipt in zip(places, answer.json()["receipts"], strict=True):
            self.receipts[place] = receipts.of_answer(self._events[place], receipt)
        return []

    def _without(self, places: list[int], problem: dict[str, Any]) -> list[int]:
        """Take out what the door calls unacceptable: pointers begin with the event's place in the batch."""
        refused: dict[int, list[dict[str, Any]]] = {}
        for error in problem.get("errors", ()):
            place, _, path = str(error["pointer"]).removeprefix("/").partition("/")
            if place.isdigit():
                reason = {"path": f"/{path}", "code": error["code"], "text": error["detail"]}
                refused.setdefault(places[int(place)], []).append(reason)
        if not refused:
            raise Usage(f"the hub refuses the batch: {problem.get('title', '')} {problem.get('detail', '')}".strip())
        for one, reasons in refused.items():
            event = self._events[one]
            self.receipts[one] = Receipt(
                receipts.name(event), receipts.REFUSED, str(event["id"]), reasons=tuple(reasons)
            )
        return [p for p in places if p not in refused]

    async def _look(self, place: int) -> None:
        event = self._events[place]
        source, id_ = quote(event["source"], safe=""), quote(event["id"], safe="")
        answer = await self._patiently("GET", f"/v1/receipts/{source}/{id_}")
        if answer.is_success:
            self.receipts[place] = receipts.of_answer(event, answer.json())

    async def _patiently(self, method: str, path: str, content: bytes = b"") -> httpx.Response:
        """One request, repeated while the hub is away or asks to wait."""
        deadline, attempt = time.monotonic() + PATIENCE_S, 0
        while True:
            why, pause_s = "", BACKOFF_S[min(attempt, len(BACKOFF_S) - 1)]
            try:
                answer = await self._client.request(method, path, content=content, headers={"Content-Type": BATCH})
            except httpx.TransportError as error:
                why = type(error).__name__
            else:
                if not _is_passing(answer):
                    return answer
                why, pause_s = str(answer.status_code), max(pause_s, _retry_after(answer))
            if time.monotonic() > deadline:
                raise Retry(f"the hub took nothing for {PATIENCE_S:.0f} s ({why}); the same command goes on")
            attempt += 1
            await asyncio.sleep(pause_s)


def _is_passing(answer: httpx.Response) -> bool:
    """Whether the same request may succeed later. Raises `Usage` where it never will."""
    if answer.status_code == httpx.codes.UNAUTHORIZED:
        raise Usage("the hub does not know this token.", "Make a new one: hub agency rotate CODE")
    if answer.status_code == httpx.codes.FORBIDDEN:
        raise Usage("this account is suspended.", "The city lets it go on: hub agency resume CODE")
    return answer.status_code == httpx.codes.TOO_MANY_REQUESTS or answer.status_code >= 500  # noqa: PLR2004


def _retry_after(answer: httpx.Response) -> float:
    given = answer.headers.get("Retry-After", "")
    return min(30.0, float(given)) if given.isdigit() else 0.0
