"""Who is asking: bearer token to account, suspended or not, within its rate. Owns admission and nothing behind it.

Tokens are compared as hashes by the ledger and kept here only as digests; none is ever logged or shown.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256
from math import ceil
from typing import Annotated, Final

from anyio import to_thread
from fastapi import Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from hub.core.directory import Agency
from hub.errors import Retry
from hub.web.buckets import Buckets
from hub.web.deps import WebDeps
from hub.web.fresh import Fresh
from hub.web.problems import ProblemError

BEARER: Final = HTTPBearer(auto_error=False, description="The token `hub agency add` printed once.")
Bearer = Annotated[HTTPAuthorizationCredentials | None, Security(BEARER)]
#: Tokens remembered at a time, wrong ones included: strangers must not fill the memory.
REMEMBERED: Final = 4096
TOKEN_LIMIT: Final = 512


@dataclass(frozen=True, slots=True)
class Caller:
    """An admitted account. The token is kept so that a long answer can ask again whether it still may."""

    agency: Agency
    token: str = field(repr=False)


def caller_of(request: Request) -> Caller:
    """Who was admitted with this request."""
    caller: Caller = request.state.caller
    return caller


class Door:
    """Admits accounts. A suspension takes effect within `limits.account_s` of being recorded."""

    def __init__(self, deps: WebDeps) -> None:
        self._deps, self._limits = deps, deps.limits
        self._directory = Fresh(
            partial(to_thread.run_sync, deps.reads.directory), deps.clock, self._limits.account_s, self._limits.stale_s
        )
        self._rates = Fresh(
            partial(to_thread.run_sync, deps.rates), deps.clock, self._limits.account_s, self._limits.stale_s
        )
        self._own_rates: Mapping[str, float] = {}
        self._accounts: dict[bytes, Fresh[str | None]] = {}
        self._buckets = Buckets(self._limits.events_per_s, self._limits.burst)

    async def enter(self, request: Request, bearer: Bearer) -> None:
        """Before every guarded request. Raises the problem that keeps the caller out."""
        if bearer is None or not 0 < len(bearer.credentials) <= TOKEN_LIMIT:
            raise _stranger()
        request.state.caller = Caller(await self.admit(bearer.credentials), bearer.credentials)

    async def admit(self, token: str) -> Agency:
        """The account a token belongs to, if it may go on."""
        code = await self._account(token).get()
        if code is None:
            raise _stranger()
        # Who was registered this moment comes at once: what is held may be from just before.
        agency = (await self._directory.get()).get(code) or (await self._directory.anew()).get(code)
        if agency is None:
            raise Retry("this account is registered but not decided yet")
        if agency.state == "suspended":
            raise ProblemError("suspended")
        self._own_rates = await self._rates.get()
        return agency

    def spend(self, agency: Agency, events: int) -> None:
        """Count events against the agency's rate."""
        wait = self._buckets.take(agency.code, events, self._deps.clock(), self._own_rates.get(agency.code))
        if wait > 0:
            raise ProblemError("too_many", headers={"Retry-After": str(ceil(wait))})

    def _account(self, token: str) -> Fresh[str | None]:
        digest = sha256(token.encode(errors="replace")).digest()
        account = self._accounts.get(digest)
        if account is None:
            if len(self._accounts) >= REMEMBERED:
                self._accounts.pop(next(iter(self._accounts)))
            ask = partial(to_thread.run_sync, self._deps.account, token)
            account = Fresh(ask, self._deps.clock, self._limits.account_s, self._limits.stale_s)
            self._accounts[digest] = account
        return account


def _stranger() -> ProblemError:
    return ProblemError("unauthorized", headers={"WWW-Authenticate": 'Bearer realm="ieum"'})
