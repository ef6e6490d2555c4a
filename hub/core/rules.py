"""The rules as values: need codes, routing, clocks, holidays, combinations, and a digest of each family.

Owns parsing and checking them: a `Rules` in hand is complete and consistent. Never reads a file (`hub.rules` does)
and decides nothing. An error names the file, the row and the remedy.
"""

from __future__ import annotations

import csv
import hashlib
import tomllib
from collections.abc import Iterator, Mapping
from io import StringIO
from typing import Any, Final, Literal, TypeVar

import msgspec

from hub.errors import Usage
from hub.schemas.canonical import Urgency

Mode = Literal["offer", "apply", "report"]
Unit = Literal["minutes", "hours", "days", "working_days"]

#: Which files decide what: an entry names the digest of the family that decided it. A file in two families moves both;
#: a name that ends in / means every file below it.
FAMILIES: Final[dict[str, tuple[str, ...]]] = {
    "mapping": ("mapping.toml", "areas.csv", "town-areas.csv", "needs.csv", "partners/"),
    "identity": ("weights.json",),
    "routing": ("routing.toml", "needs.csv"),
    "clocks": ("clocks.toml", "holidays.csv", "needs.csv"),
    "benefits": ("combinations.csv",),
}
_STEPS: Final = ("first_offer", "answer", "first_contact", "met", "refused_message")
_STAGES: Final = ("survey", "conference", "plan")
_YES_NO: Final = {"yes": True, "no": False}


class NeedCode(msgspec.Struct, frozen=True):
    """One row of needs.csv. answer_days: working days. secret: the code itself tells of a crime or abuse."""

    code: str
    field: str
    ko: str
    en: str
    benefit_class: str
    scope: Literal["person", "household"]
    mode: Mode
    other_modes: tuple[Mode, ...]
    default_urgency: Urgency
    answer_days: int
    secret: bool
    health: bool
    gap_support: bool
    life_stages: tuple[str, ...]
    typical_agencies: tuple[str, ...]


class Kind(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A kind of agency. barred: never offered what must stay inside victim support, whatever its purposes say."""

    ko: str
    en: str
    barred: bool = False


class PlaceRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A kind that serves a need, and why."""

    kind: str
    reason: str


class Span(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A length of time. code: the need code's own answer_days instead of `n`."""

    n: int
    unit: Unit
    code: bool = False


class OfferRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How an offer may be prolonged, and whether a missed sos also tells the dong center."""

    extensions: int
    sos_tells_dong_center: bool


class Clocks(msgspec.Struct, frozen=True):
    """Deadlines: `steps[step][urgency]`, and case management's stages from intake."""

    steps: dict[str, dict[str, Span]]
    case_management: dict[str, Span]
    offer: OfferRule


class Combination(msgspec.Struct, frozen=True):
    """What happens when two supports overlap: `class@layer` twice, allow, ask or forbid, and why."""

    a: str
    b: str
    verdict: Literal["allow", "ask", "forbid"]
    reason: str
    source: str


class Rules(msgspec.Struct, frozen=True):
    """All rules of one installation at one time. `versions` are the files' own, `digests` 16 hex of each family."""

    needs: dict[str, NeedCode]
    kinds: dict[str, Kind]
    routing: dict[str, tuple[PlaceRule, ...]]
    lines: dict[str, str]
    clocks: Clocks
    holidays: frozenset[str]
    combinations: tuple[Combination, ...]
    versions: dict[str, str]
    digests: dict[str, str]

    @classmethod
    def load(cls, texts: Mapping[str, str]) -> Rules:
        """Rules of these files, by name. Raises `Usage` naming file, row and remedy."""
        needs = _needs(texts)
        routing = _toml(texts, "routing.toml")
        clocks = _toml(texts, "clocks.toml")
        kinds = _convert("routing.toml", "[kinds]", routing.get("kinds"), dict[str, Kind])
        return cls(
            needs=needs,
            kinds=kinds,
            routing=_routing(routing, needs, kinds),
            lines=_convert("routing.toml", "[lines]", routing.get("lines", {}), dict[str, str]),
            clocks=_clocks(clocks),
            holidays=frozenset(row["date"] for _, row in _rows(texts, "holidays.csv")),
            combinations=_combinations(texts),
            versions={"routing": str(routing.get("version", "")), "clocks": str(clocks.get("version", ""))},
            digests={family: _digest(texts, files) for family, files in FAMILIES.items()},
        )


def _digest(texts: Mapping[str, str], files: tuple[str, ...]) -> str:
    """Digest of the files that exist, names included; '' when none does: no such rule was in force."""
    held = [
        name for file in files for name in sorted(texts) if name == file or (file[-1] == "/" and name.startswith(file))
    ]
    parts = [f"{name}\0{len(texts[name])}\0{texts[name]}" for name in held]
    return hashlib.sha256("".join(parts).encode()).hexdigest()[:16] if parts else ""


def _text(texts: Mapping[str, str], name: str) -> str:
    if name not in texts:
        raise Usage(f"{name}: the rule file is missing.", f"Put {name} beside the other rule files.")
    return texts[name]


def _toml(texts: Mapping[str, str], name: str) -> dict[str, Any]:
    try:
        return tomllib.loads(_text(texts, name))
    except tomllib.TOMLDecodeError as error:
        raise Usage(f"{name}: {error}.", "Correct the line named here.") from error


def _rows(texts: Mapping[str, str], name: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Rows of a CSV, each with the words that name it in an error."""
    reader = csv.DictReader(StringIO(_text(texts, name)))
    for row in reader:
        where = f"{name} line {reader.line_num}"
        if None in row or None in row.values():
            raise Usage(f"{where}: the row has not as many cells as the header.", "Quote cells that hold a comma.")
        yield where, row


T = TypeVar("T")


def _convert(name: str, where: str, value: object, type_: type[T]) -> T:
    try:
        return msgspec.convert(value, type_)
    except msgspec.ValidationError as error:
        raise Usage(f"{name} {where}: {error}.", "Correct the value; the design's copy shows the form.") from error


def _split(cell: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in cell.split("|") if part.strip())


def _needs(texts: Mapping[str, str]) -> dict[str, NeedCode]:
    needs: dict[str, NeedCode] = {}
    for where, row in _rows(texts, "needs.csv"):
        need = _need(where, row)
        if need.code in needs:
            raise Usage(f"{where}: the code {need.code} stands twice.", "Remove one of the two rows.")
        needs[need.code] = need
    return needs


def _need(where: str, row: dict[str, str]) -> NeedCode:
    try:
        value: dict[str, object] = {field: row[field] for field in NeedCode.__struct_fields__}
        value |= {flag: _YES_NO[row[flag]] for flag in ("secret", "health", "gap_support")}
        value |= {many: _split(row[many]) for many in ("other_modes", "life_stages", "typical_agencies")}
        value["answer_days"] = int(row["answer_days"])
    except (KeyError, ValueError) as error:
        raise Usage(f"{where}: {error}.", "Columns are those of the design; flags are yes or no.") from error
    return _convert(where, f"code {row['code']}", value, NeedCode)


def _routing(
    document: dict[str, Any], needs: Mapping[str, NeedCode], kinds: Mapping[str, Kind]
) -> dict[str, tuple[PlaceRule, ...]]:
    """Places per code. Every code is routed, every kind is known, and a secret code stays inside."""
    table = _convert("routing.toml", "[route]", document.get("route"), dict[str, tuple[PlaceRule, ...]])
    for code in sorted(needs.keys() ^ table.keys()):
        remedy = f"Add [route] {code}." if code in needs else "Remove it or add the code to needs.csv."
        raise Usage(f"routing.toml [route] {code}: codes of needs.csv and routes differ.", remedy)
    for code, places in table.items():
        _check_places(code, places, needs[code], kinds)
    return table


def _check_places(code: str, places: tuple[PlaceRule, ...], need: NeedCode, kinds: Mapping[str, Kind]) -> None:
    where = f"routing.toml [route] {code}"
    if not places:
        raise Usage(f"{where}: no kind serves this code.", "Name at least one.")
    for place in places:
        if place.kind not in kinds:
            raise Usage(f"{where}: the kind {place.kind} is unknown.", "Define it in [kinds].")
        if need.secret and kinds[place.kind].barred:
            raise Usage(f"{where}: a secret code may not go to {place.kind}.", "Name a victim-support kind.")


def _clocks(document: dict[str, Any]) -> Clocks:
    spans = {step: _spans(document, step, ("routine", "urgent", "sos")) for step in _STEPS}
    offer = _convert("clocks.toml", "[offer]", document.get("offer"), OfferRule)
    return Clocks(spans, _spans(document, "case_management", _STAGES), offer)


def _spans(document: dict[str, Any], table: str, keys: tuple[str, ...]) -> dict[str, Span]:
    spans = _convert("clocks.toml", f"[{table}]", document.get(table), dict[str, Span])
    if tuple(spans) != keys:
        raise Usage(f"clocks.toml [{table}]: rows are {list(spans)}.", f"They must be {list(keys)}.")
    return spans


def _combinations(texts: Mapping[str, str]) -> tuple[Combination, ...]:
    def value(where: str, row: dict[str, str]) -> Combination:
        named = {"a": row["benefit_class_a"], "b": row["benefit_class_b"]}
        return _convert(where, "", {**row, **named}, Combination)

    return tuple(value(where, row) for where, row in _rows(texts, "combinations.csv"))
