"""What a webhook says, how it is signed, and what follows from its answer. Pure: owns no connection and no clock.

Signed as Standard Webhooks 1.0 says (`v1a`: Ed25519 over `id.timestamp.body`): whoever has the public key can check,
and nobody but the hub can sign. The body is thin: which entry, of what kind, about which referral. Whoever wants more
asks the API with its token, so a wrong address learns nothing about anybody.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from typing import Any, Final

import msgspec
import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from hub.core.feedview import OUTBOX_FACTS, Entry
from hub.core.sealing import Keys, keyed_digest

#: Seconds before each attempt, as Standard Webhooks advises; when the last has failed the endpoint is disabled.
DELAYS_S: Final = (0, 5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400)
LONGEST_WAIT_S: Final = 86_400
GONE, TOO_MANY, AWAY = 410, 429, 503
DELIVERED, FAILED, DISABLED = "delivered", "failed", "disabled"


class Notice(msgspec.Struct, frozen=True):
    """That an entry concerns an agency. No words, names or numbers of anybody."""

    position: int
    id: str
    kind: str
    heard: str
    referral: str
    case: str

    def body(self) -> bytes:
        """The payload: always the same bytes for the same entry."""
        about = {"referral": self.referral, "case": self.case}
        data = {"position": self.position, "kind": self.kind} | {name: id_ for name, id_ in about.items() if id_}
        return orjson.dumps({"type": f"kr.ieum.{self.kind}.v1", "timestamp": self.heard, "data": data})


class Answer(msgspec.Struct, frozen=True):
    """What an endpoint answered: status (0: nothing), milliseconds, the seconds it asks to wait, what went wrong."""

    status: int
    ms: int
    wait_s: float = 0.0
    error: str = ""


class Verdict(msgspec.Struct, frozen=True):
    """What follows from an answer: the outcome, why, and the seconds until the next attempt."""

    outcome: str
    why: str = ""
    wait_s: float = 0.0


def notice(entry: Entry, position: int) -> Notice:
    """The notice of an entry. The referral is named only where the outbox names it."""
    shown = "referral" in OUTBOX_FACTS.get(entry.kind, ())
    referral: Any = entry.facts.get("referral", "") if shown else ""
    return Notice(position, entry.id, entry.kind, entry.heard, str(referral), entry.case)


def judge(answer: Answer, attempt: int, delays_s: Sequence[float] = DELAYS_S) -> Verdict:
    """What to do after attempt number `attempt` (from 0)."""
    if 200 <= answer.status < 300:  # noqa: PLR2004 - every success
        return Verdict(DELIVERED)
    why = answer.error or f"it answers {answer.status}"
    if answer.status == GONE:
        return Verdict(DISABLED, "it answers 410: gone")
    if attempt + 1 >= len(delays_s):
        return Verdict(DISABLED, f"{len(delays_s)} attempts failed, the last: {why}")
    asked = answer.wait_s if answer.status in {TOO_MANY, AWAY} else 0.0
    return Verdict(FAILED, why, max(delays_s[attempt + 1], min(asked, LONGEST_WAIT_S)))


class Signer:
    """Signs with the installation's own webhook key, made from its key-encryption key: no file of its own to lose."""

    def __init__(self, keys: Keys) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(keyed_digest(keys.kek, "webhooks"))

    def public(self) -> str:
        """The public key, as Standard Webhooks writes it."""
        raw = self._key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        return f"whpk_{b64encode(raw).decode()}"

    def headers(self, id_: str, timestamp: int, body: bytes) -> dict[str, str]:
        """The three headers that make a body a signed webhook. `timestamp`: of the attempt, in seconds."""
        signature = self._key.sign(f"{id_}.{timestamp}.".encode() + body)
        return {
            "webhook-id": id_,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": f"v1a,{b64encode(signature).decode()}",
        }
