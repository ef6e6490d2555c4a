"""Health, readiness, metrics, the log's tiles and the API's own page."""

from __future__ import annotations

import re
from typing import Any

import pytest

from hub.ledger.reads_log import Published

TILES = ["/log/tile/0/000", "/log/tile/0/000.p/5", "/log/tile/1/000.p/1"]


async def test_alive_whatever_is_away(web: Any, fake: Any) -> None:
    fake.kafka_away = fake.postgresql_away = True
    assert (await web.client.get("/healthz")).status_code == 200


async def test_ready_names_what_is_away(web: Any, fake: Any) -> None:
    assert (await web.client.get("/readyz")).status_code == 200
    fake.kafka_away = True
    answer = await web.client.get("/readyz")
    assert (answer.status_code, answer.json()["kafka"], answer.json()["postgresql"]) == (503, "away", "ok")
    fake.kafka_away, fake.postgresql_away = False, True
    answer = await web.client.get("/readyz")
    assert (answer.status_code, answer.json()["kafka"], answer.json()["postgresql"]) == (503, "ok", "away")


async def test_metrics_hold_no_id_account_or_address(web: Any, kit: Any, sample: Any) -> None:
    await web.send(sample(id="secret-id"))
    await web.get(f"/v1/persons/{kit.uid(0xA1)}")
    await web.get("/%EB%B0%95%EC%88%9C%EC%9E%90/secret-path")
    text = (await web.client.get("/metrics")).text
    assert 'route="/v1/persons/{id}",status="404"' in text
    assert "hub_web_events_total 1.0" in text
    for never in (kit.uid(0xA1), "secret", "hosp", "박순자"):
        assert never not in text


async def test_a_strange_method_is_no_label(web: Any) -> None:
    assert (await web.client.request("BREW", "/v1/feed")).status_code in {401, 405}
    assert "BREW" not in (await web.client.get("/metrics")).text


# ------------------------------------------------------------------ the log
async def test_the_checkpoint_is_served_as_it_was_signed(web: Any, fake: Any) -> None:
    assert (await web.get("/log/checkpoint")).status_code == 404
    fake.checkpoints = Published(300, "ieum.hub/test\n300\nroot=\n\n— sig\n")
    answer = await web.get("/log/checkpoint")
    assert (answer.text, answer.headers["content-type"]) == (fake.checkpoints.note, "text/plain; charset=utf-8")


@pytest.mark.parametrize("path", ["/log/checkpoint", *TILES, "/log/tile/entries/000"])
async def test_the_log_is_for_accounts_only(web: Any, path: str) -> None:
    assert (await web.client.get(path)).status_code == 401


@pytest.mark.parametrize("path", TILES)
async def test_a_hash_tile_is_for_every_account_and_for_ever(web: Any, fake: Any, path: str) -> None:
    fake.checkpoints = Published(300, "")
    answer = await web.get(path, "none")
    assert (answer.status_code, answer.content.decode()) == (200, path.removeprefix("/log/"))
    assert "immutable" in answer.headers["cache-control"]
    assert "private" in answer.headers["cache-control"]


async def test_entries_are_for_audit_alone(web: Any, fake: Any) -> None:
    fake.checkpoints = Published(300, "")
    assert (await web.get("/log/tile/entries/000", "city")).status_code == 403
    assert (await web.get("/log/tile/entries/000", "auditor")).status_code == 200


@pytest.mark.parametrize(
    "path",
    ["0/001", "0/000.p/0", "0/000.p/256", "0/0", "x", "", "64/000", "0/x000/000", "0/" + "x999/" * 50 + "999", "%00"],
)
async def test_what_is_no_tile_of_the_published_tree_is_404(web: Any, fake: Any, path: str) -> None:
    fake.checkpoints = Published(300, "")
    assert (await web.get(f"/log/tile/{path}", "auditor")).status_code == 404


# ------------------------------------------------------------------ pages
async def test_the_front_door_leads_to_the_page(web: Any) -> None:
    answer = await web.client.get("/")
    assert (answer.status_code, answer.headers["location"]) == (307, "/docs")


@pytest.mark.parametrize("path", ["/docs", "/docs/docs.js", "/docs/docs.css"])
async def test_the_page_loads_nothing_from_elsewhere(web: Any, path: str) -> None:
    answer = await web.client.get(path)
    assert answer.status_code == 200
    assert "default-src 'self'" in answer.headers["content-security-policy"]
    assert not re.search(r"https?://|//[a-z0-9-]+\.[a-z]", answer.text)


@pytest.mark.parametrize("name", ["../app.py", "docs.py", "%2e%2e%2fapp.py", "x"])
async def test_the_page_serves_its_own_files_only(web: Any, name: str) -> None:
    assert (await web.client.get(f"/docs/{name}")).status_code == 404


async def test_the_description_names_every_address(web: Any) -> None:
    paths = (await web.client.get("/openapi.json")).json()["paths"]
    assert {
        "/v1/events", "/v1/receipts/{source}/{id}", "/v1/feed", "/v1/cases/{id}", "/v1/cases/{id}/timeline",
        "/v1/referrals/{id}", "/v1/persons/{id}", "/v1/referrals/{id}/{change}", "/log/checkpoint",
        "/log/tile/{path}", "/healthz", "/readyz", "/metrics",
    } <= set(paths)  # fmt: skip
    assert "422" not in str([list(o["responses"]) for p in paths.values() for o in p.values()])


async def test_an_unknown_address_and_a_wrong_method_are_problems(web: Any) -> None:
    for answer in (await web.get("/nope"), await web.ask("DELETE", "/v1/feed", "hosp")):
        assert answer.headers["content-type"] == "application/problem+json"


async def test_a_defect_is_a_500_that_says_nothing(deps: Any) -> None:
    import httpx  # noqa: PLC0415

    from hub.web.app import create_app  # noqa: PLC0415

    def broken() -> Any:
        raise ZeroDivisionError("박순자")

    deps.reads.directory = broken
    transport = httpx.ASGITransport(create_app(deps), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://hub") as client:
        answer = await client.get("/v1/feed", headers={"Authorization": "Bearer token-hosp"})
    assert (answer.status_code, answer.headers["content-type"]) == (500, "application/problem+json")
    assert "박순자" not in answer.text
