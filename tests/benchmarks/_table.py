"""The one table of all benchmarks: its row, and how it is printed.

Every bench has a function ``rows(quick=False)`` that measures and gives its rows.
``python -m tests.benchmarks`` calls them all and prints one table: plain text to read, Markdown to keep.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable
from typing import TypedDict

import pandas as pd

Row = TypedDict(
    "Row",
    {
        "what": str,  # what was measured, with its size: "load_users, 100,000 users, CPU"
        "ours": str | None,  # what this package took, with its unit
        "peer": str | None,  # what the official SDK, or plain pandas, took for the same
        "floor": str | None,  # what no client could go below: decoding the bytes, the rate ceiling
        "ratio to peer": str | None,  # ours divided by the peer's: "0.19"
        "ratio to floor": str | None,  # ours divided by the floor: "1.9"; of a rate, the part reached
    },
)
COLUMNS = tuple(Row.__annotations__)


def row(
    what: str,
    ours: float | None,
    peer: float | None = None,
    floor: float | None = None,
    unit: str = "s",
    about: bool = False,
) -> Row:
    """Make a row of numbers in one unit, with their ratios.

    Parameters
    ----------
    what
        What was measured, with its size.
    ours, peer, floor
        The figures; None where there is none to compare with.
    unit
        The unit all three are in.
    about
        Whether the peer's figure was scaled up from a smaller run; it then carries a ~.
    """

    def shown(value: float | None, mark: str = "") -> str | None:
        return None if value is None else f"{mark}{number(value)} {unit}"

    def ratio(to: float | None, mark: str = "") -> str | None:
        return None if ours is None or not to else f"{mark}{number(ours / to)}"

    mark = "~" if about else ""
    return {
        "what": what,
        "ours": shown(ours),
        "peer": shown(peer, mark),
        "floor": shown(floor),
        "ratio to peer": ratio(peer, mark),
        "ratio to floor": ratio(floor),
    }


def number(value: float) -> str:
    """Return a number with the digits that matter: 1,234, 12.3, 1.23, 0.012."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    if abs(value) >= 10:
        return f"{value:.1f}"
    return f"{value:.2f}" if abs(value) >= 0.1 or value == 0 else f"{value:.2g}"


def table(rows: Iterable[Row]) -> str:
    """Lay rows out as aligned Markdown; what there is no figure for is left empty."""
    cells = [list(COLUMNS), *([one[name] or "" for name in COLUMNS] for one in rows)]  # type: ignore[literal-required]
    widths = [max(len(line[place]) for line in cells) for place in range(len(COLUMNS))]

    def line(texts: list[str]) -> str:
        first, *rest = [
            text.replace("|", "/").ljust(width) if place == 0 else text.rjust(width)
            for place, (text, width) in enumerate(zip(texts, widths, strict=True))
        ]
        return "| " + " | ".join([first, *rest]) + " |"

    rules = [":" + "-" * (widths[0] + 1), *("-" * (width + 1) + ":" for width in widths[1:])]
    return "\n".join([line(cells[0]), "|" + "|".join(rules) + "|", *map(line, cells[1:])])


def machine() -> str:
    """Name the machine neutrally: what matters for the figures, and nothing that tells whose it is."""
    return (
        f"{os.cpu_count()} cores ({platform.machine()}), Python {platform.python_version()}, "
        f"pandas {pd.__version__}"
    )
