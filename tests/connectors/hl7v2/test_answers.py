"""Answers as the partner reads them: separators, charset, codes, Korean text."""

from __future__ import annotations

import pytest

from connectors.hl7v2 import acknowledging
from connectors.hl7v2.answers import STATES, News, Writer
from connectors.hl7v2.messages import About, Header, Heard, Rejected, about_of, header_of, hear
from connectors.hl7v2.mllp import Frame
from connectors.hl7v2.partner import acknowledgment
from connectors.standing import KOREAN
from hub.core.lifecycle import CHANGES
from tests.connectors.hl7v2.hospital import NOW, ORIGIN, ref, segments


def hear_of(octets: bytes) -> Heard | Rejected:
    found = hear(Frame(octets, len(octets)), 65_536, "UNICODE UTF-8")
    assert found is not None
    return found


def codes(octets: bytes, *, rri: bool = True) -> list[tuple[str, str]]:
    found = hear_of(octets)
    if isinstance(found, Rejected):
        answers = acknowledging.rejected(found, ORIGIN)
    else:
        answers = acknowledging.taken(found, ORIGIN, rri=rri)
    return [(a.split(b"|")[8].split(b"^")[0].decode(), acknowledgment(a)[0]) for a in answers]


def with_modes(accept: str, application: str, octets: bytes | None = None) -> bytes:
    return (octets or ref(1)).replace(b"|2.5|||||KOR", f"|2.5|||{accept}|{application}|KOR".encode())


@pytest.mark.parametrize(
    ("accept", "application", "good", "bad"),
    [
        ("", "", [("RRI", "AA")], [("ACK", "AE")]),
        ("AL", "AL", [("ACK", "CA"), ("RRI", "AA")], [("ACK", "CE")]),
        ("AL", "NE", [("ACK", "CA")], [("ACK", "CE")]),
        ("NE", "AL", [("RRI", "AA")], [("ACK", "AE")]),
        ("ER", "ER", [], [("ACK", "CE")]),
        ("SU", "SU", [("ACK", "CA"), ("RRI", "AA")], []),
        ("NE", "NE", [], []),
    ],
)
def test_each_mode_has_its_answers(
    accept: str, application: str, good: list[tuple[str, str]], bad: list[tuple[str, str]]
) -> None:
    assert codes(with_modes(accept, application)) == good
    assert codes(with_modes(accept, application, ref(1).replace(b"KS X 1001", b"UTF-8"))) == bad


def test_an_engine_that_reads_no_rri_gets_an_ack() -> None:
    assert codes(ref(1), rri=False) == [("ACK", "AA")]


def test_the_rri_repeats_what_the_engine_knows_the_referral_by() -> None:
    found = hear_of(ref(7))
    assert isinstance(found, Heard)
    (answer,) = acknowledging.taken(found, ORIGIN, rri=True)
    told = segments(answer)
    assert told["MSH"][3:7] == ["IEUM", "CITY", "HIS", "JEIL"]
    assert told["MSH"][9] == "RRI^I12^RRI_I12"
    assert told["MSH"][18] == "KS X 1001"
    assert told["MSA"] == ["MSA", "AA", "JI0000007"]
    assert told["RF1"][1] == "P^Pending^HL70283"
    assert told["RF1"][6] == "JI-26-7^JEIL"
    assert told["PRD"][2] == "김^민호"
    assert told["PID"][3] == "88007^^^JEIL^MR"
    assert "순자" not in answer.decode("cp949")


def test_a_refusal_says_where_and_why() -> None:
    (answer,) = acknowledging.rejected(hear_of(ref(1).replace(b"KS X 1001", b"BIG5")), ORIGIN)  # type: ignore[arg-type]
    told = segments(answer)
    assert told["MSA"][1:3] == ["AE", "JI0000001"]
    assert told["ERR"][2] == "MSH^1^18"
    assert told["ERR"][3] == "103^Table value not found^HL70357"
    assert told["ERR"][5].startswith("unknown_charset^")
    assert "KS X 1001" in told["ERR"][8]


def news(state: str, header: Header, **more: object) -> dict[str, list[str]]:
    about = About(header, "JI-26-1^JEIL", "88001")
    octets = Writer(header, NOW, "c1").news(about, News(state, "4be0", **more))  # type: ignore[arg-type]
    return segments(octets, header.codec)


HEADER = header_of(ref(1))


@pytest.mark.parametrize("state", sorted({c.to for c in CHANGES.values()} | {"received", "offered", "duplicate"}))
def test_every_state_of_a_referral_has_a_status_and_a_word(state: str) -> None:
    status, word = STATES[state]
    told = news(state, HEADER)
    assert told["RF1"][1].startswith(f"{status}^")
    assert told["ZIU"][1:4] == ["4be0", state, word]
    assert "MSA" not in told, "a message with MSA is dropped as an answer to nothing"


def test_the_words_are_those_of_other_connectors() -> None:
    assert {state: word for state, (_, word) in STATES.items() if state in KOREAN} == KOREAN


def test_a_deadline_is_told_in_korean_time() -> None:
    told = news("offered", HEADER, receiver="lh", due="2026-11-24T09:00:00.000Z")
    assert told["ZIU"][4:6] == ["lh", "20261124180000+0900"]
    assert "다음 기한 2026-11-24 18:00" in told["NTE"][3]
    assert told["PRD"][7] == "lh"
    assert told["RF1"][11] == "4be0"


def test_a_refusal_by_the_hub_ends_the_referral_with_its_reasons() -> None:
    reasons = ({"path": "RF1-3", "code": "unknown_need", "text": "The code x|y is not in the mapping."},)
    told = news("refused", HEADER, reasons=reasons)
    assert told["MSH"][9] == "RRI^I14^RRI_I12"
    assert told["ERR"][2:4] == ["RF1^1^3", "103^Table value not found^HL70357"]
    assert told["ERR"][8] == "The code x\\F\\y is not in the mapping."
    assert told["RF1"][1] == "R^Rejected^HL70283"


def test_an_engine_with_other_separators_is_answered_in_them() -> None:
    octets = ref(1).replace(b"^", b"#").replace(b"|", b"!")
    found = hear_of(octets)
    assert isinstance(found, Heard)
    (answer,) = acknowledging.taken(found, ORIGIN, rri=True)
    assert answer.startswith(b"MSH!#~\\&!IEUM!CITY!HIS!JEIL!")
    assert b"!RRI#I12#RRI_I12!" in answer


def test_an_engine_without_korean_letters_is_answered_in_codes() -> None:
    header = header_of(b"MSH|^~\\&|A|B|C|D|||REF^I12|1|P|2.5||||||ASCII\r")
    told = news("accepted", header, receiver="lh")
    assert told["NTE"][3] == "4be0, accepted, lh"
    assert told["ZIU"][3] == "accepted"


def test_what_the_spool_gives_back_addresses_an_answer() -> None:
    found = hear_of(ref(1))
    assert isinstance(found, Heard)
    about = about_of(found.about())
    assert about
    assert about.header == found.header
