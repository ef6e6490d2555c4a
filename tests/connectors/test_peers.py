"""Peers are found or fetched, and a missing one is said loudly."""

from __future__ import annotations

import subprocess

import pytest

from tests.connectors import peers


def test_a_missing_peer_skips_loudly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PEERS", raising=False)
    with pytest.raises(pytest.skip.Exception, match="PEER MISSING: no such thing"):
        peers.missing("no such thing")


def test_a_missing_peer_fails_where_peers_are_required(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PEERS", "required")
    with pytest.raises(pytest.fail.Exception, match="no such thing"):
        peers.missing("no such thing")


def test_the_broker_that_was_found_runs() -> None:
    broker = peers.find_mosquitto()
    done = subprocess.run([broker, "-h"], env=peers.environment(broker), capture_output=True, text=True, check=False)
    assert "mosquitto version" in done.stdout


def test_the_ssh_server_that_was_found_runs() -> None:
    server = peers.find_sshd()
    done = subprocess.run([server, "-V"], env=peers.environment(server), capture_output=True, text=True, check=False)
    assert "OpenSSH" in done.stdout + done.stderr
    assert peers.find_sftp_server().exists()
