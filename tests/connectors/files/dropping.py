"""Partners that drop files: a clerk with a folder, a corporation with an SFTP server (OpenSSH's, started here)."""

from __future__ import annotations

import asyncio
import csv
import io
import os
import re
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, ClassVar

import asyncssh

from connectors.files import FilesConnector
from connectors.protocol import Event
from connectors.testing import Answer, Partner, free_port
from tests.connectors import peers

HEADER = ["접수번호", "세대주", "생년월일", "연락처", "주소", "체납개월", "체납액", "의뢰일"]
#: Its name is a person's, as registers' names sometimes are.
NAME = "박순자 명단.csv"
CLERK = ("박순자", "010-2345-6789", "평거로")
_REASON = re.compile(r"^(?:(\d+)행: )?(.+)$")


def row(number: int) -> list[str]:
    """One family in arrears; fifty of them come again and again."""
    subject = f"LH-{number % 50}"
    return [subject, "박순자", "480302", "010-2345-6789", "진주시 평거로 88", "4", str(number), "2026-11-17"]


def table(rows: Iterable[list[str]], charset: str = "utf-8-sig") -> bytes:
    """A CSV."""
    text = io.StringIO()
    csv.writer(text).writerows([HEADER, *rows])
    return text.getvalue().encode(charset)


class FolderPartner(Partner):
    connector = FilesConnector
    patience_s: ClassVar[float] = 4.0
    canaries = CLERK
    odd: ClassVar[Mapping[str, bytes]] = {
        "empty": b"",
        "no table": b"\x00" * 500,
        "no header": b"1,2,3\n4,5,6\n",
        "a broken workbook": b"PK\x03\x04" + "박순자".encode(),
        "a line without an end": b"x" * 3_000_000,
        "a row of bytes in no charset": table([]) + b"\xff\xfe\xff,a,b,c,d,e,f,g\n",
        "broken JSON": '{"case_no": "박순자", '.encode(),
        "a formula": table([["=cmd|' /C calc'!A0", "박순자", "", "010-2345-6789", "", "", "3", ""]]),
        "a row that moved": table([["", *row(7), "평거로"]]),
    }
    malformed = frozenset(odd) - {"a formula", "a row that moved"}

    @property
    def drop(self) -> Path:
        return self.folder / "drop"

    async def open(self) -> None:
        self.drop.mkdir(exist_ok=True)

    def config(self) -> dict[str, Any]:
        return {"folder": str(self.drop), "ready": "renamed", "poll_s": 0.002}

    def good(self, number: int) -> bytes:
        # With the long note that registers have: fewer of them fill a spool.
        return table([[*row(number)[:4], "진주시 평거로 88 " + "가" * 400, *row(number)[5:]]])

    def cp949(self, number: int) -> bytes | None:
        return table([row(number)], "cp949")

    def number(self, event: Event) -> int:
        cells = event["data"]["cells"]
        return int(cells[6]) if len(cells) == len(HEADER) and cells[6].isdigit() else -1

    async def feed(self, content: bytes) -> Answer:
        return await self._dropped(content, self.patience_s)

    async def _dropped(self, content: bytes, patience_s: float) -> Answer:
        told = self._told()
        path = self.drop / NAME
        path.with_suffix(".part").write_bytes(content)
        path.with_suffix(".part").rename(path)
        try:
            async with asyncio.timeout(patience_s):
                while path.exists():  # noqa: ASYNC110 - a partner knows no event
                    await asyncio.sleep(0.005)
        except TimeoutError:
            return Answer(taken=False)
        new = [path for path in self._told() if path not in told]
        return Answer(taken=not new, reasons=tuple(r for p in new for r in reasons(p.read_text("utf-8-sig"))))

    async def feed_many(self, numbers: Iterable[int]) -> Answer:
        return await self._dropped(table(map(row, numbers)), 300)

    def _told(self) -> list[Path]:
        return sorted((self.drop / "rejected").rglob("*.reason.txt"))

    async def shown(self) -> set[int] | None:
        report = self.drop / "reports" / NAME.replace(".csv", ".report.csv")
        for _ in range(100):
            found = self._shown(report)
            if len(found) >= 4:
                return found
            await asyncio.sleep(0.05)
        return found

    def _shown(self, report: Path) -> set[int]:
        if not report.exists():
            return set()
        rows = csv.DictReader(io.StringIO(report.read_text("utf-8-sig")))
        return {int(r["체납액"]) for r in rows if r["상태"] != "전송 대기"}


def reasons(text: str) -> list[dict[str, Any]]:
    """What a person reads in a file of reasons."""
    lines = [_REASON.match(line) for line in text.splitlines()[2:-2] if line]
    return [{"path": f"{m[1] or 0}행", "code": "unreadable", "text": m[2]} for m in lines if m]


class Sshd:
    """OpenSSH's server for one test: this user, a key, and a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        self.host_key = folder / "host_key"
        self.key = folder / "user_key"
        self.process: subprocess.Popen[bytes] | None = None
        for path in (self.host_key, self.key):
            asyncssh.generate_private_key("ssh-ed25519").write_private_key(path)
            path.chmod(0o600)

    @property
    def public(self) -> str:
        return asyncssh.read_private_key(self.host_key).export_public_key().decode().strip()

    def start(self) -> None:
        program = peers.find_sshd()
        allowed = self.folder / "authorized_keys"
        asyncssh.read_private_key(self.key).write_public_key(allowed)
        allowed.chmod(0o600)
        lines = (
            f"ListenAddress 127.0.0.1:{self.port}",
            f"HostKey {self.host_key}",
            f"PidFile {self.folder / 'sshd.pid'}",
            f"AuthorizedKeysFile {allowed}",
            "PasswordAuthentication no",
            "KbdInteractiveAuthentication no",
            "UsePAM no",
            "StrictModes no",
            "PermitRootLogin yes",
            f"Subsystem sftp {peers.find_sftp_server()}",
        )
        config = self.folder / "sshd_config"
        config.write_text("\n".join(lines) + "\n")
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
        command = [str(program), "-D", "-e", "-f", str(config)]
        with (self.folder / "sshd.log").open("ab") as log:
            self.process = subprocess.Popen(command, env=peers.environment(program), stdout=log, stderr=log)

    async def up(self) -> None:
        self.start()
        async with asyncio.timeout(10):
            while True:
                try:
                    _, writer = await asyncio.open_connection("127.0.0.1", self.port)
                except OSError:
                    await asyncio.sleep(0.02)
                else:
                    writer.close()
                    await writer.wait_closed()
                    return

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait(10)
            self.process = None

    def config(self, drop: Path, state: Path) -> dict[str, Any]:
        return {
            "mode": "sftp",
            "folder": str(drop),
            "host": "127.0.0.1",
            "port": self.port,
            "username": os.environ.get("USER") or subprocess.check_output(["id", "-un"], text=True).strip(),
            "host_key": self.public,
            "key_file": str(self.key),
            "state": str(state),
            "ready": "renamed",
            "poll_s": 0.02,
        }


class SftpPartner(FolderPartner):
    """The same, but the connector comes over SFTP."""

    patience_s: ClassVar[float] = 8.0

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        (folder / "ssh").mkdir(exist_ok=True)
        self.server = Sshd(folder / "ssh")

    async def open(self) -> None:
        await super().open()
        await self.server.up()

    async def close(self) -> None:
        self.server.stop()

    def config(self) -> dict[str, Any]:
        return self.server.config(self.drop, self.folder / "state")
