"""Messages a second that one connector takes on loopback, each acknowledged behind its commit, and in what memory."""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path

import pytest

from connectors.hl7v2.mllp import framed
from connectors.hl7v2.partner import acknowledgment
from connectors.testing import Recording, until
from connectors.testing.stage import Child
from tests.connectors.hl7v2.hospital import Client, Hospital, ref

CONNECTIONS, TOGETHER = 8, 50
COUNT = 20_000
LEAST = 1_000
MEMORY_KIB = 200 * 1024


async def fed(port: int, numbers: range) -> None:
    """One connection, a few dozen messages under way."""
    client = await Client.to(port)
    for at in range(0, len(numbers), TOGETHER):
        some = numbers[at : at + TOGETHER]
        await client.send(b"".join(framed(ref(n)) for n in some))
        for _ in some:
            assert acknowledgment(await client.answer(60))[0] == "AA"
    client.close()


def most(pid: int) -> int:
    """The process's largest resident memory, KiB."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))


@pytest.mark.bench
@pytest.mark.parametrize("away", [True, False], ids=["hub away", "forwarding"])
async def test_one_connector_takes_a_thousand_messages_a_second(tmp_path: Path, *, away: bool) -> None:
    hospital = Hospital(tmp_path)
    hub = Recording(hospital.number)
    hub.away = away
    await hospital.open()
    async with hub.served() as url:
        child = await Child(hospital, url).start()
        try:
            await hospital.feed(hospital.good(COUNT))
            start = time.perf_counter()
            share = COUNT // CONNECTIONS
            ranges = [range(n * share, (n + 1) * share) for n in range(CONNECTIONS)]
            await asyncio.gather(*(fed(hospital.port, numbers) for numbers in ranges))
            took = time.perf_counter() - start
            hub.away = False
            await until(lambda: len(hub.events) == COUNT + 1, 120)
            forwarded = time.perf_counter() - start
            assert child._process
            memory = most(child._process.pid)
        finally:
            await child.kill()
            await hospital.close()
    rate = COUNT / took
    told = f"{rate:,.0f} messages/s acknowledged, all at the hub after {forwarded:.1f} s, {memory / 1024:.0f} MiB"
    sys.stderr.write(f"\nMLLP, {'hub away' if away else 'forwarding'}: {told}\n")
    assert rate >= LEAST
    assert memory < MEMORY_KIB
