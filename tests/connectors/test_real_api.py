"""The way up against the hub's real API over a hub in memory: send, receipts with referrals, changes, preview."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from connectors.protocol import Origin
from connectors.upstream import Http
from hub.errors import Usage
from hub.schemas.envelope import RAW_LIMIT
from hub.schemas.topics import Formats
from hub.town.formats import WELFARE_HEADER
from hub.web.app import create_app
from tests.core.decide.telling import web_deps
from tests.core.decide.world import World

AGENCY = "sangbong"
ROW = {"의뢰번호": "SB-1", "성명": "박순자", "생년월일": "1948-03-02", "욕구": "식품", "접수일자": "2026-11-01"}


def row(number: int, **cells: str) -> dict[str, Any]:
    held = ROW | {"의뢰번호": f"SB-{number}"} | cells
    data = {"header": list(WELFARE_HEADER), "cells": [held.get(t, "") for t in WELFARE_HEADER], "row": number}
    origin = Origin(AGENCY, "files", b"k" * 32, lambda: "2026-11-02T00:00:00.000Z")
    return origin.event(Formats.WELFARE, number, data=data)


def way(world: World, agency: str = AGENCY) -> Http:
    transport = httpx.ASGITransport(create_app(web_deps(world)))
    return Http("http://hub", f"token-{agency}", client=httpx.AsyncClient(base_url="http://hub", transport=transport))


async def test_what_is_sent_comes_back_as_receipts_with_its_referrals_and_as_changes() -> None:
    world = World()
    upstream = way(world)
    events = [row(1), row(2, 욕구="없는 것"), row(3, 욕구="세탁")]
    sent = await upstream.send([*events, {**row(4), "type": "kr.ieum.nothing.v1"}])
    assert sent[3].status == "refused"
    assert sent[3].reasons[0]["code"] == "unknown_type"
    told = await upstream.receipts(list(sent[:3]))
    assert [t.status for t in told] == ["recorded", "refused", "recorded"]
    assert [r["number"] for t in told for r in t.referrals] == ["SB-1", "SB-3"]
    assert told[0].referrals[0]["state"] == "offered"
    assert told[1].reasons[0]["path"]
    again = await upstream.send(events)
    assert [r.status for r in again] == ["pending", "refused", "pending"]  # "seen" names no referral: asked for below
    assert [r.referrals for r in await upstream.receipts(list(again))] == [t.referrals for t in told]

    offered = told[0].referrals[0]
    world.answer(offered["receiver"], offered["id"], "accept")
    (now,) = await upstream.receipts([sent[0]])
    assert now.referrals[0]["state"] == "accepted"
    await upstream.close()


async def test_one_event_that_is_larger_than_the_hub_takes_holds_up_nobody() -> None:
    upstream = way(World())
    fat = row(2) | {"data": {"pad": "x" * RAW_LIMIT}}
    sent = await upstream.send([row(1), fat, row(3)])
    assert [s.status for s in sent] == ["pending", "refused", "pending"]
    assert (sent[1].reasons[0]["path"], sent[1].reasons[0]["code"]) == ("", "too_large")
    assert [t.status for t in await upstream.receipts([sent[0], sent[2]])] == ["recorded", "recorded"]
    await upstream.close()


async def test_another_agencys_messages_stay_pending() -> None:
    world = World()
    mine, theirs = way(world), way(world, "lh")
    sent = await mine.send([row(1)])
    assert await theirs.receipts(sent) == []
    assert len(await mine.receipts(sent)) == 1
    await mine.close()
    await theirs.close()


async def test_a_preview_shows_the_claim_and_records_nothing() -> None:
    world = World()
    upstream = way(world)
    before = len(world.entries)
    good, bad = await upstream.preview([row(1), row(2, 욕구="없는 것")])
    assert (good["verdict"], good["claim"]["needs"]) == ("acceptable", ["food"])
    assert (bad["verdict"], bool(bad["reasons"])) == ("refused", True)
    assert len(world.entries) == before
    await upstream.close()


async def test_a_preview_without_a_hub_says_so() -> None:
    def nobody(_: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    client = httpx.AsyncClient(base_url="http://hub", transport=httpx.MockTransport(nobody))
    upstream = Http("http://hub", "t", client=client)
    with pytest.raises(Usage, match="does not answer"):
        await upstream.preview([row(1)])
    assert await upstream.reach() == 0
    await upstream.close()
