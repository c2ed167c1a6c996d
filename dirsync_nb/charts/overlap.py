"""Which groups hold the same people, and who is in what: a cell for each pair, or a line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import Colormap, LinearSegmentedColormap, to_rgba
from matplotlib.image import AxesImage
from matplotlib.patches import Arc
from matplotlib.patheffects import withStroke

from .. import analysis, errors
from ..analysis.graph import hold_nearly_all
from ..frames import latest, mark_partial, takes_frames
from ..text import plural
from . import figure
from .figure import check_top, rows_height
from .labels import distinct_labels, group_labels, quoted, strangers, text_inches
from .palette import BLACK, BLUE, GREY, ORANGE
from .style import STYLE

__all__ = ["plot_group_graph", "plot_group_overlap", "plot_membership_matrix"]

LABELLED_CELLS = 12
STRONG = 0.35  # from this share on the blue of a cell is too strong for grey letters
MATRIX_COLUMNS = 500
NAMED_USERS = 40

Array = np.ndarray[Any, Any]


# Pairs of groups --------------------------------------------------------------------------------------------


@takes_frames(memberships="")
def plot_group_overlap(
    memberships: pd.DataFrame,
    groups: pd.DataFrame | None = None,
    *,
    directories: pd.DataFrame | None = None,
    by: str = "jaccard",
    top: int | None = 30,
    ax: Axes | None = None,
) -> Axes:
    """Draw which groups hold the same people: one cell per pair of groups, similar groups side by side.

    Parameters
    ----------
    memberships, groups
        Frames. Or the answers of ``analysis.overlap_matrix`` and ``analysis.group_sizes``, as ``fleet.analyse``
        gives them; the former says itself what it counts.
    directories
        As in :func:`plot_group_sizes`.
    by
        ``"jaccard"``: members in both as a share of those in either, 0 to 1; ``"count"``: members in both.
    top
        Only so many of the largest groups. None: all.
    ax
        As in :func:`plot_group_sizes`; the colour bar takes its room from it.

    Examples
    --------
    >>> ax = ds.charts.plot_group_overlap(memberships, groups, top=5)
    >>> len(ax.get_yticklabels())
    5
    """
    check_top(top)
    square, sizes, by, people = _compared(memberships, groups, by, top)
    shown = _apart_last(_with_members(square.index, sizes), sizes, people)
    labels = group_labels(sizes.loc[shown], directories, width=28)
    ax = figure.new_axes(ax, *_square_size(labels))
    sources = (memberships, groups)
    if len(shown) < 2:
        return figure.nothing(ax, f"{plural(len(shown), 'group')} with members, nothing to compare", sources)
    _draw_pairs(ax, square.loc[shown, shown], labels, by)
    apart = _set_apart(ax, sizes.loc[shown, "members"], people, labels, both_ways=True)
    pairs = _strongest(memberships, groups, square.loc[shown, shown], sizes, by)
    finding, details = _overlap_finding(pairs, dict(zip(shown, labels, strict=True)), by)
    notes = apart + _left_out(sizes, len(shown))
    return figure.finish(ax, finding, notes, details=details, drawn=labels, sources=sources)


def _compared(
    memberships: pd.DataFrame, groups: pd.DataFrame | None, by: str, top: int | None
) -> tuple[pd.DataFrame, pd.DataFrame, str, float]:
    """Return the square, the sizes, what the square counts, and how many people there are, if that is known."""
    if not _is_square(memberships):
        square = analysis.overlap_matrix(memberships, groups, by=by, top=top)
        return square, analysis.group_sizes(memberships, groups), by, memberships["user_id"].nunique()
    if groups is None or "members" not in groups or not memberships.index.isin(groups.index).all():
        raise errors.ArgumentError(
            "the answer of overlap_matrix is drawn with that of group_sizes in the place of groups: it has the "
            "names, and how many members there are"
        )
    largest = groups.loc[memberships.index, "members"].sort_values(ascending=False, kind="stable").index[:top]
    square = memberships.loc[memberships.index.isin(largest), memberships.columns.isin(largest)]
    return square, groups, "count" if square.to_numpy().dtype.kind in "iu" else "jaccard", np.inf


def _is_square(given: Any) -> bool:
    return isinstance(given, pd.DataFrame) and given.columns.name == "other_group_id"


def _draw_pairs(ax: Axes, square: pd.DataFrame, labels: Sequence[str], by: str) -> None:
    """Draw a cell for each pair, the darker the more they share, and the scale beside them."""
    # What a group shares with itself is not worth a colour.
    values = np.ma.masked_array(square.to_numpy(dtype=float), mask=np.eye(len(square), dtype=bool))
    # Shares go from 0 to 1 in every picture, so that two can be compared; of counts there has to be a scale.
    highest = 1.0 if by == "jaccard" else float(values.max()) or 1.0
    image = ax.imshow(values, cmap=_heat(), vmin=0, vmax=highest, aspect=_aspect(ax))
    tight = STYLE.narrow and len(labels) > LABELLED_CELLS  # the columns are in the order of the rows
    _cells(ax, labels, [] if tight else labels)
    if len(square) <= LABELLED_CELLS and not STYLE.narrow:
        _write_cells(ax, values / highest, values, "{:,.0f}" if by == "count" else "{:.2f}")
    scale = _scale(ax, image, "members in both" if by == "count" else "shared part (jaccard)", shrink=0.7)
    if by == "count":
        figure.plain_numbers(scale.yaxis)


def _strongest(
    memberships: pd.DataFrame, groups: pd.DataFrame | None, square: pd.DataFrame, sizes: pd.DataFrame, by: str
) -> pd.DataFrame:
    """Return the five strongest pairs of the groups of a square."""
    if not _is_square(memberships):
        inside = memberships[memberships["group_id"].isin(square.index)]
        return analysis.group_overlap(inside, groups, by=by, top=5)
    members = sizes.loc[square.index, "members"].to_numpy(dtype=float)
    a, b = np.nonzero((members[:, None] > members) | (np.triu(members[:, None] == members, 1)))  # larger first
    values = square.to_numpy(dtype=float)[a, b]
    both = members[a] + members[b]
    jaccard = values if by == "jaccard" else values / (both - values)
    shared = np.rint(both * jaccard / (1 + jaccard))  # of the members of either, those counted twice
    ids = {"group_a": square.index[a], "group_b": square.index[b]}
    pairs = pd.DataFrame({**ids, "shared": shared, "jaccard": jaccard})
    return pairs.iloc[np.argsort(-values, kind="stable")[:5]].query("shared > 0")


def _overlap_finding(pairs: pd.DataFrame, labels: Mapping[str, str], by: str) -> tuple[str, str]:
    """Return which groups are most alike, and give the next few for the text alternative."""
    if pairs.empty:
        return f"None of the {len(labels):,} groups share a member", ""
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
    return f"{quoted(labels[a])} and {quoted(labels[b])}"


def _square_size(labels: Sequence[str]) -> tuple[float, float]:
    """Return width and height in inches for a square of cells with its names on two sides and a colour bar."""
    if len(labels) < 2:  # only a sentence
        return 8, 2.4
    cells = max(2.4, min(13.0, len(labels) * (0.6 if len(labels) <= LABELLED_CELLS else 0.28)))
    names = text_inches(labels, 9)
    return cells + names + 1.3, cells + names + 1.2


# Groups and users -------------------------------------------------------------------------------------------


@takes_frames()
def plot_membership_matrix(
    memberships: pd.DataFrame,
    users: pd.DataFrame | None = None,
    groups: pd.DataFrame | None = None,
    *,
    directories: pd.DataFrame | None = None,
    top: int | None = 30,
    ax: Axes | None = None,
) -> Axes:
    """Draw who is in what: one row per group, one column per user, both ordered so that blocks appear.

    Parameters
    ----------
    memberships, users, groups
        Frames; ``users`` names a few users, and says how many are in none of these groups.
    directories
        As in :func:`plot_group_sizes`.
    top
        Only so many of the largest groups. None: all.
    ax
        As in :func:`plot_group_sizes`.

    Notes
    -----
    Many users share a column, whose shade is then the share of them who are in the group; the chart says how
    many they are.

    Examples
    --------
    >>> ax = ds.charts.plot_membership_matrix(memberships, users, groups, top=5)
    >>> ax.figure.savefig("who_is_in_what.png")
    """
    check_top(top)
    sources = (memberships, users, groups)
    memberships, left_out = _people_only(memberships, users)
    sizes = analysis.group_sizes(memberships, groups)
    shown = _with_members(analysis.overlap_matrix(memberships, groups, top=top).index, sizes)
    people = memberships["user_id"].nunique()
    shown = _apart_last(shown, sizes, people)
    ax = figure.new_axes(ax, 9.5, rows_height(len(shown)) + 0.3)
    if not len(shown):
        return figure.nothing(ax, "nobody is in a group", sources)
    matrix, user_ids, group_ids = analysis.membership_matrix(memberships, users, groups)
    rows = matrix[:, group_ids.get_indexer(shown)].T.toarray()
    order = _in_blocks(rows)
    rows = rows[:, order]
    labels = group_labels(sizes.loc[shown], directories)
    named = _people(user_ids[order], users) if len(order) <= NAMED_USERS else []
    per_column = -(-len(order) // MATRIX_COLUMNS)
    _draw_members(ax, rows, per_column, labels, named)
    notes = _set_apart(ax, sizes.loc[shown, "members"], people, labels)
    notes += [f"Each column stands for {per_column:,} users."] if per_column > 1 else []
    notes += _left_out(sizes, len(shown))
    outside = len(user_ids) - len(order)
    notes += [f"{plural(outside, 'user')} in none of these groups left out."] if outside else []
    notes += strangers(left_out)
    finding = _matrix_finding(rows, labels)
    return figure.finish(ax, finding, notes, drawn=[*labels, *named], sources=sources)


def _people_only(memberships: pd.DataFrame, users: pd.DataFrame | None) -> tuple[pd.DataFrame, int]:
    """Drop the memberships of people whom the list of users does not hold, and count those people."""
    if users is None:
        return memberships, 0
    ids = pd.Index(memberships["user_id"].dropna().unique())
    unknown = ids[users.index.unique().get_indexer(ids) < 0]
    if not len(unknown):
        return memberships, 0
    kept = memberships[~memberships["user_id"].isin(unknown)]
    return mark_partial(kept, memberships), len(unknown)


def _in_blocks(rows: Array) -> Array:
    """Order the users in any of these groups: members of the first row first, then of the second."""
    inside = np.flatnonzero(rows.any(axis=0))
    order: Array = inside[np.lexsort(1 - rows[::-1, inside])]
    return order


def _draw_members(ax: Axes, rows: Array, per_column: int, labels: Sequence[str], people: Sequence[str]) -> None:
    """Draw a row for each group and a column for so many users, named where ``people`` names them."""
    users = rows.shape[1]
    starts = np.arange(0, users, per_column)
    shares = np.add.reduceat(rows, starts, axis=1) / np.diff(np.append(starts, users))
    image = ax.imshow(shares, cmap=_heat(), vmin=0, vmax=1, aspect="auto", interpolation="nearest")
    _cells(ax, labels, people)
    if not people:
        ax.set_xlabel(f"{users:,} users, those in the same groups side by side")
    if per_column > 1:
        _scale(ax, image, "share of the column who are members", shrink=0.6)


def _matrix_finding(rows: Array, labels: Sequence[str]) -> str:
    patterns, counts = np.unique(np.packbits(rows.astype(bool), axis=0), axis=1, return_counts=True)
    if rows.shape[1] == 1:
        return f"One user, in {plural(int(rows.sum()), 'group')}"
    most = np.unpackbits(patterns[:, [int(counts.argmax())]], axis=0, count=len(labels))[:, 0]
    names = [quoted(label) for label, is_in in zip(labels, most, strict=True) if is_in]
    listed = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
    return (
        f"{rows.shape[1]:,} users in {plural(patterns.shape[1], 'combination')} of groups; "
        f"the most common ({counts.max():,} users): {listed}"
    )


def _people(ids: pd.Index, users: pd.DataFrame | None) -> list[str]:
    names: Iterable[object] = [None] * len(ids)
    if users is not None:
        known = latest(users).reindex(ids)
        names = known["name"].fillna(known["address"])
    return distinct_labels(list(ids), names, width=22)


# Groups and links --------------------------------------------------------------------------------------------


@takes_frames()
def plot_group_graph(
    memberships: pd.DataFrame,
    groups: pd.DataFrame | None = None,
    *,
    directories: pd.DataFrame | None = None,
    top: int | None = 30,
    ax: Axes | None = None,
) -> Axes:
    """Draw groups as dots, one under the other, and a curve between those that share people: a small graph.

    Parameters
    ----------
    memberships, groups
        Frames. A dot is the larger the more members, a curve the wider the more of them are in both; each group
        shows its two strongest links. Groups with exactly the same people have a curve in orange.
    directories
        As in :func:`plot_group_sizes`.
    top
        Only so many of the largest groups; of more than 30 no picture is read at a glance. None: all.
    ax
        As in :func:`plot_group_sizes`.

    Examples
    --------
    >>> ax = ds.charts.plot_group_graph(memberships, groups)
    >>> ax.figure.savefig("groups.png")
    """
    check_top(top)
    sources = (memberships, groups)
    nodes, links = analysis.group_graph(memberships, groups, top=top)
    apart, nodes = nodes[nodes["nearly_all"]], nodes[~nodes["nearly_all"]]
    ax = figure.new_axes(ax, 6.8, rows_height(len(nodes)))
    if len(nodes) < 2:
        return figure.nothing(ax, f"{plural(len(nodes), 'group')} to compare", sources)
    sizes = analysis.group_sizes(memberships, groups)
    labels = dict(zip(nodes.index, group_labels(sizes.loc[nodes.index], directories), strict=True))
    _draw_graph(ax, nodes, links, list(labels.values()))
    everybody = zip(group_labels(sizes.loc[apart.index], directories), apart["members"], strict=True)
    notes = [f"Set apart, nearly everybody is in it: {quoted(name)} ({n:,})." for name, n in everybody]
    notes += _left_out(sizes, len(nodes) + len(apart))
    inside = memberships[memberships["group_id"].isin(list(labels))]
    finding, details = _overlap_finding(analysis.group_overlap(inside, groups, top=5), labels, "jaccard")
    return figure.finish(ax, finding, notes, details=details, drawn=list(labels.values()), sources=sources)


def _draw_graph(ax: Axes, nodes: pd.DataFrame, links: pd.DataFrame, labels: Sequence[str]) -> None:
    places = dict(zip(nodes.index, range(len(nodes)), strict=True))
    most = max(1, int(nodes["members"].max()))
    for a, b, jaccard in zip(links["group_a"], links["group_b"], links["jaccard"], strict=True):
        top, bottom = sorted((places[a], places[b]))
        reach = (bottom - top) / 2
        look: dict[str, Any] = {"edgecolor": ORANGE if jaccard == 1 else BLUE, "facecolor": "none"}
        curve = Arc((0, top + reach), _bow(reach, len(nodes)), 2 * reach, theta1=-90, theta2=90, **look)
        curve.set(linewidth=1 + 7 * jaccard, alpha=0.9 if jaccard == 1 else 0.25 + 0.6 * jaccard)
        ax.add_patch(curve)
    sizes = 20 + 180 * nodes["members"].astype(float) / most
    ax.scatter([0.0] * len(nodes), range(len(nodes)), s=sizes.tolist(), color=BLUE, zorder=3)
    figure.tidy(ax, grid="")
    counted = [f"{label}  {int(n):,}" for label, n in zip(labels, nodes["members"], strict=True)]
    figure.tick_labels(ax.yaxis, counted)
    ax.set(xticks=[], xlim=(-0.04, 1.05), ylim=(len(nodes) - 0.4, -0.6))


def _bow(reach: float, rows: int) -> float:
    """Return the width of a curve, twice what it bows out: the wider the further apart."""
    return 2 * float(np.sqrt(2 * reach / max(1, rows - 1)))


# Cells ------------------------------------------------------------------------------------------------------


def _cells(ax: Axes, rows: Sequence[str], columns: Sequence[str]) -> None:
    """Name the rows and columns of an image, with pale lines between cells large enough for them."""
    figure.tidy(ax, grid="")
    size = 9 if len(rows) <= 40 else 6
    figure.tick_labels(ax.yaxis, rows, fontsize=size)
    figure.tick_labels(ax.xaxis, columns, fontsize=size, rotation=90)
    ax.set_yticks(np.arange(len(rows) + 1) - 0.5, minor=True)
    ax.grid(visible=True, which="minor", axis="y", color=GREY, alpha=0.35, linewidth=0.6)
    if columns:
        ax.set_xticks(np.arange(len(columns) + 1) - 0.5, minor=True)
        ax.grid(visible=True, which="minor", axis="x", color=GREY, alpha=0.35, linewidth=0.6)
    ax.tick_params(which="both", length=0)


def _aspect(ax: Axes) -> Literal["auto", "equal"]:
    """Return how cells share the room: a figure of ours was made for them, another one makes them square."""
    return "auto" if isinstance(ax, figure.ChartAxes) else "equal"


def _write_cells(ax: Axes, shares: Any, values: np.ma.MaskedArray[Any, Any], form: str) -> None:
    for (row, column), value in np.ndenumerate(values.filled(np.nan)):
        if not np.isnan(value) and value:
            # On a strong blue white with a dark rim: legible whatever ground shines through.
            rim = {"color": "white", "path_effects": [withStroke(linewidth=1.8, foreground=BLACK)]}
            look: dict[str, Any] = {"fontsize": 8} | (rim if shares[row, column] > STRONG else {})
            ax.text(column, row, form.format(value), ha="center", va="center", **look)


def _scale(ax: Axes, image: AxesImage, label: str, *, shrink: float) -> Axes:
    """Put a colour bar beside the Axes, and give the Axes it is drawn on."""
    bar = ax.figure.colorbar(image, ax=ax, shrink=shrink, aspect=24, pad=0.02)
    bar.outline.set_visible(False)
    bar.ax.tick_params(length=0, labelsize=9)
    bar.set_label(label, fontsize=9)
    return bar.ax


def _heat() -> Colormap:
    """Return a blue from hardly there to full, on whatever ground; what has no value is grey."""
    shades = [to_rgba(BLUE, 0.05), to_rgba(BLUE, 1.0)]
    return LinearSegmentedColormap.from_list("share", shades).with_extremes(bad=to_rgba(GREY, 0.5))


def _apart_last(ids: pd.Index, sizes: pd.DataFrame, people: float) -> pd.Index:
    """Put the groups that hold nearly everybody last: they are like every other one and like none."""
    held = hold_nearly_all(sizes.loc[ids, "members"], people).to_numpy()
    return ids[~held].append(ids[held])


def _set_apart(
    ax: Axes, members: pd.Series, people: float, labels: Sequence[str], *, both_ways: bool = False
) -> list[str]:
    """Draw a line before the groups that hold nearly everybody, which are the last, and say which they are."""
    count = int(hold_nearly_all(members, people).sum())
    if not count:
        return []
    ax.axhline(len(members) - count - 0.5, color=ORANGE, linewidth=1.5)
    if both_ways:
        ax.axvline(len(members) - count - 0.5, color=ORANGE, linewidth=1.5)
    names = ", ".join(map(quoted, labels[-count:]))
    whose = "it" if count == 1 else "them"
    return [f"Set apart below the line, since nearly everybody is in {whose}: {names}."]


def _with_members(ids: pd.Index, sizes: pd.DataFrame) -> pd.Index:
    kept: pd.Index = ids[sizes.loc[ids, "members"].to_numpy() > 0]
    return kept


def _left_out(sizes: pd.DataFrame, shown: int) -> list[str]:
    empty = int((sizes["members"] == 0).sum())
    smaller = len(sizes) - shown - empty
    notes = [f"… and {plural(smaller, 'more group')}, smaller than these, not drawn."] if smaller else []
    return [*notes, f"{plural(empty, 'empty group')} left out."] if empty else notes
