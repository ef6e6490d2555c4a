"""Accounts of agencies, as the city makes them: registered in the ledger, then topic, rights, password and token.

Owns the order (the ledger first: an account nobody recorded can do nothing) and what is kept of an agency on this
machine. `register_accounts` makes many at once. A secret is returned once and saved only here, mode 0600.

What a crash leaves: an account without a way in; registering it again gives it one.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
import orjson

from hub import app
from hub.cli.installation import write_private
from hub.cli.publishing import Outgoing, Verdicts, publish
from hub.core.directory import Agency
from hub.errors import Retry, Usage
from hub.ledger.accounts import Accounts
from hub.ledger.connect import connect
from hub.ledger.keyfile import load_keys
from hub.producers import quotas
from hub.producers.provision import Administration
from hub.producers.rights import username
from hub.schemas.canonical import AgencyClaim, KeyClaim, Refusal
from hub.schemas.envelope import Envelope, parse
from hub.schemas.topics import HUB, RULES, Formats, Types, inbound
from hub.settings import Settings

#: A verdict takes milliseconds; longer means that no consumer runs.
VERDICT_WITHIN_S: Final = 30.0
PASSWORD_BYTES: Final = 24


class KafkaAccess(msgspec.Struct, frozen=True):
    """An agency's way in over Kafka."""

    username: str
    password: str
    topic: str
    bootstrap: str
    mechanism: str


class Credentials(msgspec.Struct, frozen=True):
    """What an agency is given once."""

    code: str
    token: str
    kafka: KafkaAccess


def register(settings: Settings, claims: Sequence[AgencyClaim]) -> list[Credentials]:
    """Record the accounts and give each a new token and a new password. Raises `Usage` for what is refused.

    Topics first: the relay publishes the registration at once, and an outbox that is not there then would miss it.
    """
    Administration(settings).check([c.code for c in claims])
    given = provide(settings, [c.code for c in claims])
    tell(settings, [message(Types.AGENCY, c, "register") for c in claims])
    return given


def register_accounts(settings: Settings, claims: Sequence[AgencyClaim]) -> dict[str, Credentials]:
    """Make many accounts at once; those that are there already, equal and with a working token, are kept."""
    with Verdicts(settings) as verdicts:
        known = verdicts.reads.directory()
    fresh = [c for c in claims if c.code not in known or not _is_equal(c, known[c.code])]
    tell(settings, [message(Types.AGENCY, c, "register") for c in fresh])
    return provide_missing(settings, [c.code for c in claims])


def provide_missing(settings: Settings, codes: Sequence[str]) -> dict[str, Credentials]:
    """A way in for each that has none that works. Before the hub runs, this spares its consumers a rebalance."""
    kept = _working(settings, codes)
    return kept | {held.code: held for held in provide(settings, [code for code in codes if code not in kept])}


def change(settings: Settings, code: str, action: str) -> None:
    """Suspend an account or let it go on, in the ledger."""
    claim = AgencyClaim(code, "", "", (), "")
    tell(settings, [message(Types.AGENCY_STATE, claim, action)])


def change_key(settings: Settings, code: str, key: str, *, add: bool) -> None:
    """Register a key that an agency's events are signed with, or remove one, in the ledger. Raises `Usage`."""
    claim = KeyClaim(code, key, "add_key" if add else "remove_key")
    tell(settings, [message(Types.AGENCY_STATE, claim, claim.action)])


def withdraw(settings: Settings, code: str) -> None:
    """Take an agency's token and its rights on Kafka."""
    with connect(settings.database_url, name="hub-accounts") as connection:
        Accounts(connection, load_keys(settings.keys_file).pepper).deactivate(code)
    Administration(settings).suspend(code)
    path(settings, code).unlink(missing_ok=True)


def limit(settings: Settings, code: str, events_per_s: float | None) -> None:
    """How many events a second an agency may send; None: as many as any other. In force within a second.

    Over HTTP they are counted; on Kafka it is that many times 4 KiB, for its user and its certificates.
    """
    with connect(settings.database_url, name="hub-accounts") as connection:
        Accounts(connection, load_keys(settings.keys_file).pepper).limit(code, events_per_s)
    throttle(settings, code, events_per_s)


def throttle(settings: Settings, code: str, events_per_s: float | None) -> None:
    """The same on Kafka alone."""
    quotas.limit(settings, {username(code), *Administration(settings).certificates(code)}, events_per_s)


def rate_of(settings: Settings, code: str) -> float | None:
    """An agency's own rate."""
    with connect(settings.database_url, name="hub-accounts") as connection:
        return Accounts(connection, load_keys(settings.keys_file).pepper).rates().get(code)


def must_exist(settings: Settings, code: str) -> None:
    """Raises `Usage` for an agency nobody registered."""
    with Verdicts(settings) as verdicts:
        if code not in verdicts.reads.directory():
            raise Usage(f"there is no agency '{code}'.", "See `hub agency list`.")


def provide(settings: Settings, codes: Sequence[str]) -> list[Credentials]:
    """Topics, rights, a new password and a new token for each. The former ones stop working."""
    if not codes:
        return []
    passwords = {code: app.draw(PASSWORD_BYTES).hex() for code in codes}
    Administration(settings).add_agencies(passwords)
    with connect(settings.database_url, name="hub-accounts") as connection:
        accounts = Accounts(connection, load_keys(settings.keys_file).pepper)
        made = [_credentials(settings, code, accounts.issue(code, app.draw(32)), passwords[code]) for code in codes]
    for held in made:
        write_private(path(settings, held.code), msgspec.json.encode(held))
    return made


def credentials(settings: Settings, code: str) -> Credentials | None:
    """What this machine keeps of an agency, None if nothing."""
    kept = path(settings, code)
    return msgspec.json.decode(kept.read_bytes(), type=Credentials) if kept.exists() else None


# ------------------------------------------------------------------ messages of the hub itself
def message(type_: str, claim: AgencyClaim | KeyClaim, action: str) -> Envelope:
    """An account's message. Drawn ids: the same account may be changed back and forth."""
    fields = msgspec.to_builtins(claim).items()
    held = {n: v for n, v in fields if n != "type" and v not in ("", [], ())} | {"action": action}
    value: dict[str, Any] = {
        "specversion": "1.0",
        "id": f"{action}-{claim.code}-{app.draw(8).hex()}",
        "source": f"//agency/{HUB}/cli",
        "type": type_,
        "time": app.now(),
        "dataschema": Formats.SYSTEM,
        "partitionkey": claim.code,
        "data": {"areas": [], "purposes": [], **held} if type_ == Types.AGENCY else held,
    }
    envelope = parse(orjson.dumps(value), HUB)
    if isinstance(envelope, Refusal):
        raise Usage(f"{claim.code} cannot be an account: {envelope.reasons[0].text}", "Correct what is named.")
    return envelope


def tell(settings: Settings, envelopes: Sequence[Envelope], topic: str = RULES) -> None:
    """Publish the hub's own messages and wait until all are recorded. Raises `Usage` when one is refused."""
    if not envelopes:
        return
    publish(
        settings, [Outgoing(topic, e.partitionkey, e.model_dump_json(exclude_none=True).encode()) for e in envelopes]
    )
    with Verdicts(settings) as verdicts:
        found = verdicts.wait(envelopes, VERDICT_WITHIN_S)
    for envelope, verdict in zip(envelopes, found, strict=True):
        if verdict is None:
            raise Retry("the message is on Kafka, and no consumer has decided it yet (`hub run` starts one)")
        if verdict.verdict == "refused":
            reason = verdict.facts["reasons"][0]
            raise Usage(f"{envelope.partitionkey} was refused: {reason['text']} ({reason['path']}).", "Correct it.")


# ------------------------------------------------------------------ inside
def path(settings: Settings, code: str) -> Path:
    """Where an agency's credentials are kept."""
    return settings.state_dir / "agencies" / f"{code}.json"


def _credentials(settings: Settings, code: str, token: str, password: str) -> Credentials:
    access = KafkaAccess(username(code), password, inbound(code), settings.kafka_bootstrap, settings.kafka_mechanism)
    return Credentials(code, token, access)


def _working(settings: Settings, codes: Sequence[str]) -> dict[str, Credentials]:
    """Credentials kept here whose token still works."""
    held = {code: found for code in codes if (found := credentials(settings, code))}
    with connect(settings.database_url, name="hub-accounts") as connection:
        accounts = Accounts(connection, load_keys(settings.keys_file).pepper)
        return {code: found for code, found in held.items() if accounts.agency_of(found.token) == code}


def _is_equal(claim: AgencyClaim, agency: Agency) -> bool:
    fields = ("kind", "name", "purposes", "legal_basis", "areas")
    return all(getattr(claim, f) == getattr(agency, f) for f in fields)
