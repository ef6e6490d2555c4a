"""A partner that has a FHIR server: its own programs write Tasks there, and read what became of them."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, ClassVar, Self

import httpx
import orjson

from connectors.fhir import FhirConnector
from connectors.fhir.server import TRUSTING_NOBODY
from connectors.protocol import Event
from connectors.testing import Answer, Partner, free_port

HOSPITAL = Path(__file__).with_name("hospital.py")
NEEDS = "urn:kr:ieum:need"
#: Long, so that a small spool is full soon.
NOTE = "혼자 사심. " * 300
PERSON = ("박순자", "010-2345-6789", "평거로 88")


def started(port: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, HOSPITAL, str(port)])


def patient(number: int, **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "Patient",
        "id": f"p-{number}",
        "name": [{"text": PERSON[0]}],
        "gender": "female",
        "birthDate": "1948-03-02",
        "telecom": [{"system": "phone", "value": PERSON[1]}],
        "address": [{"text": f"경상남도 진주시 {PERSON[2]}, 204동 102호"}],
    } | more


def request(number: int, **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "ServiceRequest",
        "id": f"sr-{number}",
        "identifier": [{"system": "urn:kr:hospital/referral", "value": f"F-{number % 50}"}],
        "status": "active",
        "intent": "order",
        "code": {"coding": [{"system": NEEDS, "code": "meal_delivery"}]},
        "subject": {"reference": f"Patient/p-{number % 50}"},
        "authoredOn": "2026-11-20T10:12:00+09:00",
        "note": [{"text": NOTE}],
    } | more


def task(number: int, **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "Task",
        "id": f"t-{number}",
        "status": "requested",
        "intent": "order",
        "focus": {"reference": f"ServiceRequest/sr-{number}"},
        "for": {"reference": f"Patient/p-{number % 50}"},
        "authoredOn": "2026-11-20T10:12:00+09:00",
        "owner": {"reference": "Organization/ieum"},
    } | more


def lines(*resources: dict[str, Any]) -> bytes:
    """Resources as the hospital's program hands them in."""
    return b"\n".join(f"{r['resourceType']}/{r['id']}\t".encode() + orjson.dumps(r) for r in resources)


def referral(number: int, **more: Any) -> bytes:
    return lines(patient(number % 50), request(number, **more), task(number))


def odd(raw: bytes, number: int = 9_000) -> bytes:
    """A request of these bytes, with a Task about it."""
    return b"\n".join((b"ServiceRequest/sr-%d\t" % number + raw, lines(patient(0), task(number))))


def bad(**more: Any) -> bytes:
    return odd(orjson.dumps(request(9_000, **more)))


class FhirPartner(Partner):
    connector = FhirConnector
    patience_s: ClassVar[float] = 1.5
    canaries = PERSON
    odd: ClassVar[Mapping[str, bytes]] = {
        "a key twice": odd(b'{"resourceType":"ServiceRequest","id":"sr-9000","status":"active","status":"draft"}'),
        "no number": odd(b'{"resourceType":"ServiceRequest","id":"sr-9000","quantityQuantity":{"value":NaN}}'),
        "deep": odd(orjson.dumps(request(9_000))[:-1] + b',"x":' + b"[" * 90 + b"]" * 90 + b"}"),
        "too large": odd(orjson.dumps(request(9_000, note=[{"text": "박순자 " * 200_000}]))),
        "about nothing": lines(task(9_001, focus={"reference": "ServiceRequest/not-there"})),
        "about a patient": lines(task(9_002, focus={"reference": "Patient/p-1"})),
        "about another server": lines(task(9_003, focus={"reference": "http://169.254.169.254/ServiceRequest/1"})),
        "without a focus": lines({k: v for k, v in task(9_004).items() if k != "focus"}),
        "of nobody": bad(subject={"reference": "Patient/not-there"}),
        "a consent that is not there": bad(supportingInfo=[{"reference": "Consent/none"}]),
        "taken back before": bad(status="revoked"),
        "a way up": lines(task(9_005, focus={"reference": "ServiceRequest/../../metadata"})),
        "a number for a note": bad(note=7),
        "a formula": bad(note=[{"text": "=cmd|' /C calc'!A0"}]),
        "no subject": bad(subject={}),
    }
    malformed = frozenset(odd) - {"a number for a note", "a formula", "no subject"}

    def __init__(self, folder: Path, port: int = 0) -> None:
        """`port`: of a server that runs already."""
        super().__init__(folder)
        self._is_shared = bool(port)
        self.port = port or free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self.client = httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{self.port}", timeout=60, trust_env=False, verify=TRUSTING_NOBODY
        )
        self.settings: dict[str, Any] = {}

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(self, *ended: object) -> None:
        await self.close()

    async def open(self) -> None:
        if self._is_shared:
            await self.control(reset=True)
            return
        self._process = started(self.port)
        await self.reached()

    async def reached(self) -> None:
        """Wait until the server answers."""
        async with asyncio.timeout(30):
            while not await self._answers():  # noqa: ASYNC110 - a server that starts knows no event
                await asyncio.sleep(0.02)

    async def _answers(self) -> bool:
        try:
            return (await self.client.get("/fhir/metadata")).is_success
        except httpx.TransportError:
            return False

    async def close(self) -> None:
        await self.client.aclose()
        if self._process is not None:
            self._process.kill()
            await asyncio.to_thread(self._process.wait)

    def config(self) -> dict[str, Any]:
        return {
            "url": f"http://127.0.0.1:{self.port}/fhir",
            "parameters": {"owner": "Organization/ieum"},
            "memory_file": str(self.folder / "memory.sqlite"),
            "poll_s": 0.01,
            "overlap_s": 1,
            "changes_s": 3600,
        } | self.settings

    def good(self, number: int) -> bytes:
        return referral(number)

    def number(self, event: Event) -> int:
        entries = event["data"].get("entry", ())
        told = entries[0]["request"]["url"].rpartition("-")[2] if entries else ""
        return int(told) if told.isdigit() else -1

    # ------------------------------------------------------------- the hospital's own programs
    async def put(self, content: bytes) -> dict[str, Any]:
        return dict((await self.client.post("/put", content=content)).json())

    async def control(self, **told: Any) -> dict[str, Any]:
        return dict((await self.client.post("/control", json=told)).json())

    async def resource(self, name: str) -> dict[str, Any]:
        return dict((await self.client.get(f"/fhir/{name}")).json())

    async def feed(self, content: bytes) -> Answer:
        await self.put(content)
        names = [line.partition(b"\t")[0].decode() for line in content.split(b"\n")]
        name = next(name for name in names if name.startswith("Task/"))
        for _ in range(int(self.patience_s / 0.01)):
            held = await self.resource(name)
            if "businessStatus" in held:
                return _answer(held)
            await asyncio.sleep(0.005)
        return Answer(taken=False)

    async def feed_many(self, numbers: Iterable[int]) -> Answer:
        waiting = list(numbers)
        for start in range(0, len(waiting), 1000):
            some = waiting[start : start + 1000]
            await self.put(b"\n".join(map(referral, some)))
        names = [f"Task/t-{n}" for n in waiting]
        while len(names) <= 100 and (await self.control(acked=names))["acked"] < len(names):  # noqa: ASYNC110 - its own programs know no event
            await asyncio.sleep(0.02)
        return Answer(taken=True)  # of many, the spool is asked

    async def shown(self) -> set[int] | None:
        for _ in range(200):
            told = await self.control(show=[f"Task/t-{n}" for n in range(10)])
            states = {name: held["businessStatus"]["coding"][0]["code"] for name, held in told["held"].items()}
            if "pending" not in states.values():
                break
            await asyncio.sleep(0.05)
        return {int(name.removeprefix("Task/t-")) for name, state in states.items() if state != "pending"}


def _answer(held: dict[str, Any]) -> Answer:
    if held["status"] != "rejected":
        return Answer(taken=True)
    reason = held["statusReason"]
    codes = [coding["code"] for coding in reason.get("coding", ())]
    if codes == ["refused_by_test"]:
        return Answer(taken=True)  # by the hub, which had it
    path, _, text = reason["text"].partition(": ")
    return Answer(taken=False, reasons=({"path": path, "code": next(iter(codes), ""), "text": text or path},))
