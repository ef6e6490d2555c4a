"""Training weights from a register: what pairs it learns from, what it keeps, and that it finds what is true."""

from __future__ import annotations

import json
from collections import Counter
from itertools import combinations
from pathlib import Path
from typing import Any

import orjson
import pytest

from hub import rules
from hub.bench.identity import expectation, training
from hub.bench.identity.blocks import RULES, blocks, levels
from hub.bench.identity.mentions import Mentioned, mentions
from hub.bench.identity.messages import read_features
from hub.bench.identity.shares import count_names
from hub.bench.identity.training import FALLS_TO, train, train_file
from hub.core.identity.features import Features
from hub.core.identity.model import Model
from hub.errors import Usage
from hub.town.referrals import generate

BASE = rules.texts()["weights.json"]
PAIRS = 30_000


def silent(_: str) -> None:
    return


@pytest.fixture(scope="module")
def town() -> list[Mentioned]:
    return list(mentions(800, 3000, 5, silent).records)


@pytest.fixture(scope="module")
def records(town: list[Mentioned]) -> list[Features]:
    return [each.features for each in town]


@pytest.fixture(scope="module")
def trained(records: list[Features]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(train(records, BASE, 1, silent, random_pairs=PAIRS))
    return found


@pytest.fixture(scope="module")
def by_ourselves(records: list[Features]) -> dict[str, Any]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(expectation, "find_spec", lambda _: None)
        found: dict[str, Any] = json.loads(train(records, BASE, 1, silent, random_pairs=PAIRS))
    return found


@pytest.mark.parametrize("rule", [("phone",), ("birth", "phone")])
def test_pairs_that_share_a_phone_are_never_learned_from(records: list[Features], rule: tuple[str, ...]) -> None:
    with pytest.raises(Usage, match="phone") as caught:
        train(records, BASE, 1, silent, rules=(*RULES, rule), random_pairs=10)
    assert "phone" in caught.value.remedy


@pytest.mark.parametrize("rule", [("shoe_size",), ()])
def test_a_rule_of_nothing_known_is_refused(records: list[Features], rule: tuple[str, ...]) -> None:
    with pytest.raises(Usage, match="No pairs can be made"):
        train(records, BASE, 1, silent, rules=(rule,), random_pairs=10)


def test_too_small_a_register_is_refused(records: list[Features]) -> None:
    with pytest.raises(Usage, match="Too little"):
        train(records[:50], BASE, 1, silent, random_pairs=100)
    with pytest.raises(Usage, match="fewer than two"):
        train(records[:1], BASE, 1, silent, random_pairs=100)


def test_a_pair_of_a_block_shares_what_the_rule_says_and_a_crowded_key_makes_none() -> None:
    alike = [Features(surname="김", given="영수", birth="19500101", quality="exact")] * 3
    other = [Features(surname="이", given="영수", birth="19500101", quality="exact")]
    (found,) = blocks(alike + other, [("surname", "birth")], 200)
    assert found.pairs == [(0, 1), (0, 2), (1, 2)]
    assert found.settled == {"surname", "birth"}
    assert blocks(alike + other, [("surname", "birth")], 2) == []


def test_a_default_birth_date_makes_no_pair() -> None:
    assert blocks([Features(given="영수", birth="19500101", quality="default")] * 2, [("birth", "given")], 200) == []


def test_what_the_city_decides_is_kept(trained: dict[str, Any]) -> None:
    base = json.loads(BASE)
    for kept in ("thresholds", "prior", "household_cap", "guards"):
        assert trained[kept] == base[kept]
    assert {f: list(each) for f, each in trained["fields"].items()} == {f: list(e) for f, e in base["fields"].items()}


def test_a_new_version_says_what_it_was_learned_from(trained: dict[str, Any], records: list[Features]) -> None:
    before = json.loads(BASE)["version"]
    assert trained["version"] == training._next(before) != before
    assert trained["about"].startswith(f"Trained on {len(records):,} records of a register, from {before}.")
    for each in trained["fields"].values():
        for level in each.values():
            assert "EM on" in level["source"] or "kept from" in level["source"]
    Model.load(json.dumps(trained))


def test_training_on_says_so_once(records: list[Features], by_ourselves: dict[str, Any]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(expectation, "find_spec", lambda _: None)
        again = json.loads(train(records, json.dumps(by_ourselves), 1, silent, random_pairs=1000))
    assert again["about"].count("Trained on") == 1


def test_the_same_records_and_seed_give_the_same_file(records: list[Features], trained: dict[str, Any]) -> None:
    assert json.loads(train(records, BASE, 1, silent, random_pairs=PAIRS)) == trained


@pytest.mark.parametrize("label", ["birth:exact", "given:exact", "phone:same", "sex:same", "address:unit"])
@pytest.mark.parametrize("which", ["trained", "by_ourselves"])
def test_m_is_near_what_the_truth_shows(
    request: pytest.FixtureRequest, town: list[Mentioned], which: str, label: str
) -> None:
    file = request.getfixturevalue(which)
    field, name = label.split(":")
    seen: Counter[str] = Counter()
    model = Model.load(BASE)
    by_person: dict[int, list[Features]] = {}
    for each in town:
        by_person.setdefault(each.person, []).append(each.features)
    for same in by_person.values():
        for a, b in combinations(same, 2):
            seen[levels(a, b, model).get(field, "")] += 1
    true = seen[name] / (seen.total() - seen[""])
    assert file["fields"][field][name]["m"] == pytest.approx(true, abs=0.05)


def test_splink_and_our_own_estimate_agree(trained: dict[str, Any], by_ourselves: dict[str, Any]) -> None:
    for field, each in trained["fields"].items():
        for name, level in each.items():
            assert by_ourselves["fields"][field][name]["m"] == pytest.approx(level["m"], abs=0.02), (field, name)


def test_the_source_names_the_estimator(trained: dict[str, Any], by_ourselves: dict[str, Any]) -> None:
    assert trained["fields"]["birth"]["exact"]["source"].startswith("m: Splink ")
    assert by_ourselves["fields"]["birth"]["exact"]["source"].startswith("m: our own EM (Splink is not installed)")


def test_no_level_falls_further_than_the_recipe_allows(trained: dict[str, Any]) -> None:
    base = json.loads(BASE)["fields"]
    for field, each in trained["fields"].items():
        for name, level in each.items():
            if f"{field}:{name}" not in training.OF_THEIR_OWN:
                assert level["m"] >= base[field][name]["m"] * FALLS_TO * 0.99


def test_a_name_is_counted_once_a_person_and_only_if_seen_often() -> None:
    file = json.loads(BASE)
    people = [
        Features(written="남궁" + given, split=2, birth=f"1950{m:02}{d:02}", sex="F")
        for given in ("영자", "순자")
        for m in range(1, 13)
        for d in (1, 2)
    ]
    often = people * 5 + [Features(written="탁영자", split=1, birth="19500101", sex="F")] * 30
    count_names(file, often)
    assert file["frequencies"]["surname"]["shares"]["남궁"] == pytest.approx(48 / 49, abs=1e-4)
    assert file["frequencies"]["surname"]["shares"].get("탁") == json.loads(BASE)["frequencies"]["surname"][
        "shares"
    ].get("탁")


def test_a_file_of_messages_is_read_once_a_message(tmp_path: Path) -> None:
    path = tmp_path / "town.jsonl"
    lines = [orjson.dumps(event.message) for event in generate(200, 60, 3)]
    path.write_bytes(b"\n".join([*lines, b"not JSON", b"", *lines]))
    assert 0 < len(read_features(path)) <= 60


def test_a_file_without_referrals_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "empty.jsonl"
    path.write_text("{}\n")
    with pytest.raises(Usage, match="no referral"):
        train_file(path, BASE, 1, silent)
    with pytest.raises(Usage, match="cannot be read"):
        train_file(tmp_path / "missing.jsonl", BASE, 1, silent)
