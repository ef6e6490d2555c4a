"""`check`: one line for each thing that can be wrong with a directory, and how to mend it. Sends nothing."""

from __future__ import annotations

import asyncio

from connectors.checking import file_writable
from connectors.hsds.config import HsdsConfig
from connectors.hsds.found import Found
from connectors.hsds.looking import read_files, read_pages, standing
from connectors.hsds.memory import FILE
from connectors.hsds.pages import Away
from connectors.protocol import Check


async def checks(config: HsdsConfig) -> list[Check]:
    """All of them."""
    own = [
        await asyncio.to_thread(file_writable, "state", config.state_folder / FILE),
        await asyncio.to_thread(file_writable, "report", config.report_file),
    ]
    try:
        found = await read(config)
    except Away as error:
        fix = "Check url, token and network." if config.url else "Correct `path`, or let this account read it."
        return [Check("directory", ok=False, found=str(error), fix=fix), *own]
    return [*_directory(config, found), *own]


async def read(config: HsdsConfig) -> Found:
    """A look that leaves no trace. Raises `Away`."""
    if config.url:
        return await read_pages(config)
    return await asyncio.to_thread(lambda: read_files(config, standing(config)))


def _directory(config: HsdsConfig, found: Found) -> list[Check]:
    place, unit = (config.url, "pages") if config.url else (config.path, "files")
    there = bool(found.files)
    what = f"{place}: {len(found.files)} {unit}, {found.count} organizations"
    fix = "" if there else "Put .json, .jsonl or .csv files of HSDS 3 there."
    if config.url and not there:
        fix = "The address is what stands before /organizations; look at the token."
    lines = [Check("directory", ok=there, found=what, fix=fix)]
    if config.url.startswith("http://"):
        lines.append(
            Check("tls", ok=not config.token.get_secret_value(), found="no TLS", fix="Use https with a token.")
        )
    count = len(found.problems)
    first = found.problems[0] if count else None
    where = f"; first {first.path} row {first.row} {first.field}: {first.text}" if first else ""
    told = "The publisher mends them; all else is sent." if count else ""
    return [*lines, Check("readable", ok=not count, found=f"{count} parts that cannot be read{where}", fix=told)]
