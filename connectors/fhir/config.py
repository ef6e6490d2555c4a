"""What the FHIR connector needs to know. Owns names, defaults and what contradicts itself."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, model_validator

from connectors.protocol import SECRET, Config
from connectors.tls import paired

NOTHING: Final = SecretStr("")
MB: Final = 1_048_576
#: A configuration that `spec` accepts.
EXAMPLE: Final[dict[str, Any]] = {
    "url": "https://fhir.hospital.example.kr/r4",
    "search": "Task",
    "parameters": {"owner": "Organization/ieum"},
    "memory_file": "fhir-memory.sqlite",
}
#: What the connector itself asks for: a second value would contradict it.
OWN_PARAMETERS: Final = frozenset({"_lastUpdated", "_sort", "_count", "_include", "_revinclude", "_id", "status"})
Seconds = Annotated[float, Field(gt=0, le=86_400)]


class FhirConfig(Config):
    """Where the hospital's server is, what on it is meant for the hub, and how often to ask."""

    url: Annotated[str, Field(description="Base address of the server: what stands before /Task.")]
    token: Annotated[SecretStr, Field(json_schema_extra=SECRET, description="Sent as a bearer token.")] = NOTHING
    username: Annotated[str, Field(description="Basic authentication, instead of a token.")] = ""
    password: Annotated[SecretStr, Field(json_schema_extra=SECRET)] = NOTHING
    ca_file: Annotated[Path | None, Field(description="Who certifies the server. Default: the system's own list.")] = (
        None
    )
    certificate_file: Annotated[Path | None, Field(description="Our own certificate, where the server asks.")] = None
    key_file: Annotated[Path | None, Field(description="Its private key, mode 0600.")] = None
    search: Annotated[
        Literal["Task", "ServiceRequest"],
        Field(description="Task: requested Tasks are taken. ServiceRequest: active requests, a Task is made for each."),
    ] = "Task"
    parameters: Annotated[
        dict[str, str], Field(description="More of the search: which of them are meant for the hub (owner, code …).")
    ] = Field(default_factory=dict)
    answer: Annotated[bool, Field(description="Write what became of it into the Task.")] = True
    memory_file: Annotated[Path, Field(description="Which referral came of which request; a file of our own.")] = Path(
        "fhir-memory.sqlite"
    )
    poll_s: Annotated[Seconds, Field(description="Seconds between two looks for new ones.")] = 5.0
    changes_s: Annotated[Seconds, Field(description="Seconds between two looks for changes of what was taken.")] = 60.0
    overlap_s: Annotated[
        float, Field(ge=0, le=86_400, description="Looked at again each time, for what the server shows late.")
    ] = 60.0
    page_size: Annotated[int, Field(ge=1, le=1000)] = 100
    page_mb: Annotated[int, Field(ge=1, le=256, description="A larger page is asked for again in smaller ones.")] = 16
    pages: Annotated[
        int, Field(ge=1, le=10_000, description="Links to a next page that are followed behind one another.")
    ] = 200
    timeout_s: Annotated[float, Field(gt=0, le=600)] = 30.0

    @model_validator(mode="after")
    def _complete(self) -> Self:
        split = urlsplit(self.url)
        if split.scheme not in {"http", "https"} or not split.hostname or split.query or split.fragment:
            raise ValueError("url begins with https:// and has no query")
        if split.username or split.password:
            raise ValueError("url holds no user: give username and password_file")
        if bool(self.username) != bool(self.password.get_secret_value()):
            raise ValueError("username and password belong together")
        if self.username and self.token.get_secret_value():
            raise ValueError("give either a token or a username")
        if own := sorted(OWN_PARAMETERS & {name.partition(":")[0] for name in self.parameters}):
            raise ValueError(f"parameters: the connector itself asks for {', '.join(own)}")
        paired(self.certificate_file, self.key_file)
        return self

    @property
    def base(self) -> str:
        """The address without a slash at its end."""
        return self.url.rstrip("/")

    @property
    def is_secret_over_plain(self) -> bool:
        """Whether a secret would travel without TLS."""
        return self.base.startswith("http://") and bool(self.username or self.token.get_secret_value())
