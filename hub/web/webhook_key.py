"""`GET /v1/webhook-key`: the public key that webhooks are signed with. Owns this address; anybody may ask."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from hub.core.notices import Signer
from hub.web.answers import json_answer
from hub.web.deps import WebDeps


class WebhookKey:
    """Shows the key; it never changes while the installation keeps its keys."""

    def __init__(self, deps: WebDeps) -> None:
        self._key = Signer(deps.keys).public()

    def routes(self, router: APIRouter) -> None:
        """Add the address."""
        router.add_api_route("/v1/webhook-key", self.show, methods=["GET"], tags=["operations"])

    async def show(self) -> Response:
        """The hub's public key for webhooks (Standard Webhooks, `v1a`, Ed25519)."""
        return json_answer({"scheme": "v1a", "key": self._key})
