"""What must come of the town's files (`expected.json`), as far as reading them decides it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from hub.schemas.canonical import ReferralClaim, Refusal, SignalClaim

from .conftest import SAMPLES

EXPECTED = json.loads((SAMPLES / "jinju" / "expected.json").read_text("utf-8"))


def test_every_message_of_the_town_is_read(town: dict[str, Any]) -> None:
    expected = set(EXPECTED["needs"]) | set(EXPECTED["refused"]) | set(EXPECTED["signals"])
    assert set(town) == expected


@pytest.mark.parametrize(("number", "needs"), EXPECTED["needs"].items())
def test_a_referral_names_its_needs(town: dict[str, Any], number: str, needs: str | list[str]) -> None:
    assert town[number].needs == ((needs,) if isinstance(needs, str) else tuple(needs))


@pytest.mark.parametrize(
    ("number", "name", "birth"),
    [
        (number.split(" ")[0], person.split(" ")[0], person.split(" ")[1])
        for person, numbers in EXPECTED["persons"].items()
        for number in numbers
        if " " in person and "written" not in number
    ],
)
def test_a_referral_names_its_person(town: dict[str, Any], number: str, name: str, birth: str) -> None:
    assert (town[number].person.name, town[number].person.birth.value) == (name, birth)


def test_all_forms_of_one_flat_are_one_dwelling(town: dict[str, Any]) -> None:
    numbers = ("GS-2026-0001", "JI-26-3391", "LH-26-0411", "SB-2611-01", "2026-VS-0077")
    claims = [town[number].person.address for number in numbers] + [town["sos-1052-101-1203"].address]
    assert {(one.building, one.block, one.ho, one.sigungu, one.dong) for one in claims} == {
        ("road:진주대로 1052", "101", "1203", "진주시", "천전동")
    }


def test_a_lot_is_one_building_with_and_without_its_suffix(town: dict[str, Any]) -> None:
    claims = [town[number].person.address for number in ("GS-2026-0002", "LH-26-0412", "SB-2611-02")]
    assert {(one.building, one.ho, one.dong) for one in claims} == {("lot:상봉동 802-5", "", "상봉동")}


def test_a_row_without_name_is_refused_with_all_its_reasons(town: dict[str, Any]) -> None:
    refusal = town["LH-26-0414"]
    assert isinstance(refusal, Refusal)
    assert [(reason.path, reason.code) for reason in refusal.reasons] == [
        ("세대주", "name_missing"),
        ("체납액", "amount_not_a_number"),
        ("의뢰일", "date_impossible"),
    ]


@pytest.mark.parametrize(
    ("number", "urgency", "mark"),
    [
        ("GS-2026-0001", "urgent", False),
        ("JI-26-3391", "urgent", False),
        ("SB-2611-01", None, True),
        ("GS-2026-0002", None, False),
        ("JI-26-3392", None, False),
    ],
)
def test_a_referral_is_as_urgent_as_its_source_says(
    town: dict[str, Any], number: str, urgency: str | None, *, mark: bool
) -> None:
    assert (town[number].urgency, town[number].urgent_mark) == (urgency, mark)


def test_a_date_that_does_not_exist_is_kept_as_written(town: dict[str, Any]) -> None:
    claim = town["SB-2611-04"]
    assert (claim.person.birth.value, claim.person.birth.raw, claim.person.birth.quality) == (
        None,
        "1999-02-29",
        "impossible",
    )
    assert set(claim.flags) == {"birth_impossible", "address_unusable"}


def test_a_grandmother_is_a_guardian_and_not_yet_a_legal_representative(town: dict[str, Any]) -> None:
    claim = town["2026-VS-0077"]
    assert (claim.guardian.name, claim.guardian.relation, claim.guardian.phones) == (
        "박순자",
        "조모",
        ("+821023456789",),
    )
    assert "guardian_kinship_only" in claim.flags


def test_what_stays_inside_victim_support_is_marked_so(town: dict[str, Any]) -> None:
    claim = town["2026-VS-0078"]
    assert (claim.person.address.protected, claim.person.address.building, claim.person.address.dong) == (
        True,
        None,
        "",
    )
    assert (claim.person.rrn, claim.person.substitute) == (None, True)
    assert claim.consent.purposes == ("victim_support",)
    assert (claim.share_origin, claim.offence_class) == (False, "protected")


@pytest.mark.parametrize(
    ("ref", "urgency", "building", "about"),
    [
        ("hb-0001", "urgent", "road:평거로 88", "이말순"),
        ("hb-0002", "routine", "road:비봉로 31", ""),
        ("wm-88-205-904", "urgent", "road:평거로 88", ""),
        ("sos-1052-101-1203", "sos", "road:진주대로 1052", ""),
    ],
)
def test_a_signal_says_how_urgent_and_where(
    town: dict[str, Any], ref: str, urgency: str, building: str, about: str
) -> None:
    signal = town[ref]
    assert isinstance(signal, SignalClaim)
    assert (signal.urgency, signal.address.building, signal.about) == (urgency, building, about)


@pytest.mark.parametrize(
    ("number", "field", "place"),
    [
        ("GS-2026-0001", "name", "/entry/0/resource/name/0/text"),
        ("GS-2026-0001", "need", "/entry/1/resource/code"),
        ("JI-26-3391", "birth", "PID-7"),
        ("JI-26-3391", "number", "RF1-6"),
        ("LH-26-0411", "name", "세대주"),
        ("SB-2611-01", "birth", "생년월일"),
        ("2026-VS-0077", "guardian_name", "/victim/guardian/name"),
    ],
)
def test_a_field_says_where_it_came_from(town: dict[str, Any], number: str, field: str, place: str) -> None:
    assert town[number].provenance[field] == place


@pytest.mark.parametrize(
    ("number", "repair"),
    [
        ("LH-26-0411", "birth:short_year"),
        ("LH-26-0411", "address:spacing"),
        ("JI-26-3391", "address:unit_form"),
        ("SB-2611-01", "address:city_assumed"),
        ("hb-0001", "about:title"),
    ],
)
def test_a_repair_is_noted(town: dict[str, Any], number: str, repair: str) -> None:
    assert repair in town[number].repairs


def test_only_rows_say_which_list_they_stand_in(town: dict[str, Any]) -> None:
    rows = {number: claim.person.row for number, claim in town.items() if isinstance(claim, ReferralClaim)}
    assert rows["SB-2611-05"] == rows["SB-2611-06"] == "welfare-row:sangbong/welfare-center-register/의뢰대장"
    assert rows["GS-2026-0001"] == rows["JI-26-3391"] == ""


def test_a_record_number_is_known_to_its_agency_only(town: dict[str, Any]) -> None:
    assert town["GS-2026-0001"].person.local_id == "gyeongsang:H-100231"
    assert town["JI-26-3391"].person.local_id == "jeil:0088123"


def test_moments_are_utc(town: dict[str, Any]) -> None:
    assert town["GS-2026-0001"].at == "2026-11-16T01:12:00.000Z"
    assert town["JI-26-3391"].at == "2026-11-17T00:15:00.000Z"
    assert town["LH-26-0411"].at == "2026-11-16T15:00:00.000Z"
