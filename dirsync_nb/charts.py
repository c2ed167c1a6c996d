"""Frames to pictures: sizes, overlap, who is in what, states, events, growth.

Every function takes frames first and the rest by keyword, draws on ``ax`` or on a figure of its own, and gives
the Axes back. The title states the finding; :func:`alt_text` gives it with the main numbers in words. Colours
are those of Okabe and Ito, which people with a colour vision deficiency can tell apart. Nothing to show, a
partial load, folded groups: each is said on the chart.

To draw several charts into one figure, or to save one without showing it in the notebook, hand in an ``ax``::

    figure = matplotlib.figure.Figure(figsize=(12, 5), layout="constrained")
    left, right = figure.subplots(1, 2)
    plot_group_sizes(memberships, groups, ax=left)
    figure.savefig("sizes.svg")
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import cycle
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import Colormap
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.patches import Patch
from pandas.tseries.frequencies import to_offset

from . import analysis, drawing, errors, what_if
from .diffs import require_ids
from .drawing import alt_text, distinct_labels, plural

__all__ = [
    "alt_text",
    "plot_events",
    "plot_group_overlap",
    "plot_group_sizes",
    "plot_groups_per_user",
    "plot_membership_matrix",
    "plot_onboarding",
    "plot_role_changes",
    "plot_user_states",
]

BLUE, SKY, GREEN, YELLOW = "#0072B2", "#56B4E9", "#009E73", "#F0E442"
ORANGE, VERMILLION, PURPLE, GREY, BLACK = "#E69F00", "#D55E00", "#CC79A7", "#BBBBBB", "#444444"

Look = dict[str, Any]

STATE_LOOKS: dict[str, Look] = {
    "active": {"color": BLUE},
    "inactive": {"color": GREY},
    "suspended": {"color": ORANGE},
}
# Colour says what happened, hatching to what: users plain, groups //, directories and keys xx.
EVENT_LOOKS: dict[str, Look] = {
    "dsync.user.created": {"color": GREEN},
    "dsync.user.updated": {"color": BLUE},
    "dsync.user.deleted": {"color": VERMILLION},
    "dsync.group.user_added": {"color": SKY},
    "dsync.group.user_removed": {"color": ORANGE},
    "dsync.group.created": {"color": GREEN, "hatch": "///"},
    "dsync.group.updated": {"color": BLUE, "hatch": "///"},
    "dsync.group.deleted": {"color": VERMILLION, "hatch": "///"},
    "dsync.activated": {"color": GREEN, "hatch": "xxx"},
    "dsync.deleted": {"color": VERMILLION, "hatch": "xxx"},
    "dsync.token.created": {"color": SKY, "hatch": "xxx"},
    "dsync.token.revoked": {"color": ORANGE, "hatch": "xxx"},
}
EVENT_WORDS = {
    "dsync.user.created": "user joined",
    "dsync.user.updated": "user changed",
    "dsync.user.deleted": "user left",
    "dsync.group.user_added": "added to group",
    "dsync.group.user_removed": "removed from group",
    "dsync.group.created": "group created",
    "dsync.group.updated": "group changed",
    "dsync.group.deleted": "group deleted",
    "dsync.activated": "directory activated",
    "dsync.deleted": "directory deleted",
    "dsync.token.created": "token created",
    "dsync.token.revoked": "token revoked",
}
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
NO_DIRECTORY = "(no directory)"

MOST_KINDS = 16  # entries a legend has room for; further kinds share one
MOST_STATES = 10
MOST_PERIODS = 20_000
DRAWN_YEARS = (1900, 2199)  # what lies outside is a placeholder such as 0001-01-01, not a time
LABELLED_BARS = 30  # beyond this many, values at the bar ends are noise
LABELLED_CELLS = 12
LONGEST_HISTOGRAM = 16  # bars
STEPS = tuple(n * 10**power for power in range(9) for n in (1, 2, 5))
MATRIX_COLUMNS = 500
NAMED_USERS = 40


# Sizes ------------------------------------------------------------------------------------------------------


def plot_group_sizes(
    memberships: pd.DataFrame,
    groups: pd.DataFrame | None = None,
    *,
    top: int | None = 20,
    color: str = BLUE,
    ax: Axes | None = None,
) -> Axes:
    """Draw one bar per group, the largest on top, counting distinct members.

    Parameters
    ----------
    memberships, groups
        Frames; ``groups`` gives names, and the empty groups.
    top
        So many bars; the other groups share one line that says how many they are. None: all.
    color
        Any matplotlib colour.
    ax
        Where to draw. Default: a figure of its own, as high as the bars need.
    """
    _check_top(top)
    sizes = analysis.group_sizes(memberships, groups)
    shown, rest = sizes.head(top or len(sizes)), sizes.iloc[top or len(sizes) :]
    ax = drawing.new_axes(ax, 8, _height(len(shown) + bool(len(rest))))
    sources = (memberships, groups)
    if sizes.empty:
        return drawing.nothing(ax, "no groups", sources)
    if not sizes["members"].sum():
        return drawing.nothing(ax, f"{plural(len(sizes), 'group')}, all empty", sources)
    labels = distinct_labels(list(shown.index), shown["name"])
    bars = ax.barh(range(len(shown)), shown["members"].tolist(), height=0.72, color=color)
    if len(shown) <= LABELLED_BARS:
        ax.bar_label(bars, [f"{count:,}" for count in shown["members"]], padding=3, fontsize=9)
    lines = [*labels, f"… and {plural(len(rest), 'more group')}"] if len(rest) else labels
    if len(rest):
        ax.text(0, len(shown), _range_of(rest["members"]), va="center", fontsize=9, alpha=0.7)
    _rows(ax, lines)
    drawing.plain_numbers(ax.xaxis)
    ax.set_xlim(0, int(shown["members"].max()) * 1.08)
    ax.set_xlabel("members")
    people = memberships["user_id"].nunique()
    details = "Members: " + _listed(labels, shown["members"]) + "."
    notes = [] if groups is not None else ["Without the groups frame, empty groups and names are not known."]
    return drawing.finish(
        ax, _sizes_finding(sizes, labels[0], people), notes, details=details, drawn=lines, sources=sources
    )


def _sizes_finding(sizes: pd.DataFrame, largest: str, people: int) -> str:
    empty = int((sizes["members"] == 0).sum())
    held = int(sizes["members"].iloc[0])
    share = "all" if held == people else f"{held:,} of the"
    finding = f"{drawing.quoted(largest)} holds {share} {plural(people, 'person', 'people')}"
    finding += f" in {plural(len(sizes), 'group')}" if len(sizes) > 1 else " in any group"
    return finding + (f"; {plural(empty, 'group')} {'is' if empty == 1 else 'are'} empty" if empty else "")


def _range_of(members: pd.Series) -> str:
    low, high = int(members.min()), int(members.max())
    if not high:
        return " all empty" if len(members) > 1 else " empty"
    return f" {low:,} each" if low == high else f" {low:,} to {high:,} members each"


def plot_groups_per_user(
    memberships: pd.DataFrame,
    users: pd.DataFrame | None = None,
    *,
    color: str = BLUE,
    ax: Axes | None = None,
) -> Axes:
    """Draw how many groups people are in: one bar per number of groups, counting users.

    Parameters
    ----------
    memberships, users
        Frames; without ``users``, those in no group are not known.
    color, ax
        As in :func:`plot_group_sizes`.
    """
    counts = analysis.groups_per_user(memberships, users)["groups"].to_numpy(dtype=np.int64)
    ax = drawing.new_axes(ax, 8, 4.2)
    sources = (memberships, users)
    if not len(counts):
        return drawing.nothing(ax, "no users", sources)
    if not counts.any():
        return drawing.nothing(ax, f"{plural(len(counts), 'user')}, none of them in a group", sources)
    ticks, people = _histogram(counts, with_none=users is not None)
    bars = ax.bar(range(len(people)), people, width=0.72, color=color)
    ax.bar_label(bars, [f"{n:,}" if n else "" for n in people], padding=2, fontsize=9)
    ax.set_xticks(range(len(people)), ticks)
    drawing.plain_numbers(ax.yaxis)
    drawing.tidy(ax, grid="y")
    ax.set(xlabel="groups a user is in", ylabel="users")
    notes = [] if users is not None else ["Without the users frame, users in no group are not known."]
    details = "Users by number of groups: " + _listed([f"{tick}:" for tick in ticks], people) + "."
    return drawing.finish(ax, _per_user_finding(counts), notes, details=details, sources=sources)


def _histogram(counts: np.ndarray[Any, Any], *, with_none: bool) -> tuple[list[str], np.ndarray[Any, Any]]:
    """Count users by number of groups; a wide range in equal steps, with "none" always on its own."""
    highest = int(counts.max())
    step = next(n for n in STEPS if highest <= n * LONGEST_HISTOGRAM)
    people = np.bincount(-(-counts // step))  # 0 stays 0; 1 to step is 1
    ticks = [str(n) if step == 1 else f"{(n - 1) * step + 1}–{n * step}" for n in range(len(people))]
    ticks[0] = "0"
    return (ticks, people) if with_none else (ticks[1:], people[1:])


def _per_user_finding(counts: np.ndarray[Any, Any]) -> str:
    middle, none = int(np.median(counts)), int((counts == 0).sum())
    finding = f"Half of the {plural(len(counts), 'user')} are in {plural(middle, 'group')} or fewer"
    if counts.min() == counts.max():
        all_of_them = f"All {len(counts):,} users are" if len(counts) > 1 else "The only user is"
        finding = f"{all_of_them} in {plural(int(counts[0]), 'group')}"
    return finding + (f"; {none:,} {'is' if none == 1 else 'are'} in none" if none else "")


# Overlap ----------------------------------------------------------------------------------------------------


def plot_group_overlap(
    memberships: pd.DataFrame,
    groups: pd.DataFrame | None = None,
    *,
    by: str = "jaccard",
    top: int | None = 30,
    ax: Axes | None = None,
) -> Axes:
    """Draw which groups hold the same people: one cell per pair of groups, similar groups side by side.

    Parameters
    ----------
    memberships, groups
        Frames.
    by
        ``"jaccard"``: members in both as a share of those in either, 0 to 1; ``"count"``: members in both.
    top
        Only so many of the largest groups. None: all.
    ax
        As in :func:`plot_group_sizes`; the colour bar takes its room from it.
    """
    _check_top(top)
    square = analysis.overlap_matrix(memberships, groups, by=by, top=top)
    sizes = analysis.group_sizes(memberships, groups)
    square = square.loc[*[square.index[sizes.loc[square.index, "members"].to_numpy() > 0]] * 2]
    labels = distinct_labels(list(square.index), sizes.loc[square.index, "name"], width=28)
    ax = drawing.new_axes(ax, *_square_size(labels))
    sources = (memberships, groups)
    if len(square) < 2:
        return drawing.nothing(ax, f"{plural(len(square), 'group')} with members, nothing to compare", sources)
    # What a group shares with itself is not worth a colour.
    values = np.ma.masked_array(square.to_numpy(dtype=float), mask=np.eye(len(square), dtype=bool))
    # A scale from 0 to the strongest overlap; when nothing overlaps there still has to be a scale.
    highest = float(values.max()) or 1.0
    image = ax.imshow(values, cmap=_heat(), vmin=0, vmax=highest, aspect="equal")
    _cells(ax, labels, labels)
    if len(square) <= LABELLED_CELLS:
        _write_cells(ax, values, highest, "{:,.0f}" if by == "count" else "{:.2f}")
    bar = ax.figure.colorbar(image, ax=ax, shrink=0.7, aspect=24, pad=0.02)
    bar.outline.set_visible(False)
    bar.ax.tick_params(length=0, labelsize=9)
    bar.set_label("members in both" if by == "count" else "shared part (jaccard)", fontsize=9)
    if by == "count":
        drawing.plain_numbers(bar.ax.yaxis)
    finding, details = _overlap_finding(
        memberships, groups, square, dict(zip(square.index, labels, strict=True)), by
    )
    notes = _left_out(len(sizes), len(square), int((sizes["members"] == 0).sum()))
    return drawing.finish(ax, finding, notes, details=details, drawn=labels, sources=sources)


def _overlap_finding(
    memberships: pd.DataFrame,
    groups: pd.DataFrame | None,
    square: pd.DataFrame,
    labels: Mapping[str, str],
    by: str,
) -> tuple[str, str]:
    inside = memberships[memberships["group_id"].isin(square.index)]
    pairs = analysis.group_overlap(inside, groups, by=by, top=5)
    if pairs.empty:
        return f"None of the {len(square):,} groups share a member", ""
    told = [
        f"{_both(labels, a, b)} share {plural(int(shared), 'member')} (jaccard {jaccard:.2f})"
        for a, b, shared, jaccard in zip(
            pairs["group_a"], pairs["group_b"], pairs["shared"], pairs["jaccard"], strict=True
        )
    ]
    best = pairs.iloc[0]
    most = "are the most alike: they share" if by == "jaccard" else "overlap most: they share"
    finding = (
        f"{_both(labels, best['group_a'], best['group_b'])} {most} "
        f"{plural(int(best['shared']), 'member')} (jaccard {best['jaccard']:.2f})"
    )
    return finding, "Strongest: " + "; ".join(told) + "."


def _both(labels: Mapping[str, str], a: str, b: str) -> str:
    return f"{drawing.quoted(labels[a])} and {drawing.quoted(labels[b])}"


def _square_size(labels: Sequence[str]) -> tuple[float, float]:
    """Give width and height in inches for a square of cells with its names on two sides and a colour bar."""
    if len(labels) < 2:  # only a sentence
        return 8, 2.4
    cells = max(2.4, min(13.0, len(labels) * (0.6 if len(labels) <= LABELLED_CELLS else 0.28)))
    names = drawing.text_inches(labels, 9)
    return cells + names + 1.3, cells + names + 1.0


def _left_out(total: int, shown: int, empty: int) -> list[str]:
    smaller = total - shown - empty
    notes = [f"… and {plural(smaller, 'more group')}, smaller than these, not drawn."] if smaller else []
    return [*notes, f"{plural(empty, 'empty group')} left out."] if empty else notes


def plot_membership_matrix(
    memberships: pd.DataFrame,
    users: pd.DataFrame | None = None,
    groups: pd.DataFrame | None = None,
    *,
    top: int | None = 30,
    ax: Axes | None = None,
) -> Axes:
    """Draw who is in what: one row per group, one column per user, both ordered so that blocks appear.

    Parameters
    ----------
    memberships, users, groups
        Frames; ``users`` names a few users, and says how many are in none of these groups.
    top
        Only so many of the largest groups. None: all.
    ax
        As in :func:`plot_group_sizes`.

    Notes
    -----
    Many users share a column, whose shade is then the share of them who are in the group; the chart says how
    many they are.
    """
    _check_top(top)
    sizes = analysis.group_sizes(memberships, groups)
    wanted = analysis.overlap_matrix(memberships, groups, top=top).index
    wanted = wanted[sizes.loc[wanted, "members"].to_numpy() > 0]
    ax = drawing.new_axes(ax, 9.5, _height(len(wanted)) + 0.3)
    sources = (memberships, users, groups)
    if not len(wanted):
        return drawing.nothing(ax, "nobody is in a group", sources)
    matrix, user_ids, group_ids = analysis.membership_matrix(memberships, users, groups)
    rows = matrix[:, group_ids.get_indexer(wanted)].T.toarray()
    inside = np.flatnonzero(rows.any(axis=0))
    order = inside[np.lexsort(1 - rows[::-1, inside])]  # members of the first row first, then of the second
    per_column = -(-len(order) // MATRIX_COLUMNS)
    starts = np.arange(0, len(order), per_column)
    folded = np.add.reduceat(rows[:, order], starts, axis=1) / np.diff(np.append(starts, len(order)))
    image = ax.imshow(folded, cmap=_heat(), vmin=0, vmax=1, aspect="auto", interpolation="nearest")
    labels = distinct_labels(list(wanted), sizes.loc[wanted, "name"])
    people = _people(user_ids[order], users) if len(order) <= NAMED_USERS else []
    _cells(ax, labels, people)
    if len(order) > NAMED_USERS:
        ax.set_xlabel(f"{len(order):,} users, those in the same groups side by side")
    if per_column > 1:
        bar = ax.figure.colorbar(image, ax=ax, shrink=0.6, aspect=24, pad=0.02)
        bar.outline.set_visible(False)
        bar.ax.tick_params(length=0, labelsize=9)
        bar.set_label("share of the column who are members", fontsize=9)
    notes = [f"Each column stands for {per_column:,} users."] if per_column > 1 else []
    notes += _left_out(len(sizes), len(wanted), int((sizes["members"] == 0).sum()))
    outside = len(user_ids) - len(order)
    notes += [f"{plural(outside, 'user')} in none of these groups left out."] if outside else []
    return drawing.finish(
        ax, _matrix_finding(rows[:, order], labels), notes, drawn=[*labels, *people], sources=sources
    )


def _matrix_finding(rows: np.ndarray[Any, Any], labels: Sequence[str]) -> str:
    patterns, counts = np.unique(np.packbits(rows.astype(bool), axis=0), axis=1, return_counts=True)
    if rows.shape[1] == 1:
        return f"One user, in {plural(int(rows.sum()), 'group')}"
    most = np.unpackbits(patterns[:, [int(counts.argmax())]], axis=0, count=len(labels))[:, 0]
    names = [drawing.quoted(label) for label, is_in in zip(labels, most, strict=True) if is_in]
    listed = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
    return (
        f"{rows.shape[1]:,} users in {plural(patterns.shape[1], 'combination')} of groups; "
        f"the most common ({counts.max():,} users): {listed}"
    )


def _people(ids: pd.Index, users: pd.DataFrame | None) -> list[str]:
    names: Iterable[object] = [None] * len(ids)
    if users is not None:
        known = users[~users.index.duplicated(keep="last")].reindex(ids)
        names = known["name"].fillna(known["address"])
    return distinct_labels(list(ids), names, width=22)


# States, events, growth -------------------------------------------------------------------------------------


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
        Gives names, and directories without users.
    top
        So many directories; the others are named in a note. None: all.
    ax
        As in :func:`plot_group_sizes`.
    """
    _check_top(top)
    require_ids("users", users, "user_id")
    if directories is not None:
        require_ids("directories", directories, "directory_id")
    sources = (users, directories)
    users, directories = _once(users), None if directories is None else _once(directories)
    counts = _folded(_states_by_directory(users, directories), MOST_STATES, "states")
    shown = counts.head(top or len(counts))
    ax = drawing.new_axes(ax, 8.5, max(_height(len(shown)) + 0.2, 1.2 + 0.24 * counts.shape[1]))
    if not counts.to_numpy().sum():
        return drawing.nothing(ax, "no users", sources)
    labels = _directory_labels(list(shown.index), directories)
    looks = _looks(counts.columns, STATE_LOOKS)
    start = np.zeros(len(shown))
    for state, look in looks.items():
        values = shown[state].to_numpy()
        ax.barh(range(len(shown)), values, left=start, height=0.72, label=state, **_edged(look))
        start += values
    if len(shown) <= LABELLED_BARS:
        for row, whole in enumerate(start):
            ax.annotate(
                f"{whole:,.0f}", (whole, row), (3, 0), textcoords="offset points", va="center", fontsize=9
            )
    _rows(ax, labels)
    drawing.plain_numbers(ax.xaxis)
    ax.set_xlim(0, max(1.0, start.max()) * 1.08)
    ax.set_xlabel("users")
    states = {state: int(counts[state].sum()) for state in looks}
    words = distinct_labels(list(looks), looks)
    drawing.legend(ax, [Patch(**_edged(look)) for look in looks.values()], words)
    parts = ", ".join(f"{count:,} {word}" for word, count in zip(words, states.values(), strict=True))
    hidden = plural(len(counts) - len(shown), "smaller directory", "smaller directories")
    notes = [f"… and {hidden}, not drawn."] if len(counts) > len(shown) else []
    details = "Users: " + _listed(labels, shown.sum(axis=1)) + "."
    finding = f"{plural(len(users), 'user')}{_where(counts)}: {parts}"
    return drawing.finish(ax, finding, notes, details=details, drawn=[*labels, *words], sources=sources)


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
    states = users["state"].astype("str").fillna("(no state)")
    homes = users["directory_id"].fillna(NO_DIRECTORY)
    counts = pd.crosstab(homes.to_numpy(), states.to_numpy())
    if directories is not None:
        counts = counts.reindex(counts.index.union(directories.index), fill_value=0)
    known = [state for state in STATE_LOOKS if state in counts]
    counts = counts[[*known, *sorted(set(counts.columns) - set(known))]]
    order = np.lexsort((np.arange(len(counts)), -counts.sum(axis=1).to_numpy()))
    return counts.iloc[order]


def plot_events(events: pd.DataFrame, *, freq: str | None = None, ax: Axes | None = None) -> Axes:
    """Draw events over time: one stack per period, one colour and hatching per kind of event.

    Parameters
    ----------
    events
        An events frame. Kinds this version does not know get looks of their own.
    freq
        Length of a period, as pandas spells it: ``"h"``, ``"D"``, ``"W"`` (from Monday), ``"MS"`` or ``"ME"``
        (calendar months). Default: by the time covered.
    ax
        As in :func:`plot_group_sizes`.

    Raises
    ------
    ArgumentError
        There is no such ``freq``, or so many periods that no chart could show them.
    """
    sources = [events]
    events = _once(events)
    timed, notes = _dated(events, "event")
    offset = _offset(freq or _period(timed["created_at"]))
    ax = drawing.new_axes(ax, 10, 4.6)
    if timed.empty:
        return drawing.nothing(ax, "no events" if events.empty else "no events with a date", sources)
    kinds = timed["event"].astype("str").fillna("(no kind)")
    edges = _edges(timed["created_at"], offset)
    counts = _folded(_by_period(timed["created_at"], kinds, edges), MOST_KINDS, "kinds")
    looks = _looks(counts.columns, EVENT_LOOKS)
    borders = edges.tz_localize(None).to_numpy()
    below = np.zeros(len(counts))
    for kind, look in looks.items():
        above = below + counts[kind].to_numpy()
        ax.stairs(above, borders, baseline=below, fill=True, label=kind, **_edged(look))
        below = above
    labels = distinct_labels(list(looks), [EVENT_WORDS.get(kind, kind) for kind in looks])
    patches = [Patch(**_edged(look)) for look in looks.values()]
    drawing.legend(ax, patches[::-1], labels[::-1])  # in the order of the stack, from the top
    drawing.plain_numbers(ax.yaxis)
    drawing.tidy(ax, grid="y")
    _dates(ax)
    ax.set_xlim(borders[0], borders[-1])
    ax.set_ylim(0, max(1.0, below.max()) * 1.05)
    ax.set(xlabel="time (UTC)", ylabel=f"events {_each(offset.freqstr)}")
    totals = counts.sum().sort_values(ascending=False, kind="stable")
    words = dict(zip(looks, labels, strict=True))
    details = "Events: " + _listed([words[kind] for kind in totals.index], totals) + "."
    peak = counts.sum(axis=1)
    finding = (
        f"{plural(len(timed), 'event')} from {_day(timed['created_at'].min())} to "
        f"{_day(timed['created_at'].max())}; the most {_each(offset.freqstr)}: {peak.max():,} "
        f"({_day(peak.idxmax())})"
    )
    return drawing.finish(ax, finding, notes, details=details, drawn=labels, sources=sources)


def _period(times: pd.Series) -> str:
    days = (times.max() - times.min()).days
    return "h" if days < 3 else "D" if days <= 120 else "W" if days <= 800 else "MS"


def _each(freq: str) -> str:
    words = {
        "h": "an hour",
        "D": "a day",
        "W-SUN": "a week",
        "MS": "a month",
        "ME": "a month",
    }
    return words.get(freq, f"per {freq}")


def _offset(freq: Any) -> Any:
    try:
        offset = to_offset(freq)
    except (TypeError, ValueError) as error:
        raise errors.ArgumentError(
            f"freq must be a pandas frequency such as 'D' or 'W'; got {freq!r}"
        ) from error
    if offset is None or offset.n < 1:
        raise errors.ArgumentError(f"freq must be a length of time; got {freq!r}")
    return offset


def _edges(times: pd.Series, offset: Any) -> pd.DatetimeIndex:
    """Give the borders of the periods these times lie in, without gaps: one more than there are periods.

    Frequencies named after the end of a period (``"ME"``, ``"W"``: weeks ending on Sunday) give the days on
    which periods end. Theirs are the same periods as with a frequency named after the start.
    """
    first, last = times.min(), times.max()
    tick = isinstance(offset, pd.offsets.Tick)
    if tick:
        _check_periods((last - first) / pd.Timedelta(offset), offset)
    start = first.normalize() if tick else first.normalize() - offset
    edges = pd.date_range(start, last + offset, freq=offset, unit="us")
    if "End" in type(offset).__name__ or isinstance(offset, pd.offsets.Week):
        edges += pd.Timedelta(days=1)
    begin = max(0, int(edges.searchsorted(first, side="right")) - 1)
    edges = edges[begin : int(edges.searchsorted(last, side="right")) + 1]
    _check_periods(len(edges), offset)
    return edges


def _check_periods(count: float, offset: Any) -> None:
    if count > MOST_PERIODS:
        raise errors.ArgumentError(
            f"freq={offset.freqstr!r} cuts the time covered into {count:,.0f} periods, more than the "
            f"{MOST_PERIODS:,} a chart can show; take a longer one, or fewer events"
        )


def _by_period(times: pd.Series, kinds: pd.Series, edges: pd.DatetimeIndex) -> pd.DataFrame:
    """Count events: one row per period, one column per kind, the known ones first."""
    columns = kinds.unique().tolist()
    known = [kind for kind in EVENT_LOOKS if kind in columns]
    columns = [*known, *sorted(set(columns) - set(known))]
    rows = edges.searchsorted(pd.DatetimeIndex(times), side="right") - 1
    counts = np.zeros((len(edges) - 1, len(columns)), dtype=np.int64)
    np.add.at(counts, (rows, pd.Index(columns).get_indexer(pd.Index(kinds))), 1)
    return pd.DataFrame(counts, index=edges[:-1], columns=columns)


def plot_onboarding(frame: pd.DataFrame, *, color: str = BLUE, ax: Axes | None = None) -> Axes:
    """Draw how many users there are over time, as one rising line.

    Parameters
    ----------
    frame
        A users frame: counts today's users by when WorkOS first knew them. Or an events frame: users who joined
        minus those who left, from the first event on.
    color, ax
        As in :func:`plot_group_sizes`.
    """
    from_events = "event" in frame
    if not from_events:
        require_ids("frame", frame, "user_id")
    ax = drawing.new_axes(ax, 9, 4.2)
    steps, undated = _arrivals(_once(frame))
    if steps.empty:
        return drawing.nothing(ax, "no users with a date", [frame])
    total = steps.cumsum()
    # The line goes on a little, so that the last step is seen.
    end = total.index[-1] + max(pd.Timedelta(days=1), (total.index[-1] - total.index[0]) * 0.02)
    total[end] = total.iloc[-1]
    times = total.index.to_numpy()
    ax.fill_between(times, total.to_numpy(), step="post", color=color, alpha=0.15, linewidth=0)
    ax.step(times, total.to_numpy(), where="post", color=color, linewidth=2)
    ax.annotate(
        f"{total.iloc[-1]:,}",
        (times[-1], total.iloc[-1]),
        (5, 0),
        textcoords="offset points",
        va="center",
        color=color,
    )
    drawing.plain_numbers(ax.yaxis)
    drawing.tidy(ax, grid="y")
    _dates(ax)
    ax.set_ylim(min(0, int(total.min())) * 1.08, max(1, int(total.max())) * 1.08)
    ax.set(xlabel="time (UTC)", ylabel="users")
    notes = [
        "Joined minus left since the first event." if from_events else "Users who have left are not in it."
    ]
    notes += undated
    day, most = steps.idxmax(), int(steps.max())
    last = int(total.iloc[-1])
    net = ("+" if from_events and last >= 0 else "") + plural(last, "user")
    finding = f"{net} since {_day(steps.index[0])}; the largest day brought {most:,} ({_day(day)})"
    return drawing.finish(ax, finding, notes, sources=[frame])


def _arrivals(frame: pd.DataFrame) -> tuple[pd.Series, list[str]]:
    """Count arrivals less departures for each day that has any, and say what has no date."""
    signs = pd.Series(1, index=frame.index)
    if "event" in frame:
        kinds = frame["event"].astype("str")
        signs = kinds.map({"dsync.user.created": 1, "dsync.user.deleted": -1})
    counted = signs.notna().to_numpy()
    timed, notes = _dated(frame[counted].assign(sign=signs[counted]), "user")
    days = timed["created_at"].dt.floor("D")
    return timed["sign"].astype("int64").groupby(days.array).sum(), notes


# Roles ------------------------------------------------------------------------------------------------------

# To the left of the axis what goes, to the right what is there afterwards.
CHANGE_LOOKS: dict[str, Look] = {
    "lost": {"color": VERMILLION, "hatch": "///"},
    "kept": {"color": BLUE},
    "gained": {"color": GREEN, "hatch": "..."},
}
CHANGE_WORDS = {"lost": "lose it", "kept": "keep it", "gained": "gain it"}


def plot_role_changes(changes: pd.DataFrame, *, top: int | None = 20, ax: Axes | None = None) -> Axes:
    """Draw who has which role before and after: one bar per role, the highest role on top, counting users.

    To the right of the axis are those who have the role afterwards, kept and gained; to the left those who lose
    it.

    Parameters
    ----------
    changes
        The answer of :func:`dirsync_nb.what_if.role_changes`.
    top
        So many roles; roles that change come first, and the others are named in a note. None: all.
    ax
        As in :func:`plot_group_sizes`.
    """
    _check_top(top)
    summary = what_if.role_summary(changes)
    shown = _most_changed(summary, top or len(summary))
    ax = drawing.new_axes(ax, 8.5, max(_height(len(shown)) + 0.2, 2.6))
    if summary.empty:
        return drawing.nothing(ax, "nobody has a role", [changes])
    labels = distinct_labels(list(shown.index), shown.index)
    _role_bars(ax, shown)
    _rows(ax, labels)
    ax.axvline(0, color=BLACK, linewidth=0.8)
    drawing.plain_numbers(ax.xaxis)
    ax.xaxis.set_major_formatter(lambda value, _: f"{abs(value):,.0f}")
    ax.set_xlabel("users: who loses the role to the left, who has it afterwards to the right")
    patches = [Patch(**_edged(look)) for look in CHANGE_LOOKS.values()]
    drawing.legend(ax, patches, [CHANGE_WORDS[one] for one in CHANGE_LOOKS])
    rest = summary.drop(index=shown.index)
    notes = [f"… and {plural(len(rest), 'more role')}, not drawn: {_rest_of(rest)}."] if len(rest) else []
    details = "Before and after: " + "; ".join(
        f"{label} {text}" for label, text in zip(labels[:10], _before_after(shown.head(10)), strict=True)
    )
    return drawing.finish(
        ax, _roles_finding(changes, summary), notes, details=details + ".", drawn=labels, sources=[changes]
    )


def _role_bars(ax: Axes, shown: pd.DataFrame) -> None:
    """Draw three bars a role, with its numbers at the right end and room for them."""
    counts = {name: shown[name].to_numpy(dtype=np.int64) for name in shown.columns}
    nothing = 0 * counts["kept"]
    for name, start in (("lost", -counts["lost"]), ("kept", nothing), ("gained", counts["kept"])):
        ax.barh(range(len(shown)), counts[name], left=start, height=0.72, **_edged(CHANGE_LOOKS[name]))
    if len(shown) <= LABELLED_BARS:
        for place, text in enumerate(_before_after(shown)):
            where = (int(counts["after"][place]), place)
            ax.annotate(text, where, (4, 0), textcoords="offset points", va="center", fontsize=9)
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


# Shared -----------------------------------------------------------------------------------------------------


def _check_top(top: int | None) -> None:
    if top is not None and top < 1:
        raise errors.ArgumentError(f"top must be at least 1, or None for all; got {top}")


def _once(frame: pd.DataFrame) -> pd.DataFrame:
    """Take each object once, as loaded last; rows that are merely numbered stay as they are."""
    return frame if frame.index.name is None else frame[~frame.index.duplicated(keep="last")]


def _dated(frame: pd.DataFrame, noun: str) -> tuple[pd.DataFrame, list[str]]:
    """Keep the rows whose time a chart can show, and say how many it cannot."""
    times = frame["created_at"]
    dated = times.notna()
    drawn = dated & times.dt.year.between(*DRAWN_YEARS)
    without, odd = int((~dated).sum()), int((dated & ~drawn).sum())
    notes = [f"{plural(without, noun)} without a time left out."] if without else []
    if odd:
        first, last = DRAWN_YEARS
        notes.append(f"{plural(odd, noun)} dated before {first} or after {last} left out.")
    return frame[drawn], notes


def _folded(counts: pd.DataFrame, most: int, noun: str) -> pd.DataFrame:
    """Keep so many columns; of more, the largest stay and the others become one, the last."""
    if counts.shape[1] <= most:
        return counts
    totals = counts.sum().to_numpy()
    kept = np.sort(np.argsort(-totals, kind="stable")[: most - 1])
    rest = np.setdiff1d(np.arange(counts.shape[1]), kept)
    name = f"{OTHER} ({len(rest):,} {noun})"
    return counts.iloc[:, kept].assign(**{name: counts.iloc[:, rest].sum(axis=1)})


def _height(rows: int, at_most: float = 60.0) -> float:
    """Give the inches that so many rows of names need, with the texts around them."""
    return min(at_most, max(2.4, 0.29 * rows + 1.5))


def _rows(ax: Axes, labels: Sequence[str]) -> None:
    """Name horizontal bars, the first on top."""
    drawing.tidy(ax, grid="x")
    drawing.tick_labels(ax.yaxis, labels)
    ax.set_ylim(len(labels) - 0.4, -0.6)


def _cells(ax: Axes, rows: Sequence[str], columns: Sequence[str]) -> None:
    """Name the rows and columns of an image, with white lines between cells large enough for them."""
    drawing.tidy(ax, grid="")
    for spine in ax.spines.values():
        spine.set_visible(False)
    size = 9 if len(rows) <= 40 else 6
    drawing.tick_labels(ax.yaxis, rows, fontsize=size)
    drawing.tick_labels(ax.xaxis, columns, fontsize=size, rotation=90)
    ax.set_yticks(np.arange(len(rows) + 1) - 0.5, minor=True)
    ax.grid(visible=True, which="minor", axis="y", color="white", linewidth=1)
    if columns:
        ax.set_xticks(np.arange(len(columns) + 1) - 0.5, minor=True)
        ax.grid(visible=True, which="minor", axis="x", color="white", linewidth=1)
    ax.tick_params(which="both", length=0)


def _write_cells(ax: Axes, values: np.ma.MaskedArray[Any, Any], highest: float, form: str) -> None:
    for (row, column), value in np.ndenumerate(values.filled(np.nan)):
        if not np.isnan(value) and value:
            color = "white" if value > 0.6 * highest else BLACK
            ax.text(column, row, form.format(value), ha="center", va="center", fontsize=8, color=color)


def _heat() -> Colormap:
    """Give light to dark blue, for shares and counts; what has no value is grey."""
    return colormaps["Blues"].with_extremes(bad="#DDDDDD")


def _dates(ax: Axes) -> None:
    locator = AutoDateLocator(minticks=3, maxticks=9)  # type: ignore[no-untyped-call]
    ax.xaxis.set_major_locator(locator)
    ax.xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]


def _day(time: Any) -> str:
    return f"{time.day} {time:%b %Y}"


def _looks(kinds: Iterable[str], known: Mapping[str, Look]) -> dict[str, Look]:
    """Give each kind its look; unknown ones take spare looks in turn, and what was folded has its own."""
    spare = cycle(SPARE_LOOKS)
    looks = {}
    for kind in kinds:
        folded = kind.startswith(f"{OTHER} (")
        looks[kind] = known[kind] if kind in known else OTHER_LOOK if folded else next(spare)
    return looks


def _edged(look: Look) -> Look:
    """Draw hatching in white on the colour, which needs the colour as the face and white as the edge."""
    return {"facecolor": look["color"], "edgecolor": "white", "linewidth": 0.4, "hatch": look.get("hatch")}


def _listed(labels: Sequence[str], values: Iterable[Any]) -> str:
    """Tell the first ten values in words."""
    pairs = [f"{label} {int(value):,}" for label, value in zip(labels, values, strict=True)]
    return ", ".join(pairs[:10]) + (f" and {len(pairs) - 10:,} more" if len(pairs) > 10 else "")
