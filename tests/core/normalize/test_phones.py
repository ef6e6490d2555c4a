"""Phone numbers as typed."""

from __future__ import annotations

import pytest

from hub.core.normalize.phones import read_phones


@pytest.mark.parametrize(
    ("text", "number", "note"),
    [
        ("010-2345-6789", "+821023456789", ""),
        ("01023456789", "+821023456789", ""),
        ("010 7711 0042", "+821077110042", ""),
        ("010.2345.6789", "+821023456789", ""),
        ("０１０-2345-6789", "+821023456789", ""),
        ("+82 10-2345-6789", "+821023456789", ""),
        ("+82 010-2345-6789", "+821023456789", ""),
        ("0082-10-2345-6789", "+821023456789", ""),
        ("1023456789", "+821023456789", "leading_zero"),
        ("557481212", "+82557481212", "leading_zero"),
        ("055-741-0099", "+82557410099", ""),
        ("(055)741-0099", "+82557410099", ""),
        ("741-0099", "+82557410099", "area_assumed"),
        ("02-123-4567", "+8221234567", ""),
        ("1544-1234", "+8215441234", ""),
        ("070-1234-0000", "+827012340000", ""),
        ("055-741-0099 내선 12", "+82557410099", "remark"),
        ("010-2345-6789(딸)", "+821023456789", "remark"),
        ("+1 212 555 0100", "+12125550100", "foreign"),
        ("010-0000-0000", "", "placeholder"),
        ("010-1234-5678", "", "placeholder"),
        ("010-1111-1111", "", "placeholder"),
        ("000-0000-0000", "", "placeholder"),
        ("없음", "", "unreadable"),
        ("010-234-56", "", "unreadable"),
    ],
)
def test_a_number_is_e164_or_missing(text: str, number: str, note: str) -> None:
    assert read_phones(text, "055") == ((number,) if number else (), (note,) if note else ())


def test_several_numbers_in_one_field_are_kept_apart() -> None:
    numbers, _ = read_phones("010-2345-6789 / 055-748-1212, 010-2345-6789", "055")
    assert numbers == ("+821023456789", "+82557481212")
