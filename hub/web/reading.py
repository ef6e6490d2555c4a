"""Request bodies, read with a bound on size and time. Owns the bounds; what the bytes mean is `intake`'s."""

from __future__ import annotations

import asyncio
from typing import Final

from fastapi import Request

from hub.web.problems import ProblemError

#: No length of a body has more digits; reading longer ones as numbers would cost more than the body.
DIGITS: Final = 18


async def read_body(request: Request, limit: int, seconds: float) -> bytes:
    """The body, at most `limit` bytes: refused by its declared length before, by its real length while it arrives."""
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise ProblemError("media_type", "Bodies are sent uncompressed.")
    if _declared(request.headers.get("content-length", "")) > limit:
        raise _too_large(limit)
    try:
        async with asyncio.timeout(seconds):
            return await _received(request, limit)
    except TimeoutError:
        raise ProblemError("slow", headers={"Connection": "close"}) from None


async def _received(request: Request, limit: int) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit:
            raise _too_large(limit)
    return bytes(body)


def _declared(length: str) -> int:
    if not (length.isascii() and length.isdigit()):
        return 0
    return int(length) if len(length) <= DIGITS else 1 << 62


def _too_large(limit: int) -> ProblemError:
    # The rest of the body is not read: the connection cannot be used again.
    return ProblemError("too_large", f"At most {limit} bytes.", headers={"Connection": "close"})
