"""The `hl7v2` connector: REF over MLLP in, RRI out. Owns how its parts fit; framing, reading and writing are theirs.

message → `listener` → spool → AA → hub → receipt → `tell` → RRI → the partner's AA. Later changes go the same way.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar, Final

import structlog

from connectors.hl7v2.answers import News, Writer
from connectors.hl7v2.config import Hl7v2Config, checks
from connectors.hl7v2.listener import Bounds, Listener
from connectors.hl7v2.memory import Memory
from connectors.hl7v2.messages import About, Heard, Rejected, about_of, hear
from connectors.hl7v2.mllp import Frame
from connectors.hl7v2.partner import Partner
from connectors.protocol import REFUSED, TAKEN, Broken, Change, Check, Config, Event, Origin, Receipt, Take
from connectors.reading_hl7 import messages
from hub.errors import Usage

log = structlog.get_logger()
FILE_BYTES: Final = 64 * 1_048_576
TOGETHER: Final = 500


class Hl7v2Connector:
    """A hospital's interface engine."""

    name: ClassVar[str] = "hl7v2"
    about: ClassVar[str] = "HL7 v2 REF^I12 to I14 over MLLP, answered by ACK and RRI."
    Config: ClassVar[type[Config]] = Hl7v2Config
    EXAMPLE: ClassVar[dict[str, Any]] = {
        "host": "127.0.0.1",
        "port": 2575,
        "partner_host": "127.0.0.1",
        "partner_port": 2576,
        "memory_file": "hl7v2-memory.sqlite",
        "charset": "KS X 1001",
    }

    def __init__(self, config: Hl7v2Config, origin: Origin, mark: str = "") -> None:
        del mark  # a listener has no place to go on from
        self.config, self.origin = config, origin
        self._partner: Partner | None = None
        self._memory: Memory | None = None
        self._telling = asyncio.Lock()

    async def check(self) -> list[Check]:
        """See `Connector`."""
        return await checks(self.config)

    async def discover(self, limit: int) -> list[Event | Broken]:
        """Up to `limit` messages of the folder, as they would be sent. Raises `Usage` without a folder."""
        return await asyncio.to_thread(self._samples, limit)

    async def run(self, take: Take) -> None:
        """See `Connector`. Raises `Usage` where the port cannot be bound."""
        config = self.config
        bounds = Bounds(
            config.message_bytes,
            config.idle_s,
            config.frame_s,
            config.connections,
            config.charset,
            rri=config.answer == "rri",
        )
        try:
            await Listener(bounds, self.origin).run(config.host, config.port, config.listening(), take)
        except OSError as error:
            raise Usage(f"{config.host}:{config.port} cannot be listened at ({error}).", "Run check.") from error
        finally:
            if self._partner:
                await self._partner.close()

    async def backfill(self, since: str, take: Take) -> int:
        """Take the folder's messages whose MSH-7 is of that day or later."""
        day, new = since.replace("-", "")[:8], 0
        found: list[Heard] = []
        for _, one in await asyncio.to_thread(lambda: list(self._messages())):
            if isinstance(one, Heard) and one.sent[:8] >= day:
                found.append(one)
            elif not isinstance(one, Heard):
                log.warning("backfill_unreadable", reason=one.reason.code, place=one.reason.path)
        for start in range(0, len(found), TOGETHER):
            some = found[start : start + TOGETHER]
            new += await take([one.event(self.origin) for one in some], about=[one.about() for one in some])
        return new

    # ------------------------------------------------------------- the way back
    async def tell(self, receipts: Sequence[Receipt]) -> None:
        """An RRI a referral, each until the partner has acknowledged it."""
        async with self._telling:
            for receipt in receipts:
                await self._tell(receipt)
        log.info("receipts_told", receipts=len(receipts), sent=bool(self.config.partner_host))

    async def follow(self, changes: Sequence[Change]) -> None:
        """An RRI a change of a referral that came from here; those that are too early wait for the receipt."""
        if not self.config.partner_host:
            return
        async with self._telling:
            for news in filter(None, map(news_of, changes)):
                about = about_of(self._remembering().about(news.referral))
                if about is None:
                    self._remembering().wait(news)
                else:
                    await self._send(about, news)

    async def _tell(self, receipt: Receipt) -> None:
        about = about_of(receipt.about)
        if not self.config.partner_host or about is None:
            return
        known = [str(r["id"]) for r in receipt.referrals if r.get("id")]
        self._remembering().remember(known, receipt.about)
        for news in _news(receipt):
            await self._send(about, news)
        for referral in known:
            for news in self._remembering().early(referral):
                await self._send(about, news)
            self._remembering().told(referral)

    async def _send(self, about: About, news: News) -> None:
        """The same news has the same control id after a crash, so that the partner can tell a repeat."""
        named = f"{news.referral}\0{news.state}\0{news.position}\0{about.header.control}"
        control = self.origin.digest("news", named.encode())[:20]
        octets = Writer(about.header, self.origin.now(), control).news(about, news)
        if self._partner is None:
            config = self.config
            self._partner = Partner(config.partner_host, config.partner_port, config.sending(), config.answer_s)
        await self._partner.send(octets)

    def _remembering(self) -> Memory:
        """Opened when first needed: `check` and `discover` leave nothing behind."""
        if self._memory is None:
            self._memory = Memory(self.config.memory_file or Path("hl7v2-memory.sqlite"), self.origin)
        return self._memory

    # ------------------------------------------------------------- files
    def _samples(self, limit: int) -> list[Event | Broken]:
        found: list[Event | Broken] = []
        for (path, row), one in self._messages():
            if len(found) == limit:
                break
            if isinstance(one, Heard):
                found.append(one.event(self.origin))
            else:
                found.append(Broken(path, row, f"{one.reason.path}: {one.reason.text}"))
        return found

    def _messages(self) -> Iterator[tuple[tuple[str, int], Heard | Rejected]]:
        """Every referral message of the folder's files, with file and place in it."""
        if self.config.folder is None:
            raise Usage("No folder is configured.", "Set folder to one that holds messages as .hl7 files.")
        for path in sorted(self.config.folder.glob("*.hl7")):
            octets = path.read_bytes() if path.stat().st_size <= FILE_BYTES else b""
            for row, message in enumerate(messages(octets) or [octets[:64]], 1):
                limit = self.config.message_bytes
                frame = Frame(message if len(message) <= limit else message[:1024], len(message))
                one = hear(frame, limit, self.config.charset)
                if one is not None:
                    yield (path.name, row), one


def news_of(change: Change) -> News | None:
    """What a change of the outbox tells the one who referred; None where it tells nothing new."""
    facts = change.facts
    referral, position = str(facts.get("referral", "")), change.position
    match change.kind:
        case "referral.offered":
            return News("offered", referral, receiver=facts["to"], due=facts["due"], position=position)
        case "referral.unplaced":
            return News("unplaced", referral, receiver=facts["owner"], reason=facts["reason"], position=position)
        case "referral.duplicated":
            return News("duplicate", referral, same=_told(facts.get("duplicate_of")), position=position)
        case "referral.changed":
            who = facts.get("on_behalf") or facts["by"]
            return News(facts["to"], referral, receiver=who, reason=facts["reason"], position=position)
        case "offer.expired":
            return News("expired", referral, receiver=facts["to"], position=position)
        case _:
            return None


def _news(receipt: Receipt) -> list[News]:
    """What a receipt tells: a refusal, or each referral as it stands."""
    if receipt.status == REFUSED:
        return [News("refused", position=receipt.position, reasons=receipt.reasons)]
    told = [
        News(
            str(r.get("state") or "recorded"),
            str(r.get("id") or r.get("number") or ""),
            receiver=str(r.get("receiver") or ""),
            due=str(r.get("due") or ""),
            need=_told(r.get("need")),
            same=_told(r.get("duplicate_of")),
            position=receipt.position,
        )
        for r in receipt.referrals
    ]
    return told or [News("taken" if receipt.status == TAKEN else "recorded", position=receipt.position)]


def _told(value: object) -> str:
    """A text; '' for what is absent or withheld (which is told as an object)."""
    return value if isinstance(value, str) else ""
