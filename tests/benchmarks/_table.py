"""The one table of all benchmarks: its row, and how it is printed.

Every bench has a function ``rows(quick=False)`` that measures and gives its rows.
``python -m tests.benchmarks`` calls them all and prints one table: plain text to read, Markdown to keep.
"""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Iterable, Mapping, Sequence
from statistics import median
from typing import Literal, TypedDict

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
        "spread": str | None,  # the ratio to the peer, or else to the floor, of all rounds: "0.17 to 0.21"
    },
)
COLUMNS = tuple(Row.__annotations__)
RATIOS: tuple[Literal["ratio to peer"], Literal["ratio to floor"]] = ("ratio to peer", "ratio to floor")
NOISE = 0.15  # by how much a ratio may grow, beyond its spread, before it counts as slower


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
        "spread": None,
    }


def ratio_of(one: Row) -> float | None:
    """Return the ratio that says how a row did: to the peer, or else to the floor."""
    told = next((one[name] for name in RATIOS if one[name]), None)
    return None if told is None else float(told.lstrip("~").replace(",", ""))


def middle(rounds: Sequence[Sequence[Row]]) -> list[Row]:
    """Return of each row the round whose ratio is the median, with the spread of all rounds."""
    by_name: dict[str, list[Row]] = {}
    for one in (one for each in rounds for one in each):
        by_name.setdefault(one["what"], []).append(one)
    return [_middle(several) for several in by_name.values()]


def _middle(several: list[Row]) -> Row:
    told = sorted((ratio, place) for place, one in enumerate(several) if (ratio := ratio_of(one)) is not None)
    if not told:
        return several[0]
    low, high = told[0][0], told[-1][0]
    spread = f"{number(low)} to {number(high)}" if len(told) > 1 else None
    return {**several[told[(len(told) - 1) // 2][1]], "spread": spread}


def ratios(rounds: Sequence[Sequence[Row]]) -> dict[str, list[float]]:
    """Return of each row its ratios, best first: what ``--save`` keeps and ``--check`` compares with.

    Those of rates are turned over, so that less is better for all. How many were refused is no part of a name.
    """
    found: dict[str, list[float]] = {}
    for one in (one for each in rounds for one in each):
        if ratio := ratio_of(one):
            rate = str(one["ours"]).endswith("/s")
            name = re.sub(r"refused: [^;]*", "refused", one["what"])
            found.setdefault(name, []).append(round(1 / ratio if rate else ratio, 4))
    return {what: sorted(values) for what, values in found.items()}


def slower(now: Mapping[str, list[float]], kept: Mapping[str, list[float]]) -> list[str]:
    """Say of each ratio that grew beyond the noise by how much; what only one of them has is no news.

    The noise is the spread of both, and 15 percent besides.
    """
    told = []
    for what in (what for what in now if what in kept):
        ours, theirs = now[what], kept[what]
        if min(ours) > max(theirs) * (1 + NOISE):
            told.append(f"{what}: ratio {number(median(ours))}, and {number(median(theirs))} was kept")
    return told


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
        f"pandas {pd.__version__}, load {os.getloadavg()[0]:.1f} at the end"
    )
