"""docs/hl7v2.md says what the code does."""

from __future__ import annotations

import re
from pathlib import Path

from connectors.hl7v2.answers import STATES
from connectors.hl7v2.config import Hl7v2Config

GUIDE = (Path(__file__).parents[3] / "docs" / "hl7v2.md").read_text("utf-8")


def test_the_states_are_the_codes_own() -> None:
    rows = re.findall(r"^\| `(\w+)` \| ([PARE]) \| (.+) \|$", GUIDE, re.MULTILINE)
    assert {state: (status, word) for state, status, word in rows} == STATES


def test_every_setting_is_there_with_its_default() -> None:
    section = GUIDE.partition("## Configuration")[2]
    told: dict[str, str] = {}
    for names, defaults in re.findall(r"^\| (`.+?`) \| (.+?) \|", section, re.MULTILINE):
        told |= dict(zip(re.findall(r"`(\w+)`", names), defaults.split(", "), strict=True))
    shown = {name: field.default for name, field in Hl7v2Config.model_fields.items()}
    assert told == {name: _shown(value) for name, value in shown.items()}


def _shown(value: object) -> str:
    if value in (None, ""):
        return "–"
    return str(value).lower() if isinstance(value, bool) else f"{value:g}" if isinstance(value, float) else str(value)
