"""From a draft to a referral claim, or to a refusal that lists every reason at once.

Owns when a referral can be acted on: needs are known, its date is possible, there is a name or a way to reach somebody.
Decides nothing about urgency, routes or duplicates.
"""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import Final

from hub.core.normalize.dates import read_day, read_instant
from hub.core.normalize.draft import Draft
from hub.core.normalize.mapping import Mapping
from hub.core.normalize.person import NO_CELLS, read_guardian, read_person
from hub.core.normalize.placeholders import squeeze
from hub.schemas.canonical import PersonClaim, Reason, ReferralClaim, Refusal

NUMBER_LIMIT: Final = 64
NEEDS_LIMIT: Final = 50
NOTES_LIMIT: Final = 20

_LISTED: Final = re.compile(r"[,/+;&|\n]|(?<!\d)[·ㆍ](?!\d)| 및 |\s와\s|\s과\s")
_SUFFIX: Final = re.compile(r"(?:서비스|지원|요청|신청|필요|의뢰|연계|제공|희망|도움)+$")


def finish(
    draft: Draft,
    mapping: Mapping,
    heard: str,
    *,
    protected: bool = False,
    row: str = "",
    share_origin: bool = True,
    offence_class: str = "",
) -> ReferralClaim | Refusal:
    """The claim of a draft whose texts are in. `heard` is the envelope's time, for a referral that bears no date."""
    number = _number(draft)
    at = read_at(draft, heard)
    person = read_person(draft, mapping, at[:10], protected=protected, row=row)
    _check_person(draft, person)
    needed_by = _needed_by(draft, at)
    guardian = read_guardian(draft, mapping)
    if not draft.needs and not draft.reasons:
        draft.refuse(draft.path("need"), "need_missing", "No need is named.")
    if len(draft.needs) > NEEDS_LIMIT:
        draft.refuse("", "too_many_needs", f"A referral names at most {NEEDS_LIMIT} needs.")
    if draft.reasons:
        return draft.refusal()
    return ReferralClaim(
        number=number,
        needs=tuple(draft.needs),
        at=at,
        person=person,
        guardian=guardian,
        urgency=draft.urgency,
        urgent_mark=draft.urgent_mark,
        needed_by=needed_by,
        consent=draft.consent,
        share_origin=share_origin,
        offence_class=offence_class,
        notes=tuple(text for _, text in draft.many.get("note", NO_CELLS)[:NOTES_LIMIT]),
        flags=tuple(draft.flags),
        provenance=draft.provenance,
        repairs=tuple(draft.repairs),
    )


def read_at(draft: Draft, heard: str) -> str:
    """When the source says it was, RFC 3339 UTC, else the envelope's time; an impossible date refuses."""
    text = draft.take("at")
    if not text:
        draft.provenance["at"] = "/time"
        draft.note("at", ("from_envelope",))
        return _told(heard)
    at = read_instant(text)
    if at is None:
        draft.refuse(draft.path("at"), "date_impossible", "This date does not exist or cannot be read.")
        return _told(heard)
    # The next day may be the other side's time zone; more is a date before its time.
    if at[:10] > heard[:10] and at[:10] > (date.fromisoformat(heard[:10]) + timedelta(days=1)).isoformat():
        draft.flag("dates_contradict")
    return at


def _told(heard: str) -> str:
    """The envelope's time, which `parse` has checked."""
    return read_instant(heard) or heard


def words_to_needs(draft: Draft, mapping: Mapping) -> None:
    """Need codes for the words in the need columns. A word that nobody mapped refuses: half a referral is none."""
    for path, text in draft.many.get("need", NO_CELLS):
        codes = _codes(text, mapping.words)
        if codes is None:
            draft.refuse(path, "unknown_need", "This need is not in the mapping; a code of needs.csv always is.")
            continue
        draft.provenance.setdefault("need", path)
        for code in codes:
            draft.need(code)


def _codes(text: str, words: dict[str, tuple[str, ...]]) -> list[str] | None:
    if whole := _word(text, words):
        return list(whole)
    found = [_word(part, words) for part in _LISTED.split(text) if part.strip()]
    return [code for codes in found for code in codes] if found and all(found) else None


def _word(text: str, words: dict[str, tuple[str, ...]]) -> tuple[str, ...]:
    word = squeeze(text)
    return words.get(word) or words.get(_SUFFIX.sub("", word)) or ()


def _number(draft: Draft) -> str:
    number = draft.take("number")
    if not number:
        draft.refuse(draft.path("number"), "number_missing", "A referral needs its own number.")
    elif len(number) > NUMBER_LIMIT:
        draft.refuse(draft.path("number"), "number_too_long", f"A number has at most {NUMBER_LIMIT} characters.")
    return number


def _check_person(draft: Draft, person: PersonClaim) -> None:
    """Without a name a referral can still be acted on where somebody can be reached, if nothing else is wrong."""
    if person.name:
        return
    reachable = person.phones or (person.address is not None and (person.address.building or person.address.protected))
    if reachable and not draft.reasons:
        draft.flag("name_missing")
    else:
        text = "A name, or a phone or address to reach somebody."
        draft.reasons.insert(0, Reason(draft.path("name"), "name_missing", text))


def _needed_by(draft: Draft, at: str) -> str:
    text = draft.take("needed_by")
    day = read_day(text[:10]) or read_day(text) if text else None
    if text and day is None:
        draft.flag("needed_by_impossible")
    if day and day < at[:10]:
        draft.flag("dates_contradict")
    if day is None and "discharge_care" in draft.needs:
        draft.flag("needed_by_missing")
    return day or ""
