"""The loops of a running connector, and how it is seen and paused from outside."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest

from connectors.protocol import Full
from connectors.runner import Runner
from connectors.spool import Spool
from connectors.testing import Recording, until
from connectors.testing.stage import AGENCY, made, staged
from connectors.watching import METRICS, last, metrics, set_paused, watch
from hub.errors import Usage
from tests.connectors.lines import LinesConnector, LinesPartner


async def test_while_it_is_paused_input_is_taken_and_nothing_is_sent(tmp_path: Path) -> None:
    async with staged(LinesPartner(tmp_path)) as stage:
        await stage.runner.pause(paused=True)
        assert (await stage.partner.feed_many(range(5))).taken
        await asyncio.sleep(0.2)
        assert stage.hub.numbers() == []
        await stage.runner.pause(paused=False)
        await stage.drained()
        assert stage.hub.numbers() == [0, 1, 2, 3, 4]


async def test_from_outside_it_is_paused_and_its_figures_are_seen(tmp_path: Path) -> None:
    folder = tmp_path / "spool"
    async with staged(LinesPartner(tmp_path)) as stage:
        watching = asyncio.create_task(watch(stage.runner, folder))
        await until(lambda: last(folder, time.time())[1])
        set_paused(folder, paused=True)
        await until(lambda: bool((found := last(folder, time.time())[0]) and found.paused), 5)
        assert (await stage.partner.feed_many(range(3))).taken
        await until(lambda: bool((found := last(folder, time.time())[0]) and found.spool.waiting == 3), 5)
        set_paused(folder, paused=False)
        await stage.drained()
        await until(lambda: bool((found := last(folder, time.time())[0]) and found.sent == 3), 5)
        watching.cancel()
        with pytest.raises(asyncio.CancelledError):
            await watching
    status, _ = last(folder, time.time())
    assert status is not None
    assert (folder / METRICS).read_text() == metrics(status)
    assert 'ieum_connector_taken_total{connector="lines",agency="partner"} 3' in metrics(status)
    assert last(folder, time.time() + 60) == (status, False)


async def test_an_agency_whose_token_does_not_open_stops_with_what_to_do(tmp_path: Path) -> None:
    partner = LinesPartner(tmp_path)
    hub = Recording(partner.number)
    hub.answer = lambda *_: (401, b"{}")  # type: ignore[method-assign]
    async with staged(partner, hub) as stage:
        await partner.feed(partner.good(1))
        await asyncio.wait([stage.task], timeout=10)
        error = stage.task.exception()
        stage.task = asyncio.create_task(asyncio.sleep(0))  # what it died of was looked at here
    assert isinstance(error, ExceptionGroup)
    assert error.subgroup(lambda e: isinstance(e, Usage) and "token" in str(e))
    again = Spool(tmp_path / "spool")
    assert again.figures().waiting == 1
    again.close()


async def test_takers_that_come_together_share_a_commit_and_each_gets_its_own_answer(tmp_path: Path) -> None:
    partner = LinesPartner(tmp_path)
    spool = Spool(tmp_path / "s", bound=20_000)
    connector = made(LinesConnector, partner.config())
    assert isinstance(connector, LinesConnector)
    runner = Runner(connector, AGENCY, spool, Recording(partner.number).upstream())
    events = [connector.event(partner.good(n)) for n in range(100)]
    answers = await asyncio.gather(*(runner.take([e]) for e in events), return_exceptions=True)
    refused = [a for a in answers if isinstance(a, Full)]
    assert refused
    assert spool.figures().waiting == 100 - len(refused) > 0
    assert await runner.take([events[0]]) == 0
    await runner.close()


async def test_verdicts_that_do_not_come_hold_up_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A partition of the hub's that stands still keeps its messages undecided; those of the others are told."""
    monkeypatch.setattr("connectors.runner.SLICE", 3)
    partner = LinesPartner(tmp_path)
    hub, stuck = Recording(partner.number), {0, 1, 2, 3, 4, 6, 7}
    verdict = hub.verdict

    def slow(source: str, id_: str) -> dict[str, Any]:
        told = verdict(source, id_)
        number = hub.numbers()[told["position"] - 1] if "position" in told else -1
        return {"status": "pending"} if number in stuck else told

    monkeypatch.setattr(hub, "verdict", slow)
    async with staged(partner, hub) as stage:
        stage.runner._sleep = lambda _: asyncio.sleep(0.01)
        assert (await partner.feed_many(range(10))).taken
        await until(lambda: stage.runner.told == 3, 5)
        stuck.clear()
        await until(lambda: stage.runner.told == 10, 5)


@pytest.mark.parametrize("step", ["receive", "told", "set_mark"])
async def test_on_a_full_disk_it_waits_and_says_so_and_nothing_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    said: list[str] = []
    monkeypatch.setattr("connectors.runner.log.warning", lambda event, **_: said.append(event))
    async with staged(LinesPartner(tmp_path)) as stage:
        works, left = getattr(stage.runner.spool, step), [3]

        def full(*arguments: object) -> object:
            if left[0]:
                left[0] -= 1
                raise Full("the disk of the spool is full: nothing more is taken")
            return works(*arguments)

        stage.runner._sleep = lambda _: asyncio.sleep(0.01)
        setattr(stage.runner.spool, step, full)
        assert (await stage.partner.feed_many(range(20))).taken
        if step == "set_mark":
            stage.hub.happened("referral.offered", referral="r")
        await stage.drained()
        await until(lambda: left[0] == 0)
        assert (await stage.partner.feed_many(range(20, 25))).taken
        await stage.drained()
        assert sorted(set(stage.hub.numbers())) == list(range(25))
    assert said == ["spool_full"] * 3
