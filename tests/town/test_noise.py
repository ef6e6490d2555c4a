"""What clerks get wrong: at the rates of the rate file, and no worse."""

from __future__ import annotations

import msgspec
import pytest

from hub.errors import Usage
from hub.town.lunar import lunar
from hub.town.noise import Clerk, exchanged, is_date, like_sound, other_final
from hub.town.people import Person, Town
from hub.town.rates import Rate, load
from tests.town.drawing import RATES, seeded


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
