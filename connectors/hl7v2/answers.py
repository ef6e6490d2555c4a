"""Answers as HL7 v2: ACK and RRI in the partner's separators and charset. Owns their segments; decides nothing.

An answer to a message repeats its control id in MSA-2. What comes later is a message of its own and carries no MSA:
receivers take a message with MSA for the answer to something they just sent, and drop it when they sent nothing.
ZIU tells 이음번호, state, receiver and deadline as fields; NTE says the same in Korean.
Source: HL7 v2.5 chapters 2 and 11, tables 0008, 0283, 0357.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any, Final

import msgspec

from connectors.hl7v2.messages import REPEATED, About, Header, Heard, Rejected, code_of
from connectors.standing import KOREAN

KOREA: Final = timezone(timedelta(hours=9))
#: State → table 0283 and Korean. Pending while somebody is asked; a duplicate waits for the referral it points to.
STATES: Final = {
    "recorded": ("P", "접수"),
    "taken": ("P", "시에 전달됨"),
    "received": ("P", KOREAN["received"]),
    "duplicate": ("P", KOREAN["duplicate"]),
    "offered": ("P", KOREAN["offered"]),
    "expired": ("P", "회신기한 경과(다음 기관에 요청)"),
    "unplaced": ("P", KOREAN["unplaced"]),
    "declined": ("P", KOREAN["declined"]),
    "failed": ("P", KOREAN["failed"]),
    "accepted": ("A", KOREAN["accepted"]),
    "in_service": ("A", KOREAN["in_service"]),
    "on_hold": ("A", KOREAN["on_hold"]),
    "delivered": ("A", KOREAN["delivered"]),
    "closed": ("A", KOREAN["closed"]),
    "withdrawn": ("E", KOREAN["withdrawn"]),
    "refused": ("R", "거절"),
}
_STATUS: Final = {"P": "Pending", "A": "Accepted", "R": "Rejected", "E": "Expired"}
_CONDITIONS: Final = {
    "100": "Segment sequence error",
    "101": "Required field missing",
    "102": "Data type error",
    "103": "Table value not found",
    "200": "Unsupported message type",
    "201": "Unsupported event code",
    "207": "Application internal error",
}
RETRY: Final = "The store is full; send the same message again later."
RETRY_KO: Final = "저장 공간이 찼습니다. 같은 메시지를 나중에 다시 보내 주십시오."


class News(msgspec.Struct, frozen=True):
    """What there is to tell of one referral. due: RFC 3339; same: of a duplicate, the referral it repeats."""

    state: str
    referral: str = ""
    receiver: str = ""
    due: str = ""
    need: str = ""
    reason: str = ""
    same: str = ""
    position: int = 0
    reasons: tuple[dict[str, Any], ...] = ()

    @property
    def trigger(self) -> str:
        """The event of MSH-9: I13 (changed), or I14 (ended without service)."""
        return "I14" if self.state in {"withdrawn", "refused"} else "I13"


class Writer:
    """Writes in the separators and charset of one header. now: RFC 3339; control: MSH-10 of what is written."""

    def __init__(self, header: Header, now: str, control: str) -> None:
        self._header, self._now, self._control = header, now, control
        self._field, self._component = header.marks[0], header.marks[1]
        self._korean = header.codec in {"utf-8", "cp949"}

    # ------------------------------------------------------------- answers to a message
    def committed(self) -> bytes:
        """CA: the message is safe (enhanced mode)."""
        return self._message(self._head("ACK", self._header.event, "ACK", answer=True), self._msa("CA"))

    def acknowledged(self) -> bytes:
        """A plain AA, for engines that read no RRI."""
        return self._message(self._head("ACK", self._header.event, "ACK", answer=True), self._msa("AA"))

    def pending(self, heard: Heard) -> bytes:
        """RRI with the message's own trigger: taken, pending."""
        two, three, six, seven = heard.request
        return self._message(
            self._head("RRI", self._header.event, "RRI_I12", answer=True),
            self._msa("AA"),
            self._segment("RF1", self._coded("P", _STATUS["P"], "HL70283"), two, three, "", "", six, seven),
            *(heard.providers or (self._provider(""),)),
            self._patient(heard.patient),
            self._note(
                "접수했습니다. 이음번호와 처리 결과는 따로 알려 드립니다.", "Taken; what becomes of it follows."
            ),
        )

    def rejected(self, found: Rejected, *, accept: bool) -> bytes:
        """AE or AR (CE or CR in enhanced mode) with the place and the reason."""
        path, text = found.reason.path, found.reason.text
        if found.reason.allowed:
            text = f"{text} ({', '.join(found.reason.allowed)})"
        msa = self._msa(("C" if accept else "A") + found.kind, text)
        head = self._head("ACK", self._header.event, "ACK", answer=True)
        return self._message(head, msa, self._error(path, found.code, found.reason.code, text))

    def later(self, *, accept: bool) -> bytes:
        """AR (CR): nothing is wrong with the message, there is no room for it now."""
        head = self._head("ACK", self._header.event, "ACK", answer=True)
        text = RETRY_KO if self._korean else RETRY
        return self._message(head, self._msa("CR" if accept else "AR", RETRY), self._error("MSH", "207", "full", text))

    # ------------------------------------------------------------- messages of our own
    def news(self, about: About, news: News) -> bytes:
        """RRI of its own about a referral."""
        status, _ = STATES.get(news.state, ("P", news.state))
        return self._message(
            self._head("RRI", news.trigger, "RRI_I12", answer=False),
            *(self._error(r.get("path", ""), code_of(r.get("code", "")), r.get("code", ""), r.get("text", ""))
              for r in news.reasons[:20]),
            self._segment(
                "RF1", self._coded(status, _STATUS[status], "HL70283"), "", "", "", "", about.number,
                "", "", "", "", self._plain(news.referral),
            ),
            self._provider(news.receiver),
            self._patient(about.patient),
            self._note(self._said(news), self._said_plainly(news)),
            self._ziu(about, news),
        )  # fmt: skip

    def _ziu(self, about: About, news: News) -> str:
        word = STATES.get(news.state, ("", news.state))[1] if self._korean else news.state
        fields = (news.referral, news.state, word, news.receiver, _stamp(news.due), news.need, news.reason)
        position = str(news.position or "")
        return self._segment(
            "ZIU", *(self._plain(text) for text in fields), about.header.control, position, self._plain(news.same)
        )

    def _said(self, news: News) -> str:
        """State, receiver and deadline in a sentence's words."""
        parts = [f"상태 {STATES.get(news.state, ('', news.state))[1]}"]
        if news.referral:
            parts.insert(0, f"이음번호 {news.referral}")
        if news.receiver:
            parts.append(f"담당기관 {news.receiver}")
        if news.due:
            parts.append(f"다음 기한 {_moment(news.due).strftime('%Y-%m-%d %H:%M')}")
        if news.same:
            parts.append(f"같은 의뢰 {news.same}")
        if news.reason:
            parts.append(f"사유 {news.reason}")
        parts += [f"{r.get('path', '')}: {r.get('text', '')}" for r in news.reasons[:5]]
        return ", ".join(parts)

    def _said_plainly(self, news: News) -> str:
        return ", ".join(part for part in (news.referral, news.state, news.receiver, _stamp(news.due)) if part)

    # ------------------------------------------------------------- segments
    def _head(self, kind: str, trigger: str, structure: str, *, answer: bool) -> str:
        """MSH, the parties having changed sides. An answer in the enhanced mode asks for no answer itself."""
        header = self._header
        wanted = ("NE", "NE") if answer and header.enhanced else ("", "")
        type_ = self._component.join(part for part in (kind, trigger, structure if trigger else "") if part)
        return self._segment(
            "MSH" + self._field + header.marks[1:],
            *header.receiver, *header.sender, _stamp(self._now), "", type_, self._control, header.processing,
            header.version, "", "", *wanted, "KOR", header.charset,
        )  # fmt: skip

    def _msa(self, code: str, text: str = "") -> str:
        return self._segment("MSA", code, self._header.control, self._plain(text)[:80])

    def _error(self, path: str, code: str, own: str, text: str) -> str:
        """ERR: place as segment^sequence^field, table 0357, our own code, and the reason for a person to read."""
        segment, _, field = path.partition("-")
        place = self._component.join((self._plain(segment)[:3], "1", field)) if field.isdigit() else self._plain(path)
        return self._segment(
            "ERR", "", place[:80], self._coded(code, _CONDITIONS[code], "HL70357"), "E",
            self._coded(own, "", "99IEUM"), "", "", self._plain(text)[:REPEATED],
        )  # fmt: skip

    def _provider(self, receiver: str) -> str:
        return self._segment(
            "PRD", self._coded("RT", "Referred to Provider", "HL70286"), *[""] * 5, self._plain(receiver)
        )

    def _patient(self, ids: str) -> str:
        """Only the partner's own record number; a name of type U (unspecified), as PID-5 must be there."""
        return self._segment("PID", "1", "", ids, "", self._component * 6 + "U")

    def _note(self, korean: str, plain: str) -> str:
        return self._segment("NTE", "1", "L", self._plain(korean if self._korean else plain))

    def _coded(self, code: str, text: str, table: str) -> str:
        return self._component.join((self._plain(code), text, table))

    def _segment(self, *fields: str) -> str:
        return self._field.join(fields).rstrip(self._field)

    def _plain(self, text: str) -> str:
        """A text of ours with the partner's separators escaped; left out where it declares no escape character."""
        marks = self._header.marks
        letters = dict(zip(marks, "FSRET", strict=False))
        escape = marks[3]
        return "".join(f"{escape}{letters[c]}{escape}" if c in letters else c for c in text.replace("\r", " "))

    def _message(self, *segments: str) -> bytes:
        text = "".join(segment.replace("\n", " ") + "\r" for segment in segments)
        return text.encode(self._header.codec, "replace")


def _moment(instant: str) -> datetime:
    return datetime.fromisoformat(instant).astimezone(KOREA)


def _stamp(instant: str) -> str:
    """RFC 3339 as HL7 writes it, in Korean time; '' for none."""
    return _moment(instant).strftime("%Y%m%d%H%M%S%z") if instant else ""
