"""Families into the spool: what is news, the same again, or taken back. Owns the order that loses nothing.

plan (what will be said, and behind what) → take → sent. A crash anywhere in between says the same under the same id.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

import msgspec
import structlog

from connectors.fhir.gathering import Gathering, Pool
from connectors.fhir.memory import Known, Memory
from connectors.fhir.messages import Family, Json, content, digest, event, withdrawals
from connectors.fhir.pages import Unreadable, updated
from connectors.fhir.searching import instant
from connectors.fhir.tasks import TAKEN_BACK, Reason, is_made, is_ours
from connectors.protocol import Event, Origin, Take

log = structlog.get_logger()
REVOKED: Final = frozenset({"revoked", "entered-in-error"})
#: What stands before the request of a withdrawal, beside its event.
WITHDRAW: Final = "withdraw "
TOGETHER: Final = 100


class Planned(msgspec.Struct):
    """A family on its way: its event, and the row that says so."""

    family: Family
    event: Event
    change: Callable[[Known | None], Known | None]


class Taking:
    """What becomes of families."""

    def __init__(
        self, gathering: Gathering, memory: Memory, origin: Origin, base: str, kept: Callable[[], None]
    ) -> None:
        """`kept` is called when the memory says something its Tasks do not show."""
        self._gathering, self._memory, self._origin, self._base = gathering, memory, origin, base
        self._kept = kept

    async def families(self, wanted: Sequence[Family], pool: Pool, take: Take) -> int:
        """Take what is new in these. Returns how many events the spool did not know. Raises `Away`, `Full`."""
        wanted = await self._rooted(wanted, pool)
        known = await asyncio.to_thread(self._memory.get, [family.request for family in wanted])
        await self._with_tasks(wanted, known, pool)
        await self._gathering.families([family for family in wanted if not family.reasons], pool)
        plans: list[Planned] = []
        refused: list[tuple[str, Callable[[Known | None], Known | None]]] = []
        same: list[Family] = []
        for family in wanted:
            before, is_sent = known.get(family.request, (None, False))
            plan = self._judged(family, before, is_sent=is_sent)
            if isinstance(plan, Planned):
                plans.append(plan)
            elif plan is None:
                same.append(family)
            else:
                refused.append((family.request, plan))
        await asyncio.to_thread(self._memory.change, refused)
        await asyncio.to_thread(self._memory.change, [(f.request, _unchanged(f)) for f in same], again=_unshown(same))
        new = await self._take(plans, take)
        self._kept()
        if wanted:
            log.info("requests_read", requests=len(wanted), new=new, refused=len(refused))
        return new

    async def revoke(self, tasks: Iterable[tuple[str, str, str]]) -> None:
        """Tasks that were taken back: name, request, when. A request goes with the last of its Tasks."""
        changes = [(request, _revoking(task, at or self._origin.now())) for task, request, at in tasks]
        await asyncio.to_thread(self._memory.change, changes)

    async def withdraw(self, take: Take) -> None:
        """Ask the hub to take back what was taken back, as far as it has said which referrals came of it."""
        while due := await asyncio.to_thread(self._memory.withdrawing, TOGETHER):
            events = [(one, each) for one in due for each in withdrawals(self._origin, one)]
            about = [WITHDRAW + one.request for one, _ in events]
            await take([each for _, each in events], about=about)
            # A kill here asks again, under the same ids.
            asked = {one.request: one.withdraw for one in due}
            await asyncio.to_thread(self._memory.change, [(name, _asked(at)) for name, at in asked.items()])
            log.info("withdrawn", requests=len(due))

    # ------------------------------------------------------------- inside
    async def _rooted(self, wanted: Sequence[Family], pool: Pool) -> list[Family]:
        """A request that is part of another one we know goes with that."""
        await self._gathering.fetch((family.request for family in wanted if not family.reasons), pool)
        found = {family.request: family for family in wanted}
        above = {name: self._gathering.above(pool.get(name)) for name in found}
        known = await asyncio.to_thread(self._memory.get, [one for names in above.values() for one in names])
        for name, names in above.items():
            root = next((one for one in names if one != name and (one in found or one in known)), "")
            if root:
                part = found.pop(name)
                family = found.setdefault(root, Family(root, changed=part.changed))
                family.tasks |= part.tasks
        return list(found.values())

    async def _with_tasks(self, wanted: Sequence[Family], known: dict[str, tuple[Known, bool]], pool: Pool) -> None:
        """A family has all its Tasks, also those that did not change; not the one we made."""
        held = {f.request: known[f.request][0].tasks for f in wanted if f.request in known}
        await self._gathering.fetch((name for names in held.values() for name in names), pool)
        for family in wanted:
            for name in held.get(family.request, ()):
                task = pool.get(name)
                if task is not None and not isinstance(task, Unreadable) and not is_made(task):
                    family.tasks.setdefault(name, task)

    def _judged(
        self, family: Family, before: Known | None, *, is_sent: bool
    ) -> Planned | Callable[[Known | None], Known | None] | None:
        """What it comes to: an event, a change of its row, or None where it says nothing new."""
        if family.status in REVOKED:
            if before is not None and before.event:
                return _revoking("", instant(updated(family.members[family.request])) or self._origin.now())
            if not family.tasks:
                return None
            family.refuse("ServiceRequest.status", "request_revoked", "what was taken back asks for nothing")
        bundle = content(family, self._base) if not family.reasons else family.reasons[0]
        if isinstance(bundle, Reason):
            log.warning("request_refused", path=bundle.path, code=bundle.code)
            return _refusing(family, tuple(family.reasons) or (bundle,))
        return self._planned(family, bundle, before, is_sent=is_sent)

    def _planned(self, family: Family, bundle: Json, before: Known | None, *, is_sent: bool) -> Planned | None:
        says = digest(self._origin, bundle)
        is_same = before is not None and before.content == says
        if is_same and is_sent:
            return None
        follows = "" if before is None else before.follows if is_same else before.event
        made = event(self._origin, bundle, follows)

        def change(now: Known | None) -> Known:
            base = now or Known(family.request)
            told = {"content": says, "event": made["id"], "follows": follows, "members": family.names(), "local": ()}
            told |= _asking(family, base)
            told |= {} if is_same else {"refused": False, "reasons": ()}
            return msgspec.structs.replace(base, **told)

        return Planned(family, made, change)

    async def _take(self, plans: Sequence[Planned], take: Take) -> int:
        if not plans:
            return 0
        changes = [(one.family.request, one.change) for one in plans]
        await asyncio.to_thread(lambda: self._memory.change(changes, plan=True))
        new = await take([one.event for one in plans], about=[one.family.request for one in plans])
        await asyncio.to_thread(self._memory.sent, [one.family.request for one in plans])
        return new


def _tasks(family: Family, known: Known) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*known.tasks, *family.tasks)))


def _asking(family: Family, known: Known) -> dict[str, Any]:
    """Its Tasks, and which are still taken back. With one that asks again, the hub need not hear that none did."""
    back = {name for name, task in family.tasks.items() if task.get("status") not in TAKEN_BACK}
    told: dict[str, Any] = {"tasks": _tasks(family, known)}
    told["revoked"] = tuple(name for name in known.revoked if name not in back)
    return told | ({"withdraw": known.asked} if back else {})


def _unchanged(family: Family) -> Callable[[Known | None], Known | None]:
    """Nothing new is said; a Task that asks again is no longer taken back."""

    def change(now: Known | None) -> Known | None:
        if now is None:
            return None
        return msgspec.structs.replace(now, **_asking(family, now), local=())

    return change


def _unshown(families: Iterable[Family]) -> list[str]:
    """Those with a Task that does not show what we know: it was written over."""
    return [f.request for f in families if any(not is_ours(task) for task in f.tasks.values())]


def _refusing(family: Family, reasons: tuple[Reason, ...]) -> Callable[[Known | None], Known | None]:
    def change(now: Known | None) -> Known:
        base = now or Known(family.request)
        return msgspec.structs.replace(base, local=reasons, tasks=_tasks(family, base))

    return change


def _revoking(task: str, at: str) -> Callable[[Known | None], Known | None]:
    """A Task was taken back, or ('') the request itself."""

    def change(now: Known | None) -> Known | None:
        if now is None:
            return None
        revoked = tuple(dict.fromkeys((*now.revoked, task))) if task else now.revoked
        everything = not task or set(now.tasks) <= set(revoked)
        withdraw = max(now.withdraw, at) if everything else now.withdraw
        return msgspec.structs.replace(now, revoked=revoked, withdraw=withdraw)

    return change


def _asked(at: str) -> Callable[[Known | None], Known | None]:
    def change(now: Known | None) -> Known | None:
        return None if now is None else msgspec.structs.replace(now, asked=at)

    return change
