"""The API's description without a hub that runs: the app over the shipped rules and services nobody may ask.

Owns nothing else. The keys are zeros: no address of the API depends on them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any, cast

from hub import __version__
from hub.core.identity.model import Model
from hub.core.normalize import Mapping, read_crosswalk
from hub.core.policy import Policy
from hub.core.rules import Rules
from hub.core.sealing import Keys
from hub.rules import texts
from hub.web.app import create_app
from hub.web.deps import WebDeps


class _Silent:
    """Stands for every service: it can be handed on, called and looked through, and there is nothing in it."""

    def __getattr__(self, name: str) -> _Silent:
        return self

    def __call__(self, *_: object, **__: object) -> _Silent:
        return self

    def __iter__(self) -> Iterator[object]:
        return iter(())


def openapi() -> dict[str, Any]:
    """The OpenAPI document of this release, as a running hub serves it at `/openapi.json`."""
    needed = [f.name for f in dataclasses.fields(WebDeps) if f.default is f.default_factory is dataclasses.MISSING]
    given: dict[str, object] = dict.fromkeys(needed, _Silent())
    return create_app(cast("Any", WebDeps)(**given | {"policy": _shipped()})).openapi()


def _shipped() -> Policy:
    files = texts()
    rules = Rules.load(files)
    mapping = Mapping.load(files["mapping.toml"], read_crosswalk(files["areas.csv"]), rules.needs)
    return Policy(rules, Model.load(files["weights.json"]), mapping, Keys(bytes(32), bytes(32)), __version__)
