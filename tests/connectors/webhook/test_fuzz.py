"""Mutated bodies and headers through the server: each is taken or refused with a reason, and the next one passes."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import httpx
import pytest

from tests.connectors.mutating import mutant, resident
from tests.connectors.webhook.office import PATH, Taken, dumped, listening, signed, support

SAMPLES = Path(__file__).parents[2] / "samples" / "jinju"
GROWTH = 48 * 1_048_576


def seeds() -> list[bytes]:
    lines = (SAMPLES / "prosecutors-victim-support.jsonl").read_bytes().splitlines()
    return [line for line in lines if line] + [dumped(support(1)), dumped({"type": "a", "timestamp": "b", "data": {}})]


def headers_of(dice: random.Random, body: bytes) -> dict[str, str]:
    """Mostly signed well, in several charsets; now and then with a mutated header."""
    charset = dice.choice(("", "; charset=utf-8", "; charset=cp949", "; charset=x"))
    headers = signed(body, **{"content-type": f"application/json{charset}"})
    if dice.random() < 0.1:
        name = dice.choice(("webhook-id", "webhook-timestamp", "webhook-signature", "content-type"))
        headers[name] = mutant(dice, headers[name].encode())[:500].decode("latin-1").translate(dict.fromkeys(range(32)))
    return headers


async def fuzzed(seed: int, count: int) -> Counter[str]:
    """Send them all, a good call behind each. How often each status and code was answered."""
    dice, taken, codes = random.Random(seed), Taken(), Counter[str]()  # noqa: S311 - mutations, no secret
    held = seeds()
    async with listening(taken, body_bytes=65_536) as client:
        before = resident()
        for number in range(count):
            body = mutant(dice, dice.choice(held))
            raw = {k: v.strip().encode("latin-1") for k, v in headers_of(dice, body).items()}
            judged(await client.post(PATH, content=body, headers=raw), codes)
            good = dumped(support(number))
            assert (await client.post(PATH, content=good, headers=signed(good))).status_code in {200, 202}
        assert resident() - before < GROWTH + count * 4096, "what the test itself keeps is 4 KiB a call"
    return codes


def judged(answer: httpx.Response, codes: Counter[str]) -> None:
    assert answer.status_code in {200, 202, 400, 401, 413}, answer.text
    codes[str(answer.status_code)] += 1
    told = answer.json()
    if answer.status_code == 400 and "reasons" in told:
        assert told["reasons"]
        assert all(r["text"] and (r["path"] or r["code"]) for r in told["reasons"])
        codes.update(r["code"] for r in told["reasons"])


async def test_three_hundred_mutated_calls() -> None:
    codes = await fuzzed(31, 300)
    assert {"202", "400", "401", "not_json"} <= codes.keys()


@pytest.mark.faults
@pytest.mark.timeout(900)
async def test_ten_thousand_mutated_calls() -> None:
    codes = await fuzzed(32, 10_000)
    assert {"202", "400", "401", "413", "not_json", "not_utf8", "charset", "duplicate_key"} <= codes.keys()
