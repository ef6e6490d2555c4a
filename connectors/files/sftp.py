"""A folder over SFTP. Owns the connection: one server, its key pinned, our key or password, nothing of the user's own.

What is read is copied into the state's folder (0700) and deleted behind the reading.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import stat
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any, Final, TypeVar

import asyncssh
from asyncssh.constants import FILEXFER_TYPE_DIRECTORY, FILEXFER_TYPE_REGULAR

from connectors.files.config import FilesConfig
from connectors.files.place import ARCHIVE, ROOMS, Away, Found, Listing
from connectors.protocol import Check

T = TypeVar("T")
# Its own log names every file, and a file may be named after a person.
asyncssh.set_log_level("ERROR")
asyncssh.set_sftp_log_level("ERROR")
CONNECT_S: Final = 15
KEEPALIVE_S: Final = 15
#: Deeper folders of the archive are none of ours.
DEPTH: Final = 2


class Sftp:
    """See `place.Place`."""

    def __init__(self, config: FilesConfig) -> None:
        self._config = config
        self._root = PurePosixPath(config.folder)
        self._copies = config.state_folder / "copies"
        self._connection: asyncssh.SSHClientConnection | None = None
        self._client: asyncssh.SFTPClient | None = None
        self._connecting = asyncio.Lock()
        self._number = 0

    # ------------------------------------------------------------- connection
    async def close(self) -> None:
        """See `Place`."""
        connection, self._connection, self._client = self._connection, None, None
        if connection is not None:
            connection.close()
            await connection.wait_closed()

    async def _sftp(self) -> asyncssh.SFTPClient:
        async with self._connecting:
            if self._client is None:
                self._connection = await asyncssh.connect(
                    self._config.host, self._config.port, **_options(self._config)
                )
                self._client = await self._connection.start_sftp_client(path_errors="surrogateescape")
            return self._client

    async def _ask(self, work: Callable[[asyncssh.SFTPClient], Awaitable[T]]) -> T:
        """Ask the server; a broken connection is made anew the next time."""
        try:
            async with asyncio.timeout(CONNECT_S):
                client = await self._sftp()
            return await work(client)
        except (asyncssh.SFTPNoSuchFile, asyncssh.SFTPNoSuchPath) as error:
            raise FileNotFoundError("not there") from error
        except asyncssh.SFTPPermissionDenied as error:
            raise PermissionError("the server does not let us") from error
        except (asyncssh.SFTPConnectionLost, asyncssh.SFTPNoConnection) as error:
            await self._drop()
            raise Away("the connection was lost") from error
        except asyncssh.SFTPError as error:
            raise Away(f"the server answers {type(error).__name__}") from error
        except (asyncssh.Error, OSError, TimeoutError) as error:
            if isinstance(error, FileNotFoundError | PermissionError | FileExistsError):
                raise
            await self._drop()
            raise Away(f"no connection: {_plain(error)}") from error

    async def _drop(self) -> None:
        connection, self._connection, self._client = self._connection, None, None
        if connection is not None:
            connection.abort()

    # ------------------------------------------------------------- files
    async def open(self) -> None:
        """See `Place`."""
        self._copies.mkdir(mode=0o700, parents=True, exist_ok=True)
        for left in self._copies.iterdir():  # copies of a process that was killed
            left.unlink(missing_ok=True)
        with _no_such_drop():
            await self._ask(self._rooms)

    async def _rooms(self, client: asyncssh.SFTPClient) -> None:
        await client.stat(self._at(""))
        for room in ROOMS:
            await client.makedirs(self._at(room), exist_ok=True)

    async def listing(self, room: str = "") -> Listing:
        """See `Place`."""
        with _no_such_drop():
            names = await self._ask(lambda client: client.readdir(self._at(room)))
        kept = [n for n in names if _is_plain_name(n.filename)]
        files = tuple(
            Found(_text(n.filename), n.attrs.size or 0, float(n.attrs.mtime or 0))
            for n in kept
            if n.attrs.type == FILEXFER_TYPE_REGULAR
        )
        links = sum(n.attrs.type not in {FILEXFER_TYPE_REGULAR, FILEXFER_TYPE_DIRECTORY} for n in kept)
        return Listing(files, links)

    async def days(self) -> Sequence[str]:
        """See `Place`."""
        found, level = [], [""]
        for _ in range(DEPTH):
            level = [f"{above}{name}" for above in level for name in await self._folders(f"{ARCHIVE}/{above}")]
            found += level
            level = [f"{name}/" for name in level]
        return sorted(found)

    async def _folders(self, path: str) -> list[str]:
        names = await self._ask(lambda client: client.readdir(self._at(path)))
        return [
            _text(n.filename) for n in names if _is_plain_name(n.filename) and n.attrs.type == FILEXFER_TYPE_DIRECTORY
        ]

    async def fetch(self, path: str) -> Path:
        """See `Place`. A copy; at most as large as a file may be, whatever the server says."""
        self._copies.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._number += 1
        local = self._copies / f"{os.getpid()}-{self._number}"

        async def work(client: asyncssh.SFTPClient) -> None:
            seen = await client.lstat(self._at(path))
            if seen.type != FILEXFER_TYPE_REGULAR:
                raise FileNotFoundError(path)
            await client.get(self._at(path), str(local), follow_symlinks=False)

        try:
            await self._ask(work)
        except BaseException:
            local.unlink(missing_ok=True)
            raise
        local.chmod(stat.S_IRUSR | stat.S_IWUSR)
        return local

    async def release(self, local: Path) -> None:
        """See `Place`."""
        await asyncio.to_thread(local.unlink, missing_ok=True)

    async def move(self, path: str, to: str) -> None:
        """See `Place`. SFTP's own rename never goes over another file."""

        async def work(client: asyncssh.SFTPClient) -> None:
            await client.makedirs(self._at(to.rpartition("/")[0]), exist_ok=True)
            if await client.lexists(self._at(to)):
                raise FileExistsError(to)
            await client.rename(self._at(path), self._at(to))

        await self._ask(work)

    async def exists(self, path: str) -> bool:
        """See `Place`."""
        return bool(await self._ask(lambda client: client.lexists(self._at(path))))

    async def remove(self, path: str) -> None:
        """See `Place`."""
        try:
            await self._ask(lambda client: client.remove(self._at(path)))
        except FileNotFoundError:
            return

    def scratch(self, path: str) -> Path:
        """See `Place`."""
        self._copies.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._number += 1
        name = hashlib.sha256(os.fsencode(path)).hexdigest()[:16]
        return self._copies / f"{name}-{self._number}{PurePosixPath(path).suffix}.part"

    async def publish(self, local: Path, path: str) -> None:
        """See `Place`. Uploaded beside its place, then renamed over the former one."""
        folder, _, name = path.rpartition("/")
        beside = self._at(f"{folder}/.{name}.part")

        async def work(client: asyncssh.SFTPClient) -> None:
            await client.makedirs(self._at(folder), exist_ok=True)
            await client.put(str(local), beside)
            try:
                await client.posix_rename(beside, self._at(path))
            except asyncssh.SFTPOpUnsupported:
                # A server without it: the former one goes first, and a crash here leaves none until the next writing.
                await self._remove_first(client, path)
                await client.rename(beside, self._at(path))

        await self._ask(work)
        await asyncio.to_thread(local.unlink, missing_ok=True)

    async def _remove_first(self, client: asyncssh.SFTPClient, path: str) -> None:
        if await client.lexists(self._at(path)):
            await client.remove(self._at(path))

    def _at(self, path: str) -> str:
        return str(self._root / path)

    # ------------------------------------------------------------- check
    async def check(self) -> Sequence[Check]:
        """See `Place`."""
        where = f"{self._config.host}:{self._config.port}"
        try:
            async with asyncio.timeout(CONNECT_S):
                await self._sftp()
        except (asyncssh.Error, OSError, TimeoutError) as error:
            return [Check("server", ok=False, found=f"{where}: {_plain(error)}", fix=_fix(error))]
        return [Check("server", ok=True, found=f"{where}, its key is the pinned one"), *await self._folder_checks()]

    async def _folder_checks(self) -> list[Check]:
        folder = self._config.folder
        try:
            await self.open()
            trial = self.scratch("trial")
            trial.write_bytes(b"")
            for room in ROOMS:
                await self.publish(trial, f"{room}/.ieum-trial")
                await self.remove(f"{room}/.ieum-trial")
                trial.write_bytes(b"")
            trial.unlink()
        except PermissionError:
            fix = f"Ask the server's operator for the right to write and rename in {folder}."
            return [Check("folder", ok=False, found=f"{folder}: the server does not let us write", fix=fix)]
        except (Away, OSError) as error:
            return [Check("folder", ok=False, found=f"{folder}: {_plain(error)}", fix="Correct `folder`.")]
        return [Check("folder", ok=True, found=f"{folder}: files can be moved, reports written")]


def _options(config: FilesConfig) -> dict[str, Any]:
    """Nothing is taken from the user's own ~/.ssh or agent."""
    keys: list[Any] = []
    if config.key_file is not None:
        secret = config.key_passphrase.get_secret_value() or None
        keys = [asyncssh.read_private_key(config.key_file, secret)]
    return {
        "username": config.username,
        "password": config.password.get_secret_value() or None,
        "client_keys": keys or None,
        "known_hosts": ([asyncssh.import_public_key(config.host_key)], [], []),
        "agent_path": None,
        "config": [],
        "keepalive_interval": KEEPALIVE_S,
        "login_timeout": CONNECT_S,
    }


@contextmanager
def _no_such_drop() -> Iterator[None]:
    """Without its folder the place is away, not a file."""
    try:
        yield
    except (FileNotFoundError, PermissionError) as error:
        raise Away(f"the folder: {error}") from error


def _is_plain_name(name: str | bytes) -> bool:
    """A server may answer anything: no name leads out of its folder."""
    text = _text(name)
    return text not in {"", ".", ".."} and "/" not in text and "\0" not in text


def _text(name: str | bytes) -> str:
    return os.fsdecode(name)


def _plain(error: BaseException) -> str:
    if isinstance(error, TimeoutError):
        return "no answer"
    return str(error).splitlines()[0][:200] if str(error) else type(error).__name__


def _fix(error: BaseException) -> str:
    if isinstance(error, asyncssh.HostKeyNotVerifiable):
        return "The server shows another key: ask its operator by phone; then correct `host_key`."
    if isinstance(error, asyncssh.PermissionDenied):
        return "It does not know our key or password: give its operator our public key, or correct `username`."
    if isinstance(error, asyncssh.KeyImportError | asyncssh.KeyEncryptionError):
        return "Correct `host_key`, `key_file` or `key_passphrase`."
    return "Is the address right, and does the firewall let us out to it?"
