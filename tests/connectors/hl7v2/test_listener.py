"""The listener on a real port: order, commit before acknowledgment, bounds; the `hl7` package's client as partner."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import hl7
import pytest
from hl7.mllp import open_hl7_connection
from structlog.testing import capture_logs

from connectors.hl7v2 import Hl7v2Connector
from connectors.hl7v2.config import Hl7v2Config
from connectors.hl7v2.mllp import framed
from connectors.hl7v2.partner import acknowledgment
from connectors.protocol import Event, Full, Take
from connectors.testing import free_port
from hub.errors import Usage
from tests.connectors.certificates import certificate
from tests.connectors.hl7v2.hospital import ORIGIN, Client, ref, segments


class Taken:
    """`Take` that remembers, and can be full or slow."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.calls: list[int] = []
        self.bound = 1_000_000
        self.open = asyncio.Event()
        self.open.set()

    async def __call__(self, events: Sequence[Event], *, about: Sequence[str] = (), mark: str | None = None) -> int:
        assert len(about) == len(events)
        assert mark is None
        await self.open.wait()
        if len(self.events) + len(events) > self.bound:
            raise Full("full")
        self.events += events
        self.calls.append(len(events))
        return len(events)


@asynccontextmanager
async def listening(take: Take, **config: Any) -> AsyncIterator[int]:
    """Its port, once it listens."""
    port = free_port()
    connector = Hl7v2Connector(Hl7v2Config(port=port, **config), ORIGIN)
    task = asyncio.create_task(connector.run(take))
    for _ in range(200):
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.close()
            break
        except OSError:
            await asyncio.sleep(0.01)
    try:
        yield port
    finally:
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


async def code(client: Client, message: bytes) -> str:
    return acknowledgment(await client.ask(message))[0]


@pytest.mark.parametrize("codec", ["utf-8", "cp949"])
async def test_the_hl7_packages_client_is_answered(codec: str) -> None:
    taken = Taken()
    async with listening(taken) as port:
        reader, writer = await open_hl7_connection("127.0.0.1", port, encoding=codec)
        for number in range(3):
            writer.writemessage(hl7.parse(ref(number, codec).decode(codec)))
            await writer.drain()
            answer = await reader.readmessage()
            assert str(answer.segment("MSH")[9]) == "RRI^I12^RRI_I12"
            assert str(answer.segment("MSA")[1]) == "AA"
            assert str(answer.segment("MSA")[2]) == f"JI{number:07}"
            assert "접수했습니다" in str(answer.segment("NTE")[3])
        writer.close()
        await writer.wait_closed()
    assert len(taken.events) == 3


async def test_pipelined_messages_are_taken_together_and_answered_in_order() -> None:
    taken = Taken()
    async with listening(taken) as port:
        client = await Client.to(port)
        bad = ref(3).replace(b"KS X 1001", b"UTF-8")
        await client.send(b"".join(map(framed, [ref(1), ref(2), bad, ref(4)])))
        told = [acknowledgment(await client.answer()) for _ in range(4)]
        client.close()
    assert told == [("AA", "JI0000001"), ("AA", "JI0000002"), ("AE", "JI0000003"), ("AA", "JI0000004")]
    assert taken.calls == [3]


async def test_nothing_is_acknowledged_before_it_is_safe() -> None:
    taken = Taken()
    taken.open.clear()
    async with listening(taken) as port:
        client = await Client.to(port)
        await client.send(framed(ref(1)))
        with pytest.raises(TimeoutError):
            await client.answer(0.3)
        taken.open.set()
        assert acknowledgment(await client.answer()) == ("AA", "JI0000001")
        client.close()


async def test_at_the_bound_a_message_is_refused_for_now_and_the_connection_stays() -> None:
    taken = Taken()
    taken.bound = 2
    async with listening(taken) as port:
        client = await Client.to(port)
        await client.send(b"".join(framed(ref(n)) for n in range(4)))
        answers = [await client.answer() for _ in range(4)]
        assert [acknowledgment(a)[0] for a in answers] == ["AA", "AA", "AR", "AR"]
        assert "나중에 다시" in segments(answers[3])["ERR"][8]
        taken.bound = 10
        assert await code(client, ref(3)) == "AA"
        client.close()


async def test_a_message_may_come_octet_by_octet() -> None:
    async with listening(Taken()) as port:
        client = await Client.to(port)
        for octet in framed(ref(1)):
            await client.send(bytes((octet,)))
        assert acknowledgment(await client.answer())[0] == "AA"
        client.close()


async def test_garbage_is_logged_without_content_and_the_next_message_passes() -> None:
    async with listening(Taken()) as port:
        with capture_logs() as logged:
            client = await Client.to(port)
            await client.send("박순자 GET / HTTP/1.1\r\n\r\n".encode())
            assert await code(client, ref(1)) == "AA"
            client.close()
    assert sum(entry["octets"] for entry in logged if entry["event"] == "mllp_garbage") > 0
    assert "순자" not in str(logged)


async def test_an_oversized_frame_is_refused_and_the_next_passes() -> None:
    async with listening(Taken(), message_bytes=4096) as port:
        client = await Client.to(port)
        answer = await client.ask(ref(1) + b"NTE|2||" + b"x" * 9000 + b"\r")
        assert acknowledgment(answer) == ("AE", "JI0000001")
        assert segments(answer)["ERR"][3].startswith("207^")
        assert await code(client, ref(2)) == "AA"
        client.close()


async def test_a_frame_without_end_is_refused_and_hung_up_on() -> None:
    async with listening(Taken(), message_bytes=4096) as port:
        client = await Client.to(port)
        with pytest.raises((EOFError, ConnectionError)):  # noqa: PT012 - where it ends is a matter of buffers
            await client.send(b"\x0b" + ref(1))
            answered = False
            for _ in range(10_000):
                await client.send(b"x" * 1000)
                if not answered and client.reader._buffer:  # type: ignore[attr-defined]
                    assert acknowledgment(await client.answer()) == ("AE", "JI0000001")
                    answered = True
        again = await Client.to(port)
        assert await code(again, ref(2)) == "AA"
        again.close()
        client.close()


async def test_who_sends_a_frame_too_slowly_is_hung_up_on_and_others_are_served() -> None:
    async with listening(Taken(), frame_s=0.4, idle_s=30) as port:
        slow, other = await Client.to(port), await Client.to(port)

        async def dribble() -> None:
            for octet in framed(ref(1)):
                await slow.send(bytes((octet,)))
                await asyncio.sleep(0.02)

        dribbling = asyncio.create_task(dribble())
        assert await code(other, ref(2)) == "AA"
        with pytest.raises((EOFError, ConnectionError)):
            await slow.answer(5)
        dribbling.cancel()
        assert await code(other, ref(3)) == "AA"
        for client in (slow, other):
            client.close()


async def test_a_busy_connection_lives_longer_than_one_frame_may_take() -> None:
    """Pipelined chunks end inside a frame nearly always: that must not count as one slow frame."""
    async with listening(Taken(), frame_s=0.3) as port:
        client = await Client.to(port)
        stream = framed(ref(1)) * 40
        await client.send(stream[:100])
        for at in range(100, len(stream), 500):
            await client.send(stream[at : at + 500])
            await asyncio.sleep(0.02)
        assert [acknowledgment(await client.answer())[0] for _ in range(40)] == ["AA"] * 40
        client.close()


async def test_a_silent_connection_is_closed_in_the_end() -> None:
    async with listening(Taken(), idle_s=0.2) as port:
        client = await Client.to(port)
        with pytest.raises(EOFError):
            await client.answer(5)
        client.close()


async def test_connections_beyond_the_bound_are_closed_at_once() -> None:
    async with listening(Taken(), connections=2) as port:
        await asyncio.sleep(0.05)  # the probe's connection is gone
        clients = [await Client.to(port) for _ in range(2)]
        for client in clients:
            assert await code(client, ref(1)) == "AA"
        third = await Client.to(port)
        with pytest.raises((EOFError, ConnectionError)):
            await third.ask(ref(2))
        clients[0].close()
        await asyncio.sleep(0.05)
        fourth = await Client.to(port)
        assert await code(fourth, ref(3)) == "AA"
        for client in (clients[1], third, fourth):
            client.close()


async def test_a_port_in_use_is_said_plainly() -> None:
    async with listening(Taken()) as port:
        with pytest.raises(Usage, match="cannot be listened at"):
            await Hl7v2Connector(Hl7v2Config(port=port), ORIGIN).run(Taken())


async def test_with_a_certificate_the_listener_speaks_tls_alone(tmp_path: Path) -> None:
    pem, secret = certificate(tmp_path)
    context = ssl.create_default_context(cafile=pem)
    async with listening(Taken(), certificate_file=pem, key_file=secret) as port:
        streams = await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname="localhost")
        client, plain = Client(*streams), await Client.to(port)
        assert await code(client, ref(1)) == "AA"
        with pytest.raises((EOFError, ConnectionError)):
            await plain.ask(ref(2))
        client.close()
        plain.close()


async def test_with_a_client_ca_strangers_are_not_served(tmp_path: Path) -> None:
    pem, secret = certificate(tmp_path)
    stranger, known = ssl.create_default_context(cafile=pem), ssl.create_default_context(cafile=pem)
    known.load_cert_chain(pem, secret)
    taken = Taken()
    async with listening(taken, certificate_file=pem, key_file=secret, client_ca_file=pem) as port:
        for context, served in ((stranger, False), (known, True)):
            try:
                streams = await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname="localhost")
                client = Client(*streams)
                assert await code(client, ref(1)) == "AA"
                client.close()
                assert served
            except (EOFError, OSError):
                assert not served
    assert len(taken.events) == 1
