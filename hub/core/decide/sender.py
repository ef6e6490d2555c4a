"""Whether whoever sent a message may be heard: it has an account, and that is not suspended. Decides nothing else."""

from __future__ import annotations

from hub.core.directory import Agency
from hub.core.entry import Recorder
from hub.schemas.canonical import Reason, Refusal


def admitted(recorder: Recorder) -> Agency | Refusal:
    """The sender's account; or why nothing of it is recorded."""
    agency = recorder.state.agency(recorder.message.agency)
    if agency is None:
        return Refusal((Reason("/source", "agency_unknown", "this agency has no account"),))
    if agency.state == "suspended":
        return Refusal((Reason("/source", "agency_suspended", "this agency's account is suspended"),))
    return agency
