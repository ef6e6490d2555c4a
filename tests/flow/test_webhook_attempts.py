"""What an endpoint answers decides what comes next: again, later, or not any more."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

import pytest

from hub.cli.servers import webhooks
from hub.core.notices import DELAYS_S
from hub.ledger.webhooks import ACTIVE, DISABLED, Endpoints
from tests.flow.receiver import Receiver, Reply
from tests.flow.site import Site
from tests.flow.telling import Time, add, happen, sending, until


async def test_what_failed_is_sent_again_under_the_same_id_before_anything_later(
    town: Site, endpoints: Endpoints, receiver: Receiver
) -> None:
    receiver.replies = [Reply(500), Reply(302, (("Location", "http://127.0.0.1:1/"),)), Reply(400, length=10_000_000)]
    add(endpoints, receiver)
    async with sending(town, delays_s=(0, 0.1, 0.2, 0.3, 0.4)):
        wanted = happen(town)
        await until(lambda: len(receiver.calls) >= len(wanted) + 3)
    assert [call.data["position"] for call in receiver.calls] == [wanted[0]] * 3 + wanted
    assert len({call.id for call in receiver.calls[:4]}) == 1
    assert len({call.body for call in receiver.calls[:4]}) == 1
    tried = endpoints.log("alpha", 100)[::-1][:4]
    assert [(a.attempt, a.status, a.outcome) for a in tried] == [
        (1, 500, "failed"), (2, 302, "failed"), (3, 400, "failed"), (4, 204, "delivered"),
    ]  # fmt: skip


async def test_one_that_hangs_is_given_up_after_its_time_and_holds_up_nobody_else(
    town: Site, endpoints: Endpoints, receiver: Receiver
) -> None:
    with Receiver() as other:
        receiver.replies = [Reply(hang_s=3)]
        add(endpoints, receiver)
        add(endpoints, other)
        async with sending(town, delays_s=(0, 0.1, 0.1)):
            wanted = happen(town)
            await until(lambda: len(other.calls) >= len(wanted), 3)
            await until(lambda: len(receiver.calls) >= len(wanted) + 1)
        first = endpoints.log("alpha", 100)
    hung = [a for a in first if a.status == 0]
    assert [a.outcome for a in hung] == ["failed"]
    assert 900 <= hung[0].ms < 2000


async def test_410_disables_at_once(town: Site, endpoints: Endpoints, receiver: Receiver) -> None:
    receiver.replies = [Reply(410)]
    add(endpoints, receiver)
    async with sending(town, delays_s=(0, 0.1, 0.1)):
        happen(town)
        await until(lambda: endpoints.of("alpha")[0].state == DISABLED)
        await asyncio.sleep(1)
    assert len(receiver.calls) == 1
    assert endpoints.of("alpha")[0].why == "it answers 410: gone"
    (told,) = webhooks(town.settings)["failing"]
    assert (told["agency"], told["state"], told["why"]) == ("alpha", DISABLED, "it answers 410: gone")


async def test_after_the_last_attempt_an_endpoint_is_disabled_and_enabling_leaves_nothing_out(
    town: Site, endpoints: Endpoints, receiver: Receiver
) -> None:
    receiver.replies = [Reply(500)] * 3
    made = add(endpoints, receiver)
    async with sending(town, delays_s=(0, 0.1, 0.1)):
        wanted = happen(town)
        await until(lambda: endpoints.of("alpha")[0].state == DISABLED)
        assert endpoints.of("alpha")[0].why == "3 attempts failed, the last: it answers 500"
        endpoints.switch("alpha", made.id, ACTIVE)
        await until(lambda: len(receiver.calls) >= 3 + len(wanted))
    assert [call.data["position"] for call in receiver.calls[3:]] == wanted


async def test_attempts_come_when_the_standard_says(town: Site, endpoints: Endpoints, receiver: Receiver) -> None:
    receiver.replies = [Reply(500)] * 9
    add(endpoints, receiver)
    time = Time()
    async with sending(town, clock=time):
        happen(town)
        for number, delay in enumerate(DELAYS_S[1:], 1):
            await until(lambda: endpoints.of("alpha")[0].attempt == number)  # noqa: B023 - asked in this turn
            due = datetime.fromisoformat(endpoints.of("alpha")[0].due)
            assert abs((due - time()).total_seconds() - delay) < 2
            time.ahead += timedelta(seconds=delay - 2) if delay > 5 else timedelta(0)
            tried = len(receiver.calls)
            await asyncio.sleep(0.7 if number == 2 else 0)
            assert len(receiver.calls) == tried
            time.ahead += timedelta(seconds=3 if delay > 5 else delay)
        await until(lambda: endpoints.of("alpha")[0].attempt == 0)
    assert len({call.id for call in receiver.calls[:10]}) == 1


@pytest.mark.parametrize("status", [429, 503])
async def test_a_server_that_asks_for_time_gets_it(
    town: Site, endpoints: Endpoints, receiver: Receiver, status: int
) -> None:
    receiver.replies = [Reply(status, (("Retry-After", "120"),))]
    add(endpoints, receiver)
    time = Time()
    async with sending(town, clock=time):
        happen(town)
        await until(lambda: endpoints.of("alpha")[0].attempt == 1)
        due = datetime.fromisoformat(endpoints.of("alpha")[0].due)
        assert 118 < (due - time()).total_seconds() <= 120
