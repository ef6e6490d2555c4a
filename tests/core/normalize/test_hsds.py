"""HSDS 3 as it is published: tolerated, refused with the field, and every contradiction a flag."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from hub.schemas.canonical import ListingClaim, Refusal
from hub.schemas.topics import Formats, Types

from .conftest import Intake, wrapped

SAMPLES = Path(__file__).parents[2] / "samples" / "hsds"
GOOD: dict[str, Any] = json.loads((SAMPLES / "organization-full.json").read_text("utf-8"))


def read(intake: Intake, **changes: Any) -> Any:
    data = copy.deepcopy(GOOD) | changes
    return intake("sangbong", wrapped("sangbong", Formats.HSDS, Types.DIRECTORY, data=data))


def with_service(intake: Intake, **changes: Any) -> Any:
    return read(intake, services=[GOOD["services"][0] | changes])


def with_place(intake: Intake, **changes: Any) -> Any:
    return read(intake, locations=[GOOD["locations"][0] | changes], services=[])


def test_a_good_one_has_no_flag_but_the_future_capacity_date_of_the_sample(intake: Intake) -> None:
    claim = with_service(intake, capacities=[])
    assert isinstance(claim, ListingClaim)
    assert (claim.flags, claim.modified) == ((), "2026-11-02T00:00:00.000Z")


@pytest.mark.parametrize(
    ("changes", "flag"),
    [
        ({"capacities": [{"available": 12, "maximum": 10}]}, "capacity_contradicts"),
        ({"capacities": [{"available": -1}]}, "capacity_contradicts"),
        ({"minimum_age": 70, "maximum_age": 19}, "ages_contradict"),
        ({"schedules": [{"valid_from": "2026-02-01", "valid_to": "2026-01-01"}]}, "dates_contradict"),
        ({"schedules": [{"dtstart": "2026-02-01", "until": "2026-01-01"}]}, "dates_contradict"),
        ({"cost_options": [{"valid_from": "2026-02-01", "valid_to": "2026-01-01"}]}, "dates_contradict"),
        ({"last_modified": "2031-01-01T00:00:00Z"}, "dates_contradict"),
        ({"last_modified": "soon"}, "date_unreadable"),
        ({"organization_id": "another"}, "belongs_elsewhere"),
        ({"program_id": "none"}, "belongs_elsewhere"),
        ({"service_areas": [{"extent_type": "geojson", "extent": "extent"}]}, "extent_unreadable"),
    ],
)
def test_what_contradicts_itself_is_flagged_and_kept(intake: Intake, changes: dict[str, Any], flag: str) -> None:
    claim = with_service(intake, **({"capacities": []} | changes))
    assert isinstance(claim, ListingClaim)
    assert claim.flags == (flag,)
    assert claim.content["services"][0]["name"] == "밑반찬 배달"


@pytest.mark.parametrize("changes", [{"latitude": 100}, {"longitude": "-181"}])
def test_a_place_that_is_nowhere_is_flagged(intake: Intake, changes: dict[str, Any]) -> None:
    assert "place_impossible" in with_place(intake, **changes).flags


def test_one_id_for_two_services_is_flagged_and_a_fuller_repeat_is_not(intake: Intake) -> None:
    service = GOOD["services"][0]
    assert "id_twice" in read(intake, services=[service, service | {"name": "다른 일"}]).flags
    assert "id_twice" not in read(intake, services=[service, {"id": service["id"], "name": service["name"]}]).flags


def test_what_two_files_say_differently_is_flagged_and_not_kept(intake: Intake) -> None:
    claim = read(intake, differs=["/name"])
    assert "sources_differ" in claim.flags
    assert "differs" not in claim.content


def test_an_address_that_is_withheld_leaves_nothing_that_says_where(intake: Intake) -> None:
    claim = with_place(intake, addresses=[{"address_1": "비공개", "city": "진주시"}])
    assert "address_protected" in claim.flags
    assert claim.content["locations"][0].keys() & {"addresses", "latitude", "longitude", "name"} == set()


@pytest.mark.parametrize(
    "changes",
    [
        {"minimum_age": "65", "maximum_age": ""},
        {"minimum_age": None},
        {"status": "sometimes"},
        {"phones": [{"number": 557410001, "extension": 2.5}]},
        {"schedules": [{"timezone": 3, "byday": None}]},
        {"something_new": {"of": "HSDS 4"}},
    ],
)
def test_what_publishers_write_is_read(intake: Intake, changes: dict[str, Any]) -> None:
    assert isinstance(with_service(intake, **changes), ListingClaim)


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"minimum_age": "twelve"}, "/services/0/minimum_age"),
        ({"minimum_age": True}, "/services/0/minimum_age"),
        ({"capacities": [{"available": 1e300}]}, "/services/0/capacities/0/available"),
        ({"name": ""}, "/services/0/name"),
        ({"schedules": "always"}, "/services/0/schedules"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_field(intake: Intake, changes: dict[str, Any], path: str) -> None:
    refusal = with_service(intake, **changes)
    assert isinstance(refusal, Refusal)
    assert refusal.reasons[0].path.startswith(path)


@pytest.mark.parametrize("missing", ["id", "name"])
def test_nobody_can_look_up_what_has_no_id_or_name(intake: Intake, missing: str) -> None:
    refusal = read(intake, **{missing: ""})
    assert isinstance(refusal, Refusal)
    assert [reason.path for reason in refusal.reasons] == [f"/{missing}"]
