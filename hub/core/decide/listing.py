"""A directory publishes an organization: whether that says anything new, and who may know of it.

What is heard last stands. Nothing is removed: an organization a directory no longer names stays as it was last listed.
"""

from __future__ import annotations

from hub.core.bodies import ListingBody, Opened
from hub.core.decide.sender import admitted
from hub.core.directory import Agency
from hub.core.entry import Recorder
from hub.core.privacy import OPEN_PURPOSE, VICTIM, audience_for
from hub.schemas.canonical import ListingClaim, Refusal


def decide(recorder: Recorder, claim: ListingClaim) -> Refusal | None:
    """Record the organization; nothing where the directory says what it said before."""
    state, message = recorder.state, recorder.message
    agency = admitted(recorder)
    if isinstance(agency, Refusal):
        return agency
    known = state.listings.known.get(message.listing)
    if known is not None and known.content == message.listed:
        return None
    went_back = known is not None and "" < claim.modified < known.modified
    facts = {
        "agency": message.agency,
        "audience": audience_for(message.agency, secret=_stays_inside(agency)),
        "change": "changed" if known else "new",
        "contacts": claim.contacts,
        "content": message.listed,
        "dongs": list(claim.dongs),
        "flags": sorted({*claim.flags, *(("goes_back",) if went_back else ())}),
        "listing": message.listing,
        "locations": claim.locations,
        "modified": claim.modified,
        "services": claim.services,
    }
    opened = Opened(listing=ListingBody(claim.content))
    recorder.emit("directory.listed", facts, bodies=(message.identity,), opened=opened)
    return None


def _stays_inside(agency: Agency) -> bool:
    """A directory of victim support names shelters: it stays there, unless its publisher serves welfare as well."""
    return VICTIM in agency.purposes and OPEN_PURPOSE not in agency.purposes
