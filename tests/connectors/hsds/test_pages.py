"""An HSDS API on a port of this machine: paging, its ends, its faults, its token."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from connectors.hsds import pages as paging
from connectors.hsds.pages import Away
from tests.connectors.hsds.desk import Desk

ALL = [{"id": f"o-{n}", "name": f"복지관 {n}"} for n in range(23)]
Answer = tuple[int, bytes]
Serve = Callable[[int, int], Answer]


def page(number: int, size: int, **more: Any) -> Answer:
    held = ALL[(number - 1) * size : number * size]
    total = -(-len(ALL) // size)
    told = {"page_number": number, "total_pages": total, "last_page": number >= total, "contents": held}
    return 200, json.dumps(told | more).encode()


class Api:
    """Answers GET /api/organizations."""

    def __init__(self) -> None:
        self.serve: Serve = page
        self.asked: list[tuple[int, str]] = []
        self.url = ""

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("ascii")
        split = urlsplit(head.split(" ")[1])
        query = {name: held[0] for name, held in parse_qs(split.query).items()}
        headers = dict(line.lower().split(": ", 1) for line in head.split("\r\n")[1:] if ": " in line)
        self.asked.append((int(query["page"]), headers.get("authorization", "")))
        assert (split.path, query["full"]) == ("/api/organizations", "true")
        status, body = self.serve(int(query["page"]), int(query["per_page"]))
        writer.write(b"HTTP/1.1 %d .\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % (status, len(body)) + body)
        writer.close()


@asynccontextmanager
async def serving() -> AsyncIterator[Api]:
    api = Api()
    server = await asyncio.start_server(api.answer, "127.0.0.1", 0)
    api.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/api/"
    try:
        yield api
    finally:
        server.close()


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    async with serving() as held:
        yield held


@pytest.fixture
def desk(tmp_path: Path, api: Api) -> Desk:
    return Desk(tmp_path, url=api.url, state=str(tmp_path / "state"), page_size=10, token="geheim")


async def test_every_page_is_read_once_with_the_token(desk: Desk, api: Api) -> None:
    assert await desk.look() == 23
    assert api.asked == [(n, "bearer geheim") for n in (1, 2, 3)]
    assert await desk.look() == 0
    assert len(desk.taken) == 23


async def test_only_what_changed_since_is_sent(desk: Desk, api: Api) -> None:
    await desk.look()
    api.serve = lambda n, s: (200, page(n, s)[1].replace(json.dumps("복지관 7").encode(), json.dumps("새집").encode()))
    assert await desk.look() == 1
    assert desk.names()[-1] == "새집"


@pytest.mark.parametrize(
    "serve",
    [
        lambda n, s: page(n, s, last_page=None),  # says how many there are
        lambda n, s: page(n, s, last_page=None) if (n - 1) * s < len(ALL) else (400, b"{}"),  # and means it
        lambda n, s: page(n, s, last_page=None, total_pages=None) if n < 4 else (404, b"{}"),  # says nothing
        lambda n, s: page(n, s, last_page="false") if n < 4 else (200, b'{"contents": []}'),
        lambda _, __: (200, json.dumps(ALL).encode()),  # a list, whatever page is asked for
        lambda _, __: (200, page(1, 100)[1].replace(b'"last_page": true', b'"last_page": false')),  # ignores paging
    ],
)
async def test_every_way_to_end_is_an_end(desk: Desk, api: Api, serve: Serve) -> None:
    api.serve = serve
    assert await desk.look() == 23
    assert desk.problems() == []


@pytest.mark.parametrize(
    ("broken", "code"),
    [((500, b""), "status"), ((200, b"<html>"), "not_json"), ((401, b"{}"), "status"), ((200, b""), "empty")],
)
async def test_a_page_that_cannot_be_read_is_named_and_the_ones_before_pass(
    desk: Desk, api: Api, broken: Answer, code: str
) -> None:
    api.serve = lambda n, s: broken if n == 2 else page(n, s)
    assert await desk.look() == 10
    assert desk.problems() == [("page 2", 0, "", code)]


async def test_a_directory_that_answers_nothing_is_asked_again(desk: Desk, api: Api) -> None:
    api.serve = lambda _, __: (503, b"")
    with pytest.raises(Away, match="503"):
        await desk.look()
    api.serve = page
    assert await desk.look() == 23


async def test_nobody_there_is_away(tmp_path: Path) -> None:
    desk = Desk(tmp_path, url="http://127.0.0.1:9/x", state=str(tmp_path / "state"))
    with pytest.raises(Away):
        await desk.look()
    checks = {check.name: check for check in await desk.connector.check()}
    assert not checks["directory"].ok


async def test_a_page_without_end_is_cut(desk: Desk, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paging, "PAGE_LIMIT", 5000)
    api.serve = lambda n, s: page(n, s) if n == 1 else (200, b"x" * 100_000)
    assert await desk.look() == 10
    assert desk.problems() == [("page 2", 0, "", "too_large")]


async def test_check_warns_of_a_token_without_tls(desk: Desk) -> None:
    checks = {check.name: check for check in await desk.connector.check()}
    assert (checks["directory"].ok, checks["tls"].ok) == (True, False)
    assert "geheim" not in str(checks)
