"""`POST /v1/preview`: what would be understood of one's own events; nothing stored, nothing sent, nobody else's."""

from __future__ import annotations

from typing import Any

import orjson

from hub.schemas.topics import Formats
from hub.town.formats import WELFARE_HEADER

BATCH = {"Content-Type": "application/cloudevents-batch+json"}
ROW = {"의뢰번호": "SB-1", "성명": "박순자", "욕구": "식품", "접수일자": "2026-11-18", "전화번호": "010-4821-7733"}


def row(sample: Any, agency: str = "dong", **cells: str) -> dict[str, Any]:
    held = ROW | cells
    data = {"header": list(WELFARE_HEADER), "cells": [held.get(t, "") for t in WELFARE_HEADER], "row": 2}
    return dict(sample(agency, dataschema=Formats.WELFARE, data=data))


def ask(web: Any, events: list[Any], agency: str = "dong") -> Any:
    return web.post("/v1/preview", agency, content=orjson.dumps(events), headers=BATCH)


async def test_each_event_is_shown_as_it_would_be_read(web: Any, fake: Any, sample: Any) -> None:
    answer = await ask(web, [row(sample), row(sample, 접수일자="2026-02-31"), row(sample, 욕구="모름")])
    assert answer.status_code == 200
    good, *broken = answer.json()["previews"]
    assert (good["verdict"], good["kind"], good["claim"]["needs"]) == ("acceptable", "referral", ["food"])
    assert good["claim"]["person"]["name"] == "박순자"
    assert good["claim"]["person"]["phones"] == ["+821048217733"]
    assert [b["verdict"] for b in broken] == ["refused", "refused"]
    assert all(r["path"] and r["code"] and r["text"] for b in broken for r in b["reasons"])
    assert answer.headers["Cache-Control"] == "no-store"
    assert fake.published == []
    assert fake.polls == 0


async def test_a_strangers_event_is_refused_by_its_source(web: Any, sample: Any) -> None:
    (told,) = (await ask(web, [row(sample, "lh")])).json()["previews"]
    assert told["verdict"] == "refused"
    assert told["reasons"][0]["code"] == "foreign_source"
    assert "박순자" not in str(told)


async def test_what_is_no_event_is_told_in_its_place(web: Any, sample: Any) -> None:
    previews = (await ask(web, [1, row(sample), {}])).json()["previews"]
    assert [p["verdict"] for p in previews] == ["refused", "acceptable", "refused"]


async def test_a_single_event_and_too_many(web: Any, sample: Any) -> None:
    headers = {"Content-Type": "application/cloudevents+json"}
    one = await web.post("/v1/preview", "dong", content=orjson.dumps(row(sample)), headers=headers)
    assert len(one.json()["previews"]) == 1
    assert (await ask(web, [row(sample)] * 101)).status_code == 413
    assert (await web.post("/v1/preview", "dong", content=b"{", headers=BATCH)).status_code == 400
    assert (
        await web.post("/v1/preview", "dong", content=b"{}", headers={"Content-Type": "text/csv"})
    ).status_code == 415
