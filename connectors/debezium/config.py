"""What the debezium connector needs to know: the partner's Kafka, and which of its topics carry changes of rows."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal, Self

from pydantic import Field, SecretStr, model_validator

from connectors import tls
from connectors.protocol import SECRET, Config

EXAMPLE: Final[dict[str, Any]] = {
    "bootstrap": "kafka.agency.local:9093",
    "username": "ieum",
    "topics": ["changes.lh.public.referral"],
    "heartbeat": "heartbeat.changes.lh",
    "rows": "housing",
    "number": "접수번호",
}


class DebeziumConfig(Config):
    """Whose Kafka, which topics, what rows they are."""

    bootstrap: Annotated[str, Field(min_length=1, description="The agency's own Kafka, host:port.")]
    security: Literal["SASL_SSL", "SASL_PLAINTEXT", "SSL", "PLAINTEXT"] = "SASL_SSL"
    mechanism: Literal["SCRAM-SHA-256", "SCRAM-SHA-512", "PLAIN"] = "SCRAM-SHA-512"
    username: str = ""
    password: Annotated[SecretStr, Field(json_schema_extra=SECRET)] = SecretStr("")
    ca_file: Annotated[str, Field(description="CA of the broker's certificate.")] = ""
    topics: Annotated[tuple[str, ...], Field(min_length=1, description="Debezium's: <prefix>.<schema>.<table>.")]
    heartbeat: Annotated[str, Field(description="Topic of Debezium's heartbeats; `check` looks how old they are.")] = ""
    answers: Annotated[str, Field(description="Topic to write receipts, refusals and later changes to.")] = ""
    rows: Annotated[
        Literal["welfare", "housing"], Field(description="Which rows they are; the hub's mapping reads them by it.")
    ] = "welfare"
    number: Annotated[str, Field(description="Column of the referral's number; its changes stay in order.")] = ""
    group: str = "ieum-debezium"
    batch: Annotated[int, Field(ge=1, le=5000)] = 500

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.security.startswith("SASL") and not self.username:
            raise ValueError(f"security {self.security} needs username and password")
        if {self.answers, self.heartbeat} & set(self.topics):
            raise ValueError("answers and heartbeat are topics of their own")
        return self

    def access(self) -> dict[str, Any]:
        """Connection arguments of aiokafka's clients. Raises `Usage` for a `ca_file` that cannot be used."""
        found: dict[str, Any] = {"bootstrap_servers": self.bootstrap, "security_protocol": self.security}
        if self.security.startswith("SASL"):
            found["sasl_mechanism"] = self.mechanism
            found["sasl_plain_username"] = self.username
            found["sasl_plain_password"] = self.password.get_secret_value()
        if self.security.endswith("SSL"):
            found["ssl_context"] = tls.broker(self.ca_file)
        return found
