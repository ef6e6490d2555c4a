"""What must come of the sample town's files, in twenty orders of arrival. `expected.json` is the authority."""

from __future__ import annotations

import json
import random
from functools import lru_cache
from pathlib import Path
from typing import Any

import orjson
import pytest

from connectors.reading import Broken, read
from hub.core.feedview import Stamp, addressees, outbox_message
from hub.core.feedview import read as read_entry
from hub.core.privacy import concerns, may_know
from hub.core.state import Case, Referral
from hub.core.views import case_view, referral_view
from hub.schemas import topics
from tests.core.decide.world import World

SAMPLES = Path(__file__).parents[2] / "samples" / "jinju"
EXPECTED: dict[str, Any] = json.loads((SAMPLES / "expected.json").read_text("utf-8"))
FILES = {
    "hospital-fhir-1.json": "gyeongsang",
    "hospital-fhir-2.json": "gyeongsang",
    "hospital-hl7v2-1.hl7": "jeil",
    "hospital-hl7v2-2.hl7": "jeil",
    "housing-arrears.csv": "lh",
    "prosecutors-victim-support.jsonl": "prosecutors",
    "welfare-center-register.xlsx": "sangbong",
    "citizen-reports.jsonl": "citizens",
    "devices.jsonl": "devices",
}
BARRED = ("dong_center", "city_desk", "gap_pool")
RESTRICTED = "2026-VS-0078"


@lru_cache(maxsize=1)
def messages() -> list[tuple[str, dict[str, Any]]]:
    found = []
    for name, agency in FILES.items():
        for event in read(SAMPLES / name, agency, key=b"k" * 16, now="2026-11-18T03:00:00Z"):
            assert not isinstance(event, Broken), event
            found.append((topics.inbound(agency), event))
    return found


class Jinju:
    """The town after all messages came in, in some order."""

    def __init__(self, seed: int) -> None:
        order = list(messages())
        random.Random(seed).shuffle(order)  # noqa: S311 - an order, not a secret
        self.world = World()
        self.world.now = "2026-11-18T03:00:00.000Z"
        self.outcomes = [(message, self.world.post(topic, message)) for topic, message in order]
        self.state = self.world.state

    def of(self, number: str) -> list[tuple[Case, Referral]]:
        """The referrals of a source's number."""
        return [(c, r) for c in self.state.cases.values() for r in c.referrals.values() if r.number == number]

    def person(self, number: str) -> str:
        """The person a number's referrals are about."""
        (person,) = {self.state.person_of(r.record) for _, r in self.of(number)}
        return person

    def household(self, number: str) -> Case:
        """The household a number's person lives in."""
        (case,) = [c for c in self.state.cases.values() if self.person(number) in c.members]
        return case


@pytest.fixture(scope="module", params=range(20))
def jinju(request: pytest.FixtureRequest) -> Jinju:
    return Jinju(request.param)


def numbers(name: str) -> list[str]:
    """The numbers of a person of the expectation; what stands behind the number is a remark."""
    (found,) = [held for person, held in EXPECTED["persons"].items() if person.split()[0] == name]
    return [text.split()[0] for text in found]


def test_mentions_become_the_expected_persons(jinju: Jinju) -> None:
    expected = {frozenset(numbers(name.split()[0])) for name in EXPECTED["persons"]}
    known = sorted(n for group in expected for n in group)
    found: dict[str, set[str]] = {}
    for number in known:
        found.setdefault(jinju.person(number), set()).add(number)
    assert {frozenset(group) for group in found.values()} == expected
    assert len([p for p, records in jinju.state.persons.items() if records]) == len(expected)


def test_persons_live_in_the_expected_households(jinju: Jinju) -> None:
    homes = {name.split()[0]: jinju.household(numbers(name.split()[0])[0]) for name in EXPECTED["persons"]}
    expected = {frozenset(names) for names in EXPECTED["households"]}
    assert {frozenset(n for n, c in homes.items() if c.id == case.id) for case in homes.values()} == expected
    for case in homes.values():
        assert set(case.members) == {jinju.person(numbers(n)[0]) for n, c in homes.items() if c.id == case.id}


def test_each_number_asks_for_the_expected_needs(jinju: Jinju) -> None:
    for number, codes in EXPECTED["needs"].items():
        wanted = [codes] if isinstance(codes, str) else codes
        assert sorted(r.code for _, r in jinju.of(number)) == sorted(wanted), number


def test_duplicates_and_related_requests_are_the_expected_pairs(jinju: Jinju) -> None:
    every = [r for c in jinju.state.cases.values() for r in c.referrals.values()]
    number = {r.id: r.number for r in every}
    duplicates = {(frozenset((r.number, number[r.duplicate_of])), r.code) for r in every if r.duplicate_of}
    related = {(frozenset((r.number, number[r.related_to])), r.code) for r in every if r.related_to}
    assert duplicates == {(frozenset(pair[:2]), pair[2]) for pair in EXPECTED["duplicates"]}
    assert related == {(frozenset(pair[:2]), "heating_fuel") for pair in EXPECTED["related"]}
    assert all((r.state == "duplicate") == bool(r.duplicate_of) for r in every)


def test_only_the_expected_row_is_refused_with_all_its_reasons(jinju: Jinju) -> None:
    refused = [(m, o) for m, o in jinju.outcomes if o.verdict == "refused"]
    ((message, outcome),) = refused
    assert EXPECTED["refused"].keys() == {message["data"]["cells"][0]}
    assert [r.code for r in outcome.reasons] == ["name_missing", "amount_not_a_number", "date_impossible"]
    assert all(o.verdict == "recorded" for m, o in jinju.outcomes if o is not outcome)


def test_urgency_is_as_expected_and_the_higher_one_tightens_the_survivor(jinju: Jinju) -> None:
    for number, words in EXPECTED["urgency"].items():
        assert {r.urgency for _, r in jinju.of(number)} == {words.split()[0]}, number
    survivor = next(r for n in ("GS-2026-0001", "JI-26-3391") for _, r in jinju.of(n) if r.state == "offered")
    assert survivor.urgency == "urgent"


def test_signals_reach_the_expected_households(jinju: Jinju) -> None:
    by_ref = {}
    for message, outcome in jinju.outcomes:
        for entry in outcome.entries:
            if entry["kind"] == "signal.recorded":
                by_ref[message["data"].get("id") or message["data"]["device"]] = entry
    twins, family = jinju.household("LH-26-0413").id, jinju.household("GS-2026-0001").id
    assert by_ref["hb-0001"]["case"] == by_ref["wm-88-205-904"]["case"] == twins
    assert by_ref["sos-1052-101-1203"]["case"] == family
    assert by_ref["hb-0002"]["case"] == ""
    assert by_ref["hb-0002"]["facts"]["owner"].startswith("dong-jungang")
    urgency = {ref: entry["facts"]["urgency"] for ref, entry in by_ref.items()}
    assert (urgency["hb-0001"], urgency["sos-1052-101-1203"]) == ("urgent", "sos")


def test_a_grandmother_is_flagged_as_guardian_by_kinship_only(jinju: Jinju) -> None:
    assert all("guardian_kinship_only" in r.flags for _, r in jinju.of("2026-VS-0077"))


def test_what_stays_inside_victim_support_does_not_exist_outside(jinju: Jinju) -> None:
    (case,) = {c.id: c for c, _ in jinju.of(RESTRICTED)}.values()
    mine = {r.id for _, r in jinju.of(RESTRICTED)} | {case.id, jinju.person(RESTRICTED)}
    outside = [a for a in jinju.state.directory.values() if "victim_support" not in a.purposes]
    assert len(outside) > 40
    for referral in (r for _, r in jinju.of(RESTRICTED)):
        kinds = {jinju.state.directory[a].kind for a in (*referral.tried, referral.receiver) if a}
        assert not kinds & set(BARRED)
        assert all("victim_support" in jinju.state.directory[a].purposes for a in (*referral.tried, referral.receiver))
    for entry in map(orjson.loads, jinju.world.entries):
        told = [a.code for a in outside if may_know(entry["facts"]["audience"], a)]
        assert not told or not mine & _words(entry), (entry["kind"], told)
    assert all(case_view(case, agency, {}, frozenset()) is None for agency in outside)


def test_housing_never_learns_what_is_none_of_its_business(jinju: Jinju) -> None:
    housing = jinju.state.directory["lh"]
    stamp = Stamp("jinju", "e")
    persons = {r.id: r.person for r in jinju.state.records.values()}
    health = frozenset(n.code for n in jinju.world.policy.rules.needs.values() if n.health)
    seen = [e.decode() for e in jinju.world.entries if concerns(orjson.loads(e)["facts"]["audience"], "lh")]
    for position, raw in enumerate(jinju.world.entries):
        entry = read_entry(raw)
        if "lh" in addressees(entry, {"lh"}):
            seen.append(outbox_message(entry, position, stamp).value.decode())
    for case in jinju.state.cases.values():
        view = case_view(case, housing, persons, health)
        seen.append(json.dumps(view.value if view else None, ensure_ascii=False))
        seen += [
            json.dumps(referral_view(r, case.id, housing, health, None).value, ensure_ascii=False)
            for r in case.referrals.values()
            if r.agency == "lh"
        ]
    text = "\n".join(seen)
    assert "LH-26-0411" in text
    assert [word for word in EXPECTED["never_for_housing"] if word in text] == []


def _words(value: object) -> set[str]:
    if isinstance(value, dict):
        return {w for item in (*value, *value.values()) for w in _words(item)}
    if isinstance(value, list):
        return {w for item in value for w in _words(item)}
    return {value} if isinstance(value, str) else set()
