"""From a draft's texts to who it is: the person and the guardian, every doubt a flag, every repair noted.

Owns the order of evidence (a birth date as written before one inside a resident number). Never refuses: identity fields
that are wrong only lower evidence.
"""

from __future__ import annotations

from typing import Final

from hub.core.normalize.addresses import read_address
from hub.core.normalize.dates import is_partial, read_birth
from hub.core.normalize.draft import Cell, Draft
from hub.core.normalize.mapping import Mapping
from hub.core.normalize.phones import PHONES_LIMIT, read_phones
from hub.core.normalize.placeholders import read_name, squeeze
from hub.core.normalize.residents import read_resident
from hub.schemas.canonical import AddressClaim, DateClaim, GuardianClaim, PersonClaim, Sex

_SEXES: Final[dict[str, Sex]] = {
    **dict.fromkeys(("남", "남자", "남성", "m", "male", "1", "男"), "M"),
    **dict.fromkeys(("여", "여자", "여성", "f", "female", "2", "女"), "F"),
}
_SEX_LEFT_OPEN: Final = frozenset(("unknown", "other", "u", "o", "a", "n", "미상", "불명"))
_BIRTH_FLAGS: Final = {"impossible": "birth_impossible", "lunar": "birth_lunar"}
_BIRTH_REPAIRS: Final = {"short_year": ("short_year",), "default": ("default_day",)}
NO_CELLS: Final[list[Cell]] = []


def read_person(draft: Draft, mapping: Mapping, today: str, *, protected: bool = False, row: str = "") -> PersonClaim:
    """The person a draft describes. `today` (YYYY-MM-DD, of the referral) is what birth dates are judged against."""
    name = _name(draft, "name")
    birth = _birth(draft, today)
    sex = _sex(draft)
    rrn, substitute, birth, sex = _resident(draft, birth, sex, today)
    if draft.take("substitute"):
        substitute, rrn = True, None
    if substitute:
        draft.flag("substitute_number")
    return PersonClaim(
        name=name,
        birth=birth,
        sex=sex,
        phones=_phones(draft, mapping, "phone"),
        address=read_place(draft, mapping, protected=protected),
        rrn=rrn,
        substitute=substitute,
        local_id=draft.take("local_id"),
        row=row,
    )


def read_guardian(draft: Draft, mapping: Mapping) -> GuardianClaim | None:
    """The guardian, None when none is named. Kinship alone does not make a legal representative: that is flagged."""
    cells = draft.cells
    if "guardian_name" not in cells and "guardian_phone" not in draft.many:
        return None
    name = _name(draft, "guardian_name")
    relation = draft.take("guardian_relation")
    phones = _phones(draft, mapping, "guardian_phone")
    if not name and not phones:
        return None
    if not mapping.is_mark("legal", relation):
        draft.flag("guardian_kinship_only")
    return GuardianClaim(name, relation, phones)


def read_place(draft: Draft, mapping: Mapping, *, protected: bool = False) -> AddressClaim | None:
    """The address, None when none is given (a protected one is an address even when it is not told)."""
    raw = draft.take("address")
    if not raw and not protected:
        return None
    parsed = read_address(raw, mapping.areas, protected=protected)
    if parsed.notes:
        draft.note("address", parsed.notes)
    if parsed.claim.building is None and not parsed.claim.protected:
        draft.flag("address_unusable")
    return parsed.claim


def _name(draft: Draft, field: str) -> str:
    text = draft.take(field)
    name, notes = read_name(text)
    if notes:
        draft.note(field, notes)
    if text and not name:
        draft.provenance.pop(field, None)
    return name


def _birth(draft: Draft, today: str) -> DateClaim:
    text = draft.take("birth")
    if not text:
        return DateClaim()
    claim = read_birth(text, today, adult=draft.adult)
    if flag := _BIRTH_FLAGS.get(claim.quality):
        draft.flag(flag)
    elif claim.quality == "missing":
        draft.note("birth", ("partial" if is_partial(text) else "placeholder",))
    elif repairs := _BIRTH_REPAIRS.get(claim.quality):
        draft.note("birth", repairs)
    return claim


def _sex(draft: Draft) -> Sex | None:
    text = draft.take("sex")
    sex = _SEXES.get(text) or _SEXES.get(squeeze(text))
    if text and sex is None and squeeze(text) not in _SEX_LEFT_OPEN:
        draft.note("sex", ("unreadable",))
    return sex


def _resident(
    draft: Draft, birth: DateClaim, sex: Sex | None, today: str
) -> tuple[str | None, bool, DateClaim, Sex | None]:
    """Resident number, whether a substitute stands there instead, and birth and sex as far as they were not given."""
    text = draft.take("resident")
    if not text:
        return None, False, birth, sex
    resident = read_resident(text)
    if resident.note:
        draft.note("resident", (resident.note,))
    inside = read_birth(resident.birth, today)
    if birth.value and inside.value and birth.value != inside.value:
        draft.flag("birth_differs_from_number")
    if sex and resident.sex and sex != resident.sex:
        draft.flag("sex_differs_from_number")
    if not birth.raw and inside.value:
        birth = inside
        draft.provenance["birth"] = draft.path("resident")
    if sex is None and resident.sex:
        sex = resident.sex
        draft.provenance["sex"] = draft.path("resident")
    return resident.rrn, resident.substitute, birth, sex


def _phones(draft: Draft, mapping: Mapping, field: str) -> tuple[str, ...]:
    found: tuple[str, ...] = ()
    for path, text in draft.many.get(field, NO_CELLS):
        numbers, notes = read_phones(text, mapping.city.area_code)
        if notes:
            draft.note(field, notes)
        if numbers:
            draft.provenance.setdefault(field, path)
            found += tuple(number for number in numbers if number not in found)
    return found[:PHONES_LIMIT]
