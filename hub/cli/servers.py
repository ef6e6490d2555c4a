"""`hub up`, `hub down`, `hub status`: the servers the hub stands on, and what runs on them.

Owns the order of an installation: servers, keys, tables, the log's key, the hub's own topics. Registers no agency.
"""

from __future__ import annotations

import os
import signal
import time
from typing import Any, Final

import psutil

from hub.cli.installation import configured, installation, is_external
from hub.cli.output import Json, State, emit, examples, say, table
from hub.cli.running import Running, alive, started, web_url
from hub.errors import Retry
from hub.ledger.connect import connect
from hub.ledger.counts import Counts
from hub.ledger.webhooks import ACTIVE, Endpoints
from hub.producers.provision import Administration
from hub.producers.signer import create_key, load_key
from hub.settings import Settings
from infra.local.servers import Servers

#: How long `hub down` waits for a supervisor to end its processes.
DOWN_WITHIN_S: Final = 45.0


@examples("hub up", "hub up --json", "HUB_STATE=/srv/ieum hub up")
def up(state: State = None, as_json: Json = False) -> None:
    """Start PostgreSQL and Kafka (or use those of HUB_DATABASE_URL and HUB_KAFKA_BOOTSTRAP), and install the hub.

    Keys, tables, the log's signing key and the hub's own topics are made where they are missing; nothing that exists
    is changed. The servers stay until `hub down`.
    """
    settings = installation(state, start=True)
    install(settings)
    if as_json:
        emit(report(settings))
        return
    say("servers: " + ("external ones" if is_external(configured(state)) else f"local, in {settings.state_dir}"))
    print(table(_rows(report(settings))))


def install(settings: Settings) -> None:
    """What must exist before anything runs. May be repeated."""
    from hub import app  # noqa: PLC0415 - loads everything the hub has

    app.install(settings)
    if not settings.signer_file.exists():
        with Counts(settings.database_url) as counts:
            create_key(settings.signer_file, counts.standing().origin, app.draw)
    Administration(settings).ensure_system()


@examples("hub down", "hub down --state /srv/ieum")
def down(state: State = None, as_json: Json = False) -> None:
    """End the hub's processes cleanly, then the local servers. Data stays; external servers are left alone."""
    settings = configured(state)
    stopped = end_hub(settings)
    servers = Servers(settings.state_dir)
    info = None if is_external(settings) else servers.status()
    running = dict(info.pids) if info else {}
    if running:
        servers.stop()
    ended = sorted({one.name for one in stopped} | set(running))
    if as_json:
        emit({"stopped": ended})
    else:
        print(f"stopped: {', '.join(ended)}" if ended else "nothing ran")


def end_hub(settings: Settings) -> tuple[Running, ...]:
    """Ask the supervisors to end and wait for it. Returns what ran."""
    running = alive(settings.state_dir)
    supervisors = {one.supervisor for one in running} - {os.getpid()}
    for pid in supervisors:
        if started(pid):
            os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + DOWN_WITHIN_S
    while alive(settings.state_dir) and time.monotonic() < deadline:
        time.sleep(0.05)
    for one in alive(settings.state_dir):
        os.kill(one.pid, signal.SIGKILL)
    return running


@examples("hub status", "hub status --json")
def status(state: State = None, as_json: Json = False) -> None:
    """What runs, where, and how far it is: ledger, feed and what is still to be decided."""
    settings = installation(state)
    found = report(settings)
    if as_json:
        emit(found)
    else:
        print(table(_rows(found)))


def report(settings: Settings) -> dict[str, Any]:
    """The status as one value. Raises `Retry` when a server does not answer."""
    processes = alive(settings.state_dir)
    with Counts(settings.database_url) as counts:
        standing = counts.standing()
        lag = Lag(settings, counts).topics()
    info = None if is_external(configured(settings.state_dir)) else Servers(settings.state_dir).status()
    return {
        "state": str(settings.state_dir),
        "servers": dict(info.pids) if info else "external",
        "web": {"url": web_url(processes) or None},
        "kafka": {"bootstrap": settings.kafka_bootstrap},
        "log": {"origin": standing.origin, "vkey": vkey(settings)},
        "processes": [{"name": p.name, "pid": p.pid, "memory_mb": memory_mb(p.pid)} for p in processes],
        "ledger": {"size": standing.size, "root": standing.root, "heard": standing.heard},
        "feed": {"position": standing.feed, "behind": standing.size - standing.feed, "epoch": standing.epoch},
        "lag": {"messages": sum(lag.values()), "topics": lag},
        "webhooks": webhooks(settings),
    }


def webhooks(settings: Settings) -> dict[str, Any]:
    """How many endpoints agencies have, and which of them wait for another attempt or were disabled."""
    with connect(settings.database_url, name="hub-status") as connection:
        found = Endpoints(connection).of()
    failing = [e for e in found if e.state != ACTIVE or e.attempt]
    return {
        "endpoints": len(found),
        "failing": [{"agency": e.agency, "id": e.id, "state": e.state, "why": e.why, "due": e.due} for e in failing],
    }


def vkey(settings: Settings) -> str | None:
    """The log's public key, as `hub-verify` wants it; None before the log has one."""
    return load_key(settings.signer_file).verifier().vkey() if settings.signer_file.exists() else None


class Lag:
    """What is still to be decided, asked again and again over one connection each."""

    def __init__(self, settings: Settings, counts: Counts) -> None:
        self._counts, self._administration = counts, Administration(settings)
        self._cluster = self._administration.cluster_id()

    def topics(self) -> dict[str, int]:
        """Messages not decided yet, by topic; topics that are up to date are left out."""
        ends, decided = self._administration.end_offsets(), self._counts.decided(self._cluster)
        left: dict[str, int] = {}
        for place, end in ends.items():
            waiting = end - decided.get(place, 0)
            if waiting > 0:
                left[place[0]] = left.get(place[0], 0) + waiting
        return left

    def messages(self) -> int:
        """How many those are."""
        return sum(self.topics().values())


def memory_mb(pid: int) -> int:
    """Resident memory of a process."""
    try:
        return int(psutil.Process(pid).memory_info().rss >> 20)
    except psutil.NoSuchProcess as error:
        raise Retry(f"process {pid} ended just now") from error


def _rows(found: dict[str, Any]) -> list[tuple[str, str]]:
    processes = ", ".join(f"{p['name']} ({p['pid']}, {p['memory_mb']} MB)" for p in found["processes"])
    servers = found["servers"]
    return [
        ("web", found["web"]["url"] or "not running (hub run)"),
        ("kafka", found["kafka"]["bootstrap"]),
        ("servers", servers if isinstance(servers, str) else ", ".join(f"{n} ({p})" for n, p in servers.items())),
        ("processes", processes or "none (hub run)"),
        ("ledger", f"{found['ledger']['size']:,} entries, root {found['ledger']['root'][:16]}…"),
        ("feed", f"position {found['feed']['position']:,}, {found['feed']['behind']:,} behind"),
        ("to decide", f"{found['lag']['messages']:,} messages"),
        ("webhooks", _told(found["webhooks"])),
        ("log key", found["log"]["vkey"] or "none yet"),
    ]


def _told(webhooks: dict[str, Any]) -> str:
    failing = ", ".join(f"{e['agency']} {e['id']} {e['state']}: {e['why']}" for e in webhooks["failing"])
    return f"{webhooks['endpoints']} endpoints" + (f"; {failing} (hub agency webhook list)" if failing else "")
