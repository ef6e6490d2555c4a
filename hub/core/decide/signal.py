"""An observation arrives: which household it concerns, and who watches it when none is known."""

from __future__ import annotations

from typing import Any

from hub.core.bodies import Opened
from hub.core.decide.sender import admitted
from hub.core.entry import Recorder
from hub.core.routing import unplaced_owner
from hub.core.sealing import derive_id
from hub.schemas.canonical import Refusal, SignalClaim


def decide(recorder: Recorder, claim: SignalClaim) -> Refusal | None:
    """Attach the signal to the household of its address; without a dwelling it is watched by an owner of the area."""
    state, message = recorder.state, recorder.message
    agency = admitted(recorder)
    if isinstance(agency, Refusal):
        return agency
    dong = claim.address.dong if claim.address else ""
    owner = unplaced_owner(dong=dong, restricted=False, agencies=state.directory, source=message.agency)
    case = ""
    if message.unit is not None:
        case = state.units.get(message.unit) or derive_id(message.cause, "case", 0)
    facts: dict[str, Any] = {
        "agency": message.agency,
        "audience": [*sorted({f"a:{message.agency}", f"a:{owner.agency}"}), "p:welfare"],
        "dong": dong,
        "flags": sorted(claim.flags),
        "owner": owner.agency,
        "signal": derive_id(message.cause, "signal", 0),
        "signal_kind": claim.kind,
        "urgency": claim.urgency,
    }
    if case and case not in state.cases:
        facts["dwelling"] = True
    opened = Opened(unit=message.unit)
    recorder.emit("signal.recorded", facts, case=case, bodies=(message.identity,), opened=opened)
    return None
