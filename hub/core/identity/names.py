"""A name as written, taken apart: surname, given name, the sounds that count, and its other readings.

Owns what "the same name" may mean in Korean. Never weighs anything (that is `score`) and never refuses a name:
what cannot be read is kept as a foreign or empty name.

Sources: the initial-sound rule is articles 10–12 of the Korean orthography (두음법칙), the sound mergers ㅐ/ㅔ and
ㅚ/ㅙ/ㅞ are those the Standard Pronunciation (표준 발음법, articles 4–5) allows or tolerates.
"""

from __future__ import annotations

import re
import unicodedata

import msgspec

from hub.core.identity import hanja, letters, romanized

_ASIDE = re.compile(r"[(\[（【〈<]([^)\]）】〉>]*)[)\]）】〉>]?")
_NOISE = re.compile(r"[\s·•ㆍ.,'’`\-‐-―_/]+")
_HANGUL = re.compile(r"[가-힣]+")
_HANJA = re.compile(r"[㐀-䶿一-鿿豈-﫿]+")
_LATIN = re.compile(r"[a-z]+")
_LATIN_TITLES = frozenset(("mr", "mrs", "ms", "miss", "dr"))
#: Two or three letters behind which no title stands, so that nearly every name needs no more looking at.
PLAIN = re.compile("(?!.(?:여사|환자)$)[가-힣]{1,2}[가-씧씩-힣]")
_MASKED = re.compile(f"[가-힣](?=.*[{letters.MASKS}])[가-힣{letters.MASKS}]+")
_KOREAN = re.compile("[가-힣㐀-䶿一-鿿豈-﫿]")
_READINGS_MAX = 6  # more readings than this is a guess, not a reading
_KOREAN_MAX = 4  # letters of a Korean name: one or two of surname, one or two (rarely three) of given name
_KOREAN_USUAL = 3
_SYLLABLES_MAX = 3

# Conjoining jamo: initials U+1100…, vowels U+1161…, finals U+11A8….
_ALIKE = str.maketrans({"ᅢ": "ᅦ", "ᅨ": "ᅦ", "ᅤ": "ᅦ", "ᅫ": "ᅬ", "ᅰ": "ᅬ"})
_IOTIZED = "[ᅣᅧᅭᅲᅨ]"
_SILENT_GIVEN = re.compile(f"^[ᄂᄅ](?={_IOTIZED})")  # 련희 = 연희, 녀 = 여; but 라희 and 나희 are two names
# 신립 = 신입, 최린 = 최인: a given name of one letter may be written by its own sound (art. 11, appendix 2).
_SILENT_ALONE = re.compile("^ᄅ(?=ᅵ[ᆨ-ᇿ]?$)")
_SILENT_SURNAME = re.compile("^[ᄂᄅ](?=[ᅣᅧᅭᅲᅨᅵ])")  # 류 = 유, 림 = 임, 량 = 양, 리 = 이
_R_SURNAME = re.compile("^ᄅ")  # 라 = 나, 로 = 노, 뢰 = 뇌
_RYEOL = re.compile("ᄅ(?=(?:ᅧᆯ|ᅲᆯ))")  # 렬 = 열, 률 = 율, wherever they stand
FINALS = re.compile("[ᆨ-ᇿ]")


class Name(msgspec.Struct, frozen=True):
    """One name.

    `surname` and `given` are folded jamo (or lower-case Latin); `written` has no spaces, `split` is where the given
    name starts in it; `others` are further readings as 'surname|given'.
    """

    written: str = ""
    split: int = 0
    surname: str = ""
    given: str = ""
    others: tuple[str, ...] = ()


def parse(raw: str) -> Name:
    """The name behind `raw`: titles, brackets and placeholders removed, hanja and romanized names read."""
    if PLAIN.fullmatch(raw) and raw not in letters.NO_NAMES:
        return _hangul(raw, raw)
    text = letters.whole(raw).strip()
    asides = _ASIDE.findall(text)
    text = untitled(_ASIDE.sub(" ", text).strip())
    compact = _NOISE.sub("", text)
    squeezed = compact.lower()
    if not compact or letters.is_nobody(squeezed) or letters.is_unnamed_kin(squeezed):
        return Name()
    name = _read(text, compact)
    others = [reading for aside in asides for reading in _aside_readings(aside, name)]
    return msgspec.structs.replace(name, others=_unique([*name.others, *others], name)) if others else name


def jamo(hangul: str) -> str:
    """Syllables taken apart (NFD), nothing folded."""
    return unicodedata.normalize("NFD", hangul)


def fold_surname(hangul: str) -> str:
    """A surname's sounds: initial-sound rule, like-sounding vowels as one."""
    return _R_SURNAME.sub("ᄂ", _SILENT_SURNAME.sub("ᄋ", jamo(hangul))).translate(_ALIKE)


def fold_given(hangul: str) -> str:
    """A given name's sounds: initial-sound rule where it is only spelling, like-sounding vowels as one."""
    apart = _SILENT_ALONE.sub("ᄋ", _SILENT_GIVEN.sub("ᄋ", jamo(hangul)))
    return _RYEOL.sub("ᄋ", apart).translate(_ALIKE)


def syllables(folded: str) -> str:
    """Folded jamo put together again, one character a syllable (Latin stays as it is)."""
    return unicodedata.normalize("NFC", folded)


def untitled(text: str) -> str:
    """The name without what stands behind it to address somebody, however much of it."""
    while (bare := _without_title(text)) != text:
        text = bare
    return text


def _without_title(text: str) -> str:
    for title in letters.TITLES:
        if text.endswith(title):
            return text.removesuffix(title).rstrip()
    for title in letters.APART_TITLES:
        bare = text.removesuffix(title)
        if bare != text and bare[-1:].isspace():
            return bare.rstrip()
    if text.endswith(letters.CLOSE_TITLES) and _HANGUL.fullmatch(compact := _NOISE.sub("", text)):
        return text if len(compact) <= _KOREAN_USUAL and not text.endswith("씨") else text[:-1].rstrip()
    return text


def _read(text: str, compact: str) -> Name:
    if _MASKED.fullmatch(compact):
        return _masked(compact)
    if _HANGUL.fullmatch(compact):
        return _hangul(text, compact)
    if _HANJA.fullmatch(compact):
        return _hanja(compact)
    return _mixed(text, compact) if _KOREAN.search(compact) else _latin(text)


def _masked(compact: str) -> Name:
    """김○○: the surname is known, the rest is withheld."""
    return Name(compact[0], 1, fold_surname(compact[0]), "")


def _hangul(text: str, compact: str) -> Name:
    if len(compact) == 1 and compact in letters.SURNAMES:
        return _masked(compact)  # 김 씨: no more than the surname is told
    if len(compact) == 1 or len(compact) > _KOREAN_MAX + 1 or compact[0] not in letters.SURNAMES:
        return _foreign_hangul(text, compact)
    double = len(compact) > 2 and compact[:2] in letters.DOUBLE_SURNAMES  # noqa: PLR2004 - longer than the surname
    if len(compact) > _KOREAN_MAX and not double:
        return _foreign_hangul(text, compact)
    split = 2 if double else 1
    others = (_reading(compact[:1], compact[1:]),) if double and compact[0] in letters.SURNAMES else ()
    return Name(compact, split, fold_surname(compact[:split]), fold_given(compact[split:]), others)


def _foreign_hangul(text: str, compact: str) -> Name:
    """응우옌 티 란: the first word is taken for the family name when there are several."""
    family = _NOISE.split(text)[0] if _NOISE.search(text) else ""
    split = len(family)
    return Name(compact, split, jamo(family).translate(_ALIKE), jamo(compact[split:]).translate(_ALIKE))


def _hanja(compact: str) -> Name:
    """朴順子: each letter as it sounds where it stands, and as it sounds by itself (蘭姬 is 난희 or 란희)."""
    front = "".join(hanja.READ.get(letter, "") for letter in compact[:2])
    split = 2 if len(compact) > 2 and front in letters.DOUBLE_SURNAMES else 1  # noqa: PLR2004 - longer than the surname
    rest = compact[split:]
    surname = "".join(hanja.READ.get(letter, letter) for letter in compact[:split])
    if any(letter not in hanja.READ for letter in rest):
        return Name(compact, split, fold_surname(surname), rest)
    whole = "".join(hanja.BEHIND[letter] for letter in rest)
    given = hanja.READ[rest[0]] + whole[1:] if rest else ""
    name = Name(surname + given, split, fold_surname(surname), fold_given(given))
    return msgspec.structs.replace(name, others=_unique([_reading(surname, whole)], name))


def _mixed(text: str, compact: str) -> Name:
    """金철수, 박순자 Kim, 김 Cheolsu: hanja are read, Latin letters beside a whole Korean name are one more reading."""
    read = "".join(hanja.READ.get(letter, letter) for letter in compact)
    if read != compact and _HANGUL.fullmatch(read):
        return _hangul(read, read)
    parts = _HANGUL.findall(compact)
    latin = " ".join(_LATIN.findall(text.lower()))
    korean = "".join(parts)
    if len(parts) != 1 or not latin or re.sub("[가-힣A-Za-z]", "", compact):
        return Name(compact, 0, "", compact)
    if len(korean) > 1:
        name, other = _hangul(korean, korean), _latin(latin)
        return msgspec.structs.replace(name, others=_unique([*name.others, *other.others], name))
    given = latin.replace(" ", "")
    others = [_reading(korean, g) for g in _given_readings(given)]
    return Name(korean + given, 1, fold_surname(korean), given, tuple(dict.fromkeys(others))[:_READINGS_MAX])


def _latin(text: str) -> Name:
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    family_first = plain.split(",") if plain.count(",") == 1 else None
    words = _LATIN.findall(plain)
    if len(words) > 1:  # Mrs Park, Park Soonja Ms.
        words = [word for word in words if word not in _LATIN_TITLES] or words
    if not words:
        compact = _NOISE.sub("", text)
        return Name(compact, 0, "", compact)
    korean = _korean_readings(words)
    surname, rest = (words[0], words[1:]) if family_first or not _family_last(words) else (words[-1], words[:-1])
    turned = () if len(words) == 1 else (f"{words[-1]}|{''.join(words[:-1])}", f"{words[0]}|{''.join(words[1:])}")
    if len(words) == 1:
        surname, rest = "", words
    name = Name(surname + "".join(rest), len(surname), surname, "".join(rest))
    return msgspec.structs.replace(name, others=_unique([*korean, *turned], name))


def _family_last(words: list[str]) -> bool:
    """Soonja Park: only the last word is a Korean surname."""
    return words[-1] in romanized.SURNAMES and words[0] not in romanized.SURNAMES


def _korean_readings(words: list[str]) -> list[str]:
    """Every way the words can be a Korean name: surname first or last, given name cut into known syllables."""
    found: list[str] = []
    for surname, rest in ((words[0], words[1:]), (words[-1], words[:-1])):
        given = _given_readings("".join(rest))
        found += [_reading(s, g) for s in romanized.SURNAMES.get(surname, ()) for g in given]
    return found[:_READINGS_MAX]


def _given_readings(roman: str) -> list[str]:
    """Soonja is 순자; 소온자 would be three letters where two do."""
    found = _syllable_readings(roman, _SYLLABLES_MAX)
    return [reading for reading in found if len(reading) < _SYLLABLES_MAX] or found


def _syllable_readings(roman: str, left: int) -> list[str]:
    if not roman:
        return [""]
    if left == 0:
        return []
    heads = [roman[:n] for n in range(min(len(roman), romanized.LONGEST), 0, -1) if roman[:n] in romanized.SYLLABLES]
    return [
        reading + rest
        for head in heads
        for reading in romanized.SYLLABLES[head]
        for rest in _syllable_readings(roman[len(head) :], left - 1)
    ]


def _aside_readings(aside: str, name: Name) -> list[str]:
    """박순자(朴順子): what stands in brackets counts only where it is a whole name itself."""
    compact = _NOISE.sub("", aside)
    if len(compact) < 2 or _HANGUL.search(compact):  # noqa: PLR2004 - Hangul in brackets is a remark, not a name
        return []
    read = _read(aside.strip(), compact)
    return [f"{read.surname}|{read.given}", *read.others] if read.given and name.given else []


def _reading(surname: str, given: str) -> str:
    return f"{fold_surname(surname)}|{fold_given(given)}"


def _unique(readings: list[str], name: Name) -> tuple[str, ...]:
    own = f"{name.surname}|{name.given}"
    return tuple(dict.fromkeys(reading for reading in readings if reading != own))[:_READINGS_MAX]
