"""The views the relay publishes: what a reader may not know is a bare position; what is not listed stays inside."""

from __future__ import annotations

from typing import Any, get_args

import orjson
import pytest

from hub.core.apply import APPLY
from hub.core.directory import Agency
from hub.core.feedview import (
    FEED_FACTS,
    OUTBOX_FACTS,
    Entry,
    Readers,
    Stamp,
    addressees,
    closing,
    feed_message,
    is_delivered,
    outbox_message,
    read,
    sealed,
)
from hub.errors import Halt
from hub.schemas.entries import Common
from hub.schemas.envelope import Envelope, data_digest, parse
from hub.schemas.topics import HUB

STAMP = Stamp("ieum.example/7f", "e1")
CITY = Agency("city", "city_desk", "시청", ("welfare",), "other_law")
CASE = "0191a0b0-0000-8000-8000-000000000001"
INSIDE = ("audience", "record", "records", "tightens", "moved", "seq_in_case", "cause", "bodies", "rules", "actor")


def recorded(**facts: Any) -> Entry:
    given = {
        "agency": "jeil", "audience": ["a:jeil", "p:welfare"], "code": "home_care", "dong": "1126057500",
        "flags": [], "how": "strong", "need": "n1", "person": "p1", "record": "rec-1", "referral": "r1",
        "related_to": "r0", "repairs": [], "state": "received", "tightens": None, "urgency": "urgent",
    }  # fmt: skip
    return Entry("e-1", "referral.recorded", CASE, "2026-11-22T11:41:59.123Z", given | facts)


def changed(to: str) -> Entry:
    facts = {"audience": ["a:jeil", "a:lh", "p:welfare"], "by": "lh", "change": "deliver", "from": "in_service"}
    facts |= {"reason": "", "referral": "r1", "to": to}
    return Entry("e-2", "referral.changed", CASE, "2026-11-22T11:42:00.000Z", facts)


def seen(entry: Entry, city: Agency | None = CITY) -> dict[str, Any]:
    value: dict[str, Any] = orjson.loads(feed_message(entry, 7, STAMP, city).value)
    return value


def delivered_to_outbox(entry: Entry) -> dict[str, Any]:
    value: dict[str, Any] = orjson.loads(outbox_message(entry, 7, STAMP).value)
    return value


# ------------------------------------------------------------------ sealed
def test_a_position_the_city_may_not_know_shows_its_number_and_nothing_else() -> None:
    secret = recorded(audience=["a:prosecutors", "p:victim_support"])
    message = feed_message(secret, 7, STAMP, CITY)
    assert message.key is None
    assert orjson.loads(message.value) == {
        "specversion": "1.0",
        "id": "position-7",
        "source": "//hub/ieum.example/7f",
        "type": "kr.ieum.entry.sealed.v1",
        "position": 7,
        "epoch": "e1",
        "datacontenttype": "application/json",
        "data": {"position": 7, "sealed": True},
    }


def test_two_sealed_positions_differ_in_their_number_alone() -> None:
    one = feed_message(recorded(audience=["p:victim_support"]), 7, STAMP, CITY).value
    other = feed_message(Entry("x", "access.recorded", "", "z", {"audience": ["p:audit"]}), 8, STAMP, CITY).value
    assert one.replace(b"7,", b"8,").replace(b"position-7", b"position-8") == other


def test_without_a_city_account_everything_is_sealed() -> None:
    assert feed_message(recorded(), 7, STAMP, None) == sealed(7, STAMP)


def test_the_city_knows_what_its_purposes_or_its_own_name_open() -> None:
    assert seen(recorded())["id"] == "e-1"
    assert seen(recorded(audience=["a:city", "p:victim_support"]))["id"] == "e-1"
    victim = Agency("city", "city_desk", "시청", ("victim_support",), "other_law")
    assert seen(recorded(audience=["p:victim_support"]), victim)["id"] == "e-1"


# ------------------------------------------------------------------ open
def test_an_open_position_is_a_cloud_event_with_position_and_epoch() -> None:
    value = seen(recorded())
    data = value.pop("data")
    assert value == {
        "specversion": "1.0",
        "id": "e-1",
        "source": "//hub/ieum.example/7f",
        "type": "kr.ieum.referral.recorded.v1",
        "time": "2026-11-22T11:41:59.123Z",
        "position": 7,
        "epoch": "e1",
        "datacontenttype": "application/json",
        "partitionkey": CASE,
    }
    assert data.keys() == {"id", "kind", "position", "case", "heard", "facts"}
    assert data["facts"]["referral"] == "r1"


def test_an_entry_without_a_case_has_no_partition_key() -> None:
    entry = Entry("e", "message.refused", "", "z", {"agency": "jeil", "audience": ["a:jeil"], "reasons": []})
    message = outbox_message(entry, 7, STAMP)
    assert message.key is None
    assert "partitionkey" not in orjson.loads(message.value)


def test_the_same_entry_gives_the_same_bytes() -> None:
    assert feed_message(recorded(), 7, STAMP, CITY) == feed_message(recorded(), 7, STAMP, CITY)
    assert outbox_message(recorded(), 7, STAMP) == outbox_message(recorded(), 7, STAMP)


def test_a_hidden_origin_stays_hidden_from_the_city_and_open_to_the_source() -> None:
    hidden = recorded(origin_hidden=True)
    assert b"jeil" not in feed_message(hidden, 7, STAMP, CITY).value
    assert delivered_to_outbox(hidden)["data"]["facts"]["agency"] == "jeil"
    corrected = Entry("e", "referral.corrected", CASE, "z", {"agency": "jeil", "audience": ["p:welfare"], "due": {}})
    assert b"jeil" not in feed_message(corrected, 7, STAMP, CITY).value


# ------------------------------------------------------------------ outboxes
def test_an_outbox_shows_neither_numbering_nor_audience_nor_record() -> None:
    facts = delivered_to_outbox(recorded())["data"]["facts"]
    assert not set(INSIDE) & facts.keys()
    assert not {"how", "related_to"} & facts.keys()
    assert facts["person"] == "p1"


def test_an_outbox_says_nothing_of_others_touched_on_the_way() -> None:
    facts = {"absorbed_into": "c2", "audience": ["a:jeil"], "joined": "c2", "left": "c1", "moved": ["r8", "r9"]}
    moved = Entry("e", "household.changed", "c1", "z", facts | {"person": "p1", "was": "p1"})
    assert b"r8" not in outbox_message(moved, 7, STAMP).value
    assert b"r8" not in feed_message(moved, 7, STAMP, Agency("jeil", "x", "x", (), "")).value


def test_every_kind_of_entry_has_a_list_of_what_may_leave() -> None:
    assert set(OUTBOX_FACTS) == set(FEED_FACTS) == set(APPLY)


@pytest.mark.parametrize("kind", sorted(FEED_FACTS))
def test_every_listed_fact_is_one_such_an_entry_has(kind: str) -> None:
    shapes = {_kind(shape): shape.model_fields["facts"].annotation for shape in Common.__subclasses__()}
    known = {field.alias or name for name, field in shapes[kind].model_fields.items()}
    assert set(FEED_FACTS[kind]) | set(OUTBOX_FACTS[kind]) <= known


@pytest.mark.parametrize("listed", [OUTBOX_FACTS, FEED_FACTS], ids=["outbox", "feed"])
def test_no_list_holds_what_stays_inside(listed: dict[str, tuple[str, ...]]) -> None:
    assert not {name for names in listed.values() for name in names} & set(INSIDE)


def test_a_kind_nobody_listed_leaves_without_facts() -> None:
    entry = Entry("e", "not.known", "", "z", {"audience": ["a:jeil"], "name": "홍길동"})
    assert delivered_to_outbox(entry)["data"]["facts"] == {}


def test_messages_go_to_agencies_with_an_account_only() -> None:
    entry = recorded(audience=["a:gone", "a:jeil", "a:lh", "p:welfare"])
    assert addressees(entry, {"jeil", "lh", "welfare"}) == ["jeil", "lh"]


# ------------------------------------------------------------------ closing
def test_only_a_delivery_is_closed() -> None:
    assert is_delivered(changed("delivered"))
    assert not is_delivered(changed("accepted"))
    assert not is_delivered(recorded())


def test_the_closing_request_passes_the_door_and_is_the_same_when_repeated() -> None:
    first, again = closing(changed("delivered"), 7), closing(changed("delivered"), 7)
    assert first == again
    assert first.key == b"r1"
    envelope = parse(first.value, HUB)
    assert isinstance(envelope, Envelope)
    assert envelope.id == "close-r1-7"
    assert envelope.data == {"referral": "r1", "change": "close", "at": "2026-11-22T11:42:00.000Z"}
    assert data_digest(envelope) == data_digest(envelope)


def _kind(shape: type[Common]) -> str:
    kind: str = get_args(shape.model_fields["kind"].annotation)[0]
    return kind


# ------------------------------------------------------------------ readers, bytes
def enrolled(code: str, kind: str, *purposes: str) -> Entry:
    facts = {"agency": code, "agency_kind": kind, "areas": [], "audience": [f"a:{code}"], "legal_basis": "other_law"}
    return Entry("e", "agency.registered", "", "z", facts | {"name": code, "purposes": list(purposes)})


def test_readers_are_those_registered_so_far_and_the_city_is_its_desk() -> None:
    readers = Readers()
    readers.follow(enrolled("city", "dong_center", "welfare"))
    assert readers.city is None
    readers.follow(enrolled("city", "city_desk", "welfare"))
    readers.follow(enrolled("jeil", "hospital", "treatment"))
    readers.follow(changed("accepted"))
    assert readers.accounts == {"city", "jeil"}
    assert readers.city is not None
    assert readers.city.purposes == ("welfare",)


def test_bytes_that_are_no_entry_stop_the_relay() -> None:
    with pytest.raises(Halt):
        read(b'{"id":1}')
    with pytest.raises(Halt):
        read(b"\xff")
