"""HL7 v2 messages in octets, before anything of them is decoded: where each ends, and which referral it is about.

Owns what the listener and a dropped file have in common, so that the same message is the same event on both ways.
"""

from __future__ import annotations

import re
from typing import Final

_TRIM: Final = b"\x0b\x1c\r\n "
_BATCH_ENDS: Final = re.compile(rb"[\r\n\x1c]+(?:BTS|FTS)[^\r\n]*")
_MESSAGES: Final = re.compile(rb"(?:^|[\r\n\x0b\x1c]+)(?=MSH)")
_NUMBER: Final = 6  # RF1-6, the placer's referral number


def messages(octets: bytes) -> list[bytes]:
    """The messages of a file, framed or not, in a batch or not."""
    found = (bare(part) for part in _MESSAGES.split(octets))
    return [part for part in found if part.startswith(b"MSH")]


def bare(octets: bytes) -> bytes:
    """One message without its frame and without the end of the batch it closes."""
    return _BATCH_ENDS.sub(b"", octets).strip(_TRIM)


def subject(octets: bytes) -> str:
    """What keeps the messages of one referral in order: RF1-6 as written, else the whole message; in hex."""
    mark = octets[3:4]  # MSH-1, the message's own separator
    for line in re.split(rb"[\r\n]", octets) if mark.strip() else ():
        if line.startswith(b"RF1" + mark):
            fields = line.split(mark, _NUMBER + 1)
            return (fields[_NUMBER] if len(fields) > _NUMBER else b"").hex() or octets.hex()
    return octets.hex()
