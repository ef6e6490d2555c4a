"""`hub identity bench` on a register of two thousand: the shape of what it says. Never looks at a time."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from hub.app import policy
from hub.bench.identity import beside_splink, chart, population, report, speed, stored
from hub.bench.identity.population import Arriving, Population
from hub.bench.identity.report import GOALS, Report, Side
from hub.cli import USAGE, main
from hub.core.identity.partition import pair
from hub.settings import Settings

PEOPLE = 2_000


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Settings, Path]]:
    folder = tmp_path_factory.mktemp("register")
    (folder / "table").mkdir()
    with stored.database(folder) as settings:
        stored.fill(settings, PEOPLE, 1, 1, lambda _: None, folder / "table")
        yield settings, folder / "table"


@pytest.fixture(scope="module")
def matcher(filled: tuple[Settings, Path]) -> Iterator[speed.Matcher]:
    one = speed.Matcher(filled[0], PEOPLE, 1)
    yield one
    one.close()


@pytest.fixture(scope="module")
def measured(matcher: speed.Matcher) -> list[speed.Speed]:
    return speed.measure(matcher, 1, 2_000, lambda _: None)


def test_nine_of_ten_people_have_one_record(matcher: speed.Matcher, filled: tuple[Settings, Path]) -> None:
    people = matcher.population
    assert sum(population.is_registered(index) for index in range(people.total)) == pytest.approx(PEOPLE, abs=2)
    lines = [line for file in filled[1].glob("*.csv") for line in file.read_text(encoding="utf-8").splitlines()[1:]]
    assert len(lines) == len({line.partition(",")[0] for line in lines}) == pytest.approx(PEOPLE, abs=2)


def test_what_is_drawn_for_one_part_of_a_run_is_drawn_again(filled: tuple[Settings, Path]) -> None:
    bundle = policy(filled[0])
    first, again = (Population(PEOPLE, bundle, 1).fresh(50, "part") for _ in range(2))
    assert first == again
    assert first != Population(PEOPLE, bundle, 1).fresh(50, "another")


def test_known_people_are_found_and_strangers_are_not(matcher: speed.Matcher) -> None:
    asked = matcher.population.fresh(500, "found")
    true = {pair(one.id, matcher.population.registered_id(one.person)) for one in asked if is_known(one)}
    matcher.drain(100, 500, "found")
    linked = matcher.linked([one.id for one in asked])
    assert len(linked & true) > 0.9 * len(true)
    assert len(linked - true) < 0.01 * len(linked)


def test_the_batches_of_a_round_do_not_change_what_is_linked(filled: tuple[Settings, Path]) -> None:
    """In parts or at once, whoever is alike is found: two mentions of one newcomer in one batch as well."""
    one = speed.Matcher(filled[0], PEOPLE, 1)
    asked = one.population.fresh(300, "parts")
    one.drain(300, 300, "parts")
    linked = one.linked([each.id for each in asked])
    one.close()
    known = {pair(each.id, one.population.registered_id(each.person)) for each in asked if is_known(each)}
    assert len(linked & known) > 0.9 * len(known)


def is_known(one: Arriving) -> bool:
    return population.is_registered(one.person)


def test_a_rate_is_told_for_each_size_of_batch(measured: list[speed.Speed]) -> None:
    assert [one.batch for one in measured] == list(speed.BATCHES)
    for one in measured:
        assert 0 < one.whole.median < one.rate.median
        assert one.people == PEOPLE
        assert one.reading_us > 0
        assert one.deciding_us > 0
        assert 0.5 < one.linked < 1


def test_the_json_has_rows_speed_splink_and_machine(measured: list[speed.Speed]) -> None:
    value = Report(PEOPLE, quick=True, machine=report.machine(), rows=[row()], speed=measured).as_json()
    assert set(value["speed"]) == {"500", "2000"}
    assert value["rows"][0]["data"] == "korean_town"
    assert value["splink"] == {}
    assert value["machine"]["cores"] >= 1
    assert value["goals"]["korean_town"] == GOALS["korean_town"]
    assert json.loads(json.dumps(value)) == value


def test_a_goal_that_was_missed_is_called_so(capsys: pytest.CaptureFixture[str]) -> None:
    report.show(Report(PEOPLE, quick=True, machine={}, rows=[row(precision=0.9)]))
    table = "".join(capsys.readouterr().out.split())
    assert "MISSED" in table
    assert table.count("met") == 3


def test_the_picture_is_drawn_of_whatever_was_measured(measured: list[speed.Speed], tmp_path: Path) -> None:
    beside = beside_splink.Beside("korean_register", "predict_between", 0.9, 0.9, 0.9, 0.8, 1.0, 400.0, 1.0, [1.0, 1.5])
    whole = Report(PEOPLE, quick=True, machine=report.machine(), rows=[row()], speed=measured)
    whole.splink, whole.hub_beside = [beside], Side(0.99, 1.0, 0.98, 1_000.0)
    assert whole.times == 2.5
    chart.draw(whole, tmp_path)
    assert (tmp_path / "identity.png").stat().st_size > 10_000
    assert (tmp_path / "identity.svg").stat().st_size > 10_000


@pytest.mark.timeout(120)
def test_splink_is_asked_about_the_same_people(filled: tuple[Settings, Path], matcher: speed.Matcher) -> None:
    people = matcher.population
    rows = [stored.values(one) for one in people.fresh(800, "second")]
    register = beside_splink.Register(filled[1], rows)
    asked = people.fresh(200, "asked")
    weighed, seconds = register.ask([stored.values(one) for one in asked], "asked")
    true = {pair(one.id, people.registered_id(one.person)) for one in asked if is_known(one)}
    found = register.judged(weighed, true, len(asked), [seconds])
    assert found.f1 > 0.9
    assert found.records_per_second == pytest.approx(200 / seconds, abs=0.1)


def test_without_splink_the_remedy_is_said(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(beside_splink, "find_spec", lambda _: None)
    assert main(["identity", "bench", "--only", "splink"]) == USAGE
    assert "make setup" in capsys.readouterr().err


def row(precision: float = 0.99995) -> dict[str, Any]:
    shares = dict.fromkeys(("f1", "recall", "auto_recall"), 0.99)
    rest = {"review": 0.02, "human_review": 0.001, "order_changes": 0, "records_per_second": 5_000.0}
    return msgspec.to_builtins({"data": "korean_town", "precision": precision, **shares, **rest})
