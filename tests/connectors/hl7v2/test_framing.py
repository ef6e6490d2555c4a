"""MLLP frames are found however the stream is cut, and what is held is bounded."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest

from connectors.hl7v2.mllp import HEAD_BYTES, Frames, framed

MESSAGES = [b"MSH|1\rPID|\x1c2", b"", b"MSH|" + bytes(range(0x80, 0x100)) + b"\r", b"x" * 999]


def octets_of(frames: Frames, stream: bytes, cuts: list[int]) -> list[bytes]:
    edges = [0, *sorted(cuts), len(stream)]
    return [f.octets for a, b in pairwise(edges) for f in frames.feed(stream[a:b])]


def test_every_cut_finds_the_same_messages() -> None:
    stream = b"".join(map(framed, MESSAGES))
    for cut in range(len(stream) + 1):
        assert octets_of(Frames(1000), stream, [cut]) == MESSAGES
    assert octets_of(Frames(1000), stream, list(range(1, len(stream)))) == MESSAGES


def test_any_cuts_find_the_same_messages_behind_garbage() -> None:
    dice = random.Random(7)  # noqa: S311 - cuts, no secret
    for _ in range(300):
        some = [dice.choice(MESSAGES) for _ in range(5)]
        stream = b"".join(dice.choice([b"", b"\r\n", b"rubbish"]) + framed(m) for m in some)
        cuts = [dice.randrange(len(stream)) for _ in range(dice.randrange(9))]
        assert octets_of(Frames(1000), stream, cuts) == some


def test_garbage_is_counted_and_line_ends_are_none() -> None:
    frames = Frames(100)
    assert [f.octets for f in frames.feed(b"noise\r\n" + framed(b"a") + b"\r\n" + framed(b"b"))] == [b"a", b"b"]
    assert (frames.garbage, frames.torn, frames.pending) == (5, 0, 0)


def test_a_start_inside_a_frame_begins_anew() -> None:
    frames = Frames(100)
    assert [f.octets for f in frames.feed(b"\x0bhalf of a mess" + framed(b"whole"))] == [b"whole"]
    assert frames.torn == 1


def test_a_forgotten_last_octet_is_no_loss() -> None:
    assert [f.octets for f in Frames(100).feed(b"\x0bfirst\x1c" + framed(b"second"))] == [b"first", b"second"]


@pytest.mark.parametrize("step", [1, 7, 100_000])
def test_of_a_too_large_frame_only_its_head_is_kept_and_the_next_is_found(step: int) -> None:
    frames, found, held = Frames(10_000), [], 0
    stream = framed(b"MSH|head" + b"x" * 50_000) + framed(b"next")
    for at in range(0, len(stream), step):
        found += frames.feed(stream[at : at + step])
        held = max(held, len(frames._held))
    large, after = found
    assert (large.octets[:8], len(large.octets), large.size, large.whole) == (b"MSH|head", HEAD_BYTES, 50_008, False)
    assert (after.octets, after.whole) == (b"next", True)
    assert held <= 10_002


def test_a_frame_of_exactly_the_limit_is_whole() -> None:
    whole, beyond = Frames(100).feed(framed(b"x" * 100) + framed(b"x" * 101))
    assert (whole.whole, beyond.whole) == (True, False)
    assert len(beyond.octets) == 100
