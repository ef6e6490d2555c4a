"""What is found on a hospital's server, once, in order, and whatever the server does with its pages."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from connectors.fhir.server import Away
from connectors.protocol import Broken, Event, Full
from hub.core.normalize import normalize
from hub.errors import Usage
from hub.schemas.canonical import ReferralClaim
from hub.schemas.envelope import Envelope, parse
from tests.connectors.fhir_polling.polling import patient, referral, request, task
from tests.connectors.fhir_polling.ward import REFERRAL, Ward
from tests.core.normalize.conftest import shipped_mapping

CONSENT = {
    "resourceType": "Consent", "id": "c-1", "status": "active", "dateTime": "2026-11-19",
    "patient": {"reference": "Patient/p-1"}, "performer": [{"reference": "RelatedPerson/mother"}],
    "policyRule": {"text": "form 3"}, "provision": {"type": "permit", "purpose": [{"code": "welfare"}]},
}  # fmt: skip
MOTHER = {
    "resourceType": "RelatedPerson", "id": "mother", "patient": {"reference": "Patient/p-1"},
    "name": [{"text": "한가람"}], "relationship": [{"text": "모"}],
}  # fmt: skip


def claim(event: Event) -> ReferralClaim:
    envelope = parse(orjson.dumps(event), "partner")
    assert isinstance(envelope, Envelope)
    found = normalize(envelope, shipped_mapping())
    assert isinstance(found, ReferralClaim), found
    return found


def names(event: Event) -> list[str]:
    return [entry["request"]["url"] for entry in event["data"]["entry"]]


async def test_a_requested_task_is_a_referral_with_all_that_it_names(ward: Ward) -> None:
    held = request(1, supportingInfo=[{"reference": "Consent/c-1"}, {"reference": "Condition/secret"}])
    await ward.put(patient(1), MOTHER, CONSENT, held, task(1))
    (event,) = await ward.look()
    assert names(event) == ["ServiceRequest/sr-1", "Consent/c-1", "Patient/p-1", "RelatedPerson/mother", "Task/t-1"]
    told = claim(event)
    assert (told.number, told.needs, told.person.name) == ("F-1", ("meal_delivery",), "박순자")
    assert told.consent is not None
    assert told.consent.by == "guardian"
    assert b"lastUpdated" not in orjson.dumps(event)
    assert ward.mark


async def test_nothing_is_read_that_no_request_needs(ward: Ward) -> None:
    others = [task(2, status="draft"), task(3, owner={"reference": "Organization/laboratory"}), task(4, status="ready")]
    await ward.put(patient(1), patient(2), request(1), request(2), request(3), request(4), *others)
    assert await ward.look() == []
    assert all(one.startswith("GET /fhir/Task?") for one in await ward.asked())


async def test_what_we_write_ourselves_is_no_news(ward: Ward) -> None:
    await ward.partner.put(referral(1))
    (event,) = await ward.look()
    await ward.write()
    assert await ward.state() == ("requested", "pending")
    await ward.asked()
    assert await ward.look() == []
    assert len(await ward.asked()) == 1
    await ward.receipt(event)
    assert await ward.look() == []
    await ward.again()
    assert await ward.look() == []
    assert await ward.state() == ("received", "offered")


@pytest.mark.parametrize("order", ["sorted", "unsorted"])
async def test_every_page_is_read_in_order(ward: Ward, order: str) -> None:
    await ward.behave(unsorted=order == "unsorted")
    for number in range(30):
        await ward.partner.put(referral(number))
    await ward.again(page_size=4, overlap_s=0)
    found = [ward.partner.number(event) for event in await ward.look()]
    assert sorted(found) == list(range(30))
    assert order == "unsorted" or found == list(range(30))
    assert await ward.look() == []


async def test_pages_that_shift_while_they_are_read_lose_nothing(ward: Ward) -> None:
    """By offset, unsorted: what leaves the results moves all that follows a place forward."""
    await ward.behave(unsorted=True)
    for number in range(20):
        await ward.partner.put(referral(number))
    await ward.again(page_size=4)
    plain, moved = ward.take, 0

    async def take(events: Any, **more: Any) -> int:
        nonlocal moved
        if moved < 3 and events:
            await ward.put(task(19 - moved, status="received"))
            moved += 1
        return await plain(events, **more)

    ward.take = take  # type: ignore[method-assign]
    await ward.look()
    assert sorted(ward.partner.number(event) for event in ward.events.values()) == list(range(20))


async def test_many_of_one_time_are_followed_by_their_links(ward: Ward) -> None:
    for number in range(12):
        await ward.partner.put(referral(number))
    at = "2026-11-22T02:00:00.000Z"
    await ward.partner.control(late={f"Task/t-{number}": at for number in range(12)})
    await ward.again(page_size=5, overlap_s=0)
    assert len(await ward.look()) == 12
    assert any("_offset=5" in one for one in await ward.asked())
    await ward.again(pages=1)
    ward.mark = ""
    with pytest.raises(Away, match="more than 1 pages"):
        await ward.look()


async def test_a_link_to_another_host_is_not_followed(ward: Ward) -> None:
    for number in range(6):
        await ward.partner.put(referral(number))
    await ward.partner.control(late={f"Task/t-{n}": "2026-11-22T02:00:00.000Z" for n in range(6)})
    for base in ("http://169.254.169.254/fhir", "https://127.0.0.1/fhir", "http://127.0.0.1:1/fhir", "//x/fhir"):
        await ward.behave(next_base=base)
        await ward.again(page_size=2)
        with pytest.raises(Away, match="leads elsewhere"):
            await ward.look()
    # Where times differ no link is needed.
    for number in range(6):
        await ward.put(task(number))
    await ward.look()
    assert len(ward.events) == 6


async def test_what_the_server_shows_late_is_found(ward: Ward) -> None:
    await ward.again(overlap_s=60)
    await ward.partner.put(referral(1))
    assert len(await ward.look()) == 1
    told = await ward.partner.put(referral(2))
    await ward.look()
    await ward.partner.put(referral(3))
    before = told["last"][:-5] + ".000Z"
    await ward.partner.control(late={"Task/t-3": before})
    assert [ward.partner.number(e) for e in await ward.look()] == [3]


async def test_a_time_from_the_future_moves_no_position(ward: Ward) -> None:
    await ward.partner.put(referral(1))
    await ward.partner.control(late={"Task/t-1": "2199-01-01T00:00:00.000Z"})
    assert len(await ward.look()) == 1
    assert ward.mark < "2199"
    await ward.partner.put(referral(2))
    assert [ward.partner.number(e) for e in await ward.look()] == [2]


async def test_a_position_that_was_reset_says_everything_again_under_the_same_ids(ward: Ward) -> None:
    await ward.partner.put(referral(1))
    (event,) = await ward.look()
    await ward.write()
    await ward.again()
    ward.mark = ""
    ward.events.clear()
    assert [again["id"] for again in await ward.look()] == [event["id"]]


# ------------------------------------------------------------------ what changes later
async def test_a_changed_request_is_a_correction_and_words_that_return_are_news(ward: Ward) -> None:
    await ward.partner.put(referral(1))
    (first,) = await ward.look()
    assert await ward.changes() == []
    await ward.put(request(1, priority="urgent"))
    (second,) = await ward.changes()
    assert claim(second).urgency == "urgent"
    assert second["follows"] == first["id"]
    assert second["partitionkey"] == first["partitionkey"]
    await ward.put(request(1, priority="urgent"))  # another version of the same words
    assert await ward.changes() == []
    await ward.put(request(1))
    (third,) = await ward.changes()
    assert third["data"] == first["data"]
    assert third["id"] != first["id"]


@pytest.mark.parametrize(
    "changed",
    [
        patient(1, birthDate="1948-03-03"),
        CONSENT | {"status": "inactive"},
        MOTHER | {"name": [{"text": "한가온"}]},
        request(2, basedOn=[{"reference": "ServiceRequest/sr-1"}], identifier=[]),
    ],
    ids=lambda one: one["resourceType"],
)
async def test_what_stands_behind_a_request_changes_it(ward: Ward, changed: dict[str, Any]) -> None:
    held = request(1, supportingInfo=[{"reference": "Consent/c-1"}])
    await ward.put(patient(1), patient(2), MOTHER, CONSENT, held, task(1))
    (first,) = await ward.look()
    assert await ward.changes() == []
    await ward.put(changed)
    (event,) = await ward.changes()
    assert event["follows"] == first["id"]
    assert f"{changed['resourceType']}/{changed['id']}" in names(event)


async def test_only_what_was_updated_since_is_read_again(ward: Ward) -> None:
    await ward.partner.put(referral(1))
    await ward.look()
    old = "2026-01-01T00:00:00.000Z"
    await ward.partner.control(late={"ServiceRequest/sr-1": old, "Patient/p-1": old})
    await ward.connector.changes(ward.take)
    await ward.asked()
    await ward.connector.changes(ward.take)
    asked = [one for one in await ward.asked() if "_id=" in one]
    assert asked
    assert all("_lastUpdated=ge" in one for one in asked)


async def test_a_part_with_a_task_of_its_own_goes_with_the_whole(ward: Ward) -> None:
    await ward.partner.put(referral(1))
    await ward.look()
    need = {"coding": [{"system": "urn:kr:ieum:need", "code": "laundry"}]}
    based = [{"reference": "ServiceRequest/sr-1"}]
    await ward.put(patient(2), request(2, basedOn=based, code=need, identifier=[]), task(2))
    (event,) = await ward.look()
    assert ward.abouts[event["id"]] == "ServiceRequest/sr-1"
    assert names(event)[0] == "ServiceRequest/sr-1"
    assert set(claim(event).needs) == {"meal_delivery", "laundry"}


@pytest.mark.parametrize("how", ["Task", "entered in error", "ServiceRequest"])
async def test_what_is_taken_back_is_withdrawn_once_the_hub_has_named_it(ward: Ward, how: str) -> None:
    await ward.partner.put(referral(1))
    (event,) = await ward.look()
    if how == "ServiceRequest":
        await ward.put(request(1, status="revoked"))
    else:
        await ward.put(task(1, status="cancelled" if how == "Task" else "entered-in-error"))
    assert await ward.look() + await ward.changes() == []
    await ward.receipt(event, number=7)
    if how != "ServiceRequest":
        assert (await ward.state())[0] in {"cancelled", "entered-in-error"}  # theirs stands
    (withdrawal,) = await ward.look()
    assert withdrawal["data"]["referral"] == REFERRAL.format(7)
    assert withdrawal["data"]["change"] == "withdraw"
    envelope = parse(orjson.dumps(withdrawal), "partner")
    assert isinstance(envelope, Envelope)
    assert type(normalize(envelope, shipped_mapping())).__name__ == "AnswerClaim"
    await ward.again()
    assert await ward.look() + await ward.changes() == []
    await ward.happened("referral.changed", 7, to="withdrawn", by="partner", reason="")
    status = "entered-in-error" if how == "entered in error" else "cancelled"
    assert await ward.state() == (status, "withdrawn")
    assert await ward.look() + await ward.changes() == []


async def test_one_of_two_tasks_that_is_taken_back_takes_nothing_back(ward: Ward) -> None:
    await ward.partner.put(referral(1))
    second = task(1, id="t-2")
    await ward.put(second)
    (event,) = await ward.look()
    await ward.receipt(event)
    await ward.put(task(1, status="cancelled"))
    assert await ward.look() == []
    await ward.put(second | {"status": "cancelled"})
    assert len(await ward.look()) == 1


async def test_a_mind_that_changed_twice_before_the_hub_heard_of_it_takes_nothing_back(ward: Ward) -> None:
    await ward.partner.put(referral(1))
    (event,) = await ward.look()
    await ward.put(task(1, status="cancelled"))
    assert await ward.look() == []
    await ward.put(patient(1, gender="male"))  # a correction of what is taken back asks for nothing
    assert len(await ward.changes()) == 1
    await ward.put(task(1))
    assert await ward.look() == []
    await ward.receipt(event)
    assert await ward.look() + await ward.changes() == []
    assert await ward.state() == ("received", "offered")


async def test_a_request_that_was_never_sent_is_not_withdrawn(ward: Ward) -> None:
    await ward.put(patient(1), request(1), task(1, status="cancelled"))
    assert await ward.look() == []


# ------------------------------------------------------------------ crashes and bounds
async def test_a_full_spool_shows_nothing_and_takes_the_same_later(ward: Ward) -> None:
    await ward.partner.put(referral(1))
    ward.full = True
    with pytest.raises(Full):
        await ward.look()
    await ward.write()
    assert await ward.state() == ("requested", "")
    ward.full = False
    assert len(await ward.look()) == 1
    await ward.write()
    assert await ward.state() == ("requested", "pending")


async def test_a_crash_behind_the_spool_says_the_same_under_the_same_id(ward: Ward) -> None:
    await ward.partner.put(referral(1))
    await ward.look()
    await ward.put(request(1, priority="urgent"))
    ward.connector.memory.sent = lambda _: (_ for _ in ()).throw(KeyboardInterrupt)  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        await ward.changes()
    assert len(ward.events) == 2
    await ward.again()
    assert await ward.changes() == []
    # The words before it, said again after the crash, are news.
    await ward.put(request(1))
    (third,) = await ward.changes()
    assert third["follows"] == list(ward.events)[1]


async def test_a_crash_before_the_spool_loses_nothing(ward: Ward) -> None:
    await ward.partner.put(referral(1))
    ward.full = True
    with pytest.raises(Full):
        await ward.look()
    ward.full = False
    await ward.again()
    assert len(await ward.look()) == 1


# ------------------------------------------------------------------ requests without Tasks
async def test_requests_count_from_the_first_look_on_and_get_one_task(ward: Ward) -> None:
    await ward.again(search="ServiceRequest", parameters={})
    await ward.put(patient(1), request(1))
    await ward.partner.control(late={"ServiceRequest/sr-1": "2020-01-01T00:00:00.000Z"})
    assert await ward.look() == []
    await ward.put(patient(2), request(2), request(3, status="revoked"))
    (event,) = await ward.look()
    assert names(event) == ["ServiceRequest/sr-2", "Patient/p-2"]
    await ward.write()
    held = await ward.partner.resource("Task/made-1")
    assert (held["status"], held["focus"]) == ("requested", {"reference": "ServiceRequest/sr-2"})
    # A crash before the Task's name was kept: it is found again, not made again.
    ward.connector.memory.change([("ServiceRequest/sr-2", lambda k: k and type(k)(**_without(k)))])
    await ward.receipt(event)
    assert (await ward.partner.control())["counts"] == {"received": 1}
    await ward.put(held | {"status": "cancelled", "id": "made-1"})
    (withdrawal,) = await ward.changes()
    assert withdrawal["data"]["change"] == "withdraw"


def _without(known: Any) -> dict[str, Any]:
    return {f: getattr(known, f) for f in known.__struct_fields__ if f != "tasks"}


async def test_backfill_takes_older_requests_and_leaves_the_position(ward: Ward) -> None:
    await ward.again(search="ServiceRequest", parameters={})
    await ward.put(patient(1), request(1))
    await ward.partner.control(late={"ServiceRequest/sr-1": "2026-05-01T00:00:00.000Z"})
    await ward.look()
    mark = ward.mark
    assert await ward.connector.backfill("2026-06-01", ward.take) == 0
    assert await ward.connector.backfill("2026-04-01", ward.take) == 1
    assert (len(ward.events), ward.mark) == (1, mark)
    with pytest.raises(Usage, match="no date"):
        await ward.connector.backfill("yesterday", ward.take)


async def test_discover_shows_what_would_be_sent_and_changes_nothing(ward: Ward) -> None:
    for number in range(4):
        await ward.partner.put(referral(number))
    await ward.put(task(5, focus={"reference": "ServiceRequest/none"}))
    found = await ward.connector.discover(10)
    assert [type(one) for one in found].count(dict) == 4
    assert [one.path for one in found if isinstance(one, Broken)] == ["Task.focus"]
    assert len(await ward.connector.discover(2)) == 2
    assert not ward.connector.config.memory_file.exists()
    assert not [one for one in await ward.asked() if one.startswith("PUT")]
    sent = await ward.look()
    assert [e["id"] for e in sent] == [one["id"] for one in found if isinstance(one, dict)]
