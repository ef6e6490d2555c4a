"""Change events become events, and these become referrals; what cannot is refused with its place."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import orjson
import pytest

from connectors.debezium.changes import read
from connectors.debezium.checking import checks
from connectors.debezium.config import EXAMPLE, DebeziumConfig
from connectors.protocol import Event, Origin
from hub.core.normalize import Mapping, normalize
from hub.errors import Usage
from hub.schemas.canonical import ReferralClaim, Refusal
from hub.schemas.envelope import Envelope, parse
from hub.schemas.native.change import UNAVAILABLE
from tests.connectors.debezium.change_events import change, person
from tests.core.normalize.conftest import shipped_mapping

ORIGIN = Origin("lh", "debezium", b"k" * 32, lambda: "2026-11-22T03:00:00.000Z")
CONFIG = DebeziumConfig(**{**EXAMPLE, "rows": "welfare", "number": "의뢰번호"})
TEMPLATE = Path(__file__).parents[3] / "connectors/debezium/postgres.properties"


@pytest.fixture(scope="module")
def mapping() -> Mapping:
    return shipped_mapping()


def event(value: bytes, key: bytes = b'{"id":1}') -> Event:
    found = read(key, value, CONFIG, ORIGIN)
    assert isinstance(found, dict), found
    return found


def claim(value: bytes, mapping: Mapping) -> Any:
    envelope = parse(orjson.dumps(event(value)), "lh")
    assert isinstance(envelope, Envelope)
    return normalize(envelope, mapping)


def codes(found: Any) -> list[tuple[str, str]]:
    assert isinstance(found, Refusal)
    return [(reason.path, reason.code) for reason in found.reasons]


@pytest.mark.parametrize("op", ["c", "u", "r"])
def test_a_row_that_was_written_is_a_referral(op: str, mapping: Mapping) -> None:
    found = claim(change(op, **person()), mapping)
    assert isinstance(found, ReferralClaim)
    assert (found.number, found.needs) == ("D-1", claim(change(**person()), mapping).needs)
    assert found.person.birth is not None
    assert found.person.birth.value == "1948-03-02"


def test_a_time_without_a_zone_is_koreas_and_one_with_a_zone_is_its_own(mapping: Mapping) -> None:
    assert claim(change(**person()), mapping).at == "2026-11-20T00:30:00.000Z"
    assert claim(change(schema=False, **person()), mapping).at == "2026-11-20T09:30:00.123Z"


def test_a_deleted_row_withdraws_nothing_and_says_so(mapping: Mapping) -> None:
    found = event(change("d", **person()))
    assert "after" not in found["data"]
    assert codes(claim(change("d", **person()), mapping)) == [("/op", "row_deleted")]


def test_a_value_that_the_database_did_not_tell_is_asked_for(mapping: Mapping) -> None:
    found = claim(change("u", **person(주소=UNAVAILABLE, 박순자=UNAVAILABLE)), mapping)
    assert codes(found) == [("주소", "value_unavailable"), ("", "value_unavailable")]


def test_a_change_that_comes_again_is_the_same_event_whenever_it_is_handled() -> None:
    first, again = event(change(handled=1, **person())), event(change(handled=2, **person()))
    assert first == again
    assert event(change(lsn=101, **person()))["id"] != first["id"]


def test_changes_of_one_number_stay_in_order_and_nothing_personal_is_outside_the_data() -> None:
    first, second = event(change(**person())), event(change("u", lsn=9, **person(전화번호="")))
    assert first["partitionkey"] == second["partitionkey"]
    assert "박순자" not in str({name: value for name, value in first.items() if name != "data"})


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"[]",
        b"{",
        b'{"ts_ms": 1}',
        b'{"payload": null}',
        b'{"op": "c", "source": {}}',
        b'{"op": "x", "source": {}, "after": {}}',
        b'{"op": "m", "source": {}}',
        b'{"op": [], "source": {}, "after": {}}',
        b'{"op": {"c": 1}, "source": {}}',
        "박순자".encode("cp949"),
    ],
)
def test_what_is_no_change_is_refused_in_words(value: bytes) -> None:
    found = read(b"", value, CONFIG, ORIGIN)
    assert isinstance(found, str)
    assert "박순자" not in found


@pytest.mark.parametrize("fields", [None, 5, "after", [5], [{"field": "after"}], [{"field": "after", "fields": None}]])
def test_a_schema_of_another_shape_tells_nothing_and_stops_nobody(fields: object) -> None:
    document = orjson.loads(change(**person()))
    document["schema"]["fields"] = fields
    assert event(orjson.dumps(document)) == event(change(schema=False, **person()))


@pytest.mark.parametrize("rounds", [300, pytest.param(10_000, marks=pytest.mark.faults)])
def test_any_damage_ends_in_a_referral_or_a_reason(rounds: int, mapping: Mapping) -> None:
    chance = random.Random(rounds)  # noqa: S311 - the same damage each time
    good = change(**person(비고="x" * 200))
    for _ in range(rounds):
        damaged = bytearray(good)
        for _ in range(chance.randint(1, 6)):
            at = chance.randrange(len(damaged))
            damaged[at : at + chance.randint(0, 3)] = chance.randbytes(chance.randint(0, 3))
        found = read(b"{}", bytes(damaged), CONFIG, ORIGIN)
        if isinstance(found, str):
            assert found
            continue
        envelope = parse(orjson.dumps(found), "lh")
        answer = normalize(envelope, mapping) if isinstance(envelope, Envelope) else envelope
        assert isinstance(answer, ReferralClaim) or all(r.code and r.text for r in answer.reasons)
        assert isinstance(claim(good, mapping), ReferralClaim)


def test_the_template_asks_for_what_is_read_here() -> None:
    lines = TEMPLATE.read_text(encoding="utf-8").splitlines()
    told = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
    assert told["plugin.name"] == "pgoutput"
    assert told["time.precision.mode"] == "isostring"
    assert told["decimal.handling.mode"] == "string"
    assert told["value.converter.schemas.enable"] == "true"
    assert told["topic.creation.default.partitions"] == "1"  # without it and the next, Connect waits for ever
    assert "topic.creation.default.replication.factor" in told


async def test_an_authority_that_is_no_file_is_named_before_it_runs(tmp_path: Path) -> None:
    missing = DebeziumConfig.model_validate(EXAMPLE | {"ca_file": str(tmp_path / "ca.pem")})
    with pytest.raises(Usage, match=r"ca\.pem"):
        missing.access()
    [check] = await checks(missing)
    assert (check.ok, "ca.pem" in check.found, "PEM" in check.fix) == (False, True, True)
