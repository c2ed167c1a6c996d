"""What differs from run to run and means nothing: marks made at random, seconds, places in memory."""

from __future__ import annotations

import re
from typing import Any

from .cells import by_mime

__all__ = ["VARYING", "keep_same", "steadied"]

VARYING = {
    r"\bdsn-static-[0-9a-f]{8,}": "dsn-static",
    r"\bIPY_MODEL_[0-9a-f]{32}": "IPY_MODEL",
    r"(?<=<Receipt )([^\n]*?requests?, )\d+\.\d\d s(?=, )": r"\1… s",
    r"(?<=, )waited \d+\.\d s \(": "waited … s (",
    r" at 0x[0-9a-fA-F]{6,}": " at 0x…",
    r"(?s)<style scoped>.*?</style>\s*": "",  # pandas's own, another one in another version
    r"(?<=nothing leaves this machine\.) Its clock [^.\n]*\.": "",  # of a lab, it is the present
    r" tex2jax_ignore mathjax_ignore": "",  # pandas's too, where its option for formulas is off
}
"""Patterns and what stands in their place when two outputs are compared, as nbval's sanitizers take them."""

_IDS = "application/vnd.jupyter.widget-view+json"  # the ids of models are new in every run


def steadied(text: str) -> str:
    """Return a text without what differs from run to run."""
    for pattern, instead in VARYING.items():
        text = re.sub(pattern, instead, text)
    return text


def keep_same(old: list[dict[str, Any]], new: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the new outputs of a cell, or the old ones where they say the same, so that no file changes."""
    return old if list(map(_said, old)) == list(map(_said, new)) else new


def _said(output: dict[str, Any]) -> dict[str, Any]:
    shown = {mime: content for mime, content in by_mime(output).items() if mime != _IDS}
    rest = {
        name: value for name, value in output.items() if name not in ("data", "metadata", "execution_count")
    }
    return {name: _steadied(value) for name, value in (rest | shown).items()}


def _steadied(value: Any) -> Any:
    if isinstance(value, list) and all(isinstance(line, str) for line in value):
        value = "".join(value)
    return steadied(value) if isinstance(value, str) else value
