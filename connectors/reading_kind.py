"""Which kind of file this is, by its first bytes. The one place that tells; names and endings say nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Final, Literal

from connectors.reading_tables import OLE, ZIP

Kind = Literal["empty", "book", "hl7", "json", "table"]
#: Bytes that are looked at.
HEAD: Final = 4096
_BLANK: Final = b" \t\r\n\x0b"
_UTF_8: Final = b"\xef\xbb\xbf"


def kind(path: Path) -> Kind:
    """Whatever is nothing else is a table of text. Raises `OSError`."""
    with path.open("rb") as handle:
        head = handle.read(HEAD)
    if head.startswith((ZIP, OLE)):
        return "book"
    start = head.removeprefix(_UTF_8).lstrip(_BLANK)
    if start.startswith((b"MSH", b"FHS", b"BHS")):
        return "hl7"
    if start.startswith((b"{", b"[")):
        return "json"
    return "table" if start else "empty"
