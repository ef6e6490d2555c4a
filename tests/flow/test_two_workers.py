"""The same new person arrives on two agencies' topics at once, a thousand times: one person each time."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest

from hub.app import policy
from hub.core.sealing import cause_digest, derive_id
from hub.schemas.topics import inbound
from tests.flow import people
from tests.flow.people import SOURCES, referral
from tests.flow.proof import prove
from tests.flow.site import Envelope, Site

HALF = 500
WORKERS = ("consumer 0", "consumer 1", "consumer 2", "consumer 3")


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """One partition a topic, so that two topics that stand side by side have two workers."""
    with people.town(tmp_path_factory.mktemp("town"), inbound_partitions=1) as site:
        yield site


def record_of(event: Envelope, pepper: bytes) -> str:
    """The id of the record a message brought about."""
    return derive_id(cause_digest(pepper, event["source"], event["id"]), "record", 0)


def shared(site: Site, workers: int) -> bool:
    """Whether all workers are there and the sources' topics are with different ones."""
    members = site.members()
    return len(members) == workers and not any({inbound(a) for a in SOURCES} <= topics for topics in members.values())


@pytest.mark.parametrize(("workers", "first"), [(2, 0), (4, HALF)])
def test_a_new_person_on_two_topics_at_once_is_one_person(town: Site, workers: int, first: int) -> None:
    town.start(*WORKERS[:workers])
    town.until(lambda: shared(town, workers), 60, "the workers share it")
    pairs = [[referral(agency, n) for agency in SOURCES] for n in range(first, first + HALF)]
    for pair in pairs:
        for agency, event in zip(SOURCES, pair, strict=True):
            town.publish(inbound(agency), [event], wait=False)
    town.flush()
    town.settle()
    assert shared(town, workers)
    pepper = policy(town.settings).keys.pepper
    persons = dict(town.sql("SELECT id::text, person::text FROM records"))
    found = [{persons[record_of(event, pepper)] for event in pair} for pair in pairs]
    assert [len(same) for same in found] == [1] * HALF
    assert len(set(itertools.chain(*found))) == HALF
    prove(town, feed=False)
    town.stop()
