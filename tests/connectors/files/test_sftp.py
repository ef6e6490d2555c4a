"""The same drop over SFTP: OpenSSH's server, its key pinned, reports uploaded back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import asyncssh
import pytest
from pydantic import ValidationError

from connectors.files.config import FilesConfig
from connectors.files.place import Away
from connectors.testing import until
from tests.connectors.files.conftest import Desk
from tests.connectors.files.dropping import Sshd, row

ROWS = [["LH-1", *row(1)[1:]], ["LH-2", *row(2)[1:]]]


class Remote(Desk):
    """A desk whose connector comes over SFTP."""

    def __init__(self, folder: Path, server: Sshd) -> None:
        self.server = server
        super().__init__(folder, **server.config(folder / "drop", folder / "state"))


@pytest.fixture
async def remote(tmp_path: Path) -> AsyncIterator[Remote]:
    (tmp_path / "ssh").mkdir()
    server = Sshd(tmp_path / "ssh")
    held = Remote(tmp_path, server)
    try:
        await server.up()
        yield held
    finally:
        await held.connector.place.close()
        held.connector.outcomes.close()
        server.stop()


async def test_a_file_is_taken_archived_and_answered(remote: Remote) -> None:
    remote.put("한글 이름.csv", ROWS)
    (remote.drop / "link.csv").symlink_to("/etc/passwd")
    assert await remote.look()
    await remote.tell("LH-2", "refused", reasons=({"path": "의뢰일", "code": "date_impossible", "text": ""},))
    assert remote.files() == ["archive/2026-11-22/한글 이름.csv", "link.csv", "reports/한글 이름.report.csv"]
    assert remote.rows("한글 이름.report.csv")[1]["상태"].startswith("거절")
    remote.put("bad.xlsx", b"PK\x03\x04")
    assert await remote.look()
    assert remote.files("rejected") == ["2026-11-22/bad.xlsx", "2026-11-22/bad.xlsx.reason.txt"]
    assert list((remote.drop.parent / "state/copies").iterdir()) == []
    assert [c for c in await remote.connector.check() if not c.ok and c.name != "links"] == []


async def test_a_server_with_another_key_is_not_trusted(remote: Remote) -> None:
    other = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode().strip()
    remote.settings["host_key"] = other
    remote.again()
    remote.put("a.csv", ROWS)
    with pytest.raises(Away):
        await remote.look()
    (check,) = [c for c in await remote.connector.check() if not c.ok]
    assert (check.name, "another key" in check.fix) == ("server", True)
    assert remote.taken == {}


async def test_a_key_the_server_does_not_know_is_told(remote: Remote, tmp_path: Path) -> None:
    asyncssh.generate_private_key("ssh-ed25519").write_private_key(tmp_path / "stranger")
    (tmp_path / "stranger").chmod(0o644)
    remote.settings["key_file"] = str(tmp_path / "stranger")
    remote.again()
    bad = {c.name: c.fix for c in await remote.connector.check() if not c.ok}
    assert set(bad) == {"server", "key file"}
    assert "public key" in bad["server"]
    assert bad["key file"].startswith("chmod 600")


async def test_a_folder_that_is_not_there_is_told(remote: Remote) -> None:
    remote.settings["folder"] = str(remote.drop / "absent")
    remote.again()
    (check,) = [c for c in await remote.connector.check() if not c.ok]
    assert check.name == "folder"


async def test_a_server_that_is_away_is_waited_for(remote: Remote, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connectors.files.connector.AGAIN_S", 0.02)
    running = asyncio.create_task(remote.connector.run(remote.take))
    remote.put("a.csv", ROWS)
    await until(lambda: remote.files("archive") == ["2026-11-22/a.csv"])
    remote.server.stop()
    await asyncio.sleep(0.1)
    remote.put("b.csv", [["LH-3", *row(3)[1:]]])
    await remote.server.up()
    await until(lambda: len(remote.files("archive")) == 2)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert len(remote.taken) == 3


def test_what_a_server_needs_is_asked_for() -> None:
    config = FilesConfig
    with pytest.raises(ValidationError, match="host_key"):
        config.model_validate({"mode": "sftp", "folder": "/in", "host": "h", "username": "u", "state": "/s"})
    told = config.model_validate(
        {
            "mode": "sftp",
            "folder": "/in",
            "host": "h",
            "username": "u",
            "state": "/s",
            "host_key": "k",
            "password": "hush",
        }
    )
    assert "hush" not in repr(told)
