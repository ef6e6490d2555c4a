"""The sample town whole: the prosecutors call the webhook, devices speak to the broker, all others drop their files."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from connectors.files import FilesConnector
from connectors.mqtt import MqttConnector
from connectors.testing import free_port
from connectors.webhook import WebhookConnector
from tests.connectors.mqtt.platform import Broker, Devices
from tests.connectors.town import as_expected, drop, hub, running, until, verdicts
from tests.connectors.webhook.office import CALLBACK, PATH, SECRET, Desk, signed
from tests.core.decide.test_jinju import EXPECTED, FILES, SAMPLES
from tests.flow.site import Site

NOW = "2026-11-22T03:00:00.000Z"
OTHERS = {name: agency for name, agency in FILES.items() if agency not in {"prosecutors", "devices"}}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with hub(tmp_path_factory.mktemp("signed-town")) as held:
        yield held


def dropped(folder: Path, agency: str) -> dict[str, Any]:
    """A drop that holds the agency's files."""
    return drop(folder / agency, [n for n, owner in OTHERS.items() if owner == agency]) | {"report": "none"}


def lines(name: str) -> list[bytes]:
    return [line for line in (SAMPLES / name).read_bytes().splitlines() if line.strip()]


async def called(port: int) -> None:
    """The prosecutors' office calls, each request twice."""
    patient = httpx.AsyncHTTPTransport(retries=5)  # the listener may not be up yet
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", transport=patient) as client:
        for body in lines("prosecutors-victim-support.jsonl"):
            for status in (202, 200):
                answer = await client.post(PATH, content=body, headers=signed(body))
                assert answer.status_code == status, answer.text


async def spoken(devices: Devices) -> None:
    """The devices speak, each reading twice."""
    await devices.online.wait()
    for payload in lines("devices.jsonl") * 2:
        assert await devices.ask("devices/any", payload) == {"status": "taken"}


async def test_the_samples_come_to_what_is_expected_of_them(site: Site, tmp_path: Path) -> None:
    broker, desk, port = Broker(tmp_path), Desk(), free_port()
    await broker.start()
    devices = Devices(broker.port)
    await desk.start()
    await devices.start()
    calls = {"port": port, "paths": {PATH: "victim"}, "secrets": SECRET}
    back = {"callback_url": desk.url, "callback_secret": CALLBACK, "callback_insecure": True}
    topics = {"port": broker.port, "tls": False, "topics": [{"filter": "devices/+"}]}
    try:
        async with AsyncExitStack() as stack:
            start = stack.enter_async_context
            runners = [
                await start(running(site, tmp_path, a, FilesConnector, dropped(tmp_path, a), NOW))
                for a in sorted(set(OTHERS.values()))
            ]
            runners.append(await start(running(site, tmp_path, "prosecutors", WebhookConnector, calls | back, NOW)))
            runners.append(await start(running(site, tmp_path, "devices", MqttConnector, topics, NOW)))
            await asyncio.gather(called(port), spoken(devices))
            await until(lambda: not any((tmp_path / a / n).exists() for n, a in OTHERS.items()))
            taken = sum(r.taken for r in runners)
            await until(lambda: sum(verdicts(site).values()) == taken)
            as_expected(site, taken)
            await until(lambda: len(receipts(desk)) == 2)
            assert all(r["status"] == "recorded" and len(r["referrals"]) == 2 for r in receipts(desk))
            assert "한가영" not in str(desk.calls), "what comes back is ids and states"
    finally:
        await devices.stop()
        await desk.stop()
        await broker.stop()
    signals_are_as_expected(site)


def receipts(desk: Desk) -> list[dict[str, Any]]:
    return [body["data"] for _, body in desk.heard if body["type"] == "ieum.receipt"]


def signals_are_as_expected(site: Site) -> None:
    """One signal of each device and report; the meter's hangs where the neighbor's report does, the fall elsewhere."""
    rows = site.sql("SELECT case_id FROM entries WHERE kind = %s", "signal.recorded")
    cases = Counter(case for (case,) in rows)
    assert sum(cases.values()) == len(EXPECTED["signals"])
    assert sorted(n for case, n in cases.items() if case) == [1, 2]
