"""`check`: one line for each thing that can be wrong with a drop, and how to mend it. Writes a trial file at most."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from connectors.files.config import FilesConfig
from connectors.files.drop import Drop
from connectors.files.folder import LEAST_FREE
from connectors.files.place import REJECTED, Away, Found, Place, is_manifest
from connectors.protocol import Check


async def checks(config: FilesConfig, place: Place, drop: Drop) -> list[Check]:
    """All of them; once the place itself cannot be reached, only what can be told without it."""
    found = [*await place.check(), _state(config)]
    if config.key_file is not None:
        found.append(_key_file(config.key_file))
    if all(check.ok for check in found if check.name in {"server", "folder"}):
        try:
            waiting = await drop.waiting()
            found += [_links(drop.links), await _readable(place, waiting), await _rejected(place)]
            found += await _completeness(config, place, waiting)
        except Away as error:
            found.append(Check("listing", ok=False, found=str(error), fix="Give us the right to list the folder."))
    return found


def _state(config: FilesConfig) -> Check:
    folder = config.state_folder
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        free = shutil.disk_usage(folder).free
    except OSError as error:
        return Check("state", ok=False, found=f"{folder}: {error.strerror}", fix="Make `state` a folder we may write.")
    well = os.access(folder, os.W_OK) and free >= LEAST_FREE
    fix = "" if well else "Make room, or name another folder as `state`."
    return Check("state", well, f"{folder}, {free:,} bytes free", fix)


def _key_file(path: Path) -> Check:
    try:
        mode = path.stat().st_mode & 0o077
    except OSError as error:
        return Check("key file", ok=False, found=f"{path}: {error.strerror}", fix="Correct `key_file`.")
    fix = f"chmod 600 {path}" if mode else ""
    return Check("key file", not mode, "others may read it" if mode else "only we may read it", fix)


def _links(links: int) -> Check:
    found = f"{links} links or pipes, passed over" if links else "plain files only"
    return Check("links", not links, found, "Copy the files themselves into the drop." if links else "")


async def _readable(place: Place, waiting: Sequence[Found]) -> Check:
    locked = 0
    for file in waiting[:20]:
        try:
            await place.release(await place.fetch(file.name))
        except PermissionError:
            locked += 1
        except FileNotFoundError:
            continue
    fix = "Let our user read them: chmod u+r, or the writer's umask." if locked else ""
    return Check("files", not locked, f"{len(waiting)} waiting, {locked} we may not read", fix)


async def _rejected(place: Place) -> Check:
    """Rejected files are the partner's to mend: told, and no fault of the set-up."""
    if not await place.exists(REJECTED):
        return Check("rejected", ok=True, found="none yet")
    count = len((await place.listing(REJECTED)).files)
    return Check(
        "rejected", ok=True, found=f"look into {REJECTED}/" if count else f"each day has a folder in {REJECTED}/"
    )


async def _completeness(config: FilesConfig, place: Place, waiting: Sequence[Found]) -> list[Check]:
    files = (await place.listing()).files
    names = {file.name for file in files}
    if config.ready == "done":
        bare = sum(f"{file.name}.done" not in names for file in waiting)
        fix = "The writer makes NAME.done last; or set ready = quiet." if bare else ""
        return [Check("markers", not bare, f"{bare} files wait for their marker", fix)]
    if config.ready == "manifest":
        here = any(is_manifest(name) for name in names)
        well = here or not waiting
        fix = "" if well else "The writer makes manifest.json or manifest.csv last; or set ready = quiet."
        return [Check("manifest", well, "there" if here else "none", fix)]
    return []
