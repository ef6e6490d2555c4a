"""The published directory over the API: what the caller may know, in order, without anybody's name."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import pytest

from hub.core.listings import Listing, ListingDoc
from tests.web.conftest import NONSENSE, NOW, FakeHub, Web, uid


@pytest.fixture
def shelf(fake: FakeHub, monkeypatch: pytest.MonkeyPatch) -> list[Listing]:
    """Listings behind the fake, filtered by audience as PostgreSQL does."""
    held: list[Listing] = []

    def listings(listeners: Collection[str], after: int, limit: int) -> list[Listing]:
        return [one for one in held if one.position > after and set(one.audience) & set(listeners)][:limit]

    def listing(id: str, listeners: Collection[str]) -> Listing | None:  # noqa: A002
        return next((one for one in listings(listeners, 0, 1000) if one.id == id), None)

    monkeypatch.setattr(fake, "listings", listings, raising=False)
    monkeypatch.setattr(fake, "listing", listing, raising=False)
    return held


def listing(number: int, purpose: str = "welfare", content: dict[str, Any] | None = None) -> Listing:
    doc = ListingDoc(content or {"id": f"o-{number}", "name": f"복지관 {number}"}, 2, 1, 1, ("상봉동",), ("goes_back",))
    return Listing(uid(number), "dong", "0" * 64, NOW, number, NOW, ("a:dong", f"p:{purpose}"), doc)


async def test_a_page_shows_each_listing_and_where_to_go_on(web: Web, shelf: list[Listing]) -> None:
    shelf += [listing(3), listing(5), listing(8)]
    page = (await web.get("/v1/directory?limit=2", "city")).json()
    assert [row["name"] for row in page["listings"]] == ["복지관 3", "복지관 5"]
    assert page["listings"][0]["contacts_withheld"] == 2
    rest = (await web.get(f"/v1/directory?after={page['next']}", "city")).json()
    assert ([row["position"] for row in rest["listings"]], rest["next"]) == ([8], 8)
    assert (await web.get("/v1/directory?after=8", "city")).json() == {"listings": [], "next": 8}


async def test_one_is_told_whole_and_no_read_is_recorded(web: Web, fake: FakeHub, shelf: list[Listing]) -> None:
    shelf.append(listing(3, content={"id": "o", "name": "복지관", "services": [{"id": "s", "name": "식사"}]}))
    told = (await web.get(f"/v1/directory/{uid(3)}", "city")).json()
    assert told["organization"]["services"] == [{"id": "s", "name": "식사"}]
    assert fake.published == []


@pytest.mark.parametrize(("agency", "sees"), [("city", False), ("victim", True), ("dong", True), ("none", False)])
async def test_a_directory_of_victim_support_is_absent_for_others(
    web: Web, shelf: list[Listing], agency: str, *, sees: bool
) -> None:
    shelf.append(listing(3, "victim_support"))
    answer = await web.get(f"/v1/directory/{uid(3)}", agency)
    nonsense = await web.get(f"/v1/directory/{NONSENSE}", agency)
    assert (answer.status_code, nonsense.status_code) == (200 if sees else 404, 404)
    assert sees or answer.json() == nonsense.json()
    assert bool((await web.get("/v1/directory", agency)).json()["listings"]) is sees


async def test_nobody_without_a_token_reads_the_directory(web: Web, shelf: list[Listing]) -> None:
    shelf.append(listing(3))
    answer = await web.client.get("/v1/directory")
    assert answer.status_code == 401
