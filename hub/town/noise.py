"""What agencies write about a person: old names and numbers, typos, lunar days, missing fields.

Owns how a true person becomes one mention. Never changes the person, and knows no format (`formats` does). Rates and
what they rest on are in `hub/rules/town.toml`.
"""

from __future__ import annotations

from datetime import date
from random import Random
from typing import Final

import msgspec

from hub.town.lunar import lunar
from hub.town.people import Household, Person
from hub.town.rates import Rates
from hub.town.streets import Dwelling, written

#: Vowels that sound alike (identity.md), as places in the Unicode row of medial vowels.
_LIKE: Final = {1: 5, 5: 1, 7: 5, 11: 10, 10: 15, 15: 11}
_AFTER_H: Final = _LIKE | {1: 7, 7: 1}  # 해 and 혜 are both common in names
_H: Final = 18
_FIRST, _FINALS, _SYLLABLES = 0xAC00, 28, 588
#: Final consonants that typists confuse: none, ㄴ, ㅁ, ㅇ, ㄱ, ㄹ.
_CONFUSED: Final = (0, 4, 16, 21, 1, 8)
_LUNAR_BEFORE, _LATE_BEFORE, _MIDDLE = "1965", "1958", 12
_UNUSABLE: Final = ("진주시 어딘가", "주소불명", "", "거주불명 등록", "진주시")


class Mention(msgspec.Struct, frozen=True):
    """One message's words about a person. birth: ISO in form, possibly impossible, '' unknown. rrn: '' mostly."""

    name: str
    surname: str
    birth: str
    sex: str
    phone: str
    address: str
    home: Dwelling
    rrn: str


class Clerk:
    """Writes mentions at the town's rates."""

    def __init__(self, rates: Rates) -> None:
        self._rate = {name: rate.value for name, rate in rates.rates.items()}

    def mention(self, person: Person, household: Household, rng: Random) -> Mention:
        """What one clerk writes about one person today."""
        rate = self._rate
        home = household.home
        if household.old_home is not None and rng.random() < rate["address_old"]:
            home = household.old_home
        sex = person.sex if rng.random() >= rate["sex_wrong"] else "MF"[person.sex == "M"]
        return Mention(
            name=self._name(person, rng),
            surname=person.surname,
            birth=self._birth(person.birth, rng),
            sex=sex,
            phone=self._phone(person, rng),
            address=self._address(home, rng),
            home=home,
            rrn=self._number(person, household, rng),
        )

    def _name(self, person: Person, rng: Random) -> str:
        rate = self._rate
        if person.foreign:
            return person.foreign
        given = person.given
        if person.old_given and rng.random() < rate["name_old"]:
            given = person.old_given
        draw = rng.random()
        if draw < rate["name_like_sound"]:
            given = like_sound(given)
        elif draw < rate["name_like_sound"] + rate["name_typo"]:
            given = other_final(given, rng)
        return person.surname + given

    def _birth(self, birth: str, rng: Random) -> str:
        """The date, or one of the ways it goes wrong; at most one."""
        rate, draw = self._rate, rng.random()
        for name, wrong in (
            ("birth_typo", _wrong_digit),
            ("birth_swapped", _swapped),
            ("birth_default", _default),
            ("birth_impossible", _impossible),
        ):
            if draw < rate[name]:
                return wrong(birth, rng)
            draw -= rate[name]
        if birth < _LUNAR_BEFORE and draw < rate["birth_lunar"]:
            return lunar(birth)
        if birth < _LATE_BEFORE and draw < rate["birth_lunar"] + rate["birth_late"]:
            return f"{int(birth[:4]) - 1}{birth[4:]}"
        return birth

    def _phone(self, person: Person, rng: Random) -> str:
        rate, draw = self._rate, rng.random()
        if draw < rate["phone_missing"]:
            return ""
        draw -= rate["phone_missing"]
        if draw < rate["placeholder"]:
            return "010-0000-0000"
        phone = person.old_phone if rng.random() < rate["phone_old"] else person.phone
        return exchanged(phone, rng) if draw < rate["placeholder"] + rate["phone_typo"] else phone

    def _number(self, person: Person, household: Household, rng: Random) -> str:
        """Thirteen digits, or none; the last four are where a hand slips, and some clerks know the head's alone."""
        rate = self._rate
        if rng.random() < rate["number_missing"]:
            return ""
        draw = rng.random()
        if draw < rate["number_of_head"]:
            return household.members[0].rrn
        return exchanged(person.rrn, rng) if draw < rate["number_of_head"] + rate["number_typo"] else person.rrn

    def _address(self, home: Dwelling, rng: Random) -> str:
        rate, draw = self._rate, rng.random()
        if draw < rate["address_unusable"]:
            return rng.choice(_UNUSABLE)
        if home.ho and draw < rate["address_unusable"] + rate["address_typo"]:
            home = msgspec.structs.replace(home, ho=str(int(home.ho) + rng.choice((1, 2, 100))))
        return written(home, rng)


def like_sound(given: str) -> str:
    """The name with one vowel replaced by one that sounds alike, where it has such a vowel."""
    for place, letter in enumerate(given):
        initial, rest = divmod(ord(letter) - _FIRST, _SYLLABLES)
        vowel, like = rest // _FINALS, _AFTER_H if initial == _H else _LIKE
        if vowel in like:
            changed = chr(ord(letter) + (like[vowel] - vowel) * _FINALS)
            return given[:place] + changed + given[place + 1 :]
    return given


def other_final(given: str, rng: Random) -> str:
    """The name with the last syllable's final consonant mistyped."""
    code = ord(given[-1]) - _FIRST
    final = rng.choice([f for f in _CONFUSED if f != code % _FINALS])
    return given[:-1] + chr(_FIRST + code - code % _FINALS + final)


def exchanged(number: str, rng: Random) -> str:
    """Two neighboring digits of the last four exchanged."""
    place = len(number) - rng.randint(2, 4)
    return number[:place] + number[place + 1] + number[place] + number[place + 2 :]


def _wrong_digit(birth: str, rng: Random) -> str:
    """One digit of the year's end, the month or the day is another, and the date is still one."""
    while True:
        place = rng.choice((3, 5, 6, 8, 9))
        wrong = birth[:place] + rng.choice("0123456789") + birth[place + 1 :]
        if wrong != birth and is_date(wrong):
            return wrong


def is_date(iso: str) -> bool:
    """Whether the calendar has this day."""
    try:
        date.fromisoformat(iso)
    except ValueError:
        return False
    return True


def _swapped(birth: str, _rng: Random) -> str:
    year, month, day = birth.split("-")
    return f"{year}-{day}-{month}" if int(day) <= _MIDDLE else birth


def _default(birth: str, _rng: Random) -> str:
    return f"{birth[:4]}-01-01"


def _impossible(birth: str, _rng: Random) -> str:
    return f"{birth[:4]}-02-30"
