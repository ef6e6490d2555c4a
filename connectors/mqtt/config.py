"""Configuration of the MQTT connector: broker, topics, what silence means. Owns names, defaults and contradictions."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from aiomqtt import Topic
from pydantic import Field, SecretStr, model_validator

from connectors.protocol import SECRET, Config
from connectors.tls import paired

#: A configuration that `spec` accepts. The password is in a file: `password_file`.
EXAMPLE: Final[dict[str, Any]] = {
    "host": "broker.example.go.kr",
    "username": "ieum",
    "topics": [
        {"filter": "meters/+/flow", "kind": "water_meter", "reading": "no_flow_hours", "device_level": 2},
        {"filter": "sos/+/events", "kind": "fall_sensor", "device_level": 2, "silent_after_s": [43200, 86400]},
    ],
    "state_file": "mqtt-devices.sqlite",
}
NOTHING: Final = SecretStr("")
Name = Annotated[str, Field(max_length=128, pattern=r"^[^\x00-\x1f\x7f-\x9f]*$")]
Seconds = Annotated[float, Field(gt=0, le=31_536_000)]


class TopicConfig(Config):
    """One kind of device: where it speaks, and what its messages lack."""

    filter: Annotated[str, Field(min_length=1, max_length=1024, description="Topics, with + and #.")]
    kind: Name = Field("", description="Of messages that do not say it: water_meter, fall_sensor …")
    reading: Name = Field("", description="Of messages that do not say it; then a bare number is a message too.")
    device_level: Annotated[int, Field(ge=1, le=64)] | None = Field(
        None, description="The level of the topic (from 1) that is the device; a message may not name another."
    )
    charset: Literal["utf-8", "cp949"] = "utf-8"
    heartbeat: bool = Field(default=False, description="Signs of life alone: heard, but no event.")
    silent_after_s: Annotated[tuple[Seconds, ...], Field(max_length=8)] = Field(
        (), description="After so many seconds of silence, each, a signal is raised. Rising."
    )

    @model_validator(mode="after")
    def _complete(self) -> Self:
        levels = self.filter.split("/")
        if "#" in levels[:-1] or any(len(level) > 1 and {"+", "#"} & set(level) for level in levels):
            raise ValueError("+ and # stand alone in their level, # in the last")
        if list(self.silent_after_s) != sorted(set(self.silent_after_s)):
            raise ValueError("silent_after_s rises")
        if self.heartbeat and self.device_level is None:
            raise ValueError("a heartbeat needs device_level")
        return self


class MqttConfig(Config):
    """The broker, and what is heard there. Times are seconds, sizes bytes."""

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=1, le=65_535)] = 8883
    tls: bool = Field(default=True, description="Off only on one machine or in a closed network.")
    ca_file: Path | None = Field(None, description="CA of the broker's certificate, if the system has it not.")
    certificate_file: Path | None = Field(None, description="Our certificate, where the broker asks for one.")
    key_file: Path | None = None
    username: str = ""
    password: Annotated[SecretStr, Field(json_schema_extra=SECRET)] = NOTHING
    client_id: Annotated[str, Field(min_length=1, max_length=64)] = Field(
        "ieum-hub", description="Names the session that the broker keeps for us; no other client may have it."
    )
    topics: Annotated[tuple[TopicConfig, ...], Field(min_length=1, max_length=100)]
    state_file: Path | None = Field(None, description="When each device was heard last; needed for silent_after_s.")
    rejected: str = Field("ieum/rejected", description="What cannot be taken is named there, with reasons.")
    status: str = Field("ieum/status", description="Retained: online, full or offline (our last will).")
    replies: str = Field("ieum/replies/", description="Response topics (MQTT 5) of messages begin with this.")
    session_s: Annotated[int, Field(ge=3600, le=0xFFFFFFFF)] = Field(
        604_800, description="How long the broker keeps messages for us while we are away."
    )
    together: Annotated[int, Field(ge=1, le=2000)] = Field(500, description="Messages under way, not acknowledged yet.")
    payload_bytes: Annotated[int, Field(ge=64, le=524_288)] = 65_536
    keepalive_s: Annotated[int, Field(ge=5, le=3600)] = 30
    full_again_s: Annotated[float, Field(gt=0, le=600)] = Field(5.0, description="Between attempts at a full spool.")

    @model_validator(mode="after")
    def _complete(self) -> Self:
        paired(self.certificate_file, self.key_file)
        if any(t.silent_after_s for t in self.topics) and self.state_file is None:
            raise ValueError("silent_after_s needs state_file")
        for own in (self.rejected, self.status, f"{self.replies}x"):
            if any(Topic(own).matches(t.filter) for t in self.topics):
                raise ValueError(f"a filter matches {own}, where we speak ourselves")
        return self

    def topic_of(self, name: str) -> TopicConfig | None:
        """The first that matches."""
        topic = Topic(name)
        return next((t for t in self.topics if topic.matches(t.filter)), None)

    def security(self) -> ssl.SSLContext | None:
        """TLS. Raises OSError for files that cannot be used."""
        if not self.tls:
            return None
        context = ssl.create_default_context(cafile=self.ca_file)
        if self.certificate_file:
            context.load_cert_chain(self.certificate_file, self.key_file)
        return context
