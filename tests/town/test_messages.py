"""The town's messages: sound envelopes, true to their truth, in the mix of the rate file."""

from __future__ import annotations

import base64
from collections import Counter, defaultdict

import orjson
import pytest

from hub.core.normalize import Mapping, normalize, read_crosswalk
from hub.core.rules import Rules
from hub.rules import texts
from hub.schemas.canonical import ReferralClaim, Refusal
from hub.schemas.envelope import parse
from hub.schemas.native.citizen import CitizenReport
from hub.schemas.native.device import DeviceReading
from hub.schemas.native.fhir import Bundle
from hub.schemas.native.hl7 import read_ref
from hub.schemas.native.rows import Row
from hub.schemas.native.victim import VictimSupport
from hub.schemas.native.wire import read
from hub.schemas.topics import Formats
from hub.town.people import Town
from hub.town.referrals import Event, generate
from tests.town.drawing import RATES

MODELS = {
    Formats.FHIR: Bundle,
    Formats.HOUSING: Row,
    Formats.WELFARE: Row,
    Formats.VICTIM: VictimSupport,
    Formats.CITIZEN: CitizenReport,
    Formats.DEVICE: DeviceReading,
}


@pytest.fixture(scope="module")
def events() -> list[Event]:
    return list(generate(20_000, 12_000, seed=7))


@pytest.mark.parametrize("agency", sorted(RATES.mix))
def test_the_mix_of_agencies_is_that_of_the_rate_file(agency: str, events: list[Event]) -> None:
    share = sum(e.agency == agency for e in events) / len(events)
    assert share == pytest.approx(RATES.mix[agency] / 1000, rel=0.15)


def test_every_message_is_a_sound_envelope_of_its_agency(events: list[Event]) -> None:
    refused = [e for e in events if isinstance(parse(orjson.dumps(e.message), e.agency), Refusal)]
    assert refused == []


def test_every_message_has_the_shape_of_its_native_format(events: list[Event]) -> None:
    for event in events:
        message = event.message
        if message["dataschema"] == Formats.HL7:
            held: object = read_ref(base64.b64decode(message["data_base64"]))
        else:
            held = read(MODELS[message["dataschema"]], message["data"])
        assert not isinstance(held, Refusal), event


def test_hl7_messages_are_cp949_and_hold_the_segments_of_the_sample(events: list[Event]) -> None:
    first = next(e for e in events if e.agency == "jeil")
    text = base64.b64decode(first.message["data_base64"]).decode("cp949")
    assert [line[:3] for line in text.split("\r")] == ["MSH", "RF1", "PRD", "PID", "NTE", ""]


def test_rows_have_as_many_cells_as_the_header(events: list[Event]) -> None:
    rows = [e.message["data"] for e in events if e.agency in {"lh", "sangbong"}]
    assert {(len(row["header"]), len(row["cells"])) for row in rows} == {(11, 11)}


def test_nobody_stands_twice_in_one_register(events: list[Event]) -> None:
    rows = [e for e in events if e.agency in {"lh", "sangbong"} and e.truth["expect"] != "seen"]
    listed = Counter((e.agency, e.message["data"]["register"], e.truth["person"]) for e in rows)
    assert max(listed.values()) == 1


def test_a_repeat_is_the_same_message_and_nothing_else_shares_an_id(events: list[Event]) -> None:
    first: dict[str, bytes] = {}
    repeats = 0
    for event in events:
        same = first.setdefault(event.message["id"], orjson.dumps(event.message))
        assert same == orjson.dumps(event.message)
        repeats += event.truth["expect"] == "seen"
    assert len(first) + repeats == len(events)
    assert repeats / len(events) == pytest.approx(RATES.share("repeated_messages"), rel=0.4)


def test_about_half_a_percent_must_be_refused(events: list[Event]) -> None:
    share = sum(e.truth["expect"] == "refused" for e in events) / len(events)
    assert share == pytest.approx(RATES.share("broken_messages"), rel=0.5)


def test_the_truth_names_a_known_need_a_person_and_a_household(events: list[Event]) -> None:
    needs = Rules.load(texts()).needs.keys() | {""}
    assert {code for e in events for code in e.truth["need"].split("|")} <= needs
    assert all(e.truth["household"] for e in events)
    assert {e.agency for e in events if not e.truth["person"]} == {"devices"}


def test_a_referral_number_belongs_to_one_message(events: list[Event]) -> None:
    referrals = {(e.truth["referral_number"], e.message["id"]) for e in events if e.agency != "devices"}
    assert len(referrals) == len({number for number, _ in referrals})


def test_people_are_referred_again_by_others_some_for_the_same_need(events: list[Event]) -> None:
    by = defaultdict(set)
    asked: Counter[tuple[str, str]] = Counter()
    for e in events:
        if e.truth["person"] and e.truth["need"] and e.truth["expect"] == "recorded":
            by[e.truth["person"]].add(e.agency)
            asked[e.truth["person"], e.truth["need"]] += 1
    assert sum(len(agencies) > 1 for agencies in by.values()) > 500
    assert sum(count > 1 for count in asked.values()) > 200


def test_no_attribute_holds_personal_data(events: list[Event]) -> None:
    town = Town(20_000, 7)
    for event in events[:2000]:
        attributes = " ".join(str(v) for k, v in event.message.items() if not k.startswith("data"))
        household = town.household(int(event.truth["household"][1:]))
        personal = [word for p in household.members for word in (p.name, p.birth, p.phone) if word]
        assert not [word for word in personal if word in attributes]


@pytest.mark.parametrize("asked", [0.015, 0.04])
def test_as_many_newcomers_as_asked_are_the_twin_of_somebody_known(asked: float) -> None:
    town = Town(60_000, 7, twins=4 * asked)
    met: set[int] = set()
    second = 0
    for event in generate(60_000, 8000, 7, twins=asked):
        if not event.truth["person"] or (index := int(event.truth["person"][1:])) in met:
            continue
        where, place = town.locate(index)
        twin = town.household(where).members[place].twin
        second += twin != 0 and index + twin in met
        met.add(index)
    assert second / len(met) >= asked


def test_the_hub_refuses_what_the_truth_says_and_reads_the_needs_it_names(events: list[Event]) -> None:
    files = texts()
    crosswalk = read_crosswalk(files["areas.csv"], files["town-areas.csv"])
    mapping = Mapping.load(files["mapping.toml"], crosswalk, Rules.load(files).needs)
    numbered: Counter[str] = Counter()
    for event in events:
        envelope = parse(orjson.dumps(event.message), event.agency)
        assert not isinstance(envelope, Refusal)
        claim = normalize(envelope, mapping)
        if event.truth["expect"] != "seen":
            assert isinstance(claim, Refusal) == (event.truth["expect"] == "refused")
        if isinstance(claim, ReferralClaim):
            numbered[event.agency] += claim.person.rrn is not None
            assert "|".join(claim.needs) == event.truth["need"]
            assert claim.number == event.truth["referral_number"]
    assert min(numbered[agency] for agency in ("gyeongsang", "jeil", "lh", "sangbong", "prosecutors")) > 100
