"""Which addresses webhooks may go to, and that a name cannot change its meaning between the check and the call."""

from __future__ import annotations

import socket
from datetime import UTC, datetime
from ipaddress import ip_address
from typing import Any

import pytest

from hub.core.notices import DELAYS_S, Answer, judge
from hub.errors import Usage
from hub.producers.egress import Egress, ForbiddenError, Rules, is_public, resolve, retry_after
from tests.flow.receiver import Receiver, Reply

NOW = datetime(2026, 11, 22, 3, 0, 0, tzinfo=UTC)
RULES = Rules("443,8443")
HERE = Rules("1-65535", "127.0.0.0/8")


@pytest.mark.parametrize(
    "address",
    [
        "10.0.0.1", "172.16.0.1", "192.168.1.1", "127.0.0.1", "127.8.9.1", "0.0.0.1", "255.255.255.255", "224.0.0.1",
        "169.254.169.254", "100.64.0.1", "100.100.100.200", "168.63.129.16", "192.0.0.192", "192.0.2.1", "198.18.0.1",
        "192.88.99.1", "240.0.0.1", "::", "::1", "fe80::1", "fc00::1", "fd00:ec2::254", "fec0::1", "ff02::1", "ff0e::1",
        "::ffff:8.8.8.8", "::ffff:10.0.0.1", "::8.8.8.8", "64:ff9b::a00:1", "64:ff9b::808:808", "64:ff9b:1::1",
        "2002:a00:1::1", "2001::1", "2001:db8::1", "100::1", "5f00::1",
    ],
)  # fmt: skip
def test_what_is_not_the_public_internet_is_refused(address: str) -> None:
    assert not is_public(ip_address(address))
    with pytest.raises(ForbiddenError):
        RULES.check(ip_address(address), encrypted=True)


@pytest.mark.parametrize("address", ["8.8.8.8", "210.90.1.1", "2606:4700::1111", "2001:4860:4860::8888"])
def test_public_addresses_may_be_called(address: str) -> None:
    RULES.check(ip_address(address), encrypted=True)


def test_a_network_the_operator_trusts_may_be_called_and_only_over_tls() -> None:
    rules = Rules("443", "10.20.0.0/16")
    rules.check(ip_address("10.20.1.1"), encrypted=True)
    with pytest.raises(ForbiddenError):
        rules.check(ip_address("10.20.1.1"), encrypted=False)
    with pytest.raises(ForbiddenError):
        rules.check(ip_address("10.21.1.1"), encrypted=True)


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://example.kr/", "https://"),
        ("ftp://example.kr/", "no address"),
        ("https:///path", "no address"),
        ("https://example.kr:22/", "port 22"),
        ("https://example.kr:99999/", "no address"),
        ("https://user:pass@example.kr/", "no user"),
        ("https://example.kr/#x", "no fragment"),
        ("https://한글.kr/", "xn--"),
        ("https://example.kr/a b", "no address"),
        ("https://example.kr/\n", "no address"),
        ("https://example.kr/" + "x" * 2000, "no address"),
    ],
)
def test_an_address_that_cannot_be_is_refused_when_it_is_typed(url: str, why: str) -> None:
    with pytest.raises(Usage, match=why):
        RULES.url(url)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "[::1]", "[::ffff:127.0.0.1]"])
async def test_every_spelling_of_this_machine_is_refused(host: str) -> None:
    with pytest.raises(ForbiddenError):
        await resolve(host.strip("[]"), 443, RULES, encrypted=True)


def answers(*addresses: str) -> Any:
    """A resolver that gives these."""

    def getaddrinfo(host: str, port: int, **_: object) -> list[Any]:
        del host
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses]

    return getaddrinfo


async def test_one_private_address_among_public_ones_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", answers("8.8.8.8", "10.0.0.1"))
    with pytest.raises(ForbiddenError):
        await resolve("rebind.example", 443, RULES, encrypted=True)


async def test_the_connection_goes_to_what_was_checked_whatever_the_name_means_then(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with Receiver() as receiver:
        asked: list[str] = []

        def getaddrinfo(host: str, port: int, **more: object) -> list[Any]:
            """The checked answer first; whoever asks again is led elsewhere."""
            asked.append(host)
            return answers("127.0.0.1" if len(asked) == 1 else "192.0.2.1")(host, port, **more)  # type: ignore[no-any-return]

        monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
        way = Egress(HERE, timeout_s=3)
        answer = await way.post(f"http://rebind.example:{receiver.port}/", {}, b"{}", NOW)
        await way.close()
    assert (answer.status, answer.error, asked) == (204, "", ["rebind.example"])
    assert receiver.calls[0].headers["host"] == f"rebind.example:{receiver.port}"


async def test_a_redirect_is_an_answer_and_nothing_more() -> None:
    with Receiver() as receiver, Receiver() as elsewhere:
        receiver.replies = [Reply(307, (("Location", elsewhere.url),))]
        way = Egress(HERE, timeout_s=3)
        answer = await way.post(receiver.url, {}, b"{}", NOW)
        await way.close()
    assert (answer.status, elsewhere.calls) == (307, [])


async def test_an_endless_answer_is_read_to_a_bound() -> None:
    with Receiver() as receiver:
        receiver.replies = [Reply(200, length=500_000_000)]
        way = Egress(HERE, timeout_s=10)
        answer = await way.post(receiver.url, {}, b"{}", NOW)
        await way.close()
    assert answer.status == 200
    assert answer.ms < 2000


async def test_a_date_that_no_calendar_holds_is_an_answer_like_any_other() -> None:
    """Whoever answers has chosen the words: none of them may end the process that tells everybody else."""
    with Receiver() as receiver:
        receiver.replies = [Reply(503, (("Retry-After", "Sun, 22 Nov 2026 03:00:00 -9999999999999"),))]
        way = Egress(HERE, timeout_s=3)
        answer = await way.post(receiver.url, {}, b"{}", NOW)
        await way.close()
    assert (answer.status, answer.wait_s, answer.error) == (503, 0, "")


async def test_nobody_listening_is_told_as_that() -> None:
    with socket.create_server(("127.0.0.1", 0)) as held:
        port = held.getsockname()[1]
    way = Egress(HERE, timeout_s=3)
    answer = await way.post(f"http://127.0.0.1:{port}/", {}, b"{}", NOW)
    await way.close()
    assert (answer.status, answer.error) == (0, "it cannot be reached")


@pytest.mark.parametrize(
    ("given", "seconds"),
    [
        ("120", 120), ("0", 0), ("", 0), ("soon", 0), ("-5", 0), ("٣", 0), ("9" * 40, 999999999),
        ("Sun, 22 Nov 2026 03:02:00 GMT", 120), ("Sun, 22 Nov 2026 02:00:00 GMT", 0),
        ("Sun, 22 Nov 99999999999999999999 03:00:00 GMT", 0), ("Sun, 22 Nov 2026 03:00:00 -9999999999999", 0),
    ],
)  # fmt: skip
def test_retry_after_is_seconds_or_a_date(given: str, seconds: float) -> None:
    assert retry_after(given, NOW) == seconds


@pytest.mark.parametrize(
    ("answer", "attempt", "outcome", "wait_s"),
    [
        (Answer(200, 1), 0, "delivered", 0),
        (Answer(299, 1), 9, "delivered", 0),
        (Answer(301, 1), 0, "failed", 5),
        (Answer(500, 1, 900), 0, "failed", 5),
        (Answer(429, 1, 900), 0, "failed", 900),
        (Answer(503, 1, 1), 1, "failed", 300),
        (Answer(503, 1, 1e9), 0, "failed", 86_400),
        (Answer(0, 1, 0, "it cannot be reached"), 8, "failed", 86_400),
        (Answer(0, 1, 0, "it cannot be reached"), 9, "disabled", 0),
        (Answer(410, 1), 0, "disabled", 0),
    ],
)
def test_what_follows_from_an_answer(answer: Answer, attempt: int, outcome: str, wait_s: float) -> None:
    found = judge(answer, attempt)
    assert (found.outcome, found.wait_s) == (outcome, wait_s)


def test_ten_attempts_take_three_days() -> None:
    assert len(DELAYS_S) == 10
    assert sum(DELAYS_S) / 3600 == pytest.approx(75.6, abs=0.1)


@pytest.mark.parametrize("text", ["x", "443,abc", "-"])
def test_a_port_that_is_none_is_a_usage_error(text: str) -> None:
    with pytest.raises(Usage, match="no port"):
        Rules(text)


def test_a_network_that_is_none_is_a_usage_error() -> None:
    with pytest.raises(Usage, match="no network"):
        Rules("443", "10.0.0.0/33")
