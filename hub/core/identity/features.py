"""What the scorer needs of one record, normalized once, outside the lock.

Owns the meaning of each feature and the list of placeholders that stand for nothing. Never holds a resident number:
only its keyed digest. Features are personal data; they are stored encrypted or in memory, nowhere else.
"""

from __future__ import annotations

import hashlib
from datetime import date
from typing import TYPE_CHECKING

import msgspec

from hub.core.identity import names

if TYPE_CHECKING:
    from hub.schemas.canonical import AddressClaim, DateClaim, PersonClaim

_PLACEHOLDER_BIRTHS = frozenset({"19000101", "19010101", "11111111", "99991231", "20991231"})
_PLACEHOLDER_RRN = frozenset({"0000000000000", "1111111111111", "9999999999999", "1234567890123"})
_NUMBER_DIGITS = 8
_RRN_REST = 7  # digits before the part that is assigned


class Features(msgspec.Struct, frozen=True, array_like=True, omit_defaults=True):
    """One record, ready to be compared. Empty text means "not known", which is never evidence either way.

    surname, given: folded jamo or lower-case Latin; written[split:] is the given name as written.
    birth: 'YYYYMMDD'; quality: that of the date claim; day: its day number (for lunar dates), 0 unknown.
    cohort: decade and sex, e.g. '194F': the key of the name frequencies.
    unit: 'block/ho'; row: the register this record is a row of; local_id: qualified by its agency.
    extra: further fields a weight file may declare (FEBRL does), by position.
    """

    written: str = ""
    split: int = 0
    surname: str = ""
    given: str = ""
    others: tuple[str, ...] = ()
    birth: str = ""
    quality: str = "missing"
    day: int = 0
    sex: str = ""
    cohort: str = ""
    phones: tuple[str, ...] = ()
    building: str = ""
    unit: str = ""
    sigungu: str = ""
    rrn_index: str = ""
    substitute: bool = False
    protected: bool = False
    row: str = ""
    local_id: str = ""
    extra: tuple[str, ...] = ()


def build(claim: PersonClaim, pepper: bytes) -> Features:
    """Features of `claim`. `pepper` keys the index of resident numbers (at most 64 bytes, BLAKE2b's limit)."""
    name = names.parse(claim.name)
    birth = _birth(claim.birth)
    sex = claim.sex or ""
    building, unit, sigungu, protected = _address(claim.address)
    return Features(
        written=name.written,
        split=name.split,
        surname=name.surname,
        given=name.given,
        others=name.others,
        birth=birth,
        quality=claim.birth.quality if birth else "missing",
        day=_day_number(birth) if birth else 0,
        sex=sex,
        cohort=birth[:3] + sex if birth and sex else "",
        phones=tuple(sorted({phone for phone in claim.phones if _is_number(phone)})),
        building=building,
        unit=unit,
        sigungu=sigungu,
        rrn_index="" if claim.substitute else rrn_index(claim.rrn, pepper),
        substitute=claim.substitute,
        protected=protected,
        row=claim.row,
        local_id=claim.local_id,
    )


def rrn_index(rrn: str | None, pepper: bytes) -> str:
    """The keyed digest of a resident number, 32 hex digits; '' for none.

    Its checksum is not looked at: numbers issued since October 2020 carry none. One digit six times over stands where
    the number is not known (4803022000000), so that two people would share it.
    """
    if not rrn or rrn in _PLACEHOLDER_RRN or len(set(rrn[_RRN_REST:])) == 1:
        return ""
    return hashlib.blake2b(rrn.encode(), digest_size=16, key=pepper, person=b"ieum-rrn").hexdigest()


def _birth(claim: DateClaim) -> str:
    value = (claim.value or "").replace("-", "")
    return "" if claim.quality in ("missing", "impossible") or value in _PLACEHOLDER_BIRTHS else value


def _day_number(birth: str) -> int:
    """Days since year 1; 0 for a date the solar calendar does not have (a lunar 30 February is one)."""
    try:
        return date(int(birth[:4]), int(birth[4:6]), int(birth[6:8])).toordinal()
    except ValueError:
        return 0


def _is_number(phone: str) -> bool:
    """Whether somebody can have this number: long enough, and not 010-0000-0000 or 010-1234-5678."""
    local = phone[-_NUMBER_DIGITS:]
    return len(phone) > _NUMBER_DIGITS and len(set(local)) > 1 and local != "12345678"


def _address(claim: AddressClaim | None) -> tuple[str, str, str, bool]:
    if claim is None:
        return "", "", "", False
    if claim.protected:
        return "", "", "", True
    unit = f"{claim.block}/{claim.ho}" if claim.is_unit else ""
    return claim.building or "", unit, claim.sigungu, False
