"""The API's description without a hub that runs: the app over dependencies that nobody may ask. Owns nothing else."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any, cast

from hub import __version__
from hub.web.app import create_app
from hub.web.deps import WebDeps


class _Silent:
    """Stands for every dependency: it can be handed on, called and looked through, and there is nothing in it."""

    def __getattr__(self, name: str) -> _Silent:
        return self

    def __call__(self, *given: object, **named: object) -> _Silent:
        return self

    def __iter__(self) -> Iterator[object]:
        return iter(())


def openapi() -> dict[str, Any]:
    """The OpenAPI document of this release, as a running hub serves it at `/openapi.json`."""
    given = [f.name for f in dataclasses.fields(WebDeps) if f.default is f.default_factory is dataclasses.MISSING]
    app = create_app(cast("Any", WebDeps)(**dict.fromkeys(given, _Silent())))
    app.version = __version__
    return app.openapi()
