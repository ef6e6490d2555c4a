"""The committed schemas are those of the models, and every reference in them leads somewhere."""

from __future__ import annotations

from typing import Any

import pytest

from hub.cli.schemas import FOLDER, differences
from hub.core.feedview import FEED_FACTS, OUTBOX_FACTS
from hub.web.schema_documents import documents


def test_the_committed_schemas_are_the_models() -> None:
    assert differences(FOLDER) == {}, "run: .venv/bin/hub schemas build"


@pytest.mark.parametrize("name", sorted(documents()))
def test_every_reference_leads_somewhere(name: str) -> None:
    document = documents()[name]
    missing = {ref for ref in references(document) if ref.removeprefix("#/$defs/") not in document.get("$defs", {})}
    assert missing == set()


@pytest.mark.parametrize(("name", "listed"), [("feed", FEED_FACTS), ("outbox", OUTBOX_FACTS)])
def test_a_view_promises_exactly_the_facts_that_may_leave(name: str, listed: dict[str, tuple[str, ...]]) -> None:
    for shape in documents()[name]["oneOf"]:
        data = shape["properties"]["data"]["properties"]
        if "facts" in data:
            assert set(data["facts"]["properties"]) == set(listed[data["kind"]["const"]])


def references(node: Any) -> set[str]:
    if isinstance(node, dict):
        own = {node["$ref"]} if isinstance(node.get("$ref"), str) else set()
        return own.union(*(references(v) for v in node.values())) if node else own
    return set().union(*(references(v) for v in node)) if isinstance(node, list) else set()
