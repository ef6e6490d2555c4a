"""HAPI HL7v2, its default validation on, as the hospital: sends referrals in Korean, reads our answers and our RRI."""

from __future__ import annotations

import asyncio
import base64
import os
import subprocess
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from connectors.protocol import Change, Event, Receipt
from connectors.testing import Recording, free_port, staged
from hub.schemas.native.hl7 import Ref, read_ref
from tests.connectors import peers
from tests.connectors.hl7v2.hospital import Hospital, ref

HAPI = (
    "ca.uhn.hapi:hapi-base:2.6.0 8e91877df2d0d5a0bd3bb3b670f624fe060344fc74e618e24d80aa0e86b31259",
    "ca.uhn.hapi:hapi-structures-v25:2.6.0 9d4e2ce24cde00c848818fadfa51556af0529827ba57fd741019e661a0b50684",
    "org.slf4j:slf4j-api:2.0.16 a12578dde1ba00bd9b816d388a0b879928d00bab3c83c240f7013bf4196c579a",
    "org.slf4j:slf4j-nop:2.0.16 deca6c04ed35515a0a911fa44c0e836bee92c0c59d2e8fa9bab8ffbc464a9ba7",
)
#: The project's Java runs programs and has no compiler; Eclipse's is a jar.
COMPILER = ("org.eclipse.jdt:ecj:3.42.0 29f6d3918ee02db4400c103bc25dd90a22491c3a395867d9393070cb96a7dd29",)
SOURCE = Path(__file__).parent / "java" / "Peer.java"
REFERRAL = "4be0643f-1d98-8573-97cd-ca98a65347dd"


@pytest.fixture(scope="module")
def peer(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The command that starts the peer."""
    java, jars = str(peers.java()), os.pathsep.join(map(str, peers.maven_jars(HAPI, "hapi-hl7v2")))
    (compiler,) = peers.maven_jars(COMPILER, "ecj")
    classes = tmp_path_factory.mktemp("peer")
    command = [java, "-jar", str(compiler), "-17", "-proc:none", "-encoding", "UTF-8", "-cp", jars, "-d", str(classes)]
    subprocess.run([*command, str(SOURCE)], check=True, timeout=60)
    return [java, "-Xmx96m", "-cp", f"{classes}{os.pathsep}{jars}", "Peer"]


@asynccontextmanager
async def started(command: Sequence[str], *arguments: object) -> AsyncIterator[asyncio.StreamReader]:
    """The peer's words, a line each."""
    pipe = asyncio.subprocess.PIPE
    # It keeps the count of its message ids in the folder where it runs.
    words = [*command, *map(str, arguments)]
    process = await asyncio.create_subprocess_exec(*words, stdout=pipe, stderr=pipe, cwd=tempfile.gettempdir())
    assert process.stdout
    try:
        yield process.stdout
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def line(words: asyncio.StreamReader, seconds: float = 30) -> list[str]:
    async with asyncio.timeout(seconds):
        return (await words.readline()).decode().rstrip("\n").split("\t")


class Deaf(Hospital):
    """A hospital whose own listener is somebody else."""

    async def open(self) -> None:
        pass


@pytest.mark.parametrize(("charset", "codec"), [("UNICODE UTF-8", "utf-8"), ("KS X 1001", "cp949")])
async def test_hapi_sends_korean_referrals_and_accepts_the_rri(
    tmp_path: Path, peer: list[str], charset: str, codec: str
) -> None:
    events: list[Event] = []

    def read(event: Event) -> int:
        events.append(event)
        return len(events)

    hospital = Hospital(tmp_path)
    async with (
        staged(hospital, Recording(read)) as stage,
        started(peer, "send", hospital.port, charset, "-", 2) as words,
    ):
        for number in (1, 2):
            told = await line(words)
            assert told[:7] == ["RRI_I12", "AA", f"HAPI{number}-", "RRI_I12", charset, "P", f"HAPI-26-{number}"]
            assert "접수했습니다" in told[7]
        await stage.drained()
    found = [read_ref(base64.b64decode(event["data_base64"])) for event in events]
    assert len(found) == 2
    for held in found:
        assert isinstance(held, Ref)
        patient = held.first("PID")
        assert patient
        assert patient.field(5) == "박^순자"
    assert "박^순자".encode(codec) in base64.b64decode(events[0]["data_base64"])


async def test_hapi_reads_a_commit_accept_in_the_enhanced_mode(tmp_path: Path, peer: list[str]) -> None:
    """Without an application answer behind it: of two quick answers HAPI returns either."""
    hospital = Hospital(tmp_path)
    async with (
        staged(hospital, Recording(lambda _: 1)),
        started(peer, "send", hospital.port, "UNICODE UTF-8", "AL:NE", 1) as words,
    ):
        assert (await line(words))[:4] == ["ACK", "CA", "HAPI1AL:NE", "ACK"]


async def test_hapi_reads_why_a_message_was_refused(tmp_path: Path, peer: list[str]) -> None:
    hospital = Hospital(tmp_path)
    # HAPI itself would not write bytes that contradict MSH-18, but it does send a charset nobody here knows.
    async with staged(hospital), started(peer, "send", hospital.port, "8859/9", "-", 1) as words:
        told = await line(words)
    assert told[:3] == ["ACK", "AE", "HAPI1-"]
    assert told[8:10] == ["MSH", "103"]


@pytest.mark.parametrize(("charset", "codec"), [("UNICODE UTF-8", "utf-8"), ("KS X 1001", "cp949")])
async def test_hapi_takes_what_became_of_a_referral(tmp_path: Path, peer: list[str], charset: str, codec: str) -> None:
    hospital = Deaf(tmp_path)
    hospital.receiver.port = free_port()
    async with started(peer, "receive", hospital.receiver.port, 3) as words:
        assert await line(words) == ["listening"]
        async with staged(hospital, Recording(hospital.number)) as stage:
            assert (await hospital.feed(b"\x0b" + ref(7, codec) + b"\x1c\r")).taken
            recorded = await line(words)
            assert recorded[:2] == ["RRI_I12", "I13"]
            assert recorded[3:6] == [charset, "P", "JI-26-7"]
            assert recorded[9:11] == ["offered", "수락 요청"]
            about = stage.runner.spool.untold(1) or [Receipt("", "", "", about=_about(stage.runner.spool))]
            connector = stage.runner.connector
            state = {"id": REFERRAL, "state": "offered", "receiver": "public-health", "due": "2026-11-24T09:00:00.000Z"}
            await connector.tell([Receipt("a", "b", "recorded", 3, referrals=(state,), about=about[0].about)])
            told = await line(words)
            assert told[6:8] == [REFERRAL, "88007"]
            note = f"이음번호 {REFERRAL}, 상태 수락 요청, 담당기관 public-health, 다음 기한 2026-11-24 18:00"
            assert told[8] == note
            facts = {"referral": REFERRAL, "by": "public-health", "from": "offered", "to": "accepted", "reason": ""}
            await connector.follow([Change(9, "referral.changed", "2026-11-23T01:00:00.000Z", facts)])
            told = await line(words)
            assert told[4] == "A"
            assert told[9:11] == ["accepted", "수락"]


def _about(spool: object) -> str:
    """What the spool keeps beside the one event it has had."""
    receipts = spool._receipts("told = 1", ())  # type: ignore[attr-defined]
    return str(receipts[0].about)
