"""The messages of a referral stay together, however the sender separates its fields."""

from __future__ import annotations

import pytest

from connectors.reading_hl7 import bare, messages, subject

MESSAGE = b"MSH|^~\\&|a|b|c|d|20261122||REF^I12|1|P|2.5\rRF1|A|R|ref||20261122|GS-7|20261123\rPID|1||77"


@pytest.mark.parametrize("mark", [b"|", b"!", b"$", b"#"])
def test_a_number_is_found_by_the_messages_own_separator(mark: bytes) -> None:
    assert subject(MESSAGE.replace(b"|", mark)) == b"GS-7".hex()


@pytest.mark.parametrize(
    "octets",
    [MESSAGE.replace(b"GS-7", b""), MESSAGE.replace(b"RF1|A|R|ref||20261122|GS-7", b"RF1|A"), b"MSH", b"", b"MSH\rRF1"],
)
def test_without_a_number_each_message_is_for_itself(octets: bytes) -> None:
    assert subject(octets) == octets.hex()


def test_frames_and_batches_are_taken_off() -> None:
    file = b"FHS|^~\\&\rBHS|^~\\&\r\x0b" + MESSAGE + b"\x1c\r\x0b" + MESSAGE + b"\r\x1c\rBTS|2\rFTS|1\r"
    assert messages(file) == [MESSAGE, MESSAGE]
    assert bare(b"\x0b" + MESSAGE + b"\rBTS|1\r") == MESSAGE
