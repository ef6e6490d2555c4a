"""Mutated messages through the listener: each is taken or refused with place and reason, the next good one passes."""

from __future__ import annotations

import random
import sys
from pathlib import Path

import pytest

from connectors.hl7v2.messages import Heard, Rejected, hear
from connectors.hl7v2.mllp import Frame, framed
from connectors.hl7v2.partner import acknowledgment
from tests.connectors.hl7v2.hospital import Client, ref
from tests.connectors.hl7v2.test_listener import Taken, listening
from tests.connectors.mutating import cut, double, flip, insert, mutating, resident

SAMPLES = Path(__file__).parents[2] / "samples" / "jinju"
SEEDS = (*(p.read_bytes() for p in sorted(SAMPLES.glob("*.hl7"))), ref(1), ref(2, "utf-8"), ref(3, "", mode="AL"))
LIMIT = 16_384
GROWTH = 32 * 1_048_576
ODD = (b"\x0b", b"\x1c", b"\x1c\r", b"\x00", b"\xff\xfe", b"|" * 400, b"^~\\&", b"\r", b"\\X41\\", b"\xa1", b"MSH|")


def swap(dice: random.Random, octets: bytes) -> bytes:
    lines = octets.split(b"\r")
    dice.shuffle(lines)
    return b"\r".join(lines)


def field(dice: random.Random, octets: bytes) -> bytes:
    fields = octets.split(b"|")
    fields[dice.randrange(len(fields))] = dice.choice((b"", b"x" * dice.randrange(3000), "순자".encode("cp949"), b"\\"))
    return b"|".join(fields)


def large(dice: random.Random, octets: bytes) -> bytes:
    return octets + b"NTE|1||" + b"x" * dice.randrange(3 * LIMIT)


#: Beyond so many bytes the connection is closed, which is another test's.
mutant = mutating((flip, cut, double, insert(ODD), swap, field, large), 3 * LIMIT, b"\r")


async def fuzzed(seed: int, count: int) -> dict[str, int]:
    """Send them all, a good message behind each. Returns how often each code was answered."""
    dice, taken, codes = random.Random(seed), Taken(), dict[str, int]()  # noqa: S311 - mutations, no secret
    async with listening(taken, message_bytes=LIMIT) as port:
        client = await Client.to(port)
        before = resident()
        for number in range(count):
            octets, good = mutant(dice, dice.choice(SEEDS)), ref(5_000_000 + number)
            await client.send(framed(octets) + framed(good))
            while (told := acknowledgment(answer := await client.answer())) != ("AA", f"JI{5_000_000 + number:07}"):
                codes[told[0]] = codes.get(told[0], 0) + 1
                assert told[0] in {"AA", "CA"} or said_why(answer), (number, answer)
            judged(octets)
        client.close()
        assert resident() - before < GROWTH + count * 2048, "what the test itself keeps is 2 KiB an event"
    return codes


def said_why(answer: bytes) -> bool:
    """Whether a refusal has its code, its place and its reason."""
    mark = answer[3:4]
    fields = next((line.split(mark) for line in answer.split(b"\r") if line.startswith(b"ERR")), [])
    return acknowledgment(answer)[0] in {"AE", "AR", "CE", "CR"} and len(fields) > 8 and all((fields[2], fields[8]))


def judged(octets: bytes) -> None:
    """The same without the network: taken, refused with a reason, or no matter of ours."""
    found = hear(Frame(octets[:LIMIT], len(octets)), LIMIT, "UNICODE UTF-8")
    if isinstance(found, Rejected):
        assert found.reason.path
        assert found.reason.text
    else:
        assert found is None or isinstance(found, Heard)


async def test_three_hundred_mutated_messages() -> None:
    codes = await fuzzed(11, 300)
    assert {"AA", "AE"} <= codes.keys()


@pytest.mark.faults
@pytest.mark.timeout(900)
async def test_ten_thousand_mutated_messages() -> None:
    codes = await fuzzed(12, 10_000)
    assert {"AA", "AE", "AR", "CA", "CE"} <= codes.keys()
    sys.stderr.write(f"\nanswers: {codes}\n")
