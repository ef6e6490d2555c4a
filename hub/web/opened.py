"""A read of an explanation, told to the ledger before it is answered. Owns the class `matching` and its purpose."""

from __future__ import annotations

from collections.abc import Iterable

from hub.core.bodies import MATCHING
from hub.core.directory import Agency
from hub.schemas.canonical import AccessClaim
from hub.web.courier import Courier
from hub.web.deps import WebDeps
from hub.web.metrics import Metrics
from hub.web.problems import ProblemError


class Opened:
    """Records reads of explanations."""

    def __init__(self, deps: WebDeps, courier: Courier, metrics: Metrics) -> None:
        self._deps, self._courier, self._metrics = deps, courier, metrics

    async def record(self, agency: Agency, what: str, ids: Iterable[str], purpose: str) -> None:
        """One access message for each thing opened. Raises `Retry` when Kafka does not take it: then nobody reads."""
        named = purpose or next(iter(agency.purposes), "")
        if named not in agency.purposes:
            raise ProblemError("forbidden", "The purpose of a read is one of the account's own.")
        for id_ in sorted(set(ids)):
            claim = AccessClaim(agency.code, what, id_, (MATCHING,), named, self._deps.now())
            await self._courier.accessed(claim)
            self._metrics.reads.inc()
