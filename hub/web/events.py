"""`POST /v1/events` and `GET /v1/receipts/…`: messages in, and what became of them. Owns these two addresses."""

from __future__ import annotations

from typing import Final
from urllib.parse import unquote

from anyio import to_thread
from fastapi import APIRouter, Request
from starlette.responses import Response

from hub.core.directory import Agency
from hub.core.sealing import cause_digest
from hub.schemas.canonical import Refusal
from hub.web import intake
from hub.web.answers import ENVELOPE_BODY, json_answer
from hub.web.courier import PENDING, Courier, outcome
from hub.web.deps import WebDeps
from hub.web.door import Door, caller_of
from hub.web.intake import BATCH, STRUCTURED, Message, media_type
from hub.web.metrics import Metrics
from hub.web.parameters import Wait
from hub.web.problems import ProblemError, not_found, refused
from hub.web.reading import read_body

RECEIPTS: Final = b"/v1/receipts/"


class Events:
    """Takes messages and hands out receipts."""

    def __init__(self, deps: WebDeps, door: Door, courier: Courier, metrics: Metrics) -> None:
        self._deps, self._door, self._courier, self._metrics = deps, door, courier, metrics

    def routes(self, router: APIRouter) -> None:
        """Add the addresses."""
        router.add_api_route(
            "/v1/events",
            self.post,
            methods=["POST"],
            status_code=202,
            tags=["events"],
            summary="Send events",
            openapi_extra=ENVELOPE_BODY,
        )
        path, about = "/v1/receipts/{source:path}/{id}", "What became of a message"
        router.add_api_route(path, self.receipt, methods=["GET"], tags=["events"], summary=about)

    async def post(self, request: Request, wait: Wait = 0.0) -> Response:
        """Take CloudEvents: structured, a batch, or in binary mode. All of a batch is stored, or none of it.

        202 with a receipt each once Kafka holds them; with `wait`, 200 and the ledger's verdicts as soon as all are
        there, 202 with those there are when the time is over. Sending again under the same ids is always safe.
        """
        agency = caller_of(request).agency
        messages = await self._messages(request, agency)
        self._door.spend(agency, len(messages))
        sent = await self._courier.submit(agency, messages, wait)
        self._metrics.events.inc(len(sent))
        decided = wait > 0 and all(s.verdict is not None for s in sent)
        return json_answer({"receipts": [s.receipt() for s in sent]}, 200 if decided else 202)

    async def receipt(self, request: Request, source: str, id: str) -> Response:  # noqa: A002, ARG002 - read raw, below
        """What became of a message of one's own: pending, recorded with its position, refused with reasons."""
        agency = caller_of(request).agency
        of, id_ = _named(request)
        if not of.startswith(f"//agency/{agency.code}/"):
            raise not_found()
        cause = cause_digest(self._deps.keys.pepper, of, id_)
        found = await to_thread.run_sync(self._deps.reads.verdicts, [cause])
        verdict = found.get(cause)
        status = verdict.verdict if verdict else PENDING
        return json_answer({"id": id_, "source": of, "status": status} | outcome(verdict))

    async def _messages(self, request: Request, agency: Agency) -> list[Message]:
        limits = self._deps.limits
        kind, charset = media_type(request.headers.get("content-type", ""))
        if charset not in {"utf-8", "utf8"} and kind in {STRUCTURED, BATCH}:
            raise ProblemError("media_type", "CloudEvents in JSON are UTF-8.")
        if kind == BATCH:
            body = await read_body(request, limits.batch, limits.body_s)
            return _accepted(await to_thread.run_sync(intake.many, body, agency.code, limits.batch_events))
        if kind != STRUCTURED and "ce-specversion" not in request.headers:
            raise ProblemError("media_type", f"{STRUCTURED}, {BATCH}, or the attributes as ce- headers.")
        body = await read_body(request, limits.single, limits.body_s)
        if kind == STRUCTURED:
            return _accepted(intake.one(body, agency.code))
        return _accepted(intake.binary(request.headers.raw, body, agency.code))


def _accepted(found: Message | list[Message] | Refusal) -> list[Message]:
    if isinstance(found, Refusal):
        raise refused(found.reasons)
    return found if isinstance(found, list) else [found]


def _named(request: Request) -> tuple[str, str]:
    """Source and id of the address as it was sent: an id may hold an encoded slash, which decoding would lose.

    The slashes a source begins with may be encoded, plain, or merged into one by a proxy: all mean the same source.
    """
    raw: bytes = request.scope.get("raw_path") or request.url.path.encode()
    source, _, id_ = raw.partition(b"?")[0].partition(RECEIPTS)[2].rpartition(b"/")
    try:
        of, named = (unquote(part.decode("ascii"), errors="strict") for part in (source, id_))
    except UnicodeDecodeError:
        raise not_found() from None
    return "//" + of.lstrip("/"), named
