"""A directory through real Kafka and PostgreSQL: listed, in the feed, told by the API, seen again, decided the same."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import httpx
import pytest

from connectors.hsds import HsdsConnector
from tests.connectors.hsds.test_looking import PUBLISHED, SAMPLES
from tests.connectors.town import hub, running, until, verdicts
from tests.flow.proof import audited
from tests.flow.site import Site

NOW = "2026-11-22T03:00:00.000Z"
PERSON = ("한가람", "010-4321-8765", "Ann Persona")
SET_ORDER = ("진주 따뜻한집", "평거종합사회복지관", "남강상담소", "희망나눔센터")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with hub(tmp_path_factory.mktemp("directory")) as held:
        yield held


@pytest.fixture(scope="module")
def city(site: Site) -> Iterator[Reader]:
    with Reader(site, "city") as held:
        yield held


class Reader:
    """The API as one agency."""

    def __init__(self, site: Site, agency: str) -> None:
        headers = {"Authorization": f"Bearer {site.token(agency)}"}
        self.client = httpx.Client(base_url=f"http://127.0.0.1:{site.web_port}", headers=headers, timeout=20)

    def get(self, path: str, **parameters: Any) -> Any:
        answer = self.client.get(path, params=parameters)
        assert answer.is_success, answer.text
        return answer.json()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *ended: object) -> None:
        self.client.close()

    def directory(self) -> dict[str, dict[str, Any]]:
        return {row["name"]: row for row in self.get("/v1/directory")["listings"]}

    def listed(self) -> list[dict[str, Any]]:
        entries = self.get("/v1/feed", after=0, limit=1000)["entries"]
        found = [entry["data"] for entry in entries if not entry["data"].get("sealed")]
        return [data for data in found if data["kind"] == "directory.listed"]


async def test_a_directory_reaches_feed_and_api_once_and_is_decided_the_same_again(
    site: Site, city: Reader, tmp_path: Path
) -> None:
    place = tmp_path / "directory"
    shutil.copytree(SAMPLES, place)
    config = {"path": str(place), "poll_s": 0.1}
    async with running(site, tmp_path, "sangbong", HsdsConnector, config, NOW) as runner:
        await until(lambda: verdicts(site) == {"recorded": 4})
        await until(lambda: len(city.listed()) == 4)
        rows = city.directory()
        assert sorted(rows) == sorted(SET_ORDER)
        warm = city.get(f"/v1/directory/{rows['진주 따뜻한집']['listing']}")
        assert "capacity_contradicts" in warm["flags"]
        assert warm["organization"]["services"][0]["capacities"][0]["available"] == 12
        await until(lambda: told(place) == {"recorded": 4})
        # Written again, every file of it: nothing changed.
        taken = runner.taken
        for path in place.rglob("*.json"):
            if path.name != "ieum-report.json":
                path.write_bytes(path.read_bytes())
        await asyncio.sleep(1)
        assert runner.taken == taken
        full = place / "organization-full.json"
        full.write_text(full.read_text("utf-8").replace("밑반찬 배달", "도시락 배달"), "utf-8")
        await until(lambda: len(city.listed()) == 5)
    changed = city.listed()[-1]["facts"]
    assert (changed["change"], changed["listing"]) == ("changed", rows["평거종합사회복지관"]["listing"])
    names = [service["name"] for service in city.get(f"/v1/directory/{changed['listing']}")["organization"]["services"]]
    assert "도시락 배달" in names
    with Reader(site, "lh") as corporation:
        assert corporation.directory() == {}
    assert [word for word in PERSON if word in json.dumps([city.listed(), warm], ensure_ascii=False)] == []


async def test_the_same_directory_from_another_machine_is_seen_or_says_nothing_new(site: Site, tmp_path: Path) -> None:
    before = site.one("SELECT size FROM head")
    place = tmp_path / "directory"
    shutil.copytree(SAMPLES, place)
    full = place / "organization-full.json"
    full.write_text(full.read_text("utf-8").replace("밑반찬 배달", "도시락 배달"), "utf-8")
    async with running(site, tmp_path, "sangbong", HsdsConnector, {"path": str(place), "poll_s": 0.1}, NOW):
        await until(lambda: sum(verdicts(site).values()) == 9)
    found = verdicts(site)
    assert (found["recorded"], found["seen"], found["no-op"]) == (5, 3, 1)
    assert site.one("SELECT size FROM head") == before


@pytest.mark.skipif(not PUBLISHED.exists(), reason="the standard's own examples are not on this machine")
async def test_the_standards_own_examples_are_listed_with_what_they_contradict(
    site: Site, city: Reader, tmp_path: Path
) -> None:
    place = tmp_path / "published"
    shutil.copytree(PUBLISHED, place, copy_function=shutil.copyfile)
    place.chmod(0o755)
    (place / "csv").chmod(0o755)
    async with running(site, tmp_path, "sangbong", HsdsConnector, {"path": str(place), "poll_s": 0.1}, NOW):
        await until(lambda: "Example Organization Inc." in city.directory())
    row = city.directory()["Example Organization Inc."]
    assert {"place_impossible", "belongs_elsewhere", "extent_unreadable"} == set(row["flags"])
    assert (row["services"], row["locations"], row["contacts_withheld"]) == (1, 1, 1)
    assert "Ann Persona" not in json.dumps(city.get(f"/v1/directory/{row['listing']}"))


def test_the_ledger_verifies_and_replays_to_the_same_root(site: Site) -> None:
    audited(site)


def told(place: Path) -> dict[str, int]:
    path = place / "ieum-report.json"
    return dict(json.loads(path.read_bytes())["hub"]) if path.exists() else {}
