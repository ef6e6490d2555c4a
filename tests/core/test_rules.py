"""The rule files load, agree with one another and with the design, and their errors say what to do."""

from __future__ import annotations

import pytest

from hub.core.rules import FAMILIES, Rules
from hub.errors import Usage
from hub.rules import texts

TEXTS = texts()
RULES = Rules.load(TEXTS)

#: The design's table (domain.md, "Urgency and clocks"), cell by cell: amount and unit.
CLOCK_TABLE = {
    "first_offer": ((10, "minutes"), (1, "minutes"), (0, "minutes")),
    "answer": ((0, "working_days"), (1, "working_days"), (1, "hours")),
    "first_contact": ((5, "working_days"), (1, "working_days"), (4, "hours")),
    "met": ((14, "working_days"), (7, "working_days"), (2, "working_days")),
    "refused_message": ((1, "working_days"), (1, "working_days"), (1, "working_days")),
}


def test_there_are_sixty_need_codes_in_nine_fields() -> None:
    assert len(RULES.needs) == 60
    assert len({need.field for need in RULES.needs.values()}) == 9


@pytest.mark.parametrize("code", sorted(RULES.needs))
def test_every_need_code_is_routed(code: str) -> None:
    assert RULES.routing[code]


@pytest.mark.parametrize("code", sorted(RULES.needs))
def test_every_typical_agency_is_a_place_an_emergency_line_or_barred_from_a_secret_code(code: str) -> None:
    need = RULES.needs[code]
    reasons = " ".join(place.reason for place in RULES.routing[code])
    missing = [
        name for name in need.typical_agencies if name not in reasons and not any(n in name for n in RULES.lines)
    ]
    assert not missing or (need.secret and all(name.startswith("시 ") for name in missing))


def test_a_secret_code_names_no_barred_kind() -> None:
    secret = [code for code, need in RULES.needs.items() if need.secret]
    assert len(secret) == 6
    assert not [p for code in secret for p in RULES.routing[code] if RULES.kinds[p.kind].barred]


def test_reported_codes_are_sos_by_default() -> None:
    assert {n.default_urgency for n in RULES.needs.values() if n.mode == "report"} == {"sos"}


@pytest.mark.parametrize("step", CLOCK_TABLE)
def test_clocks_are_those_of_the_design(step: str) -> None:
    spans = RULES.clocks.steps[step]
    assert tuple((spans[u].n, spans[u].unit) for u in ("routine", "urgent", "sos")) == CLOCK_TABLE[step]


def test_a_routine_answer_takes_the_codes_own_days() -> None:
    assert RULES.clocks.steps["answer"]["routine"].code


def test_case_management_takes_thirty_calendar_days() -> None:
    assert [(s.n, s.unit) for s in RULES.clocks.case_management.values()] == [(10, "days"), (15, "days"), (30, "days")]


@pytest.mark.parametrize("family", FAMILIES)
def test_a_changed_file_moves_the_digest_of_its_family_only(family: str) -> None:
    alone = [name for name in FAMILIES[family] if sum(name in files for files in FAMILIES.values()) == 1]
    changed = Rules.load({**TEXTS, alone[0]: TEXTS.get(alone[0], "") + "\n"}).digests
    assert {name for name in FAMILIES if changed[name] != RULES.digests[name]} == {family}


def test_a_family_without_files_has_no_digest() -> None:
    assert not Rules.load({k: v for k, v in TEXTS.items() if k != "weights.json"}).digests["identity"]


@pytest.mark.parametrize(
    ("name", "old", "new", "says"),
    [
        ("needs.csv", "wallpaper,", "wallpaper,,", "needs.csv line 2: the row has not as many cells"),
        ("needs.csv", "routine,7,no", "routine,soon,no", "needs.csv line 2: invalid literal"),
        ("needs.csv", "household,offer", "village,offer", "needs.csv line 2 code wallpaper"),
        ("needs.csv", "flooring,장판", "wallpaper,장판", "needs.csv line 3: the code wallpaper stands twice"),
        ("needs.csv", "wallpaper,", "papering,", "routing.toml [route] papering: codes of needs.csv and routes differ"),
        (
            "routing.toml",
            'wallpaper = [\n    { kind = "repair',
            'wallpaper = [\n    { kind = "magic',
            "magic_corps is unknown",
        ),
        ("routing.toml", '"elder_protection",', '"city_team",', "a secret code may not go to city_team"),
        ("routing.toml", "[kinds]", "[kinds", "routing.toml: "),
        ("clocks.toml", 'unit = "hours"', 'unit = "moons"', "clocks.toml [answer]"),
        ("clocks.toml", "survey", "look", "clocks.toml [case_management]: rows are"),
    ],
)
def test_an_error_names_file_row_and_remedy(name: str, old: str, new: str, says: str) -> None:
    assert old in TEXTS[name]
    with pytest.raises(Usage, match=r".") as caught:
        Rules.load({**TEXTS, name: TEXTS[name].replace(old, new, 1)})
    assert says in caught.value.what
    assert caught.value.remedy


def test_a_missing_file_is_named() -> None:
    with pytest.raises(Usage, match=r"clocks\.toml: the rule file is missing"):
        Rules.load({name: text for name, text in TEXTS.items() if name != "clocks.toml"})
