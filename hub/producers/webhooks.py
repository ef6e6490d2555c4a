"""Webhooks: tells agencies' own servers that something concerns them. Owns the order send → answer → position.

The ledger says what there is to tell (the entries of an agency's outbox, in order), a row of `webhooks` how far an
endpoint was told. Each endpoint is told in order, one notice at a time; endpoints do not wait for each other. What an
answer means is `core.notices`'s to say, which addresses may be called `egress`'s. Never opens a body.

What a crash leaves: a notice that was sent and not noted, sent again under the same webhook-id. None is left out: the
position moves last.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from functools import partial
from typing import Final, ParamSpec, TypeVar

import msgspec
import structlog

from hub.core import notices
from hub.core.calendar import instant
from hub.core.feedview import addressees, read
from hub.core.notices import DELAYS_S, DELIVERED, FAILED, Answer, Notice, Signer, Verdict, judge
from hub.core.sealing import Keys
from hub.errors import Retry
from hub.ledger.webhooks import ACTIVE, DISABLED, WEBHOOK_LOCK, Attempt, Endpoint, Postbox
from hub.producers.egress import Egress, Rules
from hub.producers.shelf import Shelf
from hub.settings import Settings

log = structlog.get_logger()
Clock = Callable[[], datetime]
P = ParamSpec("P")
T = TypeVar("T")

STANDBY_S: Final = 0.5
#: How often the ledger is looked into while there are endpoints, and how often endpoints are read.
LOOK_S: Final = 0.1
READ_S: Final = 0.5
#: Notices an endpoint is told before it looks again.
PAGE: Final = 200
#: Entries searched at a time for an endpoint that is far behind.
SCAN: Final = 50_000
#: A position is noted without a delivery only after so many entries of others: reading them again costs little.
PASSED: Final = 1000
#: Deliveries to an endpoint between two looks at the length of its log.
PRUNE_EVERY: Final = 100
MEDIA: Final = {"Content-Type": "application/json", "User-Agent": "ieum-hub"}


class Webhooks:
    """One process's sender: waits until no other is on duty, then tells endpoints until canceled."""

    def __init__(
        self,
        settings: Settings,
        keys: Keys,
        clock: Clock,
        *,
        egress: Egress | None = None,
        delays_s: Sequence[float] = DELAYS_S,
    ) -> None:
        self._box = Postbox(settings.database_url, name="hub-webhooks")
        self._egress = egress or Egress(Rules.of(settings))
        self._signer, self._clock, self._delays_s = Signer(keys), clock, delays_s
        self._shelf = Shelf(self._box)
        self._threads = ThreadPoolExecutor(2, thread_name_prefix="webhooks")
        self._rounds: dict[str, asyncio.Task[None]] = {}
        #: Where an endpoint stands beyond what is noted: entries of others, read already.
        self._passed: dict[str, int] = {}
        self.on_duty = False
        self.delivered = 0

    async def run(self) -> None:
        """Tell until canceled. Waits while PostgreSQL is away; raises `Halt` when the ledger is broken."""
        try:
            while True:
                await self._turn()
                await asyncio.sleep(STANDBY_S)
        finally:
            await self._egress.close()
            self._threads.shutdown(wait=False)

    async def _turn(self) -> None:
        try:
            await self._serve()
        except Retry as error:
            log.warning("webhooks_waited", reason=str(error))
        finally:
            # The duty ends with the session, in whatever way this ended.
            self.on_duty = False
            await self._end(self._rounds)
            await self._apart(self._box.close)

    async def _serve(self) -> None:
        while not await self._apart(self._box.claim, WEBHOOK_LOCK):  # noqa: ASYNC110 - the other is elsewhere
            await asyncio.sleep(STANDBY_S)
        await self._apart(self._box.begin)
        self.on_duty = True
        endpoints: list[Endpoint] = []
        loop, read_at = asyncio.get_running_loop(), 0.0
        while True:
            if self._reap() or loop.time() >= read_at:
                endpoints, read_at = await self._read(), loop.time() + READ_S
            if endpoints or self._rounds:
                await self._apart(self._shelf.fill)
                self._begin(endpoints)
            await asyncio.sleep(LOOK_S)

    # ------------------------------------------------------------- which endpoints
    async def _read(self) -> list[Endpoint]:
        """The endpoints that may be told now. Whoever was switched off or suspended is told nothing more."""
        endpoints = await self._apart(self._box.running)
        known = {one.id for one in endpoints}
        await self._end({id_: task for id_, task in self._rounds.items() if id_ not in known})
        self._passed = {id_: at for id_, at in self._passed.items() if id_ in known}
        if not endpoints:
            self._shelf.clear()
        return [one for one in endpoints if one.id not in self._rounds]

    def _reap(self) -> bool:
        """Forget rounds that are over. Returns whether there were any; raises what ended one."""
        over = [id_ for id_, task in self._rounds.items() if task.done()]
        for id_ in over:
            self._rounds.pop(id_).result()
        return bool(over)

    def _begin(self, endpoints: list[Endpoint]) -> None:
        """Start a round for each that is due and has something to hear."""
        now = instant(self._clock())
        for endpoint in list(endpoints):
            if endpoint.due <= now and self._shelf.has(endpoint.agency, self._stands(endpoint)):
                endpoints.remove(endpoint)  # it is read again when this round is over
                self._rounds[endpoint.id] = asyncio.create_task(self._round(endpoint), name=endpoint.id)

    async def _end(self, tasks: dict[str, asyncio.Task[None]]) -> None:
        """End rounds and wait for it."""
        ended = dict(tasks)
        for id_, task in ended.items():
            task.cancel()
            self._rounds.pop(id_, None)
        await asyncio.gather(*ended.values(), return_exceptions=True)

    # ------------------------------------------------------------- one endpoint
    async def _round(self, endpoint: Endpoint) -> None:
        """Tell one endpoint what there is, in order, until nothing is left, it fails, or somebody changes it."""
        told = 0
        while True:
            page, through = await self._apart(self._page, endpoint)
            for notice in page:
                after = await self._tell(endpoint, notice)
                if after is None:
                    return
                endpoint, told = after, told + 1
                if told % PRUNE_EVERY == 0:
                    await self._apart(self._box.prune, endpoint.id)
            self._passed[endpoint.id] = through
            if through - endpoint.position >= PASSED:
                if not await self._apart(self._box.pass_by, endpoint, through):
                    return
                endpoint = msgspec.structs.replace(endpoint, position=through)
            if through >= self._shelf.size:
                return

    def _page(self, endpoint: Endpoint) -> tuple[list[Notice], int]:
        """The next notices of the endpoint's kinds, and the position up to which these are all."""
        after = self._stands(endpoint)
        page = self._shelf.after(endpoint.agency, after, PAGE)
        if page is None:
            upto = min(after + SCAN, self._shelf.size)
            rows = self._box.concerning(endpoint.agency, after, upto, PAGE)
            entries = [(position, read(raw)) for position, raw in rows]
            found = [notices.notice(e, p) for p, e in entries if addressees(e, (endpoint.agency,))]
            page = found, rows[-1][0] if len(rows) == PAGE else upto
        return [n for n in page[0] if not endpoint.kinds or n.kind in endpoint.kinds], page[1]

    async def _tell(self, endpoint: Endpoint, notice: Notice) -> Endpoint | None:
        """One attempt. Returns where the endpoint stands then; None when its round is over."""
        body, at = notice.body(), self._clock()
        headers = MEDIA | self._signer.headers(notice.id, int(at.timestamp()), body)
        answer = await self._egress.post(endpoint.url, headers, body, at)
        verdict = judge(answer, endpoint.attempt, self._delays_s)
        after = _after(endpoint, notice, verdict, self._clock())
        tried = _attempt(endpoint, notice, answer, verdict, at)
        # A crash here sends it again under the same webhook-id; the position moves last.
        noted = await self._apart(self._box.settle, endpoint, after, tried)
        if verdict.outcome != DELIVERED:
            told = {"agency": endpoint.agency, "position": notice.position, "status": answer.status}
            log.warning("webhook_failed", endpoint=endpoint.id, outcome=verdict.outcome, attempt=tried.attempt, **told)
            return None
        self.delivered += 1
        return after if noted else None

    async def _apart(self, work: Callable[P, T], *given: P.args, **named: P.kwargs) -> T:
        """Blocking work, in a thread of its own: the relay beside us must not wait for one."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, partial(work, *given, **named))

    def _stands(self, endpoint: Endpoint) -> int:
        return max(endpoint.position, self._passed.get(endpoint.id, 0))


def _after(endpoint: Endpoint, notice: Notice, verdict: Verdict, now: datetime) -> Endpoint:
    """Where an endpoint stands after an attempt."""
    if verdict.outcome == DELIVERED:
        return msgspec.structs.replace(endpoint, position=notice.position, attempt=0, due="", why="")
    if verdict.outcome == FAILED:
        due = instant(now + timedelta(seconds=verdict.wait_s))
        return msgspec.structs.replace(endpoint, attempt=endpoint.attempt + 1, due=due, why=verdict.why, state=ACTIVE)
    return msgspec.structs.replace(endpoint, attempt=endpoint.attempt + 1, due="", why=verdict.why, state=DISABLED)


def _attempt(endpoint: Endpoint, notice: Notice, answer: Answer, verdict: Verdict, at: datetime) -> Attempt:
    number = endpoint.attempt + 1
    return Attempt(endpoint.id, notice.position, number, instant(at), answer.status, answer.ms, verdict.outcome)
