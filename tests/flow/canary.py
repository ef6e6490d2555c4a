"""A person who exists nowhere else, sent through every format, and the ways such a person could leak.

Owns the canary's words and how they would look in bytes: composed, decomposed, CP949, UTF-16, escaped, base64, hex.
"""

from __future__ import annotations

import base64
import json
import unicodedata
from collections.abc import Iterator

NAME, GUARDIAN = "독고흰솔", "선우잔별"
PHONE, ADDRESS, BIRTH, RESIDENT = "010-9753-1246", "진주대로 7319, 801동 9317호", "1947-08-23", "470823-2345671"
NOTE, REPORTER = "청록빛열쇠를잃어버림", "제보자남궁초롱"
#: What must not be found anywhere. Parts long enough not to occur by chance.
SECRETS = (
    NAME, "흰솔", GUARDIAN, "잔별", NOTE, REPORTER, "초롱", "진주대로 7319", "9317호",
    PHONE, "01097531246", "1097531246", "+821097531246",
    BIRTH, "19470823", "470823-2", RESIDENT, "4708232345671",
)  # fmt: skip


def looks(secret: str) -> Iterator[bytes]:
    """Every form of bytes a secret could hide in."""
    texts = {secret, unicodedata.normalize("NFD", secret)}
    for text in texts:
        plain = {text.encode(), text.encode("utf-16-le"), json.dumps(text)[1:-1].encode()}
        if text == secret:
            plain.add(text.encode("cp949"))
        for form in plain:
            yield form
            yield form.hex().encode()
            yield from _base64(form)


def _base64(form: bytes) -> Iterator[bytes]:
    """Base64 of the form wherever it begins inside a longer text: the middle characters of each alignment."""
    for shift in range(3):
        encoded = base64.b64encode(b"\0" * shift + form + b"\0\0")
        first, last = -(-shift * 8 // 6), (shift + len(form)) * 8 // 6
        middle = encoded[first:last]
        if len(middle) >= 8:
            yield middle
            yield middle.translate(bytes.maketrans(b"+/", b"-_"))


def found_in(place: str, content: bytes) -> list[str]:
    """Which secrets stand in `content`, in what form."""
    return [f"{place}: {s!r} as {form[:40]!r}" for s in SECRETS for form in looks(s) if form in content]
