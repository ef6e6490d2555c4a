"""The hospital's FHIR server over HTTP: reading, searching, updating. Owns bounds, patience and what an answer means.

Speaks to the configured address alone: a redirect or a link elsewhere is refused, and so is a compressed answer, whose
size nobody knows. Nothing raised here quotes an address's query or a body.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final
from urllib.parse import urljoin, urlsplit

import httpx
import msgspec
import orjson

from connectors.fhir.config import MB, FhirConfig
from hub.errors import Retry
from hub.schemas.canonical import Refusal
from hub.schemas.envelope import read_object

Json = dict[str, Any]
Parameters = Sequence[tuple[str, str]]
JSON: Final = "application/fhir+json"
#: The longest pause a server can ask for.
LONGEST_S: Final = 3600.0
#: Where there is no TLS: a context that would believe no certificate, and costs no reading of them.
TRUSTING_NOBODY: Final = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
_PASSING: Final = frozenset({408, 425, 429})
_ERRORS: Final = 500
_VERSION: Final = re.compile(r'(?:W/)?"([^"]{1,128})"')


class Away(Retry):
    """The server cannot be used now. wait_s: how long it asked to be left alone."""

    def __init__(self, text: str, wait_s: float = 0.0) -> None:
        super().__init__(text)
        self.wait_s = wait_s


class TooLarge(Away):
    """An answer of more bytes than are allowed."""


class Elsewhere(Away):
    """A link that leaves the configured address."""


class Unsupported(Away):
    """The server does not know what was asked for."""


class Answer(msgspec.Struct, frozen=True):
    """What came back. version: of its ETag; date: the server's clock, RFC 3339, '' where it says none."""

    status: int
    content: bytes
    version: str
    location: str
    media: str
    date: str

    @property
    def ok(self) -> bool:
        """Whether it is what was asked for."""
        return self.status in {200, 201}

    def resource(self) -> Json | Refusal:
        """Its body, read as strictly as the hub reads one."""
        return read_object(self.content)


class Server:
    """One server. `headers` are those of every request."""

    def __init__(self, config: FhirConfig, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._config, self._transport = config, transport
        self._client: httpx.AsyncClient | None = None
        self.base = config.base

    async def close(self) -> None:
        """Let go of the connections."""
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    async def get(self, path: str, parameters: Parameters = (), *, strict: bool = False) -> Answer:
        """One answer. path: below the base, or an address that `below` has allowed. Raises `Away`."""
        more = {"Prefer": "handling=strict"} if strict else {}
        return await self._ask("GET", path, parameters, b"", more)

    async def put(self, name: str, value: Json, version: str) -> Answer:
        """Update a resource, if it still has this version ('': whatever it has). Raises `Away`."""
        condition = {"If-Match": f'W/"{version}"'} if version else {}
        return await self._ask("PUT", name, (), orjson.dumps(value), condition)

    async def post(self, kind: str, value: Json, unless: str) -> Answer:
        """Create a resource unless a search finds one. Raises `Away`."""
        return await self._ask("POST", kind, (), orjson.dumps(value), {"If-None-Exist": unless})

    def below(self, link: str) -> str:
        """A link of the server's as an address that may be asked. Raises `Elsewhere` where it leaves it."""
        address = urljoin(f"{self.base}/", link)
        base, told = urlsplit(self.base), urlsplit(address)
        try:
            same = (told.scheme, told.hostname, told.port) == (base.scheme, base.hostname, base.port)
        except ValueError:
            same = False
        if not same or not told.path.startswith(base.path) or ".." in told.path or told.username is not None:
            raise Elsewhere("the server's link to the next page leads elsewhere: set its public address there")
        return address

    # ------------------------------------------------------------- inside
    async def _ask(
        self, method: str, path: str, parameters: Parameters, body: bytes, more: Mapping[str, str]
    ) -> Answer:
        address = path if "://" in path else f"{self.base}/{path}"
        headers = dict(more) | ({"Content-Type": JSON} if body else {})
        asked = httpx.QueryParams(list(parameters)) if parameters else None
        try:
            async with self._opened().stream(
                method, address, params=asked, content=body or None, headers=headers
            ) as told:
                return await self._answer(told)
        except (httpx.TransportError, httpx.InvalidURL) as error:
            raise Away(f"the server does not answer ({type(error).__name__}{_why(error)})") from error

    async def _answer(self, told: httpx.Response) -> Answer:
        status = told.status_code
        if status in _PASSING or status >= _ERRORS:
            raise Away(f"the server answers {status}", _retry_after(told.headers))
        if told.is_redirect:
            raise Away(f"the server answers {status}, a way elsewhere: give its own address as url")
        if told.headers.get("Content-Encoding", "identity") != "identity":
            raise Away("the server compresses what was to be sent as it is")
        limit, content = self._config.page_mb * MB, bytearray()
        async for chunk in told.aiter_raw():
            content += chunk
            if len(content) > limit:
                raise TooLarge(f"an answer of more than {limit} bytes")
        version = _VERSION.fullmatch(told.headers.get("ETag", ""))
        media = told.headers.get("Content-Type", "").partition(";")[0].strip()[:64]
        location, date = told.headers.get("Location", ""), _date(told.headers.get("Date", ""))
        return Answer(status, bytes(content), version[1] if version else "", location, media, date)

    def _opened(self) -> httpx.AsyncClient:
        if self._client is None:
            config = self._config
            headers = {"Accept": JSON, "Accept-Encoding": "identity"}
            if token := config.token.get_secret_value():
                headers["Authorization"] = f"Bearer {token}"
            auth = (config.username, config.password.get_secret_value()) if config.username else None
            self._client = httpx.AsyncClient(
                headers=headers,
                auth=auth,
                timeout=config.timeout_s,
                verify=trusting(config) if self.base.startswith("https://") else TRUSTING_NOBODY,
                transport=self._transport,
                trust_env=False,
            )
        return self._client


def trusting(config: FhirConfig) -> ssl.SSLContext:
    """Whom we believe, and who we are. Raises OSError for files that cannot be used."""
    context = ssl.create_default_context(cafile=config.ca_file)
    if config.certificate_file:
        context.load_cert_chain(config.certificate_file, config.key_file)
    return context


def _why(error: Exception) -> str:
    """What TLS says of a certificate; of other errors the kind is enough."""
    text = str(error)
    return f": {text[:200]}" if "SSL" in text or "certificate" in text else ""


def _date(text: str) -> str:
    """A date of HTTP's as RFC 3339; '' for what is none."""
    try:
        told = parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError):  # a year or a zone of twenty digits
        return ""
    return told.replace(tzinfo=told.tzinfo or UTC).isoformat()


def _retry_after(headers: httpx.Headers) -> float:
    """Seconds, or a date to be compared with the server's own."""
    text = headers.get("Retry-After", "")
    if text.isascii() and text.isdigit():
        return min(LONGEST_S, float(text[:9]))
    until, now = _date(text), _date(headers.get("Date", ""))
    if not until or not now:
        return 0.0
    return min(LONGEST_S, max(0.0, (datetime.fromisoformat(until) - datetime.fromisoformat(now)).total_seconds()))
