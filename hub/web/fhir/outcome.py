"""OperationOutcome for every no, and how the façade writes its answers. Owns issue types and element paths.

An issue names the element (`expression`, a simple FHIRPath) and never quotes a value. Statuses and titles are those of
`hub.web.problems`: a refusal is the same decision in other words.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

import orjson
from starlette.responses import Response

from hub.schemas.canonical import Reason
from hub.web.answers import PRIVATE
from hub.web.problems import TITLES, ProblemError

Resource = dict[str, Any]
MEDIA_TYPE: Final = "application/fhir+json"
#: Reason codes of the hub, as codings.
REASONS: Final = "urn:kr:ieum:reason"
#: The allowed changes are told as the statuses that ask for them.
STATUSES: Final = "http://hl7.org/fhir/task-status"
#: IssueType (a required binding) of each problem; what is not here is `processing`.
ISSUES: Final = {
    "invalid": "invalid",
    "disconnected": "incomplete",
    "unauthorized": "login",
    "suspended": "forbidden",
    "forbidden": "forbidden",
    "not_found": "not-found",
    "method_not_allowed": "not-supported",
    "not_acceptable": "not-supported",
    "slow": "timeout",
    "illegal_change": "conflict",
    "id_conflict": "conflict",
    "precondition": "conflict",
    "too_large": "too-long",
    "media_type": "not-supported",
    "refused": "business-rule",
    "reason_missing": "required",
    "too_many": "throttled",
    "fault": "exception",
    "away": "transient",
}
#: Where one reason says more than the whole answer's status.
_BY_REASON: Final = {
    "unknown_need": "code-invalid",
    "missing": "required",
    "number_missing": "required",
    "name_missing": "required",
    "need_missing": "required",
    "request_missing": "required",
    "too_deep": "too-costly",
    "too_long": "too-long",
}


def issue(code: str, text: str, *, expression: str = "", severity: str = "error", reason: str = "") -> Resource:
    """One issue. `code` is an IssueType, `reason` the hub's own code for it."""
    value: Resource = {"severity": severity, "code": code}
    if reason:
        value["details"] = {"coding": [{"system": REASONS, "code": reason}], "text": text}
    value["diagnostics"] = f"{expression}: {text}" if expression else text
    return value | ({"expression": [expression]} if expression else {})


def outcome(issues: Iterable[Resource]) -> Resource:
    """An OperationOutcome; without anything to say it says so."""
    found = list(issues) or [issue("informational", "All is well.", severity="information")]
    return {"resourceType": "OperationOutcome", "issue": found}


def expression(root: str, pointer: str) -> str:
    """A JSON pointer as a path of elements: /name/0/text of a Patient is Patient.name[0].text."""
    path = root
    for step in pointer.split("/")[1:]:
        path += f"[{step}]" if step.isdigit() else f".{step}"
    return path


def errors_of(reasons: Iterable[Reason], root: str) -> list[dict[str, Any]]:
    """Reasons as members of `ProblemError.errors`, each with its element."""
    return [{"expression": expression(root, r.path), "code": r.code, "detail": r.text} for r in reasons]


def invalid(reasons: Iterable[Reason], root: str) -> ProblemError:
    """A resource that cannot be read."""
    found = list(reasons)
    code = "too_large" if any(r.code == "too_large" for r in found) else "invalid"
    return ProblemError(code, errors=errors_of(found, root))


def wrong(code: str, element: str, reason: str, text: str, **more: Any) -> ProblemError:  # noqa: ANN401 - as ProblemError
    """A problem with one element."""
    return ProblemError(code, errors=[{"expression": element, "code": reason, "detail": text}], **more)


def outcome_of(problem: ProblemError) -> Resource:
    """The problem as an OperationOutcome."""
    code, title = ISSUES.get(problem.code, "processing"), TITLES[problem.code][1]
    issues = [_error(code, e) for e in problem.errors] or [issue(code, problem.detail or title, reason=problem.code)]
    return outcome([*issues, *_allowed(problem.members)])


def _error(code: str, error: Mapping[str, Any]) -> Resource:
    element = error.get("expression") or expression("", str(error.get("pointer", ""))).lstrip(".")
    own = _BY_REASON.get(str(error["code"]), code)
    return issue(own, str(error["detail"]), expression=element, reason=str(error["code"]))


def _allowed(members: Mapping[str, Any]) -> list[Resource]:
    """What is possible instead: one coding a change, so that a program can read it."""
    if "allowed" not in members:
        return []
    allowed = list(members["allowed"])
    text = f"This referral is {members.get('state', '')}. Allowed now: {', '.join(allowed) or 'nothing'}."
    value = issue("informational", text, severity="information")
    if allowed:
        value["details"] = {"coding": [{"system": STATUSES, "code": status} for status in allowed], "text": text}
    return [value]


# ------------------------------------------------------------------ answers
def problem_answer(problem: ProblemError) -> Response:
    """The problem as an answer."""
    return fhir_answer(outcome_of(problem), TITLES[problem.code][0], problem.headers)


def fhir_answer(value: Resource | None, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A FHIR answer; None for no body."""
    body = b"" if value is None else orjson.dumps(value)
    return Response(body, status, headers=PRIVATE | dict(headers or {}), media_type=f"{MEDIA_TYPE}; charset=utf-8")
