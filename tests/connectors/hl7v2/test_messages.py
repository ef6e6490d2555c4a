"""What is read of a message, and that a message has one id however it comes."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from connectors.hl7v2.messages import Heard, Rejected, about_of, event, header_of, hear
from connectors.hl7v2.mllp import Frame
from connectors.reading import read
from connectors.reading_hl7 import messages
from tests.connectors.hl7v2.hospital import NOW, ORIGIN, ref

LIMIT = 524_288


def heard(octets: bytes, charset: str = "UNICODE UTF-8") -> Heard | Rejected | None:
    return hear(Frame(octets, len(octets)), LIMIT, charset)


def written(path: Path, octets: bytes) -> list[object]:
    path.write_bytes(octets)
    return list(read(path, "jeil", key=ORIGIN.key, now=NOW))


@pytest.mark.parametrize(
    "octets",
    [
        ref(1),
        ref(1, "utf-8"),
        ref(1, ""),
        ref(1).replace(b"\r", b"\r\n"),
        ref(1).replace(b"\r", b"\n"),
        ref(1).rstrip(b"\r"),
        ref(1) + b"\r\n",
        ref(1).replace(b"RF1", b"RF2"),
        ref(1) + b"BTS|1\rFTS|1\r",
    ],
)
def test_a_message_is_the_same_event_as_in_a_file(tmp_path: Path, octets: bytes) -> None:
    found = heard(octets)
    assert isinstance(found, Heard)
    assert written(tmp_path / "one.hl7", octets) == [found.event(ORIGIN)]


def test_a_files_messages_are_found_as_the_reader_finds_them(tmp_path: Path) -> None:
    octets = b"FHS|^~\\&\rBHS|^~\\&\r" + ref(1) + b"\x0b" + ref(2) + b"\x1c\r\x0b" + ref(3) + b"\x1c\rBTS|3\rFTS|1\r"
    assert written(tmp_path / "many.hl7", octets) == [event(ORIGIN, one) for one in messages(octets)]
    assert len(messages(octets)) == 3


def test_the_octets_travel_as_they_came() -> None:
    found = heard(ref(1))
    assert isinstance(found, Heard)
    assert base64.b64decode(found.event(ORIGIN)["data_base64"]) == ref(1)


def test_corrections_of_one_number_stay_in_one_order() -> None:
    keys = {heard(ref(n, event=e)).event(ORIGIN)["partitionkey"] for n, e in ((1, "I12"), (51, "I13"))}  # type: ignore[union-attr]
    assert len(keys) == 1
    assert keys != {heard(ref(2)).event(ORIGIN)["partitionkey"]}  # type: ignore[union-attr]


def test_another_time_of_sending_is_another_event() -> None:
    other = ref(1).replace(b"20261117091500||REF", b"20261117091501||REF")
    ids = {heard(octets).event(ORIGIN)["id"] for octets in (ref(1), ref(1), other)}  # type: ignore[union-attr]
    assert len(ids) == 2


@pytest.mark.parametrize(
    ("octets", "charset", "codec"),
    [
        (ref(1), "KS X 1001", "cp949"),
        (ref(1, "utf-8"), "UNICODE UTF-8", "utf-8"),
        (ref(1).replace(b"KS X 1001", b"ASCII~KS X 1001"), "ASCII", "ascii"),
        (ref(1, "cp949").replace(b"KS X 1001", b""), "KS X 1001", "cp949"),
        (ref(1, "utf-8").replace(b"UNICODE UTF-8", b""), "UNICODE UTF-8", "utf-8"),
        (b"MSH|^~\\&|A|B|C|D|||REF^I12|1|P|2.5\r", "MS949", "cp949"),
    ],
)
def test_answers_are_written_in_the_messages_charset(octets: bytes, charset: str, codec: str) -> None:
    header = header_of(octets, "MS949")
    assert (header.charset, header.codec) == (charset, codec)


@pytest.mark.parametrize(
    ("octets", "kind", "path", "code"),
    [
        (b"", "E", "MSH-1", "100"),
        (b"PID|1||88001\r", "E", "MSH-1", "100"),
        (ref(1).replace(b"REF^I12", b"ORU^R01"), "R", "MSH-9", "200"),
        (ref(1, event="I15"), "R", "MSH-9", "201"),
        (ref(1).replace(b"JI0000001", b""), "E", "MSH-10", "101"),
        (ref(1).replace(b"JI0000001", b"J" * 200), "E", "MSH-10", "102"),
        (ref(1) + ref(2), "E", "MSH", "100"),
        (ref(1).replace(b"KS X 1001", b"BIG5"), "E", "MSH-18", "103"),
        (ref(1).replace(b"KS X 1001", b"UTF-8"), "E", "MSH-18", "102"),
        (ref(1).replace(b"MSH|^~", b"MSH|^^"), "E", "MSH-2", "102"),
        (ref(1) + b"NTE|1||x\r" * 600, "E", "MSH", "100"),
    ],
)
def test_what_is_not_taken_has_a_place_and_a_code(octets: bytes, kind: str, path: str, code: str) -> None:
    found = heard(octets)
    assert isinstance(found, Rejected)
    assert (found.kind, found.reason.path, found.code) == (kind, path, code)


def test_acknowledgments_are_not_acknowledged() -> None:
    assert heard(b"MSH|^~\\&|A|B|C|D|||ACK^I13|1|P|2.5\rMSA|AA|x\r") is None
    assert heard(ref(1).replace(b"REF^I12^REF_I12", b"RRI^I12^RRI_I12")) is None


def test_what_is_kept_beside_an_event_can_be_read_back_and_names_nobody() -> None:
    found = heard(ref(1))
    assert isinstance(found, Heard)
    about = about_of(found.about())
    assert about
    assert (about.number, about.patient, about.header) == ("JI-26-1^JEIL", "88001^^^JEIL^MR", found.header)
    assert "순자" not in found.about()
    assert about_of("register.csv/12") is None
