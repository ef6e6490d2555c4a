"""Text and names as people type them: cleaned, with stand-ins (홍길동, 무명, 박○자) turned into nothing.

Owns what is left of a name cell. Never guesses a name: a masked or doubtful one is missing, and the note says why; what
stands for nobody is listed in `hub.core.identity.letters`. Notes are short codes without values.

Titles, labels, namesakes' letters and masks are habits of those who type (the samples and `domain.md` have them), not
rules of a law: each stands in the tests beside a name that resembles it and is left alone.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from hub.core.identity import letters, names

NAME_LIMIT: Final = 100

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]+")
_SPACES = re.compile(r"\s+")
_SQUEEZED = re.compile(r"[\W_]+")
_BRACKETS = re.compile(r"[(\[<{（［〔【].*?(?:[)\]>}）］〕】]|$)")
# 응우옌티란 (NGUYEN THI LAN): both spellings are needed to find her again. A Korean name reads the same by itself.
_TWO_SPELLINGS = re.compile(r"([가-힣][가-힣 ]{2,30}?) ?[(\[]([A-Za-z]{2,}(?:[ ,'-]+[A-Za-z]{2,})+)[)\]]")
_LABEL = re.compile(r"(?:(?:성명|이름|대상자|환자|수급자)(?:명|성명)? ?[:=]|故|환자 (?=[가-힣]{3}$)) ?")
_AND_OTHERS = re.compile(r"(?<=[가-힣]{2})(?: ?외 ?\d{1,3} ?[명인]| 등)$", re.ASCII)
_EDGES = " .,;:~·ㆍ'\"`!-_/|"
_LISTED = re.compile(r" ?[/,&+;] ?")
# 김씨 and 김모씨 say a surname; no given name ends in 씨, and 모 before it stands for a name withheld.
_SURNAME_ONLY = re.compile(r"[가-힣] ?(?:모 ?(?:씨|군|양)|씨)")
_MASKED = re.compile(
    r"[○〇◯●◌□☐☆■*＊?]|[가-힣](?:[OoXxㅇ]|0+(?:[가-힣]|$)|[_.~-]{2,}(?:[가-힣]|$))|[OoXxㅇ]{2}[가-힣]?$"
)
_KOREAN_MAX: Final = 4  # letters of a Korean name
_HANGUL = re.compile(r"[가-힣]+")
# Hospitals tell namesakes apart as 박순자A, 박순자B, 박순자-1. Behind two letters O, X and 0 mask a third.
_SUFFIXED = re.compile(r"([가-힣]{3,5})[ _#-]?(?:[A-Za-z]|\d{1,2})|([가-힣]{2})[ _#-]?(?:[A-NP-WYZa-np-wyz]|[1-9])")


def clean(text: str) -> str:
    """NFC, no control or invisible characters, single spaces, no space at the ends."""
    # Nearly every text is tidy: printable means no control, invisible or unusual space characters.
    if text.isprintable() and "  " not in text and unicodedata.is_normalized("NFC", text):
        return text.strip()
    text = unicodedata.normalize("NFC", _CONTROL.sub(" ", text))
    return _SPACES.sub(" ", text).strip()


def squeeze(text: str) -> str:
    """A word for looking up: NFKC, lower case, letters and digits only."""
    return _SQUEEZED.sub("", unicodedata.normalize("NFKC", text).casefold())


def read_name(text: str) -> tuple[str, tuple[str, ...]]:
    """The name in `text` ('' when there is none) and what was repaired. Reading a name again changes nothing."""
    if names.PLAIN.fullmatch(text) and text not in letters.NO_NAMES:
        return text, ()
    return _untidy(text) if text else ("", ())


def _untidy(text: str) -> tuple[str, tuple[str, ...]]:
    notes: list[str] = []
    text = text[:NAME_LIMIT].strip()
    rest = ""
    while rest != text:  # a title can stand behind a title, a bracket inside another
        rest = text
        for repair, note in _REPAIRS:
            if (repaired := repair(text)) != text:
                text = repaired
                if note not in notes:
                    notes.append(note)
    if lacking := _no_name(text):
        return "", (*notes, lacking)
    return text, tuple(notes)


def _unbracketed(text: str) -> str:
    """Without what stands in brackets; that itself where nothing else stands."""
    if (both := _TWO_SPELLINGS.fullmatch(text)) and not _is_korean(both.group(1).replace(" ", "")):
        return text
    outside = _BRACKETS.sub("", text).strip()
    return outside or text.strip("()[]<>{}（）［］〔〕【】 ")


def _is_korean(name: str) -> bool:
    return name[0] in letters.SURNAMES and len(name) <= _KOREAN_MAX


def _untitled(text: str) -> str:
    return text if _SURNAME_ONLY.fullmatch(text) else names.untitled(text)


def _first(text: str) -> str:
    """The first of several Korean names in one cell; 마리아/테레사 and Park, Soonja stay whole."""
    parts = _LISTED.split(text)
    several = len(parts) > 1 and all(names.PLAIN.fullmatch(part) and part[0] in letters.SURNAMES for part in parts)
    return parts[0] if several else text


def _without_suffix(text: str) -> str:
    found = _SUFFIXED.fullmatch(text)
    return text if found is None or letters.is_unnamed_kin(squeeze(text)) else found.group(1) or found.group(2)


def _together(text: str) -> str:
    return text.replace(" ", "") if " " in text and _HANGUL.fullmatch(text.replace(" ", "")) else text


_REPAIRS: Final = (
    (letters.whole, "letters"),
    (lambda text: _LABEL.sub("", text, count=1) if _LABEL.match(text) else text, "label"),
    (_unbracketed, "bracket"),
    (lambda text: _AND_OTHERS.sub("", text), "others"),
    (_untitled, "title"),
    (_first, "several"),
    (_without_suffix, "suffix"),
    (lambda text: text.strip(_EDGES) or text, "punctuation"),
    (_together, "spacing"),
)


def _no_name(text: str) -> str:
    """Why this is no name, '' when it is one."""
    if _MASKED.search(text) or _SURNAME_ONLY.fullmatch(text):
        return "masked"
    squeezed = squeeze(text)
    if letters.is_nobody(squeezed):
        return "placeholder"
    is_text = len(squeezed) > 1 and any(letter.isalpha() and not "ㄱ" <= letter <= "ㆎ" for letter in text)
    return "" if is_text else "unreadable"
