"""Whether an agency that registered a key signed this event with it. Owns that question and the names of the answers.

A signature itself was checked outside the lock (`schemas.signature`); here its key is looked up in the directory.

An event refused for its signature has not used up its id: whoever writes an agency's topic without its key must not
be able to take the id of an event that is still to come. The refusal stands under the message's own cause; the copy
that is signed is decided under another one, once.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from hub.core.directory import Agency
from hub.core.policy import Policy
from hub.core.prepared import Prepared
from hub.core.sealing import keyed_digest
from hub.core.state import Seen
from hub.schemas.canonical import Reason, Refusal

#: The verdict on a message refused for its signature; readers are told `refused`.
UNSIGNED: Final = "unsigned"
PATH: Final = "/jws"


def fault(agency: Agency | None, message: Prepared) -> Reason | None:
    """What is wrong with a message's signature; None where it is right or none is asked for."""
    if agency is None or not agency.keys:
        return None
    signature = message.signature
    if signature.fault:
        return Reason(PATH, "signature_invalid", signature.fault)
    if not signature.kid:
        return Reason(PATH, "signature_missing", "this agency has registered a key: its events are signed")
    if signature.kid not in agency.keys:
        return Reason(PATH, "key_unknown", "signed with a key that is not registered: hub agency key add")
    return None


def unsigned(message: Prepared, why: Reason) -> Prepared:
    """The same message, refused for its signature; what else is wrong with it is said, too."""
    more = message.content.reasons if isinstance(message.content, Refusal) else ()
    return msgspec.structs.replace(message, content=Refusal((why, *more)))


def reopened(message: Prepared, seen: Mapping[bytes, Seen], policy: Policy) -> Prepared:
    """A signed copy of what was refused for its signature, under the cause it is decided by; any other as it is."""
    known = seen.get(message.cause) if message.signature.kid else None
    if known is None or known.verdict != UNSIGNED:
        return message
    return msgspec.structs.replace(message, cause=reopened_cause(policy.keys.pepper, message.cause))


def reopened_cause(pepper: bytes, cause: bytes) -> bytes:
    """The cause of the signed copy of a message whose unsigned copy was refused."""
    return keyed_digest(pepper, cause, "signed")
