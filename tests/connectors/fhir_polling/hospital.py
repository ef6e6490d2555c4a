"""A hospital's FHIR R4 server, small and faithful: versions, If-Match, search by time, includes, pages by offset.

Runs as a process of its own (`python hospital.py PORT`). It keeps resources as the bytes it was given, so that what a
sloppy server would store comes out as it went in. `POST /control` makes it misbehave: it is for tests alone.
"""

from __future__ import annotations

import asyncio
import bisect
import json
import sys
import time
import zlib
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

import orjson
import uvicorn

KINDS = ("Task", "ServiceRequest", "Patient", "Consent", "RelatedPerson", "Organization")
INCLUDES = {"Task:focus": "focus", "Task:patient": "for", "ServiceRequest:patient": "subject"}
REFERENCES = {"focus": "focus", "patient": "patient", "based-on": "basedOn", "owner": "owner", "subject": "subject"}
#: What searches look at: a hundred thousand resources stay small.
LINKING = frozenset({*INCLUDES.values(), *REFERENCES.values()})
Value = dict[str, Any]


class Stored:
    """One version of a resource."""

    __slots__ = ("_packed", "time", "value", "version")

    def __init__(self, raw: bytes, value: Value, version: int, at: str) -> None:
        self._packed, self.value, self.version, self.time = zlib.compress(raw, 1), value, version, at

    @property
    def raw(self) -> bytes:
        return zlib.decompress(self._packed)


class Hospital:
    """Resources, and how the server behaves."""

    def __init__(self, port: int) -> None:
        self.base = f"http://127.0.0.1:{port}/fhir"
        self.held: dict[str, Stored] = {}
        self.log: dict[str, list[tuple[str, str]]] = {kind: [] for kind in KINDS}
        self.behave: dict[str, Any] = {}
        self.asked: list[str] = []
        self.clock = 0
        self.made = 0

    # ------------------------------------------------------------- writing
    def put(self, name: str, raw: bytes, *, at: str = "") -> Stored:
        kind = name.partition("/")[0]
        before = self.held.get(name)
        self.clock = max(self.clock + 1, int(time.time() * 1000))
        now = datetime.fromtimestamp(self.clock / 1000, UTC).isoformat(timespec="milliseconds")
        now = at or now.replace("+00:00", "Z")
        version = before.version + 1 if before else 1
        meta = {"versionId": str(version), "lastUpdated": now}
        try:
            value = orjson.loads(raw)
            doubled = orjson.dumps(value).count(b'"') != raw.count(b'"') and b"\\" not in raw
        except orjson.JSONDecodeError:
            value, doubled = json.loads(raw), True
        if doubled:  # it goes out as it came in: only versions are written in front
            raw = b'{"meta":' + orjson.dumps(meta) + b"," + raw.strip()[1:]
        else:
            own = value.get("meta")
            value = value | {"meta": (own if isinstance(own, dict) else {}) | meta, "id": name.partition("/")[2]}
            raw = orjson.dumps(value)
        index: Value = {"status": sys.intern(str(value.get("status"))), "answered": "businessStatus" in value}
        index |= {element: _targets(value[element]) for element in LINKING if element in value}
        index |= {"identifier": _tokens(value)} if kind != "Patient" else {}
        self.held[name] = Stored(raw, index, version, now)
        log = self.log[kind]
        if log and log[-1][0] > now:
            bisect.insort(log, (now, name))
        else:
            log.append((now, name))
        return self.held[name]

    # ------------------------------------------------------------- searching
    def found(self, kind: str, asked: list[tuple[str, str]], most: int) -> list[str]:
        """Names of the first that match, in the order of updates."""
        given = dict(asked)
        when = given.get("_lastUpdated", "ge")
        since = when[2:] + ("\uffff" if when.startswith("gt") else "")
        tests = [_test(name, frozenset(text.split(","))) for name, text in asked if not name.startswith("_")]
        if "_id" in given:
            named = [f"{kind}/{id_}" for id_ in given["_id"].split(",")]
            return [name for name in named if name in self.held and self.held[name].time >= since]
        log = self.log[kind]
        start = bisect.bisect_left(log, (since, "")) if not self.behave.get("ignore_time") else 0
        names: list[str] = []
        for place in range(start, len(log)):
            at, name = log[place]
            stored = self.held[name]
            if stored.time == at and all(test(stored.value) for test in tests):
                names.append(name)
                if len(names) == most:
                    break
        return names

    def search(self, kind: str, asked: list[tuple[str, str]]) -> tuple[int, bytes]:
        if any(name in self.behave.get("unknown", ()) for name, _ in asked):
            return 400, outcome("unknown parameter")
        given = dict(asked)
        count, offset = int(given.get("_count", "20")), int(given.get("_offset", "0"))
        try:
            names = self.found(kind, asked, 1 << 30 if self.behave.get("unsorted") else offset + count + 1)
        except ValueError as error:
            return 400, outcome(f"unknown parameter {error}")
        if self.behave.get("unsorted"):
            names = names[::-1]
        page = names[offset : offset + count]
        entries = [self._entry(name, "match") for name in page]
        included: dict[str, None] = {}
        for name, text in asked:
            if name == "_include" and text in INCLUDES:
                targets = (t for n in page for t in self.held[n].value.get(INCLUDES[text], ()))
                included |= {t: None for t in targets if t in self.held}
        entries += [self._entry(name, "include") for name in included]
        links = []
        if len(names) > offset + count:
            query = "&".join(f"{n}={v}" for n, v in asked if n != "_offset")
            base = self.behave.get("next_base", self.base)
            links.append({"relation": "next", "url": f"{base}/{kind}?{query}&_offset={offset + count}"})
        head = orjson.dumps({"resourceType": "Bundle", "type": "searchset", "link": links})[:-1]
        return 200, head + b',"entry":[' + b",".join(entries) + b"]}"

    def _entry(self, name: str, mode: str) -> bytes:
        head = b'{"fullUrl":"' + f"{self.base}/{name}".encode() + b'","resource":' + self.held[name].raw
        return head + b',"search":{"mode":"' + mode.encode() + b'"}}'

    # ------------------------------------------------------------- requests
    def answer(  # noqa: PLR0911 - one a kind of request
        self, method: str, path: str, query: str, head: dict[str, str], body: bytes
    ) -> tuple[int, bytes, Value]:
        if path == "/control":
            return self.control(orjson.loads(body))
        if method == "POST" and path == "/put":
            return 200, orjson.dumps(self.load(body)), {}
        self.asked.append(f"{method} {path}" + (f"?{query}" if query else ""))
        if path == "/fhir/metadata":
            return 200, orjson.dumps(self.capabilities()), {}
        if self.behave.get("token") and head.get("authorization") != f"Bearer {self.behave['token']}":
            return 401, outcome("no token"), {}
        if (odd := self._odd(method, path, query)) is not None:
            return odd
        _, _, rest = path.partition("/fhir/")
        kind, _, id_ = rest.partition("/")
        if kind not in KINDS:
            return 404, outcome("no such kind"), {}
        if method == "GET" and id_:
            stored = self.held.get(rest)
            return (200, stored.raw, etag(stored)) if stored else (404, outcome("not found"), {})
        if method == "GET":
            return *self.search(kind, parse_qsl(query, keep_blank_values=True)), {}
        if method == "POST" and not id_:
            return self.create(kind, head, body)
        return self.update(rest, head, body)

    def load(self, body: bytes) -> Value:
        """Store many at once, as the hospital's own programs do: lines of `Kind/id TAB resource`."""
        stored = [self.put(name.decode(), raw) for name, _, raw in (one.partition(b"\t") for one in body.split(b"\n"))]
        return {"last": stored[-1].time}

    def create(self, kind: str, head: dict[str, str], body: bytes) -> tuple[int, bytes, Value]:
        token = head.get("if-none-exist", "").removeprefix("identifier=")
        for name, stored in self.held.items():
            if token and name.startswith(f"{kind}/") and token in stored.value["identifier"]:
                return 200, stored.raw, etag(stored) | {"location": f"{self.base}/{name}/_history/{stored.version}"}
        self.made += 1
        name = f"{kind}/made-{self.made}"
        stored = self.put(name, orjson.dumps(orjson.loads(body) | {"id": name.partition("/")[2]}))
        return 201, stored.raw, etag(stored) | {"location": f"{self.base}/{name}/_history/{stored.version}"}

    def update(self, name: str, head: dict[str, str], body: bytes) -> tuple[int, bytes, Value]:
        before = self.held.get(name)
        wanted = head.get("if-match", "")
        if wanted and before and wanted != f'W/"{before.version}"':
            return 412, outcome("another version"), {}
        if self.behave.get("refuse_update"):
            return int(self.behave["refuse_update"]), outcome("no"), {}
        stored = self.put(name, body)
        return 200, stored.raw, etag(stored)

    def control(self, told: Value) -> tuple[int, bytes, Value]:
        if told.get("reset"):
            self.held.clear()
            self.behave.clear()
            self.asked.clear()
            self.log = {kind: [] for kind in KINDS}
        self.behave |= told.get("behave", {})
        if "race" in told:  # somebody else updates this Task whenever we read it
            self.behave["race"] = told["race"]
        for name, at in told.get("late", {}).items():
            self.put(name, self.held[name].raw, at=at)
        for name in told.get("remove", ()):
            self.held.pop(name, None)
            kind = name.partition("/")[0]
            self.log[kind] = [one for one in self.log[kind] if one[1] != name]
        asked, self.asked = self.asked, [] if told.get("forget") else self.asked
        known = {n: json.loads(self.held[n].raw) for n in told.get("show", ()) if n in self.held}
        counts: dict[str, int] = {}
        for name, stored in self.held.items():
            if name.startswith("Task/"):
                counts[stored.value["status"]] = counts.get(stored.value["status"], 0) + 1
        acked = 0
        if "acked" in told:  # how many of these Tasks show a state of ours
            acked = sum(self.held[n].value["answered"] for n in told["acked"] if n in self.held)
        return 200, json.dumps({"asked": asked, "held": known, "counts": counts, "acked": acked}).encode(), {}

    def _odd(  # noqa: PLR0911 - one a way to misbehave
        self, method: str, path: str, query: str
    ) -> tuple[int, bytes, Value] | None:
        behave = self.behave
        is_search = method == "GET" and path.count("/") == 2 and not path.endswith("metadata")
        if behave.get("fail", 0) > 0:
            behave["fail"] -= 1
            more = {"retry-after": str(behave["retry_after"])} if "retry_after" in behave else {}
            return int(behave.get("status", 503)), outcome("later"), more
        if behave.get("poison") and behave["poison"] in f"{path}?{query}":
            return 500, outcome("broken"), {}
        if behave.get("search_status") and is_search:
            return int(behave["search_status"]), outcome("no"), {}
        if behave.get("html") and is_search:
            return 200, b"<html><body>Please log in</body></html>", {"content-type": "text/html"}
        if behave.get("body") and is_search:
            return 200, str(behave["body"]).encode(), {}
        if behave.get("redirect"):
            return 302, b"", {"location": "http://169.254.169.254/latest"}
        if behave.get("race") and path.endswith(behave["race"]) and method == "GET":
            name = path.removeprefix("/fhir/")
            stored = self.held[name]
            behave["races"] = behave.get("races", 0) + 1
            if behave["races"] <= 2:
                raw, version = stored.raw, etag(stored)
                self.put(name, orjson.dumps(orjson.loads(stored.raw) | {"description": f"by hand {behave['races']}"}))
                return 200, raw, version
        return None

    def capabilities(self) -> Value:
        codes = [{"code": code} for code in self.behave.get("offers", ("read", "search-type", "update", "create"))]
        versioning = "no-version" if self.behave.get("no_versions") else "versioned-update"
        resources = [{"type": kind, "interaction": codes, "versioning": versioning} for kind in KINDS]
        version = self.behave.get("fhir_version", "4.0.1")
        rest = [{"mode": "server", "resource": resources}]
        return {"resourceType": "CapabilityStatement", "fhirVersion": version, "rest": rest}

    async def __call__(self, scope: Value, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        head = {name.decode(): value.decode() for name, value in scope["headers"]}
        path, query = scope["path"], scope["query_string"].decode()
        status, content, more = self.answer(scope["method"], path, query, head, body)
        if self.behave.get("endless") and path == "/fhir/Task":
            await self._endless(send)
            return
        if self.behave.get("slow_s"):
            await asyncio.sleep(float(self.behave["slow_s"]))
        headers = {"content-type": "application/fhir+json"} | more
        sent = [(name.encode(), str(value).encode()) for name, value in headers.items()]
        sent.append((b"content-length", str(len(content)).encode()))
        await send({"type": "http.response.start", "status": status, "headers": sent})
        await send({"type": "http.response.body", "body": content})

    async def _endless(self, send: Any) -> None:
        """A page of 100 MB."""
        headers = [(b"content-type", b"application/fhir+json")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        for _ in range(100):
            await send({"type": "http.response.body", "body": b" " * 1_048_576, "more_body": True})
        await send({"type": "http.response.body", "body": b"{}"})


def _test(name: str, wanted: frozenset[str]) -> Callable[[Value], bool]:
    """A search parameter as a test. Raises ValueError for one that is not known."""
    if name == "status":
        return lambda value: value["status"] in wanted
    if name == "identifier":
        return lambda value: not wanted.isdisjoint(value.get("identifier", ()))
    if name in REFERENCES:
        return lambda value: not wanted.isdisjoint(value.get(REFERENCES[name], ()))
    raise ValueError(name)


def etag(stored: Stored) -> Value:
    return {"etag": f'W/"{stored.version}"'}


def outcome(text: str) -> bytes:
    issue = {"severity": "error", "code": "processing", "diagnostics": text}
    return orjson.dumps({"resourceType": "OperationOutcome", "issue": [issue]})


def _tokens(value: Value) -> tuple[str, ...]:
    held = value.get("identifier")
    many = held if isinstance(held, list) else []
    return tuple(f"{one.get('system', '')}|{one.get('value', '')}" for one in many if isinstance(one, dict))


def _targets(held: object) -> tuple[str, ...]:
    many = held if isinstance(held, list) else [held]
    return tuple(sys.intern(str(one.get("reference"))) for one in many if isinstance(one, dict))


if __name__ == "__main__":
    PORT = int(sys.argv[1])
    uvicorn.run(Hospital(PORT), host="127.0.0.1", port=PORT, log_level="critical", access_log=False, lifespan="off")
