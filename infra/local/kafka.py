"""Owns a Kafka broker of our own: one KRaft node on the loopback, secured as in production, its start and stop.

Clients authenticate with SCRAM, everything not granted is denied, topics are never created by accident. Never creates
topics, agency users or ACLs: the hub does that, through the same calls it uses on any cluster.
"""

from __future__ import annotations

import base64
import os
import secrets
import shlex
import signal
import socket
import struct
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from infra.local import process
from infra.local.authority import PRINCIPAL_RULE, Authority, authority_folder
from infra.local.jars import KAFKA_VERSION, default_cache, ensure_jars
from infra.local.java import find_java
from infra.local.process import Process

ADMIN: Final = "hub-admin"
MECHANISM: Final = "SCRAM-SHA-256"
_START_S: Final = 90.0
_STOP_S: Final = 30.0
_WARNS_OF_UNSAFE: Final = 24  # Java from here on comments on what Kafka's client does with memory
_REMEMBERS: Final = 19  # Java from here on keeps loaded classes in a file by itself, and renews it when jars change
_LOGGING: Final = Path(__file__).with_name("kafka-log4j2.properties")
_TEMPLATE: Final = Path(__file__).with_name("kafka-server.properties")
# Quick to start and small. HUB_KAFKA_JVM replaces it; the bench asks for the optimizing compiler that way.
#: A rotated password ends connections that were signed in with the former one within this time.
REAUTH_MS: Final = 600_000
JVM_DEFAULT: Final = "-Xmx512m -XX:+UseSerialGC -XX:TieredStopAtLevel=1"


@dataclass(frozen=True, slots=True)
class Kafka:
    """A broker's folder, ports and the two passwords, generated once and kept in the state file (0600)."""

    folder: Path
    port: int
    controller_port: int
    password: str
    controller_password: str
    #: Where agencies connect with certificates; 0: nowhere.
    tls_port: int = 0

    @property
    def bootstrap(self) -> str:
        """What clients connect to."""
        return f"127.0.0.1:{self.port}"

    @property
    def tls_bootstrap(self) -> str:
        """What agencies with certificates connect to, '' where nobody can."""
        return f"127.0.0.1:{self.tls_port}" if self.tls_port else ""

    @property
    def log(self) -> Path:
        """Where the broker's own log goes."""
        return self.folder / "kafka.log"

    @property
    def data(self) -> Path:
        """Kafka's log directory."""
        return self.folder / "data"

    @property
    def properties(self) -> Path:
        """The configuration, written anew at each start (ports may differ)."""
        return self.folder / "server.properties"


def prepare(server: Kafka) -> None:
    """Write the configuration and, the first time, format the storage with the admin's SCRAM credential."""
    ensure_jars()
    server.folder.mkdir(parents=True, exist_ok=True)
    write_private(server.properties, render(server))
    if server.tls_port:
        _certify(server)
    if (server.data / "meta.properties").exists():
        return
    cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode("ascii").rstrip("=")
    if cluster.startswith("-"):  # the tool would take it for an option
        cluster = "A" + cluster[1:]
    credential = f"{MECHANISM}=[name={ADMIN},password={server.password}]"
    # The password goes in by file: arguments of a process can be read by every user of the machine.
    arguments = server.folder / f"format-{secrets.token_hex(4)}"
    words = ["-cp", _class_path(), "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", *_remembered(), *_logging()]
    words += ["kafka.tools.StorageTool", "format", "-t", cluster, "-c", str(server.properties)]
    words += ["--add-scram", credential]
    write_private(arguments, "\n".join(f'"{word}"' for word in words))
    try:
        argv = [str(find_java().program), f"@{arguments}"]
        process.run(argv, what="formatting Kafka's storage", cwd=server.folder, env=_environment())
    finally:
        arguments.unlink()


def launch(server: Kafka, *, deathsig: bool) -> Process:
    """Start the broker and return at once; `wait` tells when it answers. Call from the main thread."""
    jvm = shlex.split(os.environ.get("HUB_KAFKA_JVM") or JVM_DEFAULT)
    java = find_java()
    if java.major >= _WARNS_OF_UNSAFE:
        jvm += ["--enable-native-access=ALL-UNNAMED", "--sun-misc-unsafe-memory-access=allow"]
    jvm += _remembered(keep=True)
    argv = [str(java.program), *jvm, *_logging(), "-cp", _class_path(), "kafka.Kafka", str(server.properties)]
    return process.spawn(
        argv,
        log=server.log,
        cwd=server.folder,
        env=_environment(),
        deathsig=signal.SIGKILL if deathsig else 0,
    )


def wait(server: Kafka, running: Process) -> None:
    """Return when the broker processes requests."""
    process.wait_ready("Kafka", running, lambda: _answers(server.port), log=server.log, within_s=_START_S)


def stop(running: Process) -> None:
    """A controlled shutdown; SIGKILL when it takes too long."""
    process.stop(running, signal.SIGTERM, within_s=_STOP_S)


def render(server: Kafka, *, advertised_host: str = "127.0.0.1", bind: str = "127.0.0.1") -> str:
    """The broker's configuration from `kafka-server.properties`."""
    values = {
        "bind": bind,
        "advertised": advertised_host,
        "port": str(server.port),
        "controller_port": str(server.controller_port),
        "data": str(server.data),
        "admin": ADMIN,
        "password": server.password,
        "controller_password": server.controller_password,
        "mechanism": MECHANISM,
        "mechanism_lower": MECHANISM.lower(),
        "reauth_ms": os.environ.get("HUB_KAFKA_REAUTH_MS") or str(REAUTH_MS),
        "folder": str(server.folder),
        "agency_listener": f"AGENCY://{bind}:{server.tls_port}," if server.tls_port else "",
        "agency_advertised": f"AGENCY://{advertised_host}:{server.tls_port}," if server.tls_port else "",
        "principal_rule": PRINCIPAL_RULE.replace("\\", "\\\\"),
    }
    text = _TEMPLATE.read_text(encoding="utf-8")
    for name, value in values.items():
        text = text.replace("{" + name + "}", value)
    return text


def _certify(server: Kafka) -> None:
    """A fresh certificate of the broker, and who certifies agencies."""
    authority = Authority(authority_folder(server.folder.parent))
    issued = authority.of_server(("127.0.0.1", "localhost"))
    write_private(server.folder / "broker.pem", (issued.key + issued.certificate).decode())
    write_private(server.folder / "ca.pem", authority.certificate_file.read_text(encoding="ascii"))


def write_private(path: Path, text: str) -> None:
    """Write a file only its owner can read; whole or not at all."""
    draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    draft.touch(mode=0o600)
    draft.write_text(text, encoding="utf-8")
    draft.replace(path)


def _answers(port: int) -> bool:
    """Ask for the broker's API versions, the one request allowed before authentication."""
    client = b"ready?"
    request = struct.pack(">hhih", 18, 0, 1, len(client)) + client
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
            connection.sendall(struct.pack(">i", len(request)) + request)
            return len(connection.recv(8)) == 8  # noqa: PLR2004 (size and correlation id)
    except OSError:
        return False


def _class_path() -> str:
    return str(ensure_jars() / "*")


def _remembered(*, keep: bool = False) -> list[str]:
    """Classes as an earlier broker loaded them: half the time and processor of a start. keep: leave them at its end."""
    if (java := find_java()).major < _REMEMBERS:
        return []
    archive = default_cache().with_name(f"kafka-{KAFKA_VERSION}-java{java.major}.jsa")
    return [f"-XX:SharedArchiveFile={archive}", "-Xlog:cds=off", *(["-XX:+AutoCreateSharedArchive"] if keep else [])]


def _logging() -> list[str]:
    return [f"-Dlog4j2.configurationFile={_LOGGING}"]


def _environment() -> dict[str, str]:
    """No Java option of the caller may steer our broker."""
    dropped = {"JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "_JAVA_OPTIONS", "CLASSPATH"}
    return {name: value for name, value in os.environ.items() if name not in dropped}
