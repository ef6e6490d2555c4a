"""The way up over HTTP: order, patience, what is taken out of a batch, and what waiting cannot help."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import orjson
import pytest

from connectors.protocol import Receipt
from connectors.upstream import BATCH_EVENTS, Http
from hub.errors import Usage

Answering = Callable[[httpx.Request], httpx.Response]


def upstream(answer: Answering, waited: list[float] | None = None) -> Http:
    async def sleep(seconds: float) -> None:
        (waited if waited is not None else []).append(seconds)

    client = httpx.AsyncClient(base_url="http://hub", transport=httpx.MockTransport(answer))
    return Http("http://hub", "secret", sleep=sleep, client=client)


def events(count: int, pad: int = 0) -> list[dict[str, Any]]:
    return [{"id": f"m-{n}", "source": "//agency/lh/x", "data": {"pad": "x" * pad}} for n in range(count)]


def taken(request: httpx.Request) -> httpx.Response:
    found = [{"id": e["id"], "status": "accepted"} for e in orjson.loads(request.content)]
    return httpx.Response(202, json={"receipts": found})


async def test_batches_keep_the_order_and_the_hubs_bounds() -> None:
    sent: list[list[str]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        assert request.headers["Authorization"] == "Bearer secret"
        assert len(request.content) <= 4 * 1_048_576 + 2
        sent.append([e["id"] for e in orjson.loads(request.content)])
        return taken(request)

    receipts = await upstream(answer).send(events(1200, 9000))
    assert [id_ for batch in sent for id_ in batch] == [f"m-{n}" for n in range(1200)]
    assert max(map(len, sent)) <= BATCH_EVENTS
    assert {r.status for r in receipts} == {"pending"}


async def test_while_the_hub_is_away_the_same_bytes_are_sent_again_ever_more_slowly() -> None:
    bodies: list[bytes] = []
    waited: list[float] = []

    def answer(request: httpx.Request) -> httpx.Response:
        bodies.append(request.content)
        if len(bodies) < 4:
            raise httpx.ConnectError("refused")
        if len(bodies) < 12:
            return httpx.Response(503, headers={"Retry-After": "7"} if len(bodies) == 4 else {})
        return taken(request)

    (receipt,) = await upstream(answer, waited).send(events(1))
    assert receipt.status == "pending"
    assert len(set(bodies)) == 1
    assert waited[3] >= 7
    assert waited[0] < waited[2] < waited[6] <= 60
    assert max(waited) <= 60


async def test_what_was_decided_before_it_came_again_is_asked_for_with_its_referrals() -> None:
    """Killed between the hub's answer and our note of it, an event is sent again: the answer names no referral."""
    told = {"id": "m-0", "source": "//agency/lh/x", "status": "recorded", "position": 4}

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/v1/events":
            return httpx.Response(202, json={"receipts": [told | {"status": "seen", "verdict": "recorded"}]})
        return httpx.Response(200, json={"receipts": [told | {"verdict": "recorded", "referrals": [{"id": "r-1"}]}]})

    up = upstream(answer)
    (sent,) = await up.send(events(1))
    assert sent.status == "pending"
    (decided,) = await up.receipts([sent])
    assert (decided.status, decided.referrals) == ("recorded", ({"id": "r-1"},))


async def test_what_the_door_refuses_leaves_the_batch_with_its_reasons() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        held = [e["id"] for e in orjson.loads(request.content)]
        if "m-1" in held:
            error = {"pointer": f"/{held.index('m-1')}/data/x", "code": "wrong", "detail": "no"}
            return httpx.Response(400, json={"title": "invalid", "errors": [error]})
        return taken(request)

    receipts = await upstream(answer).send(events(3))
    assert [r.status for r in receipts] == ["pending", "refused", "pending"]
    assert receipts[1].reasons == ({"path": "/data/x", "code": "wrong", "text": "no"},)


@pytest.mark.parametrize("status", [401, 403])
async def test_a_token_that_does_not_open_is_told_at_once(status: int) -> None:
    waited: list[float] = []
    with pytest.raises(Usage, match="token"):
        await upstream(lambda _: httpx.Response(status), waited).send(events(1))
    assert waited == []


async def test_receipts_bring_the_referrals_that_came_of_them() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        asked = orjson.loads(request.content)["messages"]
        known = {"status": "recorded", "position": 9, "referrals": [{"id": "r", "state": "offered"}]}
        told = [m | (known if m["id"] == "m-1" else {"status": "pending"}) for m in asked]
        return httpx.Response(200, json={"receipts": told})

    waiting = [Receipt(f"m-{n}", "//agency/lh/x", "pending") for n in range(3)]
    (told,) = await upstream(answer).receipts(waiting)
    assert (told.id, told.status, told.position) == ("m-1", "recorded", 9)
    assert told.referrals == ({"id": "r", "state": "offered"},)


async def test_changes_go_on_behind_the_last_position_and_leave_out_what_is_sealed() -> None:
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.params["after"])
        entries = [
            {"position": 4, "data": {"position": 4, "sealed": True}},
            {"position": 5, "data": {"kind": "referral.offered", "heard": "t", "facts": {"referral": "r"}}},
        ]
        return httpx.Response(200, json={"entries": entries, "next": 5})

    way = upstream(answer)
    changes, next_ = await way.changes("")
    assert ([c.position for c in changes], next_) == ([5], "5")
    await way.changes("9@41")
    assert asked == ["0", "9"]


async def test_an_event_the_hub_never_takes_for_its_size_is_refused_and_the_next_goes_on() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(413, json={"title": "Too large"}) if b"m-0" in request.content else taken(request)

    way = upstream(answer)
    (refused,) = await way.send(events(1))
    assert (refused.status, [r["code"] for r in refused.reasons]) == ("refused", ["too_large"])
    (next_one,) = await way.send(events(2)[1:])
    assert next_one.status == "pending"


async def test_one_that_is_too_large_leaves_the_batch_and_those_around_it_go_on() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        """As the hub says it: 413 with a pointer."""
        held = [e["id"] for e in orjson.loads(request.content)]
        if "m-1" in held:
            error = {"pointer": f"/{held.index('m-1')}", "code": "too_large", "detail": "At most 1048576 bytes."}
            return httpx.Response(413, json={"title": "too large", "errors": [error]})
        return taken(request)

    receipts = await upstream(answer).send(events(3))
    assert [r.status for r in receipts] == ["pending", "refused", "pending"]
    assert receipts[1].reasons[0]["code"] == "too_large"


async def test_a_proxy_with_a_smaller_bound_than_the_hubs_is_sent_smaller_batches_in_order() -> None:
    sent: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        held = [e["id"] for e in orjson.loads(request.content)]
        if len(held) > 2:
            return httpx.Response(413, text="<html>Request Entity Too Large</html>")
        sent.extend(held)
        return taken(request)

    receipts = await upstream(answer).send(events(9))
    assert [r.status for r in receipts] == ["pending"] * 9
    assert sent == [f"m-{n}" for n in range(9)]


async def test_a_refusal_that_does_not_say_of_which_event_is_asked_again_of_fewer() -> None:
    sent: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        held = [e["id"] for e in orjson.loads(request.content)]
        if "m-2" in held:
            return httpx.Response(400, json={"title": "The request is not valid"})
        sent.extend(held)
        return taken(request)

    receipts = await upstream(answer).send(events(5))
    assert [r.status for r in receipts] == ["pending", "pending", "refused", "pending", "pending"]
    assert receipts[2].reasons[0]["text"] == "The request is not valid"
    assert sent == ["m-0", "m-1", "m-3", "m-4"]


@pytest.mark.parametrize("status", [200, 202, 400, 422])
async def test_an_answer_that_is_not_the_hubs_is_nobodys(status: int) -> None:
    """A sign-in page or a proxy's own words: what was sent waits, and nothing is refused or believed for it."""
    waited: list[float] = []

    def answer(request: httpx.Request) -> httpx.Response:
        if len(waited) < 3:
            return httpx.Response(status, text="<html>Please sign in</html>")
        return taken(request)

    (receipt,) = await upstream(answer, waited).send(events(1))
    assert (receipt.status, len(waited)) == ("pending", 3)
    page = upstream(lambda _: httpx.Response(200, text="<html>Please sign in</html>"))
    assert await page.receipts([Receipt("m-0", "//agency/lh/x", "pending")]) == []
    assert await page.changes("7") == ([], "7")
    assert await page.reach() == 0
    with pytest.raises(Usage, match="does not answer"):
        await page.preview(events(1))


async def test_an_answer_that_broke_on_its_way_is_nobodys() -> None:
    waited: list[float] = []

    def answer(request: httpx.Request) -> httpx.Response:
        if waited:
            return taken(request)
        return httpx.Response(202, headers={"Content-Encoding": "gzip"}, stream=httpx.ByteStream(b"no gzip"))

    (receipt,) = await upstream(answer, waited).send(events(1))
    assert (receipt.status, len(waited)) == ("pending", 1)


async def test_a_retry_after_that_is_no_number_is_none() -> None:
    waited: list[float] = []

    def answer(request: httpx.Request) -> httpx.Response:
        return taken(request) if waited else httpx.Response(503, headers={"Retry-After": b"\xb2"})

    (receipt,) = await upstream(answer, waited).send(events(1))
    assert (receipt.status, len(waited)) == ("pending", 1)
