"""Everything a decision may consult besides the state: rules, the identity model, the mapping, the release.

Owns nothing but the bundle. Built once by `hub.app`; an entry names the digests of what is in it.
"""

from __future__ import annotations

import msgspec

from hub.core.identity.model import Model
from hub.core.normalize.mapping import Mapping
from hub.core.rules import Rules
from hub.core.sealing import Keys


class Policy(msgspec.Struct, frozen=True):
    """One release with one set of rules."""

    rules: Rules
    model: Model
    mapping: Mapping
    keys: Keys
    release: str
