"""What the hub says, kept for each request and written into its Tasks. Owns both halves; states are `tasks`'.

Hearing is quick and durable: a server that is away holds up nobody. Writing follows behind, the newest state alone:
read the Task, put our elements in, update it if nobody has changed it since (If-Match), else read again.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final

import msgspec
import structlog

from connectors.fhir.config import FhirConfig
from connectors.fhir.memory import Known, Memory, Stale
from connectors.fhir.messages import Json, elements
from connectors.fhir.pages import name_of, updated
from connectors.fhir.searching import instant
from connectors.fhir.server import Away, Server
from connectors.fhir.taking import WITHDRAW
from connectors.fhir.tasks import TAKEN_BACK, TASK_ID, WITHDRAWN, Stand, is_ours, shown
from connectors.protocol import PENDING, REFUSED, TAKEN, Change, Full, Origin, Receipt
from connectors.standing import standing
from connectors.upstream import Backoff
from hub.schemas.canonical import Refusal

log = structlog.get_logger()
#: Tasks written at a time, and rows of one look.
AT_ONCE: Final = 4
TOGETHER: Final = 100
#: How often rows are looked for that nobody told of: those of before a restart, those that others kept changing.
IDLE_S: Final = 1.0
#: How long reading a backlog goes before a batch of writing, and how often is looked whether it ended.
GIVE_WAY_S: Final = 5.0
LOOK_S: Final = 0.1
#: Attempts at a Task that others keep changing, before it is looked at again later.
ATTEMPTS: Final = 5
CONFLICTS: Final = frozenset({409, 412})
GONE: Final = frozenset({404, 410})


class Answers:
    """Keeps and writes."""

    def __init__(
        self,
        config: FhirConfig,
        server: Server,
        memory: Callable[[], Memory],
        origin: Origin,
        behind: Callable[[], bool],
    ) -> None:
        """`behind`: whether more waits to be read: what asks goes before what is told."""
        self._config, self._server, self._origin = config, server, origin
        self._memory, self._behind = memory, behind
        self._news = asyncio.Event()

    def wake(self) -> None:
        """There is something to write."""
        self._news.set()

    # ------------------------------------------------------------- hearing
    async def tell(self, receipts: Sequence[Receipt]) -> None:
        """Keep what became of messages. The same receipts again change nothing."""
        changes = [(r.about.removeprefix(WITHDRAW), _told(r)) for r in receipts if r.about]
        await asyncio.to_thread(self._memory().change, changes)
        self.wake()
        log.info("receipts_kept", receipts=len(receipts), refused=sum(r.status == REFUSED for r in receipts))

    async def follow(self, changes: Sequence[Change]) -> None:
        """Keep what happened since to referrals that came from here."""
        heard = [(id_, told, change) for change in changes for id_, told in standing(change)]
        requests = await asyncio.to_thread(self._memory().requests_of, {id_ for id_, _, _ in heard})
        found = [(requests[id_], _moved(id_, told, change)) for id_, told, change in heard if id_ in requests]
        await asyncio.to_thread(self._memory().change, found)
        self.wake()

    # ------------------------------------------------------------- writing
    async def run(self) -> None:
        """Write whatever is not shown yet, until canceled."""
        backoff = Backoff()
        while self._config.answer:
            self._news.clear()
            await self._give_way()
            try:
                more = await self.write()
            except (Away, Full, OSError, sqlite3.OperationalError) as error:
                log.warning("task_not_written", reason=str(error))
                await backoff.wait(error.wait_s if isinstance(error, Away) else 0.0)
                continue
            backoff = Backoff()
            if not more:
                with suppress(TimeoutError):
                    async with asyncio.timeout(IDLE_S):
                        await self._news.wait()

    async def _give_way(self) -> None:
        for _ in range(int(GIVE_WAY_S / LOOK_S)):
            if not self._behind():
                return
            await asyncio.sleep(LOOK_S)

    async def write(self) -> bool:
        """Write the oldest that are not shown. Whether there were any. Raises `Away`."""
        rows = await asyncio.to_thread(self._memory().stale, TOGETHER)
        turns, done = asyncio.Semaphore(AT_ONCE), list[Stale]()

        async def one(row: Stale) -> None:
            async with turns:
                if await self._show(row.known):
                    done.append(row)

        told = await asyncio.gather(*(one(row) for row in rows), return_exceptions=True)
        await asyncio.to_thread(self._memory().shown, done)
        errors = [error for error in told if isinstance(error, BaseException)]
        # One Task that cannot be read must not slow down the others: with some written, it is tried again at once.
        for error in errors:
            if not isinstance(error, Away) or not done:
                raise error
        return bool(done)

    async def _show(self, known: Known) -> bool:
        """Write one request's standing into its Tasks. Whether nothing is left to do."""
        names = known.tasks
        if not names and known.request.startswith("ServiceRequest/"):
            return await self._made(known)
        return all([await self._update(name, known) for name in names])

    async def _update(self, name: str, known: Known) -> bool:
        for _ in range(ATTEMPTS):
            answer = await self._server.get(name)
            if answer.status in {401, 403}:
                raise Away(f"the server answers {answer.status} to a read of a Task: it does not let us in")
            task = answer.resource() if answer.ok else None
            if not isinstance(task, dict) or name_of(task) != name:
                what = task.reasons[0].code if isinstance(task, Refusal) else "gone" if answer.status in GONE else ""
                log.warning("task_unreadable", status=answer.status, code=what)
                return True
            value = shown(task, known.standing, self._origin.now())
            if value is task or _is_theirs(task, known):
                return True
            written = await self._server.put(name, value, answer.version or _version(task))
            if written.ok:
                return True
            if written.status not in CONFLICTS:
                return self._refused(written.status)
        return False

    async def _made(self, known: Known) -> bool:
        """A request without a Task gets one, once: it is found again by an identifier of ours."""
        patient = next((name for name in known.members if name.startswith("Patient/")), "")
        own = {"system": TASK_ID, "value": known.request.partition("/")[2]}
        blank: Json = {"resourceType": "Task", "identifier": [own], "intent": "order", "status": "requested"}
        blank |= {"focus": {"reference": known.request}} | ({"for": {"reference": patient}} if patient else {})
        value = shown(blank, known.standing, self._origin.now())
        answer = await self._server.post("Task", value, f"identifier={own['system']}|{own['value']}")
        if not answer.ok:
            return self._refused(answer.status)
        made = answer.resource()
        name = name_of(made) if isinstance(made, dict) else ""
        name = name or "/".join(answer.location.partition("/_history/")[0].split("/")[-2:])
        if name.startswith("Task/"):
            change = lambda now: now and msgspec.structs.replace(now, tasks=(name,))  # noqa: E731
            await asyncio.to_thread(self._memory().change, [(known.request, change)])
        return True

    @staticmethod
    def _refused(status: int) -> bool:
        """The server takes no such update. Nothing changes that but a person; the next state is tried again."""
        if status in {401, 403}:
            raise Away(f"the server answers {status} to an update of a Task: it does not let us write")
        log.warning("task_refused", status=status)
        return True


def _is_theirs(task: Json, known: Known) -> bool:
    """Whether the hospital took a Task back and the hub has not been asked, or has not answered: theirs stands."""
    if task.get("status") not in TAKEN_BACK or is_ours(task) or known.standing.first.state == WITHDRAWN:
        return False
    return not known.denied or known.denied != known.withdraw or instant(updated(task)) > known.withdraw


def _version(task: Json) -> str:
    meta = task.get("meta")
    told = meta.get("versionId") if isinstance(meta, dict) else None
    return told if isinstance(told, str) else ""


# ------------------------------------------------------------------ what changes in a row
def _told(receipt: Receipt) -> Callable[[Known | None], Known | None]:
    def change(now: Known | None) -> Known | None:
        if now is None or receipt.status in {PENDING, TAKEN}:
            return None
        if receipt.about.startswith(WITHDRAW):
            return _withdrawn(now, receipt)
        if receipt.status == REFUSED:
            reasons = elements(receipt.reasons, now.members)
            if now.stands:
                words = reasons[0].words if reasons else "refused"
                return msgspec.structs.replace(now, kept=f"A change was not taken: {words}")
            return now if now.refused else msgspec.structs.replace(now, refused=True, reasons=reasons)
        fresh = {str(r.get("id") or r.get("number") or ""): _stand(r) for r in receipt.referrals}
        # With its id there, a referral is kept up by what happened since: a receipt told again is older.
        stands = fresh | now.stands or {"": Stand("received")}
        return msgspec.structs.replace(now, refused=False, reasons=(), stands=stands, kept="")

    return change


def _withdrawn(now: Known, receipt: Receipt) -> Known | None:
    if receipt.status != REFUSED:
        return None
    words = str(receipt.reasons[0].get("text", "")) if receipt.reasons else "refused"
    return msgspec.structs.replace(now, denied=now.asked, kept=f"This could not be taken back: {words}")


def _stand(referral: Json) -> Stand:
    """A referral of a receipt; what is withheld is told as an object."""
    told = {name: value if isinstance(value := referral.get(name), str) else "" for name in _FIELDS}
    return Stand(told["state"] or "received", told["id"], told["receiver"], told["need"], earlier=told["duplicate_of"])


_FIELDS: Final = ("id", "state", "receiver", "need", "duplicate_of")


def _moved(id_: str, told: dict[str, str], change: Change) -> Callable[[Known | None], Known | None]:
    def change_(now: Known | None) -> Known | None:
        held = now.stands.get(id_) if now is not None else None
        if now is None or held is None:
            return None
        reason = str(change.facts.get("reason", "")) if change.kind == "referral.changed" else held.reason
        earlier = change.facts.get("duplicate_of")
        after = msgspec.structs.replace(
            held,
            state=told.get("state") or held.state,
            receiver=told.get("receiver", held.receiver),
            reason=reason,
            earlier=earlier if isinstance(earlier, str) else held.earlier,
        )
        return msgspec.structs.replace(now, stands=now.stands | {id_: after})

    return change_
