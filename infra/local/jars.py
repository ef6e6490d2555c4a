"""Owns the folder of Kafka's jars: every coordinate pinned, every file checked against our own SHA-256.

Never resolves anything transitively (the Python resolver mediates versions differently from Maven and picks a
kafka-clients that the broker dies of), never trusts the resolver's own check (it only warns), and never leaves a
half-written jar: a file enters the folder by rename, after its digest was compared.
"""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from infra.local.errors import LocalServerError

KAFKA_VERSION: Final = "4.3.1"
JAR_LIST: Final = Path(__file__).with_name("kafka-jars.txt")
_THREADS: Final = 8
_TIMEOUT_S: Final = 60
_SYSTEM_CERTIFICATES: Final = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)


@dataclass(frozen=True, slots=True)
class Jar:
    """One published artifact: `group:artifact:version` and the SHA-256 its bytes must have (hex)."""

    coordinate: str
    sha256: str

    @property
    def filename(self) -> str:
        """The file's name in our folder. Artifact names are unique in the list, so no folders are needed."""
        _, artifact, version = self.coordinate.split(":")
        return f"{artifact}-{version}.jar"


def default_cache() -> Path:
    """The checkout's own folder of jars; `hub` and `infra/setup.sh` agree on it."""
    return Path(__file__).resolve().parents[2] / ".cache" / "kafka-jars"


def pinned_jars(text: str | None = None) -> tuple[Jar, ...]:
    """The jars of `kafka-jars.txt`, one `coordinate sha256` a line; `#` starts a comment."""
    lines = (text if text is not None else JAR_LIST.read_text(encoding="utf-8")).splitlines()
    pairs = (line.split() for line in lines if line.strip() and not line.startswith("#"))
    return tuple(Jar(coordinate, sha256) for coordinate, sha256 in pairs)


def ensure_jars(cache: Path | None = None, wanted: Sequence[Jar] | None = None) -> Path:
    """Bring every pinned jar (the broker's, or `wanted`) into `cache` and return the folder; quick when they are there.

    Files already there are trusted by name and not hashed again: they entered by rename after the check.

    Raises:
        LocalServerError: a jar could not be fetched, or its bytes are not the pinned ones.
    """
    folder = cache or default_cache()
    folder.mkdir(parents=True, exist_ok=True)
    jars = pinned_jars() if wanted is None else wanted
    missing = [jar for jar in jars if not (folder / jar.filename).exists()]
    if missing:
        _say(f"fetching {len(missing)} of {len(jars)} jars of Kafka {KAFKA_VERSION}")
        _fetch(missing, folder)
    _drop_strangers(folder, {jar.filename for jar in jars})
    return folder


def _fetch(missing: list[Jar], folder: Path) -> None:
    _use_system_certificates()
    # A fresh repository folder each time: the resolver takes any existing file for whole, even a cut-off one.
    with (
        tempfile.TemporaryDirectory(prefix="resolving-", dir=folder.parent) as repository,
        ThreadPoolExecutor(_THREADS) as pool,
    ):
        downloads = [pool.submit(_fetch_one, jar, Path(repository), folder) for jar in missing]
        for number, download in enumerate(downloads, start=1):
            jar = download.result()
            if number % 10 == 0 or number == len(missing):
                _say(f"{number}/{len(missing)} jars ({jar.filename})")


def _fetch_one(jar: Jar, repository: Path, folder: Path) -> Jar:
    from jgo.maven import MavenContext  # noqa: PLC0415 (needed only when something is missing)

    context = MavenContext(repo_cache=repository, local_repos=[], timeout=_TIMEOUT_S)
    try:
        fetched = Path(context.create_dependency(jar.coordinate).artifact.resolve())
    except Exception as error:
        raise LocalServerError(
            f"could not fetch {jar.coordinate}: {error}",
            remedy="check the network and certificates (REQUESTS_CA_BUNDLE), or set HUB_KAFKA_BOOTSTRAP and"
            " HUB_DATABASE_URL to use servers of your own; then run the same command again",
        ) from error
    found = hashlib.sha256(fetched.read_bytes()).hexdigest()
    if found != jar.sha256:
        raise LocalServerError(
            f"{jar.coordinate} has SHA-256 {found}, pinned is {jar.sha256}",
            remedy="something between here and the registry changes files; do not use this network for setup",
        )
    fetched.replace(folder / jar.filename)
    return jar


def _use_system_certificates() -> None:
    """The resolver's HTTP client knows only its own bundle; a proxy's certificate is in the system's."""
    if "REQUESTS_CA_BUNDLE" not in os.environ:
        found = next((path for path in _SYSTEM_CERTIFICATES if Path(path).exists()), None)
        if found is not None:
            os.environ["REQUESTS_CA_BUNDLE"] = found


def _drop_strangers(folder: Path, names: set[str]) -> None:
    """The broker's class path is `folder/*`: a jar of an earlier version must not be on it."""
    for path in folder.glob("*.jar"):
        if path.name not in names:
            path.unlink()


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    try:
        ensure_jars()
    except LocalServerError as problem:
        sys.exit(f"infra.local.jars: {problem}")
