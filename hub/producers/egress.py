"""The way out to servers whose addresses others chose: which may be called, and a connection that stays with them.

A name is resolved once, every address it has is checked, and the connection goes to a checked one: what the name
means a moment later changes nothing. Certificates are checked against the name. Redirects are not followed, proxies
of the environment not used, answers read to a bound and thrown away. Never knows what is sent.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import partial
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any, Final
from urllib.parse import SplitResult, urlsplit

import httpcore

from hub.core.notices import Answer
from hub.errors import HubError, Usage
from hub.settings import Settings

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

#: Of one attempt, from looking the name up to the end of the answer.
TIMEOUT_S: Final = 15.0
ANSWER_BYTES: Final = 64 * 1024
URL_LIMIT: Final = 2000
#: Addresses of a name that are tried, in the resolver's order.
TRIED: Final = 4
_PORTS: Final = {"https": 443, "http": 80}
#: Of IPv6, only global unicast is public; the rest maps, translates or tunnels to something else.
_UNICAST: Final = IPv6Network("2000::/3")
#: Public by number and not by meaning: 6to4 and its relays, protocol assignments, a cloud's own host.
_DISGUISED: Final[tuple[Network, ...]] = (
    IPv6Network("2002::/16"),
    IPv4Network("192.88.99.0/24"),
    IPv4Network("192.0.0.0/24"),
    IPv4Network("168.63.129.16/32"),
)


#: Threads of their own: a name server that is silent must not hold up whatever else this process does.
_RESOLVERS: Final = ThreadPoolExecutor(8, thread_name_prefix="resolver")


class ForbiddenError(HubError):
    """This address may not be called."""


class Rules:
    """Which addresses may be called: public ones, and the networks an operator trusts; each on the ports listed."""

    def __init__(self, ports: str, networks: str = "") -> None:
        self._ports = [_range(one.strip()) for one in ports.split(",") if one.strip()]
        self._networks = [_network(one.strip()) for one in networks.split(",") if one.strip()]

    @classmethod
    def of(cls, settings: Settings) -> Rules:
        """As the settings say. Raises `Usage` for what is no port or network."""
        return cls(settings.webhook_ports, settings.webhook_networks)

    def url(self, url: str) -> SplitResult:
        """An address as typed, checked as far as it can be without looking its name up. Raises `Usage`."""
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            raise Usage(f"{url[:80]!r} is no address.", "It looks like https://example.kr/path.") from None
        plain = len(url) <= URL_LIMIT and url.isascii() and url.isprintable() and " " not in url
        if not plain or parts.scheme not in _PORTS or not parts.hostname:
            raise Usage(f"{url[:80]!r} is no address.", "It looks like https://example.kr/path, in ASCII (xn--…).")
        if parts.username is not None or parts.fragment:
            raise Usage("a webhook's address has no user and no fragment.", "What is sent is signed: check that.")
        if parts.scheme == "http" and not any(network.is_loopback for network in self._networks):
            raise Usage("a webhook's address begins with https://.", "Give the server a certificate.")
        self._check_port(port or _PORTS[parts.scheme])
        return parts

    def check(self, address: Address, *, encrypted: bool) -> None:
        """Raises `ForbiddenError` for an address that is neither public nor trusted."""
        trusted = any(address in network for network in self._networks)
        if not encrypted and not (trusted and address.is_loopback):
            raise ForbiddenError("http:// is for the loopback interface alone")
        if not trusted and not is_public(address):
            raise ForbiddenError("its name leads to an address that is not public")

    def _check_port(self, port: int) -> None:
        if not any(port in ports for ports in self._ports):
            raise Usage(f"webhooks may not be sent to port {port}.", "Use 443, or ask for HUB_WEBHOOK_PORTS.")


def is_public(address: Address) -> bool:
    """Whether an address is one of the public internet, and stands for no other address."""
    if any(address in network for network in _DISGUISED) or address.is_multicast or not address.is_global:
        return False
    return isinstance(address, IPv4Address) or address in _UNICAST


async def resolve(host: str, port: int, rules: Rules, *, encrypted: bool) -> list[str]:
    """The addresses of a name. Raises `ForbiddenError` when any of them may not be called, or there is none."""
    try:
        found = await asyncio.get_running_loop().run_in_executor(
            _RESOLVERS, partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
        )
    except (OSError, UnicodeError):
        raise ForbiddenError("its name has no address") from None
    addresses = list(dict.fromkeys(str(info[4][0]) for info in found))
    for address in addresses:
        rules.check(ip_address(address.partition("%")[0]), encrypted=encrypted)
    return addresses


class Pinned(httpcore.AsyncNetworkBackend):
    """Opens connections to checked addresses only. TLS above it still asks for the name."""

    def __init__(self, rules: Rules, *, encrypted: bool) -> None:
        self._rules, self._encrypted, self._inner = rules, encrypted, httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's interface
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Look the name up, check, connect to what was checked."""
        failed: Exception = httpcore.ConnectError("no address")
        for address in (await resolve(host, port, self._rules, encrypted=self._encrypted))[:TRIED]:
            try:
                return await self._inner.connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failed = error
        raise failed

    async def sleep(self, seconds: float) -> None:
        """As httpcore wants it."""
        await asyncio.sleep(seconds)


class Egress:
    """Sends one POST at a time to each of many servers."""

    def __init__(self, rules: Rules, tls: ssl.SSLContext | None = None, *, timeout_s: float = TIMEOUT_S) -> None:
        self._rules, self._timeout_s = rules, timeout_s
        context = tls or ssl.create_default_context()
        self._pools = {
            scheme: httpcore.AsyncConnectionPool(
                ssl_context=context,
                max_connections=200,
                keepalive_expiry=30,
                network_backend=Pinned(rules, encrypted=scheme == "https"),
            )
            for scheme in _PORTS
        }

    async def post(self, url: str, headers: Mapping[str, str], body: bytes, now: datetime) -> Answer:
        """What was answered. Never raises for what the other side does; `now` reads a Retry-After that is a date."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        status, wait_s, error = 0, 0.0, ""
        try:
            scheme = self._rules.url(url).scheme
            async with asyncio.timeout(self._timeout_s):
                status, wait_s = await self._exchange(scheme, url, headers, body, now)
        except TimeoutError:
            error = f"no answer within {self._timeout_s:.0f} s"
        except (ForbiddenError, Usage) as forbidden:
            error = str(forbidden)
        except (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError, OSError) as failed:
            error = _told(failed)
        return Answer(0 if error else status, round((loop.time() - began) * 1000), wait_s, error)

    async def close(self) -> None:
        """Close every connection."""
        for pool in self._pools.values():
            await pool.aclose()

    async def _exchange(
        self, scheme: str, url: str, headers: Mapping[str, str], body: bytes, now: datetime
    ) -> tuple[int, float]:
        limits = dict.fromkeys(("connect", "read", "write", "pool"), self._timeout_s)
        sent: list[tuple[bytes | str, bytes | str]] = [*headers.items()]
        async with self._pools[scheme].stream(
            "POST", url, headers=sent, content=body, extensions={"timeout": limits}
        ) as answer:
            length = 0
            async for chunk in answer.aiter_stream():
                length += len(chunk)
                if length > ANSWER_BYTES:
                    break  # the connection is closed: what else it says does not matter
            given = {name.lower(): value for name, value in answer.headers}.get(b"retry-after", b"")
            return answer.status, retry_after(given.decode("latin-1"), now)


def retry_after(given: str, now: datetime) -> float:
    """The seconds a Retry-After header asks for, 0 where it says nothing that can be read (RFC 9110, 10.2.3)."""
    if given.isascii() and given.isdigit():
        return float(given[:9])
    try:
        at = parsedate_to_datetime(given)
    except (ValueError, OverflowError):  # a year or a zone of twenty digits is no ValueError
        return 0.0
    return max(0.0, (at.replace(tzinfo=at.tzinfo or UTC) - now).total_seconds())


def _told(error: Exception) -> str:
    """An error in words that hold nothing the other side said."""
    cause = error.__cause__ or error.__context__
    if isinstance(cause, ssl.SSLError) or "CERTIFICATE" in str(error):
        return "its certificate does not hold"
    return {"ConnectError": "it cannot be reached"}.get(type(error).__name__, f"the connection broke ({_name(error)})")


def _name(error: Exception) -> str:
    return type(error).__name__


def _range(text: str) -> range:
    first, _, last = text.partition("-")
    try:
        return range(int(first), int(last or first) + 1)
    except ValueError:
        raise Usage(f"{text!r} is no port.", "webhook_ports looks like 443,8443 or 1-65535.") from None


def _network(text: str) -> Network:
    try:
        return ip_network(text)
    except ValueError:
        raise Usage(f"{text!r} is no network.", "webhook_networks looks like 10.20.0.0/16,fd00::/8.") from None
