"""A hospital in front of a hub that lives in memory and decides at once."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import msgspec
import orjson

from hub.core.bodies import IDENTITY, IdentityBody
from hub.core.state import Case
from hub.ledger.reads import Posted
from hub.schemas.canonical import AgencyClaim
from hub.town.accounts import accounts
from hub.web.app import create_app
from hub.web.deps import Limits
from tests.core.decide.telling import Telling, web_deps
from tests.core.decide.world import World
from tests.web.kept import Kept

SAMPLES = Path(__file__).parents[2] / "samples"
HOSPITALS = (
    AgencyClaim("gyeongsang", "hospital", "경상대학교병원", ("treatment", "welfare"), "consent_self", (), "register"),
    AgencyClaim("jeil", "hospital", "제일병원", ("treatment",), "consent_self", (), "register"),
)


class Ledger(Telling):
    """What the façade reads of the ledger, over a world. `silent`: messages are taken and not decided."""

    silent = False
    away = False

    def case_of(self, referral: str) -> Case | None:
        found = self.world.state.find(referral)
        return found[0] if found else None

    def timeline(self, case: str, after: int, limit: int) -> list[Posted]:
        rows = [Posted(i, e) for i, e in enumerate(self.world.entries, 1) if i > after]
        return [row for row in rows if orjson.loads(row.entry)["case"] == case][:limit]

    def entries_of(self, agency: str, after: int, upto: int, limit: int) -> list[Posted]:
        named = f'"a:{agency}"'.encode()
        rows = [Posted(i, e) for i, e in enumerate(self.world.entries, 1) if after < i <= upto and named in e]
        return rows[:limit]

    def identities(self, records: Iterable[str]) -> dict[str, IdentityBody]:
        plain = {r: self.world.body(r, IDENTITY) for r in records if (r, IDENTITY) in self.world.bodies}
        return {r: msgspec.json.decode(held, type=IdentityBody) for r, held in plain.items() if held}

    async def publish(self, topic: str, key: str, value: bytes) -> None:
        await asyncio.sleep(0)
        if self.silent:
            self.published.append((topic, key, value))
        else:
            await super().publish(topic, key, value)


def a_world() -> World:
    """The town's agencies and two hospitals."""
    named = {a.code: a for a in accounts()} | {a.code: a for a in HOSPITALS}
    return World(named.values())


QUICK = Limits(verdict_s=0.001, wait_s=1.0, publish_s=30, body_s=30)


class Hospital:
    """The façade, asked as an account."""

    def __init__(self, world: World, limits: Limits = QUICK) -> None:
        self.world, self.ledger = world, Ledger(world)
        self.kept = Kept(lambda: world.state.cases)
        self.deps = replace(
            web_deps(world),
            reads=self.ledger,  # type: ignore[arg-type]
            people=self.ledger,
            fhir=self.kept,
            publish=self.ledger.publish,
            limits=limits,
        )
        self.client = httpx.AsyncClient(
            transport=httpx.ASGITransport(create_app(self.deps), raise_app_exceptions=True), base_url="http://hub"
        )
        #: Everything that was answered: the validator looks at it.
        self.answers: list[dict[str, Any]] = []

    async def ask(
        self, method: str, path: str, value: object = None, *, agency: str = "gyeongsang", **headers: str
    ) -> httpx.Response:
        named = {"Authorization": f"Bearer token-{agency}", "Content-Type": "application/fhir+json"}
        named |= {name.replace("_", "-"): held for name, held in headers.items()}
        content = value if isinstance(value, bytes) else json.dumps(value).encode() if value is not None else None
        answer = await self.client.request(method, f"/fhir{path}", content=content, headers=named)
        if answer.content:
            self.answers.append(answer.json())
        return answer

    async def post(self, kind: str, value: object, **more: str) -> httpx.Response:
        return await self.ask("POST", f"/{kind}" if kind else "", value, **more)

    async def get(self, path: str, **more: str) -> httpx.Response:
        return await self.ask("GET", f"/{path}", **more)

    async def refer(self, need: str = "food", number: str = "GS-1", agency: str = "gyeongsang", **more: Any) -> Any:
        """A patient and an active request; the request as answered."""
        person = (await self.post("Patient", patient(), agency=agency)).json()
        value = request(f"Patient/{person['id']}", need, number, **more)
        answer = await self.post("ServiceRequest", value, agency=agency)
        assert answer.status_code in {200, 201}, answer.text
        return answer.json()

    async def task(self, focus: str, agency: str = "gyeongsang", **more: Any) -> Any:
        answer = await self.post("Task", task(focus, **more), agency=agency)
        assert answer.status_code in {200, 201}, answer.text
        return answer.json()

    def referral(self, number: str = "GS-1") -> Any:
        """The referral of a number, as the ledger has it."""
        cases = self.world.state.cases.values()
        return next(r for case in cases for r in case.referrals.values() if r.number == number)


def patient(**more: Any) -> dict[str, Any]:
    return {
        "resourceType": "Patient",
        "identifier": [{"system": "urn:kr:hospital:gyeongsang", "value": "H-7"}],
        "name": [{"use": "official", "text": "박하나"}],
        "gender": "female",
        "birthDate": "1950-04-05",
        "telecom": [{"system": "phone", "value": "010-3333-4444"}],
        "address": [{"text": "경남 진주시 평거로 88, 203동 501호"}],
        **more,
    }


def request(subject: str, need: str = "food", number: str = "GS-1", **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "ServiceRequest",
        "identifier": [{"system": "urn:kr:hospital:gyeongsang/referral", "value": number}],
        "status": "active",
        "intent": "order",
        "code": {"coding": [{"system": "urn:kr:ieum:need", "code": need}]},
        "subject": {"reference": subject},
        "authoredOn": "2026-11-01T09:00:00+09:00",
        **more,
    }


def task(focus: str, **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "Task",
        "status": "requested",
        "intent": "order",
        "focus": {"reference": focus},
        "authoredOn": "2026-11-01T09:05:00+09:00",
        **more,
    }


def consent(subject: str, **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "Consent",
        "status": "active",
        "scope": {
            "coding": [{"system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": "patient-privacy"}]
        },
        "category": [{"coding": [{"system": "http://loinc.org", "code": "59284-0"}]}],
        "patient": {"reference": subject},
        "dateTime": "2026-11-01T08:00:00+09:00",
        "policyRule": {"text": "동의서 v3"},
        "provision": {"type": "permit", "purpose": [{"system": "urn:kr:ieum:purpose", "code": "welfare"}]},
        **more,
    }


def sample(name: str) -> dict[str, Any]:
    value: dict[str, Any] = json.loads((SAMPLES / "jinju" / name).read_text("utf-8"))
    return value
