"""The mapping rules as a value: what columns, words, codes and readings mean, and the city's crosswalk of areas.

Owns parsing and checking `mapping.toml` and `areas.csv`: a `Mapping` in hand is complete and every need code in it
exists. Never reads a file (`hub.rules` does) and interprets no message. An error names the file and the remedy.
"""

from __future__ import annotations

import csv
import tomllib
from collections.abc import Collection, Iterable
from collections.abc import Mapping as MappingOf
from io import StringIO
from typing import Final, TypeVar

import msgspec

from hub.core.normalize.addresses import Areas, crosswalk_key
from hub.core.normalize.placeholders import squeeze
from hub.core.normalize.written import AS_EVERYBODY, Written
from hub.errors import Usage
from hub.schemas.canonical import Urgency

FILE: Final = "mapping.toml"
#: What a column can be. Several columns may hold phones, notes and needs; of others the first that is filled counts.
FIELDS: Final = frozenset(
    [
        "number",
        "name",
        "birth",
        "sex",
        "phone",
        "address",
        "resident",
        "substitute",
        "local_id",
        "need",
        "urgent",
        "at",
        "needed_by",
        "consent",
        "amount",
        "count",
        "note",
        "guardian_name",
        "guardian_relation",
        "guardian_phone",
        "ignore",
    ]
)


class City(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where the hub stands: '진주시', and the area code that completes local phone numbers."""

    name: str
    area_code: str


class RowRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One row format. columns: field → spellings; head: fields whose person is the head of a household."""

    columns: dict[str, list[str]]
    default_need: str = ""
    heads: list[str] = []


class ReadingRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A reading of that kind at or above `at_least` (in the reading's own unit) is this urgent."""

    kind: str
    reading: str
    urgency: Urgency
    at_least: float = 0.0


class CodingRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A foreign code system: its URI, and code → need code. `own`: its codes are need codes themselves."""

    system: str
    codes: dict[str, str] = {}
    own: bool = False


class _Document(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """mapping.toml as written."""

    version: str
    city: City
    row: dict[str, RowRule]
    words: dict[str, list[str]]
    several: dict[str, list[str]]
    coding: list[CodingRule]
    reading: list[ReadingRule]
    purposes: dict[str, str]
    priorities: dict[str, Urgency]
    identifiers: dict[str, list[str]]
    marks: dict[str, list[str]]


class Sheet(msgspec.Struct, frozen=True):
    """One row format, ready: column as written or squeezed → field. written: how a partner writes its cells."""

    columns: dict[str, str]
    default_need: str
    heads: frozenset[str]
    required: dict[str, str]  # field → the spelling to name when the column is missing
    written: Written = AS_EVERYBODY


class Mapping(msgspec.Struct, frozen=True):
    """All mapping rules of one installation at one time. Dicts are never changed after `load`.

    words: squeezed word → need codes; codings: (system, code) → need code; readings: (kind, reading) → rules, the
    strictest first; purposes: a source's word → the hub's purpose; identifiers: URI → 'resident' or 'substitute';
    marks: kind of mark ('yes', 'refused', 'written', 'spoken', 'legal') → squeezed words; partners: agency → the
    mapping its messages are read by (`partners` makes them).
    """

    version: str
    city: City
    areas: Areas
    sheets: dict[str, Sheet]
    words: dict[str, tuple[str, ...]]
    codings: dict[tuple[str, str], str]
    readings: dict[tuple[str, str], tuple[ReadingRule, ...]]
    purposes: dict[str, str]
    priorities: dict[str, Urgency]
    identifiers: dict[str, str]
    marks: dict[str, frozenset[str]]
    partners: dict[str, Mapping] = {}

    def of(self, agency: str) -> Mapping:
        """The mapping an agency's messages are read by: its own, or everybody's."""
        return self.partners.get(agency, self)

    @classmethod
    def load(cls, toml_text: str, crosswalk: MappingOf[str, str], need_codes: Collection[str]) -> Mapping:
        """Rules of these texts; `crosswalk` as `read_crosswalk` gives it. Raises `Usage` naming the remedy."""
        try:
            document = msgspec.convert(tomllib.loads(toml_text), _Document)
        except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
            raise Usage(f"{FILE}: {error}.", "Correct what is named here.") from error
        codes = frozenset(need_codes)
        _check_codes(document, codes)
        return cls(
            version=document.version,
            city=document.city,
            areas=Areas(document.city.name, dict(crosswalk)),
            sheets={name: _sheet(name, rule) for name, rule in document.row.items()},
            words=_words(document, codes),
            codings=_codings(document.coding, codes),
            readings=by_reading(document.reading),
            purposes=document.purposes,
            priorities=document.priorities,
            identifiers={uri: kind for kind, uris in document.identifiers.items() for uri in uris},
            marks={kind: frozenset(map(_mark, words)) for kind, words in document.marks.items()},
        )

    def is_mark(self, kind: str, text: str) -> bool:
        """Whether `text` is one of the words that mean `kind`."""
        return _mark(text) in self.marks.get(kind, frozenset())


def _mark(text: str) -> str:
    """A mark for looking up: a word squeezed, a sign (○) as it is; squeezed, all signs would be one."""
    return squeeze(text) or text.strip()


def read_crosswalk(*texts: str) -> dict[str, str]:
    """Crosswalk of areas.csv and its like (road_or_lot, legal_dong, administrative_dong, note), all files together.

    A legal dong that lies in several administrative ones says nothing by itself, so it gets no key of its own.
    """
    found: dict[str, str] = {}
    legal: dict[str, set[str]] = {}
    for row in _rows(texts):
        dong = row["administrative_dong"].strip()
        found[f"dong:{dong}"] = dong
        if place := row["road_or_lot"].strip():
            found[_place_key(place)] = dong
        if name := row["legal_dong"].strip():
            legal.setdefault(f"dong:{name}", set()).add(dong)
    return {key: min(dongs) for key, dongs in legal.items() if len(dongs) == 1} | found


def _rows(texts: Iterable[str]) -> Iterable[dict[str, str]]:
    for text in texts:
        for row in csv.DictReader(StringIO(text)):
            if not row.get("administrative_dong") or row.get("road_or_lot") is None or row.get("legal_dong") is None:
                raise Usage("areas.csv: a row has no administrative_dong.", "Columns are those of the file shipped.")
            yield row


def _place_key(place: str) -> str:
    key = crosswalk_key(place)
    if not key:
        raise Usage(
            f"areas.csv: {place!r} is no road, road number or lot.", "Write it as 진주대로 1052 or 상봉동 802-5."
        )
    return key


def _check_codes(document: _Document, codes: frozenset[str]) -> None:
    named = {*document.words, *(rule.default_need for rule in document.row.values() if rule.default_need)}
    named.update(code for rule in document.coding for code in rule.codes.values())
    named.update(code for held in document.several.values() for code in held)
    if unknown := sorted(named - codes):
        raise Usage(f"{FILE}: unknown need codes {unknown}.", "Use codes of needs.csv.")


def _sheet(name: str, rule: RowRule) -> Sheet:
    if unknown := sorted(rule.columns.keys() - FIELDS):
        raise Usage(f"{FILE} [row.{name}.columns]: unknown fields {unknown}.", f"Fields are {sorted(FIELDS)}.")
    columns: dict[str, str] = {}
    for field, spellings in rule.columns.items():
        _add(columns, ((form, field) for spelling in spellings for form in (spelling, squeeze(spelling))), name)
    required = {field: rule.columns[field][0] for field in ("number", "name") if rule.columns.get(field)}
    if required.keys() != {"number", "name"}:
        raise Usage(f"{FILE} [row.{name}.columns]: number and name need spellings.", "Add them.")
    return Sheet(columns, rule.default_need, frozenset(rule.heads), required)


def _words(document: _Document, codes: frozenset[str]) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {squeeze(code): (code,) for code in codes}
    for code, spellings in document.words.items():
        _add(found, ((squeeze(spelling), (code,)) for spelling in spellings), "words")
    _add(found, ((squeeze(word), tuple(held)) for word, held in document.several.items()), "several")
    return found


def _codings(rules: list[CodingRule], codes: frozenset[str]) -> dict[tuple[str, str], str]:
    found: dict[tuple[str, str], str] = {}
    for rule in rules:
        held = {code: code for code in codes} if rule.own else rule.codes
        _add(found, (((rule.system, code), need) for code, need in held.items()), "coding")
    return found


def by_reading(rules: list[ReadingRule]) -> dict[tuple[str, str], tuple[ReadingRule, ...]]:
    """Rules by device kind and reading, the strictest first."""
    found: dict[tuple[str, str], list[ReadingRule]] = {}
    for rule in sorted(rules, key=lambda rule: -rule.at_least):
        found.setdefault((rule.kind, rule.reading), []).append(rule)
    return {key: tuple(held) for key, held in found.items()}


Key = TypeVar("Key")
Meaning = TypeVar("Meaning")


def _add(found: dict[Key, Meaning], pairs: Iterable[tuple[Key, Meaning]], where: str) -> None:
    """Put pairs in; one spelling with two meanings is an error of the rule file."""
    for key, meaning in pairs:
        if found.setdefault(key, meaning) != meaning:
            raise Usage(f"{FILE} [{where}]: {key!r} means {found[key]} and {meaning}.", "Remove one of the two.")
