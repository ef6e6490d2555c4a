"""Which hub a command speaks to: settings from flags, environment and file, completed by the local servers' own record.

Owns that completion, and where this machine keeps agencies' credentials. Starts servers only when asked to.
"""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

from hub.errors import Usage
from hub.settings import Settings, load
from infra.local.errors import LocalServerError
from infra.local.servers import Servers, default_state_dir
from infra.local.state import ServerInfo

UNSET = Settings().state_dir


def configured(state_dir: Path | None = None, **flags: object) -> Settings:
    """The settings as given, before local servers are asked. The state folder is absolute."""
    settings = load({"state_dir": state_dir, **flags})
    folder = default_state_dir() if settings.state_dir == UNSET else settings.state_dir.resolve()
    return dataclasses.replace(settings, state_dir=folder)


def is_external(settings: Settings) -> bool:
    """Whether both servers were named. Raises `Usage` when only one was: a half-named pair is no guess to make."""
    named = bool(settings.kafka_bootstrap), bool(settings.database_url)
    if any(named) and not all(named):
        raise Usage(
            "only one of kafka_bootstrap and database_url is set.",
            "Set both to use servers of your own, or neither to use local ones.",
        )
    return all(named)


def installation(state_dir: Path | None = None, *, start: bool = False, **flags: object) -> Settings:
    """Complete settings of the hub in this state folder; `start` starts local servers that do not run.

    Raises `LocalServerError` when they do not run and were not to be started.
    """
    settings = configured(state_dir, **flags)
    if is_external(settings):
        return settings
    servers = Servers(settings.state_dir)
    return completed(settings, servers.start() if start else _running(servers))


def completed(settings: Settings, info: ServerInfo) -> Settings:
    """The settings with the servers' addresses and the administrator's password."""
    return dataclasses.replace(
        settings,
        kafka_bootstrap=info.kafka_bootstrap,
        database_url=info.database_url,
        kafka_username=info.kafka_admin_username or "",
        kafka_password=info.kafka_admin_password or "",
        kafka_mechanism=info.kafka_mechanism or settings.kafka_mechanism,
        kafka_protocol=info.kafka_security_protocol,
    )


def _running(servers: Servers) -> ServerInfo:
    info = servers.status()
    missing = [] if info is not None and info.external else ["postgres", "kafka"]
    missing = [name for name in missing if info is None or name not in info.pids]
    if info is None or missing:
        raise LocalServerError(f"not running in {servers.state_dir}: {', '.join(missing)}", remedy="hub up")
    return info


def environment(settings: Settings) -> dict[str, str]:
    """The settings as HUB_* variables for a child process, over what is not the hub's in ours."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("HUB_")}
    values = {f"HUB_{f.name.upper()}": str(getattr(settings, f.name)) for f in dataclasses.fields(settings)}
    return kept | values | {k: os.environ[k] for k in ("HUB_DEBUG",) if k in os.environ}


def write_private(path: Path, content: bytes) -> None:
    """Replace a file only its owner may read, whole or not at all."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(content)
    beside.replace(path)
