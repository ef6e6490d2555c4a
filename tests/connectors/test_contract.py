"""The contract suite itself: a small connector passes it, and one that breaks a promise does not."""

from __future__ import annotations

from pathlib import Path

import pytest

from connectors.testing import ConnectorContract
from tests.connectors import lines


class TestLines(ConnectorContract):
    partner = lines.LinesPartner


def contract_of(class_: type[lines.LinesConnector]) -> ConnectorContract:
    """The contract asked of another connector for the same lines."""
    partner = type("BrokenPartner", (lines.LinesPartner,), {"connector": class_})
    return type("Broken", (ConnectorContract,), {"partner": partner, "settle_s": 3.0})()


async def test_who_acknowledges_before_taking_is_found_out(tmp_path: Path) -> None:
    with pytest.raises((AssertionError, TimeoutError)):
        await contract_of(lines.HastyConnector)._killed(tmp_path, 5)


async def test_whose_ids_change_is_found_out(tmp_path: Path) -> None:
    with pytest.raises(AssertionError):
        await contract_of(lines.ForgetfulConnector).test_the_same_input_twice_is_one_event(tmp_path)


async def test_who_is_silent_about_what_cannot_be_read_is_found_out(tmp_path: Path) -> None:
    contract = contract_of(lines.SilentConnector)
    with pytest.raises(AssertionError, match="neither taken nor refused"):
        await contract.test_what_cannot_be_read_is_refused_with_place_and_reason_and_the_next_passes(tmp_path)


async def test_who_logs_a_name_is_found_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(AssertionError):
        await contract_of(lines.TalkativeConnector).test_no_log_holds_personal_data(tmp_path, caplog, capfd)
