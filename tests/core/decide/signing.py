"""An agency with a signing key in a hub without servers: what it sends signed, unsigned, or signed by somebody else."""

from __future__ import annotations

from typing import Any

import orjson
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

from hub.core.decide import Outcome
from hub.schemas import topics
from hub.schemas.signature import Signer
from hub.schemas.topics import Formats, Types
from hub.town.formats import WELFARE_HEADER
from tests.core.decide.world import World, envelope

AGENCY = "sangbong"


def signer(seed: str) -> Signer:
    key = ed25519.Ed25519PrivateKey.from_private_bytes(seed.encode().ljust(32, b"-"))
    form = serialization.PrivateFormat.PKCS8
    return Signer(key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()))


MINE, NEXT, STRANGER = signer("mine"), signer("next"), signer("stranger")


def change_key(world: World, key: str, *, add: bool = True, agency: str = AGENCY, by: str = topics.HUB) -> Outcome:
    action = "add_key" if add else "remove_key"
    n = len(world.arrivals)
    data = {"code": agency, "action": action, "key": key}
    topic = topics.RULES if by == topics.HUB else topics.inbound(by)
    return world.post(topic, envelope(by, Types.AGENCY_STATE, Formats.SYSTEM, data, f"key-{n}", world.now))


def row(number: int, **cells: str) -> dict[str, Any]:
    """A referral of one person, the same for the same number."""
    held = {
        "의뢰번호": f"S-{number}",
        "성명": f"강{'가나다라마바사'[number % 7]}순",
        "생년월일": f"19{40 + number % 50}-03-{10 + number % 18}",
        "전화번호": f"010-{5000 + number}-{6000 + number * 7 % 3000}",
        "주소": f"진주시 평거로 88, 207동 {100 + number}호",
        "욕구": "식품",
        "접수일자": "2026-11-01",
        "동의": "서면",
    } | cells
    data = {"header": list(WELFARE_HEADER), "cells": [held.get(t, "") for t in WELFARE_HEADER], "row": number}
    return envelope(AGENCY, Types.REFERRAL, Formats.WELFARE, {**data, "register": "대장"}, f"s-{number}")


def post(world: World, event: dict[str, Any], by: Signer | None = None, agency: str = AGENCY) -> Outcome:
    """Through the agency's topic, compact as orjson writes it."""
    return world.post(topics.inbound(agency), orjson.dumps(by.sign(event) if by else event))
