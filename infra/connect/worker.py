"""Owns a Kafka Connect worker of our own: standalone, on the loopback, one process; its start, stop and state.

Offsets live in a file of its folder and survive a kill. Never creates topics by itself other than those a connector's
`topic.creation.*` names, and keeps passwords in a file that only its owner can read.
"""

from __future__ import annotations

import os
import shlex
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx

from infra.connect.jars import ensure_plugins, ensure_worker
from infra.local import process
from infra.local.java import find_java
from infra.local.kafka import write_private
from infra.local.process import Process

JVM_DEFAULT: Final = "-Xmx256m -XX:+UseSerialGC -XX:TieredStopAtLevel=1"
_TEMPLATE: Final = Path(__file__).with_name("worker.properties")
_LOGGING: Final = Path(__file__).with_name("log4j2.properties")
_WARNS_OF_UNSAFE: Final = 24
_START_S: Final = 90.0
_STOP_S: Final = 30.0


@dataclass(frozen=True, slots=True)
class Worker:
    """A worker's folder and port, and the Kafka it writes to with which credentials (SASL over plain text)."""

    folder: Path
    port: int
    bootstrap: str
    username: str
    password: str
    mechanism: str = "SCRAM-SHA-256"

    @property
    def url(self) -> str:
        """Its REST interface."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> Path:
        """Where its own log goes."""
        return self.folder / "connect.log"

    @property
    def secrets(self) -> Path:
        """The file that `${file:…}` of a connector's configuration names."""
        return self.folder / "secrets.properties"


def prepare(worker: Worker, connectors: Mapping[str, str], secrets: Mapping[str, str]) -> list[Path]:
    """Write the worker's configuration, secrets, and connectors (name → properties). Returns the latter's files."""
    worker.folder.mkdir(parents=True, exist_ok=True)
    write_private(worker.secrets, "".join(f"{name}={value}\n" for name, value in secrets.items()))
    write_private(worker.folder / "worker.properties", render(worker))
    files = [worker.folder / f"{name}.properties" for name in connectors]
    for file, text in zip(files, connectors.values(), strict=True):
        write_private(file, text)
    return files


def render(worker: Worker) -> str:
    """The worker's configuration from `worker.properties`."""
    module = "scram.ScramLoginModule" if worker.mechanism.startswith("SCRAM") else "plain.PlainLoginModule"
    login = f"org.apache.kafka.common.security.{module} required"
    values = {
        "bootstrap": worker.bootstrap,
        "protocol": "SASL_PLAINTEXT",
        "mechanism": worker.mechanism,
        "jaas": f'{login} username="{worker.username}" password="{worker.password}";',
        "folder": str(worker.folder),
        "plugins": str(ensure_plugins()),
        "port": str(worker.port),
    }
    text = _TEMPLATE.read_text(encoding="utf-8")
    for name, value in values.items():
        text = text.replace("{" + name + "}", value)
    return text


def launch(worker: Worker, connectors: Sequence[Path], *, deathsig: bool) -> Process:
    """Start the worker and return at once; `wait` tells when a connector runs. Call from the main thread."""
    java = find_java()
    jvm = shlex.split(os.environ.get("HUB_CONNECT_JVM") or JVM_DEFAULT)
    if java.major >= _WARNS_OF_UNSAFE:
        jvm += ["--enable-native-access=ALL-UNNAMED", "--sun-misc-unsafe-memory-access=allow"]
    path = os.pathsep.join(f"{folder}/*" for folder in ensure_worker())
    main = ["org.apache.kafka.connect.cli.ConnectStandalone", str(worker.folder / "worker.properties")]
    argv = [str(java.program), *jvm, f"-Dlog4j2.configurationFile={_LOGGING}", "-cp", path, *main]
    dropped = {"JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "_JAVA_OPTIONS", "CLASSPATH"}
    return process.spawn(
        [*argv, *map(str, connectors)],
        log=worker.log,
        cwd=worker.folder,
        env={name: value for name, value in os.environ.items() if name not in dropped},
        deathsig=signal.SIGKILL if deathsig else 0,
    )


def wait(worker: Worker, running: Process, connector: str) -> None:
    """Return when a connector and its task run. Raises `LocalServerError` with the end of the log."""
    process.wait_ready("Kafka Connect", running, lambda: runs(worker, connector), log=worker.log, within_s=_START_S)


def runs(worker: Worker, connector: str) -> bool:
    """Whether a connector and all of its tasks run."""
    found = status(worker, connector)
    states = [found.get("connector", {}).get("state"), *(task["state"] for task in found.get("tasks", []))]
    return len(states) > 1 and set(states) == {"RUNNING"}


def status(worker: Worker, connector: str) -> dict[str, Any]:
    """What Connect says of a connector; {} while it says nothing."""
    try:
        answer = httpx.get(f"{worker.url}/connectors/{connector}/status", timeout=5)
    except httpx.TransportError:
        return {}
    return dict(answer.json()) if answer.is_success else {}


def stop(running: Process, number: int = signal.SIGTERM) -> None:
    """End it; SIGKILL is a crash: the last changes come again."""
    process.stop(running, number, within_s=_STOP_S)
