"""The example of docs/signing.md, recomputed: by the hub's own code, and by the program on the page."""

from __future__ import annotations

import base64
import re
from pathlib import Path
from typing import Any

import orjson
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

from hub.schemas.canonical import Refusal
from hub.schemas.envelope import parse
from hub.schemas.signature import Signer, check

PAGE = (Path(__file__).parents[2] / "docs/signing.md").read_text(encoding="utf-8")
EXAMPLE = PAGE.partition("### An example")[2]


def block(language: str, nth: int = 0) -> str:
    return re.findall(rf"^```{language}\n(.*?)^```", EXAMPLE, re.MULTILINE | re.DOTALL)[nth]


def key() -> ed25519.Ed25519PrivateKey:
    found = re.search(r"`d`: `([\w-]{43})`", EXAMPLE)
    assert found
    return ed25519.Ed25519PrivateKey.from_private_bytes(base64.urlsafe_b64decode(found[1] + "="))


def test_the_numbers_of_the_page_are_what_signing_gives() -> None:
    event: dict[str, Any] = orjson.loads(block("json"))
    form = serialization.PrivateFormat.PKCS8
    signer = Signer(key().private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()))
    jws = block("text").replace("\n", "")
    assert signer.sign(event)["jws"] == jws
    header = base64.urlsafe_b64decode(jws.partition("..")[0] + "==")
    assert orjson.loads(header) == orjson.loads(block("json", 1))
    message = block("json").strip()[:-1] + f', "jws": "{jws}"}}'
    assert not isinstance(parse(message.encode(), "lh"), Refusal)
    assert check(message.encode()).kid == signer.kid


def test_the_program_of_the_page_makes_the_same_signature() -> None:
    names: dict[str, Any] = {"event": orjson.loads(block("json")), "key": key(), "data": None}
    data = re.search(r'"data": (.*)\}\n$', block("json"))
    assert data
    names["data"] = data[1].encode()
    exec(compile(block("python"), "docs/signing.md", "exec"), names)  # noqa: S102 - the page's own program
    assert names["jws"] == block("text").replace("\n", "")
