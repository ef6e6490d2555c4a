"""A reading of a safety device or meter. Owns the shape; which value is an alarm is a rule (`mapping.toml`)."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from hub.schemas.native.wire import Own, Text, Token, Word


class Household(Own):
    """Where the device hangs. Devices do not know who lives there."""

    address: Text = ""


class DeviceReading(Own):
    """`reading` names the quantity (its unit in the name, as `no_flow_hours`), `value` is in that unit."""

    device: Token
    kind: Token
    household: Household = Household()
    reading: Token
    value: Annotated[float, Field(allow_inf_nan=False)] | bool = 0.0
    at: Word = ""
