"""What was decided beside what it was decided from: each message with its entries, in ledger order.

Owns pairing the two streams and opening raw evidence with the kept keys. Decides nothing; keeps a few hundred messages
in memory at a time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

import msgspec
import orjson

from hub.audit.opening import Erased, Missing, Vault
from hub.core.bodies import RAW
from hub.core.decide.signing import reopened_cause
from hub.core.policy import Policy
from hub.core.prepare import prepare
from hub.core.prepared import Arrival, Prepared
from hub.core.sealing import Keys
from hub.core.state import Seen
from hub.ledger.history import History, Message, Row

#: Messages whose bodies are read at once.
STRETCH = 400


class Evidence(msgspec.Struct, frozen=True):
    """One cause: its entries (parsed, and as stored), the message that stands behind them, the bodies that open.

    `message` is None when none does: somebody wrote entries without one, or took it away.
    """

    first: int
    cause: bytes
    entries: list[dict[str, Any]]
    raw: list[bytes]
    message: Message | None
    vault: Vault

    def prepared(self, policy: Policy) -> Prepared:
        """The message as it was prepared then. Raises `Erased` when raw evidence or a record's key was destroyed.

        Raises `Missing` when its raw evidence is gone without having been erased.
        """
        message = self.message
        if message is None:
            raise Erased("message")
        if not self.vault.has(message.raw_key, RAW):
            raise Missing(f"the raw evidence of position {self.first} is missing, though nobody erased it")
        value = self.vault.body(message.raw_key, RAW)
        if value is None:
            raise Erased(message.raw_key)
        arrival = Arrival(message.topic, message.partition, message.offset, message.heard, value)
        return prepare(arrival, policy, self.vault.data_key)


def earlier(history: History, item: Evidence, prepared: Prepared, keys: Keys) -> dict[bytes, Seen]:
    """The verdicts that made a message a conflict, or the signed copy of what was refused unsigned: by cause."""
    if prepared.cause == item.cause:
        return {}
    causes = (prepared.cause, reopened_cause(keys.pepper, prepared.cause))
    found = {cause: history.first_verdict(cause) for cause in causes if cause != item.cause}
    return {cause: Seen(*row) for cause, row in found.items() if row is not None}


def evidence(history: History, keys: Keys) -> Iterator[Evidence]:
    """All causes of a history, in the order of their entries."""
    messages = history.messages()
    waiting = next(messages, None)
    groups = _groups(history.entries())
    while stretch := list(islice(groups, STRETCH)):
        paired: list[tuple[list[Row], Message | None]] = []
        for rows in stretch:
            while waiting is not None and waiting.position < rows[0].position:
                waiting = next(messages, None)
            own = waiting if waiting is not None and waiting.position == rows[0].position else None
            paired.append((rows, own))
        yield from _opened(history, keys, paired)


def _groups(rows: Iterable[Row]) -> Iterator[list[Row]]:
    """Entries of one cause stand together: a message is decided in one piece."""
    group: list[Row] = []
    for row in rows:
        if group and row.cause != group[0].cause:
            yield group
            group = []
        group.append(row)
    if group:
        yield group


def _opened(history: History, keys: Keys, paired: list[tuple[list[Row], Message | None]]) -> Iterator[Evidence]:
    parsed = [[orjson.loads(row.entry) for row in rows] for rows, _ in paired]
    wanted = {ref["key_id"] for entries in parsed for entry in entries for ref in entry["bodies"]}
    wanted |= {message.raw_key for _, message in paired if message}
    vault = Vault(history.bodies(wanted), keys.kek, lambda key_id: _wrapped(history, key_id))
    for (rows, message), entries in zip(paired, parsed, strict=True):
        yield Evidence(rows[0].position, rows[0].cause, entries, [row.entry for row in rows], message, vault)


def _wrapped(history: History, key_id: str) -> tuple[bool, bytes | None]:
    rows = history.bodies([key_id]).values()
    return bool(rows), next((wrapped for wrapped, _ in rows), None)
