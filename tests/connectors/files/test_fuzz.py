"""Damaged files: each is taken or refused with place and reason, the next good one passes, memory stays bounded."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.connectors.files.conftest import Desk
from tests.connectors.files.dropping import row, table
from tests.connectors.mutating import resident

TOWN = Path(__file__).parents[2] / "samples" / "jinju"
SEEDS = [p for p in sorted(TOWN.iterdir()) if p.suffix in {".csv", ".xlsx", ".jsonl", ".hl7"}]
#: What breaks parsers: ends of things, other charsets, formulas, depth.
BITS = (
    b"",
    b"\0",
    b'"',
    b"\r\n",
    b",",
    b"\xff\xfe",
    b"\x1a",
    b"=1+1",
    b"{",
    b"}",
    b"[" * 80,
    b"NaN",
    b"PK\x03\x04",
    b"\xa1",
)
GROWTH = 64 * 1024 * 1024


def damaged(raw: bytes, draw: random.Random) -> bytes:
    """A few changes anywhere; of a workbook also of its packed parts, cut, doubled or shuffled."""
    held = bytearray(raw)
    for _ in range(draw.randint(1, 6)):
        at = draw.randrange(len(held) + 1)
        match draw.randrange(5):
            case 0:
                held[at:at] = draw.choice(BITS)
            case 1:
                del held[at : at + draw.randint(1, 40)]
            case 2:
                held[at : at + 1] = bytes([draw.randrange(256)])
            case 3:
                held[at:at] = held[: draw.randint(0, 200)]
            case _:
                held = held[: max(1, at)] if draw.random() < 0.2 else held
    return bytes(held)


async def fuzz(folder: Path, count: int, seed: int) -> tuple[int, int]:
    """Drop so many damaged files, fifty at a look, each fifty with a good one behind it. Taken, rejected."""
    desk, draw = Desk(folder), random.Random(seed)  # noqa: S311 - the same files each time
    seeds = [path.read_bytes() for path in SEEDS]
    taken = rejected = start = 0
    for number in range(0, count, 50):
        for n in range(50):
            which = draw.randrange(len(seeds))
            desk.put(f"{n:02}{SEEDS[which].suffix}", damaged(seeds[which], draw))
        desk.put("zz-good.csv", table([[f"GOOD-{number}", *row(1)[1:]]]))
        await desk.look()
        await desk.written()
        assert desk.event(f"GOOD-{number}")
        reasons = list((desk.drop / "rejected").rglob("*.reason.txt"))
        assert all(len(p.read_text("utf-8-sig").splitlines()) >= 5 for p in reasons), "refused without a reason"
        left = [p for p in desk.files() if "/" not in p]
        assert left == []
        taken, rejected = taken + len(desk.files("archive")) - 1, rejected + len(reasons)
        for room in ("archive", "rejected", "reports"):
            for path in sorted((desk.drop / room).rglob("*"), reverse=True):
                path.unlink() if path.is_file() else path.rmdir()
        desk.taken.clear()
        desk.about.clear()
        start = start or (resident() if number >= 100 else 0)
    desk.connector.outcomes.close()
    assert resident() - (start or resident()) < GROWTH
    return taken, rejected


async def test_three_hundred_damaged_files_are_answered(tmp_path: Path) -> None:
    taken, rejected = await fuzz(tmp_path, 300, 1)
    assert taken + rejected == 300
    assert taken
    assert rejected


@pytest.mark.faults
@pytest.mark.timeout(1800)
async def test_ten_thousand_damaged_files_are_answered(tmp_path: Path) -> None:
    taken, rejected = await fuzz(tmp_path, 10_000, 2)
    assert taken + rejected == 10_000
