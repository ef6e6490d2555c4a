"""What is answered when the answer is no: RFC 9457 problem documents, one shape for every refusal.

Owns statuses, titles and the translation of every exception that may reach the edge. A problem never quotes what was
sent. Whatever a caller may not know of is the one `not_found`, the same bytes as for nonsense.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

import orjson
import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response

from hub.errors import HubError, Retry
from hub.schemas.canonical import Reason
from hub.schemas.native.wire import pointer

log = structlog.get_logger()
MEDIA_TYPE: Final = "application/problem+json"
RETRY_AFTER_S: Final = 2
TITLES: Final[dict[str, tuple[int, str]]] = {
    "invalid": (400, "The request is not valid"),
    "disconnected": (400, "The request ended early"),
    "unauthorized": (401, "A bearer token is needed"),
    "suspended": (403, "This account is suspended"),
    "forbidden": (403, "This account may not do that"),
    "not_found": (404, "Not found"),
    "method_not_allowed": (405, "This method is not for this address"),
    "not_acceptable": (406, "The answer exists in another form only"),
    "slow": (408, "The request took too long to arrive"),
    "illegal_change": (409, "This change is not possible now"),
    "id_conflict": (409, "This id was used before with other data"),
    "precondition": (412, "What this request relies on is not so"),
    "too_large": (413, "The request is too large"),
    "media_type": (415, "This content type is not understood"),
    "refused": (422, "The ledger refused this"),
    "reason_missing": (422, "A reason code is needed"),
    "too_many": (429, "Too many events"),
    "fault": (500, "The hub failed"),
    "away": (503, "Something the hub needs is away; send the same again"),
}
BY_STATUS: Final = {400: "invalid", 404: "not_found", 405: "method_not_allowed", 413: "too_large", 415: "media_type"}


class ProblemError(Exception):
    """An answer that is no. `code` is a key of `TITLES`; `members` stand beside the standard ones."""

    def __init__(
        self,
        code: str,
        detail: str = "",
        *,
        errors: Iterable[Mapping[str, Any]] = (),
        headers: Mapping[str, str] | None = None,
        members: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(code)
        self.code, self.detail, self.errors = code, detail, list(errors)
        self.headers, self.members = dict(headers or {}), dict(members or {})


def error_of(reason: Reason, prefix: str = "") -> dict[str, Any]:
    """A reason as a member of `errors`: where, which rule, and what the sender can do."""
    error: dict[str, Any] = {"pointer": prefix + reason.path, "code": reason.code, "detail": reason.text}
    return error | ({"allowed": list(reason.allowed)} if reason.allowed else {})


def refused(reasons: Iterable[Reason]) -> ProblemError:
    """A message that can never be accepted, told before it is stored."""
    found = list(reasons)
    code = "too_large" if any(r.code == "too_large" for r in found) else "invalid"
    return ProblemError(code, errors=[error_of(r) for r in found])


def not_found() -> ProblemError:
    """The one answer for what does not exist and for what must not be known."""
    return ProblemError("not_found")


def answer(problem: ProblemError) -> Response:
    """The document."""
    status, title = TITLES[problem.code]
    value: dict[str, Any] = {"type": f"urn:ieum:problem:{problem.code}", "title": title, "status": status}
    if problem.detail:
        value["detail"] = problem.detail
    if problem.errors:
        value["errors"] = problem.errors
    content = orjson.dumps(value | problem.members)
    return Response(content, status, headers=problem.headers, media_type=MEDIA_TYPE)


#: Writes a problem in the words of another standard.
Writer = Callable[[ProblemError], Response]


def _written(request: Request, problem: ProblemError) -> Response:
    """The answer in the words of whoever was asked: addresses of another standard have its own form of refusal."""
    writers: Mapping[str, Writer] = request.app.state.writers
    first = request.url.path.lstrip("/").partition("/")[0]
    return writers.get(first, answer)(problem)


# ------------------------------------------------------------------ handlers
async def _problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, ProblemError)  # noqa: S101 - registered for this class
    return _written(request, error)


async def _validation(request: Request, error: Exception) -> Response:
    """The one place where a parameter that does not fit becomes an answer."""
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for this class
    errors = [{"pointer": pointer(e["loc"]), "code": e["type"], "detail": e["msg"]} for e in error.errors()]
    return _written(request, ProblemError("invalid", errors=errors))


async def _http(request: Request, error: Exception) -> Response:
    """What the framework refuses: unknown addresses and methods."""
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for this class
    return _written(request, ProblemError(BY_STATUS.get(error.status_code, "invalid"), headers=error.headers))


async def _away(request: Request, error: Exception) -> Response:
    log.warning("request_deferred", reason=str(error))
    return _written(request, ProblemError("away", headers={"Retry-After": str(RETRY_AFTER_S)}))


async def _disconnected(request: Request, error: Exception) -> Response:
    """Nobody reads this any more."""
    del error
    return _written(request, ProblemError("disconnected"))


async def _broken(request: Request, error: Exception) -> Response:
    """An invariant is broken (`Halt`). Its text names ids, never a person; the client learns nothing of it."""
    log.error("request_failed", error=type(error).__name__, reason=str(error))
    return _written(request, ProblemError("fault"))


async def _fault(request: Request, error: Exception) -> Response:
    """A defect of ours. The server logs its traceback; here only its name, its text may quote anything."""
    log.error("request_failed", error=type(error).__name__)
    return _written(request, ProblemError("fault"))


def install(app: FastAPI, writers: Mapping[str, Writer]) -> None:
    """Answer every exception that may reach the edge with a problem document; `writers` by an address's first part."""
    app.state.writers = writers
    app.add_exception_handler(ProblemError, _problem)
    app.add_exception_handler(RequestValidationError, _validation)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Retry, _away)
    app.add_exception_handler(ClientDisconnect, _disconnected)
    app.add_exception_handler(HubError, _broken)
    app.add_exception_handler(500, _fault)
