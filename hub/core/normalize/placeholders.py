"""Text and names as people type them: cleaned, with stand-ins (홍길동, 무명, 박○자) turned into nothing.

Owns what is no name. Never guesses a name: a masked or doubtful one is missing, and the note says why.
Notes are short codes without values.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

NAME_LIMIT: Final = 100

#: Squeezed and in lower case, see `squeeze`.
NO_NAMES: Final = frozenset(
    [
        "홍길동",
        "홍길순",
        "아무개",
        "김아무개",
        "무명",
        "무명남",
        "무명녀",
        "무명씨",
        "무명인",
        "미상",
        "성명미상",
        "이름미상",
        "신원미상",
        "성명불상",
        "불상",
        "모름",
        "없음",
        "익명",
        "비공개",
        "확인불가",
        "미확인",
        "해당없음",
        "테스트",
        "테스트환자",
        "unknown",
        "noname",
        "test",
        "none",
        "null",
        "na",
        "nn",
        "johndoe",
        "janedoe",
    ]
)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2064\ufeff]+")
_SPACES = re.compile(r"\s+")
_SQUEEZED = re.compile(r"[\W_]+")
_BRACKETS = re.compile(r"[(\[<{（［〔【].*?(?:[)\]>}）］〕】]|$)")
# No given name ends in 씨; 군, 양 and 옹 can end one, so they count only when written apart.
_TITLE = re.compile(
    r"(?:\s*(?:할머니|할아버지|어르신|여사님?|선생님|대상자|환자분?|님)|(?<=[가-힣]{2})씨|\s+(?:씨|군|양|옹))$"
)
_MASKED = re.compile(r"[○〇◯●◌□■*＊?]|[가-힣][OoXxㅇ]|[OoXxㅇ]{2}[가-힣]?$")
_HANGUL = re.compile(r"[가-힣]+")
_SUFFIXED = re.compile(r"([가-힣]{2,5})\s?[A-Za-z0-9]")  # hospitals tell namesakes apart as 박순자A, 박순자B


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
    """The name in `text` ('' when there is none) and what was repaired."""
    if _HANGUL.fullmatch(text) and 2 <= len(text) <= 4 and text not in NO_NAMES and not _TITLE.search(text):  # noqa: PLR2004
        return text, ()
    return _untidy(text) if text else ("", ())


def _untidy(text: str) -> tuple[str, tuple[str, ...]]:
    notes: list[str] = []
    for pattern, note in ((_BRACKETS, "bracket"), (_TITLE, "title")):
        stripped = pattern.sub("", text).strip()
        if stripped != text:
            text = stripped
            notes.append(note)
    if suffixed := _SUFFIXED.fullmatch(text):
        text = suffixed.group(1)
        notes.append("suffix")
    if " " in text and _HANGUL.fullmatch(text.replace(" ", "")):
        text = text.replace(" ", "")
        notes.append("spacing")
    if lacking := _no_name(text):
        return "", (*notes, lacking)
    return text[:NAME_LIMIT], tuple(notes)


def _no_name(text: str) -> str:
    """Why this is no name, '' when it is one."""
    if _MASKED.search(text):
        return "masked"
    squeezed = squeeze(text)
    if squeezed in NO_NAMES:
        return "placeholder"
    return "" if len(squeezed) > 1 and any(letter.isalpha() for letter in squeezed) else "unreadable"
