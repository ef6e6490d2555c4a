"""Which form comes in at which path, and a body of it as an event. Owns reading and reasons; knows no HTTP."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, Literal

import msgspec
import orjson
from pydantic import BaseModel

from connectors.protocol import Event, Origin
from hub.schemas.canonical import Reason, Refusal
from hub.schemas.envelope import RAW_LIMIT, read_object
from hub.schemas.native.answer import ReferralAnswer
from hub.schemas.native.citizen import CitizenReport
from hub.schemas.native.device import DeviceReading
from hub.schemas.native.rows import Row
from hub.schemas.native.victim import VictimSupport
from hub.schemas.native.wire import read
from hub.schemas.topics import Formats, Types

FormName = Literal["victim", "citizen", "device", "welfare", "housing", "answer"]
#: The payload that Standard Webhooks recommends: what was sent is in `data`.
_WRAPPED: Final = {"type", "timestamp", "data"}
#: As partners and libraries write it → Python's codec. Korean Windows says EUC-KR and means CP949.
CHARSETS: Final = {
    "utf-8": "utf-8",
    "utf8": "utf-8",
    "cp949": "cp949",
    "ms949": "cp949",
    "euc-kr": "cp949",
    "ks_c_5601-1987": "cp949",
}


class Form(msgspec.Struct, frozen=True):
    """A native format: its model, and what tells which messages must stay in order."""

    schema: str
    model: type[BaseModel]
    kind: str
    subject: Callable[[dict[str, Any]], object]


def _row(data: dict[str, Any]) -> object:
    return [data.get("register", ""), data["cells"][0]]


FORMS: Final[dict[FormName, Form]] = {
    "victim": Form(Formats.VICTIM, VictimSupport, Types.REFERRAL, lambda d: d["case_no"]),
    "citizen": Form(Formats.CITIZEN, CitizenReport, Types.SIGNAL, lambda d: d["id"]),
    "device": Form(Formats.DEVICE, DeviceReading, Types.SIGNAL, lambda d: d["device"]),
    "welfare": Form(Formats.WELFARE, Row, Types.REFERRAL, _row),
    "housing": Form(Formats.HOUSING, Row, Types.REFERRAL, _row),
    "answer": Form(Formats.ANSWER, ReferralAnswer, Types.ANSWER, lambda d: d["referral"]),
}


def wrap(name: FormName, body: bytes, charset: str, origin: Origin) -> Event | Refusal:
    """The event of a body, or why it cannot be read: a reason a field, the path as a JSON pointer into the body."""
    raw = _utf8(body, charset)
    document = raw if isinstance(raw, Refusal) else read_object(raw)
    if isinstance(document, Refusal):
        return document
    form, data, above = FORMS[name], document, ""
    if document.keys() == _WRAPPED and isinstance(document["data"], dict):
        data, above = document["data"], "/data"
    found = read(form.model, data)
    if isinstance(found, Refusal):
        return Refusal(tuple(msgspec.structs.replace(r, path=above + r.path) for r in found.reasons))
    if name == "device" and not data.get("at"):
        # Without a time, two alarms of one device would be one and the same message.
        return Refusal((Reason(f"{above}/at", "missing", "The time of the reading is required (RFC 3339)."),))
    event = origin.event(form.schema, form.subject(data), type_=form.kind, data=data)
    return event if len(orjson.dumps(event)) <= RAW_LIMIT else _refuse("too_large", f"More than {RAW_LIMIT} bytes.")


def _utf8(body: bytes, charset: str) -> bytes | Refusal:
    codec = CHARSETS.get(charset.lower())
    if codec is None:
        return _refuse("charset", f"This charset is not known; {', '.join(CHARSETS)} are.")
    if codec == "utf-8":
        return body.removeprefix(b"\xef\xbb\xbf")
    try:
        return body.decode(codec).encode()
    except UnicodeError:
        return _refuse("not_decodable", f"The body is not {codec}, which its Content-Type declares.")


def _refuse(code: str, text: str) -> Refusal:
    return Refusal((Reason("", code, text),))
