"""Settings: read once, at the door, passed as values. Flags > HUB_* environment > hub.toml > defaults.

Unknown keys are errors. Secrets can come from files: `HUB_X_FILE` holds the path of a file with X's value.
"""

from __future__ import annotations

import dataclasses
import os
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from hub.errors import Usage


@dataclasses.dataclass(frozen=True, slots=True)
class Settings:
    """One installation. Times carry their unit in the name; each consequence stands beside its field."""

    #: Everything the hub keeps on this machine: keys, local servers' data, logs. Losing the keys loses every body.
    state_dir: Path = Path(".state")
    kafka_bootstrap: str = ""
    kafka_username: str = "hub-admin"
    kafka_password: str = ""
    kafka_mechanism: str = "SCRAM-SHA-256"
    kafka_protocol: str = "SASL_PLAINTEXT"
    database_url: str = ""
    web_host: str = "127.0.0.1"
    #: 0: a free port is chosen and shown by `hub status`.
    web_port: int = 0
    #: Partitions of a new inbound topic: more allow more workers on one agency, none can be taken back, and every fetch
    #: names them all (300 of them cost a consumer a tenth of its time).
    inbound_partitions: int = 2
    #: Records one fetch may bring. Slices under the lock are cut by time, not by this.
    batch_records: int = 1000
    #: How long an idle topic waits for more records: the latency a lone message pays.
    batch_timeout_ms: int = 5
    #: How long one slice may hold the ledger head; slices shrink until it fits.
    lock_target_ms: int = 60
    #: Whoever waits this long for the head or a partition row ends its blocker.
    blocker_after_s: float = 5.0
    tick_interval_s: float = 10.0
    #: How often the relay and the signer look for new entries when idle.
    poll_ms: int = 5
    sign_interval_ms: int = 500
    #: A new agency's topic is noticed after this long at the latest.
    metadata_max_age_ms: int = 3000
    #: Ports that webhooks may be sent to, separated by commas; `1-65535` for a range.
    webhook_ports: str = "443,8443"
    #: Networks (CIDR, by commas) webhooks may reach although they are not public; http:// only to loopback ones.
    webhook_networks: str = ""

    @property
    def keys_file(self) -> Path:
        """Key-encryption key and pepper. Outside the database, mode 0600."""
        return self.state_dir / "keys.json"

    @property
    def mapping_dir(self) -> Path:
        """What a city says of its partners' columns and codes: `<agency>.toml`. Read when a process starts."""
        return self.state_dir / "mapping"

    @property
    def signer_file(self) -> Path:
        """The log's own signing key."""
        return self.state_dir / "signer.key"

    @property
    def kafka(self) -> dict[str, Any]:
        """Connection arguments for aiokafka clients."""
        arguments: dict[str, Any] = {"bootstrap_servers": self.kafka_bootstrap}
        if self.kafka_password:
            arguments |= {
                "security_protocol": self.kafka_protocol,
                "sasl_mechanism": self.kafka_mechanism,
                "sasl_plain_username": self.kafka_username,
                "sasl_plain_password": self.kafka_password,
            }
        return arguments


PREFIX = "HUB_"
#: Read by the local servers and by tests, not by the hub.
FOREIGN = frozenset(
    {
        "HUB_STATE", "HUB_TEST_CONTAINERS", "HUB_KAFKA_JVM", "HUB_KAFKA_TLS", "HUB_KAFKA_REAUTH_MS", "HUB_TOKEN",
        "HUB_DETACHED", "HUB_DEBUG",
    }
)  # fmt: skip
ALIASES = {
    "kafka_admin_username": "kafka_username",
    "kafka_admin_password": "kafka_password",
    "kafka_security_protocol": "kafka_protocol",
}


CASTS: dict[type, Callable[[str], object]] = {int: int, float: float, str: str, type(Path()): Path}


def load(flags: Mapping[str, Any] | None = None, environment: Mapping[str, str] | None = None) -> Settings:
    """Settings from all sources. Raises `Usage` for an unknown key or a value of the wrong kind."""
    env = os.environ if environment is None else environment
    values: dict[str, Any] = dict(_from_file(Path("hub.toml")))
    if "HUB_STATE" in env:
        values["state_dir"] = env["HUB_STATE"]
    for key, text in env.items():
        if key.startswith(PREFIX) and key not in FOREIGN:
            name, value = _from_environment(key, text)
            values[name] = value
    values |= {k: v for k, v in (flags or {}).items() if v is not None}
    return _checked(values)


def _from_file(path: Path) -> dict[str, Any]:
    if not path.exists():
        return {}
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise Usage(f"hub.toml cannot be read: {error}.", "Correct the file or remove it.") from error


def _from_environment(key: str, text: str) -> tuple[str, str]:
    name = key[len(PREFIX) :].lower()
    if name.endswith("_file"):
        return ALIASES.get(name[:-5], name[:-5]), Path(text).read_text(encoding="utf-8").strip()
    return ALIASES.get(name, name), text


def _checked(values: Mapping[str, Any]) -> Settings:
    fields = {f.name: f for f in dataclasses.fields(Settings)}
    unknown = sorted(set(values) - set(fields))
    if unknown:
        raise Usage(f"unknown setting: {', '.join(unknown)}.", f"Known: {', '.join(sorted(fields))}.")
    cast: dict[str, Any] = {name: _cast(name, value, fields[name].default) for name, value in values.items()}
    return Settings(**cast)


def _cast(name: str, value: object, default: object) -> object:
    try:
        return CASTS[type(default)](str(value))
    except (TypeError, ValueError) as error:
        raise Usage(f"setting {name} must be {type(default).__name__}, not {value!r}.") from error
