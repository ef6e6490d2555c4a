"""What is read of a message: its header, and what an answer repeats. Owns this much of HL7 v2 and no more.

A message travels as octets; only what addresses its answers is read here: MSH, RF1-2/3/6/7, PRD and PID-3. Cutting and
decoding are the wire's own (`hub.schemas.native.hl7`), so that what passes here passes the hub's reader too.
Source: HL7 v2.5 chapters 2 (control), 11 (referral).
"""

from __future__ import annotations

import base64
import re
from typing import Final

import msgspec

from connectors.hl7v2.mllp import Frame
from connectors.protocol import Event, Origin
from connectors.reading_hl7 import bare, subject
from hub.schemas.canonical import Reason, Refusal
from hub.schemas.native.hl7 import CHARSETS, Ref, Segment, read_ref
from hub.schemas.topics import Formats

MEDIA: Final = "x-application/hl7-v2+er7"
EVENTS: Final = ("I12", "I13", "I14")
MARKS: Final = "|^~\\&"
#: Characters of a field that an answer repeats; and of a control id, as ST grew to be (v2.5.1: 199).
REPEATED: Final = 250
CONTROL: Final = 199
_BREAK: Final = re.compile(rb"[\r\n]")
_PLAIN: Final = re.compile(r"[^A-Za-z0-9._-]")


class Header(msgspec.Struct, frozen=True, omit_defaults=True):
    """MSH as its answers need it; fields as written, in the message's own separators.

    charset: the name for MSH-18 of answers, '' for ASCII. codec: Python's name of it.
    """

    marks: str = MARKS
    sender: tuple[str, str] = ("", "")
    receiver: tuple[str, str] = ("", "")
    kind: str = ""
    event: str = ""
    control: str = ""
    processing: str = "P"
    version: str = "2.5"
    accept: str = ""
    application: str = ""
    charset: str = ""
    codec: str = "ascii"

    @property
    def enhanced(self) -> bool:
        """Whether the sender asks for the enhanced acknowledgment mode (MSH-15 or MSH-16 is there)."""
        return bool(self.accept or self.application)


class Heard(msgspec.Struct, frozen=True):
    """A referral message that is to be taken.

    Fields as written: request RF1-2, 3, 6, 7; providers whole PRD segments; patient PID-3; sent MSH-7.
    """

    header: Header
    octets: bytes
    request: tuple[str, str, str, str]
    providers: tuple[str, ...]
    patient: str
    sent: str

    def event(self, origin: Origin) -> Event:
        """The envelope: the same as `hub send` makes of the same message in a file."""
        return event(origin, self.octets)

    def about(self) -> str:
        """What the spool keeps beside the event, so that later answers can be addressed."""
        return msgspec.json.encode(About(self.header, self.request[2], self.patient)).decode()


class About(msgspec.Struct, frozen=True, omit_defaults=True):
    """Of a message that was taken: header, RF1-6 and PID-3 as written."""

    header: Header
    number: str = ""
    patient: str = ""


class Rejected(msgspec.Struct, frozen=True):
    """A message that is not taken. `kind`: of type, event or place ('R'), or for its content ('E')."""

    header: Header
    kind: str
    reason: Reason
    code: str


def about_of(text: str) -> About | None:
    """Reads `Heard.about` back; None for anything else."""
    try:
        return msgspec.json.decode(text.encode(), type=About)
    except msgspec.MsgspecError:
        return None


def event(origin: Origin, octets: bytes) -> Event:
    """The envelope around a message: octets without framing, ended by one CR; its partition key one of RF1-6."""
    data = base64.b64encode(octets + b"\r").decode()
    return origin.event(Formats.HL7, subject(octets), media=MEDIA, data_base64=data)


def hear(frame: Frame, limit: int, charset: str) -> Heard | Rejected | None:
    """Reads a frame. None for an acknowledgment, which is never acknowledged.

    charset: of answers to a message in plain ASCII that declares none.
    """
    octets = bare(frame.octets)
    header = header_of(octets, charset)
    if header.kind in {"ACK", "RRI"}:
        return None
    if not frame.whole:
        return Rejected(header, "E", Reason("MSH", "too_large", f"A message has at most {limit} bytes."), "207")
    ref = read_ref(octets)
    if isinstance(ref, Refusal):
        return Rejected(header, "E", ref.reasons[0], code_of(ref.reasons[0].code))
    return _unfit(ref, header) or _heard(ref, header, octets)


def header_of(octets: bytes, charset: str = "") -> Header:
    """MSH of anything; empty where it is not there. Never fails: even a refusal needs an address."""
    line = _BREAK.split(octets, maxsplit=1)[0]
    if not line.startswith(b"MSH") or len(line) < 9:  # noqa: PLR2004 - MSH, separator, four marks, separator
        return Header()
    fields = [part[:REPEATED] for part in line.split(line[3:4], 19)]
    name, codec = _spoken(octets, fields[17] if len(fields) > 17 else b"", line[5:6], charset)  # noqa: PLR2004 - MSH-18
    texts: list[str] = [part.decode(codec, "replace") for part in fields] + [""] * 20
    marks = texts[0][3:4] + line[3:4].decode("latin-1") + texts[1][:4]
    if not _sound(marks):  # then nothing may be repeated that could be taken for a separator
        marks, texts = MARKS, [_PLAIN.sub("", text) for text in texts]
    component = marks[1]
    kind, event_, *_ = [*texts[8].split(component), "", ""]
    return Header(
        marks=marks,
        sender=(texts[2], texts[3]),
        receiver=(texts[4], texts[5]),
        kind=kind,
        event=event_,
        control=texts[9],
        processing=texts[10] or "P",
        version=texts[11].split(component)[0] or "2.5",
        accept=texts[14],
        application=texts[15],
        charset=name,
        codec=codec,
    )


def code_of(reason: str) -> str:
    """A reason as table 0357 has it, where it has one."""
    return _CODES.get(reason, "207")


_CODES: Final = {
    "not_hl7": "100",
    "segment_missing": "100",
    "too_many_segments": "100",
    "second_message": "100",
    "missing": "101",
    "separators": "102",
    "not_decodable": "102",
    "too_long": "102",
    "unknown_charset": "103",
    "unknown_need": "103",
    "unsupported_type": "200",
    "unsupported_event": "201",
}


def _spoken(octets: bytes, declared: bytes, repetition: bytes, default: str) -> tuple[str, str]:
    """Name and codec of the charset that answers are written in: the message's own."""
    names = [part.strip().decode("latin-1") for part in declared.split(repetition or b"~")]
    name = next((part for part in names if part), "")
    if name:
        codec = CHARSETS.get(name.upper())
        return (name, codec) if codec else ("", "ascii")
    if octets.isascii():
        return default, CHARSETS.get(default.upper(), "ascii")
    try:
        octets.decode()
    except UnicodeDecodeError:
        return "KS X 1001", "cp949"
    return "UNICODE UTF-8", "utf-8"


def _sound(marks: str) -> bool:
    """Whether MSH-1 and MSH-2 can be written back: distinct, printable and no letters."""
    return (
        len(marks) >= len(MARKS) - 1
        and len(set(marks)) == len(marks)
        and all(" " < mark < "\x7f" and not mark.isalnum() for mark in marks)
    )


def _unfit(ref: Ref, header: Header) -> Rejected | None:
    """What the header alone tells against a message."""
    if not header.control:
        return _rejected(header, "E", "MSH-10", "missing", "A message needs a control id.")
    if len(header.control) > CONTROL:
        return _rejected(header, "E", "MSH-10", "too_long", f"A control id has at most {CONTROL} characters.")
    if len(ref.every("MSH")) > 1:
        return _rejected(header, "E", "MSH", "second_message", "A frame holds one message.")
    if header.kind != "REF":
        return _rejected(header, "R", "MSH-9", "unsupported_type", "Only REF is taken here.", ("REF",))
    if header.event not in EVENTS:
        return _rejected(header, "R", "MSH-9", "unsupported_event", "Only these events of REF are taken.", EVENTS)
    return None


def _rejected(header: Header, kind: str, path: str, code: str, text: str, allowed: tuple[str, ...] = ()) -> Rejected:
    return Rejected(header, kind, Reason(path, code, text, allowed), code_of(code))


def _heard(ref: Ref, header: Header, octets: bytes) -> Heard:
    request, patient = ref.first("RF1") or Segment(["RF1"]), ref.first("PID") or Segment(["PID"])
    told = tuple(request.field(n)[:REPEATED] for n in (2, 3, 6, 7))
    mark = header.marks[0]
    providers = tuple(mark.join(p.fields)[: 4 * REPEATED] for p in ref.every("PRD")[:4])
    first = ref.first("MSH") or Segment(["MSH"])
    repeated = (told[0], told[1], told[2], told[3])
    return Heard(header, octets, repeated, providers, patient.field(3)[:REPEATED], first.field(7))
