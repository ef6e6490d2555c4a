"""The hub's API, asked as one agency: what it may see and nothing else, every read of personal data recorded.

Owns the connection and the translation of problem documents into errors. The token is the one this machine keeps.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Self

import httpx
import typer

from hub.cli.accounts import credentials
from hub.cli.installation import configured
from hub.cli.running import alive, web_url
from hub.errors import Retry, Usage

#: Whose eyes a command sees with, unless another agency is named.
CITY: Final = "city"
As = Annotated[str, typer.Option("--as", metavar="AGENCY", help="The agency whose view and rights are used.")]


class Asking:
    """One agency's session with the API."""

    def __init__(self, agency: str = CITY, state: Path | None = None) -> None:
        settings = configured(state)
        held, url = credentials(settings, agency), web_url(alive(settings.state_dir))
        if held is None:
            raise Usage(f"no token of agency {agency} is kept here.", "Name another with --as, or make one: hub agency")
        if not url:
            raise Retry("no hub runs here")
        headers = {"Authorization": f"Bearer {held.token}"}
        self._client = httpx.Client(base_url=url, headers=headers, timeout=40)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *ended: object) -> None:
        self._client.close()

    def get(self, path: str, **parameters: str | int | bool) -> dict[str, Any]:
        """A read. Raises `Usage` for what does not exist or must not be known."""
        return self._answered(self._sent("GET", path, params=parameters))

    def post(self, path: str, body: Mapping[str, object], **parameters: str | int) -> dict[str, Any]:
        """A change. Raises `Usage` with the state and the changes allowed when it is not possible."""
        return self._answered(self._sent("POST", path, params=parameters, json=body))

    def _sent(self, method: str, path: str, **content: Any) -> httpx.Response:  # noqa: ANN401 - httpx's own arguments
        try:
            return self._client.request(method, path, **content)
        except httpx.TransportError as error:
            raise Retry(f"the hub does not answer ({type(error).__name__})") from error

    def _answered(self, answer: httpx.Response) -> dict[str, Any]:
        if answer.status_code >= 500:  # noqa: PLR2004 - every server error
            raise Retry(f"the hub answered {answer.status_code}: {answer.text[:200]}")
        value: dict[str, Any] = answer.json()
        if not answer.is_success:
            raise Usage(*_problem(value))
        return value


def _problem(value: dict[str, Any]) -> tuple[str, str]:
    """A problem document as what and remedy."""
    errors = "; ".join(f"{e['pointer']} {e['detail']}".strip() for e in value.get("errors", ()))
    told = f"{value['title']}: {errors or value.get('detail', '')}".rstrip(": ")
    state = f"It is {value['state']}. " if value.get("state") else ""
    allowed = f"Possible now: {', '.join(value['allowed'])}." if value.get("allowed") else ""
    return told, (state + allowed).strip()
