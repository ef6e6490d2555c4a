"""Damaged resources on a hospital's server: each is taken or answered in its Task, with a reason; the next passes."""

from __future__ import annotations

import json
import random
from collections import Counter
from copy import deepcopy
from typing import Any

import orjson
import pytest
from structlog.testing import capture_logs

from connectors.testing.stage import AGENCY
from hub.schemas.envelope import Envelope, parse
from tests.connectors.fhir_polling.polling import patient, referral, request, task
from tests.connectors.fhir_polling.ward import Ward
from tests.connectors.mutating import mutant, resident

#: Damaged families of one look, each with a good one behind it.
TOGETHER = 50
GROWTH = 48 * 1024 * 1024
NASTY: tuple[Any, ...] = (
    None, True, 0, -1, 2**63, 2**70, 1e308, "", " ", "\u0000", "\u202e", "x" * 20_000, [], {}, [[]], [None], {"": {}},
    {"reference": "Patient/\u0000"}, {"reference": "../../etc"}, {"reference": "http://169.254.169.254/Patient/1"},
    {"reference": "ServiceRequest/sr-1/_history/2"}, [{"reference": "Consent/none"}] * 60, "=cmd|' /C calc'!A0",
    "requested", "cancelled", "0000-00-00T99:99:99Z", "Patient", {"versionId": 7, "lastUpdated": {}}, "한" * 300,
)  # fmt: skip
Value = dict[str, Any]


def steps(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place inside a JSON value."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [*([path] if path else ()), *(p for key, held in pairs for p in steps(held, (*path, key)))]


def damaged(value: Value, dice: random.Random) -> bytes:
    """One to three places replaced or removed; or octets flipped, as far as the server still takes it for JSON."""
    changed = deepcopy(value)
    for _ in range(dice.randint(1, 3)):
        *way, last = dice.choice([path for path in steps(changed) if path not in {("resourceType",), ("id",)}])
        inside = changed
        for step in way:
            inside = inside[step]
        if dice.random() < 0.75:
            inside[last] = deepcopy(dice.choice(NASTY))
        else:
            del inside[last]
    raw = json.dumps(changed, ensure_ascii=False).encode()
    if dice.random() < 0.3:
        other = mutant(dice, raw)
        raw = other if _is_json(other) else raw
    return raw.replace(b"\n", b" ").replace(b"\t", b" ")


def _is_json(raw: bytes) -> bool:
    try:
        return raw.lstrip().startswith(b"{") and isinstance(json.loads(raw), dict)
    except (ValueError, RecursionError):
        return False


def family(number: int, dice: random.Random) -> bytes:
    """Patient, request and Task; one of them is damaged."""
    whole = [patient(number), request(number, note=[{"text": "x"}]), task(number)]
    whole[1] |= {"subject": {"reference": f"Patient/p-{number}"}}
    whole[2] |= {"for": {"reference": f"Patient/p-{number}"}}
    hit = dice.choice((0, 1, 1, 1, 2))
    told = [damaged(one, dice) if place == hit else orjson.dumps(one) for place, one in enumerate(whole)]
    names = (f"{one['resourceType']}/{one['id']}\t".encode() for one in whole)
    return b"\n".join(name + raw for name, raw in zip(names, told, strict=True))


async def fuzzed(ward: Ward, seed: int, count: int) -> Counter[str]:
    """So many damaged families with a good one behind each. What became of the damaged ones."""
    dice, codes, start = random.Random(seed), Counter[str](), 0  # noqa: S311 - mutations, no secret
    await ward.again(parameters={}, overlap_s=0, page_size=40)
    for first in range(1_000_000, 1_000_000 + count, TOGETHER):
        numbers = range(first, first + TOGETHER)
        for number in numbers:
            await ward.partner.put(family(number, dice))
            await ward.partner.put(referral(number % 1_000_000, note=[{"text": "x"}]))
        with capture_logs() as logged:
            events = await ward.look()
            while await ward.connector.round(ward.take):
                pass
            await ward.write()
        events = list(ward.events.values())
        good = {ward.partner.number(event) for event in events}
        assert good >= {number % 1_000_000 for number in numbers}, "a good one did not pass"
        assert all(isinstance(parse(orjson.dumps(event), AGENCY), Envelope) for event in events)
        await _judged(ward, numbers, Counter(str(one.get("code")) for one in logged), codes)
        ward.events.clear()
        ward.abouts.clear()
        start = start or (resident() if first - 1_000_000 >= 4 * TOGETHER else 0)
    assert resident() - (start or resident()) < GROWTH
    return codes


async def _judged(ward: Ward, numbers: range, logged: Counter[str], codes: Counter[str]) -> None:
    about = set(ward.abouts.values())
    shown = await ward.partner.control(show=[f"Task/t-{number}" for number in numbers])
    for number in numbers:
        held = shown["held"][f"Task/t-{number}"]
        state = held.get("businessStatus")
        if isinstance(state, dict) and state.get("coding") == [
            {"system": "urn:kr:ieum:referral-state", "code": "refused"}
        ]:
            assert held["statusReason"]["text"]
            codes[held["statusReason"]["coding"][0]["code"]] += 1
        elif isinstance(state, dict) and held.get("status") == "requested":
            codes["sent"] += f"ServiceRequest/sr-{number}" in about
        elif held.get("status") != "requested":
            codes["asks for nothing"] += 1
        else:
            # The Task itself cannot be read, so nothing can be written into it: the log names the reason.
            assert logged.keys() & {"duplicate_key", "not_json", "too_deep", "too_large", "nameless"}, held
            codes["unreadable Task"] += 1


async def test_two_hundred_damaged_families(ward: Ward) -> None:
    codes = await fuzzed(ward, 41, 200)
    assert codes.total() >= 190
    assert {"sent", "not_found", "focus_unknown"} <= codes.keys()


@pytest.mark.faults
@pytest.mark.timeout(1800)
async def test_ten_thousand_damaged_families(ward: Ward) -> None:
    codes = await fuzzed(ward, 42, 10_000)
    assert codes.total() >= 9_500
    assert {"sent", "not_found", "focus_unknown", "asks for nothing"} <= codes.keys()
