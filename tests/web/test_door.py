"""Who gets in: tokens, suspension, rates, and what happens while PostgreSQL is away."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec
import pytest

from hub.web.buckets import Buckets
from hub.web.deps import Limits

FEED = "/v1/feed"


def suspend(fake: Any, code: str) -> None:
    fake.agencies[code] = msgspec.structs.replace(fake.agencies[code], state="suspended")


async def test_no_token_is_401_and_says_how(web: Any) -> None:
    answer = await web.client.get(FEED)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    "value", ["Bearer", "Bearer ", "Basic abc", "Bearer wrong", "Bearer " + "x" * 5000, "Bearer \xff\xfe", ""]
)
async def test_a_wrong_token_is_401(web: Any, value: str) -> None:
    answer = await web.client.get(FEED, headers={b"Authorization": value.encode("latin-1")})
    assert answer.status_code == 401


async def test_a_stranger_learns_nothing_about_parameters(web: Any) -> None:
    assert (await web.client.get(FEED + "?limit=no")).status_code == 401


async def test_a_suspended_account_is_403_once_the_directory_says_so(web: Any, fake: Any) -> None:
    assert (await web.get(FEED)).status_code == 200
    suspend(fake, "hosp")
    fake.time += 1.01
    answer = await web.get(FEED)
    assert (answer.status_code, answer.json()["type"]) == (403, "urn:ieum:problem:suspended")


async def test_a_resumed_account_gets_in_again(web: Any, fake: Any) -> None:
    suspend(fake, "hosp")
    assert (await web.get(FEED)).status_code == 403
    fake.agencies["hosp"] = msgspec.structs.replace(fake.agencies["hosp"], state="active")
    fake.time += 1.01
    assert (await web.get(FEED)).status_code == 200


async def test_a_paused_agency_still_reads_and_answers(web: Any, fake: Any) -> None:
    fake.agencies["hosp"] = msgspec.structs.replace(fake.agencies["hosp"], state="paused")
    assert (await web.get(FEED)).status_code == 200


async def test_an_account_not_yet_decided_is_told_to_come_back(web: Any, fake: Any) -> None:
    del fake.agencies["lh"]
    answer = await web.get(FEED, "lh")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")


async def test_an_account_that_was_decided_this_moment_gets_in_at_once(web: Any, fake: Any) -> None:
    """Its first request may come within a second of another's, whose directory did not hold it yet."""
    lh = fake.agencies.pop("lh")
    assert (await web.get(FEED)).status_code == 200
    fake.agencies["lh"] = lh
    assert (await web.get(FEED, "lh")).status_code == 200


async def test_without_postgresql_a_known_account_still_delivers_events(web: Any, fake: Any, sample: Any) -> None:
    assert (await web.send(sample())).status_code == 202
    fake.postgresql_away = True
    fake.time += 30
    assert (await web.send(sample(id="m-2"))).status_code == 202
    fake.time += 31
    assert (await web.send(sample(id="m-3"))).status_code == 503


async def test_without_postgresql_an_unknown_account_is_503_not_401(web: Any, fake: Any) -> None:
    fake.postgresql_away = True
    assert (await web.get(FEED)).status_code == 503


async def test_past_its_rate_an_agency_is_429_with_the_seconds_to_wait(make_web: Any, fake: Any, sample: Any) -> None:
    web = make_web(limits=Limits(events_per_s=1, burst=2))
    assert [(await web.send(sample(id=f"m-{i}"))).status_code for i in range(3)] == [202, 202, 429]
    answer = await web.send([sample(id="a"), sample(id="b")])
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "2")
    fake.time += 2
    assert (await web.send([sample(id="a"), sample(id="b")])).status_code == 202


async def test_one_agencys_rate_is_not_anothers(make_web: Any, sample: Any) -> None:
    web = make_web(limits=Limits(events_per_s=1, burst=1))
    assert (await web.send(sample())).status_code == 202
    assert (await web.send(sample())).status_code == 429
    assert (await web.send(sample("lh"), "lh")).status_code == 202


def test_a_request_larger_than_a_bucket_passes_when_it_is_full_and_is_paid_later() -> None:
    buckets = Buckets(per_s=10, burst=100)
    assert buckets.take("a", 250, 0.0) == 0.0
    assert buckets.take("a", 1, 0.0) == pytest.approx(15.1)
    assert buckets.take("a", 1, 16.0) == 0.0


async def test_an_account_with_a_rate_of_its_own_is_held_to_it(make_web: Any, fake: Any, sample: Any) -> None:
    rates = {"hosp": 1.0}
    web = make_web(limits=Limits(events_per_s=1000, burst=2000), rates=lambda: rates)
    assert [(await web.send(sample(id=f"m-{i}"))).status_code for i in range(3)] == [202, 202, 429]
    assert [(await web.send(sample("lh", id=f"m-{i}"), "lh")).status_code for i in range(3)] == [202] * 3
    rates.clear()
    fake.time += 1.01
    assert (await web.send(sample(id="m-9"))).status_code == 202


def test_a_rate_of_ones_own_scales_the_bucket() -> None:
    buckets = Buckets(per_s=10, burst=100)
    assert buckets.take("a", 50, 0.0, 5) == 0.0
    assert buckets.take("a", 1, 0.0, 5) == pytest.approx(0.2)
    assert buckets.take("b", 100, 0.0) == 0.0


def test_a_clock_that_stands_still_gives_nothing() -> None:
    buckets = Buckets(per_s=10, burst=1)
    assert buckets.take("a", 1, 5.0) == 0.0
    assert buckets.take("a", 1, 4.0) > 0


async def test_wrong_tokens_do_not_fill_the_memory(deps: Any, web: Any) -> None:
    from hub.web import door  # noqa: PLC0415

    made = door.Door(replace(deps))
    for number in range(door.REMEMBERED + 10):
        made._account(f"guess-{number}")
    assert len(made._accounts) == door.REMEMBERED
    assert (await web.get(FEED)).status_code == 200
