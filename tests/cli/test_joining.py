"""What `hub agency add` hands over is what a partner can run: the configuration is read, the token is in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from connectors import catalog, configuring
from hub.cli import joining
from hub.cli.accounts import Credentials, KafkaAccess
from hub.errors import Usage

MADE = Credentials("lh", "ieum_token", KafkaAccess("agency-lh", "p", "hub.in.lh", "127.0.0.1:9092", "SCRAM-SHA-256"))
URL = "https://hub.example.kr"


@pytest.mark.parametrize("name", sorted(catalog.names()))
def test_what_is_handed_over_is_a_configuration_the_connector_reads(name: str, tmp_path: Path) -> None:
    step = joining.next_step(name, MADE, URL)
    joining.hand_over(tmp_path, MADE, step)
    found = configuring.read(tmp_path / "lh.toml")
    assert (found.name, found.hub.agency, found.hub.url, found.hub.token) == (name, "lh", URL, "ieum_token")
    assert [command.split()[:3] for command in step.commands[-2:]] == [
        ["hub", "connector", "check"], ["hub", "connector", "run"],
    ]  # fmt: skip


def test_a_token_is_its_owners_alone_and_in_no_configuration(tmp_path: Path) -> None:
    step = joining.next_step("files", MADE, URL)
    joining.hand_over(tmp_path, MADE, step)
    assert (tmp_path / "lh.token").stat().st_mode & 0o777 == 0o600
    assert MADE.token not in step.config + "".join(step.commands)


def test_who_has_a_program_of_its_own_is_shown_the_request() -> None:
    step = joining.next_step("http", MADE, URL)
    assert (step.config, len(step.commands)) == ("", 1)
    assert f"{URL}/v1/events" in step.commands[0]


def test_a_hospital_is_shown_both_roads_and_every_line_is_one_of_a_shell() -> None:
    step = joining.next_step("fhir", MADE, URL)
    sends, request, polled, install, *_ = step.commands
    assert sends[0] == polled[0] == "#"
    assert f"{URL}/fhir" in request
    assert install == "pip install 'ieum-hub[connector-fhir]'"
    assert 'parameters = {"owner" = "Organization/ieum"}' in step.config


def test_an_unknown_connector_is_named_with_those_there_are() -> None:
    with pytest.raises(Usage, match="there is no connector 'fax'") as raised:
        joining.known("fax")
    assert "files" in raised.value.remedy
