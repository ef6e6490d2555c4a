"""What several connectors look at before they run: a port of ours, PEM files, a file of ours. Owns these lines.

What only one partner's protocol has is checked beside that connector. Nothing is left behind.
"""

from __future__ import annotations

import asyncio
import os
import ssl
from collections.abc import Callable
from pathlib import Path

from connectors.protocol import Check


async def port_free(host: str, port: int) -> Check:
    """Whether we could listen there."""
    name, place = "listen", f"{host}:{port}"
    try:
        server = await asyncio.start_server(lambda _, writer: writer.close(), host, port)
    except OSError as error:
        fix = "Is the connector running already? Else choose a free port, and an address of this machine."
        return Check(name, ok=False, found=f"{place} cannot be bound: {error.strerror}", fix=fix)
    server.close()
    return Check(name, ok=True, found=f"{place} is free")


def pem_usable(name: str, *load: Callable[[], ssl.SSLContext | None], tls: str, plain: str) -> Check:
    """Whether the files of these contexts can be used. tls, plain: what is told where the first is, or is none."""
    try:
        contexts = [one() for one in load]
    except OSError as error:
        fix = "Give readable PEM files; certificate and key must belong together."
        return Check(name, ok=False, found=f"cannot be used: {type(error).__name__}", fix=fix)
    return Check(name, ok=True, found=tls if contexts[0] else plain)


def file_writable(name: str, path: Path) -> Check:
    """Whether a file of ours could be written, be it there yet or not. Call it in a thread: it may be on a network."""
    near = next(p for p in (path, *path.absolute().parents) if p.exists())
    ok = os.access(near, os.W_OK)
    fix = "" if ok else f"Let this account write in {path.parent}."
    return Check(name, ok=ok, found=f"{path} can{'' if ok else 'not'} be written", fix=fix)
