"""The native messages of the seven sample agencies, built as `samples/jinju` has them.

Owns the formats' shapes and each agency's habits of writing. Decides nothing about who is referred (`referrals`).
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from random import Random
from typing import Any, Final

import msgspec

from hub.schemas.topics import Formats, Types
from hub.town.noise import Mention

SEOUL: Final = timezone(timedelta(hours=9))
HOUSING_HEADER: Final = (
    "접수번호", "세대주", "생년월일", "성별", "연락처", "주소", "체납개월", "체납액", "의뢰사유", "의뢰일",
)  # fmt: skip
WELFARE_HEADER: Final = (
    "의뢰번호", "성명", "생년월일", "성별", "전화번호", "주소", "욕구", "긴급여부", "접수일자", "동의",
)  # fmt: skip
NUMBER_HEADER: Final = "주민등록번호"  # a further column of both
_NOTES: Final = ("홀로 거주", "보호자 연락 어려움", "퇴원 후 돌볼 이 없음", "거동 불편", "인지 저하", "외래에서 의뢰")
_SEEN: Final = ("난방을 안 하는 것 같다", "우편물이 한 달째 쌓여 있음", "며칠째 보이지 않음", "식사를 못 하시는 듯하다")
_SEX: Final = {"M": "남", "F": "여"}


class Order(msgspec.Struct, frozen=True):
    """One referral or signal to be written down. broken: written so that it must be refused."""

    needs: tuple[str, ...]
    words: str  # the first need in Korean, as this agency calls it
    number: str
    serial: int
    local: str  # the person's number at this agency
    at: datetime
    urgent: bool
    broken: bool
    token: str  # hex, for ids inside the message
    register: str = ""  # of a row: its list and place there
    row: int = 0
    guardian: dict[str, str] | None = None
    protected: bool = False  # of a victim: the address hidden, a substitute for the number


class System(msgspec.Struct, frozen=True):
    """An agency's system: how it names itself and writes a message."""

    name: str
    type: str
    format: str
    content: str
    prefix: str
    build: Callable[[Order, Mention, Random], dict[str, Any]]


def _stamp(order: Order) -> str:
    return order.at.isoformat(timespec="seconds")


# ------------------------------------------------------------------------------------------------ hospitals
def fhir(order: Order, m: Mention, rng: Random) -> dict[str, Any]:
    """A transaction bundle: Patient, ServiceRequest, Consent."""
    urns = [f"urn:uuid:{order.token[:8]}-{n:04d}-4c58-9f3a-{order.token[8:20]}" for n in (1, 2, 3)]
    resources = (_patient(order, m), _request(order, urns[0], rng), _consent(order, urns[0]))
    entries = [
        {"fullUrl": urn, "resource": held, "request": {"method": "POST", "url": held["resourceType"]}}
        for urn, held in zip(urns, resources, strict=True)
    ]
    return {"data": {"resourceType": "Bundle", "type": "transaction", "entry": entries}}


def _patient(order: Order, m: Mention) -> dict[str, Any]:
    name = {"use": "official", "text": m.name}
    if m.name.startswith(m.surname):
        name |= {"family": m.surname, "given": [m.name[len(m.surname) :]]}  # type: ignore[dict-item]
    patient: dict[str, Any] = {
        "resourceType": "Patient",
        "identifier": [{"system": "urn:kr:hospital:gyeongsang", "value": f"H-{order.local}"}],
        "name": [name],
        "gender": "male" if m.sex == "M" else "female",
        "birthDate": m.birth,
    }
    if m.rrn:
        patient["identifier"].append({"system": "urn:kr:rrn", "value": m.rrn})
    if m.phone:
        use = "mobile" if m.phone.startswith("010") else "home"
        patient["telecom"] = [{"system": "phone", "value": m.phone, "use": use}]
    if m.address:
        patient["address"] = [{"text": m.address, "country": "KR"}]
    return patient


def _request(order: Order, patient: str, rng: Random) -> dict[str, Any]:
    code = f"unknown-{order.token[:4]}" if order.broken else order.needs[0]
    request: dict[str, Any] = {
        "resourceType": "ServiceRequest",
        "identifier": [{"system": "urn:kr:hospital:gyeongsang/referral", "value": order.number}],
        "status": "active",
        "intent": "order",
        "priority": "urgent" if order.urgent else "routine",
        "code": {"coding": [{"system": "urn:kr:ieum:need", "code": code}], "text": order.words},
        "subject": {"reference": patient},
        "authoredOn": _stamp(order),
        "requester": {"display": "경상대학교병원"},
    }
    if order.needs[0] == "discharge_care" and rng.random() < 0.7:  # noqa: PLR2004 - assumed: a known day of discharge
        request["occurrenceDateTime"] = (order.at + timedelta(days=rng.randint(2, 12))).date().isoformat()
    if rng.random() < 0.5:  # noqa: PLR2004 - assumed
        request["note"] = [{"text": rng.choice(_NOTES)}]
    return request


def _consent(order: Order, patient: str) -> dict[str, Any]:
    return {
        "resourceType": "Consent",
        "status": "active",
        "scope": {
            "coding": [
                {"system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": "patient-privacy"},
            ]
        },
        "category": [{"coding": [{"system": "http://loinc.org", "code": "59284-0"}]}],
        "patient": {"reference": patient},
        "dateTime": _stamp(order),
        "policyRule": {"text": "개인정보 제3자 제공 동의서 v3"},
        "provision": {"type": "permit", "purpose": [{"system": "urn:kr:ieum:purpose", "code": "welfare"}]},
    }


def hl7(order: Order, m: Mention, rng: Random) -> dict[str, Any]:
    """REF^I12 in CP949, segments ended by CR, as MSH-18 declares."""
    at = order.at.strftime("%Y%m%d%H%M%S")
    priority = "S^STAT" if order.urgent else "R^Routine"
    need = f"unknown-{order.token[:4]}" if order.broken else order.needs[0]
    whole = m.name.startswith(m.surname)
    name = f"{m.surname}^{m.name[len(m.surname) :]}" if whole else m.name.replace(" ", "^", 1)
    phone = m.phone.replace("-", "") if m.phone.startswith("010") else m.phone
    segments = (
        f"MSH|^~\\&|HIS|JEIL|IEUM|CITY|{at}||REF^I12^REF_I12|JI{order.serial:07d}|P|2.5|||AL|AL|KOR|KS X 1001",
        f"RF1|P^Pending^HL70283|{priority}^HL70280|{need}^{order.words}^99IEUM|||{order.number}^JEIL|{at}",
        f"PRD|RP^Referring Provider^HL70286|{rng.choice('김이박최정')}^{rng.choice(('민호', '수진', '영란', '재석'))}",
        f"PID|1||{order.local}^^^JEIL^MR||{name}||{m.birth.replace('-', '')}|{m.sex}|||{m.address}^^^^^KR||{phone}"
        + (f"||||||{m.rrn}" if m.rrn else ""),
        f"NTE|1||{rng.choice(_NOTES)}",
    )
    octets = "".join(segment + "\r" for segment in segments).encode("cp949")
    return {"data_base64": base64.b64encode(octets).decode()}


# ------------------------------------------------------------------------------------------------ registers
def _row(header: tuple[str, ...], cells: list[str], order: Order) -> dict[str, Any]:
    header = (*header, NUMBER_HEADER)
    return {"data": {"header": list(header), "cells": cells, "row": order.row, "register": order.register}}


def housing(order: Order, m: Mention, rng: Random) -> dict[str, Any]:
    """A row of the housing corporation's arrears list."""
    months = rng.randint(2, 14)
    amount, day = str(months * rng.randrange(90_000, 210_000, 1_000)), order.at.date().isoformat()
    if order.broken:
        amount, day = rng.choice((("가나다", day), (amount, "2026-13-45"), ("확인 필요", "2026-02-31")))
    cells = [order.number, m.name, _short(m.birth, rng), _SEX[m.sex], m.phone, m.address, str(months), amount]
    return _row(HOUSING_HEADER, [*cells, order.words, day, m.rrn], order)


def welfare(order: Order, m: Mention, rng: Random) -> dict[str, Any]:
    """A row of the welfare center's referral register."""
    day = "2026-13-45" if order.broken else order.at.date().isoformat()
    birth = m.birth if rng.random() < 0.8 else f"{m.birth[2:]}".replace("-", ".")  # noqa: PLR2004 - assumed
    phone = m.phone if rng.random() < 0.9 else m.phone.replace("-", " ")  # noqa: PLR2004 - assumed
    person = [order.number, m.name, birth, _SEX[m.sex], phone, m.address]
    consent = "서면" if rng.random() < 0.75 else "구두"  # noqa: PLR2004 - assumed
    cells = [*person, order.words, "긴급" if order.urgent else "", day, consent]
    return _row(WELFARE_HEADER, [*cells, m.rrn], order)


def _short(birth: str, rng: Random) -> str:
    """The housing corporation's ways with dates: six digits mostly."""
    if rng.random() < 0.6:  # noqa: PLR2004 - assumed; the sample has 2 of 3
        return birth[2:].replace("-", "")
    return birth.replace("-", ".") if rng.random() < 0.5 else birth  # noqa: PLR2004 - assumed


# ------------------------------------------------------------------------------------------------ others
def victim(order: Order, m: Mention, rng: Random) -> dict[str, Any]:
    """The prosecutors' form. A protected victim's hides the address and stays inside victim support."""
    protected = order.protected
    held: dict[str, Any] = {"name": m.name, "birth": m.birth, "sex": m.sex}
    if protected:
        held |= {"substitute_number": f"{m.birth[2:].replace('-', '')}{rng.randint(1, 4)}999999"}
    else:
        held |= {name: said for name, said in (("phone", m.phone), ("resident_number", m.rrn)) if said}
    if order.guardian:
        held["guardian"] = order.guardian
    held |= {"address": "비공개 쉼터" if protected else m.address, "address_protected": protected}
    scope = ["victim_support"] if protected or rng.random() < 0.3 else ["victim_support", "welfare"]  # noqa: PLR2004
    return {
        "data": {
            "case_no": order.number,
            "office": "창원지방검찰청 진주지청",
            "victim": held,
            "needs": ["unknown"] if order.broken else list(order.needs),
            "offence_class": "protected",
            "consent": {
                "by": "guardian" if order.guardian else "self",
                "scope": scope,
                "date": (order.at - timedelta(days=1)).date().isoformat(),
            },
            "referred_at": _stamp(order),
            "share_origin": False,
        }
    }


def citizen(order: Order, m: Mention, rng: Random) -> dict[str, Any]:
    """A neighbor's or honorary officer's report; half of them know a name."""
    about: dict[str, Any] = {"address": m.address}
    if rng.random() < 0.5:  # noqa: PLR2004 - assumed
        about["name"] = m.name + (" 할머니" if m.sex == "F" else " 할아버지") * (m.birth < "1956")
    reporter = f"{rng.choice(('명예복지사', '통장', '이웃', '집배원'))} {rng.choice('강오김이박')}○○"
    return {
        "data": {
            "id": order.number,
            "reporter": reporter,
            "about": about,
            "observed": rng.choice(_SEEN),
            "urgent": order.urgent,
            "at": _stamp(order),
        }
    }


def device(order: Order, m: Mention, rng: Random) -> dict[str, Any]:
    """A reading of a water meter or a fall sensor."""
    falls = order.number.startswith("sos")
    return {
        "data": {
            "device": order.number,
            "kind": "fall_sensor" if falls else "water_meter",
            "household": {"address": m.address},
            "reading": "fall" if falls else "no_flow_hours",
            "value": 1 if falls else rng.randint(24, 96),
            "at": _stamp(order),
        }
    }


_JSON: Final = "application/json"
SYSTEMS: Final = {
    "gyeongsang": System("emr", Types.REFERRAL, Formats.FHIR, "application/fhir+json", "GS-2026-", fhir),
    "jeil": System("his", Types.REFERRAL, Formats.HL7, "x-application/hl7-v2+er7", "JI-26-", hl7),
    "lh": System("arrears", Types.REFERRAL, Formats.HOUSING, _JSON, "LH-26-", housing),
    "sangbong": System("register", Types.REFERRAL, Formats.WELFARE, _JSON, "SB-26-", welfare),
    "prosecutors": System("victims", Types.REFERRAL, Formats.VICTIM, _JSON, "2026-VS-", victim),
    "citizens": System("form", Types.SIGNAL, Formats.CITIZEN, _JSON, "hb-", citizen),
    "devices": System("gateway", Types.SIGNAL, Formats.DEVICE, _JSON, "dv-", device),
}
