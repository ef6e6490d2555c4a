"""The contract, as tests: what `connectors.protocol` promises, asked of a real connector with a real partner.

Owns the questions; the answers are the connector's. Long runs (a hundred kills, a hundred thousand messages, marked
`faults`) and short ones ask the same.
"""

from __future__ import annotations

import asyncio
import logging
import random
import sys
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar, Final

import pytest
from pydantic import ValidationError
from structlog.testing import capture_logs

from connectors.protocol import Event, Receipt, spec
from connectors.testing.partner import Answer, Partner
from connectors.testing.recording import Recording
from connectors.testing.stage import AGENCY, Child, Stage, made, staged, until

DAY_S: Final = 86_400
#: Bytes of the small spool that a test fills, and what its folder may hold beside what waits: SQLite's own pages, its
#: write-ahead log, and what is remembered of each event.
SMALL: Final = 256 * 1024
BESIDE: Final = 8 * 1024 * 1024
#: Bytes of growth that are noise.
FLAT: Final = 48 * 1024 * 1024
SECRETIVE: Final = ("secret", "password", "token", "private")


class ConnectorContract:
    """Subclass it in a test module, with a partner."""

    partner: ClassVar[type[Partner]]
    #: Seconds after the last kill in which everything acknowledged must have arrived.
    settle_s: ClassVar[float] = 60.0

    # ------------------------------------------------------------- what it says of itself
    def test_spec_accepts_its_own_example_and_nothing_unknown(self) -> None:
        connector = self.partner.connector
        connector.Config.model_validate(connector.EXAMPLE)
        with pytest.raises(ValidationError):
            connector.Config.model_validate(connector.EXAMPLE | {"no_such_field": 1})
        assert connector.name
        assert connector.about
        assert spec(connector)["examples"] == [connector.EXAMPLE]

    def test_every_secret_is_marked(self) -> None:
        told = spec(self.partner.connector)
        for model in (told, *told.get("$defs", {}).values()):
            for name, about in model.get("properties", {}).items():
                if any(word in name for word in SECRETIVE) and not name.endswith(("_file", "_env")):
                    assert about.get("writeOnly"), f"{name} looks like a secret and is not marked with SECRET"

    async def test_check_answers_in_words_and_never_raises(self) -> None:
        checks = await made(self.partner.connector, self.partner.connector.EXAMPLE).check()
        assert checks
        assert all(check.name and check.found for check in checks)
        assert [check.name for check in checks if not check.ok and not check.fix] == []

    # ------------------------------------------------------------- once, in order
    async def test_the_same_input_twice_is_one_event(self, tmp_path: Path) -> None:
        async with staged(self.partner(tmp_path)) as stage:
            for number in (1, 2, 1, 2, 3):
                assert await stage.partner.feed(stage.partner.good(number)) == Answer(taken=True)
            await stage.drained()
            assert stage.hub.numbers() == [1, 2, 3]
            assert stage.hub.agencies == {AGENCY}

    async def test_an_event_says_nothing_personal_in_its_attributes(self, tmp_path: Path) -> None:
        seen: list[Event] = []

        def read(event: Event) -> int:
            seen.append({name: value for name, value in event.items() if name not in {"data", "data_base64"}})
            return partner.number(event)

        partner = self.partner(tmp_path)
        async with staged(partner, Recording(read)) as stage:
            await partner.feed_many(range(5))
            await stage.drained()
        assert len(seen) == 5
        assert [canary for canary in partner.canaries if canary in str(seen)] == []

    async def test_cp949_is_read(self, tmp_path: Path) -> None:
        partner = self.partner(tmp_path)
        content = partner.cp949(1)
        if content is None:
            return
        async with staged(partner) as stage:
            assert await partner.feed(content) == Answer(taken=True)
            await stage.drained()
            assert stage.hub.numbers() == [1]

    # ------------------------------------------------------------- what cannot be read
    async def test_what_cannot_be_read_is_refused_with_place_and_reason_and_the_next_passes(
        self, tmp_path: Path
    ) -> None:
        assert self.partner.malformed <= self.partner.odd.keys()
        assert self.partner.malformed
        async with staged(self.partner(tmp_path)) as stage:
            for number, (name, content) in enumerate(self.partner.odd.items()):
                answer = await stage.partner.feed(content)
                assert answer.taken or answer.reasons, f"{name}: neither taken nor refused"
                if name in self.partner.malformed:
                    assert answer.reasons, f"{name}: not refused"
                for reason in answer.reasons:
                    assert reason.get("text"), f"{name}: refused without a reason"
                    assert reason.get("path") or reason.get("code"), f"{name}: refused without a place or a code"
                assert await stage.partner.feed(stage.partner.good(number)) == Answer(taken=True), f"behind {name}"

    async def test_no_log_holds_personal_data(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
    ) -> None:
        caplog.set_level(logging.DEBUG)
        # httpx and the like log addresses at most; whatever the connector's own libraries say counts.
        hub = Recording(self.partner(tmp_path).number, lambda n: "refused" if n == 2 else "")
        with capture_logs() as logged:
            async with staged(self.partner(tmp_path), hub) as stage:
                await stage.partner.feed_many(range(5))
                for content in self.partner.odd.values():
                    await stage.partner.feed(content)
                await stage.drained()
                await until(lambda: stage.runner.told >= 5)
        said = "\n".join((str(logged), caplog.text, *capfd.readouterr()))
        assert self.partner.canaries
        assert [canary for canary in self.partner.canaries if canary in said] == []
        assert logged, "nothing was logged at all"

    # ------------------------------------------------------------- the way back
    async def test_the_partner_learns_what_became_of_its_events(self, tmp_path: Path) -> None:
        partner = self.partner(tmp_path)
        hub = Recording(partner.number, lambda n: "refused" if n == 2 else "")
        async with staged(partner, hub) as stage:
            await partner.feed_many(range(4))
            await until(lambda: stage.runner.told >= 4)
            shown = await partner.shown()
            assert shown in (None, {0, 1, 2, 3})
            assert stage.runner.refused == 1
            again = [Receipt("0" * 32, f"//agency/{AGENCY}/x", "recorded", 1, about="gone/1")]
            await stage.runner.connector.tell(again)
            await stage.runner.connector.tell(again)

    # ------------------------------------------------------------- nothing is lost, nothing doubled
    async def test_kill_9_between_receive_and_acknowledge_loses_and_doubles_nothing(self, tmp_path: Path) -> None:
        await self._killed(tmp_path, 5)

    @pytest.mark.faults
    @pytest.mark.timeout(1800)
    async def test_a_hundred_kills_lose_and_double_nothing(self, tmp_path: Path) -> None:
        await self._killed(tmp_path, 100)

    async def _killed(self, folder: Path, times: int) -> None:
        partner = self.partner(folder)
        hub = Recording(partner.number)
        await partner.open()
        async with hub.served() as url:
            child, feeding = Child(partner, url), _Feeding(partner)
            task = asyncio.create_task(feeding.run())
            try:
                for _ in range(times):
                    await child.start()
                    await feeding.more(1, task)
                    await asyncio.sleep(random.random() / 8)  # noqa: S311 - a moment nobody chose
                    await child.kill()
                await child.start()
                fed = await feeding.end(task)
                await until(lambda: len(hub.events) >= fed, self.settle_s)
            finally:
                task.cancel()
                await child.kill()
                await partner.close()
        assert fed >= times
        _complete(hub, fed)

    async def test_the_hub_may_be_away_for_a_day(self, tmp_path: Path) -> None:
        await self._day(tmp_path, 2_000)

    @pytest.mark.faults
    @pytest.mark.timeout(1800)
    async def test_the_hub_may_be_away_for_a_day_of_a_hundred_thousand(self, tmp_path: Path) -> None:
        await self._day(tmp_path, 100_000)

    async def _day(self, folder: Path, count: int) -> None:
        passed = 0.0

        async def sleep(seconds: float) -> None:
            nonlocal passed
            passed += seconds
            await asyncio.sleep(0.001)

        partner = self.partner(folder)
        async with staged(partner, sleep=sleep) as stage:
            stage.hub.away = True
            memory = await _fed(stage, count)
            await until(lambda: passed > DAY_S, 120)
            figures = stage.runner.spool.figures()
            assert figures.waiting == count
            assert stage.hub.numbers() == []
            assert _folder(folder / "spool") <= figures.bytes * 2 + BESIDE
            stage.hub.away = False
            await stage.drained(600)
            assert _memory() - memory < FLAT
            _complete(stage.hub, count)

    async def test_at_the_bound_input_is_refused_and_later_taken(self, tmp_path: Path) -> None:
        partner = self.partner(tmp_path)
        async with staged(partner, bound=SMALL) as stage:
            stage.hub.away = True
            number = 0
            while (await partner.feed(partner.good(number))).taken:
                number += 1
                assert number < 10_000, "never refused"
            figures = stage.runner.spool.figures()
            assert number >= figures.waiting > 0
            assert figures.bytes <= SMALL
            assert _folder(tmp_path / "spool") <= SMALL * 2 + BESIDE
            stage.hub.away = False
            await stage.drained()
            while not (await partner.feed(partner.good(number))).taken:  # noqa: ASYNC110 - a partner knows no event
                await asyncio.sleep(0.1)
            await stage.drained()
            _complete(stage.hub, number + 1)


class _Feeding:
    """A partner that hands in one input after another, each until it is acknowledged."""

    def __init__(self, partner: Partner) -> None:
        self._partner = partner
        self._ending = False
        self.fed = 0

    async def run(self) -> None:
        while not self._ending:
            # A topic or a table holds an input that nobody has acknowledged yet: it counts, so the last is waited for.
            while not (await self._partner.feed(self._partner.good(self.fed))).taken:  # noqa: ASYNC110 - as above
                await asyncio.sleep(0.01)
            self.fed += 1

    async def more(self, count: int, task: asyncio.Task[None]) -> None:
        """Wait until this many more were acknowledged: a kill before anything happened shows nothing."""
        wanted = self.fed + count
        await until(lambda: self.fed >= wanted or task.done(), 60)
        if task.done():
            task.result()  # what feeding ended with says more than that nothing came

    async def end(self, task: asyncio.Task[None]) -> int:
        """Finish what is under way; how many were acknowledged in all."""
        self._ending = True
        await task
        return self.fed


def _complete(hub: Recording, count: int) -> None:
    """Every number once (the hub counts an event by its id), and in order within each key."""
    numbers = hub.numbers()
    assert sorted(numbers) == list(range(count)), _missing(numbers, count)
    last: dict[int, int] = {}
    for key, number in zip(hub.keys(), numbers, strict=True):
        assert last.get(key, -1) < number, f"{number} came behind {last[key]} of the same key"
        last[key] = number


def _missing(numbers: list[int], count: int) -> str:
    lost = sorted(set(range(count)) - set(numbers))
    return f"{len(lost)} lost ({lost[:5]} …), {len(numbers) - len(set(numbers))} doubled"


async def _fed(stage: Stage, count: int) -> int:
    """Hand in so many; memory after the first fifth, when everything is warm."""
    fifth = count // 5
    assert (await stage.partner.feed_many(range(fifth))).taken
    await _taken(stage, fifth)
    memory = _memory()
    assert (await stage.partner.feed_many(range(fifth, count))).taken
    await _taken(stage, count)
    assert _memory() - memory < FLAT
    return memory


async def _taken(stage: Stage, count: int) -> None:
    holds: Callable[[], bool] = lambda: stage.runner.spool.figures().waiting >= count  # noqa: E731
    await until(holds, 600)


def _memory() -> int:
    """Resident bytes of this process; 0 where the system does not say."""
    path = Path("/proc/self/statm")
    return int(path.read_text().split()[1]) * 4096 if sys.platform == "linux" and path.exists() else 0


def _folder(folder: Path) -> int:
    return sum(p.stat().st_size for p in folder.rglob("*") if p.is_file())
