"""The app: which address is whose, and what stands before it. Owns the assembly; each part owns its addresses."""

from __future__ import annotations

from fastapi import APIRouter, Depends, FastAPI

from hub.web import problems
from hub.web.answers import REFUSALS
from hub.web.changes import Changes
from hub.web.courier import Courier
from hub.web.deps import WebDeps
from hub.web.directory import Directory
from hub.web.door import Door
from hub.web.events import Events
from hub.web.feed import Feed
from hub.web.fhir import FHIR, outcome
from hub.web.fhir.metadata import Metadata
from hub.web.fhir.routes import Facade
from hub.web.judgments import Judgments
from hub.web.log import Log
from hub.web.metrics import Measured, Metrics
from hub.web.opened import Opened
from hub.web.operations import Operations
from hub.web.pages import Pages
from hub.web.people import Persons
from hub.web.preview import Preview
from hub.web.receipts import Receipts
from hub.web.records import Records
from hub.web.reviews import Reviews
from hub.web.webhook_key import WebhookKey

ABOUT = """Events in, one ledger, one feed out. Every change is a message; the ledger decides it and its verdict is
the answer. Refusals are problem documents (RFC 9457). Times are RFC 3339 in UTC."""


def create_app(deps: WebDeps) -> FastAPI:
    """The app over these dependencies. It starts nothing: whatever it was given must be running."""
    app = FastAPI(
        title="Ieum Hub",
        description=ABOUT,
        version=deps.release,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    metrics, door, courier = Metrics(), Door(deps), Courier(deps)
    guarded = APIRouter(dependencies=[Depends(door.enter)], responses=REFUSALS)
    Events(deps, door, courier, metrics).routes(guarded)
    Receipts(deps).routes(guarded)
    Preview(deps, door).routes(guarded)
    Feed(deps, door, metrics).routes(guarded)
    Records(deps, courier, metrics).routes(guarded)
    opened = Opened(deps, courier, metrics)
    Persons(deps, opened).routes(guarded)
    Reviews(deps, opened).routes(guarded)
    Directory(deps).routes(guarded)
    Changes(deps, door, courier).routes(guarded)
    Judgments(deps, door, courier).routes(guarded)
    Log(deps).routes(guarded)
    Facade(deps, door, courier, metrics).routes(guarded)
    open_ = APIRouter()
    Metadata(deps).routes(open_)
    Operations(deps, metrics).routes(open_)
    Pages().routes(open_)
    WebhookKey(deps).routes(open_)
    app.include_router(open_)  # first: /fhir/metadata is for everybody, /fhir/{kind} is not
    app.include_router(guarded)
    problems.install(app, {FHIR: outcome.problem_answer})
    app.add_middleware(Measured, metrics=metrics, clock=deps.clock)
    return app
