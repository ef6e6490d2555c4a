"""Who is answered what, by acknowledgment mode. Owns the table of HL7 v2.5 section 2.9; writes through `answers`.

Original mode (MSH-15 and MSH-16 empty): one answer, AA as RRI or ACK, AE or AR as ACK. Enhanced mode: CA, CE or CR
where MSH-15 asks for it, and behind a CA the application's RRI where MSH-16 asks for it.
"""

from __future__ import annotations

from typing import Final

from connectors.hl7v2.answers import Writer
from connectors.hl7v2.messages import Header, Heard, Rejected
from connectors.protocol import Origin

#: Table 0155: when an acknowledgment is wanted.
ON_SUCCESS: Final = frozenset(("AL", "SU"))
ON_ERROR: Final = frozenset(("AL", "ER"))


def taken(heard: Heard, origin: Origin, *, rri: bool) -> list[bytes]:
    """The message is safe. rri: whether the partner reads RRI."""
    header = heard.header
    answers = []
    if header.enhanced and header.accept in ON_SUCCESS:
        answers.append(_writer(header, origin, "accept").committed())
    if not header.enhanced or header.application in ON_SUCCESS:
        writer = _writer(header, origin, "application")
        answers.append(writer.pending(heard) if rri else writer.acknowledged())
    return answers


def rejected(found: Rejected, origin: Origin) -> list[bytes]:
    """The message is not taken, and never will be."""
    return [_writer(found.header, origin, "no").rejected(found, accept=accept) for accept in _told(found.header)]


def full(heard: Heard, origin: Origin) -> list[bytes]:
    """The message is not taken now."""
    return [_writer(heard.header, origin, "full").later(accept=accept) for accept in _told(heard.header)]


def _told(header: Header) -> list[bool]:
    """Whether, and on which level, an error is told: True for the accept level."""
    if not header.enhanced:
        return [False]
    if header.accept in ON_ERROR:
        return [True]
    return [False] if header.application in ON_ERROR else []


def _writer(header: Header, origin: Origin, level: str) -> Writer:
    control = origin.digest("answer", f"{level}\0{header.sender}\0{header.control}".encode())[:20]
    return Writer(header, origin.now(), control)
