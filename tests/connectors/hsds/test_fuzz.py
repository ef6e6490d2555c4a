"""Damaged directories: each is taken or named with place and reason, the next good one passes, memory is bounded."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from hub.core.normalize import normalize
from hub.schemas.canonical import ListingClaim, Refusal
from hub.schemas.envelope import Envelope, parse
from tests.connectors.hsds.desk import Desk
from tests.connectors.mutating import mutant, resident
from tests.core.normalize.conftest import shipped_mapping

SAMPLES = Path(__file__).parents[2] / "samples" / "hsds"
SEEDS = [path for path in sorted(SAMPLES.rglob("*")) if path.suffix in {".json", ".csv"}]
GROWTH = 64 * 1024 * 1024
MAPPING = shipped_mapping()


async def fuzz(folder: Path, count: int, seed: int) -> tuple[int, int, int]:
    """So many damaged files, one at a look with the other tables and a good document. Taken, refused, named."""
    desk, dice = Desk(folder), random.Random(seed)  # noqa: S311 - the same files each time
    seeds = [path.read_bytes() for path in SEEDS]
    accepted = refused = named = start = 0
    for path, raw in zip(SEEDS, seeds, strict=True):
        if path.suffix == ".csv":
            desk.put(path.name, raw)
    for number in range(count):
        which = dice.randrange(len(seeds))
        damaged = desk.put(SEEDS[which].name, mutant(dice, seeds[which]))
        desk.put("zz-good.json", {"id": "good", "name": f"{number}"})
        await desk.look()
        assert [e for e in desk.taken if e["data"]["id"] == "good" and e["data"]["name"] == f"{number}"]
        report = desk.report()
        assert all(p["text"] and p["code"] and p["path"] for p in report["problems"])
        named += bool(report["problems"])
        for event in desk.taken:
            outcome = hub_reads(json.dumps(event, ensure_ascii=False).encode())
            accepted, refused = accepted + isinstance(outcome, ListingClaim), refused + isinstance(outcome, Refusal)
        desk.taken.clear()
        desk.known.clear()
        damaged.write_bytes(seeds[which]) if damaged.suffix == ".csv" else damaged.unlink()
        start = start or (resident() if number >= 100 else 0)
    desk.connector.memory.close()
    assert resident() - (start or resident()) < GROWTH
    return accepted, refused, named


def hub_reads(raw: bytes) -> ListingClaim | Refusal:
    """What the hub makes of an event, with a reason and a place where it refuses."""
    envelope = parse(raw, "sangbong")
    outcome = normalize(envelope, MAPPING) if isinstance(envelope, Envelope) else envelope
    assert isinstance(outcome, ListingClaim | Refusal)
    if isinstance(outcome, Refusal):
        assert all(reason.text and reason.path for reason in outcome.reasons)
    return outcome


async def test_three_hundred_damaged_directories_are_answered(tmp_path: Path) -> None:
    accepted, refused, named = await fuzz(tmp_path, 300, 1)
    assert accepted >= 300
    assert refused
    assert named


@pytest.mark.faults
@pytest.mark.timeout(1800)
async def test_ten_thousand_damaged_directories_are_answered(tmp_path: Path) -> None:
    accepted, refused, named = await fuzz(tmp_path, 10_000, 2)
    assert accepted >= 10_000
    assert refused
    assert named
