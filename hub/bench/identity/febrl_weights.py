"""Writes hub/rules/weights-febrl.json and weights-febrl-ssn.json: `python -m hub.bench.identity.febrl_weights`.

Owns how the FEBRL models are made, and reads no label: neither for a weight nor for a threshold. Frequencies are those
of the records themselves; u comes from random pairs; m and the prior from expectation maximization over the pairs that
share a blocking key, of FEBRL3 and FEBRL4 together; the cost of two fields being swapped is documented for FEBRL's own
generator (`field_swap_prob` of Febrl 0.3), and so is the range its numbers are drawn from. Thresholds are the hub's.
"""

from __future__ import annotations

import json
import random
from itertools import combinations
from pathlib import Path
from typing import Any, Final

from hub.bench.identity.febrl import NAMES, PEPPER, Records, records, rows
from hub.core.identity.features import Features
from hub.core.identity.febrl import EXTRA, NUMBER, blocking, fields
from hub.core.identity.model import Model
from hub.core.identity.score import compare
from hub.core.identity.train import Fields, among_matches, among_strangers, shares

RULES: Final = Path(__file__).parents[2] / "rules"
FILES: Final = {False: RULES / "weights-febrl.json", True: RULES / "weights-febrl-ssn.json"}
CROSSED: Final = {"given_name": 0.05, "address_1": 0.02}
LEVELS: Final = ("exact", "near", "near2", "similar", "different")
BIRTHS: Final = ("exact", "swap", "digit", "year", "different")
RANDOM_PAIRS: Final = 400_000
NUMBERS: Final = 9_000_000  # drawn evenly from 1,000,000 to 9,999,999: `start_id` and `end_id` of FEBRL's generator
_KEY_MOST = 200
_SEEN_LEAST = 4


def build_file(sets: list[Records], *, with_number: bool, random_pairs: int = RANDOM_PAIRS) -> str:
    """The text of a weight file, learned from these sets. Record ids, which are FEBRL's labels, are not looked at."""
    every = [features for each in sets for _, features in each]
    file = _blank(every, with_number=with_number)
    chance = random.Random(1)
    model = Model.load(json.dumps(file))
    couples = (chance.sample(every, 2) for _ in range(random_pairs))
    _write_u(file, among_strangers(compare(a, b, model).fields for a, b in couples), random_pairs)
    model = Model.load(json.dumps(file))
    start = {f"{f}:{n}": lv["m"] for f, each in file["fields"].items() for n, lv in each.items() if f != "crossed"}
    pairs = [fields_ for each in sets for fields_ in _compared(each, model)]
    fit = among_matches(pairs, start, sum(len(each) * (len(each) - 1) // 2 for each in sets))
    for label, m in fit.m.items():
        field, name = label.split(":")
        level = file["fields"][field][name]
        level["m"] = level["u"] if m == start[label] else round(m, 6)  # never seen among candidates: says nothing
    file["prior"] = {"bits": round(fit.prior, 2), "source": "expectation maximization, both sets"}
    return _pretty(file)


def _compared(each: Records, model: Model) -> list[Fields]:
    """What every pair that shares a key looks like."""
    return [compare(each[a][1], each[b][1], model).fields for a, b in sorted(_candidates(each))]


def _candidates(each: Records) -> set[tuple[int, int]]:
    """Pairs of places that share a key."""
    by_key: dict[int, list[int]] = {}
    for place, (_, features) in enumerate(each):
        for key in blocking(features, PEPPER):
            by_key.setdefault(key, []).append(place)
    return {p for places in by_key.values() if len(places) <= _KEY_MOST for p in combinations(places, 2)}


def _blank(every: list[Features], *, with_number: bool) -> dict[str, Any]:
    """A weight file with frequencies and starting values only."""
    names = fields(with_number=with_number)
    return {
        "version": "febrl-ssn-1" if with_number else "febrl-1",
        "about": f"FEBRL3 and FEBRL4 with{'' if with_number else 'out'} soc_sec_id, from no label: frequencies of the"
        " records themselves, u from random pairs, m and prior by expectation maximization over pairs that share a"
        " blocking key (hub/bench/identity/febrl_weights.py writes this file)",
        "thresholds": {
            "auto": 10,
            "margin": 4,
            "review": -4,
            "generic": 200,
            "cap": 20,
            "source": "the hub's own, identity.md",
        },
        "prior": {"bits": -12, "source": ""},
        "household_cap": {"bits": 99, "source": "no household evidence in FEBRL"},
        "guards": [],
        "fields": _starting(names),
        "frequencies": {
            "surname": {"source": "unused", "least": 1, "foreign": 1, "shares": {}},
            "given": {"source": "unused", "least": 1, "foreign": 1, "shares": {}},
        },
        "extra": [_extra(name, [r.extra[place] for r in every]) for place, name in enumerate(names)],
    }


def _starting(names: tuple[str, ...]) -> dict[str, Any]:
    level = {"m": 0.2, "u": 0.2, "source": ""}
    found: dict[str, Any] = {"birth": {name: dict(level) for name in BIRTHS}}
    found |= {name: {each: dict(level) for each in LEVELS} for name in names}
    for name in ("birth", *names):
        found[name]["exact"]["m"] = 0.8
    found["crossed"] = {
        name: {"m": m, "u": 1.0, "source": "field_swap_prob of Febrl 0.3's generator; u: as if always possible"}
        for name, m in CROSSED.items()
    }
    return found


def _extra(name: str, values: list[str]) -> dict[str, Any]:
    found, least = shares(values, _SEEN_LEAST)
    # A number is nobody else's: its frequency would only count the records of its own person.
    by_frequency = {"least": least, "shares": found} if name != NUMBER else {}
    return {"name": name, "crossed": name in CROSSED} | by_frequency


def _write_u(file: dict[str, Any], u: dict[str, float], pairs: int) -> None:
    for field, each in file["fields"].items():
        if field == "crossed":
            continue
        for name, level in each.items():
            by_frequency = name == "exact" and field in EXTRA
            level["u"] = None if by_frequency else round(u.get(f"{field}:{name}", 1e-6), 6)
            level["source"] = "m: EM; u: frequency" if by_frequency else f"m: EM; u: {pairs:,} random pairs"
    if NUMBER in file["fields"]:
        # Too rare to be met in random pairs, and two records of one person among them would be most of it.
        drawn = f"m: EM; u: 1/{NUMBERS:,}, the range FEBRL's generator draws from"
        file["fields"][NUMBER]["exact"] |= {"u": float(f"{1 / NUMBERS:.3g}"), "source": drawn}


def _pretty(file: dict[str, Any]) -> str:
    """One line a field, so that a difference can be read."""
    lines = [f'"{key}": {json.dumps(value)}' for key, value in file.items() if key not in ("fields", "extra")]
    each_field = ",\n  ".join(f'"{name}": {json.dumps(levels)}' for name, levels in file["fields"].items())
    extra = ",\n  ".join(json.dumps(each) for each in file["extra"])
    return "{\n" + ",\n".join([*lines, f'"fields": {{\n  {each_field}\n}}', f'"extra": [\n  {extra}\n]']) + "\n}\n"


def main() -> None:
    """Writes both files."""
    for with_number, path in FILES.items():
        sets = [records(rows(name), with_number=with_number) for name in NAMES]
        path.write_text(build_file(sets, with_number=with_number), encoding="utf-8")


if __name__ == "__main__":
    main()
