"""Webhooks on a real hub: signed, thin, in order, at least once; what an endpoint answers decides what comes next."""

from __future__ import annotations

import asyncio
import signal
import ssl
from pathlib import Path

import orjson
import pytest
from cryptography.exceptions import InvalidSignature

from hub.core.notices import Signer
from hub.ledger.keyfile import load_keys
from hub.ledger.webhooks import ACTIVE, DISABLED, WEBHOOK_LOCK, Endpoints, Postbox
from hub.producers import webhooks as sender
from hub.producers.egress import Egress, Rules
from hub.schemas.topics import outbound
from tests.flow.receiver import Receiver, Reply, certificate
from tests.flow.site import Site
from tests.flow.telling import HERE, add, happen, positions, sending, until


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
