"""Our calls to the partner: receipts and changes, signed, thin. Owns repetition and safety; decides no content.

A call holds ids and states alone: who wants more asks the hub, with its own rights. It is repeated until it is
answered 2xx; a partner that is away holds up the calls behind it, so their order stays. One it keeps refusing (4xx) is
given up after some attempts, loudly. No redirect is followed, no proxy or password of the environment is used, and of
an answer only the status is read.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

import httpx
import orjson
import structlog

from connectors.upstream import Backoff, Sleep
from connectors.webhook.signing import Ring

log = structlog.get_logger()
#: Refusals after which a call is given up.
ATTEMPTS: Final = 5
PASSING: Final = frozenset((408, 409, 425, 429))


class Callback:
    """One partner's address."""

    def __init__(self, url: str, ring: Ring, now: Callable[[], str], tls: ssl.SSLContext, timeout_s: float) -> None:
        self._url, self._ring, self._now = url, ring, now
        self._client = httpx.AsyncClient(verify=tls, timeout=timeout_s, trust_env=False, follow_redirects=False)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def call(self, id_: str, type_: str, data: dict[str, Any], sleep: Sleep) -> bool:
        """Repeat until it is answered 2xx; False when it was given up. The id is the same each time."""
        backoff, refused = Backoff(sleep), 0
        while True:
            status = await self._try(id_, type_, data)
            if 200 <= status < 300:  # noqa: PLR2004 - every success
                return True
            log.warning("callback_not_taken", status=status)
            if 300 <= status < 500 and status not in PASSING:  # noqa: PLR2004 - refused, not away
                refused += 1
            if refused == ATTEMPTS or status == httpx.codes.GONE:
                log.error("callback_given_up", status=status, kind=type_)
                return False
            await backoff.wait()

    async def _try(self, id_: str, type_: str, data: dict[str, Any]) -> int:
        """The answer's status; 0 where there was none. The time is signed anew: a receiver refuses an old one."""
        now = self._now()
        body = orjson.dumps({"type": type_, "timestamp": now, "data": data})
        stamp = self._ring.sign(id_, int(datetime.fromisoformat(now).timestamp()), body)
        headers = {
            "content-type": "application/json",
            "webhook-id": stamp.id,
            "webhook-timestamp": stamp.timestamp,
            "webhook-signature": stamp.signatures,
        }
        try:
            async with self._client.stream("POST", self._url, content=body, headers=headers) as answer:
                return answer.status_code
        except httpx.TransportError as error:
            log.info("callback_away", error=type(error).__name__)
            return 0
