"""What `hub doctor` looks at: one function, one question. Owns the thresholds and the fixes; changes nothing.

Errors of servers are raised as the hub's own and become findings in `hub.cli.doctor`.
"""

from __future__ import annotations

import dataclasses
import platform
import shutil
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Literal

import httpx
import msgspec

from hub.cli.accounts import credentials
from hub.cli.installation import is_external
from hub.cli.running import alive, web_url
from hub.cli.servers import Lag
from hub.ledger.counts import Counts
from hub.ledger.keyfile import load_keys
from hub.ledger.migrate import FOLDER as MIGRATIONS
from hub.producers.provision import Administration
from hub.schemas.topics import FEED, SYSTEM
from hub.settings import Settings
from infra.local.jars import default_cache, pinned_jars
from infra.local.java import find_java

Status = Literal["ok", "warn", "fail", "skip"]
CHECKOUT: Final = Path(__file__).resolve().parents[2]
LEAST: Final = (3, 11)
DISK_FAIL_GB, DISK_WARN_GB = 1, 5
CLOCK_WARN_S: Final = 2.0
LAG_WARN: Final = 10_000
FEED_WARN: Final = 5_000
#: Exactly what the running role may do to entries: add and read.
RIGHTS: Final = {"SELECT", "INSERT"}


class Check(msgspec.Struct, frozen=True):
    """One finding. `fix` says what to do about it; empty where nothing is wrong."""

    name: str
    status: Status
    text: str
    fix: str = ""


def failed(name: str, text: str, fix: str) -> Check:
    """A check that did not pass."""
    return Check(name, "fail", text, fix)


def _judged(name: str, text: str, fix: str, *, holds: bool, otherwise: Status = "fail") -> Check:
    return Check(name, "ok" if holds else otherwise, text, "" if holds else fix)


# ------------------------------------------------------------------ this machine
def python(settings: Settings) -> Check:
    """Python is new enough."""
    del settings
    fix = "install Python 3.11 or later, then: make setup"
    return _judged("python", platform.python_version(), fix, holds=sys.version_info >= LEAST)


def environment(settings: Settings) -> Check:
    """The hub runs in the checkout's own environment, with pinned packages."""
    del settings
    own = Path(sys.prefix).resolve() == (CHECKOUT / ".venv").resolve()
    return _judged("venv", sys.prefix, "make setup, then use .venv/bin/hub", holds=own, otherwise="warn")


def jars(settings: Settings) -> Check:
    """Kafka's jars are here, for local servers."""
    if is_external(settings):
        return Check("jars", "skip", "external servers are used")
    wanted = pinned_jars()
    there = sum((default_cache() / jar.filename).exists() for jar in wanted)
    return _judged("jars", f"{there} of {len(wanted)} in {default_cache()}", "make setup", holds=there == len(wanted))


def java(settings: Settings) -> Check:
    """A Java runtime answers, for local servers."""
    if is_external(settings):
        return Check("java", "skip", "external servers are used")
    found = find_java()
    return Check("java", "ok", f"{found.major} from {found.origin}")


def disk(settings: Settings) -> Check:
    """There is room to write."""
    folder = settings.state_dir if settings.state_dir.exists() else settings.state_dir.parent
    free = shutil.disk_usage(folder).free >> 30
    text, fix = f"{free} GB free at {folder}", "free some space, or move the state folder (HUB_STATE)"
    if free < DISK_FAIL_GB:
        return failed("disk", text, fix)
    return _judged("disk", text, fix, holds=free >= DISK_WARN_GB, otherwise="warn")


def keys(settings: Settings) -> Check:
    """The keys are here and nobody else's to read."""
    if not settings.keys_file.exists():
        return failed("keys", f"{settings.keys_file} is missing", "hub up makes new ones; old bodies need the old ones")
    load_keys(settings.keys_file)
    return Check("keys", "ok", f"{settings.keys_file}, mode {settings.keys_file.stat().st_mode & 0o777:04o}")


# ------------------------------------------------------------------ PostgreSQL
def postgres(settings: Settings) -> Check:
    """PostgreSQL answers and waits for the disk."""
    with Counts(settings.database_url) as counts:
        server = counts.server()
    safe = server.fsync == "on"
    text = f"version {server.version}, fsync {server.fsync}"
    return _judged("postgres", text, "set fsync = on: a power cut would lose what was acknowledged", holds=safe)


def clock(settings: Settings) -> Check:
    """This machine and PostgreSQL agree on the time."""
    with Counts(settings.database_url) as counts:
        apart = abs((datetime.now(UTC) - counts.server().now).total_seconds())
    text = f"{apart:.1f} s from PostgreSQL's"
    return _judged("clock", text, "let both follow an NTP server", holds=apart < CLOCK_WARN_S, otherwise="warn")


def migrations(settings: Settings) -> Check:
    """The tables are this release's."""
    newest = max(path.stem.partition("_")[0] for path in (MIGRATIONS / "versions").glob("[0-9]*.py"))
    with Counts(settings.database_url) as counts:
        there = counts.server().migration
    return _judged("migrations", f"at {there or 'none'} of {newest}", "hub up", holds=there == newest)


def rights(settings: Settings) -> Check:
    """Nobody who runs the hub can change or remove an entry."""
    with Counts(settings.database_url) as counts:
        held = set(counts.server().rights)
    text = f"hub_app on entries: {', '.join(sorted(held)) or 'nothing'}"
    return _judged("ledger rights", text, "hub up; then revoke the rest from hub_app", holds=held == RIGHTS)


# ------------------------------------------------------------------ Kafka
def kafka(settings: Settings) -> Check:
    """Kafka answers."""
    cluster = Administration(settings).cluster_id()
    return Check("kafka", "ok", f"cluster {cluster} at {settings.kafka_bootstrap}")


def topics(settings: Settings) -> Check:
    """The hub's own topics are there."""
    there = Administration(settings).topic_ids((*SYSTEM, FEED))
    return Check("topics", "ok", f"{len(there)} of the hub's own")


def denial(settings: Settings) -> Check:
    """One agency sees its own topics and no other: asked with the rights of an agency this machine knows."""
    kept = sorted(path.stem for path in (settings.state_dir / "agencies").glob("*.json"))
    held = credentials(settings, kept[0]) if kept else None
    if held is None:
        return Check("kafka rights", "skip", "no agency's credentials are kept here")
    as_agency = dataclasses.replace(settings, kafka_username=held.kafka.username, kafka_password=held.kafka.password)
    strange = set(Administration(as_agency).agencies()) - {held.code}
    text = f"{held.code} sees its own topics and {len(strange)} of others"
    return _judged(
        "kafka rights", text, "remove wide ACLs; allow.everyone.if.no.acl.found must be off", holds=not strange
    )


# ------------------------------------------------------------------ what runs
def processes(settings: Settings) -> Check:
    """The hub's processes run on this machine."""
    names = sorted(one.name for one in alive(settings.state_dir))
    return _judged("processes", ", ".join(names) or "none", "hub run", holds=bool(names), otherwise="warn")


def web(settings: Settings) -> Check:
    """The web answers, and reaches what it needs."""
    url = web_url(alive(settings.state_dir))
    if not url:
        return Check("web", "skip", "no web runs here")
    try:
        answer = httpx.get(f"{url}/readyz", timeout=5)
    except httpx.TransportError as error:
        return failed(
            "web", f"{url} does not answer ({type(error).__name__})", f"see {settings.state_dir}/logs/web.log"
        )
    return _judged("web", f"{url}: {answer.text}", "start what is named away", holds=answer.is_success)


def consumers(settings: Settings) -> Check:
    """Messages are decided as they come."""
    with Counts(settings.database_url) as counts:
        lag = Lag(settings, counts).messages()
    return _judged(
        "to decide",
        f"{lag:,} messages",
        "hub run --workers N with more workers",
        holds=lag < LAG_WARN,
        otherwise="warn",
    )


def relay(settings: Settings) -> Check:
    """What was decided is published."""
    with Counts(settings.database_url) as counts:
        standing = counts.standing()
    left = standing.size - standing.feed
    text = f"{left:,} positions to publish"
    return _judged("feed", text, "hub run relay; see logs/relay.log", holds=left < FEED_WARN, otherwise="warn")
