"""What a call is answered: whose it is, which form, taken or not. Owns the order of judging; serves no connection.

404 and 405 → 401 (headers) → body → 401 (signature) → 400 (form) → take → 202. Nothing is said about why a signature
does not hold; a form is told field by field what is wrong with it. Logs counts, codes and places, never content.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from datetime import datetime
from email.message import Message
from http import HTTPStatus
from typing import Any, Final

import msgspec
import structlog

from connectors.protocol import Full, Origin, Take
from connectors.webhook.forms import FormName, wrap
from connectors.webhook.server import Head, Reply
from connectors.webhook.signing import Ring, Stamp
from hub.schemas.canonical import Reason, Refusal

log = structlog.get_logger()
#: Ids of calls taken last, to tell a repeat in the answer. The spool remembers more; it decides.
RECENT: Final = 10_000


class Receiver:
    """Judges calls and takes them."""

    def __init__(
        self, paths: Mapping[str, FormName], ring: Ring, origin: Origin, take: Take, retry_after_s: int
    ) -> None:
        self._paths, self._ring, self._origin, self._take = paths, ring, origin, take
        self._retry_after_s = retry_after_s
        self._recent: OrderedDict[str, None] = OrderedDict()

    def refuse(self, head: Head) -> Reply | None:
        """See `Handler`: path, method, and headers that no key could make good."""
        if head.path not in self._paths:
            return _plain(HTTPStatus.NOT_FOUND)
        if head.method != "POST":
            return msgspec.structs.replace(_plain(HTTPStatus.METHOD_NOT_ALLOWED), headers=(("Allow", "POST"),))
        now = datetime.fromisoformat(self._origin.now()).timestamp()
        return None if _stamp(head).plausible(now) else _plain(HTTPStatus.UNAUTHORIZED)

    async def answer(self, head: Head, body: bytes) -> Reply:
        """See `Handler`. 202 stands for an event on disk."""
        stamp = _stamp(head)
        if not self._ring.holds(stamp, body):
            log.warning("webhook_signature_wrong", path=head.path)
            return _plain(HTTPStatus.UNAUTHORIZED)
        event = wrap(self._paths[head.path], body, _charset(head), self._origin)
        if isinstance(event, Refusal):
            return _unreadable(event.reasons)
        return await self._taken(event, stamp.id)

    async def _taken(self, event: dict[str, Any], call: str) -> Reply:
        try:
            await self._take([event], about=[call])
        except Full:
            log.warning("spool_full", refused=1)
            again = (("Retry-After", str(self._retry_after_s)),)
            return msgspec.structs.replace(_plain(HTTPStatus.SERVICE_UNAVAILABLE), headers=again)
        if event["id"] in self._recent:
            return Reply(HTTPStatus.OK, {"status": "seen", "id": event["id"]})
        self._recent[event["id"]] = None
        if len(self._recent) > RECENT:
            self._recent.popitem(last=False)
        return Reply(HTTPStatus.ACCEPTED, {"status": "accepted", "id": event["id"]})


def _stamp(head: Head) -> Stamp:
    names = ("webhook-id", "webhook-timestamp", "webhook-signature")
    return Stamp(*(head.headers.get(name, "") for name in names))


def _charset(head: Head) -> str:
    """Of the Content-Type; JSON is UTF-8 unless it says otherwise."""
    held = Message()
    held["Content-Type"] = head.headers.get("content-type", "application/json")
    return str(held.get_param("charset", "utf-8"))


def _unreadable(reasons: Sequence[Reason]) -> Reply:
    log.info("webhook_unreadable", reasons=len(reasons), code=reasons[0].code, place=reasons[0].path)
    told = [{"path": r.path, "code": r.code, "text": r.text} for r in reasons]
    return Reply(HTTPStatus.BAD_REQUEST, {"title": "The body cannot be read.", "reasons": told})


def _plain(status: HTTPStatus) -> Reply:
    return Reply(status, {"title": status.phrase})
