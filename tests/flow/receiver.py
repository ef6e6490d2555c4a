"""A partner's own server for webhooks: real HTTP or HTTPS on a free port, that answers as a test says and remembers.

Owns a certificate of its own making. Signatures are checked with `cryptography`, as a partner would.
"""

from __future__ import annotations

import base64
import datetime as dt
import ipaddress
import ssl
import threading
import time
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import orjson
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.x509.oid import NameOID


@dataclass(frozen=True)
class Call:
    """One request as it came."""

    headers: dict[str, str]
    body: bytes
    at: float

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def data(self) -> dict[str, Any]:
        return orjson.loads(self.body)["data"]

    def verify(self, public: str) -> None:
        """Raises `InvalidSignature` unless the hub signed exactly this."""
        key = Ed25519PublicKey.from_public_bytes(base64.b64decode(public.removeprefix("whpk_")))
        version, _, signature = self.headers["webhook-signature"].partition(",")
        assert version == "v1a"
        signed = f"{self.id}.{self.headers['webhook-timestamp']}.".encode() + self.body
        key.verify(base64.b64decode(signature), signed)


@dataclass(frozen=True)
class Reply:
    """What to answer: after `hang_s`, with headers and a body of so many bytes."""

    status: int = 204
    headers: tuple[tuple[str, str], ...] = ()
    length: int = 0
    hang_s: float = 0.0


class Receiver:
    """The server. `replies` are given in turn; then everything is taken."""

    def __init__(self, tls: Path | None = None) -> None:
        self.calls: list[Call] = []
        self.replies: list[Reply] = []
        self.scheme, self.host = ("https", "localhost") if tls else ("http", "127.0.0.1")
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate(tls))
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)

    @property
    def url(self) -> str:
        return f"{self.scheme}://{self.host}:{self.port}/ieum"

    def until(self, count: int, seconds: float = 30) -> list[Call]:
        """Wait for so many calls."""
        end = time.monotonic() + seconds
        while len(self.calls) < count:
            assert time.monotonic() < end, f"{len(self.calls)} of {count} calls"
            time.sleep(0.02)
        return list(self.calls)

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()


def _handler(receiver: Receiver) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            receiver.calls.append(Call(headers, body, time.time()))
            reply = receiver.replies.pop(0) if receiver.replies else Reply()
            time.sleep(reply.hang_s)
            try:
                self._answer(reply)
            except OSError:
                self.close_connection = True

        def _answer(self, reply: Reply) -> None:
            self.send_response(reply.status)
            for name, value in reply.headers:
                self.send_header(name, value)
            if reply.status != 204:
                self.send_header("Content-Length", str(reply.length))
            self.end_headers()
            for _ in range(reply.length // 65536):
                self.wfile.write(b"x" * 65536)
            self.wfile.write(b"x" * (reply.length % 65536))

        def log_message(self, *_: object) -> None:
            pass

    return Handler


def certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate for localhost that signs itself, and its key."""
    chain, secret = folder / "cert.pem", folder / "key.pem"
    if chain.exists():
        return chain, secret
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(days=2))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    chain.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return chain, secret
