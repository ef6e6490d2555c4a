"""What a process does beside the consumers: relay, tick, tell webhooks, sweep. Owns these duties' names and making."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from datetime import datetime
from typing import Any

from hub.core.sealing import Keys
from hub.producers.drafts import Drafts
from hub.producers.provision import Administration
from hub.producers.relay import Relay
from hub.producers.ticker import Ticker
from hub.producers.webhooks import Webhooks
from hub.settings import Settings


def duties(settings: Settings, keys: Keys, clock: Callable[[], datetime]) -> dict[str, Coroutine[Any, Any, None]]:
    """Each runs until canceled. Raises `Usage` for settings that say nothing it can do."""
    return {
        "webhooks": Webhooks(settings, keys, clock).run(),
        "relay": Relay(settings).run(),
        "ticker": Ticker(settings, Administration(settings), clock).run(),
        "drafts": Drafts(settings, keys, clock).run(),
    }
