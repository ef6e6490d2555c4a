"""Who may know what of a referral: who it is, where it came from, which need; for source, receiver and others."""

from __future__ import annotations

from typing import Any

import pytest

from hub.core.directory import Agency
from hub.core.privacy import WITHHELD, opens_identity, sees_referral, view_referral
from hub.core.state import Referral

SOURCE = Agency("jeil", "hospital", "제일병원", ("treatment",), "consent_self")
RECEIVER = Agency("lh", "housing_corporation", "주택공사", ("housing",), "other_law")
WELFARE = Agency("dong", "dong_center", "행정복지센터", ("welfare",), "other_law")


def referral(**more: Any) -> Referral:
    held = {"id": "r", "number": "N-1", "agency": "jeil", "need": "n", "code": "rent_arrears", "seq": 1}
    return Referral(**(held | {"urgency": "routine", "state": "offered", "receiver": "lh", "heard": "", **more}))


@pytest.mark.parametrize("state", ["offered", "accepted", "in_service", "on_hold", "delivered", "closed", "declined"])
@pytest.mark.parametrize("urgency", ["routine", "urgent"])
def test_the_receiver_learns_who_it_is_from_acceptance_on(state: str, urgency: str) -> None:
    accepted = state not in {"offered", "declined"}
    assert opens_identity(referral(state=state, urgency=urgency), RECEIVER) == accepted


def test_in_an_emergency_the_receiver_learns_it_with_the_offer() -> None:
    emergency = referral(urgency="sos")
    assert opens_identity(emergency, RECEIVER)
    assert not opens_identity(emergency, WELFARE)
    assert not opens_identity(referral(urgency="sos", receiver="dong", tried=["lh"]), RECEIVER)


def test_the_source_knows_whom_it_referred() -> None:
    assert opens_identity(referral(state="withdrawn", receiver=""), SOURCE)


def test_a_hidden_origin_is_absent_for_all_but_the_source() -> None:
    hidden = referral(origin_hidden=True)
    assert view_referral(hidden, SOURCE, health=False)["source"] == "jeil"
    assert "source" not in view_referral(hidden, RECEIVER, health=False)
    assert "source" not in view_referral(hidden, WELFARE, health=False)


def test_an_origin_is_told_to_those_involved_and_withheld_from_others() -> None:
    assert view_referral(referral(), RECEIVER, health=False)["source"] == "jeil"
    assert view_referral(referral(), WELFARE, health=False)["source"] == WITHHELD


def test_a_health_need_is_withheld_from_who_never_was_to_serve_it() -> None:
    asked_before = referral(receiver="dong", tried=["lh"])
    assert view_referral(asked_before, RECEIVER, health=True)["need"] == "rent_arrears"
    assert view_referral(referral(), WELFARE, health=True)["need"] == WITHHELD
    assert view_referral(referral(), WELFARE, health=False)["need"] == "rent_arrears"


@pytest.mark.parametrize("hidden", [{"secret": True}, {"restricted": True}])
def test_what_stays_inside_is_known_to_those_who_were_asked_alone(hidden: dict[str, bool]) -> None:
    inside = referral(tried=["lh"], receiver="victims", **hidden)
    assert [sees_referral(inside, one) for one in (SOURCE, RECEIVER, WELFARE)] == [True, True, False]
