"""An explanation in words, before its numbers, in Korean and English.

Owns the sentences people read about a decision. Never decides, and never repeats a value: it says "same phone", not
which number, so a sentence is as confidential as the fact that two records were compared, no more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from hub.core.identity.identify import Explanation, How

Language = Literal["ko", "en"]
Fields = tuple[tuple[str, int], ...]
#: Korean, English.
Words = tuple[str, str]

_SAME: Final[dict[str, Words]] = {
    "name": ("이름", "name"),
    "surname:exact": ("성", "surname"),
    "given:exact": ("이름(성 제외)", "given name"),
    "birth:exact": ("생년월일", "birth date"),
    "sex:same": ("성별", "sex"),
    "phone:same": ("전화", "phone"),
    "address:unit": ("주소", "address"),
    "address:building": ("건물", "building"),
    "address:sigungu": ("시·군·구", "city"),
    "rrn:same": ("주민등록번호", "resident number"),
    "local_id:same": ("기관 등록번호", "number at the agency"),
}
_UNLIKE: Final[dict[str, Words]] = {
    "reading": ("한자·로마자로 적은 같은 이름", "the name is the same in another script"),
    "surname:reading": ("한자·로마자로 적은 같은 성", "the surname is the same in another script"),
    "given:reading": ("한자·로마자로 적은 같은 이름(성 제외)", "the given name is the same in another script"),
    "surname:alike": ("성은 소리가 같고 표기가 다름", "the surname sounds the same and is spelled differently"),
    "surname:near": ("성의 한 글자 소리가 다름", "one letter of the surname differs"),
    "surname:different": ("성이 다름", "the surname differs"),
    "given:alike": ("이름의 비슷한 모음 하나가 다름", "one like-sounding vowel of the name differs"),
    "given:near": ("이름의 자모 하나가 다름", "one letter of the name differs"),
    "given:near2": ("이름의 자모 둘이 다름", "two letters of the name differ"),
    "given:final": ("이름의 받침이 다름", "a final consonant of the name differs"),
    "given:syllable": ("이름의 한 글자만 같음", "only one syllable of the name is the same"),
    "given:different": ("이름이 다름", "the given name differs"),
    "birth:swap": ("생일의 월과 일이 바뀜", "day and month of birth are swapped"),
    "birth:digit": ("생년월일의 숫자 하나가 다름", "one digit of the birth date differs"),
    "birth:lunar": ("음력과 양력 생일로 보임", "the birth dates look like lunar and solar"),
    "birth:year": ("태어난 해만 같음", "only the year of birth is the same"),
    "birth:default": ("태어난 해는 같고 날짜는 모름", "same year of birth, the day is not known"),
    "birth:different": ("생년월일이 다름", "the birth date differs"),
    "sex:different": ("성별이 다름", "the sex differs"),
    "phone:near": ("전화번호의 숫자가 하나 다르거나 바뀜", "one digit of the phone differs or two are swapped"),
    "phone:different": ("전화번호가 다름", "the phone differs"),
    "address:other_unit": ("같은 건물의 다른 호", "another unit of the same building"),
    "address:moved": ("주소가 다름", "the address differs"),
    "address:elsewhere": ("다른 시·군·구", "another city"),
    "rrn:different": ("주민등록번호가 다름", "the resident number differs"),
    "local_id:different": ("기관 등록번호가 다름", "the number at the agency differs"),
}
#: They stand among the numbers only: what they say is no likeness of two records.
_NUMBERS: Final[dict[str, Words]] = {
    "prior": ("이 도시의 누구라도 될 수 있음(출발점)", "it could be anybody in the city (where it starts)"),
    "household_cap": (
        "전화와 주소는 한집의 증거로 한 번만 셈",
        "phone and address count once: they show one household",
    ),
}
_GUARDS: Final[dict[str, Words]] = {
    "substitute": ("전산관리번호가 있어 자동으로 잇지 않음", "a substitute number: never linked by the machine"),
    "protected": ("보호 대상자라 자동으로 잇지 않음", "a protected identity: never linked by the machine"),
    "same_register": ("한 대장의 두 줄에 다른 이름", "two rows of one register with different names"),
    "number_conflict": ("주민등록번호가 서로 다름", "the resident numbers differ"),
    "sex_conflict": ("성별이 서로 다름", "the sexes differ"),
    "birth_conflict": ("생년월일이 서로 다름", "the birth dates differ"),
    "twin": ("쌍둥이일 수 있음", "possibly twins"),
    "unnamed": ("견줄 이름이 없음", "no name to compare"),
}
_CONSEQUENCES: Final[dict[str, Words]] = {
    "safety": ("안전", "safety"),
    "duplicate": ("중복 의뢰", "a duplicate referral"),
    "money": ("급여", "money"),
}
#: Why a worker is sure: the codes of `hub.schemas.native.identity.IdentityReason`.
_REASONS: Final[dict[str, Words]] = {
    "asked_person": ("본인에게 물어봄", "asked the person"),
    "documents_seen": ("서류를 확인함", "saw documents"),
    "agency_confirmed": ("기관이 확인함", "an agency confirmed it"),
    "entry_error": ("입력 오류", "a mistake when it was entered"),
    "other": ("기타", "another reason"),
}
#: What keeps two persons apart though some of their records are alike.
_APART: Final[dict[str, Words]] = {
    "already_one": ("이미 같은 대상자", "they are one person already"),
    "by_worker": ("담당자가 다른 사람이라 함", "a worker said they are two people"),
    "weak": ("증거가 모자람", "too little evidence"),
    "guard": ("기계가 넘지 않는 까닭이 있음", "something the machine never overrules"),
    "together": ("모두 견주면 서로 다른 사람에 가까움", "all their mentions together speak for two people"),
    "cap": ("언급이 너무 많아 기계가 합치지 않음", "too many mentions for the machine to join"),
    "contested": (
        "둘만 보면 이을 만하나 다른 언급까지 보면 정할 수 없음",
        "alone they would do; with others it is open",
    ),
}
_HOW: Final[dict[How, Words]] = {
    "new": ("새 대상자", "a new person"),
    "auto": ("이미 아는 대상자", "a person already known"),
    "provisional": ("임시 대상자, 확인 필요", "a provisional person, to be checked"),
}


def words(fields: Sequence[tuple[str, int]], language: Language) -> str:
    """What agrees and what differs: 'same birth date and phone; one like-sounding vowel of the name differs'."""
    labels = [label for label, _ in whole_names(fields)]
    same = [_pick(_SAME[label], language) for label in labels if label in _SAME]
    unlike = [_pick(_UNLIKE[label], language) for label in labels if label in _UNLIKE]
    return "; ".join(([_agreement(same, language)] if same else []) + unlike)


def level(label: str, language: Language) -> str:
    """One line of evidence: 'same birth date'. A label of a model that has no words stands as it is."""
    if label in _SAME:
        return _agreement([_pick(_SAME[label], language)], language)
    return _pick(_UNLIKE.get(label) or _NUMBERS.get(label) or (label, label), language)


def guard(name: str, language: Language) -> str:
    """What no number of bits overrules."""
    return _pick(_GUARDS.get(name, (name, name)), language)


def consequence(code: str, language: Language) -> str:
    """What a review's answer may change."""
    return _pick(_CONSEQUENCES.get(code, (code, code)), language)


def reason(code: str, language: Language) -> str:
    """Why a worker is sure."""
    return _pick(_REASONS.get(code, (code, code)), language)


def apart(code: str, language: Language) -> str:
    """What keeps two persons apart."""
    return _pick(_APART[code], language)


def how(found: How, language: Language) -> str:
    """What a new record turned out to be."""
    return _pick(_HOW[found], language)


def decision(found: How, explanation: Explanation, language: Language) -> str:
    """The whole decision: what it was, why in words, what stopped it, and the bits last."""
    parts = [how(found, language)]
    if explanation.fields:
        parts.append(words(explanation.fields, language))
    if explanation.guard:
        parts.append(guard(explanation.guard, language))
    return " — ".join([*parts, numbers(explanation)] if explanation.fields else parts)


def numbers(explanation: Explanation) -> str:
    """The bits, field by field, summing to the score; the best other person's; the model's version."""
    fields = " ".join(f"{label} {bits / 100:+.2f}" for label, bits in explanation.fields)
    total = sum(bits for _, bits in explanation.fields)
    rival = "" if explanation.runner_up is None else f", runner-up {explanation.runner_up / 100:.2f}"
    return f"{total / 100:.2f} bits ({fields}){rival}, {explanation.model}"


def whole_names(fields: Iterable[tuple[str, int]]) -> list[tuple[str, int]]:
    """The fields with surname and given name as one line where both say the same. The sum stays."""
    found = dict(fields)
    for whole, parts in (
        ("name", ("surname:exact", "given:exact")),
        ("reading", ("surname:reading", "given:reading")),
    ):
        if all(part in found for part in parts):
            together = sum(found.pop(part) for part in parts)
            return [(whole, together), *found.items()]
    return list(found.items())


def _agreement(same: Sequence[str], language: Language) -> str:
    if language == "ko":
        return "·".join(same) + " 같음"
    *most, last = same
    return f"same {', '.join(most)} and {last}" if most else f"same {last}"


def _pick(both: Words, language: Language) -> str:
    return both[0] if language == "ko" else both[1]
