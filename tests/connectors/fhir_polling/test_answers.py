"""What a hospital sees in its own Task, whoever else writes there."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.fhir import tasks
from connectors.fhir.server import Away
from connectors.fhir.tasks import Stand, Standing, bare, is_ours, shown
from connectors.protocol import Full, Receipt
from hub.web.fhir import tasks as facade
from tests.connectors.fhir_polling.polling import patient, referral, request, task
from tests.connectors.fhir_polling.ward import REFERRAL, Ward

NOW = "2026-11-22T03:00:00.000Z"


def test_the_states_are_those_of_the_hubs_own_facade() -> None:
    rows = {row.state: (row.source, row.text) for row in facade.TABLE.values()}
    del rows["passed_on"]  # only former receivers see it
    assert rows == tasks.TABLE
    assert tasks._ORDER == facade._ORDER
    assert (tasks.STATES, tasks.NEED, tasks.REFERRAL) == (facade.STATES, facade.NEEDS, facade.REFERRAL)
    assert tasks.REASONS == facade.REASONS


@pytest.mark.parametrize("state", tasks.TABLE)
def test_what_we_write_is_taken_off_again_whatever_it_is(state: str) -> None:
    own = task(1, note=[{"text": "by a nurse"}], output=[{"type": {"text": "x"}, "valueString": "y"}])
    own |= {"identifier": [{"system": "urn:hospital", "value": "7"}], "lastModified": "2026-11-20"}
    stands = (Stand(state, REFERRAL.format(1), "seniors", "meal_delivery", "no_capacity", "e-1"), Stand(state, "r-2"))
    standing = Standing(stands, (tasks.Reason("Patient.name", "missing", "no name"),), "kept")
    for before in (own, {name: value for name, value in own.items() if name != "owner"}):
        after = shown(before, standing, NOW)
        assert bare(after) == bare(before)
        assert is_ours(after)
        assert shown(after, standing, "later") is after
        assert after["businessStatus"]["coding"][0]["code"] == state


def test_several_needs_speak_through_the_least_advanced() -> None:
    stands = (Stand("delivered", "a", need="laundry"), Stand("offered", "b", need="meal_delivery"))
    held = shown(task(1), Standing(stands), NOW)
    assert held["status"] == "received"
    told = [(o["type"]["coding"][0]["code"], o["valueCodeableConcept"]["coding"][0]["code"]) for o in held["output"]]
    assert told == [("laundry", "delivered"), ("meal_delivery", "offered")]


async def test_a_referrals_whole_way_is_seen_in_the_task(ward: Ward) -> None:
    await ward.partner.put(referral(1))
    (event,) = await ward.look()
    await ward.write()
    seen = [await ward.state()]
    await ward.receipt(event, state="offered")
    seen.append(await ward.state())
    await ward.happened("referral.changed", to="declined", by="seniors", reason="no_capacity")
    seen.append(await ward.state())
    assert (await ward.task())["statusReason"]["coding"][0]["code"] == "no_capacity"
    await ward.happened("referral.offered", to="meals", due="2026-11-25", reason="next", rank=2)
    held = await ward.task()
    assert held["statusReason"]["coding"][0]["code"] == "no_capacity"  # why the next one is asked
    assert held["owner"] == {"reference": "Organization/ieum"}  # the hospital's own search still finds it
    assert held["output"][0]["valueReference"]["identifier"]["value"] == "meals"
    for state in ("accepted", "in_service", "on_hold", "in_service", "delivered", "closed"):
        await ward.happened("referral.changed", to=state, by="meals", reason="")
        seen.append(await ward.state())
    assert seen == [
        ("requested", "pending"), ("received", "offered"), ("received", "declined"), ("accepted", "accepted"),
        ("in-progress", "in_service"), ("on-hold", "on_hold"), ("in-progress", "in_service"),
        ("completed", "delivered"), ("completed", "closed"),
    ]  # fmt: skip
    held = await ward.task()
    assert "statusReason" not in held
    assert held["identifier"] == [{"system": tasks.REFERRAL, "value": REFERRAL.format(1)}]
    assert await ward.look() + await ward.changes() == []


async def test_a_refusal_names_the_element_and_a_corrected_request_is_sent_again(ward: Ward) -> None:
    await ward.put(patient(1, birthDate="7"), request(1), task(1))
    (event,) = await ward.look()
    reason = {"path": "/data/entry/1/resource/birthDate", "code": "impossible_date", "text": "no date"}
    code = {"path": "/data/entry/0/resource/code/coding/0", "code": "unknown_need", "text": "not in the mapping"}
    await ward.receipt(event, "refused", reason, code)
    held = await ward.task()
    assert (held["status"], held["businessStatus"]["coding"][0]["code"]) == ("rejected", "refused")
    assert [c["code"] for c in held["statusReason"]["coding"]] == ["impossible_date", "unknown_need"]
    said = "Patient.birthDate: no date; ServiceRequest.code.coding[0]: not in the mapping"
    assert held["statusReason"]["text"] == said
    await ward.put(task(1))  # asked again, unchanged: the first verdict stands
    assert await ward.look() == []
    await ward.write()
    assert await ward.state() == ("rejected", "refused")
    await ward.put(patient(1), task(1))
    (again,) = await ward.look()
    assert again["follows"] == event["id"]
    await ward.write()
    assert await ward.state() == ("requested", "pending")
    await ward.receipt(again)
    assert await ward.state() == ("received", "offered")


async def test_a_duplicate_names_the_earlier_one(ward: Ward) -> None:
    await ward.partner.put(referral(1))
    (event,) = await ward.look()
    await ward.receipt(event, state="duplicate", duplicate_of="0f2d")
    held = await ward.task()
    assert "referral 0f2d" in held["note"][0]["text"]
    await ward.happened("referral.offered", to="seniors", due="2026-11-25", reason="x", rank=1)
    assert "note" not in await ward.task()


async def test_somebody_who_writes_at_the_same_time_loses_nothing(ward: Ward) -> None:
    """The server changes the Task between our read and our update, twice: 412, and we read again."""
    await ward.partner.put(referral(1))
    (event,) = await ward.look()
    await ward.behave(race="Task/t-1")
    await ward.receipt(event)
    held = await ward.task()
    assert (held["description"], held["status"]) == ("by hand 2", "received")
    assert sum(one.startswith("PUT") for one in await ward.asked()) == 3


async def test_the_same_receipts_and_changes_again_change_nothing(ward: Ward) -> None:
    await ward.partner.put(referral(1))
    (event,) = await ward.look()
    await ward.receipt(event)
    await ward.happened("referral.changed", to="accepted", by="seniors", reason="")
    version = (await ward.task())["meta"]["versionId"]
    await ward.receipt(event)  # older than the change: told again behind a crash
    await ward.happened("referral.changed", to="accepted", by="seniors", reason="")
    assert (await ward.task())["meta"]["versionId"] == version


async def test_a_change_that_the_hub_refuses_leaves_the_referral_and_says_so(ward: Ward) -> None:
    await ward.partner.put(referral(1))
    (event,) = await ward.look()
    await ward.receipt(event)
    await ward.put(request(1, code={"text": "nothing known"}))
    (second,) = await ward.changes()
    await ward.receipt(second, "refused", {"path": "/data/entry/0/resource/code", "code": "x", "text": "unknown"})
    held = await ward.task()
    assert held["status"] == "received"
    assert held["note"] == [
        {"authorString": "Ieum Hub", "text": "A change was not taken: ServiceRequest.code: unknown"}
    ]
    await ward.put(request(1, subject={"reference": "Patient/none"}))
    assert await ward.changes() == []
    await ward.write()
    assert (await ward.task())["status"] == "received"


async def test_a_withdrawal_that_is_too_late_shows_how_it_stands(ward: Ward) -> None:
    await ward.partner.put(referral(1))
    (event,) = await ward.look()
    await ward.receipt(event)
    await ward.happened("referral.changed", to="delivered", by="seniors", reason="")
    await ward.put(task(1, status="cancelled"))
    (withdrawal,) = await ward.look()
    await ward.write()
    assert (await ward.task())["status"] == "cancelled"  # until the hub has answered, theirs stands
    await ward.receipt(
        withdrawal, "refused", {"path": "/data/change", "code": "illegal_change", "text": "is delivered"}
    )
    held = await ward.task()
    assert (held["status"], held["note"][0]["text"]) == ("completed", "This could not be taken back: is delivered")
    assert await ward.look() == []


@pytest.mark.parametrize("status", [400, 409, 422])
async def test_a_server_that_refuses_updates_holds_up_nothing(ward: Ward, status: int) -> None:
    await ward.partner.put(referral(1))
    await ward.partner.put(referral(2))
    first, second = await ward.look()
    await ward.behave(refuse_update=status)
    await ward.receipt(first, number=1)
    await ward.behave(refuse_update=0)
    await ward.receipt(second, number=2)
    assert await ward.state(2) == ("received", "offered")


async def test_a_task_that_is_gone_holds_up_nothing(ward: Ward) -> None:
    await ward.partner.put(referral(1))
    await ward.partner.put(referral(2))
    first, second = await ward.look()
    await ward.partner.control(remove=["Task/t-1"])
    await ward.receipt(first, number=1)
    await ward.receipt(second, number=2)
    assert await ward.state(2) == ("received", "offered")
    assert not ward.connector.memory.stale(10)


@pytest.mark.parametrize("how", [{"refuse_update": 403}, {"token": "other"}, {"fail": 100, "status": 503}])
async def test_what_cannot_be_written_now_is_written_later(ward: Ward, how: dict[str, Any]) -> None:
    await ward.partner.put(referral(1))
    (event,) = await ward.look()
    await ward.behave(**how)
    with pytest.raises(Away):
        await ward.receipt(event)
    await ward.happened_quietly("referral.changed", to="accepted", by="seniors", reason="")
    await ward.again()
    await ward.behave(refuse_update=0, token="", fail=0)
    await ward.write()
    assert await ward.state() == ("accepted", "accepted")


async def test_one_task_that_cannot_be_read_does_not_stop_the_others(ward: Ward) -> None:
    await ward.partner.put(referral(1))
    await ward.partner.put(referral(2))
    first, second = await ward.look()
    await ward.behave(poison="Task/t-1")
    for event, number in ((first, 1), (second, 2)):
        with pytest.raises(Away):
            await ward.receipt(event, number=number)
    assert await ward.state(2) == ("received", "offered")


async def test_without_answers_nothing_is_written(ward: Ward) -> None:
    await ward.again(answer=False)
    await ward.partner.put(referral(1))
    (event,) = await ward.look()
    await ward.connector._answers.run()
    assert event
    assert [one for one in await ward.asked() if not one.startswith("GET")] == []


async def test_a_full_disk_is_waited_out(ward: Ward) -> None:
    await ward.partner.put(referral(1))
    (event,) = await ward.look()
    (pages,) = ward.connector.memory._db.execute("PRAGMA page_count").fetchone()
    ward.connector.memory._db.execute(f"PRAGMA max_page_count = {pages}")
    many = [{"id": REFERRAL.format(number), "state": "offered", "need": "x" * 200} for number in range(200)]
    told = Receipt(event["id"], "//agency/partner/fhir", "recorded", 1, (), tuple(many), "ServiceRequest/sr-1")
    with pytest.raises(Full, match="disk"):
        await ward.connector.tell([told])
    ward.connector.memory._db.execute("PRAGMA max_page_count = 100000")
    await ward.receipt(event, number=200)
    assert (await ward.state())[0] == "received"
