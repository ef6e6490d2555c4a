"""Bodies against what entries say of them. Owns the comparison of two streams in about the same order.

Keeps what has no counterpart yet: little, for a body and the entry pointing to it are written together. Opens none.
"""

from __future__ import annotations

from hashlib import sha256

import msgspec

from hub.audit.findings import Verified
from hub.ledger.history import History

Key = tuple[str, str]  # key id and class


class BodyRef(msgspec.Struct, frozen=True, rename={"cls": "class"}, gc=False):
    """A body as an entry points to it."""

    cls: str
    key_id: str
    sha256_of_ciphertext: str


class Bodies:
    """`expect` what entries point to, `follow` after each page, `end` once."""

    def __init__(self, history: History, result: Verified) -> None:
        self._pages = history.all_bodies()
        self._result = result
        self._expected: dict[Key, tuple[str, int, str]] = {}
        self._early: dict[Key, str] = {}
        self._met: dict[Key, str] = {}  # of the page before: a message's entries may go on in the next
        self._read = 0
        self.compared = self.erased = 0

    def expect(self, ref: BodyRef, position: int, case: str) -> None:
        """An entry points to a body; several entries of one message may point to the same."""
        key = (ref.key_id, ref.cls)
        known = self._expected.get(key)
        if known is None and key in self._met:
            self._compare(key, self._met[key], (ref.sha256_of_ciphertext, position, case), again=True)
        elif known is None:
            self._expected[key] = (ref.sha256_of_ciphertext, position, case)
        elif known[0] != ref.sha256_of_ciphertext:
            self._result.find("body", position, f"the body {ref.cls} is said to be two different ones", case=case)

    def follow(self) -> None:
        """Read as many bodies as are expected."""
        self._met.clear()
        self._meet()
        wanted = self._read + len(self._expected)
        while self._expected and self._read < wanted:
            if not self._page():
                break

    def end(self) -> None:
        """Read the rest. Erasing destroys a key and leaves the row: one that is not there was taken away."""
        while self._page():
            pass
        for (_, cls), (_, position, case) in self._expected.items():
            self._result.find("body", position, f"the body {cls} is not there", case=case)

    def _page(self) -> bool:
        page = next(self._pages, None)
        for key_id, cls, erased, sealed in page or ():
            digest = "" if erased else sha256(sealed or b"").hexdigest()
            expected = self._expected.pop((key_id, cls), None)
            if expected is None:
                self._early[key_id, cls] = digest
            else:
                self._compare((key_id, cls), digest, expected)
        self._read += len(page or ())
        return page is not None

    def _meet(self) -> None:
        """Bodies that were read before their entry."""
        if not self._early:
            return
        for key in [k for k in self._expected if k in self._early]:
            self._compare(key, self._early.pop(key), self._expected.pop(key))

    def _compare(self, key: Key, digest: str, expected: tuple[str, int, str], *, again: bool = False) -> None:
        wanted, position, case = expected
        self._met[key] = digest
        self.compared += not again
        self.erased += not (digest or again)
        if digest and digest != wanted:
            self._result.find("body", position, f"the body {key[1]} is not the one that was written", case=case)
