"""Colours and looks of charts, and which kind of thing gets which.

The colours are those of Okabe and Ito, which people with a colour vision deficiency can tell apart. Where there
are more kinds than colours, hatching tells them apart as well.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import cycle
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.patches import Patch

__all__ = [
    "BLACK",
    "BLUE",
    "GREEN",
    "GREY",
    "ORANGE",
    "PURPLE",
    "SKY",
    "VERMILLION",
    "YELLOW",
    "Look",
    "choose_looks",
    "edged",
    "fold",
    "swatches",
]

BLUE, SKY, GREEN, YELLOW = "#0072B2", "#56B4E9", "#009E73", "#F0E442"
ORANGE, VERMILLION, PURPLE, GREY, BLACK = "#E69F00", "#D55E00", "#CC79A7", "#BBBBBB", "#444444"

Look = dict[str, Any]
"""A ``color``, and a ``hatch`` where there is one."""

SPARE_LOOKS: tuple[Look, ...] = (
    {"color": PURPLE},
    {"color": YELLOW},
    *(
        {"color": color, "hatch": hatch}
        for hatch in ("...", "ooo", "+++", "***")
        for color in (PURPLE, GREEN, SKY, VERMILLION, BLACK)
    ),
)

OTHER = "other"
OTHER_LOOK: Look = {"color": BLACK}


def fold(counts: pd.DataFrame, most: int, noun: str) -> pd.DataFrame:
    """Keep so many columns; of more, the largest stay and the others become one, the last."""
    if counts.shape[1] <= most:
        return counts
    totals = counts.sum().to_numpy()
    kept = np.sort(np.argsort(-totals, kind="stable")[: most - 1])
    rest = np.setdiff1d(np.arange(counts.shape[1]), kept)
    name = f"{OTHER} ({len(rest):,} {noun})"
    return counts.iloc[:, kept].assign(**{name: counts.iloc[:, rest].sum(axis=1)})


def choose_looks(kinds: Iterable[str], known: Mapping[str, Look]) -> dict[str, Look]:
    """Return each kind its look; unknown ones take spare looks in turn, and what was folded has its own."""
    spare = cycle(SPARE_LOOKS)
    looks = {}
    for kind in kinds:
        folded = kind.startswith(f"{OTHER} (")
        looks[kind] = known[kind] if kind in known else OTHER_LOOK if folded else next(spare)
    return looks


def edged(look: Look) -> Look:
    """Draw hatching in white on the colour, which needs the colour as the face and white as the edge."""
    return {"facecolor": look["color"], "edgecolor": "white", "linewidth": 0.4, "hatch": look.get("hatch")}


def swatches(looks: Iterable[Look]) -> list[Patch]:
    """Make the patches of a legend."""
    return [Patch(**edged(look)) for look in looks]
