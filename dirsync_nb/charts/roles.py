"""Roles before and after a change: a bar for each role, what goes to the left, what is there to the right."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from ..analysis import what_if
from ..frames import takes_frames
from ..text import plural
from . import figure
from .figure import LABELLED_BARS, beside, check_top, name_rows, rows_height
from .labels import distinct_labels
from .palette import BLACK, BLUE, GREEN, VERMILLION, Look, edged, swatches

__all__ = ["plot_role_changes"]

# To the left of the axis what goes, to the right what is there afterwards.
CHANGE_LOOKS: dict[str, Look] = {
    "lost": {"color": VERMILLION, "hatch": "///"},
    "kept": {"color": BLUE},
    "gained": {"color": GREEN, "hatch": "..."},
}
CHANGE_WORDS = {"lost": "lose it", "kept": "keep it", "gained": "gain it"}


@takes_frames(changes="")
def plot_role_changes(changes: pd.DataFrame, *, top: int | None = 20, ax: Axes | None = None) -> Axes:
    """Draw who has which role before and after: one bar per role, the highest role on top, counting users.

    To the right of the axis are those who have the role afterwards, kept and gained; to the left those who lose
    it.

    Parameters
    ----------
    changes
        The answer of :func:`dirsync_nb.analysis.what_if.role_changes`.
    top
        So many roles; roles that change come first, and the others are named in a note. None: all.
    ax
        As in :func:`plot_group_sizes`.

    Examples
    --------
    >>> now = ds.what_if.Roles(users, memberships, {"Everyone": "member"}, groups, default=None)
    >>> then = now.without_group("Everyone")
    >>> ax = ds.charts.plot_role_changes(ds.what_if.role_changes(now, then, guard=None))
    """
    check_top(top)
    summary = what_if.role_summary(changes)
    shown = _most_changed(summary, top or len(summary))
    ax = figure.new_axes(ax, 8.5, max(rows_height(len(shown)) + 0.2, 2.6))
    if summary.empty:
        return figure.nothing(ax, "nobody has a role", [changes])
    labels = distinct_labels(list(shown.index), shown.index)
    _role_bars(ax, shown)
    name_rows(ax, labels)
    ax.axvline(0, color=BLACK, linewidth=0.8)
    figure.plain_numbers(ax.xaxis)
    ax.xaxis.set_major_formatter(lambda value, _: f"{abs(value):,.0f}")
    ax.set_xlabel("users: who loses the role to the left, who has it afterwards to the right")
    figure.legend(ax, swatches(CHANGE_LOOKS.values()), [CHANGE_WORDS[one] for one in CHANGE_LOOKS])
    rest = summary.drop(index=shown.index)
    notes = [f"… and {plural(len(rest), 'more role')}, not drawn: {_rest_of(rest)}."] if len(rest) else []
    details = "Before and after: " + "; ".join(
        f"{label} {text}" for label, text in zip(labels[:10], _before_after(shown.head(10)), strict=True)
    )
    return figure.finish(
        ax, _roles_finding(changes, summary), notes, details=details + ".", drawn=labels, sources=[changes]
    )


def _role_bars(ax: Axes, shown: pd.DataFrame) -> None:
    """Draw three bars a role, with its numbers at the right end and room for them."""
    counts = {name: shown[name].to_numpy(dtype=np.int64) for name in shown.columns}
    nothing = 0 * counts["kept"]
    for name, start in (("lost", -counts["lost"]), ("kept", nothing), ("gained", counts["kept"])):
        ax.barh(range(len(shown)), counts[name], left=start, height=0.72, **edged(CHANGE_LOOKS[name]))
    if len(shown) <= LABELLED_BARS:
        for place, text in enumerate(_before_after(shown)):
            beside(ax, text, (int(counts["after"][place]), place), 4, fontsize=9)
    right, left = max(1, int(counts["after"].max())), int(counts["lost"].max())
    ax.set_xlim(-max(1.05 * left, 0.02 * right), right + 0.34 * (right + left))


def _most_changed(summary: pd.DataFrame, top: int) -> pd.DataFrame:
    """Keep so many roles in their order, those with the most changes before the others."""
    moved = (summary["gained"] + summary["lost"]).to_numpy(dtype=np.int64)
    return summary.iloc[np.sort(np.argsort(-moved, kind="stable")[:top])]


def _before_after(summary: pd.DataFrame) -> list[str]:
    """Write each role's users before and after: ``120 → 131 (+15, −4)``."""
    texts = []
    for before, gained, _, lost, after in summary.itertuples(index=False):
        parts = [f"{sign}{count:,}" for sign, count in (("+", gained), ("−", lost)) if count]
        texts.append(f"{before:,} → {after:,} ({', '.join(parts)})" if parts else f"{after:,}")
    return texts


def _rest_of(rest: pd.DataFrame) -> str:
    moved = int((rest["gained"] + rest["lost"]).sum())
    return f"{plural(moved, 'change')} among them" if moved else "nothing changes among them"


def _roles_finding(changes: pd.DataFrame, summary: pd.DataFrame) -> str:
    moved = changes[changes["change"] != "kept"]
    people, everybody = moved["user_id"].nunique(), changes["user_id"].nunique()
    if not people:
        return f"Nothing changes for {plural(everybody, 'user')} with {plural(len(summary), 'role')}"
    lost, gained = int(summary["lost"].sum()), int(summary["gained"].sum())
    return (
        f"The roles of {people:,} of {plural(everybody, 'user')} change: "
        f"{plural(gained, 'role')} gained, {plural(lost, 'role')} lost"
    )
