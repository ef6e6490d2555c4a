"""The sample hospital's messages over MLLP to a real hub: what comes of them, and what the hospital hears back."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from connectors.hl7v2 import Hl7v2Connector
from connectors.hl7v2.mllp import framed
from connectors.hl7v2.partner import acknowledgment
from connectors.runner import Runner
from connectors.testing import free_port, until
from hub.schemas import topics
from hub.town.accounts import SAMPLE, accounts
from tests.connectors.hl7v2.hospital import Client, Receiver, ref, segments
from tests.connectors.town import hub, running
from tests.core.decide.test_jinju import EXPECTED, SAMPLES, messages
from tests.flow.site import Site

NOW = "2026-11-18T03:00:00.000Z"
FILES = ("hospital-hl7v2-1.hl7", "hospital-hl7v2-2.hl7")
#: Who is asked for what the hospital refers; the other kinds of the town need not exist here.
ASKED = {"city_desk", "city_team", "public_health", "home_doctor", "home_care", "dementia_center"}
NUMBERS = {"JI0000881": "JI-26-3391", "JI0000882": "JI-26-3392"}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A hub with its accounts, and everything that the other agencies of the sample sent."""
    with hub(tmp_path_factory.mktemp("town"), [a for a in accounts() if a in SAMPLE or a.kind in ASKED]) as made:
        for topic, event in messages():
            if topic != topics.inbound("jeil"):
                made.publish(topic, [event])
        made.settle()
        yield made


@asynccontextmanager
async def connected(site: Site, folder: Path, receiver: Receiver) -> AsyncIterator[tuple[Client, Runner, str]]:
    """The hospital's connector, running, and its token."""
    port, token = free_port(), site.token("jeil")
    told = {"partner_host": "127.0.0.1", "partner_port": receiver.port, "memory_file": folder / "memory.sqlite"}
    async with running(site, folder, "jeil", Hl7v2Connector, {"port": port, **told}, NOW, token) as runner:
        await receiver.start()
        await asyncio.sleep(0.3)
        client = await Client.to(port)
        try:
            yield client, runner, token
        finally:
            client.close()
            await receiver.stop()


async def heard(receiver: Receiver, count: int) -> list[dict[str, list[str]]]:
    await until(lambda: len(receiver.heard) >= count)
    return [segments(octets) for octets in receiver.heard]


async def heard_of(receiver: Receiver, state: str) -> dict[str, list[str]]:
    """The first RRI that tells of this state."""
    told: list[dict[str, list[str]]] = []

    def found() -> bool:
        told[:] = [one for one in map(segments, receiver.heard) if one["ZIU"][2] == state]
        return bool(told)

    await until(found)
    return told[0]


async def test_the_samples_come_to_what_is_expected_and_the_hospital_hears_it(site: Site, tmp_path: Path) -> None:
    receiver = Receiver(free_port())
    async with connected(site, tmp_path, receiver) as (client, runner, token):
        for name in FILES:
            await client.send(framed((SAMPLES / name).read_bytes()))
            assert acknowledgment(await client.answer())[0] == "CA"
            assert acknowledgment(await client.answer())[0] == "AA"
        told = await heard(receiver, 2)
        states = {NUMBERS[one["ZIU"][8]]: one for one in told if one["ZIU"][8] in NUMBERS}
        assert states.keys() == {"JI-26-3391", "JI-26-3392"}
        for number, one in states.items():
            assert one["RF1"][6].split("^")[0] == number
            assert one["RF1"][1].startswith("P^")
            known = _seen(site, token, one["RF1"][11])
            assert known["state"] == one["ZIU"][2]
            assert known["need"] == EXPECTED["needs"][number]
        assert runner.refused == 0
    _as_expected(site, {number: one["RF1"][11] for number, one in states.items()})


async def test_what_the_hub_refuses_is_told_with_its_place(site: Site, tmp_path: Path) -> None:
    receiver = Receiver(free_port())
    async with connected(site, tmp_path, receiver) as (client, runner, _):
        octets = ref(1).replace(b"discharge_care", b"moon_flight")
        assert acknowledgment(await client.ask(octets))[0] == "AA"
        (told,) = await heard(receiver, 1)
        assert told["MSH"][9].startswith("RRI^I14")
        assert told["RF1"][1].startswith("R^")
        assert told["ERR"][2] == "RF1^1^3"
        assert "moon_flight" in told["ERR"][8]
        assert runner.refused == 1


async def test_an_acceptance_reaches_the_hospital(site: Site, tmp_path: Path) -> None:
    receiver = Receiver(free_port())
    async with connected(site, tmp_path, receiver) as (client, _, _):
        octets = ref(40, name="문^가람").replace(b"19480302", b"19610704").replace(b"01023456789", b"01077778888")
        assert acknowledgment(await client.ask(octets))[0] == "AA"
        offer = await heard_of(receiver, "offered")
        assert offer["ZIU"][4]
        assert offer["ZIU"][5]
        token = site.token(offer["ZIU"][4])
        url = f"http://127.0.0.1:{site.web_port}/v1/referrals/{offer['ZIU'][1]}/accept"
        answer = await asyncio.to_thread(httpx.post, url, headers={"Authorization": f"Bearer {token}"}, timeout=20)
        assert answer.status_code == 200, answer.text
        news = await heard_of(receiver, "accepted")
        assert news["RF1"][1] == "A^Accepted^HL70283"
        assert news["RF1"][6] == "JI-26-40^JEIL"
        assert news["RF1"][11] == offer["RF1"][11]


def _seen(site: Site, token: str, referral: str) -> dict[str, str]:
    """A referral as its sender sees it."""
    url = f"http://127.0.0.1:{site.web_port}/v1/referrals/{referral}"
    answer = httpx.get(url, headers={"Authorization": f"Bearer {token}"}, timeout=20)
    assert answer.status_code == 200, answer.text
    found: dict[str, str] = answer.json()
    return found


def _as_expected(site: Site, mine: dict[str, str]) -> None:
    """The ledger's own facts: persons counted, and both referrals of the hospital are somebody's duplicate pair."""
    assert site.one("SELECT count(DISTINCT person) FROM records") == len(EXPECTED["persons"])
    pairs = [p for p in EXPECTED["duplicates"] if set(p) & mine.keys()]
    assert len(pairs) == 2
    rows = site.sql("SELECT r.id::text FROM referrals r WHERE r.agency = 'jeil'")
    assert {row[0] for row in rows} == set(mine.values())
    linked = site.sql("SELECT e.entry FROM entries e")
    doubles = [json.loads(bytes(e).decode() if isinstance(e, bytes | memoryview) else e) for (e,) in linked]
    found = {e["facts"]["referral"] for e in doubles if e["facts"].get("duplicate_of")}
    assert found >= set(mine.values()), "the hospital's came last, so they are the later ones"
