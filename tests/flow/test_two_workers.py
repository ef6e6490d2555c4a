"""The same new person arrives on two agencies' topics at once, a thousand times: one person each time."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest

from hub.app import policy
from hub.core.sealing import cause_digest, derive_id
from hub.schemas.topics import inbound
from tests.flow.people import SOURCES, populate, referral
from tests.flow.proof import prove
from tests.flow.site import Envelope, Site

HALF = 500
WORKERS = ("consumer 0", "consumer 1", "consumer 2", "consumer 3")


@pytest.fixture(scope="module")
def town(site: Site) -> Iterator[Site]:
    populate(site)
    yield site


def record_of(event: Envelope, pepper: bytes) -> str:
    """The id of the record a message brought about."""
    return derive_id(cause_digest(pepper, event["source"], event["id"]), "record", 0)


@pytest.mark.parametrize(("workers", "first"), [(2, 0), (4, HALF)])
def test_a_new_person_on_two_topics_at_once_is_one_person(town: Site, workers: int, first: int) -> None:
    town.start(*WORKERS[:workers])
    pairs = [[referral(agency, n) for agency in SOURCES] for n in range(first, first + HALF)]
    for pair in pairs:
        # Both lie on their topics before either worker can have fetched one: the two are decided side by side.
        for agency, event in zip(SOURCES, pair, strict=True):
            town.publish(inbound(agency), [event], wait=False)
    town.flush()
    town.settle()
    pepper = policy(town.settings).keys.pepper
    persons = dict(town.sql("SELECT id::text, person::text FROM records"))
    found = [{persons[record_of(event, pepper)] for event in pair} for pair in pairs]
    assert [len(same) for same in found] == [1] * HALF
    assert len(set(itertools.chain(*found))) == HALF
    assert len(workers_of(town)) >= 2
    prove(town, feed=False)
    town.stop()


def workers_of(site: Site) -> set[int]:
    """Which of the sources' partitions were decided: each topic's by another worker than its neighbor's."""
    topics = [inbound(agency) for agency in SOURCES]
    return {row[0] for row in site.sql("SELECT id FROM partitions WHERE topic = ANY(%s) AND next_offset > 0", topics)}
