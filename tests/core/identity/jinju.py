"""The persons of the jinju samples, as the normalizer would hand them over."""

from __future__ import annotations

from hub.schemas.canonical import AddressClaim, DateClaim, PersonClaim

GANGNAM = AddressClaim(building="road:진주대로 1052", block="101", ho="1203", sigungu="진주시", dong="천전동")
SANGBONG = AddressClaim(building="lot:상봉동 802-5", sigungu="진주시", dong="상봉동")
NAMGANG = AddressClaim(building="road:남강로 640", sigungu="진주시", dong="중앙동")
PYEONGGEO = AddressClaim(building="road:평거로 88", block="205", ho="904", sigungu="진주시", dong="평거동")
SB, LH = "sangbong/register", "lh/arrears"


def exact(iso: str) -> DateClaim:
    return DateClaim(value=iso, raw=iso, quality="exact")


def short(iso: str, raw: str) -> DateClaim:
    return DateClaim(value=iso, raw=raw, quality="short_year")


CLAIMS: dict[str, PersonClaim] = {
    "GS-2026-0001": PersonClaim(
        "박순자", exact("1948-03-02"), "F", ("+821023456789",), GANGNAM, local_id="gyeongsang|H-100231"
    ),
    "GS-2026-0002": PersonClaim(
        "정해수",
        exact("1961-07-21"),
        "M",
        ("+821077110042",),
        AddressClaim(building="lot:상봉동 802-5", ho="2층", sigungu="진주시"),
        local_id="gyeongsang|H-100377",
    ),
    "JI-26-3391": PersonClaim("박순자", exact("1948-03-02"), "F", ("+821023456789",), GANGNAM, local_id="jeil|0088123"),
    "JI-26-3392": PersonClaim("최영호", exact("1955-12-30"), "M", ("+82557410099",), NAMGANG, local_id="jeil|0088190"),
    "LH-26-0411": PersonClaim("박순자", short("1948-03-02", "480302"), "F", ("+821023456789",), GANGNAM, row=LH),
    "LH-26-0412": PersonClaim("정해수", short("1961-07-21", "610721"), "M", ("+821077110042",), SANGBONG, row=LH),
    "LH-26-0413": PersonClaim("이말순", exact("1939-01-15"), "F", (), PYEONGGEO, row=LH),
    "SB-2611-01": PersonClaim("박순자", exact("1948-03-02"), "F", ("+821023456798",), GANGNAM, row=SB),
    "SB-2611-02": PersonClaim("정혜수", exact("1961-07-21"), "M", ("+821077110042",), SANGBONG, row=SB),
    "SB-2611-03": PersonClaim("최영호", short("1955-12-30", "55.12.30"), "M", ("+82557410099",), NAMGANG, row=SB),
    "SB-2611-04": PersonClaim(
        "김민준", DateClaim(raw="1999-02-29", quality="impossible"), "M", ("+821011112222",), None, row=SB
    ),
    "SB-2611-05": PersonClaim("이말순", exact("1939-01-15"), "F", ("+82557481212",), PYEONGGEO, row=SB),
    "SB-2611-06": PersonClaim("이말숙", exact("1939-01-15"), "F", ("+82557481212",), PYEONGGEO, row=SB),
    "2026-VS-0077": PersonClaim("이도윤", exact("2013-07-11"), "M", (), GANGNAM),
    "2026-VS-0078": PersonClaim(
        "한가영",
        exact("1990-04-02"),
        "F",
        (),
        AddressClaim(raw="비공개 쉼터", protected=True),
        rrn="9004029999999",
        substitute=True,
    ),
}
PERSONS: set[frozenset[str]] = {
    frozenset({"GS-2026-0001", "JI-26-3391", "LH-26-0411", "SB-2611-01"}),
    frozenset({"2026-VS-0077"}),
    frozenset({"GS-2026-0002", "LH-26-0412", "SB-2611-02"}),
    frozenset({"JI-26-3392", "SB-2611-03"}),
    frozenset({"LH-26-0413", "SB-2611-05"}),
    frozenset({"SB-2611-06"}),
    frozenset({"SB-2611-04"}),
    frozenset({"2026-VS-0078"}),
}
