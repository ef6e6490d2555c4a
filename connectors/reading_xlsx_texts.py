"""The texts that cells of an XLSX share, and how its XML is read: piece by piece, no tag without an end.

Owns reading and packing; what a text means is nobody's here.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterator
from typing import IO, Final
from xml.parsers import expat

from connectors.reading_rows import CELL_LIMIT

#: Bytes of XML read at once, and of one tag at most.
PIECE: Final = 65_536
TAG_LIMIT: Final = 1_048_576
_ESCAPED: Final = re.compile(r"_x([0-9A-Fa-f]{4})_")

Attributes = dict[str, str]


def new_parser() -> expat.XMLParserType:
    """A parser that takes no document type: no entity can grow or reach out."""
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = _no_document_type
    return parser


def _no_document_type(*_: object) -> None:
    raise ValueError("a document type")


def fed(handle: IO[bytes], parser: expat.XMLParserType) -> Iterator[None]:
    """Feed a part to its parser, giving way after each piece."""
    count = 0
    while piece := handle.read(PIECE):
        parser.Parse(piece, False)
        count += len(piece)
        if count - max(parser.CurrentByteIndex, 0) > TAG_LIMIT:
            raise ValueError("a tag without an end")
        yield
    parser.Parse(b"", True)
    yield


def prefix_of(root: str) -> str:
    """What stands before the names of a part whose root has this name."""
    before, mark, _ = root.rpartition(":")
    return before + mark


class Gathered:
    """A text in pieces, kept as far as it may be long: what is longer is seen to be."""

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._size = 0

    def clear(self) -> None:
        """Begin another."""
        self._pieces, self._size = [], 0

    def add(self, piece: str) -> None:
        """More of it."""
        if self._size <= CELL_LIMIT:
            self._pieces.append(piece)
            self._size += len(piece)

    def held(self) -> str:
        """All of it, with the characters that XML cannot hold."""
        text = "".join(self._pieces)[: CELL_LIMIT + 1]
        return _ESCAPED.sub(_unescaped, text) if "_x" in text else text


def _unescaped(found: re.Match[str]) -> str:
    """`_x000D_` is a carriage return; half of a pair is none."""
    code = int(found[1], 16)
    return found[0] if 0xD800 <= code <= 0xDFFF else chr(code)  # noqa: PLR2004 - surrogates


class Texts:
    """Texts by their number, packed in one piece of memory: a list of strings would take thrice as much."""

    def __init__(self) -> None:
        self._packed, self._ends = bytearray(), array("I", [0])
        self._text = Gathered()
        self._prefix: str | None = None
        self._is_reading = False
        self._parser = new_parser()

    def read(self, handle: IO[bytes]) -> None:
        """All of a part."""
        parser = self._parser
        parser.StartElementHandler, parser.EndElementHandler = self._start, self._end
        for _ in fed(handle, parser):
            pass

    def __getitem__(self, place: int) -> str:
        """Raises `IndexError`."""
        if not 0 <= place < len(self._ends) - 1:
            raise IndexError(place)
        return self._packed[self._ends[place] : self._ends[place + 1]].decode()

    def _start(self, name: str, _: Attributes) -> None:
        if self._prefix is None:
            self._prefix = prefix_of(name)
        local = name.removeprefix(self._prefix)
        if local == "si":
            self._text.clear()
        elif local == "rPh":
            self._is_reading = True  # a guide to pronunciation, not the text
        elif local == "t" and not self._is_reading:
            self._parser.CharacterDataHandler = self._text.add

    def _end(self, name: str) -> None:
        local = name.removeprefix(self._prefix or "")
        self._parser.CharacterDataHandler = None
        if local == "rPh":
            self._is_reading = False
        elif local == "si":
            self._packed += self._text.held().encode()
            self._ends.append(len(self._packed))
