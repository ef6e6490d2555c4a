"""The simulated town: the same for the same seed, true to its truth, and shaped as the rate file says."""

from __future__ import annotations

import base64
from collections import Counter, defaultdict
from itertools import islice
from random import Random

import msgspec
import orjson
import pytest

from hub.core.normalize import Mapping, normalize, read_crosswalk
from hub.core.normalize.addresses import Areas, read_address
from hub.core.rules import Rules
from hub.errors import Usage
from hub.rules import texts
from hub.schemas.canonical import ReferralClaim, Refusal
from hub.schemas.envelope import parse
from hub.schemas.native.citizen import CitizenReport
from hub.schemas.native.device import DeviceReading
from hub.schemas.native.fhir import Bundle
from hub.schemas.native.hl7 import read_ref
from hub.schemas.native.rows import Row
from hub.schemas.native.victim import VictimSupport
from hub.schemas.native.wire import read
from hub.schemas.topics import AGENCY_CODE, Formats
from hub.town.accounts import DONGS, accounts
from hub.town.lunar import lunar
from hub.town.names import SURNAMES, surname
from hub.town.noise import Clerk, exchanged, is_date, like_sound, other_final
from hub.town.people import Person, Town
from hub.town.rates import Rate, load
from hub.town.referrals import Event, generate
from hub.town.streets import roads, written

RATES = load()
MODELS = {
    Formats.FHIR: Bundle,
    Formats.HOUSING: Row,
    Formats.WELFARE: Row,
    Formats.VICTIM: VictimSupport,
    Formats.CITIZEN: CitizenReport,
    Formats.DEVICE: DeviceReading,
}


def seeded(seed: int) -> Random:
    return Random(seed)  # noqa: S311 - reproducible draws, no secret


@pytest.fixture(scope="module")
def events() -> list[Event]:
    return list(generate(20_000, 12_000, seed=7))


@pytest.fixture(scope="module")
def everybody() -> list[Person]:
    town = Town(30_000, seed=3)
    return [person for n in range(town.households) for person in town.household(n).members]


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


# ------------------------------------------------------------------------------------------------ noise
def test_every_rate_has_a_source_or_says_assumed() -> None:
    assert all(rate.basis for rate in RATES.rates.values())
    assert sum(RATES.mix.values()) == 1000


def test_a_rate_without_basis_is_refused() -> None:
    with pytest.raises(Usage, match="a rate is 0 to 1 and has a basis"):
        load('[rates.x]\nvalue = 0.5\nbasis = ""\n[mix]\n')


def test_clerks_leave_out_numbers_and_phones_at_the_rates() -> None:
    town, clerk, rng = Town(3000, 3), Clerk(RATES), seeded(4)
    said = [clerk.mention(p, h, rng) for h in map(town.household, range(town.households)) for p in h.members]
    assert sum(not m.rrn for m in said) / len(said) == pytest.approx(0.55, abs=0.03)
    assert sum(not m.phone for m in said) / len(said) == pytest.approx(0.15, abs=0.03)


@pytest.mark.parametrize(("given", "heard"), [("해수", "혜수"), ("순자", "순자"), ("세훈", "새훈")])
def test_vowels_that_sound_alike_are_confused(given: str, heard: str) -> None:
    assert like_sound(given) == heard


def test_a_mistyped_final_consonant_makes_another_name() -> None:
    assert other_final("말순", seeded(1))[0] == "말"
    assert other_final("말순", seeded(1)) != "말순"


@pytest.mark.parametrize(
    ("solar", "told"),
    [
        ("1945-08-15", "1945-07-08"),
        ("1950-02-17", "1950-01-01"),  # new year
        ("1950-01-10", "1949-11-22"),
        ("1960-10-05", "1960-08-15"),  # harvest moon
        ("1984-02-02", "1984-01-01"),
        ("2000-01-01", "1999-11-25"),
        ("2023-03-22", "2023-02-01"),  # the leap month after the second
        ("2025-10-06", "2025-08-15"),
    ],
)
def test_the_traditional_calendar_has_its_known_days(solar: str, told: str) -> None:
    assert lunar(solar) == told


def test_a_lunar_birthday_is_told_the_same_way_every_time(everybody: list[Person]) -> None:
    born = [p.birth for p in everybody if p.birth < "1965"][:500]
    said = {p: {Clerk(RATES)._birth(p, rng) for rng in (seeded(n) for n in range(60))} for p in born}
    assert sum(lunar(birth) in told for birth, told in said.items()) / len(born) > 0.5


def test_a_mistyped_birth_date_has_one_other_digit_and_is_a_date() -> None:
    clerk = Clerk(msgspec.structs.replace(RATES, rates=RATES.rates | {"birth_typo": Rate(1.0, "test")}))
    for birth in ("1948-02-29", "1999-12-31", "2024-10-10"):
        for n in range(50):
            wrong = clerk._birth(birth, seeded(n))
            assert is_date(wrong)
            assert sum(a != b for a, b in zip(birth, wrong, strict=True)) == 1


def test_resident_numbers_are_missing_or_mistyped_at_the_rates() -> None:
    town, clerk, rng = Town(20_000, 3), Clerk(RATES), seeded(4)
    said = [(p, clerk.mention(p, h, rng).rrn) for h in map(town.household, range(town.households)) for p in h.members]
    given = [(person, rrn) for person, rrn in said if rrn]
    assert len(given) / len(said) == pytest.approx(1 - RATES.share("number_missing"), abs=0.02)
    wrong = sum(person.rrn != rrn for person, rrn in given) / len(given)
    assert 0 < wrong <= RATES.share("number_typo") + 2 * RATES.share("number_of_head")


def test_exchanged_digits_are_the_same_digits() -> None:
    assert sorted(exchanged("010-2345-6789", seeded(1))) == sorted("010-2345-6789")


# ------------------------------------------------------------------------------------------------ messages
@pytest.mark.parametrize("agency", sorted(RATES.mix))
def test_the_mix_of_agencies_is_that_of_the_rate_file(agency: str, events: list[Event]) -> None:
    share = sum(e.agency == agency for e in events) / len(events)
    assert share == pytest.approx(RATES.mix[agency] / 1000, rel=0.15)


def test_every_message_is_a_sound_envelope_of_its_agency(events: list[Event]) -> None:
    refused = [e for e in events if isinstance(parse(orjson.dumps(e.message), e.agency), Refusal)]
    assert refused == []


def test_every_message_has_the_shape_of_its_native_format(events: list[Event]) -> None:
    for event in events:
        message = event.message
        if message["dataschema"] == Formats.HL7:
            held: object = read_ref(base64.b64decode(message["data_base64"]))
        else:
            held = read(MODELS[message["dataschema"]], message["data"])
        assert not isinstance(held, Refusal), event


def test_hl7_messages_are_cp949_and_hold_the_segments_of_the_sample(events: list[Event]) -> None:
    first = next(e for e in events if e.agency == "jeil")
    text = base64.b64decode(first.message["data_base64"]).decode("cp949")
    assert [line[:3] for line in text.split("\r")] == ["MSH", "RF1", "PRD", "PID", "NTE", ""]


def test_rows_have_as_many_cells_as_the_header(events: list[Event]) -> None:
    rows = [e.message["data"] for e in events if e.agency in {"lh", "sangbong"}]
    assert {(len(row["header"]), len(row["cells"])) for row in rows} == {(11, 11)}


def test_nobody_stands_twice_in_one_register(events: list[Event]) -> None:
    rows = [e for e in events if e.agency in {"lh", "sangbong"} and e.truth["expect"] != "seen"]
    listed = Counter((e.agency, e.message["data"]["register"], e.truth["person"]) for e in rows)
    assert max(listed.values()) == 1


def test_a_repeat_is_the_same_message_and_nothing_else_shares_an_id(events: list[Event]) -> None:
    first: dict[str, bytes] = {}
    repeats = 0
    for event in events:
        same = first.setdefault(event.message["id"], orjson.dumps(event.message))
        assert same == orjson.dumps(event.message)
        repeats += event.truth["expect"] == "seen"
    assert len(first) + repeats == len(events)
    assert repeats / len(events) == pytest.approx(RATES.share("repeated_messages"), rel=0.4)


def test_about_half_a_percent_must_be_refused(events: list[Event]) -> None:
    share = sum(e.truth["expect"] == "refused" for e in events) / len(events)
    assert share == pytest.approx(RATES.share("broken_messages"), rel=0.5)


def test_the_truth_names_a_known_need_a_person_and_a_household(events: list[Event]) -> None:
    needs = Rules.load(texts()).needs.keys() | {""}
    assert {code for e in events for code in e.truth["need"].split("|")} <= needs
    assert all(e.truth["household"] for e in events)
    assert {e.agency for e in events if not e.truth["person"]} == {"devices"}


def test_a_referral_number_belongs_to_one_message(events: list[Event]) -> None:
    referrals = {(e.truth["referral_number"], e.message["id"]) for e in events if e.agency != "devices"}
    assert len(referrals) == len({number for number, _ in referrals})


def test_people_are_referred_again_by_others_some_for_the_same_need(events: list[Event]) -> None:
    by = defaultdict(set)
    asked: Counter[tuple[str, str]] = Counter()
    for e in events:
        if e.truth["person"] and e.truth["need"] and e.truth["expect"] == "recorded":
            by[e.truth["person"]].add(e.agency)
            asked[e.truth["person"], e.truth["need"]] += 1
    assert sum(len(agencies) > 1 for agencies in by.values()) > 500
    assert sum(count > 1 for count in asked.values()) > 200


def test_no_attribute_holds_personal_data(events: list[Event]) -> None:
    town = Town(20_000, 7)
    for event in events[:2000]:
        attributes = " ".join(str(v) for k, v in event.message.items() if not k.startswith("data"))
        household = town.household(int(event.truth["household"][1:]))
        personal = [word for p in household.members for word in (p.name, p.birth, p.phone) if word]
        assert not [word for word in personal if word in attributes]


@pytest.mark.parametrize("asked", [0.015, 0.04])
def test_as_many_newcomers_as_asked_are_the_twin_of_somebody_known(asked: float) -> None:
    town = Town(60_000, 7, twins=4 * asked)
    met: set[int] = set()
    second = 0
    for event in generate(60_000, 8000, 7, twins=asked):
        if not event.truth["person"] or (index := int(event.truth["person"][1:])) in met:
            continue
        where, place = town.locate(index)
        twin = town.household(where).members[place].twin
        second += twin != 0 and index + twin in met
        met.add(index)
    assert second / len(met) >= asked


def test_the_hub_refuses_what_the_truth_says_and_reads_the_needs_it_names(events: list[Event]) -> None:
    files = texts()
    crosswalk = read_crosswalk(files["areas.csv"], files["town-areas.csv"])
    mapping = Mapping.load(files["mapping.toml"], crosswalk, Rules.load(files).needs)
    numbered: Counter[str] = Counter()
    for event in events:
        envelope = parse(orjson.dumps(event.message), event.agency)
        assert not isinstance(envelope, Refusal)
        claim = normalize(envelope, mapping)
        if event.truth["expect"] != "seen":
            assert isinstance(claim, Refusal) == (event.truth["expect"] == "refused")
        if isinstance(claim, ReferralClaim):
            numbered[event.agency] += claim.person.rrn is not None
            assert "|".join(claim.needs) == event.truth["need"]
            assert claim.number == event.truth["referral_number"]
    assert min(numbered[agency] for agency in ("gyeongsang", "jeil", "lh", "sangbong", "prosecutors")) > 100


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
