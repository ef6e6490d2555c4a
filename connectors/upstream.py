"""Ways to the hub: HTTPS, which closed networks let out, and Kafka for those who run it. Owns patience, never loss.

`send` keeps order: one batch is under way at a time, and what was not answered is sent again, the same bytes under the
same ids, with exponential backoff and jitter, for as long as it takes. A batch the hub refuses for one event is sent
again without it; that event's reasons are its receipt. Where a refusal does not say which event it means, the batch is
sent again in halves. Words that are not the hub's (a sign-in page, a proxy) are no answer.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, Protocol
from urllib.parse import urlsplit

import httpx
import orjson
import structlog

from connectors.protocol import PENDING, RECORDED, REFUSED, SEEN, Change, Event, Receipt
from hub.errors import Usage

log = structlog.get_logger()
BATCH: Final = "application/cloudevents-batch+json"
#: Of one request: what the hub takes (`POST /v1/events`).
BATCH_EVENTS: Final = 500
BATCH_BYTES: Final = 4 * 1_048_576
FIRST_S: Final = 0.5
LONGEST_S: Final = 60.0
#: That the same request will never be taken.
REFUSALS: Final = frozenset({400, 413, 422})
Sleep = Callable[[float], Awaitable[object]]


class Upstream(Protocol):
    """Where events go."""

    async def send(self, events: Sequence[Event]) -> list[Receipt]:
        """Deliver all, in order; a receipt each. Waits while the hub is away. Raises `Usage` for a bad token."""

    async def receipts(self, waiting: Sequence[Receipt]) -> list[Receipt]:
        """Those of `waiting` that were decided since. Empty while the hub is away."""

    async def changes(self, after: str) -> tuple[list[Change], str]:
        """What happened to this agency's referrals behind a position of its outbox, and the next position."""

    async def close(self) -> None:
        """Let go of the connection."""


class Backoff:
    """How long to wait before the next attempt: doubling, with jitter, so that a hub that returns is not stormed."""

    def __init__(self, sleep: Sleep = asyncio.sleep) -> None:
        self._sleep, self._attempt = sleep, 0

    async def wait(self, least_s: float = 0.0) -> None:
        """Wait; longer each time."""
        full = min(LONGEST_S, FIRST_S * 2 ** min(self._attempt, 16))
        self._attempt += 1
        await self._sleep(max(least_s, full * (0.5 + random.random() / 2)))  # noqa: S311 - jitter guards no secret


class Http:
    """The hub's HTTP API with the agency's token."""

    def __init__(
        self, url: str, token: str, *, sleep: Sleep = asyncio.sleep, client: httpx.AsyncClient | None = None
    ) -> None:
        if urlsplit(url).scheme not in {"https", "http"}:
            raise Usage(f"{url!r} is no address of a hub.", "It begins with https://.")
        self._client = client or httpx.AsyncClient(base_url=url, timeout=40)
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": BATCH}
        self._sleep = sleep

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def send(self, events: Sequence[Event]) -> list[Receipt]:
        """See `Upstream`. An answer stands for Kafka holding the event; the ledger's verdict comes later."""
        found: dict[str, Receipt] = {}
        for batch in _batches(events):
            left = list(batch)
            while left:
                left = await self._post(left, found)
        return [found[e["id"]] for e in events]

    async def receipts(self, waiting: Sequence[Receipt]) -> list[Receipt]:
        """See `Upstream`."""
        wanted = [{"source": r.source, "id": r.id} for r in waiting[:BATCH_EVENTS]]
        answer = await self._try("POST", "/v1/receipts", orjson.dumps({"messages": wanted}), "application/json")
        if answer is None or not answer.is_success:
            return []
        decided = (_receipt(r) for r in answer.json()["receipts"])
        return [r for r in decided if r.status != PENDING]

    async def changes(self, after: str) -> tuple[list[Change], str]:
        """See `Upstream`."""
        behind = after.partition("@")[0] or "0"  # what follows is Kafka's, should it have been the way before
        answer = await self._try("GET", f"/v1/feed?after={behind}&limit=500", b"", "application/json")
        if answer is None or not answer.is_success:
            return [], after
        page = answer.json()
        entries = ((e["position"], e["data"]) for e in page["entries"])
        found = [Change(p, d["kind"], d["heard"], d["facts"]) for p, d in entries if not d.get("sealed")]
        return found, str(page["next"])

    async def preview(self, events: Sequence[Event]) -> list[dict[str, Any]]:
        """What the hub would make of each event; nothing is stored there. Raises `Usage` where nobody answers."""
        answer = await self._try("POST", "/v1/preview", orjson.dumps(events), BATCH)
        if answer is None:
            raise Usage("The hub does not answer.", "Check the url, and the network to it.")
        if not answer.is_success:
            raise Usage(f"The hub answers {answer.status_code} to a preview.", "Check the token, and the hub's log.")
        found: list[dict[str, Any]] = answer.json()["previews"]
        return found

    async def reach(self) -> int:
        """The status of a small question as this agency; 0 where nobody answers."""
        answer = await self._try("GET", "/v1/feed?after=0&limit=1", b"", "application/json")
        return answer.status_code if answer is not None else 0

    async def _post(self, events: list[Event], found: dict[str, Receipt]) -> list[Event]:
        """Send a batch until it is answered. Returns what has to be sent again, without what can never be accepted."""
        answer = await self._patiently(orjson.dumps(events))
        if answer.status_code in REFUSALS:
            return await self._refused(events, answer, found)
        if not answer.is_success:
            raise Usage(f"The hub answers {answer.status_code}.", "Look at the hub's own log; nothing was lost here.")
        for event, receipt in zip(events, answer.json()["receipts"], strict=True):
            told = _receipt({"source": event["source"], **receipt})
            # Sent again behind a crash, it may be decided already: its referrals stand in the receipt alone.
            found[event["id"]] = told if told.status == REFUSED else Receipt(told.id, told.source, PENDING)
        return []

    async def _refused(self, events: list[Event], answer: httpx.Response, found: dict[str, Receipt]) -> list[Event]:
        """What has to be sent again behind a refusal: all but those it names."""
        reasons = _by_place(_said(answer) or {}, len(events))
        if not reasons and len(events) > 1:
            half = len(events) // 2
            first = events[:half]
            while first:
                first = await self._post(first, found)
            return events[half:]
        for place, told in (reasons or {0: [_whole(answer)]}).items():
            event = events[place]
            found[event["id"]] = Receipt(event["id"], event["source"], REFUSED, reasons=tuple(told))
        return [e for n, e in enumerate(events) if n not in (reasons or {0})]

    async def _patiently(self, content: bytes) -> httpx.Response:
        backoff = Backoff(self._sleep)
        while True:
            answer = await self._try("POST", "/v1/events", content, BATCH)
            if answer is not None and answer.status_code in {401, 403}:
                raise Usage("The hub does not take this agency's token.", "Ask the city: hub agency rotate, or resume.")
            if answer is not None and not _is_passing(answer):
                return answer
            await backoff.wait(_retry_after(answer))

    async def _try(self, method: str, path: str, content: bytes, media: str) -> httpx.Response | None:
        """One request; None while nobody answers, or somebody who is not the hub."""
        try:
            headers = self._headers | {"Content-Type": media}
            answer = await self._client.request(method, path, content=content, headers=headers)
        except httpx.RequestError as error:
            log.info("hub_away", error=type(error).__name__)
            return None
        if (answer.is_success or answer.status_code in {400, 422}) and _said(answer) is None:
            log.warning("hub_answer_foreign", status=answer.status_code)
            return None
        return answer


def _batches(events: Sequence[Event]) -> list[list[Event]]:
    batches: list[list[Event]] = []
    size = BATCH_BYTES
    for event in events:
        length = len(orjson.dumps(event)) + 1
        if size + length > BATCH_BYTES or len(batches[-1]) == BATCH_EVENTS:
            batches.append([])
            size = 0
        batches[-1].append(event)
        size += length
    return batches


def _said(answer: httpx.Response) -> dict[str, Any] | None:
    """The JSON object of an answer; None where it holds something else."""
    try:
        value = orjson.loads(answer.content)
    except orjson.JSONDecodeError:
        return None
    return value if isinstance(value, dict) else None


def _by_place(problem: dict[str, Any], count: int) -> dict[int, list[dict[str, Any]]]:
    """Reasons by the event's place in the batch, which pointers begin with; none where the problem names no event."""
    refused: dict[int, list[dict[str, Any]]] = {}
    for error in problem.get("errors", ()):
        place, _, path = str(error["pointer"]).removeprefix("/").partition("/")
        if place.isascii() and place.isdigit() and int(place) < count:
            reason = {"path": f"/{path}" if path else "", "code": error["code"], "text": error["detail"]}
            refused.setdefault(int(place), []).append(reason)
    return refused


def _whole(answer: httpx.Response) -> dict[str, Any]:
    """The reason against an event that was sent alone."""
    if answer.status_code == httpx.codes.REQUEST_ENTITY_TOO_LARGE:
        return {"path": "", "code": "too_large", "text": "larger than the hub takes"}
    problem = _said(answer) or {}
    return {"path": "", "code": "invalid", "text": str(problem.get("detail") or problem.get("title") or "refused")}


def _receipt(answer: dict[str, Any]) -> Receipt:
    """The API's receipt as ours."""
    status, verdict = str(answer["status"]), str(answer.get("verdict", ""))
    told = {"accepted": verdict or PENDING, "seen": verdict or SEEN, "no-op": RECORDED}.get(status, status)
    reasons, referrals = tuple(answer.get("reasons", ())), tuple(answer.get("referrals", ()))
    return Receipt(str(answer["id"]), str(answer["source"]), told, int(answer.get("position") or 0), reasons, referrals)


def _is_passing(answer: httpx.Response) -> bool:
    """Whether the same request may succeed later."""
    return answer.status_code in {408, 425, 429} or answer.status_code >= 500  # noqa: PLR2004 - every server error


def _retry_after(answer: httpx.Response | None) -> float:
    given = answer.headers.get("Retry-After", "") if answer is not None else ""
    return min(LONGEST_S, float(given)) if given.isascii() and given.isdigit() else 0.0
