"""A new connector to fill in, and its contract test, which says at each step what to do next. Owns the two texts."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from hub.errors import Usage

_NAME: Final = re.compile(r"[a-z][a-z0-9_]{1,30}")

CONNECTOR: Final = '''"""The connector `{name}`: say what it joins, and what it never does.

Fill in `event`, then `run`; `pytest {test}` says what is missing.
The contract is `connectors.protocol`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, ClassVar

from pydantic import Field

from connectors.protocol import SECRET, Broken, Change, Check, Config, Event, Origin, Receipt, Take
from hub.errors import Usage


class {title}Config(Config):
    """What it needs to know."""

    address: Annotated[str, Field(description="Where the partner is.")]
    password: Annotated[str, Field(json_schema_extra=SECRET)] = ""


class {title}Connector:
    """See `connectors.protocol.Connector`."""

    name: ClassVar[str] = "{name}"
    about: ClassVar[str] = "Say in a sentence what it joins."
    Config: ClassVar[type[Config]] = {title}Config
    EXAMPLE: ClassVar[dict[str, Any]] = {{"address": "partner.example.kr"}}

    def __init__(self, config: {title}Config, origin: Origin, mark: str = "") -> None:
        self.config, self.origin, self.mark = config, origin, mark

    def event(self, content: bytes) -> Event:
        """One piece of the partner's input as a message: wrapped, not interpreted."""
        # return self.origin.event(Formats.WELFARE, subject, data=...)   # from hub.schemas.topics
        raise NotImplementedError("step 1: wrap one input as an event (event)")

    async def check(self) -> list[Check]:
        """One check for each thing that can be wrong."""
        known = bool(self.config.address)
        return [Check("address", known, self.config.address or "none", "" if known else "Give the address.")]

    async def discover(self, limit: int) -> list[Event | Broken]:
        """Up to `limit` events as they would be sent."""
        del limit
        return []

    async def run(self, take: Take) -> None:
        """Hear, `await take([event])`, then acknowledge; refuse what cannot be read with place and reason."""
        del take
        raise NotImplementedError("step 2: hear, take, acknowledge (run)")

    async def backfill(self, since: str, take: Take) -> int:
        """Take what is older."""
        del take
        raise Usage(f"This partner keeps nothing to read again since {{since}}.", "Ask it to send again.")

    async def tell(self, receipts: Sequence[Receipt]) -> None:
        """Show the partner what became of its events."""

    async def follow(self, changes: Sequence[Change]) -> None:
        """Show the partner what happened to its referrals."""
'''

TEST: Final = '''\
"""The contract of the connector `{name}`. It fails until the connector and this partner keep it: read why."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

from connectors.protocol import Event
from connectors.testing import Answer, ConnectorContract, Partner
from {module} import {title}Connector


class {title}Partner(Partner):
    """The other side: how it speaks, and what it sends."""

    connector = {title}Connector
    # Inputs nobody should send, by what is wrong with them; those that cannot be understood are named in `malformed`.
    odd: ClassVar[dict[str, bytes]] = {{"malformed": b"?"}}
    malformed = frozenset({{"malformed"}})
    canaries = ("김민준",)

    def config(self) -> dict[str, Any]:
        return {{"address": "127.0.0.1"}}

    def good(self, number: int) -> bytes:
        raise NotImplementedError("step 3: input that holds a number (good)")

    def number(self, event: Event) -> int:
        raise NotImplementedError("step 4: read the number back (number)")

    async def feed(self, content: bytes) -> Answer:
        raise NotImplementedError("step 5: hand input in as the partner does, and wait for its answer (feed)")


class Test{title}(ConnectorContract):
    partner = {title}Partner


def test_one_input_is_one_event(tmp_path: Path) -> None:
    """The first step; the contract above asks for the rest."""
    from connectors.testing.stage import made

    partner = {title}Partner(tmp_path)
    connector = made({title}Connector, partner.config())
    assert isinstance(connector, {title}Connector)
    assert partner.number(connector.event(partner.good(1))) == 1
'''


def write(name: str, out: Path) -> list[Path]:
    """Write `<name>_connector.py` and `test_<name>_connector.py` into a folder. Never overwrites: `Usage`."""
    if not _NAME.fullmatch(name):
        raise Usage(f"{name!r} is no name of a connector.", "Lower-case letters, digits and _, as `pharmacy`.")
    title = "".join(part.capitalize() for part in name.split("_"))
    connector, test = out / f"{name}_connector.py", out / f"test_{name}_connector.py"
    facts = {"name": name, "title": title, "module": connector.stem, "test": test.name}
    for path, text in ((connector, CONNECTOR), (test, TEST)):
        if path.exists():
            raise Usage(f"{path} is there already.", "Choose another name or folder.")
        out.mkdir(parents=True, exist_ok=True)
        path.write_text(text.format(**facts), encoding="utf-8")
    return [connector, test]
