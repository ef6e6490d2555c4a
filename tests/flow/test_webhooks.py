"""Webhooks on a real hub: signed, thin, in order, at least once; what an endpoint answers decides what comes next."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import ssl
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import orjson
import pytest
from cryptography.exceptions import InvalidSignature

from hub.cli.servers import webhooks
from hub.core.notices import DELAYS_S, Signer
from hub.ledger.connect import connect
from hub.ledger.keyfile import load_keys
from hub.ledger.webhooks import ACTIVE, DISABLED, WEBHOOK_LOCK, Endpoint, Endpoints, Postbox
from hub.producers import webhooks as sender
from hub.producers.egress import Egress, Rules
from hub.producers.webhooks import Webhooks
from hub.schemas.topics import outbound
from tests.flow import people
from tests.flow.people import refer
from tests.flow.receiver import Receiver, Reply, certificate
from tests.flow.site import Site

HERE = Rules("1-65535", "127.0.0.0/8")
_person, _endpoint = count(0, 10), count()


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Accounts and a consumer; the sender runs in the tests."""
    folder = tmp_path_factory.mktemp("town")
    with people.town(folder, webhook_ports="1-65535", webhook_networks="127.0.0.0/8") as site:
        site.start("consumer 0")
        yield site


@pytest.fixture
def endpoints(town: Site) -> Iterator[Endpoints]:
    """As the operator has them; none is left behind."""
    with connect(town.settings.database_url, name="test") as connection:
        yield Endpoints(connection)
    with connect(town.settings.database_url, name="test") as connection:
        for one in Endpoints(connection).of():
            Endpoints(connection).remove(one.agency, one.id)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as made:
        yield made


class Time:
    """A clock that can be put forward."""

    ahead = timedelta(0)

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead


def add(endpoints: Endpoints, receiver: Receiver, agency: str = "alpha", **more: object) -> Endpoint:
    given: dict[str, object] = {"kinds": (), "after": None, **more}
    return endpoints.add(f"wh-{next(_endpoint)}", agency, receiver.url, given["kinds"], given["after"])  # type: ignore[arg-type]


def happen(town: Site, many: int = 1) -> list[int]:
    """Refer people from alpha and beta in turn; the positions that concern alpha."""
    first, before = next(_person), town.one("SELECT size FROM head")
    refer(town, range(first, first + 2 * many))
    town.settle()
    return positions(town, "alpha", before)


def positions(town: Site, agency: str, behind: int = 0) -> list[int]:
    """What an agency's outbox holds, by the ledger's own word."""
    rows = town.sql("SELECT position, entry FROM entries WHERE position > %s ORDER BY position", behind)
    return [position for position, entry in rows if f"a:{agency}" in orjson.loads(entry)["facts"]["audience"]]


@contextlib.asynccontextmanager
async def sending(
    town: Site, *, clock: Callable[[], datetime] | None = None, egress: Egress | None = None, **more: Sequence[float]
) -> AsyncIterator[Webhooks]:
    """A sender in this process."""
    keys = load_keys(town.settings.keys_file)
    made = Webhooks(town.settings, keys, clock or Time(), egress=egress or Egress(HERE, timeout_s=1.0), **more)
    task = asyncio.create_task(made.run())
    try:
        yield made
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until(check: Callable[[], bool], seconds: float = 20) -> None:
    async with asyncio.timeout(seconds):
        while not check():  # noqa: ASYNC110 - another process decides
            await asyncio.sleep(0.02)


async def test_every_entry_of_the_outbox_is_told_once_in_order_and_signed(
    town: Site, endpoints: Endpoints, receiver: Receiver
) -> None:
    made = add(endpoints, receiver)
    async with sending(town):
        wanted = happen(town, 3)
        await until(lambda: len(receiver.calls) >= len(wanted))
        await until(lambda: endpoints.of("alpha")[0].position >= wanted[-1])
    assert len(wanted) >= 6
    assert [call.data["position"] for call in receiver.calls] == wanted
    key = Signer(load_keys(town.settings.keys_file)).public()
    for call in receiver.calls:
        call.verify(key)
        assert abs(int(call.headers["webhook-timestamp"]) - call.at) < 5
    assert {a.outcome for a in endpoints.log("alpha", 100)} == {"delivered"}
    assert [a.position for a in endpoints.log("alpha", 100)] == wanted[::-1]
    assert made.state == ACTIVE


async def test_a_webhook_says_which_entry_and_nothing_of_anybody(
    town: Site, endpoints: Endpoints, receiver: Receiver
) -> None:
    add(endpoints, receiver)
    async with sending(town):
        wanted = happen(town)
        await until(lambda: len(receiver.calls) >= len(wanted))
    for call, position in zip(receiver.calls, wanted, strict=True):
        entry = orjson.loads(town.one("SELECT entry FROM entries WHERE position = %s", position))
        told = orjson.loads(call.body)
        assert call.id == entry["id"]
        assert set(told) == {"type", "timestamp", "data"}
        assert (told["type"], told["timestamp"]) == (f"kr.ieum.{entry['kind']}.v1", entry["heard"])
        assert set(told["data"]) <= {"position", "kind", "referral", "case"}
        assert told["data"]["case"] == entry["case"]


async def test_a_body_that_was_changed_on_the_way_does_not_verify(
    town: Site, endpoints: Endpoints, receiver: Receiver
) -> None:
    add(endpoints, receiver)
    async with sending(town):
        happen(town)
        await until(lambda: len(receiver.calls) >= 1)
    call, key = receiver.calls[0], Signer(load_keys(town.settings.keys_file)).public()
    forged = type(call)(call.headers, call.body + b" ", call.at)
    with pytest.raises(InvalidSignature):
        forged.verify(key)


async def test_only_the_kinds_asked_for_are_told(town: Site, endpoints: Endpoints, receiver: Receiver) -> None:
    add(endpoints, receiver, kinds=("referral.offered",))
    async with sending(town):
        happen(town, 3)
        await until(lambda: len(receiver.calls) >= 3)
    assert {call.data["kind"] for call in receiver.calls} == {"referral.offered"}


async def test_an_endpoint_far_behind_is_told_everything_from_where_it_stands(
    town: Site, endpoints: Endpoints, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sender, "PAGE", 3)
    happen(town, 5)
    wanted = positions(town, "beta")
    add(endpoints, receiver, "beta", after=0)
    async with sending(town):
        await until(lambda: len(receiver.calls) >= len(wanted))
    assert [call.data["position"] for call in receiver.calls] == wanted


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


async def test_a_suspended_agency_is_told_nothing_and_everything_once_it_may_go_on(
    town: Site, endpoints: Endpoints, receiver: Receiver
) -> None:
    add(endpoints, receiver)
    town.sql("""UPDATE agencies SET doc = doc || '{"state": "suspended"}' WHERE code = 'alpha' RETURNING code""")
    try:
        async with sending(town):
            wanted = happen(town)
            await asyncio.sleep(1)
            assert receiver.calls == []
            town.sql("UPDATE agencies SET doc = doc - 'state' WHERE code = 'alpha' RETURNING code")
            await until(lambda: len(receiver.calls) >= len(wanted))
    finally:
        town.sql("UPDATE agencies SET doc = doc - 'state' WHERE code = 'alpha' RETURNING code")
    assert [call.data["position"] for call in receiver.calls][: len(wanted)] == wanted


async def test_over_https_the_certificate_is_checked(town: Site, endpoints: Endpoints, tmp_path: Path) -> None:
    with Receiver(tmp_path) as receiver:
        add(endpoints, receiver)
        async with sending(town, delays_s=(0, 0.1), egress=Egress(HERE, timeout_s=2)):
            wanted = happen(town)
            await until(lambda: endpoints.of("alpha")[0].state == DISABLED)
        assert "certificate does not hold" in endpoints.of("alpha")[0].why
        assert receiver.calls == []
        endpoints.switch("alpha", endpoints.of("alpha")[0].id, ACTIVE)
        trusting = Egress(HERE, ssl.create_default_context(cafile=certificate(tmp_path)[0]), timeout_s=2)
        async with sending(town, egress=trusting):
            await until(lambda: len(receiver.calls) >= len(wanted))


async def test_a_private_address_is_never_called(town: Site, endpoints: Endpoints, receiver: Receiver) -> None:
    endpoints.add("wh-private", "alpha", receiver.url.replace("http:", "https:"), (), None)
    async with sending(town, delays_s=(0,), egress=Egress(Rules("1-65535"))):
        happen(town)
        await until(lambda: endpoints.of("alpha")[0].state == DISABLED)
    assert endpoints.of("alpha")[0].why.endswith("its name leads to an address that is not public")
    assert receiver.calls == []


async def test_only_one_process_tells(town: Site, endpoints: Endpoints, receiver: Receiver) -> None:
    add(endpoints, receiver)
    async with sending(town) as first:
        await until(lambda: first.on_duty)
        async with sending(town) as second:
            wanted = happen(town)
            await until(lambda: len(receiver.calls) >= len(wanted))
            assert not second.on_duty
    assert len(receiver.calls) == len(wanted)


async def test_an_operator_who_removes_an_endpoint_has_the_last_word(
    town: Site, endpoints: Endpoints, receiver: Receiver
) -> None:
    receiver.replies = [Reply(500)]
    made = add(endpoints, receiver)
    async with sending(town, delays_s=(0, 1, 1)):
        happen(town)
        await until(lambda: len(receiver.calls) == 1)
        endpoints.remove("alpha", made.id)
        await asyncio.sleep(2)
    assert len(receiver.calls) == 1
    assert town.one("SELECT count(*) FROM webhook_log WHERE endpoint = %s", made.id) == 0


# ------------------------------------------------------------------ crash table: webhook
@pytest.mark.parametrize(("point", "repeated"), [("webhook-before-sending", 0), ("webhook-before-position", 1)])
def test_a_sender_that_dies_repeats_under_the_same_id_and_loses_none(
    town: Site, endpoints: Endpoints, receiver: Receiver, point: str, repeated: int
) -> None:
    add(endpoints, receiver)
    wanted = happen(town, 3)
    usual, town.program = town.program, ("-m", "tests.flow.crashing", point)
    town.start("relay")
    town.program = usual
    assert town.processes.pop("relay").wait(60) == -signal.SIGKILL, town.tail()
    assert len(receiver.calls) == repeated
    town.start("relay")
    town.until(lambda: len(receiver.calls) >= len(wanted) + repeated, 30, "all told")
    town.until(town.relayed, 60, "all relayed")
    town.stop("relay")
    told = [call.data["position"] for call in receiver.calls]
    assert told == [wanted[0]] * repeated + wanted
    assert len({call.id for call in receiver.calls}) == len(wanted)
    assert {m["id"] for m in town.read(outbound("alpha"))} >= {call.id for call in receiver.calls}


def test_a_sender_that_is_gone_leaves_its_duty_free(town: Site) -> None:
    box = Postbox(town.settings.database_url, name="test")
    assert box.claim(WEBHOOK_LOCK)
    box.close()
