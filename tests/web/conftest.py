"""Fixtures of the web: the app over a fake ledger, a clock that is told the time, or a whole hub in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

import httpx
import orjson
import pytest

from hub.web.app import create_app
from hub.web.deps import Limits, WebDeps
from tests.core.decide.telling import Telling
from tests.core.decide.world import World
from tests.web.fake import (
    AGENCIES,
    KEYS,
    NONSENSE,
    NOW,
    POLICY,
    RULES,
    FakeHub,
    event,
    identity,
    recorded,
    referral,
    refusing,
    uid,
)
from tests.web.kept import Kept
from tests.web.townspeople import Town


@pytest.fixture
def fake() -> FakeHub:
    return FakeHub()


@pytest.fixture
def limits() -> Limits:
    return Limits(verdict_s=0.001, wait_s=0.2, follow_s=0.001, publish_s=0.5, body_s=0.2)


@pytest.fixture
def deps(fake: FakeHub, limits: Limits) -> WebDeps:
    return WebDeps(
        reads=fake,
        people=Telling(World(())),
        fhir=Kept(),
        log=fake,
        publish=fake.publish,
        account=fake.account,
        kafka_away=fake.kafka,
        policy=POLICY,
        now=lambda: NOW,
        clock=fake.clock,
        draw=fake.draw,
        limits=limits,
    )


class Web:
    """The app, asked as an account."""

    def __init__(self, deps: WebDeps) -> None:
        self.deps = deps
        self.app = create_app(deps)
        self.client = httpx.AsyncClient(
            transport=httpx.ASGITransport(self.app, raise_app_exceptions=True), base_url="http://hub"
        )

    async def get(self, path: str, agency: str = "hosp", **more: Any) -> httpx.Response:
        return await self.ask("GET", path, agency, **more)

    async def post(self, path: str, agency: str = "hosp", **more: Any) -> httpx.Response:
        return await self.ask("POST", path, agency, **more)

    async def send(self, value: object, agency: str = "hosp", query: str = "") -> httpx.Response:
        batch = "-batch" if isinstance(value, list) else ""
        content = value if isinstance(value, bytes) else orjson.dumps(value)
        headers = {"Content-Type": f"application/cloudevents{batch}+json"}
        return await self.post(f"/v1/events{query}", agency, content=content, headers=headers)

    async def ask(self, method: str, path: str, agency: str, **more: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer token-{agency}"} | dict(more.pop("headers", {}))
        return await self.client.request(method, path, headers=headers, **more)


@pytest.fixture
async def web(deps: WebDeps) -> AsyncIterator[Web]:
    made = Web(deps)
    yield made
    await made.client.aclose()


@pytest.fixture
def make_web(deps: WebDeps) -> Callable[..., Web]:
    return lambda **changes: Web(replace(deps, **changes))


@pytest.fixture
def world() -> World:
    """A hub that lives in memory and decides what is published at once."""
    return World()


@pytest.fixture
def telling(world: World) -> Telling:
    return Telling(world)


@pytest.fixture
def lived(make_web: Callable[..., Web], telling: Telling) -> Web:
    """The app over that hub."""
    return make_web(reads=telling, people=telling, publish=telling.publish)


@pytest.fixture
def town(world: World) -> Town:
    return Town(world)


@pytest.fixture
def sample() -> Callable[..., dict[str, Any]]:
    return event


@pytest.fixture
def kit() -> Kit:
    return Kit()


class Kit:
    """What tests of the web use of `fake` most."""

    uid = staticmethod(uid)
    referral = staticmethod(referral)
    refusing = staticmethod(refusing)
    identity = staticmethod(identity)
    recorded = staticmethod(recorded)
    nonsense = NONSENSE
    now = NOW
    keys = KEYS
    rules = RULES
    agencies = {a.code: a for a in AGENCIES}  # noqa: RUF012
