"""docs/webhook.md says what the code does: its configuration is read, its example run."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from datetime import UTC, datetime
from pathlib import Path

from connectors import configuring
from connectors.protocol import Origin
from connectors.testing import free_port
from connectors.webhook import WebhookConnector
from tests.connectors.webhook.office import CALLBACK, SECRET, Taken

GUIDE = (Path(__file__).parents[3] / "docs" / "webhook.md").read_text(encoding="utf-8")


def block(language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", GUIDE, re.DOTALL)
    assert found
    return found[1]


async def test_the_configuration_is_read_and_the_example_is_taken_by_it(tmp_path: Path) -> None:
    for name, content in (("token", "t"), ("webhook-keys", SECRET), ("callback-key", CALLBACK)):
        (tmp_path / name).write_text(content, encoding="utf-8")
    (tmp_path / "partner.toml").write_text(block("toml"), encoding="utf-8")
    configured = configuring.read(tmp_path / "partner.toml")
    assert configured.connector is WebhookConnector
    port, taken = free_port(), Taken()
    alone = {"port": port, "host": "127.0.0.1", "certificate_file": None, "key_file": None}
    origin = Origin("prosecutors", "webhook", b"k" * 32, lambda: datetime.now(UTC).isoformat())
    task = asyncio.create_task(WebhookConnector(configured.config.model_copy(update=alone), origin).run(taken))
    await asyncio.sleep(0.2)
    script = block("python").replace(":8443", f":{port}")
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", script, cwd=tmp_path, stdout=asyncio.subprocess.PIPE, env=_without_proxies()
    )
    said, _ = await process.communicate()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert said.startswith(b"202 {'status': 'accepted'")
    assert [event["data"]["case_no"] for event in taken.events.values()] == ["2026-VS-0099"]


def _without_proxies() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
