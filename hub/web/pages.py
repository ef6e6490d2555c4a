"""The pages that explain the hub to programmers: `/docs` (the API) and `/docs/asyncapi` (the topics).

Owns their assets: plain HTML and JavaScript from this package, no address outside.
"""

from __future__ import annotations

from importlib.resources import files
from typing import Final

from fastapi import APIRouter
from starlette.responses import JSONResponse, RedirectResponse, Response

from hub import __version__
from hub.web.asyncapi import asyncapi
from hub.web.problems import not_found

HOME: Final = "/docs"
TYPES: Final = {
    "docs.html": "text/html",
    "docs.js": "text/javascript",
    "docs.css": "text/css",
    "asyncapi.html": "text/html",
    "asyncapi.js": "text/javascript",
}
#: Nothing is loaded from elsewhere, and nobody may frame the page.
HEADERS: Final = {
    "Content-Security-Policy": "default-src 'self'; frame-ancestors 'none'; base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


class Pages:
    """Serves the pages; their files are read once."""

    def __init__(self) -> None:
        folder = files("hub.web") / "static"
        self._assets = {name: (folder / name).read_bytes() for name in TYPES}

    def routes(self, router: APIRouter) -> None:
        """Add the addresses."""
        router.add_api_route("/", self.home, methods=["GET"], include_in_schema=False)
        router.add_api_route(HOME, self.page, methods=["GET"], include_in_schema=False)
        router.add_api_route(HOME + "/asyncapi", self.topics, methods=["GET"], include_in_schema=False)
        router.add_api_route("/asyncapi.json", self.asyncapi, methods=["GET"], include_in_schema=False)
        router.add_api_route(HOME + "/{name}", self.asset, methods=["GET"], include_in_schema=False)

    async def home(self) -> Response:
        """The page is the door for people until the console exists."""
        return RedirectResponse(HOME)

    async def page(self) -> Response:
        """The API's page."""
        return self._asset("docs.html")

    async def topics(self) -> Response:
        """The topics' page."""
        return self._asset("asyncapi.html")

    def asyncapi(self) -> Response:
        """What the page draws. Made at the first call, in a thread: it takes a good part of a second."""
        return JSONResponse(asyncapi(__version__), headers=HEADERS)

    async def asset(self, name: str) -> Response:
        """Their scripts and style."""
        if name not in self._assets:
            raise not_found()
        return self._asset(name)

    def _asset(self, name: str) -> Response:
        return Response(self._assets[name], media_type=TYPES[name], headers=HEADERS)
