"""Agencies and people for tests that count: every person differs from every other in all that tells people apart."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from hub.schemas.canonical import AgencyClaim
from hub.schemas.topics import Formats, Types, inbound
from hub.town.formats import WELFARE_HEADER
from tests.flow.site import Envelope, Site, envelope

_BASIS: Final = "other_law(사회보장급여법 제13조)"
SURNAMES: Final = "김이박최정강조윤장임한오서신권황안송전홍"
SYLLABLES: Final = "가나다라마바사아자차카타파하거너더러머버서어저처커터퍼허고노도로모보소오조초코토"

#: Two that refer, two that take, one more that only takes what these left, a dong center and the city.
SOURCES: Final = ("alpha", "beta")
AGENCIES: Final = (
    *(
        AgencyClaim(code, "welfare_center", f"{code} 복지관", ("welfare",), _BASIS)
        for code in (*SOURCES, "gamma", "delta")
    ),
    AgencyClaim("sangbong-dong", "dong_center", "상봉동 행정복지센터", ("welfare",), _BASIS, ("상봉동",)),
    AgencyClaim("city", "city_desk", "진주시 복지정책과", ("welfare", "statistics"), _BASIS),
)


@contextmanager
def town(folder: Path, **settings: Any) -> Iterator[Site]:
    """A site of these agencies, few partitions each, on which no process runs yet."""
    site = Site(folder, **{"inbound_partitions": 2, **settings})
    try:
        populate(site)
        yield site
    finally:
        site.close()


def populate(site: Site) -> None:
    """Register the agencies and have a consumer decide it: whoever refers before is unknown."""
    site.register(AGENCIES)
    site.start("consumer 0")
    site.settle()
    site.stop("consumer 0")


def name(person: int) -> str:
    """One of 32,000 names."""
    rest, surname = divmod(person, len(SURNAMES))
    return SURNAMES[surname] + SYLLABLES[rest % 40] + SYLLABLES[rest // 40 % 40]


def referral(agency: str, person: int, *, urgent: bool = True, serial: str = "") -> Envelope:
    """A row of `agency`'s register about a person, keyed by the person."""
    number = f"{agency}-{person}{serial}"
    birth = f"{1930 + person % 65}-{1 + person // 65 % 12:02d}-{1 + person // 780 % 28:02d}"
    phone = f"010-{1000 + person // 9000 % 9000:04d}-{1000 + person % 9000:04d}"
    address = f"경상남도 진주시 봉산로 {1 + person} (상봉동)"
    who = [number, name(person), birth, "남녀"[person % 2], phone, address]
    cells = [*who, "밑반찬", "긴급" if urgent else "", "2026-11-20", "서면"]
    data = {"header": list(WELFARE_HEADER), "cells": cells, "row": person + 1, "register": f"{agency}{serial}"}
    return envelope(agency, number, Types.REFERRAL, Formats.WELFARE, data, partitionkey=f"p{person}")


def answer(agency: str, referral_id: str, change: str = "accept") -> Envelope:
    """An agency's answer to an offer."""
    data = {"referral": referral_id, "change": change}
    id_ = f"{agency}-{change}-{referral_id}"
    return envelope(agency, id_, Types.ANSWER, Formats.ANSWER, data, partitionkey=referral_id)


def refer(site: Site, persons: range, *, wait: bool = True) -> None:
    """Each person referred once, by turns of the sources."""
    for turn, agency in enumerate(SOURCES):
        site.publish(inbound(agency), [referral(agency, n) for n in persons if n % 2 == turn], wait=wait)
