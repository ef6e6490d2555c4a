"""The town's rates, from `hub/rules/town.toml`. Owns reading and checking them; every rate says what it rests on."""

from __future__ import annotations

import tomllib

import msgspec

from hub.errors import Usage
from hub.rules import texts


class Rate(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A share between 0 and 1, and its source or the word assumed."""

    value: float
    basis: str


class Rates(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All rates by name, and the mix of agencies in per mille."""

    rates: dict[str, Rate]
    mix: dict[str, int]

    def share(self, name: str) -> float:
        """The share of that name."""
        return self.rates[name].value


def load(text: str = "") -> Rates:
    """Rates of a town.toml (by default the one shipped). Raises `Usage` naming what is wrong."""
    try:
        rates = msgspec.convert(tomllib.loads(text or texts()["town.toml"]), Rates)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise Usage(f"town.toml: {error}.", "Correct the rate named here.") from error
    for name, rate in rates.rates.items():
        if not 0 <= rate.value <= 1 or not rate.basis:
            raise Usage(f"town.toml [rates.{name}]: a rate is 0 to 1 and has a basis.", "Name a source or: assumed.")
    return rates
