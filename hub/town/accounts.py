"""The accounts of the demo: the sample's seven, one agency of every other kind, the dong centers, the city desk.

Owns who they are and by what right they refer. Registers nothing: `hub demo` and `hub agency add` do.
"""

from __future__ import annotations

from typing import Final

from hub.core.rules import Rules
from hub.rules import texts
from hub.schemas.canonical import AgencyClaim

_ARREARS: Final = "other_law(사회보장급여법 제12조)"  # arrears data for finding people in need
_REPORT: Final = "other_law(사회보장급여법 제13조)"  # whoever knows of somebody in need may report
_VICTIM: Final = ("victim_support",)
_WELFARE: Final = ("welfare",)
_CARE: Final = ("treatment", "welfare")

SAMPLE: Final = (
    AgencyClaim("gyeongsang", "hospital", "경상대학교병원", ("treatment",), "consent_self"),
    AgencyClaim("jeil", "hospital", "제일병원", ("treatment",), "consent_self"),
    AgencyClaim("lh", "housing_corporation", "LH 경남지역본부", ("housing",), _ARREARS),
    AgencyClaim(
        "prosecutors", "victim_support_office", "창원지방검찰청 진주지청 피해자지원실", _VICTIM, "consent_self"
    ),
    AgencyClaim("sangbong", "welfare_center", "진주시 상봉종합사회복지관", _WELFARE, "consent_self"),
    AgencyClaim("citizens", "citizens", "시민·명예사회복지공무원", (), _REPORT),
    AgencyClaim("devices", "device_operator", "응급안전안심서비스 진주센터", _WELFARE, "consent_self"),
)
CITY: Final = AgencyClaim("city", "city_desk", "진주시 복지정책과", ("welfare", "statistics"), _REPORT)
#: Purposes of a kind's agency, where they are not welfare alone.
PURPOSES: Final = {
    "audit_office": ("audit",),
    "victim_center": _VICTIM,
    "smile_center": _VICTIM,
    "sunflower_center": _VICTIM,
    "violence_counseling": _VICTIM,
    "shelter": _VICTIM,
    "police": _VICTIM,
    "child_protection": ("child_protection", "victim_support"),
    "elder_protection": _VICTIM,
    "disability_rights": _VICTIM,
    "housing_welfare": ("housing", "welfare"),
    "public_health": _CARE,
    "home_doctor": _CARE,
    "dementia_center": _CARE,
    "mental_health": _CARE,
}
#: Administrative dongs of the sample and the town, with the code of their center (`dong-…`).
DONGS: Final = {
    "천전동": "cheonjeon",
    "중앙동": "jungang",
    "평거동": "pyeonggeo",
    "상봉동": "sangbong",
    "성북동": "seongbuk",
    "신안동": "sinan",
    "이현동": "ihyeon",
    "판문동": "panmun",
    "상대동": "sangdae",
    "하대동": "hadae",
    "상평동": "sangpyeong",
    "초장동": "chojang",
    "가호동": "gaho",
    "충무공동": "chungmugong",
    "문산읍": "munsan",
    "금산면": "geumsan",
    "집현면": "jiphyeon",
    "내동면": "naedong",
    "정촌면": "jeongchon",
    "대곡면": "daegok",
    "명석면": "myeongseok",
    "사봉면": "sabong",
}


#: No code may begin with another's and a hyphen: rights to consumer groups go by prefix, and `city` stands already.
RENAMED: Final = {"city_team": "casework-team"}


def accounts() -> tuple[AgencyClaim, ...]:
    """All accounts of the demo, the sample's first. Every kind of the routing rules has at least one."""
    kinds = Rules.load(texts()).kinds
    taken = {account.kind for account in (*SAMPLE, CITY)} | {"dong_center"}
    others = (
        AgencyClaim(_code(kind), kind, f"진주 {held.ko}", PURPOSES.get(kind, _WELFARE), "consent_self")
        for kind, held in kinds.items()
        if kind not in taken
    )
    return (*SAMPLE, *others, *_centers(), CITY)


def _code(kind: str) -> str:
    return RENAMED.get(kind, kind.replace("_", "-"))


def _centers() -> tuple[AgencyClaim, ...]:
    return tuple(
        AgencyClaim(f"dong-{code}", "dong_center", f"{dong} 행정복지센터", _WELFARE, _REPORT, (dong,))
        for dong, code in DONGS.items()
    )
