"""A file of messages as the matcher would get them: `hub simulate --out`, or what agencies have sent, one JSON a line.

Owns the way there, which is the hub's own: parse, normalize, features. Keeps nothing: numbers are digested under a
pepper of this process alone, so features from here can be compared with one another and with nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from hub.core.identity.features import Features, build
from hub.core.normalize import Mapping, normalize, read_crosswalk
from hub.core.rules import Rules
from hub.errors import Usage
from hub.rules import texts
from hub.schemas.canonical import ReferralClaim, Refusal
from hub.schemas.envelope import parse, read_object

_PEPPER: Final = b"for comparing within one file"


def read_features(path: Path) -> list[Features]:
    """Features of the person of every referral, each message id once. Raises Usage for a file without referrals."""
    files = texts()
    rules = Rules.load(files)
    crosswalk = read_crosswalk(files["areas.csv"], files["town-areas.csv"])
    found = list(_features(path, Mapping.load(files["mapping.toml"], crosswalk, rules.needs)))
    if not found:
        raise Usage(f"{path} holds no referral that the hub would take.", "Make one: hub simulate --out town.jsonl")
    return found


def _features(path: Path, mapping: Mapping) -> Iterator[Features]:
    seen: set[tuple[str, str]] = set()
    for line in _lines(path):
        value = read_object(line)
        source = "" if isinstance(value, Refusal) else str(value.get("source", ""))
        agency = source.removeprefix("//agency/").partition("/")[0]
        envelope = parse(line, agency)
        if isinstance(envelope, Refusal) or (envelope.source, envelope.id) in seen:
            continue
        seen.add((envelope.source, envelope.id))
        claim = normalize(envelope, mapping)
        if isinstance(claim, ReferralClaim):
            yield build(claim.person, _PEPPER)


def _lines(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as file:
            yield from (line for line in file if line.strip())
    except OSError as error:
        raise Usage(f"{path} cannot be read: {error.strerror}.", "Name a file of messages, one JSON a line.") from error
