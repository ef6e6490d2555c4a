"""A connector's own secrets: drawn once, whole or not at all, and never half of one."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from connectors.configuring import origin_key
from connectors.drawn import drawn_once
from connectors.spool import Spool
from hub.errors import Usage


def test_the_first_draw_is_kept_and_its_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "key"
    assert drawn_once(path, b"1" * 32) == drawn_once(path, b"2" * 32) == path.read_bytes() == b"1" * 32
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("made", ["fsync", "link"])
def test_a_crash_while_it_is_made_leaves_nothing_that_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, made: str
) -> None:
    def crash(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(os, made, crash)
        with pytest.raises(KeyboardInterrupt):
            origin_key(tmp_path, b"1" * 32)
    assert origin_key(tmp_path, b"2" * 32) == b"2" * 32


def test_who_draws_at_the_same_time_keeps_what_the_other_drew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, link = tmp_path / "key", os.link

    def late(draft: Path, to: Path) -> None:
        path.write_bytes(b"o" * 32)
        link(draft, to)

    monkeypatch.setattr(os, "link", late)
    assert drawn_once(path, b"m" * 32) == b"o" * 32
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("held", [b"", b"ab"])
def test_half_a_secret_is_none(tmp_path: Path, held: bytes) -> None:
    """Ids under an empty key could be made by anybody, and nobody would see it."""
    for name in ("origin.key", "spool.key"):
        (tmp_path / name).write_bytes(held)
    with pytest.raises(Usage, match="bytes of 64"):
        origin_key(tmp_path, b"1" * 32)
    with pytest.raises(Usage, match="bytes of 32"):
        Spool(tmp_path)
