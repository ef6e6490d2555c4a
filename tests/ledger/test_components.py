"""A component is read whole, whichever of its records a key leads to."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import pytest

from hub.bench.identity import speed, stored
from hub.core.state import State
from hub.ledger import gather

PEOPLE = 2_000


@pytest.fixture(scope="module")
def matcher(tmp_path_factory: pytest.TempPathFactory) -> Iterator[speed.Matcher]:
    with stored.database(tmp_path_factory.mktemp("components")) as settings:
        stored.fill(settings, PEOPLE, 1, 1, lambda _: None)
        made = speed.Matcher(settings, PEOPLE, 1)
        made.drain(200, 1_000, "arriving")
        yield made
        made.close()


def components(matcher: speed.Matcher) -> dict[str, set[str]]:
    rows = matcher._connection.execute("SELECT component::text, id::text FROM records").fetchall()
    found: dict[str, set[str]] = {}
    for component, id_ in rows:
        found.setdefault(component, set()).add(id_)
    return found


def test_every_component_is_called_after_one_of_its_records(matcher: speed.Matcher) -> None:
    known = components(matcher)
    assert max(len(ids) for ids in known.values()) > 2
    assert all(name in ids for name, ids in known.items())


def test_one_record_leads_to_its_whole_component(matcher: speed.Matcher) -> None:
    known = components(matcher)
    [template] = [speed._prepared(one, matcher.policy) for one in matcher.population.fresh(1, "asking")]
    keys = dict(matcher._connection.execute("SELECT record::text, array_agg(key) FROM blocking GROUP BY 1").fetchall())
    for name, ids in known.items():
        for id_ in ids if len(ids) > 1 else ():
            whole = State()
            asking = msgspec.structs.replace(template, keys=tuple(keys[id_]))
            gather.candidates(matcher._connection, [asking], whole, matcher.policy)
            assert set(whole.components[name]) == ids
