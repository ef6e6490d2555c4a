"""HAPI's validator of FHIR R4 as a program: resources in, errors out. Its jars are pinned in `hapi-jars.txt`."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from tests.connectors import peers

HERE = Path(__file__).parent
#: The project's Java runs programs and has no compiler; Eclipse's is a jar.
COMPILER = ("org.eclipse.jdt:ecj:3.42.0 29f6d3918ee02db4400c103bc25dd90a22491c3a395867d9393070cb96a7dd29",)


@lru_cache(maxsize=1)
def command() -> tuple[str, ...]:
    """The command that starts the validator; compiled once a run."""
    pinned = (HERE / "hapi-jars.txt").read_text(encoding="utf-8").splitlines()
    jars = os.pathsep.join(map(str, peers.maven_jars(pinned, "hapi-fhir")))
    (compiler,) = peers.maven_jars(COMPILER, "ecj")
    java, classes = str(peers.java()), mkdtemp(prefix="hapi-fhir-")
    compile_ = [java, "-jar", str(compiler), "-17", "-proc:none", "-encoding", "UTF-8", "-cp", jars, "-d", classes]
    subprocess.run([*compile_, str(HERE / "java" / "Validate.java")], check=True, timeout=120)
    quiet = "-Dorg.slf4j.simpleLogger.defaultLogLevel=error"
    return (java, "-Xmx700m", quiet, "-cp", f"{classes}{os.pathsep}{jars}", "Validate")


def errors(resources: Iterable[dict[str, Any]]) -> list[tuple[dict[str, Any], list[str]]]:
    """Each resource with its errors, fatal ones among them."""
    sent = list(resources)
    lines = "".join(json.dumps(resource, ensure_ascii=False) + "\n" for resource in sent)
    done = subprocess.run(command(), input=lines.encode(), capture_output=True, check=False, timeout=280)
    assert done.returncode == 0, done.stderr.decode()[-3000:]
    told = done.stdout.decode().splitlines()
    assert len(told) == len(sent)
    found = [[f for f in line.split("\t")[1:] if f.startswith(("ERROR", "FATAL"))] for line in told]
    return list(zip(sent, found, strict=True))
