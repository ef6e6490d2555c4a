"""MLLP framing: 0x0B, message, 0x1C 0x0D. Owns finding messages in a stream of octets, however it was cut.

Does no I/O and never looks into a message. What it holds is bounded by the limit, whatever a partner sends: of a frame
that is too large only its beginning is kept, so that its header can still be answered.
Source: HL7 v2 Transport Specification: MLLP, release 1.
"""

from __future__ import annotations

from typing import Final

import msgspec

START: Final = b"\x0b"
LAST: Final = b"\x1c"
END: Final = b"\x1c\r"
#: What is kept of a frame above the limit: enough for its MSH segment.
HEAD_BYTES: Final = 4096
#: Between frames these say nothing; anything else there is garbage.
_BLANK: Final = b" \t\r\n"


class Frame(msgspec.Struct, frozen=True):
    """A message as it stood between the marks. size: of the whole frame, above `octets` where it was too large."""

    octets: bytes
    size: int

    @property
    def whole(self) -> bool:
        """Whether nothing was left out."""
        return len(self.octets) == self.size


class Frames:
    """Cuts one connection's octets into frames of at most `limit` bytes.

    garbage: octets that stood between frames. torn: frames that were given up for a new one in their midst.
    """

    def __init__(self, limit: int) -> None:
        self.garbage = self.torn = 0
        self._limit, self._kept = limit, min(HEAD_BYTES, limit)
        self._held = bytearray()
        self._head = b""
        self._inside = False
        self._looked = self._gone = 0

    @property
    def pending(self) -> int:
        """Octets of the frame that has begun and not ended; 0 between frames."""
        return self._gone + len(self._held) + 1 if self._inside else 0

    @property
    def begun(self) -> bytes:
        """The beginning of that frame."""
        return self._head or bytes(self._held[: self._kept])

    def feed(self, octets: bytes) -> list[Frame]:
        """The frames that end in these octets, in order."""
        self._held += octets
        found: list[Frame] = []
        while self._frame(found) if self._inside else self._between():
            pass
        return found

    def _between(self) -> bool:
        """Drop what stands before the next start. True where one was found."""
        at = self._held.find(START)
        gone = self._held[:at] if at >= 0 else self._held
        self.garbage += len(gone.translate(None, _BLANK + LAST))
        del self._held[: at + 1 if at >= 0 else len(self._held)]
        self._inside, self._looked, self._gone, self._head = at >= 0, 0, 0, b""
        return self._inside

    def _frame(self, found: list[Frame]) -> bool:
        """Take the frame if it ends here. True where more can be looked at."""
        end = self._held.find(END, max(0, self._looked - 1))
        again = self._held.find(START, self._looked, end if end >= 0 else len(self._held))
        if again >= 0:
            self._restarted(again, found)
            return True
        if end < 0:
            self._looked = len(self._held)
            self._bound()
            return False
        self._ended(end, found)
        del self._held[: end + len(END)]
        return True

    def _restarted(self, at: int, found: list[Frame]) -> None:
        """A start inside a frame: the sender forgot the last octet, or died and began anew on the same connection."""
        if self._held[at - 1 : at] == LAST:
            self._ended(at - 1, found)
        else:
            self.torn += 1
        del self._held[: at + 1]
        self._inside, self._looked, self._gone, self._head = True, 0, 0, b""

    def _ended(self, end: int, found: list[Frame]) -> None:
        size = self._gone + end
        octets = bytes(self._held[:end]) if not self._gone else self._head
        found.append(Frame(octets if size <= self._limit else octets[: self._kept], size))
        self._inside = False

    def _bound(self) -> None:
        """Let go of what a too large frame holds, all but its head and its last octet (it may be half of the end)."""
        if self._gone + len(self._held) <= self._limit + 1:
            return
        self._head = self._head or bytes(self._held[: self._kept])
        self._gone += len(self._held) - 1
        del self._held[:-1]
        self._looked = 0


def framed(octets: bytes) -> bytes:
    """A message between its marks."""
    return START + octets + END
