"""The error tree, sorted by what the caller must do. Owns no behavior.

HubError
├── Retry    a dependency is away: wait, then the same message again
├── Fenced   another worker owns the partition now: forget, re-read, seek
├── Halt     an invariant is broken: stop, somebody must look
└── Usage    a person asked for something impossible: say why and the remedy

A message that can never be accepted is not an error but a value: `hub.schemas.canonical.Refusal`.
"""

from __future__ import annotations


class HubError(Exception):
    """Root of everything the hub raises on purpose."""


class Retry(HubError):
    """A dependency is away. Nothing was decided; the same message must be tried again."""


class Fenced(HubError):
    """Another consumer claimed this partition (its epoch is higher). The transaction was rolled back."""


class Halt(HubError):
    """An invariant is broken. Going on would write a history nobody can trust."""


class Usage(HubError):
    """A person asked for something that cannot be done. The message says what, why and the remedy."""

    def __init__(self, what: str, remedy: str = "") -> None:
        super().__init__(f"{what} {remedy}".strip())
        self.what = what
        self.remedy = remedy
