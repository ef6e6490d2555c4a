"""The one error of local servers. Owns its wording; never caught here, shown by whoever called."""

from __future__ import annotations


class LocalServerError(Exception):
    """A local server could not be provided: what, why, and what to do about it."""

    def __init__(self, what: str, *, remedy: str) -> None:
        super().__init__(what)
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.args[0]}\n  remedy: {self.remedy}"
