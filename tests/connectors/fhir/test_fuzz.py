"""Mutated resources: each is accepted or refused with its element named, never a 500, and the next good one passes."""

from __future__ import annotations

import asyncio
import json
import resource
import sys
from copy import deepcopy
from random import Random
from typing import Any

import orjson
import pytest

from tests.web.fhir.hospital import Hospital, a_world, consent, patient, request, sample, task

NASTY: tuple[Any, ...] = (
    None, True, 0, -1, 2**63, 1e308, "", " ", "\u0000", "\u202e", "x" * 300, "x" * 20_000, [], {}, [[]], [None],
    {"": {}},
    {"reference": "Patient/\u0000"}, {"reference": "../../etc"}, {"coding": [{"system": "urn:kr:ieum:need"}]},
    {"coding": 7}, "2026-02-31", "0000-00-00", "=cmd|' /C calc'!A0", "<!DOCTYPE x [<!ENTITY a SYSTEM 'file:///'>]>",
    "Patient", "urn:uuid:", "http://hub/fhir/Patient/1", "\ud55c\uae00", [{"reference": "ServiceRequest/1"}] * 60,
)  # fmt: skip


def steps(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place inside a JSON value."""
    found = [path] if path else []
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [*found, *(p for key, held in pairs for p in steps(held, (*path, key)))]


def mutated(value: Any, rng: Random) -> Any:
    """One to three places replaced, removed, doubled or exchanged."""
    changed = deepcopy(value)
    for _ in range(rng.randint(1, 3)):
        places = steps(changed)
        if not places:
            return changed
        *way, last = rng.choice(places)
        inside = changed
        for step in way:
            inside = inside[step]
        kind = rng.random()
        if kind < 0.6:
            inside[last] = deepcopy(rng.choice(NASTY))
        elif kind < 0.8:
            del inside[last]
        elif isinstance(inside, list):
            inside += deepcopy(inside[:1]) * rng.randint(1, 4)
        else:
            inside[rng.choice(["", "extra", "resourceType", "id", "meta", "contained"])] = deepcopy(inside[last])
    return changed


def broken(raw: bytes, rng: Random) -> bytes:
    """Bytes that may be no JSON any more."""
    at = rng.randrange(len(raw))
    pieces = (b"\xff", b"{", b'"', b"NaN", b'{"a":1,"a":2}', b"\xb0\xa1", b"[" * 100, b"", b"\\u0000", b"1e999")
    return raw[:at] + rng.choice(pieces) + raw[at + rng.randint(0, 3) :]


def one(rng: Random) -> tuple[str, str, bytes]:
    """A method, an address and a body."""
    name = rng.choice(["hospital-fhir-1.json", "hospital-fhir-2.json"])
    kind, value = rng.choice(
        [
            ("Patient", patient()), ("ServiceRequest", request("Patient/p1")), ("Task", task("ServiceRequest/s1")),
            ("Consent", consent("Patient/p1")), ("", sample(name)), ("", sample(name)),
        ]
    )  # fmt: skip
    raw = json.dumps(mutated(value, rng)).encode()
    if rng.random() < 0.2 and raw:
        raw = broken(raw, rng)
    if kind and rng.random() < 0.5:
        own = {"Patient": "p1", "ServiceRequest": "s1"}.get(kind, "x1")
        id_ = rng.choice([own, own, "x1", "%00", "a" * 80, "00000000-0000-8000-8000-000000000000"])
        if rng.random() < 0.7 and raw.endswith(b"}") and len(raw) > 2:
            raw = raw[:-1] + f', "id": "{id_}"'.encode() + b"}"
        return "PUT", f"/{kind}/{id_}", raw
    return "POST", f"/{kind}" if kind else "", raw


async def fuzz(count: int, seed: int) -> dict[int, int]:
    """Statuses and how often; asserts what must hold of each answer."""
    rng, told = Random(seed), dict[int, int]()  # noqa: S311 - repeatable on purpose
    hospital = await ready()
    for n in range(count):
        if n % 500 == 499:
            await hospital.client.aclose()
            hospital = await ready()
        method, path, raw = one(rng)
        answer = await hospital.ask(method, path, raw)
        forget(hospital)
        told[answer.status_code] = told.get(answer.status_code, 0) + 1
        assert answer.status_code < 500, (method, path, raw)
        if answer.status_code >= 400:
            names_an_element(answer, (method, path, raw))
        if n % 50 == 0:
            good = await hospital.post("Patient", patient(birthDate=f"19{n % 80 + 10}-01-01"))
            assert good.status_code in {200, 201}, good.text
    await hospital.client.aclose()
    return told


def forget(hospital: Hospital) -> None:
    """What only the doubles keep: every message and every answer."""
    hospital.answers.clear()
    hospital.ledger.published.clear()
    hospital.world.arrivals.clear()


def names_an_element(answer: Any, sent: Any) -> None:
    value = orjson.loads(answer.content)
    assert value["resourceType"] == "OperationOutcome", sent
    assert value["issue"], sent
    for issue in value["issue"]:
        if issue["severity"] == "error" and answer.status_code != 404:
            assert issue.get("expression"), (sent, value)
            assert issue["diagnostics"].startswith(issue["expression"][0]), (sent, value)


async def ready() -> Hospital:
    hospital = Hospital(a_world())
    await hospital.ask("PUT", "/Patient/p1", patient(id="p1"))
    await hospital.ask("PUT", "/ServiceRequest/s1", request("Patient/p1", id="s1"))
    return hospital


def test_mutated_resources_never_break_the_facade() -> None:
    with asyncio.Runner() as runner:
        told = runner.run(fuzz(400, 7))
    assert told.keys() >= {201, 400, 422}


@pytest.mark.faults
@pytest.mark.timeout(900)
def test_ten_thousand_mutated_resources_never_break_the_facade() -> None:
    with asyncio.Runner() as runner:
        first = runner.run(fuzz(5000, 8))
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        second = runner.run(fuzz(5000, 9))
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    told = {status: first.get(status, 0) + second.get(status, 0) for status in sorted(first | second)}
    sys.stderr.write(f"10,000 mutated resources: {told}, memory grew {grown // 1024} MiB in the second half\n")
    assert grown < 64 * 1024
