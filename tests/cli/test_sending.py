"""What the hub does not take is sent again under the same ids; what it never will is named, and the rest goes on."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import httpx
import orjson
import pytest

from hub.cli import receipts, sending
from hub.cli.receipts import Receipt
from hub.cli.sending import Door
from hub.errors import Usage
from hub.schemas.topics import Formats, Types

Answer = Callable[[list[dict[str, Any]]], httpx.Response]


def event(number: int, key: str = "k") -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": f"m{number}",
        "source": "//agency/devices/files",
        "type": Types.SIGNAL,
        "time": "2026-11-22T00:00:00Z",
        "dataschema": Formats.DEVICE,
        "partitionkey": key,
        "data": {"device": f"wm-{number}"},
    }


def taken(events: list[dict[str, Any]]) -> httpx.Response:
    held = [{"id": e["id"], "status": "recorded", "verdict": "recorded", "position": 7} for e in events]
    return httpx.Response(200, json={"receipts": held})


def sent(events: list[dict[str, Any]], answers: list[Answer]) -> tuple[list[Receipt], list[list[str]]]:
    """The receipts, and the ids of each request; the last answer goes on."""
    asked: list[list[str]] = []

    def handle(request: httpx.Request) -> httpx.Response:
        batch = orjson.loads(request.content)
        asked.append([e["id"] for e in batch])
        return answers[min(len(asked), len(answers)) - 1](batch)

    async def run() -> list[Receipt]:
        async with httpx.AsyncClient(transport=httpx.MockTransport(handle), base_url="http://hub") as client:
            door = Door(client, events, time.monotonic() + 5, lambda _: None)
            await door.send(list(range(len(events))))
            return [door.receipts[place] for place in range(len(events))]

    return asyncio.run(run()), asked


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "BACKOFF_S", (0.001,))


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_hub_that_asks_to_wait_gets_the_same_again(status: int) -> None:
    found, asked = sent([event(1), event(2)], [lambda _: httpx.Response(status), taken])
    assert [r.status for r in found] == ["recorded", "recorded"]
    assert asked == [["m1", "m2"], ["m1", "m2"]]


def test_a_lost_connection_gets_the_same_again() -> None:
    def lost(_: list[dict[str, Any]]) -> httpx.Response:
        raise httpx.ConnectError("gone")

    found, asked = sent([event(1)], [lost, lost, taken])
    assert found[0].status == "recorded"
    assert asked == [["m1"]] * 3


def test_what_the_door_refuses_is_named_and_the_rest_goes_on() -> None:
    def refuse_second(_: list[dict[str, Any]]) -> httpx.Response:
        error = {"pointer": "/1/type", "code": "unknown_type", "detail": "This type is not known."}
        return httpx.Response(400, json={"title": "not valid", "errors": [error]})

    found, asked = sent([event(1), event(2), event(3)], [refuse_second, taken])
    assert [r.status for r in found] == ["recorded", "refused", "recorded"]
    assert found[1].row() == ("wm-2", "refused", "/type: This type is not known.")
    assert asked[1] == ["m1", "m3"]


@pytest.mark.parametrize("status", [401, 403])
def test_a_token_that_does_not_work_is_not_tried_again(status: int) -> None:
    with pytest.raises(Usage):
        sent([event(1)], [lambda _: httpx.Response(status)])


def test_batches_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "BATCH_EVENTS", 2)
    _, asked = sent([event(n) for n in range(5)], [taken])
    assert asked == [["m0", "m1"], ["m2", "m3"], ["m4"]]


def test_an_accepted_message_without_a_verdict_is_pending() -> None:
    answer = {"id": "m1", "status": "accepted", "verdict": "pending"}
    assert receipts.of_answer(event(1), answer).status == "pending"


def test_a_repeat_of_a_refused_message_still_fails() -> None:
    answer = {"id": "m1", "status": "seen", "verdict": "refused", "reasons": [{"path": "", "code": "c", "text": "t"}]}
    assert receipts.of_answer(event(1), answer).failed
