"""Facets: the values that the rows have, with how many of them fit the other filters."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import anywidget
import numpy as np
import traitlets as t

from .listing import Mask
from .script import script_of
from .text import SPECIAL, label, name_label

__all__ = ["Facets", "counted", "facet"]

MOST = 30  # values of one facet that are sent
NAME = 60  # characters of a value


class Facets(anywidget.AnyWidget):
    """Values to click, each with its count.

    Parameters
    ----------
    choose
        Called with the key of a facet and the value clicked, or None where the filter ends.
    ask
        Called with the key of a facet whose counts are asked for.
    """

    _esm = script_of("facets")
    facets: Any = t.List().tag(sync=True)

    def __init__(self, choose: Callable[[str, str | None], None], ask: Callable[[str], None]) -> None:
        super().__init__()
        self.choose, self.ask = choose, ask
        self.on_msg(self._received)

    def _received(self, _widget: object, content: dict[str, Any], _buffers: object) -> None:
        if "facet" in content:
            self.choose(str(content["facet"]), content.get("value"))
        elif "ask" in content:
            self.ask(str(content["ask"]))

    def counts(self, key: str) -> dict[str, int | None]:
        """Return the values of a facet with their counts."""
        entries: list[Any] = next((one["entries"] for one in self.facets if one["key"] == key), [])
        return {value: count for value, _, count, _ in entries}


def facet(
    key: str,
    title: str,
    counts: Mapping[str, int | None],
    chosen: str | None,
    *,
    names: Mapping[str, str] | None = None,
    ask: str = "",
) -> dict[str, Any]:
    """Return one facet: its values with their counts, those with the most first."""
    nothing = [value for value in SPECIAL if value in counts]
    ordered = sorted((value for value in counts if value not in nothing), key=lambda one: -(counts[one] or 0))
    ordered = [*ordered[: MOST - len(nothing)], *nothing]
    if chosen is not None and chosen not in ordered:
        ordered = [chosen, *ordered[: MOST - 1]]
    entries = [
        [value, label(_named(value, names), NAME), counts.get(value), value == chosen] for value in ordered
    ]
    return {"key": key, "title": title, "entries": entries, "ask": ask}


def _named(value: str, names: Mapping[str, str] | None) -> str:
    return value if names is None else name_label(names.get(value, value))


def counted(codes: np.ndarray[Any, Any], values: Sequence[str], mask: Mask) -> dict[str, int]:
    """Count the values of the rows that fit; ``codes`` are places among the values, -1 for none."""
    held = codes[mask]
    counts: Iterable[int] = np.bincount(held[held >= 0], minlength=len(values)).tolist()
    return dict(zip(values, counts, strict=True))
