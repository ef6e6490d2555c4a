"""A citizen's report to a signal. Owns what its fields say; the reporter is shown to nobody."""

from __future__ import annotations

from hub.core.normalize.draft import Draft
from hub.core.normalize.mapping import Mapping
from hub.core.normalize.person import read_place
from hub.core.normalize.placeholders import read_name
from hub.core.normalize.referral import read_at
from hub.schemas.canonical import Refusal, SignalClaim
from hub.schemas.native.citizen import CitizenReport


def normalize(report: CitizenReport, mapping: Mapping, heard: str) -> SignalClaim | Refusal:
    """The signal, urgent where the reporter says so."""
    draft = Draft()
    draft.put("ref", "/id", report.id)
    draft.put("at", "/at", report.at)
    draft.put("about", "/about/name", report.about.name)
    draft.put("address", "/about/address", report.about.address)
    draft.put("observed", "/observed", report.observed)
    draft.put("reporter", "/reporter", report.reporter)
    at = read_at(draft, heard)
    about, notes = read_name(draft.take("about"))
    draft.note("about", notes)
    address = read_place(draft, mapping)
    ref = draft.take("ref")
    if not ref:
        draft.refuse("/id", "ref_missing", "A report needs its own id.")
    if draft.reasons:
        return draft.refusal()
    return SignalClaim(
        ref=ref,
        kind=report.kind or "report",
        at=at,
        urgency="urgent" if report.urgent else "routine",
        address=address,
        about=about,
        observed=draft.take("observed"),
        reporter=draft.take("reporter"),
        flags=tuple(draft.flags),
        provenance=draft.provenance,
        repairs=tuple(draft.repairs),
    )
