"""What verifying found: values to print and to act on. Owns their shape, finds nothing itself."""

from __future__ import annotations

import msgspec

from hub.ledger.history import Head

#: Findings of one sort beyond this many are counted, not listed: a lost table would fill the memory with itself.
LISTED = 1000


class Finding(msgspec.Struct, frozen=True):
    """Something that is not as it was written. `last` differs from `position` where only a range can be named."""

    what: str
    position: int
    last: int
    text: str
    case: str = ""
    persons: tuple[str, ...] = ()


class Verified(msgspec.Struct):
    """What was found. `erased`: bodies whose keys were destroyed, which is no damage."""

    head: Head
    entries: int = 0
    bodies: int = 0
    erased: int = 0
    checkpoints: int = 0
    messages: int = 0
    root: bytes = b""
    findings: list[Finding] = msgspec.field(default_factory=list)
    unlisted: int = 0

    @property
    def holds(self) -> bool:
        """Whether everything is as it was written."""
        return not self.findings

    def find(self, what: str, position: int, text: str, *, last: int = 0, case: str = "") -> None:
        """Take note of a finding."""
        if len(self.findings) < LISTED:
            self.findings.append(Finding(what, position, last or position, text, case))
        else:
            self.unlisted += 1
