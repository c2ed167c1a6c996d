"""States of users: a bar for each directory, in the parts that each state makes up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from ..frames import latest, require_ids
from ..text import plural, value_labels
from . import figure
from .figure import LABELLED_BARS, beside, check_top, name_rows, rows_height
from .labels import distinct_labels, listed
from .palette import BLUE, GREY, ORANGE, Look, choose_looks, edged, fold, swatches

__all__ = ["plot_user_states"]

STATE_LOOKS: dict[str, Look] = {
    "active": {"color": BLUE},
    "inactive": {"color": GREY},
    "suspended": {"color": ORANGE},
}
MOST_STATES = 10
NO_DIRECTORY = "(no directory)"


def plot_user_states(
    users: pd.DataFrame,
    directories: pd.DataFrame | None = None,
    *,
    top: int | None = 20,
    ax: Axes | None = None,
) -> Axes:
    """Draw the states of users: one bar per directory, stacked by state, the largest on top.

    A state this version does not know gets a colour of its own.

    Parameters
    ----------
    users
        A users frame.
    directories
        Gives names, and directories without users. One of which no user is here although the service counts
        some was not loaded: it is not drawn as empty, and a note says so.
    top
        So many directories; the others are named in a note. None: all.
    ax
        As in :func:`plot_group_sizes`.
    """
    check_top(top)
    require_ids("users", users, "user_id")
    if directories is not None:
        require_ids("directories", directories, "directory_id")
    sources = (users, directories)
    users, directories = latest(users), None if directories is None else latest(directories)
    directories, unread = _without_unread(users, directories)
    counts = fold(_states_by_directory(users, directories), MOST_STATES, "states")
    shown = counts.head(top or len(counts))
    ax = figure.new_axes(ax, 8.5, max(rows_height(len(shown)) + 0.2, 1.2 + 0.24 * counts.shape[1]))
    if not counts.to_numpy().sum():
        return figure.nothing(ax, "no users" + "".join(f"; {note.rstrip('.')}" for note in unread), sources)
    labels = _directory_labels(list(shown.index), directories)
    looks = choose_looks(counts.columns, STATE_LOOKS)
    words = distinct_labels(list(looks), looks)
    _state_bars(ax, shown, looks)
    name_rows(ax, labels)
    figure.plain_numbers(ax.xaxis)
    ax.set_xlabel("users")
    figure.legend(ax, swatches(looks.values()), words)
    parts = ", ".join(f"{count:,} {word}" for word, count in zip(words, counts.sum().tolist(), strict=True))
    finding = f"{plural(len(users), 'user')}{_where(counts)}: {parts}"
    hidden = plural(len(counts) - len(shown), "smaller directory", "smaller directories")
    notes = [f"… and {hidden}, not drawn.", *unread] if len(counts) > len(shown) else unread
    details = "Users: " + listed(labels, shown.sum(axis=1)) + "."
    return figure.finish(ax, finding, notes, details=details, drawn=[*labels, *words], sources=sources)


def _without_unread(
    users: pd.DataFrame, directories: pd.DataFrame | None
) -> tuple[pd.DataFrame | None, list[str]]:
    """Leave out the directories whose users were not loaded, by the service's own counts, and say so."""
    counted = [] if directories is None else [n for n in ("active_users", "inactive_users") if n in directories]
    if directories is None or not counted:
        return directories, []
    theirs = directories[counted].fillna(0).sum(axis=1).to_numpy(dtype=np.int64)
    unread = (theirs > 0) & ~directories.index.isin(users["directory_id"].unique())
    if not unread.any():
        return directories, []
    which = plural(int(unread.sum()), "directory", "directories")
    note = (
        f"{which} whose users are not in the frame left out: the service counts {int(theirs[unread].sum()):,}."
    )
    return directories[~unread], [note]


def _state_bars(ax: Axes, shown: pd.DataFrame, looks: Mapping[str, Look]) -> None:
    """Draw a bar a directory, state after state, with its number of users at the end."""
    start = np.zeros(len(shown))
    for state, look in looks.items():
        values = shown[state].to_numpy()
        ax.barh(range(len(shown)), values, left=start, height=0.72, label=state, **edged(look))
        start += values
    if len(shown) <= LABELLED_BARS:
        for row, whole in enumerate(start):
            beside(ax, f"{whole:,.0f}", (whole, row), 3, fontsize=9)
    ax.set_xlim(0, max(1.0, start.max()) * 1.08)


def _directory_labels(ids: Sequence[str], directories: pd.DataFrame | None) -> list[str]:
    """Name directories; the row of those without one is no directory, so no id and no name of one."""
    real = [i for i in ids if i != NO_DIRECTORY]
    names = [None] * len(real) if directories is None else directories["name"].reindex(real)
    labels = dict(zip(real, distinct_labels(real, names), strict=True))
    return [labels.get(i, NO_DIRECTORY) for i in ids]


def _where(counts: pd.DataFrame) -> str:
    total = int(counts.to_numpy().sum())
    outside = int(counts[counts.index == NO_DIRECTORY].to_numpy().sum())
    homes = len(counts) - bool(outside)
    if not homes:
        return " in no directory"
    inside = f"in {plural(homes, 'directory', 'directories')}"
    return f", {total - outside:,} {inside} and {outside:,} in none" if outside else f" {inside}"


def _states_by_directory(users: pd.DataFrame, directories: pd.DataFrame | None) -> pd.DataFrame:
    """Count users: one row per directory, the largest first; one column per state, the known ones first."""
    states = np.array(value_labels(users["state"].tolist(), none="(no state)"), dtype=object)
    homes = users["directory_id"].fillna(NO_DIRECTORY)
    counts = pd.crosstab(homes.to_numpy(), states)
    if directories is not None:
        counts = counts.reindex(counts.index.union(directories.index), fill_value=0)
    known = [state for state in STATE_LOOKS if state in counts]
    counts = counts[[*known, *sorted(set(counts.columns) - set(known))]]
    order = np.lexsort((np.arange(len(counts)), -counts.sum(axis=1).to_numpy()))
    return counts.iloc[order]
