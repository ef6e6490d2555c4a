"""An agency that signs, on a running hub: keys by command, events over Kafka and HTTP, a connector, and the replay."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import orjson
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from hub.cli import accounts
from hub.cli.accounts import Credentials
from hub.schemas.signature import Signer
from hub.schemas.topics import inbound, outbound
from hub.town.formats import WELFARE_HEADER
from tests.flow import people
from tests.flow.people import referral
from tests.flow.site import Site

NOBODYS = Signer(
    ed25519.Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
)


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with people.town(tmp_path_factory.mktemp("town")) as site:
        site.start("consumer 0", "relay")
        site.start_web()
        yield site


@pytest.fixture(scope="module")
def alpha(town: Site) -> Credentials:
    return accounts.provide(town.settings, ["alpha"])[0]


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two pairs as an agency makes them: <name>.pem, <name>.pub.pem."""
    folder = tmp_path_factory.mktemp("keys")
    for name, key in (
        ("first", ed25519.Ed25519PrivateKey.generate()),
        ("second", ec.generate_private_key(ec.SECP256R1())),
    ):
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        public = key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        (folder / f"{name}.pem").write_bytes(private)
        (folder / f"{name}.pub.pem").write_bytes(public)
    return folder


@pytest.fixture(scope="module")
def first(town: Site, keys: Path) -> Signer:
    """Alpha's signer, once its key is registered."""
    made = hub(town, "agency", "key", "add", "alpha", "--public-key", str(keys / "first.pub.pem"))
    signer = Signer((keys / "first.pem").read_bytes())
    assert made["keys"] == [signer.kid]
    return signer


def hub(site: Site, *words: str, status: int = 0) -> Any:
    """A command's `--json`."""
    program = "import sys; from hub.cli import main; sys.exit(main(sys.argv[1:]))"
    ran = subprocess.run(
        [sys.executable, "-c", program, *words, "--json"],
        env=site.environment(), capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert ran.returncode == status, ran.stderr
    return json.loads(ran.stdout) if ran.stdout.strip() else ran.stderr


def reasons(site: Site, id_: str) -> list[str] | None:
    """Codes of the refusal that alpha's outbox shows last, None while the message is not decided."""
    del id_
    entries = [e["data"] for e in site.read(outbound("alpha")) if e["data"]["kind"] == "message.refused"]
    return [r["code"] for r in entries[-1]["facts"]["reasons"]] if entries else None


def published(site: Site, event: dict[str, Any]) -> None:
    site.publish(inbound("alpha"), [event])
    site.settle()
    site.until(site.relayed, 30, "relayed")


def recorded(site: Site, id_: str) -> bool:
    return site.one("SELECT count(*) FROM entries WHERE kind = 'referral.recorded' AND entry LIKE %s", f"%{id_}%") > 0


def referrals(site: Site) -> int:
    return int(site.one("SELECT count(*) FROM referrals"))


# ------------------------------------------------------------------ Kafka
def test_over_kafka_what_is_unsigned_or_not_alphas_is_refused_and_alpha_is_told(town: Site, first: Signer) -> None:
    before = referrals(town)
    cases = (
        (referral("alpha", 10), "signature_missing"),
        (NOBODYS.sign(referral("alpha", 11)), "key_unknown"),
        (first.sign(referral("alpha", 12)) | {"time": "2026-11-22T01:00:01Z"}, "signature_invalid"),
        (first.sign(referral("alpha", 13)) | {"data": referral("alpha", 14)["data"]}, "signature_invalid"),
    )
    for event, code in cases:
        published(town, event)
        assert reasons(town, event["id"]) == [code]
    assert referrals(town) == before
    published(town, first.sign(referral("alpha", 15)))
    assert referrals(town) == before + 1
    listed = hub(town, "refused", "list", "--agency", "alpha")
    assert [r["reasons"][0]["path"] for r in listed] == ["/jws"] * 4


def test_a_copy_written_with_a_stolen_password_takes_nothing_from_the_signed_one(town: Site, first: Signer) -> None:
    before = referrals(town)
    published(town, referral("alpha", 20) | {"data": referral("alpha", 21)["data"]})
    published(town, first.sign(referral("alpha", 20)))
    assert referrals(town) == before + 1


def test_who_has_no_key_goes_on_as_before(town: Site, first: Signer) -> None:
    assert first.kid
    before = referrals(town)
    town.publish(inbound("beta"), [referral("beta", 31)])
    town.settle()
    assert referrals(town) == before + 1


# ------------------------------------------------------------------ HTTP
@pytest.fixture(scope="module")
def api(town: Site, alpha: Credentials) -> Iterator[httpx.Client]:
    headers = {"Authorization": f"Bearer {alpha.token}"}
    with httpx.Client(base_url=f"http://127.0.0.1:{town.web_port}", headers=headers, timeout=20) as client:
        yield client


def sent(api: httpx.Client, events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    media = {"Content-Type": "application/cloudevents-batch+json"}
    answer = api.post("/v1/events?wait=10", content=orjson.dumps(events), headers=media)
    assert answer.status_code == 200, answer.text
    told: list[dict[str, Any]] = answer.json()["receipts"]
    return told


def test_over_http_the_receipt_says_refused_and_why_and_the_signed_copy_is_recorded(
    api: httpx.Client, first: Signer
) -> None:
    unsigned, stranger, signed = sent(
        api, [referral("alpha", 40), NOBODYS.sign(referral("alpha", 41)), first.sign(referral("alpha", 42))]
    )
    assert [r["verdict"] for r in (unsigned, stranger, signed)] == ["refused", "refused", "recorded"]
    assert [r["reasons"][0]["code"] for r in (unsigned, stranger)] == ["signature_missing", "key_unknown"]
    path = f"/v1/receipts/{quote('//agency/alpha/test', safe='')}/alpha-40"
    assert api.get(path).json()["status"] == "refused"
    assert sent(api, [referral("alpha", 40)])[0]["verdict"] == "refused"
    (now,) = sent(api, [first.sign(referral("alpha", 40))])
    assert now["verdict"] in {"recorded", "refused"}
    deadline = time.monotonic() + 10
    while api.get(path).json()["status"] != "recorded":
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_in_binary_mode_the_body_is_what_was_signed(api: httpx.Client, first: Signer) -> None:
    event = first.sign(referral("alpha", 43))
    headers = {f"ce-{n}": quote(str(v)) for n, v in event.items() if n not in {"data", "datacontenttype"}}
    media = {"Content-Type": "application/json"}
    for body, verdict in ((orjson.dumps(event["data"]), "recorded"), (orjson.dumps(event["data"]) + b" ", "seen")):
        answer = api.post("/v1/events?wait=10", content=body, headers=headers | media)
        assert answer.status_code == 200, answer.text
        assert answer.json()["receipts"][0]["status"] == verdict


def test_a_change_by_token_alone_is_refused_with_the_reason(api: httpx.Client, town: Site, first: Signer) -> None:
    assert first.kid
    id_ = town.one("SELECT id::text FROM referrals WHERE agency = 'alpha' LIMIT 1")
    answer = api.post(f"/v1/referrals/{id_}/withdraw?wait=10", json={})
    assert answer.status_code in {400, 403}, answer.text
    assert answer.json()["errors"][0]["code"] == "signature_missing"


# ------------------------------------------------------------------ a connector
def connector(town: Site, alpha: Credentials, keys: Path, folder: Path, key: str) -> subprocess.Popen[bytes]:
    """`hub connector run` over a folder of files, signing with this key ('': none)."""
    (folder / "drop").mkdir(parents=True)
    (folder / "token").write_text(alpha.token)
    signing = f'signing_key_file = "{keys / key}"' if key else ""
    (folder / "alpha.toml").write_text(
        f'[hub]\nagency = "alpha"\nurl = "http://127.0.0.1:{town.web_port}"\ntoken_file = "token"\n{signing}\n'
        f'[connector]\nname = "files"\nfolder = "{folder / "drop"}"\nquiet_s = 0.1\npoll_s = 0.2\n'
    )
    program = "import sys; from hub.cli import main; sys.exit(main(sys.argv[1:]))"
    with (folder / "log").open("wb") as log:
        return subprocess.Popen(
            [sys.executable, "-c", program, "connector", "run", str(folder / "alpha.toml")],
            env=town.environment(), stderr=log,
        )  # fmt: skip


def dropped(folder: Path, person: int) -> None:
    row = referral("alpha", person)["data"]["cells"]
    text = ",".join(WELFARE_HEADER) + "\n" + ",".join(row) + "\n"
    (folder / "drop" / f"register-{person}.csv").write_text(text, encoding="utf-8")


@pytest.mark.parametrize(("key", "verdict"), [("first.pem", "recorded"), ("", "refused")])
def test_a_connector_signs_where_it_has_a_key(
    town: Site, alpha: Credentials, keys: Path, first: Signer, tmp_path: Path, key: str, verdict: str
) -> None:
    assert first.kid
    running = connector(town, alpha, keys, tmp_path, key)
    try:
        dropped(tmp_path, 50 if key else 51)
        before = town.one("SELECT count(*) FROM entries")
        town.until(lambda: town.one("SELECT count(*) FROM entries") > before, 40, "the row is decided")
        kinds = [orjson.loads(e)["kind"] for (e,) in town.sql("SELECT entry FROM entries WHERE position > %s", before)]
        assert ("referral.recorded" in kinds) == (verdict == "recorded")
        assert ("message.refused" in kinds) == (verdict == "refused")
    finally:
        running.terminate()
        running.wait(20)
    assert alpha.token not in (tmp_path / "log").read_text()


def test_hub_send_signs_with_a_key_and_check_names_it(
    town: Site, alpha: Credentials, keys: Path, first: Signer, tmp_path: Path
) -> None:
    assert alpha.token
    (tmp_path / "drop").mkdir()
    dropped(tmp_path, 60)
    file, url = str(tmp_path / "drop" / "register-60.csv"), f"http://127.0.0.1:{town.web_port}"
    words = ("send", file, "--agency", "alpha", "--url", url, "--signing-key", str(keys / "first.pem"))
    assert [r["status"] for r in hub(town, *words)] == ["recorded"]
    running = connector(town, alpha, keys, tmp_path / "c", "first.pem")
    running.terminate()
    running.wait(20)
    found = {c["name"]: c for c in hub(town, "connector", "check", str(tmp_path / "c" / "alpha.toml"))}
    assert found["signing"] == {"name": "signing", "ok": True, "found": f"with key {first.kid}", "fix": ""}


# ------------------------------------------------------------------ rotation, and all again (last: they change keys)
def test_during_a_rotation_both_keys_hold_and_afterwards_the_new_one(town: Site, keys: Path, first: Signer) -> None:
    second = Signer((keys / "second.pem").read_bytes())
    assert hub(town, "agency", "key", "add", "alpha", "--public-key", str(keys / "second.pub.pem"))["keys"] == [
        first.kid, second.kid,
    ]  # fmt: skip
    before = referrals(town)
    published(town, first.sign(referral("alpha", 70)))
    published(town, second.sign(referral("alpha", 71)))
    assert referrals(town) == before + 2
    assert hub(town, "agency", "key", "remove", "alpha", "--key", first.kid)["keys"] == [second.kid]
    published(town, first.sign(referral("alpha", 72)))
    assert (referrals(town), reasons(town, "")) == (before + 2, ["key_unknown"])
    published(town, second.sign(referral("alpha", 73)))
    assert referrals(town) == before + 3
    assert hub(town, "agency", "key", "list", "alpha") == {"code": "alpha", "keys": [second.kid]}
    assert next(r for r in hub(town, "agency", "list") if r["code"] == "alpha")["keys"] == [second.kid]


def test_what_cannot_be_a_key_is_refused_with_what_to_do(town: Site, keys: Path) -> None:
    said = hub(town, "agency", "key", "add", "alpha", "--public-key", str(keys / "first.pem"), status=2)
    assert "stays with the agency" in said
    said = hub(town, "agency", "key", "add", "alpha", "--public-key", str(keys / "second.pub.pem"), status=2)
    assert "registered already" in said
    assert "hub agency list" in hub(town, "agency", "key", "list", "nobody", status=2)


def test_decided_again_from_the_evidence_the_history_has_the_same_root(town: Site) -> None:
    town.settle()
    replayed = hub(town, "audit", "replay")
    assert replayed["holds"], replayed
    verified = hub(town, "audit", "verify")
    assert verified["holds"], verified
