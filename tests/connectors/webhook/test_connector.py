"""Checks, TLS, and the way back: receipts and changes as signed calls that the published library verifies."""

from __future__ import annotations

import asyncio
import base64
import ssl
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import ValidationError
from standardwebhooks import Webhook

from connectors.protocol import Change, Origin, Receipt
from connectors.testing import free_port
from connectors.webhook import WebhookConnector
from connectors.webhook.config import WebhookConfig
from connectors.webhook.signing import Ring, Stamp
from hub.errors import Usage
from tests.connectors.certificates import certificate
from tests.connectors.webhook.office import (
    AT,
    CALLBACK,
    NOW,
    ORIGIN,
    PATH,
    SECRET,
    Desk,
    Taken,
    dumped,
    listening,
    support,
)
from tests.connectors.webhook.office import signed as by_library

RECEIPT = Receipt(
    "e" * 32,
    "//agency/prosecutors/webhook",
    "recorded",
    7,
    referrals=({"id": "R-1", "number": "2026-VS-0077", "need": "legal_advice", "state": "offered", "due": NOW},),
    about="msg_1",
)


async def nap(seconds: float) -> None:
    del seconds
    await asyncio.sleep(0.001)


def calling(desk: Desk, **more: Any) -> WebhookConnector:
    """A connector that calls this desk, now."""
    given = {"callback_url": desk.url, "callback_secret": CALLBACK, "callback_insecure": True, "secrets": SECRET}
    origin = Origin("prosecutors", "webhook", b"k" * 32, lambda: datetime.now(UTC).isoformat())
    return WebhookConnector(WebhookConfig.model_validate(given | more), origin, sleep=nap)


@pytest.fixture
async def desk() -> Any:
    held = Desk()
    await held.start()
    yield held
    await held.stop()


async def test_a_receipt_is_a_thin_call_that_the_published_library_verifies(desk: Desk) -> None:
    await calling(desk).tell([RECEIPT])
    ((headers, body),) = desk.calls
    data = Webhook(CALLBACK).verify(body, headers)["data"]
    assert data["call"] == "msg_1"
    assert data["status"] == "recorded"
    assert data["referrals"] == [{"id": "R-1", "state": "offered", "due": NOW}]
    assert b"legal_advice" not in body, "what it is about is asked of the hub"
    assert b"VS-0077" not in body


async def test_a_refusal_says_where_and_why(desk: Desk) -> None:
    reason = {"path": "/needs/0", "code": "unknown_need", "text": "This need is not known.", "allowed": ["x"]}
    await calling(desk).tell([Receipt("e" * 32, "//agency/prosecutors/webhook", "refused", 8, reasons=(reason,))])
    assert desk.heard[0][1]["data"]["reasons"] == [{k: reason[k] for k in ("path", "code", "text")}]


async def test_a_change_is_called_by_id_and_state(desk: Desk) -> None:
    facts = {"referral": "R-1", "to": "accepted", "by": "sangbong", "reason": ""}
    changes = [Change(9, "referral.changed", NOW, facts), Change(10, "case.opened", NOW, {"case": "C-1"})]
    await calling(desk).follow(changes)
    ((_, body),) = desk.heard
    assert body["type"] == "ieum.referral.changed"
    assert body["data"] == {"referral": "R-1", "kind": "referral.changed", "position": 9, "state": "accepted"}


async def test_a_partner_that_is_away_is_called_until_it_answers_and_in_order(desk: Desk) -> None:
    desk.codes = [503, 429, 500]
    await calling(desk).tell([RECEIPT, Receipt("f" * 32, RECEIPT.source, "recorded", 8, about="msg_2")])
    assert [body["data"]["call"] for _, body in desk.heard] == ["msg_1", "msg_2"]
    assert len({headers["webhook-id"] for headers, _ in desk.calls[:4]}) == 1, "one id for every attempt"


@pytest.mark.parametrize("status", [408, 409, 425, 429, 503])
async def test_a_partner_that_is_busy_for_long_is_not_given_up(desk: Desk, status: int) -> None:
    desk.codes = [status] * 6
    await calling(desk).tell([RECEIPT])
    assert ([body["data"]["call"] for _, body in desk.heard], len(desk.calls)) == (["msg_1"], 7)


async def test_the_same_receipt_after_a_crash_is_the_same_call(desk: Desk) -> None:
    await calling(desk).tell([RECEIPT])
    await calling(desk).tell([RECEIPT])
    assert len({id_ for id_, _ in desk.heard}) == 1


@pytest.mark.parametrize("codes", [[400] * 5, [410], [302] * 5])
async def test_what_the_partner_keeps_refusing_does_not_hold_up_the_next(desk: Desk, codes: list[int]) -> None:
    desk.codes = list(codes)
    await calling(desk).tell([RECEIPT, Receipt("f" * 32, RECEIPT.source, "recorded", 8, about="msg_2")])
    assert [body["data"]["call"] for _, body in desk.heard] == ["msg_2"]
    assert len(desk.calls) == len(codes) + 1, "and no redirect was followed"


async def test_without_an_address_nobody_is_called() -> None:
    connector = WebhookConnector(WebhookConfig(), ORIGIN)
    await connector.tell([RECEIPT])
    await connector.follow([Change(9, "referral.changed", NOW, {"referral": "R-1"})])


def test_our_own_signatures_are_both_versions_in_a_rotation() -> None:
    key = Ed25519PrivateKey.generate()
    private = "whsk_" + base64.b64encode(key.private_bytes_raw() + key.public_key().public_bytes_raw()).decode()
    stamp = Ring([CALLBACK, private]).sign("msg_1", 1, b"{}")
    assert [s[:4] for s in stamp.signatures.split(" ")] == ["v1,", "v1a,"] or stamp.signatures.count("v1a,") == 1
    public = "whpk_" + base64.b64encode(key.public_key().public_bytes_raw()).decode()
    assert Ring([public]).holds(stamp, b"{}")
    assert Ring([CALLBACK]).holds(stamp, b"{}")
    assert not Ring([public]).holds(Stamp("msg_2", "1", stamp.signatures), b"{}")


def test_we_sign_as_the_published_library_does() -> None:
    at, body = int(AT.timestamp()), dumped(support(1))
    assert Ring([SECRET]).sign("msg_1", at, body).signatures == by_library(body, "msg_1")["webhook-signature"]


@pytest.mark.parametrize(
    "key", ["", "whsec_", "whsec_c2hvcnQ=", "whpk_" + "A" * 40, "whsk_!!", "plain", "whsec_" + "A" * 200]
)
def test_a_key_that_cannot_be_used_is_named_by_its_form(key: str) -> None:
    with pytest.raises(Usage, match="whsec_"):
        Ring([key])


@pytest.mark.parametrize(
    "wrong",
    [
        {"callback_url": "http://cases.example.go.kr/"},
        {"callback_url": "file:///etc/passwd"},
        {"callback_url": "https://user:pw@cases.example.go.kr/"},
        {"callback_url": "https://169.254.169.254/latest"},
        {"callback_url": "http://[fe80::1]/", "callback_insecure": True},
        {"callback_url": "http://0.0.0.0/", "callback_insecure": True},
        {"callback_url": "https://[::ffff:169.254.169.254]/"},
        {"callback_url": "https://cases.example.go.kr:99999/"},
        {"callback_url": "https://cases.example.go.kr:0/"},
        {"callback_url": "https://cases..example.go.kr/"},
        {"callback_url": f"https://{'a' * 64}.kr/"},
        {"certificate_file": "a.pem"},
        {"paths": {}},
        {"paths": {"/a": "letter"}},
        {"paths": {"a": "victim"}},
        {"body_bytes": 10_000_000},
    ],
)
def test_a_configuration_that_contradicts_itself_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        WebhookConfig.model_validate(wrong)


async def test_check_names_each_thing_that_is_wrong_and_its_fix(tmp_path: Path) -> None:
    async with listening(Taken()) as client:
        config = WebhookConfig.model_validate(
            {
                "port": client.base_url.port,
                "certificate_file": tmp_path / "no.pem",
                "key_file": tmp_path / "no.key",
                "secrets": "whsec_c2hvcnQ=",
                "callback_url": f"http://127.0.0.1:{free_port()}/",
                "callback_insecure": True,
            }
        )
        found = await WebhookConnector(config, ORIGIN).check()
    wrong = {"listen", "certificate", "secrets", "callback_secret", "callback"}
    assert {check.name for check in found if not check.ok} == wrong
    assert all(check.fix for check in found)


@pytest.mark.parametrize("address", ["169.254.169.254", "fe80::1%eth0", "::ffff:169.254.169.254"])
async def test_check_finds_a_name_that_leads_to_the_machines_own_network(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    async def resolved(*_: object, **__: object) -> list[Any]:
        return [(0, 0, 0, "", (address, 80))]

    connector = calling(desk, port=free_port(), callback_url="http://cases.example.go.kr/")
    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", resolved)
    (check,) = [one for one in await connector.check() if one.name == "callback"]
    assert (check.ok, check.found) == (False, "cases.example.go.kr:80 is a link-local address")


async def test_check_is_content_with_what_works(desk: Desk) -> None:
    assert [check.name for check in await calling(desk, port=free_port()).check() if not check.ok] == []


async def test_without_a_key_it_does_not_run() -> None:
    with pytest.raises(Usage, match="No key"):
        await WebhookConnector(WebhookConfig(port=free_port()), ORIGIN).run(Taken())


async def test_it_does_not_run_when_its_own_calls_would_be_unsigned() -> None:
    config = WebhookConfig.model_validate({"secrets": SECRET, "callback_url": "https://cases.example.go.kr/"})
    with pytest.raises(Usage, match="signs"):
        await WebhookConnector(config, ORIGIN).run(Taken())


async def test_it_has_no_past() -> None:
    with pytest.raises(Usage, match="repeats are one event"):
        await WebhookConnector(WebhookConfig(), ORIGIN).backfill("2026-11-01", Taken())


async def test_over_tls(tmp_path: Path) -> None:
    chain, key = certificate(tmp_path)
    taken, body = Taken(), dumped(support(1))
    async with listening(taken, certificate_file=chain, key_file=key) as plain:
        trusting = ssl.create_default_context(cafile=chain)
        url = f"https://127.0.0.1:{plain.base_url.port}"
        async with httpx.AsyncClient(base_url=url, verify=trusting, trust_env=False) as client:
            assert (await client.post(PATH, content=body, headers=by_library(body))).status_code == 202
        with pytest.raises(httpx.TransportError):
            await plain.post(PATH, content=body, headers=by_library(body))
    assert len(taken.events) == 1
