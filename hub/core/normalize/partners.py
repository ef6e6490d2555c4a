"""What one partner's columns, words and codes mean where they differ from everybody's: `partners/<agency>.toml`.

Owns parsing and checking these files and laying each over the mapping all share: whoever reads a message is handed its
sender's `Mapping` and knows nothing of partners. Never reads a file. An error names the file, the key and the remedy.
"""

from __future__ import annotations

import tomllib
from collections.abc import Collection
from collections.abc import Mapping as MappingOf
from typing import Final

import msgspec

from hub.core.normalize.mapping import FIELDS, CodingRule, Mapping, ReadingRule, Sheet, by_reading
from hub.core.normalize.placeholders import squeeze
from hub.core.normalize.written import Written
from hub.errors import Usage
from hub.schemas.canonical import Urgency
from hub.schemas.topics import AGENCY_CODE

#: Names of such files among the rules, as `hub.rules.texts` gives them.
PREFIX: Final = "partners/"
#: What may stand in a partner's code table, and the word of `mapping.toml` [marks] that says so; needs are need codes.
MEANINGS: Final[dict[str, dict[str, str]]] = {
    "sex": {"M": "", "F": ""},
    "urgent": {"yes": "yes", "no": ""},
    "consent": {"written": "written", "spoken": "spoken", "refused": "refused"},
}
#: What may be taken as said where a cell is empty. Never a consent, and never who somebody is.
DEFAULTS: Final = frozenset({"need", "urgent"})
DATES: Final = frozenset({"birth", "at", "needed_by"})


class PartnerRow(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One row format. inherits: the kind whose columns hold where this says nothing; '' for none but its own.

    columns: field → spellings; codes: field → the partner's code → meaning; dates: how it writes dates, as DD/MM/YYYY.
    """

    inherits: str | None = None
    columns: dict[str, list[str]] = {}
    codes: dict[str, dict[str, str]] = {}
    defaults: dict[str, str] = {}
    dates: list[str] = []
    heads: list[str] = []


class _Document(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A partner's file as written. Everything but `version` may be absent."""

    version: str
    row: dict[str, PartnerRow] = {}
    words: dict[str, list[str]] = {}
    coding: list[CodingRule] = []
    reading: list[ReadingRule] = []
    purposes: dict[str, str] = {}
    priorities: dict[str, Urgency] = {}


def with_partners(shared: Mapping, texts: MappingOf[str, str], need_codes: Collection[str]) -> Mapping:
    """The mapping with every partner's own; `texts`: all rule files by name. Raises `Usage`."""
    codes = frozenset(need_codes)
    files = {name: text for name, text in sorted(texts.items()) if name.startswith(PREFIX)}
    partners = {_agency(name): _laid_over(shared, _Source(name, codes), text) for name, text in files.items()}
    return msgspec.structs.replace(shared, partners=partners)


def _agency(name: str) -> str:
    code = name.removeprefix(PREFIX).removesuffix(".toml")
    if not name.endswith(".toml") or not AGENCY_CODE.match(code):
        raise Usage(f"{name}: no agency can have this code.", "The file is called like its agency: lh.toml.")
    return code


class _Source(msgspec.Struct, frozen=True):
    """The file being read, so that every error can name it, and the need codes there are."""

    name: str
    needs: frozenset[str]

    def wrong(self, key: str, what: str, remedy: str) -> Usage:
        return Usage(f"{self.name} [{key}]: {what}.", remedy)

    def need(self, key: str, code: str) -> str:
        if code not in self.needs:
            raise self.wrong(key, f"{code!r} is no need code", "Use codes of needs.csv.")
        return code


def _laid_over(shared: Mapping, source: _Source, text: str) -> Mapping:
    try:
        document = msgspec.convert(tomllib.loads(text), _Document)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise Usage(f"{source.name}: {error}.", "Correct what is named here.") from error
    return msgspec.structs.replace(
        shared,
        version=f"{shared.version} {source.name} {document.version}",
        sheets=shared.sheets | {kind: _sheet(shared, source, kind, row) for kind, row in document.row.items()},
        words=shared.words | _words(source, document.words),
        codings=shared.codings | _codings(source, document.coding),
        readings=shared.readings | by_reading(document.reading),
        purposes=shared.purposes | document.purposes,
        priorities=shared.priorities | document.priorities,
    )


def _words(source: _Source, words: dict[str, list[str]]) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for code, spellings in words.items():
        for word in map(squeeze, spellings):
            if found.setdefault(word, (source.need("words", code),)) != (code,):
                raise source.wrong("words", f"{word!r} means {found[word][0]} and {code}", "Remove one of the two.")
    return found


def _codings(source: _Source, rules: list[CodingRule]) -> dict[tuple[str, str], str]:
    found: dict[tuple[str, str], str] = {}
    for rule in rules:
        where = f"coding {rule.system}"
        if rule.own:
            raise source.wrong(where, "only mapping.toml says whose codes are need codes", "Remove `own`.")
        found |= {(rule.system, code): source.need(where, need) for code, need in rule.codes.items()}
    return found


# ------------------------------------------------------------------ rows
def _sheet(shared: Mapping, source: _Source, kind: str, row: PartnerRow) -> Sheet:
    where = f"row.{kind}"
    if kind not in shared.sheets:
        raise source.wrong(where, "no such rows are sent", f"Row formats are {', '.join(sorted(shared.sheets))}.")
    below = _inherited(shared, source, kind, row)
    columns = _columns(source, where, row.columns)
    required = below.required | {field: row.columns[field][0] for field in ("number", "name") if row.columns.get(field)}
    if missing := [field for field in ("number", "name") if field not in required]:
        raise source.wrong(
            f"{where}.columns", f"{' and '.join(missing)} need spellings", "Add them, or inherit a kind."
        )
    return Sheet(
        columns=below.columns | columns,
        default_need=below.default_need,
        heads=below.heads | {form for head in row.heads for form in (head, squeeze(head))},
        required=required,
        written=_written(shared, source, where, row),
    )


def _inherited(shared: Mapping, source: _Source, kind: str, row: PartnerRow) -> Sheet:
    name = kind if row.inherits is None else row.inherits
    if name == "":
        return Sheet({}, "", frozenset(), {})
    if name not in shared.sheets:
        kinds = ", ".join(sorted(shared.sheets))
        raise source.wrong(f"row.{kind}", f"inherits {name!r}, which is no kind of rows", f"Kinds are {kinds}.")
    return shared.sheets[name]


def _columns(source: _Source, where: str, columns: dict[str, list[str]]) -> dict[str, str]:
    if unknown := sorted(columns.keys() - FIELDS):
        raise source.wrong(f"{where}.columns", f"unknown fields {unknown}", f"Fields are {', '.join(sorted(FIELDS))}.")
    found: dict[str, str] = {}
    for field, spellings in columns.items():
        for form in (form for spelling in spellings for form in (spelling, squeeze(spelling))):
            if found.setdefault(form, field) != field:
                what = f"the column {form!r} is {found[form]} and {field}"
                raise source.wrong(f"{where}.columns", what, "Remove one of the two.")
    return found


def _written(shared: Mapping, source: _Source, where: str, row: PartnerRow) -> Written:
    codes = {
        field: {
            squeeze(code): _meant(shared, source, f"{where}.codes.{field}", field, meaning)
            for code, meaning in table.items()
        }
        for field, table in row.codes.items()
    }
    defaults = {}
    for field, meaning in row.defaults.items():
        if field not in DEFAULTS:
            remedy = f"Only {' and '.join(sorted(DEFAULTS))} may be taken as said: the rest is known or it is not."
            raise source.wrong(f"{where}.defaults", f"{field} has no default", remedy)
        defaults[field] = _meant(shared, source, f"{where}.defaults", field, meaning)
    try:
        return Written.of(codes, defaults, row.dates, DATES)
    except ValueError as error:
        remedy = "Write it with YYYY or YY, MM and DD, and HH:mm where there is a time: DD/MM/YYYY."
        raise source.wrong(f"{where}.dates", str(error), remedy) from error


def _meant(shared: Mapping, source: _Source, where: str, field: str, meaning: str) -> str:
    """A meaning of a code table as a text that the shared rules understand."""
    if field == "need":
        return source.need(where, meaning)
    if field not in MEANINGS:
        remedy = f"Code tables are for need, {', '.join(sorted(MEANINGS))}."
        raise source.wrong(where, f"{field} is not written in codes", remedy)
    if meaning not in MEANINGS[field]:
        raise source.wrong(where, f"{meaning!r} is no {field}", f"Use {', '.join(sorted(MEANINGS[field]))}.")
    mark = MEANINGS[field][meaning]
    return min(shared.marks[mark]) if mark else "" if field == "urgent" else meaning
