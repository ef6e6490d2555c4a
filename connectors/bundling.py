"""A connector in a folder, for networks that reach no registry: wheels, their hashes, installers. Owns making it.

Made from a checkout on a machine with network, for machines of the same kind (system, processor, Python). What comes
in is pinned by `requirements/connectors.txt` and checked against its hashes, here and again where it is installed.
"""

from __future__ import annotations

import hashlib
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec

from hub.errors import Usage

ROOT: Final = Path(__file__).resolve().parents[1]
PINNED: Final = ROOT / "requirements" / "connectors.txt"
#: What the project's own wheel is built of.
SOURCES: Final = ("pyproject.toml", "README.md", "hub", "connectors", "infra", "requirements")
REQUIREMENTS: Final = "requirements.txt"
_PIN: Final = re.compile(r"^([A-Za-z0-9._-]+)==(\S+)", re.MULTILINE)

INSTALL_SH: Final = """#!/bin/sh
# Installs the connector {name} into the folder `ieum` beside this file, without any network. Needs Python {python}.
set -eu
cd "$(dirname "$0")"
"${{PYTHON:-python3}}" -m venv ieum
ieum/bin/python -m pip install --quiet --disable-pip-version-check --no-index --find-links wheels --require-hashes \\
    -r {requirements}
ieum/bin/hub connector list
echo "installed: $(pwd)/ieum/bin/hub connector --help"
"""
INSTALL_PS1: Final = """# Installs the connector {name} into the folder `ieum` beside this file, without any network.
# Needs Python {python}.
$ErrorActionPreference = 'Stop'
Set-Location $PSScriptRoot
py -{python} -m venv ieum
& .\\ieum\\Scripts\\python.exe -m pip install --quiet --disable-pip-version-check --no-index --find-links wheels `
    --require-hashes -r {requirements}
if ($LASTEXITCODE -ne 0) {{ throw 'the packages could not be installed' }}
& .\\ieum\\Scripts\\hub.exe connector list
Write-Output "installed: $PSScriptRoot\\ieum\\Scripts\\hub.exe connector --help"
"""
README: Final = """# Ieum Hub connector: {name}

Made for {system} {machine} with Python {python}. Nothing here needs a network.

    sh install.sh                                  # Windows: powershell -File install.ps1
    ieum/bin/hub connector spec {name}             # what its configuration holds
    ieum/bin/hub connector check partner.toml      # everything that can be wrong, each with its fix
    ieum/bin/hub connector run partner.toml

`partner.toml` and a token come from the city. `{requirements}` has the SHA-256 of every wheel; pip compares them.
"""


class Bundle(msgspec.Struct, frozen=True):
    """What was made."""

    folder: str
    wheels: tuple[str, ...]
    bytes: int


def bundle(name: str, out: Path) -> Bundle:
    """Write the folder. Raises `Usage` where it exists, or where there is no checkout or no network."""
    if not PINNED.exists():
        raise Usage("A bundle is made from a checkout.", "Run it where pyproject.toml and requirements/ are.")
    if out.exists() and any(out.iterdir()):
        raise Usage(f"{out} is not empty.", "Name a new folder.")
    wheels = out / "wheels"
    wheels.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="bundling-") as folder:
        pins = _pins(name, Path(folder))
        _download(pins, wheels)
        own = _own_wheel(Path(folder), wheels)
    held = sorted(p.name for p in wheels.glob("*.whl"))
    (out / REQUIREMENTS).write_text(_requirements(wheels, held, own), encoding="utf-8")
    _installers(name, out)
    return Bundle(str(out), tuple(held), sum((wheels / w).stat().st_size for w in held))


def _pins(name: str, folder: Path) -> Path:
    """The base and one connector's extra, all they pull in, at the pinned versions with their hashes."""
    wanted = [ROOT / "requirements" / "connectors" / f"{part}.in" for part in ("base", name)]
    if not wanted[-1].exists():
        raise Usage(f"There is no extra for the connector {name}.", f"It belongs into {wanted[-1]}.")
    versions = folder / "versions.txt"
    versions.write_text("\n".join(f"{n}=={v}" for n, v in _PIN.findall(PINNED.read_text(encoding="utf-8"))))
    pins = folder / "pins.txt"
    _run(
        "uv pip compile -q --generate-hashes --no-header --no-emit-index-url --no-annotate",
        ["--python", sys.executable, "-c", str(versions), "-o", str(pins), *map(str, wanted)],
        "the packages could not be resolved",
    )
    return pins


def _download(pins: Path, wheels: Path) -> None:
    _run(
        "pip download -q --disable-pip-version-check --only-binary :all: --no-deps --require-hashes",
        ["-r", str(pins), "-d", str(wheels)],
        "the wheels could not be downloaded",
    )


def _own_wheel(folder: Path, wheels: Path) -> str:
    """The project's wheel, built from a copy: a build leaves things behind, and must not find older ones."""
    copy = folder / "source"
    copy.mkdir()
    for source in SOURCES:
        held = ROOT / source
        if held.is_dir():
            shutil.copytree(held, copy / source, ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))
        elif held.exists():
            shutil.copy(held, copy / source)
    before = set(wheels.iterdir())
    _run(
        "pip wheel -q --disable-pip-version-check --no-deps --no-build-isolation",
        ["-w", str(wheels), str(copy)],
        "the project's own wheel could not be built",
    )
    return (set(wheels.iterdir()) - before).pop().name


def _run(command: str, arguments: Sequence[str], problem: str) -> None:
    words = [sys.executable, "-m", *command.split(), *arguments]
    done = subprocess.run(words, capture_output=True, text=True, check=False)  # noqa: S603 - pip and uv, as written here
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["no reason was given"])[-1]
        raise Usage(f"{problem}: {last}.", "Check the network, and that pip and uv are in this environment.")


def _requirements(wheels: Path, held: Sequence[str], own: str) -> str:
    """Every wheel with its hash, the project last."""
    lines = []
    for wheel in sorted(held, key=lambda w: (w == own, w)):
        name, version = wheel.split("-")[:2]
        digest = hashlib.sha256((wheels / wheel).read_bytes()).hexdigest()
        lines.append(f"{name.replace('_', '-')}=={version} --hash=sha256:{digest}")
    return "\n".join([*lines, ""])


def _installers(name: str, out: Path) -> None:
    facts = {
        "name": name,
        "python": ".".join(platform.python_version_tuple()[:2]),
        "system": platform.system(),
        "machine": platform.machine(),
        "requirements": REQUIREMENTS,
    }
    (out / "install.sh").write_text(INSTALL_SH.format(**facts), encoding="utf-8")
    (out / "install.sh").chmod(0o755)
    (out / "install.ps1").write_text(INSTALL_PS1.format(**facts), encoding="utf-8")
    (out / "README.md").write_text(README.format(**facts), encoding="utf-8")
