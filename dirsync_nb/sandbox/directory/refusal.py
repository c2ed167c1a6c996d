"""The errors for what a caller asked wrongly. Any other error inside the sandbox is a fault of the sandbox."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...errors import ArgumentError, DirsyncError

if TYPE_CHECKING:
    from collections.abc import Iterable


class Invalid(ArgumentError):
    """Say what is wrong with a setting, a field or an argument."""


def require_one_of(name: str, given: object, known: Iterable[str]) -> None:
    """Refuse a word that is none of those there are."""
    if given not in (words := list(known)):
        raise Invalid(f"{name} must be one of {', '.join(words)}; got {given!r}")


class NotRunning(DirsyncError, RuntimeError):
    """Say that a sandbox was asked which does not serve."""
