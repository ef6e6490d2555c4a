"""A caseworker's word from the API to the feed: merge, what follows, unmerge, and a replay that finds nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from hub.app import policy
from hub.audit.replay import replay
from hub.ledger.history import History
from hub.schemas import topics
from hub.schemas.topics import Formats, Types
from hub.town.accounts import accounts
from hub.town.formats import WELFARE_HEADER
from tests.flow.site import Site, envelope

ROWS = {
    "SB-1": ["강복남", "1951-04-03", "여", "010-4111-7222", "진주시 평거로 88, 205동 301호"],
    "SB-2": ["강보람", "", "여", "010-9333-1444", "진주시 상봉로 12, 1동 102호"],
}


def row(number: str, cells: list[str]) -> dict[str, Any]:
    values = dict(zip(("성명", "생년월일", "성별", "전화번호", "주소"), cells, strict=True))
    values |= {"의뢰번호": number, "욕구": "식품", "긴급여부": "", "접수일자": "2026-11-01", "동의": "서면"}
    data = {"header": list(WELFARE_HEADER), "cells": [values[t] for t in WELFARE_HEADER], "row": 1, "register": "대장"}
    return envelope("sangbong", number, Types.REFERRAL, Formats.WELFARE, data)


class Desk:
    """The city's desk in front of a running hub."""

    def __init__(self, site: Site) -> None:
        self.site = site
        site.start("consumer 0", "relay")
        site.start_web()
        site.register(accounts())
        site.settle()
        site.publish(topics.inbound("sangbong"), [row(number, cells) for number, cells in ROWS.items()])
        site.settle()
        headers = {"Authorization": f"Bearer {site.token('city')}"}
        self.api = httpx.Client(base_url=f"http://127.0.0.1:{site.web_port}", headers=headers, timeout=30)

    def kinds(self) -> list[str]:
        page = self.api.get("/v1/feed", params={"after": 0, "limit": 500}).json()
        return [e["data"]["kind"] for e in page["entries"] if not e["data"].get("sealed")]

    def persons(self) -> list[str]:
        found = self.site.sql("SELECT DISTINCT person::text FROM records ORDER BY 1")
        return [person for (person,) in found]


@pytest.fixture
def desk(tmp_path: Any) -> Iterator[Desk]:
    site = Site(tmp_path / "site")
    try:
        made = Desk(site)
        yield made
        made.api.close()
    finally:
        site.close()


def test_a_merge_and_its_unmerge_reach_the_feed_and_the_replay(desk: Desk) -> None:
    one, other = desk.persons()
    merged = desk.api.post(f"/v1/persons/{one}/merge?wait=20", json={"other": other, "reason": "asked_person"})
    assert merged.status_code == 200, merged.text
    (survivor,) = desk.persons()
    again = desk.api.post(f"/v1/persons/{one}/merge?wait=20", json={"other": other, "reason": "asked_person"})
    assert again.status_code == 409, again.text
    parted = desk.api.post(f"/v1/persons/{survivor}/unmerge?wait=20", json={"reason": "documents_seen"})
    assert parted.status_code == 200, parted.text
    assert desk.persons() == [one, other]
    kinds = desk.kinds()
    assert kinds.index("person.merged") < kinds.index("person.split")
    assert kinds.count("identity.decided") == 2
    desk.site.until(desk.site.relayed, 30)
    told = [e["data"]["kind"] for e in desk.site.read(topics.FEED) if "kind" in e["data"]]
    assert {"identity.decided", "person.merged", "person.split", "referral.duplicated"} <= set(told)
    case = desk.site.one("SELECT case_id::text FROM records WHERE person = %s", one)
    joined = desk.api.post(
        f"/v1/cases/{case}/join?wait=20",
        json={
            "other": desk.site.one("SELECT case_id::text FROM records WHERE person = %s", other),
            "reason": "documents_seen",
        },
    )
    assert joined.status_code == 200, joined.text
    split = desk.api.post(f"/v1/cases/{case}/split?wait=20", json={"persons": [other], "reason": "asked_person"})
    assert (split.status_code, [f["kind"] for f in split.json()["followed"]]) == (
        200,
        ["household.decided", "household.changed"],
    )
    assert (
        desk.api.post(f"/v1/cases/{other}/split", json={"persons": [one], "reason": "asked_person"}).status_code == 404
    )
    with History(desk.site.settings.database_url) as history:
        found = replay(history, policy(desk.site.settings))
    assert found.holds, found.difference
