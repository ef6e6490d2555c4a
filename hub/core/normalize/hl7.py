"""An HL7 v2 REF message to a referral. Owns what its fields say; paths are segment-field, as PID-7.

Read: RF1 (priority, kind of service, dates, number), PID (the patient), NK1 and GT1 (next of kin, guarantor), PV2-9
(expected discharge), NTE (notes). Source: HL7 v2.5 chapters 3 and 11.
"""

from __future__ import annotations

import re
from typing import Final

from hub.core.normalize.draft import Draft
from hub.core.normalize.mapping import Mapping
from hub.core.normalize.referral import finish, read_at
from hub.schemas.canonical import Reason, ReferralClaim, Refusal, WithdrawalClaim
from hub.schemas.native.hl7 import Ref, Segment

#: I13 modifies, which here is a correction: the same number under a new message id. I14 cancels.
EVENTS: Final = ("I12", "I13", "I14")
#: Whom to ask beside the patient, with the fields of name, relation and telephone.
_GUARDIANS: Final = (("NK1", (2, 3, 5)), ("GT1", (3, 11, 6)))
_OWN_TABLES: Final = frozenset(("", "99IEUM", "L"))
_FULL_ADDRESS: Final = 4  # components of an address that must be joined
_CODE: Final = re.compile(r"[A-Za-z0-9._-]{1,40}")


def normalize(ref: Ref, mapping: Mapping, agency: str, heard: str) -> ReferralClaim | WithdrawalClaim | Refusal:
    """The referral in a REF^I12 or I13; in an I14, that it is taken back."""
    header, request, patient = ref.first("MSH"), ref.first("RF1"), ref.first("PID")
    kind = header.field(9) if header else ""
    if ref.component_of(kind) != "REF" or ref.component_of(kind, 2) not in EVENTS:
        return _refuse("MSH-9", "unsupported_event", "Only these events of REF are read.", EVENTS)
    if request is not None and ref.component_of(kind, 2) == "I14":
        return _withdrawal(ref, request, heard)
    if request is None or patient is None:
        return _refuse("PID" if request else "RF1", "segment_missing", "REF needs one RF1 and one PID segment.")
    draft = Draft()
    _request(draft, ref, request, mapping)
    draft.put("at", "MSH-7", header.field(7) if header else "")
    _patient(draft, ref, patient, agency)
    _guardian(draft, ref)
    for note in ref.every("NTE"):
        draft.add("note", "NTE-3", " ".join("".join(part) for part in ref.repeats(note.field(3))))
    if stay := ref.first("PV2"):
        draft.put("needed_by", "PV2-9", ref.component_of(stay.field(9)))
    return finish(draft, mapping, heard)


def _withdrawal(ref: Ref, request: Segment, heard: str) -> WithdrawalClaim | Refusal:
    number = ref.component_of(request.field(6))
    if not number:
        return _refuse("RF1-6", "number_missing", "A cancellation names the referral's number.")
    return WithdrawalClaim(number, read_at(Draft(), heard))


def _request(draft: Draft, ref: Ref, request: Segment, mapping: Mapping) -> None:
    draft.put("number", "RF1-6", ref.component_of(request.field(6)))
    draft.put("at", "RF1-7", ref.component_of(request.field(7)))
    priority = ref.component_of(request.field(2))
    draft.urgency = mapping.priorities.get(priority)
    if priority:
        draft.provenance["urgency"] = "RF1-2"
    draft.places["need"] = "RF1-3"
    for kind in ref.repeats(request.field(3)):
        _need(draft, kind, mapping)


def _need(draft: Draft, kind: list[str], mapping: Mapping) -> None:
    """A coded element: code, text, table. A code nobody mapped is named in the refusal: it describes no person."""
    code, table = kind[0].strip(), kind[2].strip() if len(kind) > 2 else ""  # noqa: PLR2004 - code^text^table
    need = mapping.codings.get(("99IEUM" if table in _OWN_TABLES else table, code))
    if need:
        draft.need(need)
        draft.provenance["need"] = "RF1-3"
    elif code or len(kind) > 1:
        named = f"The code {code} is" if _CODE.fullmatch(code) else "This is"
        draft.refuse("RF1-3", "unknown_need", f"{named} not in the mapping.")


def _patient(draft: Draft, ref: Ref, patient: Segment, agency: str) -> None:
    if record := _record_number(ref.repeats(patient.field(3))):
        draft.put("local_id", "PID-3", f"{agency}:{record}")
    draft.put("name", "PID-5", _name(ref.repeats(patient.field(5))))
    draft.put("birth", "PID-7", ref.component_of(patient.field(7)))
    draft.put("sex", "PID-8", ref.component_of(patient.field(8)))
    draft.put("address", "PID-11", _address(ref.repeats(patient.field(11))))
    draft.put("resident", "PID-19", ref.component_of(patient.field(19)))
    for number in (13, 14):
        _phones(draft, ref, patient.field(number), "phone", f"PID-{number}")


def _guardian(draft: Draft, ref: Ref) -> None:
    """The first next of kin, else the guarantor: whoever is named, and never the telephone of one for the other."""
    said = [(name, fields, segment) for name, fields in _GUARDIANS if (segment := ref.first(name))]
    if not said:
        return
    named = (one for one in said if _name(ref.repeats(one[2].field(one[1][0]))))
    name, fields, segment = next(named, said[0])
    whom, relation, phone = (segment.field(number) for number in fields)
    draft.put("guardian_name", f"{name}-{fields[0]}", _name(ref.repeats(whom)))
    draft.put("guardian_relation", f"{name}-{fields[1]}", ref.component_of(relation, 2) or ref.component_of(relation))
    _phones(draft, ref, phone, "guardian_phone", f"{name}-{fields[2]}")


def _phones(draft: Draft, ref: Ref, field: str, name: str, path: str) -> None:
    """XTN: the number in component 1 or 12, or in parts (6 area, 7 local)."""
    for part in ref.repeats(field):
        whole = part[0] or (part[11] if len(part) > 11 else "")  # noqa: PLR2004 - component 12
        draft.add(name, path, whole or "".join(part[5:7]))


def _record_number(ids: list[list[str]]) -> str:
    """CX: the record number is the one typed MR, else the first."""
    typed = [held[0] for held in ids if len(held) > 4 and held[4] == "MR"]  # noqa: PLR2004 - component 5
    return (typed or [held[0] for held in ids if held[0]] or [""])[0].strip()


def _name(names: list[list[str]]) -> str:
    """XPN: family^given. Korean names go before romanized repetitions, and are written together."""
    written = [_whole(*[*part, ""][:2]) for part in names]
    return next((name for name in written if not name.isascii()), written[0] if written else "")


def _whole(family: str, given: str) -> str:
    together = family + given
    return f"{given} {family}".strip() if together.isascii() else together


def _address(addresses: list[list[str]]) -> str:
    """XAD: street^other^city^state. Whatever the street already names is not repeated."""
    if not addresses:
        return ""
    parts = [part.strip() for part in addresses[0][:_FULL_ADDRESS]]
    street, other, city, state = parts + [""] * (_FULL_ADDRESS - len(parts))
    outer = [name for name in (state, city) if name and name not in street]
    return " ".join([*outer, street, other]).strip()


def _refuse(path: str, code: str, text: str, allowed: tuple[str, ...] = ()) -> Refusal:
    return Refusal((Reason(path, code, text, allowed),))
