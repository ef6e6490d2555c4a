"""Mutations of any octets and of JSON, drawn from a seed, and what they cost in memory. Owns no assertion."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from pathlib import Path

MARKS = (b"\x00", b"\xff\xfe", b"\xef\xbb\xbf", b'"', b"\\u0000", b"\\ud800")
ODD = (*MARKS, b"NaN", b"1e999", b"null", b"{" * 80, b"[" * 80)
Mutation = Callable[[random.Random, bytes], bytes]


def flip(dice: random.Random, octets: bytes) -> bytes:
    at = dice.randrange(len(octets))
    return octets[:at] + bytes((octets[at] ^ (1 << dice.randrange(8)),)) + octets[at + 1 :]


def cut(dice: random.Random, octets: bytes) -> bytes:
    a, b = sorted(dice.randrange(len(octets) + 1) for _ in range(2))
    return octets[:a] + octets[b:]


def double(dice: random.Random, octets: bytes) -> bytes:
    a, b = sorted(dice.randrange(len(octets) + 1) for _ in range(2))
    return octets[:b] + octets[a:b] * dice.randrange(1, 4) + octets[b:]


def insert(marks: Sequence[bytes]) -> Mutation:
    """One of these anywhere."""

    def odd(dice: random.Random, octets: bytes) -> bytes:
        at = dice.randrange(len(octets) + 1)
        return octets[:at] + dice.choice(marks) + octets[at:]

    return odd


def mutating(mutations: Sequence[Mutation], most: int, least: bytes = b" ") -> Mutation:
    """One to four of these mutations, at most so many bytes. least: what stands for nothing."""

    def mutant(dice: random.Random, octets: bytes) -> bytes:
        for _ in range(dice.randrange(1, 5)):
            octets = dice.choice(mutations)(dice, octets or least)
        return octets[:most]

    return mutant


def value(dice: random.Random, octets: bytes) -> bytes:
    """Another value behind some key."""
    parts = octets.split(b": ") if b": " in octets else octets.split(b":")
    at = dice.randrange(len(parts))
    new = dice.choice((b"null", b"[]", b"{}", b"-1", b'""', b"true", b'"' + b"x" * dice.randrange(12_000) + b'"'))
    end = parts[at].find(b",")
    parts[at] = new + parts[at][end:] if end >= 0 else parts[at]
    return b":".join(parts)


def large(dice: random.Random, octets: bytes) -> bytes:
    return octets + b" " * dice.randrange(100_000)


#: Mutations of JSON.
mutant = mutating((flip, cut, double, insert(ODD), value, value, large), 300_000)


def resident() -> int:
    """Bytes of this process in memory."""
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * 4096
