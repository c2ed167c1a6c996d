"""What happened when: events by period, and how many users there are over time."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import tzinfo
from typing import Any
from zoneinfo import available_timezones

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from pandas.tseries.frequencies import to_offset

from .. import errors
from ..frames import latest, one_of, require_columns, require_ids, takes_frames, text_dtype
from ..sync import history
from ..text import plural, value_labels
from . import figure
from .figure import beside
from .labels import day, distinct_labels, listed
from .palette import BLUE, GREEN, ORANGE, SKY, VERMILLION, Look, choose_looks, edged, fold, swatches

__all__ = [
    "EVENT_LOOKS",
    "EVENT_WORDS",
    "axes_of_time",
    "dated",
    "moments",
    "periods",
    "plot_events",
    "plot_onboarding",
    "zone_label",
]

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
MOST_KINDS = 16  # entries a legend has room for; further kinds share one
MOST_PERIODS = 20_000
DRAWN_YEARS = (1900, 2199)  # what lies outside is a placeholder such as 0001-01-01, not a time


# Events -----------------------------------------------------------------------------------------------------


@takes_frames(events="event")
def plot_events(
    events: pd.DataFrame,
    *,
    freq: str | None = None,
    tz: str | tzinfo | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw events over time: one stack per period, one colour and hatching per kind of event.

    Parameters
    ----------
    events
        An events frame. Kinds this version does not know get looks of their own.
    freq
        Length of a period, as pandas spells it: ``"h"``, ``"D"``, ``"W"`` (from Monday), ``"MS"`` or ``"ME"``
        (calendar months). Default: by the time covered.
    tz
        The time zone whose hours and days are counted, such as ``"Europe/Oslo"``; the axis names it. Default:
        that of the frame's times, which is UTC unless they were converted.
    ax
        As in :func:`plot_group_sizes`.

    Raises
    ------
    ArgumentError
        There is no such ``freq`` or ``tz``, or so many periods that no chart could show them.

    Examples
    --------
    >>> ds.charts.plot_events(events).get_ylabel()
    'events a day'
    """
    timed, notes = dated(latest(events), "event", tz)
    times = timed["created_at"]
    offset = _offset(freq or _period(times))
    ax = figure.new_axes(ax, 10, 4.6)
    if timed.empty:
        return figure.nothing(ax, "no events" if events.empty else "no events with a date", [events])
    kinds = pd.Series(
        value_labels(timed["event"].tolist(), none="(no kind)"), index=timed.index, dtype=text_dtype()
    )
    edges = _edges(times, offset)
    counts = fold(_by_period(times, kinds, edges), MOST_KINDS, "kinds")
    looks = choose_looks(counts.columns, EVENT_LOOKS)
    labels = distinct_labels(list(looks), [EVENT_WORDS.get(kind, kind) for kind in looks])
    _stack(ax, counts, looks, edges)
    figure.legend(ax, swatches(looks.values())[::-1], labels[::-1])  # in the order of the stack, from the top
    ax.set(xlabel=zone_label(times.dt.tz), ylabel=f"events {_each(offset.freqstr)}")
    totals = counts.set_axis(labels, axis=1).sum().sort_values(ascending=False, kind="stable")
    details = "Events: " + listed(list(totals.index), totals) + "."
    finding = _events_finding(times, counts.sum(axis=1), offset)
    return figure.finish(ax, finding, notes, details=details, drawn=labels, sources=[events])


def _stack(ax: Axes, counts: pd.DataFrame, looks: Mapping[str, Look], edges: pd.DatetimeIndex) -> None:
    """Draw the periods side by side, kind upon kind."""
    borders = moments(edges)
    below = np.zeros(len(counts))
    for kind, look in looks.items():
        above = below + counts[kind].to_numpy()
        ax.stairs(above, borders, baseline=below, fill=True, label=kind, **edged(look))
        below = above
    axes_of_time(ax, edges.tz)
    ax.set_xlim(borders[0], borders[-1])
    ax.set_ylim(0, max(1.0, below.max()) * 1.05)


def _events_finding(times: pd.Series, per_period: pd.Series, offset: Any) -> str:
    return (
        f"{plural(len(times), 'event')} from {day(times.min())} to {day(times.max())}; "
        f"the most {_each(offset.freqstr)}: {per_period.max():,} ({day(per_period.idxmax())})"
    )


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
    """Return the borders of the periods these times lie in, without gaps: one more than there are periods.

    Frequencies named after the end of a period (``"ME"``, ``"W"``: weeks ending on Sunday) give the days on
    which periods end. Theirs are the same periods as with a frequency named after the start.
    """
    first, last = times.min(), times.max()
    tick = isinstance(offset, pd.offsets.Tick)
    if tick:
        _check_periods((last - first) / pd.Timedelta(offset), offset)
    # By the calendar days are counted on the wall, and hours as they pass: the hour that comes twice in autumn
    # is two.
    wall = first.tz_localize(None).normalize()
    if tick:
        edges = pd.date_range(_on_the_wall([wall], times)[0], last + offset, freq=offset, unit="us")
    else:
        end = last.tz_localize(None) + offset + pd.Timedelta(days=1)
        edges = pd.date_range(wall - offset, end, freq=offset, unit="us")
        later = "End" in type(offset).__name__ or isinstance(offset, pd.offsets.Week)
        edges = _on_the_wall(edges + pd.Timedelta(days=1) if later else edges, times)
    begin = max(0, int(edges.searchsorted(first, side="right")) - 1)
    edges = edges[begin : int(edges.searchsorted(last, side="right")) + 1]
    _check_periods(len(edges), offset)
    return edges


def periods(times: pd.Series, freq: str | None) -> pd.DatetimeIndex:
    """Return the borders of the periods these times lie in; without a ``freq``, by the time covered."""
    return _edges(times, _offset(freq or _period(times)))


def _on_the_wall(times: Any, like: pd.Series) -> pd.DatetimeIndex:
    """Return the moments at which clocks show these times, the first of two; of a skipped one, the next."""
    moments = pd.DatetimeIndex(times).as_unit("us")
    twice = np.ones(len(moments), dtype=bool)
    return moments.tz_localize(like.dt.tz, ambiguous=twice, nonexistent="shift_forward")


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


# Growth -----------------------------------------------------------------------------------------------------


@takes_frames(frame="")
def plot_onboarding(
    frame: pd.DataFrame, *, tz: str | tzinfo | None = None, color: str = BLUE, ax: Axes | None = None
) -> Axes:
    """Draw how many users there are over time, as one rising line.

    Parameters
    ----------
    frame
        A users frame: counts today's users by when WorkOS first knew them. Or an events frame: users who joined
        minus those who left, from the first event on.
    tz
        As in :func:`plot_events`: whose days are counted.
    color, ax
        As in :func:`plot_group_sizes`.

    Examples
    --------
    >>> ds.charts.plot_onboarding(users).get_ylabel()
    'users'
    """
    from_events = "event" in getattr(frame, "columns", ())
    if not from_events:
        require_ids("frame", frame, "user_id")
        require_columns("frame", frame, "created_at", loader="load_users")
    ax = figure.new_axes(ax, 9, 4.2)
    steps, undated = _arrivals(latest(frame), tz)
    if steps.empty:
        return figure.nothing(ax, "no users with a date", [frame])
    _rising_line(ax, steps, color)
    ax.set(xlabel=zone_label(pd.DatetimeIndex(steps.index).tz), ylabel="users")
    notes = [
        "Joined minus left since the first event." if from_events else "Users who have left are not in it."
    ]
    finding = _growth_finding(steps, signed=from_events)
    return figure.finish(ax, finding, notes + undated, sources=[frame])


def _rising_line(ax: Axes, steps: pd.Series, color: str) -> None:
    """Draw the sum of the steps so far, with the number it has reached at its end."""
    total = steps.cumsum()
    # The line goes on a little, so that the last step is seen.
    end = total.index[-1] + max(pd.Timedelta(days=1), (total.index[-1] - total.index[0]) * 0.02)
    total[end] = total.iloc[-1]
    times, users = moments(total.index), total.to_numpy()
    ax.fill_between(times, users, step="post", color=color, alpha=0.15, linewidth=0)
    ax.step(times, users, where="post", color=color, linewidth=2)
    beside(ax, f"{users[-1]:,}", (times[-1], users[-1]), 5, color=color)
    axes_of_time(ax, pd.DatetimeIndex(total.index).tz)
    ax.set_ylim(min(0, int(users.min())) * 1.08, max(1, int(users.max())) * 1.08)


def _growth_finding(steps: pd.Series, *, signed: bool) -> str:
    last, most = int(steps.sum()), int(steps.max())
    net = ("+" if signed and last >= 0 else "") + plural(last, "user")
    return f"{net} since {day(steps.index[0])}; the largest day brought {most:,} ({day(steps.idxmax())})"


def _arrivals(frame: pd.DataFrame, tz: str | tzinfo | None) -> tuple[pd.Series, list[str]]:
    """Count arrivals less departures for each day that has any, and say what has no date.

    Of events, those count that :func:`dirsync_nb.sync.history.timeline` tells as joined, returned or left.
    """
    if "event" in frame:
        kinds = frame["event"].astype(text_dtype())
        _, notes = dated(frame[kinds.isin(["dsync.user.created", "dsync.user.deleted"])], "user", tz)
        whole = frame.copy(deep=False)
        whole.attrs = {}  # that it is partial is said on the chart
        told = history.arrivals(whole)
        timed, _ = dated(pd.DataFrame({"created_at": told.index, "sign": told.array}), "user", tz)
    else:
        timed, notes = dated(frame.assign(sign=1), "user", tz)
    times = timed["created_at"]
    steps = timed["sign"].astype("int64").groupby(times.dt.tz_localize(None).dt.floor("D").array).sum()
    return steps.set_axis(_on_the_wall(steps.index, times)), notes


# Time -------------------------------------------------------------------------------------------------------


def dated(frame: pd.DataFrame, noun: str, tz: str | tzinfo | None) -> tuple[pd.DataFrame, list[str]]:
    """Keep the rows whose time a chart can show, in the zone asked for, and say how many it cannot."""
    frame = frame.assign(created_at=_in_zone(frame["created_at"], tz))
    times = frame["created_at"]
    dated = times.notna()
    drawn = dated & times.dt.year.between(*DRAWN_YEARS)
    without, odd = int((~dated).sum()), int((dated & ~drawn).sum())
    notes = [f"{plural(without, noun)} without a time left out."] if without else []
    if odd:
        first, last = DRAWN_YEARS
        notes.append(f"{plural(odd, noun)} dated before {first} or after {last} left out.")
    return frame[drawn], notes


def _in_zone(times: pd.Series, tz: str | tzinfo | None) -> pd.Series:
    """Return times in this zone, or as they are; times without a zone are UTC."""
    aware = (
        times if isinstance(times.dtype, pd.DatetimeTZDtype) else pd.to_datetime(times).dt.tz_localize("UTC")
    )
    if isinstance(tz, str):
        one_of("tz", tz, sorted(available_timezones()), "the name of a time zone, such as 'Europe/Oslo':")
    return aware if tz is None else aware.dt.tz_convert(tz)


def zone_label(tz: Any) -> str:
    """Return the title of an axis of times of this zone."""
    return f"time ({tz})"


def moments(index: Any) -> Any:
    """Return the times as matplotlib places them, in UTC: on the wall two different hours could be one."""
    return index.tz_convert("UTC").tz_localize(None).to_numpy()


class _Dates(ConciseDateFormatter):
    """Short dates whose common part, such as the month, is that of the first of them."""

    def format_ticks(self, values: Any) -> list[str]:
        labels: list[str] = super().format_ticks(values[::-1])  # type: ignore[no-untyped-call]
        return labels[::-1]


def axes_of_time(ax: Axes, tz: Any) -> None:
    """Count upwards in whole numbers, over dates as short as they can be."""
    figure.plain_numbers(ax.yaxis)
    figure.tidy(ax, grid="y")
    locator = AutoDateLocator(tz=tz, minticks=3, maxticks=9)  # type: ignore[no-untyped-call]
    ax.xaxis.set_major_locator(locator)
    ax.xaxis.set_major_formatter(_Dates(locator, tz=tz))  # type: ignore[no-untyped-call]
    common = ax.xaxis.get_offset_text()
    common.set(x=0, ha="left")
