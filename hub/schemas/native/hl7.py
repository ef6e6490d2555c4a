r"""HL7 v2 REF^I12 as older hospital systems send it: segments, fields, components. Owns decoding and cutting.

MSH-1 and MSH-2 name the separators and MSH-18 the charset (table 0211); escape sequences (v2.5, 2.7) are undone when a
component is read. What a field means is `core.normalize.hl7`.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

from hub.schemas.canonical import Reason, Refusal

SEGMENTS_LIMIT: Final = 500
FIELDS_LIMIT: Final = 200
#: MSH-18 as declared → Python codec. CP949 reads all of KS X 1001 (EUC-KR) and the syllables vendors add to it.
CHARSETS: Final = {
    "KS X 1001": "cp949",
    "CP949": "cp949",
    "MS949": "cp949",
    "EUC-KR": "cp949",
    "UNICODE UTF-8": "utf-8",
    "UTF-8": "utf-8",
    "UNICODE": "utf-8",
    "ASCII": "ascii",
    "8859/1": "ascii",  # read as Latin-1, the bytes of a Korean name would be another name
}
_BREAKS = re.compile(r"[\r\n]+")
_ESCAPED = re.compile(r"\\(F|S|T|R|E|\.br|X(?:[0-9A-Fa-f]{2}){1,64})\\")


class Segment(msgspec.Struct, frozen=True):
    """One segment. `fields[n]` is field n as written (for MSH, counted as the standard does); `fields[0]` its name."""

    fields: list[str]

    def field(self, n: int) -> str:
        """Field n, '' where the segment ends earlier."""
        return self.fields[n] if n < len(self.fields) else ""


class Ref(msgspec.Struct, frozen=True):
    """A REF message: its segments by name, each name's in order, and its separators."""

    segments: dict[str, list[Segment]]
    component: str
    repetition: str

    def first(self, name: str) -> Segment | None:
        """The first segment of that name."""
        held = self.segments.get(name)
        return held[0] if held else None

    def every(self, name: str) -> list[Segment]:
        """All segments of that name, in order."""
        return self.segments.get(name, [])

    def repeats(self, field: str) -> list[list[str]]:
        """A field as repetitions of components, escapes undone."""
        if not field:
            return []
        split = [part.split(self.component) for part in field.split(self.repetition)]
        if "\\" not in field:
            return split
        return [[self._plain(component) for component in part] for part in split]

    def component_of(self, field: str, n: int = 1) -> str:
        """Component n (from 1) of a field's first repetition."""
        parts = field.split(self.repetition, 1)[0].split(self.component, n)
        text = parts[n - 1] if n <= len(parts) else ""
        return self._plain(text) if "\\" in text else text

    def _plain(self, text: str) -> str:
        marks = {"F": "|", "S": self.component, "T": "&", "R": self.repetition, "E": "\\", ".br": "\n"}
        # A hexadecimal escape is a device's own code; nothing readable is lost with it.
        return _ESCAPED.sub(lambda found: marks.get(found.group(1), ""), text)


def read_ref(octets: bytes) -> Ref | Refusal:
    """The message in `octets`, decoded by its own MSH-18."""
    if not octets.startswith(b"MSH") or len(octets) < 9:  # noqa: PLR2004 - MSH, separator, four marks, separator
        return _refuse("MSH-1", "not_hl7", "A message starts with an MSH segment.")
    text = _decoded(octets)
    if isinstance(text, Refusal):
        return text
    lines = [line for line in _BREAKS.split(text) if line]
    if len(lines) > SEGMENTS_LIMIT:
        return _refuse("MSH", "too_many_segments", f"A message has at most {SEGMENTS_LIMIT} segments.")
    mark = text[3]
    component, repetition = text[4], text[5]
    if len({mark, component, repetition}) != 3 or any(c.isalnum() for c in (mark, component, repetition)):  # noqa: PLR2004
        return _refuse("MSH-2", "separators", "MSH-1 and MSH-2 name distinct separators.")
    segments: dict[str, list[Segment]] = {}
    for line in lines:
        fields = line.split(mark, FIELDS_LIMIT)
        if fields[0] == "MSH":  # MSH-1 is the separator itself
            fields.insert(1, mark)
        segments.setdefault(fields[0], []).append(Segment(fields))
    return Ref(segments, component, repetition)


def _decoded(octets: bytes) -> str | Refusal:
    declared = _charset(octets)
    codec = CHARSETS.get(declared.upper())
    if codec is None and declared:
        return _refuse("MSH-18", "unknown_charset", "This charset is not known.", tuple(CHARSETS))
    for candidate in (codec,) if codec else ("utf-8", "cp949"):  # undeclared: UTF-8 cannot be mistaken, CP949 can
        try:
            return octets.decode(candidate)
        except UnicodeDecodeError:
            continue
    return _refuse("MSH-18", "not_decodable", "The bytes are not in the charset that MSH-18 declares.")


def _charset(octets: bytes) -> str:
    """MSH-18, read before anything is decoded: its own line is ASCII up to there in every charset of the table."""
    first = re.split(rb"[\r\n]", octets, maxsplit=1)[0]
    fields = first.split(octets[3:4])
    declared = fields[17].decode("latin-1") if len(fields) > 17 else ""  # noqa: PLR2004 - MSH-18, as MSH-1 is no field
    names = [name.strip() for name in declared.split(chr(octets[5]))]
    return next((name for name in names if name), "")


def _refuse(path: str, code: str, text: str, allowed: tuple[str, ...] = ()) -> Refusal:
    return Refusal((Reason(path, code, text, allowed),))
