"""Whatever a client sends, the answer is never a 5xx: only what is away may be that."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any
from urllib.parse import quote

import httpx
import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

QUICK = settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
SEGMENT = st.one_of(
    st.binary(max_size=40).map(lambda raw: quote(raw, safe="")),
    st.text(max_size=40).map(lambda text: quote(text.encode("utf-8", "surrogatepass"), safe="")),
    st.sampled_from(
        ["%00", "%ff", "..", "%2e%2e", "//", "-" * 36, "a" * 36, "0" * 400, "accept", "1.p/2", "x001", "\\", ";", "%"]
    ),
)
VALUE = st.one_of(
    st.integers(),
    st.sampled_from(["", "nan", "inf", "1e999", "-0", "0x10", "%00", "9" * 5000, "true", "[]", "١"]),
    st.text(max_size=20).map(lambda text: quote(text.encode("utf-8", "surrogatepass"))),
)
PATHS = st.sampled_from(
    [
        "/v1/cases/{}", "/v1/cases/{}/timeline", "/v1/referrals/{}", "/v1/persons/{}", "/v1/receipts/{}/{}",
        "/v1/persons/{}/why", "/v1/persons/{}/why-not/{}", "/v1/persons/{}/how", "/v1/reviews", "/v1/reviews/{}",
        "/v1/receipts///agency/hosp/{}/{}", "/log/tile/{}", "/log/tile/{}/{}", "/v1/feed", "/docs/{}", "/{}", "/{}/{}",
    ]
)  # fmt: skip
QUERY = st.dictionaries(st.sampled_from(["after", "all", "limit", "wait", "purpose", "x"]), VALUE, max_size=3)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)
ATTRIBUTES = ["specversion", "id", "source", "type", "time", "dataschema", "data", "data_base64", "partitionkey", "x"]
HEADER = st.text(st.characters(min_codepoint=1, max_codepoint=255, exclude_characters="\r\n"), max_size=60)


def ask(web: Any, method: str, path: str, **more: Any) -> httpx.Response:
    """One request on a loop of its own: hypothesis runs many in one test."""
    headers = {b"Authorization": b"Bearer token-hosp"} | more.pop("headers", {})

    async def run() -> httpx.Response:
        transport = httpx.ASGITransport(web.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://hub") as client:
            # Absolute: a relative address may not begin with two slashes, and a client may send just that.
            answer: httpx.Response = await client.request(method, "http://hub" + path, headers=headers, **more)
            return answer

    return _run(run())


def _run(work: Coroutine[Any, Any, httpx.Response]) -> httpx.Response:
    with asyncio.Runner() as runner:
        return runner.run(work)


def fits(answer: httpx.Response) -> None:
    assert answer.status_code < 500, answer.text
    if answer.status_code >= 400:
        problem = answer.json()
        assert answer.headers["content-type"] == "application/problem+json"
        assert problem["status"] == answer.status_code


@pytest.fixture
def app(make_web: Any) -> Any:
    return make_web()


@QUICK
@given(path=PATHS, first=SEGMENT, second=SEGMENT, query=QUERY)
def test_any_address_is_never_a_5xx(app: Any, path: str, first: str, second: str, query: dict[str, Any]) -> None:
    target = path.format(first, second) + ("?" + "&".join(f"{k}={v}" for k, v in query.items()) if query else "")
    if len(target) < 60_000:
        answer = ask(app, "GET", target)
        assert answer.status_code < 500, answer.text


@QUICK
@given(raw=st.binary(max_size=300), kind=st.sampled_from(["cloudevents", "cloudevents-batch"]))
def test_any_bytes_as_events_are_never_a_5xx(app: Any, raw: bytes, kind: str) -> None:
    fits(ask(app, "POST", "/v1/events", content=raw, headers={b"Content-Type": f"application/{kind}+json".encode()}))


@QUICK
@given(change=st.dictionaries(st.sampled_from(ATTRIBUTES), JSON, max_size=3), batch=st.booleans(), wait=VALUE)
def test_any_json_as_events_is_never_a_5xx(app: Any, sample: Any, change: Any, batch: bool, wait: Any) -> None:  # noqa: FBT001
    import json  # noqa: PLC0415 - the one that also writes NaN and lone surrogates

    value = sample() | change
    raw = json.dumps([value, sample()] if batch else value).encode()
    kind = b"application/cloudevents-batch+json" if batch else b"application/cloudevents+json"
    wait = "0" if str(wait) in {"1", "2", "3", "4", "5"} else wait
    fits(ask(app, "POST", f"/v1/events?wait={wait}", content=raw, headers={b"Content-Type": kind}))


@QUICK
@given(
    attributes=st.dictionaries(st.sampled_from([f"ce-{a}" for a in ATTRIBUTES]), HEADER, max_size=6),
    body=st.binary(max_size=100) | JSON.map(lambda v: orjson.dumps(str(v).encode("utf-8", "replace").decode())),
    kind=HEADER | st.sampled_from(["application/json", "text/plain", "a/b+json; charset=utf-8"]),
)
def test_any_headers_are_never_a_5xx(app: Any, attributes: dict[str, str], body: bytes, kind: str) -> None:
    named = {"ce-specversion": "1.0", "content-type": kind} | attributes
    headers = {k.encode(): v.encode("latin-1") for k, v in named.items()}
    fits(ask(app, "POST", "/v1/events", content=body, headers=headers))


@QUICK
@given(first=SEGMENT, body=st.binary(max_size=100) | JSON.map(lambda v: str(v).encode("utf-8", "replace")), key=HEADER)
def test_any_change_is_never_a_5xx(app: Any, kit: Any, first: str, body: bytes, key: str) -> None:
    headers = {b"Idempotency-Key": key.encode("latin-1")}
    for path in (f"/v1/referrals/{first}/accept", f"/v1/referrals/{kit.uid(1)}/{first}"):
        answer = ask(app, "POST", path, content=body, headers=headers)
        assert answer.status_code < 500, answer.text


@QUICK
@given(value=HEADER)
def test_any_token_is_never_a_5xx(app: Any, value: str) -> None:
    assert ask(app, "GET", "/v1/feed", headers={b"Authorization": value.encode("latin-1")}).status_code < 500


@QUICK
@given(
    first=SEGMENT,
    body=st.binary(max_size=100) | JSON.map(lambda v: orjson.dumps(str(v).encode("utf-8", "replace").decode())),
    fields=st.dictionaries(st.sampled_from(["other", "records", "reason", "text", "x"]), JSON, max_size=4),
    key=HEADER,
)
def test_any_word_on_who_is_who_is_never_a_5xx(
    app: Any, kit: Any, first: str, body: bytes, fields: dict[str, Any], key: str
) -> None:
    import json  # noqa: PLC0415 - the one that also writes NaN and lone surrogates

    headers = {b"Idempotency-Key": key.encode("latin-1")}
    named = json.dumps({"other": kit.uid(2), "reason": "asked_person"} | fields).encode()
    for path in (
        f"/v1/persons/{first}/merge",
        f"/v1/persons/{kit.uid(1)}/merge",
        f"/v1/persons/{kit.uid(1)}/unmerge",
        f"/v1/reviews/{kit.uid(1)}/same",
        f"/v1/reviews/{kit.uid(1)}/{first}",
    ):
        for content in (body, named):
            answer = ask(app, "POST", path, content=content, headers=headers)
            assert answer.status_code < 500, answer.text
