"""An HSDS API, read page by page: `GET /organizations?full=true&page=N`. Owns paging and its bounds, no document.

Source: the HSDS API reference (openapi.json of the specification): a page has `contents`, `page_number`, `total_pages`
and `last_page`. An API that ignores `page` and says the same again is at its end.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Final

import httpx
import msgspec

from connectors.hsds.config import HsdsConfig
from hub.errors import Retry

#: Bytes of one page, and how many there may be.
PAGE_LIMIT: Final = 16 * 1_048_576
PAGES: Final = 100_000
#: Behind the last page there is none.
END: Final = "end"
NOT_FOUND: Final = httpx.codes.NOT_FOUND


class Away(Retry):
    """The directory cannot be reached now."""


class Page(msgspec.Struct, frozen=True):
    """One page: its number, its bytes; or why it could not be had."""

    number: int
    content: bytes = b""
    code: str = ""
    text: str = ""


class _Told(msgspec.Struct):
    """What a page says of itself, as far as it does, in whatever type it says it."""

    total_pages: object = None
    last_page: object = None
    contents: msgspec.Raw = msgspec.Raw(b"")


_decode: Final = msgspec.json.Decoder(_Told).decode


async def pages(config: HsdsConfig, transport: httpx.AsyncBaseTransport | None = None) -> AsyncIterator[Page]:
    """Every page. Ends with one that could not be had. Raises `Away` where nobody answers at the first."""
    token = config.token.get_secret_value()
    headers = {"Accept": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
    async with httpx.AsyncClient(headers=headers, timeout=config.timeout_s, transport=transport) as client:
        before = b""
        for number in range(1, PAGES + 1):
            page = await _page(client, config, number)
            if page.code == END or (page.content == before and not page.code):
                return
            yield page
            before = page.content
            if page.code or _is_last(page):
                return


async def _page(client: httpx.AsyncClient, config: HsdsConfig, number: int) -> Page:
    address = f"{config.url.rstrip('/')}/organizations"
    asked = {"full": "true", "full_service": "true", "page": str(number), "per_page": str(config.page_size)}
    try:
        async with client.stream("GET", address, params=asked) as answer:
            if answer.is_server_error and number == 1:
                raise Away(f"the directory answers {answer.status_code}")
            if answer.status_code == NOT_FOUND and number > 1:
                return Page(number, code=END)
            if not answer.is_success:
                return Page(number, code="status", text=f"the directory answers {answer.status_code}")
            content = bytearray()
            async for chunk in answer.aiter_bytes():
                content += chunk
                if len(content) > PAGE_LIMIT:
                    return Page(number, code="too_large", text=f"larger than {PAGE_LIMIT} bytes")
    except (httpx.TransportError, httpx.DecodingError) as error:
        if number == 1:
            raise Away(type(error).__name__) from error
        return Page(number, code="away", text=f"the directory went away ({type(error).__name__})")
    return Page(number, bytes(content))


def _is_last(page: Page) -> bool:
    """Whether a page says that none follows. One that cannot be understood is the last."""
    try:
        told = _decode(page.content)
    except (msgspec.DecodeError, RecursionError):
        return True
    last, total = str(told.last_page).lower(), str(told.total_pages)
    if last in {"true", "1"} or bytes(told.contents).strip() in {b"", b"[]", b"null"}:
        return True
    return last not in {"false", "0"} and total.isdigit() and page.number >= int(total[:9])
