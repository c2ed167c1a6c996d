"""How large groups are, and how many groups people are in: a bar for each."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from .. import analysis
from ..frames import takes_frames
from ..text import plural
from . import figure
from .figure import LABELLED_BARS, answer_of, check_top, name_rows, rows_height
from .labels import group_labels, listed, quoted, strangers
from .palette import BLUE

__all__ = ["plot_group_sizes", "plot_groups_per_user"]

Array = np.ndarray[Any, Any]

LONGEST_HISTOGRAM = 16  # bars
STEPS = tuple(n * 10**power for power in range(9) for n in (1, 2, 5))


@takes_frames(memberships="")
def plot_group_sizes(
    memberships: pd.DataFrame,
    groups: pd.DataFrame | None = None,
    *,
    directories: pd.DataFrame | None = None,
    top: int | None = 20,
    color: str = BLUE,
    ax: Axes | None = None,
) -> Axes:
    """Draw one bar per group, the largest on top, counting distinct members.

    Parameters
    ----------
    memberships, groups
        Frames; ``groups`` gives names, and the empty groups. Or the answer of ``analysis.group_sizes`` alone,
        as ``fleet.analyse("group_sizes")`` gives it.
    directories
        Frame that tells groups of one name apart by whose they are; ``fleet.board()`` names the customers.
    top
        So many bars; the other groups share one line that says how many they are. None: all.
    color
        Any matplotlib colour.
    ax
        Where to draw. Default: a figure of its own, as high as the bars need.

    Examples
    --------
    >>> ax = ds.charts.plot_group_sizes(memberships, groups, top=5)
    >>> [label.get_text() for label in ax.get_yticklabels()][0]
    'Everyone'
    """
    check_top(top)
    sizes = answer_of(analysis.group_sizes, ["members", "name"], memberships, groups)
    shown, rest = sizes.head(top or len(sizes)), sizes.iloc[top or len(sizes) :]
    ax = figure.new_axes(ax, 8, rows_height(len(shown) + bool(len(rest))))
    sources = (memberships, groups)
    if sizes.empty:
        return figure.nothing(ax, "no groups", sources)
    if not sizes["members"].sum():
        return figure.nothing(ax, f"{plural(len(sizes), 'group')}, all empty", sources)
    labels = group_labels(shown, directories)
    bars = ax.barh(range(len(shown)), shown["members"].tolist(), height=0.72, color=color)
    if len(shown) <= LABELLED_BARS:
        ax.bar_label(bars, [f"{count:,}" for count in shown["members"]], padding=3, fontsize=9)
    lines = [*labels, f"… and {plural(len(rest), 'more group')}"] if len(rest) else labels
    if len(rest):
        ax.text(0, len(shown), _range_of(rest["members"]), va="center", fontsize=9, alpha=0.7)
    name_rows(ax, lines)
    figure.plain_numbers(ax.xaxis)
    ax.set_xlim(0, int(shown["members"].max()) * 1.08)
    ax.set_xlabel("members")
    people = memberships["user_id"].nunique() if "user_id" in memberships else None
    details = "Members: " + listed(labels, shown["members"]) + "."
    known = groups is not None or sizes["name"].notna().any()
    notes = [] if known else ["Without the groups frame, empty groups and names are not known."]
    return figure.finish(
        ax, _sizes_finding(sizes, labels[0], people), notes, details=details, drawn=lines, sources=sources
    )


def _sizes_finding(sizes: pd.DataFrame, largest: str, people: int | None) -> str:
    empty = int((sizes["members"] == 0).sum())
    held = int(sizes["members"].iloc[0])
    share = "" if people is None else "all " if held == people else f"{held:,} of the "
    finding = f"{quoted(largest)} holds {share}{plural(people or held, 'person', 'people')}"
    finding += f" in {plural(len(sizes), 'group')}" if len(sizes) > 1 else " in any group"
    return finding + (f"; {plural(empty, 'group')} {'is' if empty == 1 else 'are'} empty" if empty else "")


def _range_of(members: pd.Series) -> str:
    low, high = int(members.min()), int(members.max())
    if not high:
        return " all empty" if len(members) > 1 else " empty"
    return f" {low:,} each" if low == high else f" {low:,} to {high:,} members each"


@takes_frames(memberships="")
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
        Frames; without ``users``, those in no group are not known. Or the answer of
        ``analysis.groups_per_user`` alone; that of a fleet is read with ``.compute()``.
    color, ax
        As in :func:`plot_group_sizes`.

    Examples
    --------
    >>> ax = ds.charts.plot_groups_per_user(memberships, users)
    >>> ax.figure.savefig("groups_per_user.png")
    """
    table = answer_of(analysis.groups_per_user, ["groups", "in_users"], memberships, users)
    known = users is not None or bool(table["in_users"].notna().any())
    people = table[table["in_users"].fillna(True)]
    counts = people["groups"].to_numpy(dtype=np.int64)
    ax = figure.new_axes(ax, 8, 4.2)
    sources = (memberships, users)
    if not len(counts):
        return figure.nothing(ax, "no users", sources)
    if not counts.any():
        return figure.nothing(ax, f"{plural(len(counts), 'user')}, none of them in a group", sources)
    ticks, bins = _histogram(counts, with_none=known)
    bars = ax.bar(range(len(bins)), bins, width=0.72, color=color)
    ax.bar_label(bars, [f"{n:,}" if n else "" for n in bins], padding=2, fontsize=9)
    ax.set_xticks(range(len(bins)), ticks)
    figure.plain_numbers(ax.yaxis)
    figure.tidy(ax, grid="y")
    ax.set(xlabel="groups a user is in", ylabel="users")
    notes = [] if known else ["Without the users frame, users in no group are not known."]
    notes += strangers(len(table) - len(people))
    details = "Users by number of groups: " + listed([f"{tick}:" for tick in ticks], bins) + "."
    return figure.finish(ax, _per_user_finding(counts), notes, details=details, sources=sources)


def _histogram(counts: Array, *, with_none: bool) -> tuple[list[str], Array]:
    """Count users by number of groups; a wide range in equal steps, with "none" always on its own."""
    highest = int(counts.max())
    step = next(n for n in STEPS if highest <= n * LONGEST_HISTOGRAM)
    people = np.bincount(-(-counts // step))  # 0 stays 0; 1 to step is 1
    ticks = [str(n) if step == 1 else f"{(n - 1) * step + 1}–{n * step}" for n in range(len(people))]
    ticks[0] = "0"
    return (ticks, people) if with_none else (ticks[1:], people[1:])


def _per_user_finding(counts: Array) -> str:
    middle, none = int(np.median(counts)), int((counts == 0).sum())
    finding = f"Half of the {plural(len(counts), 'user')} are in {plural(middle, 'group')} or fewer"
    if counts.min() == counts.max():
        all_of_them = f"All {len(counts):,} users are" if len(counts) > 1 else "The only user is"
        finding = f"{all_of_them} in {plural(int(counts[0]), 'group')}"
    return finding + (f"; {none:,} {'is' if none == 1 else 'are'} in none" if none else "")
