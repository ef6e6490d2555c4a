"""`check` of the webhook connector: one line for each thing that can be wrong, and how to mend it. Posts nothing."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from urllib.parse import urlsplit

from connectors.checking import pem_usable, port_free
from connectors.protocol import Check
from connectors.webhook.config import WebhookConfig, meant
from hub.errors import Usage


async def checks(config: WebhookConfig) -> list[Check]:
    """All of them."""
    return [
        await port_free(config.host, config.port),
        await asyncio.to_thread(_certificate, config),
        _keys(config),
        *([_signing(config), await _callback(config)] if config.callback_url else [_nowhere()]),
    ]


def _certificate(config: WebhookConfig) -> Check:
    plain = "no TLS: only behind a proxy that speaks it, or on one machine"
    return pem_usable("certificate", config.listening, config.calling, tls="the listener speaks TLS", plain=plain)


def _keys(config: WebhookConfig) -> Check:
    name, fix = "secrets", "Give secrets_file: whsec_ or whpk_ keys, one a line."
    try:
        count = len(config.ring())
    except Usage as error:
        return Check(name, ok=False, found=error.what, fix=error.remedy)
    return Check(name, ok=count > 0, found=f"{count} keys hold" if count else "no key", fix="" if count else fix)


def _signing(config: WebhookConfig) -> Check:
    name, fix = "callback_secret", "Give callback_secret_file: a whsec_ or whsk_ key that the partner verifies."
    try:
        signs = config.signing().signs
    except Usage as error:
        return Check(name, ok=False, found=error.what, fix=error.remedy)
    return Check(name, ok=signs, found="calls are signed" if signs else "no key signs", fix="" if signs else fix)


def _nowhere() -> Check:
    return Check("callback", ok=True, found="no address: the partner is not told what became of its calls")


async def _callback(config: WebhookConfig) -> Check:
    """Whether somebody listens there, at an address that is one of a server."""
    parts = urlsplit(config.callback_url)
    host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    name, place = "callback", f"{host}:{port}"
    fix = "Start the partner's server, open the way there in the firewall, or correct callback_url."
    try:
        async with asyncio.timeout(min(5.0, config.callback_s)):
            found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
            if any(meant(ipaddress.ip_address(str(a[0]).partition("%")[0])).is_link_local for *_, a in found):
                return Check(name, ok=False, found=f"{place} is a link-local address", fix=fix)
            tls = config.calling() if parts.scheme == "https" else None
            _, writer = await asyncio.open_connection(host, port, ssl=tls)
    except (OSError, TimeoutError) as error:
        return Check(name, ok=False, found=f"{place} does not answer: {type(error).__name__}", fix=fix)
    writer.close()
    return Check(name, ok=True, found=f"{place} takes connections")
