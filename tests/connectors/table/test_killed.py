"""A connector that is killed (-9) loses no change of a referral, however early it heard of it."""

from __future__ import annotations

import asyncio
import os
import random
import sys
from pathlib import Path
from typing import Any

import orjson

from connectors.runner import Runner
from connectors.spool import Spool
from connectors.table import TableConnector
from connectors.testing import Recording, until
from connectors.testing.stage import AGENCY, Child, made
from tests.connectors.table.polling import TablePartner, row

#: Takes a row, asks what became of it, hears of changes, and dies before the partner was told anything.
PROGRAM = """
import asyncio, os, signal, sys
from pathlib import Path
import orjson
from connectors.runner import Runner
from connectors.spool import Spool
from connectors.table import TableConnector
from connectors.testing.stage import AGENCY, made
from connectors.upstream import Http

async def main(told):
    runner = Runner(made(TableConnector, told["config"]), AGENCY, Spool(Path(told["spool"])), Http(told["url"], "t"))
    await runner.connector._by_status(runner.take)
    while await runner.drain():
        pass
    await runner.ask()
    print("asked", flush=True)
    sys.stdin.readline()
    assert await runner.follow()
    os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main(orjson.loads(sys.stdin.readline())))
"""


class Town(Recording):
    """A hub whose referrals go on: receipts tell how each stands, the feed what happened to it."""

    def __init__(self, partner: TablePartner) -> None:
        super().__init__(partner.number)
        self.states: dict[int, str] = {}

    def verdict(self, source: str, id_: str) -> dict[str, Any]:
        told = super().verdict(source, id_)
        for one in told.get("referrals", ()):
            number = int(one["number"].removeprefix("N-"))
            one |= {"id": name(number), "state": self.states.setdefault(number, "offered")}
        return told

    def change(self, number: int, state: str) -> None:
        self.states[number] = state
        self.happened("referral.changed", referral=name(number), to=state)


def name(number: int) -> str:
    return f"0f2d6f6a-6d3e-4a44-9f43-{number:012}"


async def states(partner: TablePartner) -> dict[int, str]:
    return dict(await partner.sql("SELECT seq, 진행상태 FROM {} WHERE 진행상태 IS NOT NULL"))  # type: ignore[arg-type]


async def test_a_change_heard_before_its_row_was_told_survives_a_kill(partner: TablePartner, tmp_path: Path) -> None:
    await partner.put([row(1)])
    hub = Town(partner)
    async with hub.served() as url:
        told = {"config": partner.config(), "spool": str(tmp_path / "spool"), "url": url}
        environment = os.environ | {"PYTHONPATH": os.pathsep.join([p or "." for p in sys.path])}
        pipe = asyncio.subprocess.PIPE
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-c", PROGRAM, stdin=pipe, stdout=pipe, env=environment
        )
        assert child.stdin
        assert child.stdout
        child.stdin.write(orjson.dumps(told) + b"\n")
        while (line := await child.stdout.readline()) != b"asked\n":
            assert line, "it ended before it asked"
        hub.change(1, "accepted")
        child.stdin.write(b"\n")
        await child.communicate()
        assert child.returncode == -9
    spool = Spool(tmp_path / "spool")
    again = Runner(made(TableConnector, partner.config()), AGENCY, spool, hub.upstream())
    while await again.tell() or await again.follow():
        pass
    await again.close()
    assert await states(partner) == {1: "accepted"}


async def test_rows_show_how_their_referrals_stand_after_kills_at_any_moment(partner: TablePartner) -> None:
    hub, count, draw = Town(partner), 30, random.Random(11)  # noqa: S311 - moments nobody chose
    async with hub.served() as url:
        child = Child(partner, url)
        try:
            for number in range(count):
                await partner.put([row(number)])
                if number % 5 == 0:
                    await child.kill()
                    await child.start()
                for known in draw.sample(sorted(hub.states), min(3, len(hub.states))):
                    hub.change(known, draw.choice(("accepted", "in_service", "delivered")))
                await asyncio.sleep(draw.random() / 5)
            await until(lambda: len(hub.states) == count)
            async with asyncio.timeout(20):
                while await states(partner) != hub.states:  # noqa: ASYNC110 - a table knows no event
                    await asyncio.sleep(0.1)
        finally:
            await child.kill()
    assert len(set(hub.states.values())) > 1
