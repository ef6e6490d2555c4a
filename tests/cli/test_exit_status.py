"""0 holds, 1 some failed, 2 usage, 3 environment; an error says what and the remedy, and shows no traceback."""

from __future__ import annotations

from pathlib import Path

import pytest

from hub.cli import ENVIRONMENT, FAILED, HOLDS, USAGE, _defect, main
from hub.errors import Halt, HubError, Retry, Usage


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("HUB_KAFKA_BOOTSTRAP", "HUB_DATABASE_URL", "HUB_DEBUG", "HUB_STATE_DIR", "HUB_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HUB_STATE", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)


def test_an_unknown_command_is_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["nonsense"]) == USAGE
    assert "nonsense" in capsys.readouterr().err


def test_an_unknown_setting_is_usage_and_names_the_known_ones(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HUB_NONSENSE", "1")
    assert main(["status"]) == USAGE
    told = capsys.readouterr().err
    assert "unknown setting: nonsense" in told
    assert "remedy: Known: batch_records" in told


def test_a_setting_of_the_wrong_kind_is_usage(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HUB_WEB_PORT", "many")
    assert main(["status"]) == USAGE
    assert "web_port must be int" in capsys.readouterr().err


def test_servers_that_do_not_run_are_the_environment(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status"]) == ENVIRONMENT
    assert "remedy: hub up" in capsys.readouterr().err


def test_only_one_of_two_external_servers_is_usage(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HUB_KAFKA_BOOTSTRAP", "127.0.0.1:1")
    assert main(["status"]) == USAGE
    assert "only one of" in capsys.readouterr().err


def test_sending_without_a_token_is_usage_and_says_how_to_get_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "devices.jsonl"
    file.write_text('{"device": "wm-1", "kind": "water_meter"}\n', encoding="utf-8")
    assert main(["send", str(file), "--agency", "devices", "--url", "http://127.0.0.1:1"]) == USAGE
    assert "remedy: Give --token or HUB_TOKEN" in capsys.readouterr().err


ACCOUNT = {"--kind": "hospital", "--name": "n", "--legal-basis": "consent_self", "--purpose": "treatment"}


@pytest.mark.parametrize(
    ("option", "value", "told"),
    [
        ("--kind", "clinic", "there is no kind 'clinic'"),
        ("--purpose", "curiosity", "there is no purpose 'curiosity'"),
        ("--area", "nowhere", "there is no area 'nowhere'"),
        ("--legal-basis", "because", "'because' is no legal basis"),
    ],
)
def test_an_account_is_checked_before_anything_is_asked(
    option: str, value: str, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    options = [word for pair in (ACCOUNT | {option: value}).items() for word in pair]
    assert main(["agency", "add", "some-code", *options]) == USAGE
    assert told in capsys.readouterr().err


def test_drifted_schemas_fail(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schemas", "check", "--folder", str(tmp_path)]) == FAILED
    assert "missing" in capsys.readouterr().out
    assert main(["schemas", "build", "--folder", str(tmp_path)]) == HOLDS
    (tmp_path / "feed.json").write_text("{}", encoding="utf-8")
    assert main(["schemas", "check", "--folder", str(tmp_path)]) == FAILED
    assert "has drifted" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("error", "status"),
    [(Usage("w", "r"), USAGE), (Retry("w"), ENVIRONMENT), (Halt("w"), FAILED), (HubError("w"), FAILED)],
    ids=str,
)
def test_every_error_of_the_hub_has_a_status_and_a_remedy(
    error: HubError, status: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(_: str) -> None:
        raise error

    monkeypatch.setattr("hub.cli.program", fail)
    assert main(["status"]) == status
    told = capsys.readouterr().err
    assert "w" in told
    assert "remedy: " in told
    assert "Traceback" not in told


def test_an_error_is_raised_as_it_is_when_debugging(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUB_DEBUG", "1")
    monkeypatch.setenv("HUB_NONSENSE", "1")
    with pytest.raises(Usage):
        main(["status"])


def test_a_defect_shows_neither_place_nor_message(capsys: pytest.CaptureFixture[str]) -> None:
    _defect(ValueError, ValueError("박순자"), None)
    told = capsys.readouterr().err
    assert "ValueError" in told
    assert "박순자" not in told
