"""Owns the folders of Connect's and Debezium's jars. Fetching and checking is `infra.local.jars`', the broker's own."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from infra.local.jars import default_cache, ensure_jars, pinned_jars

WORKER_LIST: Final = Path(__file__).with_name("worker-jars.txt")
PLUGIN_LIST: Final = Path(__file__).with_name("debezium-jars.txt")


def ensure_worker() -> tuple[Path, Path]:
    """The broker's jars and what Connect needs beside them, as two folders of a class path."""
    return ensure_jars(), ensure_jars(_folder("connect-jars"), pinned_jars(WORKER_LIST.read_text(encoding="utf-8")))


def ensure_plugins() -> Path:
    """The folder that is Connect's `plugin.path`: one folder below it for each plugin."""
    listed = pinned_jars(PLUGIN_LIST.read_text(encoding="utf-8"))
    return ensure_jars(_folder("connect-plugins") / "debezium-postgres", listed).parent


def _folder(name: str) -> Path:
    return default_cache().with_name(name)
