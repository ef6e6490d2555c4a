"""Korean addresses as typed, to a building key and a unit. Owns the grammar of road-name and lot addresses.

Never looks anything up but the city's own crosswalk, and never invents: an address without a building is unusable, a
floor is no unit. Notes are short codes without values. Grammar: 도로명주소법 시행령 (road, building number) and the
older 지번 form (legal dong or 리, lot number).

Renamed: 강원특별자치도 since 2023-06-11 and 전북특별자치도 since 2024-01-18 (their special acts), 제주특별자치도 since
2006-07-01, 직할시 until 1995-01-01 (지방자치법); 군위군 to 대구 on 2023-07-01, 인천 남구 to 미추홀구 on 2018-07-01 and
진양군 to 진주시 on 1995-01-01, each with roads and dongs unchanged. Where wards were drawn anew (마산, 청원) nothing is
guessed.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

import msgspec

from hub.core.normalize.units import NONE, read_marked, read_unit
from hub.schemas.canonical import AddressClaim

_METROPOLITAN: Final = frozenset({"서울", "부산", "대구", "인천", "광주", "대전", "울산"})
_PROVINCES: Final = {
    "서울특별시": "서울",
    "서울시": "서울",
    "부산광역시": "부산",
    "부산시": "부산",
    "대구광역시": "대구",
    "대구시": "대구",
    "인천광역시": "인천",
    "인천시": "인천",
    "광주광역시": "광주",
    "대전광역시": "대전",
    "대전시": "대전",
    "울산광역시": "울산",
    "울산시": "울산",
    "세종특별자치시": "세종",
    "경기도": "경기",
    "강원특별자치도": "강원",
    "강원도": "강원",
    "충청북도": "충북",
    "충청남도": "충남",
    "전북특별자치도": "전북",
    "전라북도": "전북",
    "전라남도": "전남",
    "경상북도": "경북",
    "경상남도": "경남",
    "제주특별자치도": "제주",
    "제주도": "제주",
    "세종시": "세종",
    "부산직할시": "부산",
    "대구직할시": "대구",
    "인천직할시": "인천",
    "광주직할시": "광주",
    "대전직할시": "대전",
}
_RENAMED: Final = {"군위군": "대구 군위군", "인천 남구": "인천 미추홀구", "진양군": "진주시"}
# 광주시 with a ward is the metropolitan city; the one in 경기 has none.
_GWANGJU = re.compile(r"광주시 ?(?=(?:동|서|남|북|광산)구 )")
_SHORTS: Final = frozenset(_PROVINCES.values())
_SHORT = "|".join(sorted(_SHORTS))
# A short form needs a space or a city behind it: 서울로 and 경남대로 are roads.
_PROVINCE = re.compile(rf"(?:({'|'.join(_PROVINCES)})\s?|({_SHORT})(?:도?\s|(?=[가-힣]{{1,4}}[시군]\s?[가-힣])))")
_CITY = re.compile(r"([가-힣]{1,5}[시군])(?: ([가-힣]{1,4}구))?(?: |$)")
_WARD = re.compile(r"([가-힣]{1,4}[구군])(?: |$)")
_POSTCODE = re.compile(r"(?:우\)? ?)?(?:\d{5}|\d{3}-\d{3}) (?=[가-힣])", re.ASCII)
_BRACKETS = re.compile(r"[(\[<【〔]([^)\]>】〕]*)(?:[)\]>】〕]|$)")
_STOP = r"(?!\d|-\d| ?(?:번[가-힣]?)?길(?![가-힣])| ?동(?![가-힣])| ?호(?![가-힣])| ?층)"
_ROAD = re.compile(
    r"(?<![가-힣])([가-힣][가-힣0-9.]{0,19}?[로길])( ?\d{1,4}(?:번[가-힣]?|[가-힣])?길)?"
    r"( ?)(지하 ?)?(\d{1,5})(?:-(\d{1,5}))?" + _STOP,
    re.ASCII,
)
_ROAD_ALONE = re.compile(r"[가-힣][가-힣0-9.]{0,19}[로길](?:\d{1,4}(?:번[가-힣]?)?길)?", re.ASCII)
_LOT = re.compile(
    r"(?<![가-힣])(?:([가-힣]{1,6}[읍면]) ?)?([가-힣]{1,8}\d{0,2}[동리가]|[가-힣]{1,6}[읍면]) ?"
    r"(산 ?)?(\d{1,5})(?: ?[-의] ?(\d{1,4})(?: ?번지)?| ?번지의 ?(\d{1,4})| ?번지(?: ?(\d{1,4})호(?!실))?)?"
    r"(?!\d|-\d| ?동(?![가-힣])| ?호(?![가-힣])| ?층|[로길])",
    re.ASCII,
)
_LEGAL = re.compile(r"(?<![가-힣0-9])([가-힣]{1,6}\d{0,2}[동읍면리])(?![가-힣0-9])", re.ASCII)
_HIDDEN = re.compile(r"비공개|비밀|(?<!무더위)(?<!한파)쉼터|보호시설|보호소")


class Areas(msgspec.Struct, frozen=True):
    """The city and its crosswalk.

    Keys: 'road:진주대로 1052', 'lot:상봉동 802-5' (a building), 'road:진주대로' (a whole road), 'dong:강남동' (a legal
    or administrative dong); values: the administrative dong.
    """

    city: str
    crosswalk: dict[str, str]


class Parsed(msgspec.Struct, frozen=True):
    """An address claim and what was repaired."""

    claim: AddressClaim
    notes: tuple[str, ...] = ()


def read_address(raw: str, areas: Areas, *, protected: bool = False) -> Parsed:
    """The address in `raw`.

    A protected one (declared so, or written as a shelter) is kept as written and not understood any further: no
    building, unit or dong, so that nothing can be looked up or joined by it.
    """
    if protected or _is_hidden(raw):
        return Parsed(AddressClaim(raw=raw, protected=True), () if protected else ("withheld",))
    text, bracketed = _plain(raw)
    notes: list[str] = []
    if text[:1] in "0123456789우" and (postcode := _POSTCODE.match(text)):
        text = text[postcode.end() :]
        notes.append("postcode")
    sigungu, text = _sigungu(text, areas.city)
    if not sigungu:
        sigungu = areas.city
        notes.append("city_assumed")
    found = _building(text)
    if found is None:
        return Parsed(AddressClaim(raw=raw, sigungu=sigungu), tuple(notes))
    key, legal, tail, spaced = found
    unit = read_unit(tail)
    if unit is NONE and bracketed:
        unit = read_marked(bracketed)
    notes += [note for note in ("" if spaced else "spacing", unit.note) if note]
    if sigungu == areas.city:
        dong = _dong(key, bracketed, legal or text[: len(text) - len(tail)], areas.crosswalk)
    else:  # another city's roads have the same names, and its dongs are not ours to serve
        kind, _, name = key.partition(":")
        key, dong = f"{kind}:{sigungu} {name}", ""
    return Parsed(AddressClaim(raw, key, unit.block, unit.ho, sigungu, dong), tuple(notes))


def _is_hidden(raw: str) -> bool:
    # Three looks for a syllable spare nearly every address the pattern.
    return ("비" in raw or "쉼" in raw or "보호" in raw) and _HIDDEN.search(raw) is not None


def crosswalk_key(text: str) -> str:
    """The key of a road-name, a lot or a whole road in a crosswalk file; '' when it is none of them."""
    plain, _ = _plain(text)
    if found := _building(plain):
        return found[0]
    road = plain.replace(" ", "")
    return f"road:{road}" if _ROAD_ALONE.fullmatch(road) else ""


def _plain(raw: str) -> tuple[str, str]:
    """The text without brackets and separators, and what stood in the brackets."""
    text = unicodedata.normalize("NFKC", raw)
    bracketed = ""
    if "(" in text or "[" in text or "<" in text or "【" in text or "〔" in text:
        bracketed = " ".join(_BRACKETS.findall(text))
        text = _BRACKETS.sub(" ", text)
    for mark in ",;/·":
        if mark in text:
            text = text.replace(mark, " ")
    return " ".join(text.split()), bracketed


def _sigungu(text: str, home: str) -> tuple[str, str]:
    """City, county or ward ('' when not named), and the rest."""
    first, _, rest = text.partition(" ")
    short = _PROVINCES.get(first, first if first in _SHORTS else "")
    if short:
        text = rest
    elif first.startswith("광주시") and (gwangju := _GWANGJU.match(text)):
        short, text = "광주", text[gwangju.end() :]
    elif province := _PROVINCE.match(text):  # not set apart from what follows
        short = province.group(2) or _PROVINCES[province.group(1)]
        text = text[province.end() :]
    if text.startswith(home):  # also when the next word is not set apart: 진주시진주대로
        return home, text[len(home) :].lstrip()
    named, rest = _named(short, text)
    return _RENAMED.get(named, named), rest


def _named(short: str, text: str) -> tuple[str, str]:
    """City, county or ward behind the province, and the rest."""
    if short in _METROPOLITAN and (ward := _WARD.match(text)):
        return f"{short} {ward.group(1)}", text[ward.end() :]
    if city := _CITY.match(text):
        named = f"{city.group(1)} {city.group(2)}" if city.group(2) else city.group(1)
        return named, text[city.end() :]
    return (short, text) if short in _METROPOLITAN or short == "세종" else ("", text)


def _building(text: str) -> tuple[str, str, str, bool] | None:
    """Building key, legal dong of a lot ('' for roads), what follows, and whether the number was set apart."""
    if road := _ROAD.search(text):
        name, branch, gap, under, number, sub = road.groups()
        named = name + (branch or "").replace(" ", "")
        key = f"road:{named} {'지하' if under else ''}{_number(number, sub)}"
        return key, "", text[road.end() :], gap != ""
    if lot := _LOT.search(text):
        town, dong, hill, number, sub, of, ho = lot.groups()
        place = f"{town} {dong}" if town else dong
        key = f"lot:{place} {'산' if hill else ''}{_number(number, sub or of or ho)}"
        return key, place, text[lot.end() :], True
    return None


def _number(number: str, sub: str | None) -> str:
    """'1052', '802-5'; leading zeros and an empty sub-number say nothing."""
    return f"{int(number)}-{int(sub)}" if sub and int(sub) else str(int(number))


def _dong(key: str, bracketed: str, before: str, crosswalk: dict[str, str]) -> str:
    """The administrative dong: of the building, else of a legal dong that is named, else of the whole road."""
    if dong := crosswalk.get(key):
        return dong
    for legal in _LEGAL.findall(f"{bracketed.replace(',', ' ')} {before}"):
        if dong := crosswalk.get(f"dong:{legal}"):
            return dong
    return crosswalk.get(key.rpartition(" ")[0], "")
