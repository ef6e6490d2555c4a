"""A Task's status as changes of referrals: asked of the ledger, its verdict the answer. Owns `PUT /fhir/Task/{id}`.

A repeat is harmless: a status the Task has already asks for nothing, and while a change is undecided the same update
is the same message.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from anyio import to_thread

from hub.core.directory import Agency
from hub.core.sealing import keyed_digest
from hub.ledger.reads import Verdict
from hub.web.changes import answer_message
from hub.web.courier import Courier
from hub.web.deps import WebDeps
from hub.web.door import Door
from hub.web.fhir.families import SYSTEM
from hub.web.fhir.standings import Standings
from hub.web.fhir.tasks import ASKS, Standing, asked_change, asked_reason
from hub.web.problems import ProblemError, not_found

#: An element of a Task for each member of an answer.
_ELEMENTS = {"/data/change": "Task.status", "/data/reason": "Task.statusReason", "/data/text": "Task.statusReason.text"}
_STATUSES = {change: status for status, change in reversed(ASKS.items())} | {"resume": "in-progress"}


class Moving:
    """Moves referrals for those who may."""

    def __init__(self, deps: WebDeps, door: Door, courier: Courier, standings: Standings) -> None:
        self._deps, self._door, self._courier, self._standings = deps, door, courier, standings

    async def move(self, agency: Agency, task: Mapping[str, Any], standings: Sequence[Standing]) -> bool:
        """Ask for what the Task's status says, of each referral it stands for. Whether all is decided.

        Raises 409 with the changes allowed, 422 where a reason is needed, 404 where the referral is not theirs to know.
        """
        status = task.get("status")
        status = status if isinstance(status, str) else ""
        decided = True
        for standing in standings:
            if status == standing.status:
                continue
            change = asked_change(status, standing.state)
            if change:
                asked = asked_reason(task)
                decided = await self._ask(agency, standing, change, asked) and decided
        return decided

    async def withdraw(self, agency: Agency, number_key: bytes, codes: frozenset[str] | None) -> None:
        """Take back the referrals of a number (of these codes, if it is a part) that are not taken back yet."""
        found = await to_thread.run_sync(self._standings.numbered, agency, number_key, codes)
        for standing in found:
            if standing.status != "cancelled":
                await self._ask(agency, standing, "withdraw", {})

    async def _ask(self, agency: Agency, standing: Standing, change: str, asked: dict[str, str]) -> bool:
        self._door.spend(agency, 1)
        told = orjson.dumps([standing.id, change, asked, standing.state, standing.moved], option=orjson.OPT_SORT_KEYS)
        id_ = keyed_digest(self._deps.keys.pepper, "fhir change", agency.code, told).hex()[:32]
        message = answer_message(agency, standing.id, change, asked, id_, self._deps.now(), SYSTEM)
        (sent,) = await self._courier.submit(agency, [message], self._deps.limits.wait_s)
        if sent.verdict is not None and sent.verdict.verdict == "refused":
            raise refusal(sent.verdict)
        return sent.verdict is not None


def refusal(verdict: Verdict) -> ProblemError:
    """The ledger's refusal of a change under its own status, with what is allowed instead."""
    reasons = verdict.facts.get("reasons", [])
    first = reasons[0] if reasons else {"code": ""}
    code = str(first["code"])
    if code == "unknown_referral":
        return not_found()
    errors = [{"expression": _ELEMENTS.get(r["path"], "Task"), "code": r["code"], "detail": _told(r)} for r in reasons]
    if code not in {"illegal_change", "reason_missing"}:
        return ProblemError("refused", errors=errors)
    members = {"state": first.get("state", ""), "allowed": _allowed(first) if code == "illegal_change" else []}
    return ProblemError(code, errors=errors, members=members if code == "illegal_change" else {})


def _allowed(reason: Mapping[str, Any]) -> list[str]:
    """The changes allowed, each as the Task status that asks for it."""
    return [_STATUSES[change] for change in reason.get("allowed", ()) if change in _STATUSES]


def _told(reason: Mapping[str, Any]) -> str:
    allowed = [str(a) for a in reason.get("allowed", ())]
    return f"{reason['text']} ({', '.join(allowed)})" if allowed else str(reason["text"])
