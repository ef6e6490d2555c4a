"""The texts of an XLS: how one stands in its records, and which of them a cell means ([MS-XLS] 2.5.240, 2.5.293).

Owns reading them where they stand; a text is copied when a row asks for it, so that a file of many long ones or of
one that a million cells share costs nothing more. What a text means is nobody's here.
"""

from __future__ import annotations

import struct
from array import array
from bisect import bisect_right
from typing import Final

from connectors.reading_rows import CELL_LIMIT

Octets = bytes | bytearray
#: Records that one text, or all that cells share, may go on in: of a full file each holds eight thousand octets.
PIECES: Final = 100_000
CONTINUE: Final = 0x3C
RECORD: Final = struct.Struct("<HH")
_HEAD: Final = struct.Struct("<HB")
_WIDE, _PHONETIC, _RICH = 1, 4, 8
#: Texts kept as they were read last: words of a list come again and again.
KNOWN: Final = 256
#: Letters of a text that are read: one that is cut is still seen to be too long.
_KEPT: Final = 2 * CELL_LIMIT + 2

Part = tuple[int, int, int]  # where it begins and ends, whether two octets make a letter


class Pieces:
    """What a record and those that continue it hold, where it stands."""

    def __init__(self, octets: Octets, at: int, size: int) -> None:
        """From the content of the record. Raises `ValueError` or `struct.error`."""
        self.octets = octets
        self.starts, self.stops = array("I", [at]), array("I", [at + size])
        at += size
        while at + RECORD.size <= len(octets):
            kind, size = RECORD.unpack_from(octets, at)
            at += RECORD.size
            if kind != CONTINUE:
                break
            if at + size > len(octets) or len(self.starts) >= PIECES:
                raise ValueError("a text without an end")
            self.starts.append(at)
            self.stops.append(at + size)
            at += size

    def text(self, at: int, piece: int = 0) -> str:
        """The text that begins here. Raises `ValueError`, `IndexError` or `struct.error`."""
        return held(self.octets, self.parts(at, piece)[0])

    def parts(self, at: int, piece: int) -> tuple[list[Part], int, int]:
        """Where a text stands, and where the next one does. Raises as `text`."""
        octets, stop = self.octets, self.stops[piece]
        count, flags = _HEAD.unpack_from(octets, at)
        at += _HEAD.size
        behind = 0  # octets that say how it looks and how it is spoken
        if flags & _RICH:
            behind += 4 * int.from_bytes(octets[at : at + 2], "little")
            at += 2
        if flags & _PHONETIC:
            behind += int.from_bytes(octets[at : at + 4], "little")
            at += 4
        if at > stop:
            raise ValueError("the beginning of a text is cut")
        wide = flags & _WIDE
        found: list[Part] = []
        while True:
            fits = min(count, (stop - at) >> wide)
            found.append((at, at + (fits << wide), wide))
            at += fits << wide
            count -= fits
            if not count:
                break
            piece += 1
            at, stop = self.starts[piece], self.stops[piece]
            wide = octets[at] & _WIDE  # each piece says anew how wide its letters are
            at += 1
        while behind > stop - at:
            behind -= stop - at
            piece += 1
            at, stop = self.starts[piece], self.stops[piece]
        return found, at + behind, piece


class Shared:
    """The texts that cells share, by their number: only where each begins is kept."""

    def __init__(self) -> None:
        self._pieces: Pieces | None = None
        self._begins = array("I")
        self._known: dict[int, str] = {}

    def read(self, octets: Octets, at: int, size: int) -> None:
        """All of the table whose record stands here; what is cut at its end is not there. Raises as `Pieces`."""
        pieces = self._pieces = Pieces(octets, at, size)
        count = int.from_bytes(octets[at + 4 : at + 8], "little")
        at, piece, last = at + 8, 0, len(pieces.starts) - 1
        begins = self._begins = array("I")
        try:
            while len(begins) < count:
                if at >= pieces.stops[piece]:
                    if piece == last:
                        return
                    piece += 1
                    at = pieces.starts[piece]
                    continue
                begin = at
                _, at, piece = pieces.parts(at, piece)
                begins.append(begin)
        except (IndexError, ValueError, struct.error):
            return

    def __getitem__(self, number: int) -> str:
        """Raises `IndexError` or `ValueError`."""
        text = self._known.get(number)
        if text is None:
            begin = self._begins[number]
            if self._pieces is None:
                raise IndexError(number)
            text = self._pieces.text(begin, bisect_right(self._pieces.starts, begin) - 1)
            if len(self._known) >= KNOWN:
                self._known.clear()
            self._known[number] = text
        return text


def held(octets: Octets, parts: list[Part]) -> str:
    """A text of these parts, as far as it may be long. Raises `ValueError` for half of a pair."""
    if len(parts) == 1 and not parts[0][2]:
        start, stop, _ = parts[0]
        return octets[start : min(stop, start + CELL_LIMIT + 1)].decode("latin-1")
    found, left = bytearray(), _KEPT
    for start, stop, wide in parts:
        fits = min(left, (stop - start) >> wide)
        raw = octets[start : start + (fits << wide)]
        found += raw if wide else raw.decode("latin-1").encode("utf-16-le")
        left -= fits
    return found.decode("utf-16-le", "strict" if left else "replace")[: CELL_LIMIT + 1]
