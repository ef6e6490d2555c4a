"""The `webhook` connector: signed calls in, signed calls back. Owns how its parts fit.

call → `server` → `receiving` → spool → 202 → hub → receipt → `tell` → the partner's address. Changes go the same way.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, ClassVar

import structlog

from connectors.protocol import Broken, Change, Check, Config, Event, Origin, Receipt, Take
from connectors.upstream import Sleep
from connectors.webhook.callback import Callback
from connectors.webhook.checking import checks
from connectors.webhook.config import EXAMPLE, WebhookConfig
from connectors.webhook.receiving import Receiver
from connectors.webhook.server import Bounds, Server
from hub.errors import Usage

log = structlog.get_logger()


class WebhookConnector:
    """A system that calls us: the prosecutors' victim support, apps of the city."""

    name: ClassVar[str] = "webhook"
    about: ClassVar[str] = "Signed HTTPS calls (Standard Webhooks) in; signed receipts and changes back."
    Config: ClassVar[type[Config]] = WebhookConfig
    EXAMPLE: ClassVar[dict[str, Any]] = EXAMPLE

    def __init__(self, config: WebhookConfig, origin: Origin, mark: str = "", *, sleep: Sleep = asyncio.sleep) -> None:
        del mark  # a listener has no place to go on from
        self.config, self.origin, self._sleep = config, origin, sleep
        self._callback: Callback | None = None

    async def check(self) -> list[Check]:
        """See `Connector`."""
        return await checks(self.config)

    async def discover(self, limit: int) -> list[Event | Broken]:
        """See `Connector`."""
        del limit
        raise Usage("A listener has no samples to show.", "Save a call's body to a file: hub send FILE --dry-run.")

    async def run(self, take: Take) -> None:
        """See `Connector`. Raises `Usage` where nothing could be verified, or the port cannot be bound."""
        config, ring = self.config, self.config.ring()
        if not len(ring):
            raise Usage("No key is configured: no call could be verified.", "Give secrets_file.")
        if config.callback_url and not config.signing().signs:
            raise Usage("No key signs our calls to callback_url.", "Give callback_secret_file.")
        bounds = Bounds(config.connections, config.body_bytes, config.head_s, config.body_s, config.idle_s)
        receiver = Receiver(config.paths, ring, self.origin, take, config.retry_after_s)
        try:
            await Server(bounds, receiver).run(config.host, config.port, config.listening())
        except OSError as error:
            raise Usage(f"{config.host}:{config.port} cannot be listened at ({error}).", "Run check.") from error
        finally:
            if self._callback is not None:
                await self._callback.close()

    async def backfill(self, since: str, take: Take) -> int:
        """See `Connector`: calls are not kept by us."""
        del take
        raise Usage(f"A listener has nothing since {since}.", "Let the partner send again; repeats are one event.")

    async def tell(self, receipts: Sequence[Receipt]) -> None:
        """A call `ieum.receipt` an event: the id of the partner's own call, what became of it, its referrals."""
        for receipt in receipts:
            data = {
                "call": receipt.about,
                "id": receipt.id,
                "status": receipt.status,
                "position": receipt.position,
                "reasons": [{k: r[k] for k in ("path", "code", "text") if k in r} for r in receipt.reasons],
                "referrals": [{k: r[k] for k in ("id", "state", "due") if r.get(k)} for r in receipt.referrals],
            }
            await self._call("ieum.receipt", f"{receipt.id}\0{receipt.status}", data)
        log.info("receipts_told", receipts=len(receipts), called=bool(self.config.callback_url))

    async def follow(self, changes: Sequence[Change]) -> None:
        """A call `ieum.referral.changed` an entry of the outbox that is about a referral."""
        for change in changes:
            if not change.facts.get("referral"):
                continue
            data = {"referral": change.facts["referral"], "kind": change.kind, "position": change.position}
            if change.kind == "referral.changed":
                data["state"] = change.facts.get("to", "")
            await self._call("ieum.referral.changed", f"{change.position}\0{change.facts['referral']}", data)

    async def _call(self, type_: str, named: str, data: dict[str, Any]) -> None:
        """The same news has the same webhook-id after a crash, so that the partner can tell a repeat."""
        config = self.config
        if not config.callback_url:
            return
        if self._callback is None:
            self._callback = self._caller()
        id_ = "msg_" + self.origin.digest("call", f"{type_}\0{named}".encode())
        await self._callback.call(id_, type_, data, self._sleep)

    def _caller(self) -> Callback:
        config = self.config
        try:
            tls = config.calling()
        except OSError as error:
            raise Usage(f"callback_ca_file cannot be used ({type(error).__name__}).", "Run check.") from error
        return Callback(config.callback_url, config.signing(), self.origin.now, tls, config.callback_s)
