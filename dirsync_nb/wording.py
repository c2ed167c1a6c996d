"""Counts in words, for whoever writes a sentence around a number."""

from __future__ import annotations

__all__ = ["plural"]


def plural(count: int, noun: str, many: str = "") -> str:
    """Write a count with its noun: ``1 group``, ``3,000 groups``."""
    return f"{count:,} {noun if count == 1 else many or noun + 's'}"
