"""The simulated town: the same for the same seed, its people and accounts shaped as the rate file says."""

from __future__ import annotations

from collections import Counter, defaultdict
from itertools import islice

import orjson
import pytest

from hub.core.normalize import read_crosswalk
from hub.core.normalize.addresses import Areas, read_address
from hub.core.rules import Rules
from hub.rules import texts
from hub.schemas.topics import AGENCY_CODE
from hub.town.accounts import DONGS, accounts
from hub.town.names import SURNAMES, surname
from hub.town.people import Person, Town
from hub.town.referrals import Event, generate
from hub.town.streets import roads, written
from tests.town.drawing import RATES, seeded


def as_bytes(events: list[Event]) -> list[bytes]:
    return [orjson.dumps([e.agency, e.message, e.truth]) for e in events]


# ------------------------------------------------------------------------------------------------ determinism
def test_the_same_seed_gives_the_same_bytes() -> None:
    assert as_bytes(list(generate(500, 300, 7))) == as_bytes(list(generate(500, 300, 7)))


def test_another_seed_gives_another_town() -> None:
    assert as_bytes(list(generate(500, 300, 7))) != as_bytes(list(generate(500, 300, 8)))


def test_a_household_does_not_depend_on_who_was_asked_before() -> None:
    town = Town(1000, 7)
    alone = town.household(123)
    for n in range(50):
        town.household(n)
    assert town.household(123) == alone


def test_a_town_of_a_million_starts_at_once() -> None:
    assert len(list(islice(generate(1_000_000, 10**9, 7), 20))) == 20


# ------------------------------------------------------------------------------------------------ people
@pytest.mark.parametrize("people", [1, 2, 219, 220, 221, 999])
def test_a_town_has_exactly_the_people_asked_for(people: int) -> None:
    town = Town(people, 1)
    indexes = [p.index for n in range(town.households) for p in town.household(n).members]
    assert indexes == list(range(people))


def test_person_and_household_find_each_other() -> None:
    town = Town(5000, 1)
    for index in seeded(1).sample(range(5000), 200):
        where, place = town.locate(index)
        assert town.household(where).members[place].index == index


@pytest.mark.parametrize("name", ["김", "이", "박", "최", "정"])
def test_surnames_have_their_census_share(name: str) -> None:
    rng = seeded(5)
    drawn = Counter(surname(rng) for _ in range(40_000))
    assert drawn[name] / 40_000 == pytest.approx(SURNAMES[name] / sum(SURNAMES.values()), rel=0.1)


def test_the_surname_shares_are_nearly_the_whole() -> None:
    assert 93 < sum(SURNAMES.values()) < 101


def twins_share(people: list[Person]) -> float:
    return sum(p.twin != 0 for p in people) / len(people)


def test_twins_are_as_frequent_as_the_rate_file_says(everybody: list[Person]) -> None:
    assert twins_share(everybody) == pytest.approx(RATES.share("twin_persons"), rel=0.25)


@pytest.mark.parametrize("asked", [0.0, 0.05, 0.2])
def test_twins_are_as_frequent_as_asked(asked: float) -> None:
    town = Town(20_000, 3, twins=asked)
    people = [p for n in range(town.households) for p in town.household(n).members]
    assert twins_share(people) == pytest.approx(asked, rel=0.2)


def test_twins_share_birth_surname_and_a_syllable_but_not_a_name(everybody: list[Person]) -> None:
    at = {p.index: p for p in everybody}
    pairs = [(p, at[p.index + p.twin]) for p in everybody if p.twin == 1]
    assert pairs
    assert all((a.birth, a.surname, a.given[0]) == (b.birth, b.surname, b.given[0]) for a, b in pairs)
    assert not [a.given for a, b in pairs if a.given == b.given]


def test_brothers_and_sisters_who_are_no_twins_are_years_apart(everybody: list[Person]) -> None:
    children = defaultdict(set)
    for p in everybody:
        if p.role == "c":
            children[p.household].add(p.birth[:4])
    born = Counter(p.household for p in everybody if p.role == "c")
    assert all(len(years) == born[household] for household, years in children.items())


def test_nobody_is_born_tomorrow_or_too_long_ago(everybody: list[Person]) -> None:
    assert min(p.birth for p in everybody) >= "1925"
    assert max(p.birth for p in everybody) < "2026"


def test_strangers_share_no_mobile_number(everybody: list[Person]) -> None:
    owners = defaultdict(set)
    for p in everybody:
        if p.phone.startswith("010"):
            owners[p.phone].add(p.household)
    assert max(map(len, owners.values())) == 1


def test_nobody_shares_a_resident_number_and_it_tells_birth_and_sex(everybody: list[Person]) -> None:
    assert len({p.rrn for p in everybody}) == len(everybody)
    assert all(p.rrn[:6] == p.birth[2:].replace("-", "") for p in everybody)
    assert all((p.sex == "M") == (p.rrn[6] in "1357") for p in everybody)


def test_days_of_birth_fill_the_calendar(everybody: list[Person]) -> None:
    days = Counter(p.birth[5:] for p in everybody)
    assert len(days) == 365
    assert max(days.values()) < 3 * len(everybody) / 365


def test_some_numbers_given_up_belong_to_strangers_by_now(everybody: list[Person]) -> None:
    owner = {p.phone: p.household for p in everybody if p.phone.startswith("010")}
    handed_on = [p for p in everybody if owner.get(p.old_phone, p.household) != p.household]
    assert len(handed_on) / len(everybody) == pytest.approx(RATES.share("phone_recycled"), abs=0.06)


def test_residents_of_a_facility_share_its_address_and_some_its_phone() -> None:
    town = Town(30_000, 3)
    homes = [h for h in map(town.household, range(town.households)) if h.home.facility]
    phones = Counter(h.members[0].phone for h in homes)
    assert len({str(h.home) for h in homes}) < len(homes) / 10
    assert max(phones.values()) > 5


def test_twins_are_of_one_sex_as_often_as_the_rate_file_says() -> None:
    town = Town(60_000, 3, twins=0.3)
    people = [p for n in range(town.households) for p in town.household(n).members]
    at = {p.index: p for p in people}
    alike = [p.sex == at[p.index + 1].sex for p in people if p.twin == 1]
    # Those not of one sex by the rate are so by chance, half of the time.
    assert sum(alike) / len(alike) == pytest.approx(RATES.share("twins_of_one_sex") * 0.5 + 0.5, abs=0.03)


def test_most_dwellings_hold_one_household_and_some_hold_many() -> None:
    town = Town(30_000, 3)
    homes = Counter(str(town.household(n).home) for n in range(town.households))
    assert sum(count == 1 for count in homes.values()) / len(homes) > 0.98
    assert max(homes.values()) > 20


def test_the_hub_places_every_home_however_it_is_written() -> None:
    areas = Areas("진주시", read_crosswalk(texts()["areas.csv"], texts()["town-areas.csv"]))
    town, rng = Town(20_000, 3), seeded(1)
    for home in (town.household(n).home for n in range(0, town.households, 7)):
        claim = read_address(written(home, rng), areas).claim
        assert (claim.building, claim.dong) == (f"road:{home.road} {home.number}", home.dong)
        assert (claim.block, claim.ho) == (home.block, home.ho)


# ------------------------------------------------------------------------------------------------ accounts
def test_every_kind_has_an_account_and_every_code_is_sound() -> None:
    held = accounts()
    assert {a.kind for a in held} == set(Rules.load(texts()).kinds)
    assert len({a.code for a in held}) == len(held)
    assert all(AGENCY_CODE.match(a.code) for a in held)


def test_every_dong_of_the_town_has_a_center() -> None:
    areas = {dong for a in accounts() if a.kind == "dong_center" for dong in a.areas}
    assert {road.dong for road in roads()} <= areas == set(DONGS)


def test_the_sample_agencies_come_first() -> None:
    assert {a.code for a in accounts()[:7]} == set(RATES.mix)


def test_every_secret_code_finds_an_account_inside_victim_support() -> None:
    rules = Rules.load(texts())
    inside = {a.kind for a in accounts() if "victim_support" in a.purposes}
    secret = [code for code, need in rules.needs.items() if need.secret]
    assert not [code for code in secret if not inside & {p.kind for p in rules.routing[code]}]
