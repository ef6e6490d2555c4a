"""The topics' page and document: served by the hub itself, and loading nothing from elsewhere."""

from __future__ import annotations

import re
from typing import Any

import pytest

from hub import __version__
from hub.web.asyncapi import asyncapi


@pytest.mark.parametrize("path", ["/docs/asyncapi", "/docs/asyncapi.js"])
async def test_the_page_loads_nothing_from_elsewhere(web: Any, path: str) -> None:
    answer = await web.client.get(path)
    assert answer.status_code == 200
    assert "default-src 'self'" in answer.headers["content-security-policy"]
    assert not re.search(r"https?://|//[a-z0-9-]+\.[a-z]", answer.text)


async def test_the_page_draws_what_is_served(web: Any) -> None:
    answer = await web.client.get("/asyncapi.json")
    assert (answer.status_code, answer.json()) == (200, asyncapi(__version__))
    assert "/asyncapi.json" in (await web.client.get("/docs/asyncapi.js")).text
    assert "/docs/asyncapi" in (await web.client.get("/docs")).text
