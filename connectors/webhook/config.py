"""Configuration of the webhook connector. Owns names, defaults and what contradicts itself; `checking` checks it."""

from __future__ import annotations

import ipaddress
import ssl
from pathlib import Path
from typing import Annotated, Any, Final
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator

from connectors import tls
from connectors.protocol import SECRET, Config
from connectors.webhook.forms import FormName
from connectors.webhook.signing import Ring
from hub.schemas.envelope import RAW_LIMIT

NOTHING: Final = SecretStr("")
#: A configuration that `spec` accepts. The keys are in a file: `secrets_file`.
EXAMPLE: Final[dict[str, Any]] = {
    "host": "127.0.0.1",
    "port": 8443,
    "paths": {"/victim-support": "victim"},
    "callback_url": "https://cases.example.go.kr/ieum",
}
Seconds = Annotated[float, Field(gt=0, le=3600)]


def _paths() -> dict[str, FormName]:
    return {"/": "victim"}


def meant(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """The address that a connection goes to: of one mapped into IPv6, the one within."""
    return (address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None) or address


class WebhookConfig(Config):
    """Where calls come in, which form at which path, and where ours go. Times are seconds, sizes bytes."""

    host: str = Field("127.0.0.1", description="Address to listen at.")
    port: Annotated[int, Field(ge=1, le=65_535)] = 8443
    certificate_file: Path | None = Field(None, description="PEM chain; with it the listener speaks TLS alone.")
    key_file: Path | None = Field(None, description="PEM key of that certificate.")
    paths: Annotated[
        dict[str, FormName], Field(min_length=1, description="Path → form: victim, citizen, device, welfare …")
    ] = Field(default_factory=_paths)
    secrets: Annotated[
        SecretStr,
        Field(
            json_schema_extra=SECRET,
            description="Keys a call may be signed with, white space between: whsec_ (v1), whpk_ (v1a). All hold.",
        ),
    ] = NOTHING
    callback_url: str = Field("", description="Where receipts and changes are posted; empty: nowhere.")
    callback_secret: Annotated[
        SecretStr,
        Field(json_schema_extra=SECRET, description="Signs them: whsec_ (v1) or whsk_ (v1a); several in a rotation."),
    ] = NOTHING
    callback_insecure: bool = Field(default=False, description="Allow http:// there: a closed network or a tunnel.")
    callback_ca_file: Path | None = Field(None, description="CA of that server, if the system has it not.")
    callback_s: Seconds = Field(15.0, description="Time for its answer.")
    body_bytes: Annotated[int, Field(ge=1024, le=RAW_LIMIT)] = RAW_LIMIT
    connections: Annotated[int, Field(ge=1, le=1000)] = 64
    head_s: Seconds = Field(10.0, description="Time for the headers of a call, TLS handshake included.")
    body_s: Seconds = Field(20.0, description="Time for its body.")
    idle_s: Seconds = Field(60.0, description="A connection without a call is closed.")
    retry_after_s: Annotated[int, Field(ge=1, le=86_400)] = Field(30, description="Said with 503 when full.")

    @field_validator("paths")
    @classmethod
    def _absolute(cls, paths: dict[str, FormName]) -> dict[str, FormName]:
        if wrong := [path for path in paths if not path.startswith("/") or "?" in path]:
            raise ValueError(f"a path begins with / and has no query: {wrong[0]!r}")
        return paths

    @field_validator("callback_url")
    @classmethod
    def _address(cls, url: str) -> str:
        """Nothing that would send signed calls to a machine's own metadata service, or a password along."""
        parts = urlsplit(url)
        if url and (parts.scheme not in {"https", "http"} or not parts.hostname):
            raise ValueError("callback_url begins with https://")
        if parts.port == 0:  # a larger one than there is raises by itself
            raise ValueError("callback_url names no port")
        try:
            (parts.hostname or "").encode("idna")
        except UnicodeError:
            raise ValueError("callback_url names no host: a part of it is empty or too long") from None
        if parts.username or parts.password or parts.fragment:
            raise ValueError("callback_url holds no user, password or fragment")
        try:
            address = ipaddress.ip_address(parts.hostname or "")
        except ValueError:
            return url
        address = meant(address)
        if address.is_link_local or address.is_multicast or address.is_unspecified:
            raise ValueError("callback_url is no address of a server")
        return url

    @model_validator(mode="after")
    def _complete(self) -> WebhookConfig:
        tls.paired(self.certificate_file, self.key_file)
        if self.callback_url.startswith("http:") and not self.callback_insecure:
            raise ValueError("callback_url is not https; callback_insecure allows that")
        return self

    def ring(self) -> Ring:
        """Keys of calls. Raises `Usage` for one that cannot be used."""
        return Ring(self.secrets.get_secret_value().split())

    def signing(self) -> Ring:
        """Keys of our own calls."""
        return Ring(self.callback_secret.get_secret_value().split())

    def listening(self) -> ssl.SSLContext | None:
        """TLS of the listener. Raises OSError for files that cannot be used."""
        return tls.listening(self.certificate_file, self.key_file)

    def calling(self) -> ssl.SSLContext:
        """TLS towards the partner's server. Raises OSError for a file that cannot be used."""
        return ssl.create_default_context(cafile=self.callback_ca_file)
