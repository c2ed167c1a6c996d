"""Stories: who came and went, one person's days, the order in which events arrived, a day of several hands."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import tzinfo
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from ..client import checked_id
from ..frames import latest, require_columns, takes_frames
from ..sync import history
from ..text import plural
from . import figure
from .figure import beside, rows_height
from .labels import clean, day, distinct_labels, quoted, shorten
from .palette import BLUE, GREEN, GREY, ORANGE, VERMILLION, swatches
from .time import EVENT_LOOKS, EVENT_WORDS, axes_of_time, dated, moments, periods, zone_label

__all__ = ["plot_arrival_order", "plot_comings_and_goings", "plot_life_line", "plot_strip"]

MOST_EVENTS = 40  # rows of a life line, deliveries of an order of arrival
MOST_LANES = 40
CAME = ("joined", "returned")


@takes_frames(events="event")
def plot_comings_and_goings(
    events: pd.DataFrame, *, freq: str | None = None, tz: str | tzinfo | None = None, ax: Axes | None = None
) -> Axes:
    """Draw who came and who went: a bar upwards and one downwards for each period.

    Parameters
    ----------
    events
        An events frame; those count that :func:`dirsync_nb.sync.history.timeline` tells as joined, returned or
        left.
    freq, tz
        As in :func:`plot_events`.
    ax
        As in :func:`plot_group_sizes`.

    Examples
    --------
    >>> ds.charts.plot_comings_and_goings(events).get_ylabel()
    'left  |  joined'
    """
    whole = latest(events).copy(deep=False)
    whole.attrs = {}  # that it is partial is said on the chart
    told = history.timeline(whole).rename(columns={"at": "created_at"})
    timed, notes = dated(told, "change", tz)
    ax = figure.new_axes(ax, 9, 3.8)
    if timed.empty:
        return figure.nothing(ax, "nobody joined or left", [events])
    edges = periods(timed["created_at"], freq)
    rows = edges.searchsorted(pd.DatetimeIndex(timed["created_at"]), side="right") - 1
    came = timed["change"].isin(CAME).to_numpy()
    borders = moments(edges)
    counts = [np.bincount(rows[which], minlength=len(edges) - 1) for which in (came, ~came)]
    for count, sign, color in zip(counts, (1, -1), (GREEN, VERMILLION), strict=True):
        ax.stairs(sign * count, borders, fill=True, color=color)
    axes_of_time(ax, edges.tz)
    ax.yaxis.set_major_formatter(lambda value, _: f"{abs(value):,.0f}")
    ax.axhline(0, color=GREY, linewidth=1)
    figure.legend(ax, swatches([{"color": GREEN}, {"color": VERMILLION}]), ["joined or returned", "left"])
    ax.set(xlabel=zone_label(edges.tz), ylabel="left  |  joined", xlim=(borders[0], borders[-1]))
    joined, left = int(came.sum()), int((~came).sum())
    times = timed["created_at"]
    finding = f"{joined:,} joined and {left:,} left from {day(times.min())} to {day(times.max())}"
    return figure.finish(ax, finding, notes, sources=[events])


@takes_frames(events="event")
def plot_life_line(events: pd.DataFrame, user_id: Any, *, ax: Axes | None = None) -> Axes:
    """Draw one person's life line: what the events tell of them, from the first on top to the last.

    Parameters
    ----------
    events
        An events frame.
    user_id
        Whose: an id, a record, or a row of a users frame.
    ax
        As in :func:`plot_group_sizes`.

    Examples
    --------
    >>> somebody = events["user_id"].dropna().iloc[0]
    >>> ds.charts.plot_life_line(events, somebody).get_title() != ""
    True
    """
    who = checked_id(user_id, "user_id")
    told = latest(events)
    told = told[told["user_id"] == who].sort_values("created_at", kind="stable")
    shown = told.head(MOST_EVENTS)
    ax = figure.new_axes(ax, 8, rows_height(len(shown)))
    if shown.empty:
        return figure.nothing(ax, "no event tells of this person", [events])
    places = range(len(shown))
    kinds = shown["event"].astype("str")
    colors = [EVENT_LOOKS.get(kind, {"color": GREY})["color"] for kind in kinds]
    ax.plot([0] * len(shown), places, color=GREY, linewidth=2, zorder=1)
    ax.scatter([0] * len(shown), places, s=70, color=colors, zorder=2)
    texts = [_told(kind, row) for kind, (_, row) in zip(kinds, shown.iterrows(), strict=True)]
    for place, text in zip(places, texts, strict=True):
        beside(ax, figure.drawable(text), (0, place), 10, **figure.lettering([text]))
    figure.tidy(ax, grid="")
    figure.tick_labels(ax.yaxis, [f"{at:%Y-%m-%d %H:%M}" for at in shown["created_at"]])
    ax.set(xticks=[], xlim=(-0.05, 1), ylim=(len(shown) - 0.5, -0.5))
    names = [clean(name) for name in shown["user"] if clean(name)]
    name = quoted(shorten(names[-1])) if names else who
    finding = f"{plural(len(told), 'event')} about {name}; the last: {texts[-1]}"
    notes = _beyond(len(told) - len(shown), "later event")
    return figure.finish(ax, finding, notes, details="; ".join(texts) + ".", drawn=texts, sources=[events])


def _beyond(count: int, noun: str, many: str = "") -> list[str]:
    """Return the note on what is counted and has no room in the picture."""
    return [f"… and {plural(count, noun, many)}."] if count > 0 else []


def _told(kind: str, row: pd.Series[Any]) -> str:
    """Return an event in a few words: what happened, with which group or which fields."""
    words = EVENT_WORDS.get(kind, clean(kind)).removeprefix("user ")
    group, before = clean(row["group"]), row["previous_attributes"]
    if group:
        return f"{words} {quoted(shorten(group))}".replace("to group ", "to ").replace("from group ", "from ")
    if isinstance(before, dict) and before:
        fields = [
            inner for name, value in before.items() for inner in (value if isinstance(value, dict) else [name])
        ]
        return shorten(f"{words}: {', '.join(map(clean, map(str, fields)))}", 60)
    return words


@takes_frames(events="event")
def plot_arrival_order(events: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw the order in which events arrived beside the one in which they happened: a line for each delivery.

    The title counts them all; the picture has room for the first 40.

    Parameters
    ----------
    events
        Events in the order they arrived; one that came twice stands there twice.
    ax
        As in :func:`plot_group_sizes`.

    Examples
    --------
    >>> shuffled = events.tail(8).sample(frac=1, random_state=1)
    >>> ax = ds.charts.plot_arrival_order(shuffled)
    """
    ids = [str(one) for one in events.index]
    shown = ids[:MOST_EVENTS]
    ax = figure.new_axes(ax, 8, rows_height(len(shown)))
    if not ids:
        return figure.nothing(ax, "nothing arrived", [events])
    times = pd.Series(pd.to_datetime(events["created_at"], utc=True).to_numpy(), index=range(len(ids)))
    order = times.sort_values(kind="stable").index
    happened = {one: place for place, one in enumerate(dict.fromkeys(ids[n] for n in order))}
    late = _overtaken([happened[one] for one in ids])
    rows = {one: row for row, one in enumerate(sorted(set(shown), key=happened.__getitem__))}
    seen: set[str] = set()
    kinds = events["event"].head(MOST_EVENTS).astype("str")
    words = [shorten(EVENT_WORDS.get(kind, clean(kind))) for kind in kinds]
    for place, one in enumerate(shown):
        again, color = one in seen, ORANGE if one in seen else VERMILLION if late[place] else BLUE
        seen.add(one)
        ax.plot(
            [0, 1], [rows[one], place], color=color, linestyle=":" if again else "-", marker="o", alpha=0.85
        )
        told = words[place] + (" (again)" if again else "")
        beside(ax, figure.drawable(told), (1, place), 8, **figure.lettering([told]))
    named = dict(zip(shown, words, strict=True))
    figure.tidy(ax, grid="")
    figure.tick_labels(ax.yaxis, [f"{named[one]}  {happened[one] + 1}" for one in rows])
    ax.set(xlim=(-0.03, 1.6), ylim=(len(shown) - 0.4, -0.6))
    ax.set_xticks([0, 1], ["as it happened", "as it arrived"])
    repeated = len(ids) - len(happened)
    finding = f"{sum(late):,} of {plural(len(ids), 'delivery', 'deliveries')} came after something newer"
    finding += f"; {repeated:,} came again" if repeated else ""
    notes = ["Red: overtaken by a newer one. Dotted: it had come before."]
    notes += _beyond(len(ids) - len(shown), "later delivery", "later deliveries")
    return figure.finish(ax, finding, notes, drawn=words, sources=[events])


def _overtaken(places: Sequence[int]) -> list[bool]:
    """Return which come after one that happened later."""
    newest = np.maximum.accumulate(np.array(places))
    return [bool(late) for late in np.array(places) < newest]


@takes_frames(acts="any")
def plot_strip(
    acts: pd.DataFrame, *, at: str = "at", lane: str = "who", size: str = "events", ax: Axes | None = None
) -> Axes:
    """Draw a day as a strip: a lane for everybody who acts, a dot for each act, the larger the more followed.

    The title counts all lanes; the picture has room for the first 40.

    Parameters
    ----------
    acts
        One row an act, as ``sandbox.play`` gives them.
    at, lane, size
        Columns: when, by whom, and a number of what followed.
    ax
        As in :func:`plot_group_sizes`.

    Examples
    --------
    >>> acts = pd.DataFrame({"at": ["2026-08-03T09:00Z"], "who": ["Okta"], "events": [9]})
    >>> ds.charts.plot_strip(acts).get_title()
    'Okta alone: 1 act, 9 events'
    """
    require_columns("acts", acts, at, lane, size, loader="sandbox.play")
    actors = acts[lane].astype("str")
    every = list(dict.fromkeys(actors))
    ax = figure.new_axes(ax, 9, rows_height(min(len(every), MOST_LANES)) + 0.4)
    if acts.empty:
        return figure.nothing(ax, "nobody did anything", [acts])
    whole = f"{plural(len(acts), 'act')}, {int(acts[size].sum()):,} {size}"
    lanes, acts = [clean(name) for name in every[:MOST_LANES]], acts[actors.isin(every[:MOST_LANES])]
    labels = distinct_labels(lanes, lanes)
    rows = pd.Index(every).get_indexer(pd.Index(acts[lane].astype("str")))
    times = pd.DatetimeIndex(pd.to_datetime(acts[at], utc=True))
    sizes = acts[size].to_numpy(dtype=float)
    axes_of_time(ax, times.tz)
    figure.tidy(ax, grid="y")
    dots = 30 + 500 * sizes / max(1.0, float(sizes.max()))
    ax.scatter(moments(times), rows, s=dots.tolist(), color=BLUE, alpha=0.6, edgecolors="white", linewidths=0.8)
    figure.tick_labels(ax.yaxis, labels)
    ax.set(ylim=(len(lanes) - 0.4, -0.6), xlabel=zone_label(times.tz))
    finding = f"{labels[0]} alone: {whole}" if len(every) == 1 else f"{len(every):,} in turn: {whole}"
    notes = [f"The larger a dot, the more {size} followed.", *_beyond(len(every) - len(lanes), "more lane")]
    return figure.finish(ax, finding, notes, drawn=labels)
