"""Weights for a city's own register: `hub identity train`. No label is read, and no weight file is changed.

Owns the recipe. u, how often a level is seen between two people, comes from random pairs; m, how often between two
records of one person, from expectation maximization (`expectation`) over pairs made by several rules, none of which is
a phone (`blocks`); frequencies of names from the register (`shares`). Prior, caps, guards and thresholds are kept: they
say how sure the city wants to be. What too few pairs have shown keeps its number, and every number says where it is
from. The hub never learns while it runs: a new file is a new version, for people to compare and to decide on.
"""

from __future__ import annotations

import json
import random
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from hub.bench.identity.blocks import RULES, Block, Rule, blocks
from hub.bench.identity.expectation import Estimate, Estimator, Given, estimator
from hub.bench.identity.messages import read_features
from hub.bench.identity.shares import count_names
from hub.core.identity.features import Features
from hub.core.identity.model import Model
from hub.core.identity.score import compare
from hub.errors import Usage

Say = Callable[[str], None]
RANDOM_PAIRS: Final = 2_000_000
SEEN_LEAST: Final = 20  # random pairs that show a level: its u is then known to about a fifth, a third of a bit
MATCHES_LEAST: Final = 200
#: Of the base's m, at least so much stays: 3.3 bits. A pair that shows a rare error looks like two people, so the
#: estimate takes it for two people, and the error for rarer than it is.
FALLS_TO: Final = 0.1
#: Their m is of the pairs that can show them (a name with a second reading, a date that is a default, an address
#: without a unit), so it may only change together with their u.
OF_THEIR_OWN: Final = frozenset(
    {"surname:reading", "given:reading", "birth:default", "address:building", "address:sigungu", "address:elsewhere"}
)


class Strangers(msgspec.Struct, frozen=True):
    """How many random pairs show each level ('birth:exact'), and how many can be compared in each field."""

    seen: Counter[str]
    compared: Counter[str]

    def share(self, label: str) -> float:
        """The u of a level, as if half a pair more had shown it: what nobody has seen yet is not impossible."""
        return (self.seen[label] + 0.5) / (self.compared[label.partition(":")[0]] + 1)


class Matches(msgspec.Struct, frozen=True):
    """m of each level that was seen, and the matches it rests on."""

    m: dict[str, float]
    of: dict[str, float]

    def in_field(self, label: str) -> float:
        """Matches in which the field of this level was open; 0 where it never was."""
        field = label.partition(":")[0] + ":"
        return max((matches for other, matches in self.of.items() if other.startswith(field)), default=0.0)


def train_file(
    path: Path, base: str, seed: int, say: Say, *, rules: Iterable[Rule] = RULES, random_pairs: int = RANDOM_PAIRS
) -> str:
    """As `train`, of the referrals in a file of messages, one JSON a line (`hub simulate --out`). Raises Usage."""
    records = read_features(path)
    say(f"{len(records):,} records read from {path}")
    return train(records, base, seed, say, rules=rules, random_pairs=random_pairs)


def train(
    records: Sequence[Features],
    base: str,
    seed: int,
    say: Say,
    *,
    rules: Iterable[Rule] = RULES,
    random_pairs: int = RANDOM_PAIRS,
) -> str:
    """The text of a new weight file, learned from `records`; `base` is the file it goes on from.

    The same records, base and seed give the same text. Raises Usage when a rule holds a phone, or when there is too
    little to learn from.
    """
    file: dict[str, Any] = json.loads(base)
    model = Model.load(base)
    made = blocks(records, rules, model.generic)
    strangers = _among_strangers(records, model, seed, random_pairs)
    say(f"u: {random_pairs:,} random pairs")
    _write_u(file, strangers)
    given = Given(_starting(file), _u(file, strangers), Model.load(json.dumps(file)))
    estimate, how = estimator()
    found = [_estimated(records, block, given, estimate, say) for block in made]
    matches = _together(found)
    names = "; ".join(block.name for block in made)
    _write_m(file, matches, strangers, f"m: {how} on {len(records):,} records, blocked on {names}")
    say(f"names: {count_names(file, records):,} shares counted in the register")
    before = re.sub(r"^Trained on .*? from [^.]*\. ", "", file["about"])
    file["about"] = f"Trained on {len(records):,} records of a register, from {file['version']}. {before}"
    file["version"] = _next(file["version"])
    return _checked(pretty(file))


def _among_strangers(records: Sequence[Features], model: Model, seed: int, pairs: int) -> Strangers:
    """What random pairs look like. In a register one person has many records: what the base is sure of is left out."""
    if len(records) < 2:  # noqa: PLR2004 - a pair
        raise Usage("Nothing to learn from: fewer than two records.", "Give a file with more referrals.")
    chance = random.Random(seed)
    everyone = range(len(records))
    seen: Counter[str] = Counter()
    compared: Counter[str] = Counter()
    for _ in range(pairs):
        a, b = chance.sample(everyone, 2)
        score = compare(records[a], records[b], model)
        if score.bits < model.auto or score.guard:
            labels = [label for label, _ in score.fields if ":" in label]
            seen.update(labels)
            compared.update([label.partition(":")[0] for label in labels])
    return Strangers(seen, compared)


def _write_u(file: dict[str, Any], strangers: Strangers) -> None:
    """Sets u of levels that enough pairs have shown. Levels by frequency keep none, rare ones keep their own."""
    for label, level in _levels(file):
        if level["u"] is None or label in OF_THEIR_OWN:
            continue
        if strangers.seen[label] >= SEEN_LEAST:
            level["u"] = _rounded(strangers.share(label))
            level["source"] = _u_source(label, strangers)
        else:
            level["source"] = f"u: kept from {file['version']}"


def _u_source(label: str, strangers: Strangers) -> str:
    return f"u: {strangers.seen[label]:,} of {strangers.compared[label.partition(':')[0]]:,} random pairs"


def _starting(file: Mapping[str, Any]) -> dict[str, dict[str, float]]:
    return {field: {name: level["m"] for name, level in each.items()} for field, each in file["fields"].items()}


def _u(file: Mapping[str, Any], strangers: Strangers) -> dict[str, float]:
    """The u of every level: of those by frequency the mean over all names."""
    return {label: level["u"] or strangers.share(label) for label, level in _levels(file)}


def _estimated(records: Sequence[Features], block: Block, given: Given, estimate: Estimator, say: Say) -> Estimate:
    found = estimate(records, block, given)
    say(f"m: {len(block.pairs):,} pairs that share {block.name}, of them {found.matches:,.0f} one person")
    return found


def _together(found: Iterable[Estimate]) -> Matches:
    """The mean over the blocks in which a level was open, weighed by their matches. Raises Usage for too few."""
    summed: defaultdict[str, float] = defaultdict(float)
    of: defaultdict[str, float] = defaultdict(float)
    for each in found:
        for label, m in each.m.items():
            summed[label] += m * each.matches
            of[label] += each.matches
    if max(of.values(), default=0.0) < MATCHES_LEAST:
        raise Usage(
            f"Too little to learn from: fewer than {MATCHES_LEAST} pairs of records seem to be one person.",
            "Give a file with more referrals.",
        )
    return Matches({label: total / of[label] for label, total in summed.items() if of[label] > 0}, dict(of))


def _write_m(file: dict[str, Any], matches: Matches, strangers: Strangers, source: str) -> None:
    """Sets m of the fields that were open in some block. What no match has shown counts as half a match."""
    for label, level in _levels(file):
        of = matches.in_field(label)
        if label in OF_THEIR_OWN:
            _write_both(label, level, matches, strangers, source, file["version"])
        elif of:
            least = max(level["m"] * FALLS_TO, 0.5 / (of + 1))
            learned = matches.m.get(label, 0.0)
            held = f" (held at {FALLS_TO} of {file['version']}'s)" if learned < least else ""
            level["m"] = _rounded(max(learned, least))
            level["source"] = f"{source}{held}; {_source_of_u(level)}"
        else:
            level["source"] = f"m: kept from {file['version']}; {_source_of_u(level)}"


def _source_of_u(level: Mapping[str, Any]) -> str:
    return "u: frequency" if level["u"] is None else str(level["source"])


def _write_both(
    label: str, level: dict[str, Any], matches: Matches, strangers: Strangers, source: str, version: str
) -> None:
    """A level of its own basis changes its m only together with its u, and else keeps both."""
    if level["u"] is None or label not in matches.m or strangers.seen[label] < SEEN_LEAST:
        level["source"] = f"kept from {version}"
        return
    level["m"] = _rounded(max(matches.m[label], 0.5 / (matches.of[label] + 1)))
    level["u"] = _rounded(strangers.share(label))
    level["source"] = f"{source}; {_u_source(label, strangers)}"


def _levels(file: Mapping[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return [(f"{field}:{name}", level) for field, each in file["fields"].items() for name, level in each.items()]


def _rounded(share: float) -> float:
    return float(f"{share:.3g}")


def _next(version: str) -> str:
    """'kr-2' after 'kr-1'."""
    name, number = re.fullmatch(r"(.*?)(\d*)", version).groups()  # type: ignore[union-attr] # matches anything
    return f"{name}{int(number) + 1}" if number else f"{name}-2"


def _checked(text: str) -> str:
    """The text, which `Model.load` can read."""
    Model.load(text)
    return text


def pretty(file: Mapping[str, Any]) -> str:
    """A weight file's text: one line a level, a cohort, a thing, so that a difference can be read."""
    return _lines(file, 3, "") + "\n"


def _lines(value: Any, depth: int, indent: str) -> str:  # noqa: ANN401 - JSON
    if not isinstance(value, dict) or depth == 0 or not any(isinstance(each, dict) for each in value.values()):
        return json.dumps(value, ensure_ascii=False)
    inner = indent + "  "
    parts = [f"{inner}{json.dumps(key)}: {_lines(each, depth - 1, inner)}" for key, each in value.items()]
    return "{\n" + ",\n".join(parts) + f"\n{indent}}}"
