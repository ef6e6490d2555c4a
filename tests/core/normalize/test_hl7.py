"""HL7 v2 REF messages: charsets, separators, fields in their several forms."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from hub.schemas.canonical import ReferralClaim, Refusal, WithdrawalClaim
from hub.schemas.topics import Formats

from .conftest import SAMPLES, Intake, wrapped

ORIGINAL = (SAMPLES / "jinju" / "hospital-hl7v2-1.hl7").read_bytes().decode("cp949")


def send(intake: Intake, text: str, codec: str = "cp949") -> Any:
    octets = base64.b64encode(text.encode(codec)).decode()
    return intake("jeil", wrapped("jeil", Formats.HL7, data_base64=octets))


@pytest.mark.parametrize(
    ("declared", "codec"),
    [
        ("KS X 1001", "cp949"),
        ("CP949", "cp949"),
        ("UNICODE UTF-8", "utf-8"),
        ("", "cp949"),
        ("", "utf-8"),
        ("~KS X 1001", "cp949"),
    ],
)
def test_a_message_is_read_in_the_charset_it_declares(intake: Intake, declared: str, codec: str) -> None:
    assert send(intake, ORIGINAL.replace("KS X 1001", declared), codec).person.name == "박순자"


@pytest.mark.parametrize(
    ("declared", "code"),
    [
        ("UNICODE UTF-8", "not_decodable"),
        ("ASCII", "not_decodable"),
        ("8859/1", "not_decodable"),
        ("KOI8-R", "unknown_charset"),
    ],
)
def test_a_charset_that_does_not_fit_is_refused(intake: Intake, declared: str, code: str) -> None:
    refusal = send(intake, ORIGINAL.replace("KS X 1001", declared))
    assert isinstance(refusal, Refusal)
    assert [(reason.path, reason.code) for reason in refusal.reasons] == [("MSH-18", code)]


def test_a_cancellation_takes_back_what_was_asked_for_under_its_number(intake: Intake) -> None:
    claim = send(intake, ORIGINAL.replace("REF^I12", "REF^I14"))
    assert (type(claim), claim.number) == (WithdrawalClaim, "JI-26-3391")
    bare = send(intake, ORIGINAL.replace("REF^I12", "REF^I14").replace("JI-26-3391", ""))
    assert [(reason.path, reason.code) for reason in bare.reasons] == [("RF1-6", "number_missing")]


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_segments_end_as_systems_end_lines(intake: Intake, ending: str) -> None:
    assert send(intake, ORIGINAL.replace("\r\n", "\r").replace("\r", ending)).number == "JI-26-3391"


@pytest.mark.parametrize(
    "address",
    [
        "진주시 진주대로 1052 101-1203^^^^^KR",
        "진주대로 1052^101동 1203호^진주시^경상남도^52700^KOR",
        "진주대로 1052 101동 1203호^^진주시^경남",
        "경상남도 진주시 진주대로 1052, 101동 1203호 (강남동)^^진주시^경상남도",
    ],
)
def test_an_address_comes_whole_or_in_parts(intake: Intake, address: str) -> None:
    claim = send(intake, ORIGINAL.replace("진주시 진주대로 1052 101-1203^^^^^KR", address)).person.address
    assert (claim.building, claim.block, claim.ho, claim.sigungu) == ("road:진주대로 1052", "101", "1203", "진주시")


@pytest.mark.parametrize("name", ["박^순자", "박순자", "PARK^SOONJA~박^순자", "박순자^^^^^^L"])
def test_a_korean_name_goes_before_its_romanization(intake: Intake, name: str) -> None:
    assert send(intake, ORIGINAL.replace("박^순자", name)).person.name == "박순자"


@pytest.mark.parametrize(
    ("priority", "urgency"), [("S^STAT^HL70280", "urgent"), ("A^ASAP", "urgent"), ("R^Routine", None), ("", None)]
)
def test_the_priority_is_read(intake: Intake, priority: str, urgency: str | None) -> None:
    assert send(intake, ORIGINAL.replace("S^STAT^HL70280", priority)).urgency == urgency


def test_escapes_are_undone(intake: Intake) -> None:
    notes = send(intake, ORIGINAL.replace("위와 같은", r"A\T\B \F\ \E\ \.br\ \X0D\끝")).notes
    assert notes == ("제일병원 외래에서 재의뢰, A&B | \\ 끝 돌봄 요청",)


def test_other_separators_are_read(intake: Intake) -> None:
    other = ORIGINAL.translate(str.maketrans({"|": "!", "^": "*", "~": "?"}))
    assert send(intake, other).person.name == "박순자"


def test_the_guarantor_counts_only_where_no_next_of_kin_is_named(intake: Intake) -> None:
    """Or a caseworker would call one person under the other's name."""
    kin, guarantor = "NK1|1|이^영희|DAU^딸||010-3333-4444\r", "GT1|1||박^철수|||010-5555-6666|||||SON^아들\r"
    unnamed = "NK1|1||DAU^딸||010-3333-4444\r"
    ways = (kin + guarantor, guarantor, unnamed + guarantor)
    guardians = [send(intake, ORIGINAL + more).guardian for more in ways]
    assert [(g.name, g.relation, g.phones) for g in guardians] == [
        ("이영희", "딸", ("+821033334444",)),
        ("박철수", "아들", ("+821055556666",)),
        ("박철수", "아들", ("+821055556666",)),
    ]


@pytest.mark.parametrize(("notes", "refused"), [(400, False), (501, True)])
def test_a_message_has_a_bound_of_segments(intake: Intake, notes: int, *, refused: bool) -> None:
    claim = send(intake, ORIGINAL + "NTE|1||a\r" * notes)
    assert isinstance(claim, Refusal) is refused
    assert not refused or claim.reasons[0].code == "too_many_segments"


def test_next_of_kin_resident_number_and_discharge_are_read(intake: Intake) -> None:
    pid = ORIGINAL.replace("||01023456789", "||01023456789||||||480302-2345671")
    claim = send(intake, pid + "NK1|1|이^영희|DAU^딸||010-3333-4444\rPV2|||||||||20261125\r")
    assert isinstance(claim, ReferralClaim)
    assert claim.guardian is not None
    assert (claim.guardian.name, claim.guardian.relation, claim.guardian.phones) == ("이영희", "딸", ("+821033334444",))
    assert (claim.person.rrn, claim.needed_by) == ("4803022345671", "2026-11-25")


@pytest.mark.parametrize(
    ("old", "new", "path", "code"),
    [
        ("REF^I12", "ADT^A01", "MSH-9", "unsupported_event"),
        ("REF^I12", "REF^I15", "MSH-9", "unsupported_event"),
        ("discharge_care^", "space_travel^", "RF1-3", "unknown_need"),
        ("discharge_care^퇴원돌봄^99IEUM", "", "RF1-3", "need_missing"),
        ("JI-26-3391^JEIL", "", "RF1-6", "number_missing"),
        ("JI-26-3391^JEIL|20261117091500", "JI-26-3391^JEIL|20261345", "RF1-7", "date_impossible"),
        ("RF1|", "ZZZ|", "RF1", "segment_missing"),
        ("PID|", "ZZZ|", "PID", "segment_missing"),
        ("MSH|^~", "MSH|^^", "MSH-2", "separators"),
        ("MSH|", "XYZ|", "MSH-1", "not_hl7"),
    ],
)
def test_what_is_no_referral_is_refused_at_its_field(intake: Intake, old: str, new: str, path: str, code: str) -> None:
    refusal = send(intake, ORIGINAL.replace(old, new))
    assert isinstance(refusal, Refusal)
    assert [(reason.path, reason.code) for reason in refusal.reasons] == [(path, code)]


def test_json_is_no_hl7(intake: Intake) -> None:
    refusal = intake("jeil", wrapped("jeil", Formats.HL7, data={"a": 1}))
    assert [reason.path for reason in refusal.reasons] == ["/data_base64"]
