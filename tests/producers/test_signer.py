"""The signer: signs what was appended, and nothing that contradicts what it signed, whoever rewrote what."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import pytest

from hub.core import merkle
from hub.core.note import SigningKey, open_checkpoint
from hub.errors import Halt, Retry, Usage
from hub.producers.signer import FileStore, Signed, Signer, create_key, load_key

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

KEY = SigningKey("hub.example/log", b"l" * 32)
MANY = [merkle.leaf_hash(number.to_bytes(2, "big")) for number in range(300)]


@dataclass
class Ledger:
    """A committed tree that tests may rewrite."""

    hashes: list[bytes]
    asked: list[tuple[int, int]] = field(default_factory=list)

    def head(self) -> tuple[int, bytes]:
        return len(self.hashes), merkle.root(self.hashes)

    def leaves(self, after: int, upto: int) -> Iterable[bytes]:
        self.asked.append((after, upto))
        return self.hashes[after:upto]


@dataclass
class Published:
    """A database table of checkpoints; `away` makes it fail, before or after it saved."""

    saved: list[Signed] = field(default_factory=list)
    away: str = ""

    def latest(self) -> Signed | None:
        return max(self.saved, key=lambda signed: signed.size, default=None)

    def save(self, checkpoint: Signed) -> None:
        if self.away == "before":
            raise Retry("the database is away")
        if checkpoint not in self.saved:
            self.saved.append(checkpoint)
        if self.away == "after":
            raise Retry("the database answered too late")


@dataclass
class Site:
    ledger: Ledger
    published: Published
    own: FileStore

    def signer(self) -> Signer:
        return Signer(KEY, self.ledger, self.published, self.own)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(Ledger(MANY[:5]), Published(), FileStore(tmp_path / "signed.json"))


def test_a_head_is_signed_once_and_verifies(site: Site) -> None:
    signer = site.signer()
    signed = signer.sign_once()
    assert signed is not None
    head = open_checkpoint(signed.note, KEY.verifier())
    assert (head.origin, head.size, head.root) == (KEY.name, 5, merkle.root(MANY[:5]))
    assert signer.sign_once() is None
    assert site.published.saved == [signed]


def test_an_empty_ledger_is_signed_so_that_its_log_exists(site: Site) -> None:
    site.ledger.hashes = []
    signed = site.signer().sign_once()
    assert signed is not None
    assert (signed.size, signed.root) == (0, merkle.EMPTY_ROOT)


def test_only_leaves_since_the_last_checkpoint_are_read(site: Site) -> None:
    signer = site.signer()
    for size in (5, 9, 300):
        site.ledger.hashes = MANY[:size]
        signer.sign_once()
    assert site.ledger.asked == [(0, 5), (5, 9), (9, 300)]


def test_a_restart_goes_on_from_the_last_checkpoint(site: Site) -> None:
    site.signer().sign_once()
    site.ledger.hashes = MANY[:6]
    signer = site.signer()
    signed = signer.sign_once()
    assert signed is not None
    assert signed.root == merkle.root(MANY[:6])
    assert site.ledger.asked[-1] == (5, 6)
    assert site.signer().sign_once() is None


@pytest.mark.parametrize("restart", [False, True], ids=["same run", "after a restart"])
@pytest.mark.parametrize(
    "hashes",
    [MANY[:4], MANY[1:6], [MANY[9], *MANY[1:8]], []],
    ids=["shrunk", "same size, other root", "rewritten and grown", "emptied"],
)
def test_a_rewritten_ledger_is_refused(site: Site, hashes: list[bytes], restart: bool) -> None:  # noqa: FBT001
    signer = site.signer()
    signer.sign_once()
    site.ledger.hashes = hashes
    with pytest.raises(Halt, match="refusing to sign"):
        (site.signer() if restart else signer).sign_once()
    assert len(site.published.saved) == 1


def test_a_ledger_rewritten_with_its_published_checkpoints_is_refused(site: Site) -> None:
    site.signer().sign_once()
    site.ledger.hashes, site.published.saved = MANY[1:9], []
    with pytest.raises(Halt, match="refusing to sign"):
        site.signer().sign_once()


def test_a_head_that_its_leaves_do_not_bear_out_is_refused(site: Site) -> None:
    site.ledger.head = lambda: (6, merkle.root(MANY[:6]))  # type: ignore[method-assign]
    with pytest.raises(Halt, match="there are 5"):
        site.signer().sign_once()
    site.ledger.head = lambda: (5, merkle.root(MANY[:6]))  # type: ignore[method-assign]
    with pytest.raises(Halt, match="do not give"):
        site.signer().sign_once()


@pytest.mark.parametrize("restart", [False, True], ids=["same run", "after a restart"])
@pytest.mark.parametrize("away", ["before", "after"], ids=["failed", "failed but happened"])
def test_what_was_signed_but_not_published_is_published_next(site: Site, away: str, restart: bool) -> None:  # noqa: FBT001
    signer = site.signer()
    site.published.away = away
    with pytest.raises(Retry):
        signer.sign_once()
    site.published.away = ""
    (site.signer() if restart else signer).sign_once()
    assert [signed.size for signed in site.published.saved] == [5]


def test_a_ledger_rewritten_while_publishing_failed_is_refused(site: Site) -> None:
    signer = site.signer()
    site.published.away = "before"
    with pytest.raises(Retry):
        signer.sign_once()
    site.published.away, site.ledger.hashes = "", MANY[1:6]
    with pytest.raises(Halt, match="not the one signed before"):
        signer.sign_once()


def test_a_signer_on_a_new_disk_takes_up_the_published_checkpoint(site: Site, tmp_path: Path) -> None:
    site.signer().sign_once()
    (tmp_path / "signed.json").unlink()
    assert site.signer().sign_once() is None
    assert site.own.latest() == site.published.latest()


@pytest.mark.parametrize(
    "forged",
    [
        {"size": 4},
        {"root": merkle.root(MANY[:4])},
        {"frontier": merkle.Frontier(1, [MANY[0]]).to_bytes()},
        {"frontier": b""},
        {"note": b"hub.example/log\n5\n"},
    ],
    ids=["size", "root", "frontier", "no frontier", "note"],
)
def test_a_forged_published_checkpoint_is_refused(site: Site, forged: dict[str, object]) -> None:
    signed = site.signer().sign_once()
    assert signed is not None
    site.published.saved = [replace(signed, **forged)]  # type: ignore[arg-type]
    with pytest.raises(Halt):
        site.signer()


def test_a_fork_that_bears_our_signature_is_refused(site: Site, tmp_path: Path) -> None:
    site.signer().sign_once()
    other = Site(Ledger(MANY[1:6]), Published(), FileStore(tmp_path / "other.json"))
    other.signer().sign_once()
    site.published = other.published
    with pytest.raises(Halt, match="two different trees"):
        site.signer()


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b'{"note": 1, "frontier": ""}'])
def test_a_damaged_memory_halts_instead_of_starting_anew(site: Site, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "signed.json").write_bytes(content)
    with pytest.raises(Halt, match="damaged"):
        site.signer()


def test_the_key_file_gives_back_its_key_and_is_never_replaced(tmp_path: Path) -> None:
    key = create_key(tmp_path / "log.key", "hub.example/log", lambda size: b"x" * size)
    assert load_key(tmp_path / "log.key") == key
    with pytest.raises(Usage, match="exists already"):
        create_key(tmp_path / "log.key", "hub.example/log", lambda size: b"y" * size)


def test_what_is_no_key_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "log.key").touch(0o600)
    with pytest.raises(Usage, match="no signing key"):
        load_key(tmp_path / "log.key")
