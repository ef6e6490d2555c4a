"""The feed: pages by view, seals, streams that resume, heartbeats, and streams that end when an account does."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec
import orjson
import pytest

from hub.web.deps import Limits


def fill(fake: Any, kit: Any) -> None:
    """Positions 1 … 6: for the housing corporation 2 and 5, secret 3."""
    for number in range(1, 7):
        audience = ["a:victim", "p:victim_support"] if number == 3 else ["a:hosp", "p:welfare"]
        if number in {2, 5}:
            audience.append("a:lh")
        facts = {"referral": kit.uid(number), "to": "lh", "due": "", "urgency": "routine", "audience": audience}
        fake.post("referral.offered", facts | {"reason": "r", "rank": number}, kit.uid(0xC1))


def positions(answer: Any) -> list[int]:
    return [e["position"] for e in answer.json()["entries"]]


async def test_the_city_sees_every_position_and_seals_where_it_may_not_know(web: Any, fake: Any, kit: Any) -> None:
    fill(fake, kit)
    answer = await web.get("/v1/feed", "city")
    assert positions(answer) == [1, 2, 3, 4, 5, 6]
    sealed = answer.json()["entries"][2]
    assert sealed["data"] == {"position": 3, "sealed": True}
    assert kit.uid(3) not in answer.text
    assert answer.json()["next"] == 6


async def test_an_agency_sees_only_its_own_positions(web: Any, fake: Any, kit: Any) -> None:
    fill(fake, kit)
    answer = await web.get("/v1/feed", "lh")
    assert (positions(answer), answer.json()["next"]) == ([2, 5], 6)
    assert "sealed" not in answer.text
    assert "seq_in_case" not in answer.text


async def test_welfare_alone_does_not_open_others_positions(web: Any, fake: Any, kit: Any) -> None:
    fill(fake, kit)
    assert positions(await web.get("/v1/feed", "dong")) == []


async def test_an_auditor_sees_what_audit_may_know_and_seals_for_the_rest(web: Any, fake: Any, kit: Any) -> None:
    fill(fake, kit)
    fake.post("access.recorded", {"reader": "lh", "what": "person", "audience": ["p:audit"]})
    entries = (await web.get("/v1/feed", "auditor")).json()["entries"]
    assert ["sealed" in e["data"] for e in entries] == [True] * 6 + [False]


async def test_pages_join_without_a_gap_or_a_repeat(web: Any, fake: Any, kit: Any) -> None:
    fill(fake, kit)
    for agency, expected in (("lh", [2, 5]), ("city", [1, 2, 3, 4, 5, 6])):
        found, after = [], 0
        while True:
            answer = await web.get(f"/v1/feed?after={after}&limit=1", agency)
            if answer.json()["next"] == after:
                break
            found += positions(answer)
            after = answer.json()["next"]
        assert found == expected


@pytest.mark.parametrize(
    "query", ["after=-1", "after=9223372036854775808", "limit=0", "limit=1001", "after=x", "after=%00"]
)
async def test_an_absurd_page_is_400(web: Any, query: str) -> None:
    assert (await web.get(f"/v1/feed?{query}")).status_code == 400


async def test_behind_the_end_there_is_nothing_yet(web: Any) -> None:
    assert (await web.get("/v1/feed?after=9223372036854775807", "city")).json() == {
        "entries": [], "next": 9223372036854775807,
    }  # fmt: skip


# ------------------------------------------------------------------ streams
class Listener:
    """A client of the stream, driven over plain ASGI: httpx's transport would wait for its end."""

    def __init__(self, app: Any, agency: str, query: str = "", **headers: str) -> None:
        self.app, self.text, self.status, self.gone, self.heard = app, "", 0, asyncio.Event(), asyncio.Event()
        named = {"authorization": f"Bearer token-{agency}", "accept": "text/event-stream"} | headers
        self.scope = {
            "type": "http", "asgi": {"version": "3.0", "spec_version": "2.3"}, "http_version": "1.1",
            "method": "GET", "scheme": "http", "path": "/v1/feed", "raw_path": b"/v1/feed",
            "query_string": query.encode(), "root_path": "", "server": ("hub", 80), "client": ("c", 1),
            "headers": [(k.replace("_", "-").encode(), v.encode()) for k, v in named.items()],
        }  # fmt: skip
        self.task = asyncio.create_task(self.app(self.scope, self._receive, self._send))

    async def _receive(self) -> dict[str, Any]:
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: dict[str, Any]) -> None:
        self.status = message.get("status", self.status)
        self.text += message.get("body", b"").decode()
        self.heard.set()

    async def until(self, met: Callable[[str], bool]) -> str:
        async with asyncio.timeout(5):
            while not met(self.text):
                self.heard.clear()
                await self.heard.wait()
        return self.text

    async def leave(self) -> None:
        self.gone.set()
        async with asyncio.timeout(5):
            await self.task

    def events(self) -> list[tuple[int, dict[str, Any]]]:
        found = [block for block in self.text.split("\n\n") if "id: " in block]
        blocks = [dict(line.split(": ", 1) for line in block.split("\n") if line) for block in found]
        return [(int(b["id"]), orjson.loads(b["data"])) for b in blocks]


async def test_a_stream_gives_what_there_is_and_what_comes(web: Any, fake: Any, kit: Any) -> None:
    fill(fake, kit)
    listener = Listener(web.app, "lh")
    await listener.until(lambda text: "id: 5" in text)
    fill(fake, kit)
    fake.time += 1
    await listener.until(lambda text: "id: 11" in text)
    await listener.leave()
    assert [(i, e["position"]) for i, e in listener.events()] == [(2, 2), (5, 5), (8, 8), (11, 11)]


async def test_a_stream_resumes_behind_the_last_event(web: Any, fake: Any, kit: Any) -> None:
    fill(fake, kit)
    listener = Listener(web.app, "city", "after=1", last_event_id="4")
    await listener.until(lambda text: "id: 6" in text)
    await listener.leave()
    assert [i for i, _ in listener.events()] == [5, 6]


async def test_a_stream_and_a_page_say_the_same(web: Any, fake: Any, kit: Any) -> None:
    fill(fake, kit)
    listener = Listener(web.app, "city")
    await listener.until(lambda text: "id: 6" in text)
    await listener.leave()
    assert [e for _, e in listener.events()] == (await web.get("/v1/feed", "city")).json()["entries"]


async def test_a_quiet_stream_beats(make_web: Any, fake: Any) -> None:
    listener = Listener(make_web(limits=Limits(follow_s=0.001, heartbeat_s=15)).app, "lh")
    await listener.until(lambda text: "retry: " in text)
    fake.time += 15
    await listener.until(lambda text: ": heartbeat\n\n" in text)
    await asyncio.sleep(0.05)
    assert listener.text.count(": heartbeat") == 1, "the next one is due after as long again"
    await listener.leave()


async def test_a_suspended_account_is_cut_off(web: Any, fake: Any) -> None:
    listener = Listener(web.app, "lh")
    await listener.until(lambda text: "retry: " in text)
    fake.agencies["lh"] = msgspec.structs.replace(fake.agencies["lh"], state="suspended")
    fake.time += 1.01
    async with asyncio.timeout(5):
        await listener.task
    assert listener.events() == []


async def test_a_stream_outlives_a_short_absence_of_postgresql(web: Any, fake: Any, kit: Any) -> None:
    fill(fake, kit)
    listener = Listener(web.app, "lh")
    await listener.until(lambda text: "id: 5" in text)
    fake.postgresql_away = True
    fake.time += 5
    await asyncio.sleep(0.02)
    fake.postgresql_away = False
    fill(fake, kit)
    fake.time += 5
    await listener.until(lambda text: "id: 11" in text)
    await listener.leave()


@pytest.mark.parametrize("last", ["x", "-1", "9" * 30, ""])
async def test_a_last_event_id_that_is_no_position_is_400(web: Any, last: str) -> None:
    answer = await web.get("/v1/feed", headers={"Last-Event-ID": last, "Accept": "text/event-stream"})
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (400, "/header/last-event-id")


async def test_a_strangers_stream_is_401(web: Any) -> None:
    listener = Listener(web.app, "lh", authorization="Bearer wrong")
    await listener.task
    assert listener.status == 401


async def test_listeners_are_counted_while_they_listen(web: Any) -> None:
    listener = Listener(web.app, "lh")
    await listener.until(lambda text: "retry: " in text)
    assert "hub_web_feed_listeners 1.0" in (await web.client.get("/metrics")).text
    await listener.leave()
    assert "hub_web_feed_listeners 0.0" in (await web.client.get("/metrics")).text
