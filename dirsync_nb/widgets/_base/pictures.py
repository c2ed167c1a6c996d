"""Pictures of groups as SVG: drawn from counts, in the colours of the page, each part with its numbers.

They need no script: a reader without a kernel sees the same picture. In a live widget a click on a part, which
has a key, answers with the people it stands for.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from html import escape
from string import ascii_uppercase
from typing import Any

import anywidget
import pandas as pd
import traitlets as t

from .script import script_of
from .text import LITERAL, label, name_label, plural

__all__ = [
    "TOLD",
    "Picture",
    "bars",
    "changes_picture",
    "combinations_picture",
    "graph_picture",
    "overlap_picture",
]

NAME = 44  # characters of a name
TOLD = 60  # characters of one that is told where it is pointed at
LINE = 15  # pixels from one line of text to the next
FILL = "var(--jp-brand-color1, #1976d2)"
TWIN = "var(--jp-warn-color1, #f57c00)"  # groups of exactly the same people
SOFT = "var(--jp-layout-color3, #d0d4da)"
GAINED, LOST = "var(--jp-success-color1, #388e3c)", "var(--jp-error-color1, #d32f2f)"
SOME = 12  # combinations shown
CELLS = 90  # of so many groups: what is paler than these is hardly seen, and costs as much
WORTH = 6  # characters of a name; of a longer one a number is sent
KEY = re.compile(r'data-key="([^"]*)"')
RING = ' stroke="currentColor" stroke-width="2"'
DENSE = 10  # groups; of more, the cells have no room for numbers
APART = 14  # pixels before the groups that hold nearly everybody


class Picture(anywidget.AnyWidget):
    """A picture whose parts can be clicked.

    Parameters
    ----------
    choose
        Called with the key of the part that was clicked, or "" where it is chosen no more.

    Attributes
    ----------
    markup
        The picture as SVG. The page is sent ``drawn`` and ``names``: each name once, however often it is said.
    """

    _esm = script_of("picture")
    drawn = t.Unicode("").tag(sync=True)
    names: Any = t.List().tag(sync=True)
    chosen = t.Unicode("").tag(sync=True)

    def __init__(self, choose: Callable[[str], None]) -> None:
        super().__init__()
        self.choose = choose
        self.markup = ""
        self._ids: list[str] = []
        self.on_msg(self._received)

    def show(self, markup: str, chosen: str, names: Mapping[str, str] | None = None) -> None:
        """Show a picture; in its keys a number stands for each id, and in what is sent for each long name."""
        self._ids = list(names or ())
        self.markup = KEY.sub(lambda key: f'data-key="{self._short(key[1])}"', markup)
        places = {escape(one): place for place, one in enumerate((names or {}).values()) if len(one) > WORTH}
        said = re.compile("|".join(map(re.escape, sorted(places, key=len, reverse=True))) or "(?!)")
        with self.hold_sync():
            drawn = said.sub(lambda name: f"\x01{places[name[0]]}\x01", self.markup)
            self.drawn = drawn.replace('"', "'")  # those of names are escaped; in JSON each would be two
            self.names = list((names or {}).values())
            self.chosen = self._short(chosen)

    def _long(self, key: str) -> str:
        return " ".join(self._ids[int(word)] if word.isdecimal() else word for word in key.split())

    def _short(self, key: str) -> str:
        places = {one: f"{place}" for place, one in enumerate(self._ids)}
        return " ".join(places.get(word, word) for word in key.split())

    def _received(self, _widget: object, content: dict[str, object], _buffers: object) -> None:
        if "key" in content:
            key = str(content["key"])
            self.choose(self._long(key) if self._ids else key)


Bar = tuple[str, str, str, str, Sequence[tuple[int, str]]]
"""A key, a name, what is told of it, the number at its end, and its pieces: how long, and in which colour."""


def bars(sizes: Sequence[tuple[str, str, int]], title: str) -> str:
    """Draw one bar for each key, name and count, the largest first."""
    ordered = sorted(sizes, key=lambda one: -one[2])
    shown = [(key, name, f"{name}: {plural(n, 'member')}", f"{n:,}", [(n, FILL)]) for key, name, n in ordered]
    return _bars(shown, title)


def changes_picture(counts: Sequence[tuple[str, int, int, int]], title: str) -> str:
    """Draw one bar for each name, with how many keep it, gain it and lose it."""
    shown = []
    for name, kept, gained, lost in counts:
        moved = "".join(f", {sign}{count:,}" for sign, count in (("+", gained), ("−", lost)) if count)
        numbers = f"{kept + lost:,} → {kept + gained:,}{moved}" if moved else f"{kept:,}"
        told = f"{name}: {kept:,} keep it, {gained:,} gain it, {lost:,} lose it"
        shown.append((name, name, told, numbers, [(kept, FILL), (gained, GAINED), (lost, LOST)]))
    return _bars(shown, title)


def _bars(shown: Sequence[Bar], title: str) -> str:
    most = max((sum(count for count, _ in pieces) for *_, pieces in shown), default=0) or 1
    parts, step = [], LINE + 15
    for place, (key, name, told, numbers, pieces) in enumerate(shown):
        y, x = place * step, 0.0
        drawn = f'<rect x="0" y="{y}" width="100%" height="{step}" fill="transparent"/>' + _text(
            0, y + 12, name
        )
        drawn += f'<text x="100%" y="{y + 12}" text-anchor="end">{numbers}</text>'
        drawn += f'<rect x="0" y="{y + 17}" width="100%" height="8" fill="{SOFT}" opacity=".5"/>'
        for count, fill in pieces:
            width = 100 * count / most
            drawn += f'<rect x="{x:.2f}%" y="{y + 17}" width="{width:.2f}%" height="8" fill="{fill}"/>'
            x += width
        parts.append(_part(key, told, drawn))
    return _svg(parts, step * len(shown), title)


def overlap_picture(
    names: Mapping[str, str],
    shared: Mapping[tuple[str, str], int],
    sizes: Mapping[str, int],
    title: str,
    apart: Collection[str] = (),
) -> str:
    """Draw the share of each group's members who are in each other group too, from 0 to 1.

    The groups ``apart`` hold nearly everybody, and come last. Of many groups each pair stands there once, with
    the share of those in either, and only those that share the most.
    """
    ids = sorted(names, key=lambda one: one in apart)
    dense, many = len(ids) > DENSE, len(ids) > len(ascii_uppercase)
    signs = range(1, len(ids) + 1) if many else ascii_uppercase
    most = sorted(
        shared, key=lambda pair: -shared[pair] / (sizes[pair[0]] + sizes[pair[1]] - shared[pair] or 1)
    )
    strongest = {pair for pair in most[:CELLS] if shared[pair]}
    left, row = 38.0, 20 if dense else 26
    width = (100 - left) / max(1, len(ids))
    parts = [
        f'<text x="{left + (place + 0.5) * width:.2f}%" y="12" text-anchor="middle">{signs[place]}</text>'
        for place in range(len(ids))
        if not many or not (place + 1) % 5
    ]
    cells = []
    for down, one in enumerate(ids):
        y = 18 + down * row + (APART if one in apart else 0)
        parts.append(_text(0, y + row - 9, f"{signs[down]}  {label(names[one], 18)}", names[one]))
        if not dense:
            ground = f'x="{left}%" y="{y}" width="{100 - left}%" height="{row - 2}"'
            parts.append(f'<rect {ground} fill="{SOFT}" opacity=".3"/>')
        for across, other in enumerate(ids[: down if dense else None]):
            count = sizes[one] if one == other else shared.get((one, other), shared.get((other, one), 0))
            if dense and (one, other) not in strongest and (other, one) not in strongest:
                continue
            whole = sizes[one] + sizes[other] - count if dense else sizes[one]
            share = count / whole if whole else 0.0
            key = f"in {one}" if one == other else f"in {one} {other}"
            told = (
                f"{names[one]}: {plural(count, 'member')}"
                if one == other
                else f"{names[one]} and {names[other]}: {count:,} in both, {share:.0%} of "
                + ("either" if dense else names[one])
            )
            place = f'x="{left + across * width:.2f}%" y="{y}" width="{width:.2f}%" height="{row - 2}"'
            cell = f'<rect {place} fill-opacity="{share and 0.1 + 0.9 * share:.2f}"/>'
            if not dense:
                strong = "var(--jp-ui-inverse-font-color1, #fff)" if share > 0.6 else "currentColor"
                middle = f'x="{left + (across + 0.5) * width:.2f}%" y="{y + 16}"'
                cell += f'<text {middle} fill="{strong}">{share:.0%}</text>'
            cells.append(_part(key, told, cell))
    parts.append(f'<g fill="{FILL}" text-anchor="middle">{"".join(cells)}</g>')
    height = 18 + row * len(ids) + (APART if apart else 0)
    if apart:
        parts.append(_text(0, height + 14, "Set apart: nearly everybody is in these."))
    return _svg(parts, height + (LINE if apart else 0), title, least=16 * len(ids) if dense else 0)


def graph_picture(nodes: pd.DataFrame, links: pd.DataFrame, picked: Collection[str], title: str) -> str:
    """Draw groups as dots under each other, and a curve between those that share people.

    Parameters
    ----------
    nodes, links
        As :func:`dirsync_nb.analysis.group_graph` gives them.
    picked
        The groups that are picked.
    """
    row, x = 22, 206
    count = int((~nodes["nearly_all"]).sum())
    heights = {i: 12 + place * row + (APART if place >= count else 0) for place, i in enumerate(nodes.index)}
    names = {str(i): label(name_label(name), TOLD) for i, name in nodes["name"].items()}
    reach = row * max(1, count - 1)
    parts = []
    for a, b, shared, jaccard in links[["group_a", "group_b", "shared", "jaccard"]].to_numpy().tolist():
        y, end = sorted((heights[a], heights[b]))
        bow = x + 30 + 114 * float((end - y) / reach) ** 0.5
        shade = f'stroke="{TWIN}"' if jaccard == 1 else f'stroke-opacity="{0.3 + 0.6 * jaccard:.2f}"'
        curve = (
            f'<path d="M{x},{y} C{bow:.0f},{y} {bow:.0f},{end} {x},{end}" {shade}'
            f' stroke-width="{1.5 + 7 * jaccard:.1f}"/>'
        )
        told = f"{names[a]} and {names[b]}: {shared:,} in both, {jaccard:.0%} of either"
        parts.append(_part(f"in {a} {b}", told, curve))
    parts = [f'<g fill="none" stroke="{FILL}">{"".join(parts)}</g>']
    most = max(1, *nodes["members"].tolist(), 1)
    for i, members in nodes["members"].astype(int).items():
        one, y = str(i), heights[i]
        drawn = (
            f'<rect x="0" y="{y - row / 2}" width="{x + 10}" height="{row}" fill="transparent"/>'
            + _text(0, y + 4, label(names[one], 24))
            + f'<text x="{x - 18}" y="{y + 4}" text-anchor="end">{members:,}</text>'
            f'<circle cx="{x}" cy="{y}" r="{3 + 6 * float(members / most) ** 0.5:.1f}" fill="{FILL}"'
            f"{RING if one in picked else ''}/>"
        )
        parts.append(_part(f"pick {one}", f"{names[one]}: {plural(members, 'member')}", drawn))
    height = 12 + row * len(nodes) + (APART if count < len(nodes) else 0)
    if count < len(nodes):
        parts.append(_text(0, height + 6, "Set apart: nearly everybody is in these."))
    return _svg(parts, height + LINE, title, least=352)


def combinations_picture(
    names: Mapping[str, str], counts: Sequence[tuple[tuple[str, ...], int]], title: str
) -> str:
    """Draw which combinations of groups people are in, and how many: the most common first."""
    ids, row, top = list(names), 22, 8
    most = max((count for _, count in counts), default=0) or 1
    dots = 16.0
    parts = [
        f'<text x="{10 + place * dots}" y="{top + 6}" text-anchor="middle">'
        f"<title>{escape(names[one])}</title>{ascii_uppercase[place]}</text>"
        for place, one in enumerate(ids)
    ]
    start = 24 + len(ids) * dots
    for down, (together, count) in enumerate(counts[:SOME]):
        y = top + 14 + down * row
        held = [place for place, one in enumerate(ids) if one in together]
        drawn = "".join(
            f'<circle cx="{10 + place * dots}" cy="{y + 10}" r="5" fill="{FILL if place in held else SOFT}"/>'
            for place in range(len(ids))
        )
        if len(held) > 1:
            drawn += (
                f'<line x1="{10 + held[0] * dots}" x2="{10 + held[-1] * dots}" y1="{y + 10}" y2="{y + 10}"'
                f' stroke="{FILL}" stroke-width="2"/>'
            )
        bar = (
            f'<svg x="{start}" y="{y}" width="60%" height="{row}" overflow="visible">'
            f'<rect x="0" y="4" width="{85 * count / most:.2f}%" height="12" rx="2" fill="{FILL}"/>'
            f'<text x="{85 * count / most + 1.5:.2f}%" y="14">{count:,}</text></svg>'
        )
        ground = f'<rect x="0" y="{y}" width="100%" height="{row}" fill="transparent"/>'
        told = (
            f"{' and '.join(names[one] for one in together)}, and no other: {plural(count, 'person', 'people')}"
        )
        parts.append(_part(f"only {' '.join(together)}", told, ground + drawn + bar))
    below = top + 22 + row * min(len(counts), SOME)
    for place, one in enumerate(ids):
        parts.append(_text(0, below + 8 + place * LINE, f"{ascii_uppercase[place]}  {names[one]}"))
    return _svg(parts, below + LINE * len(ids), title)


def _part(key: str, told: str, drawn: str) -> str:
    return f'<g data-key="{escape(key)}"><title>{escape(told)}</title>{drawn}</g>'


def _text(x: float, y: float, text: str, told: str = "") -> str:
    cut = label(text, NAME)
    title = f"<title>{escape(told or text)}</title>" if told or cut != text else ""
    return f'<text x="{x}" y="{y}">{title}{escape(cut)}</text>'


def _svg(parts: Sequence[str], height: float, title: str, least: int = 0) -> str:
    """Put a picture together; where there are fewer than the ``least`` pixels it is moved sideways."""
    return (
        f'<svg class="dsn-picture {LITERAL}" role="group" aria-label="{escape(title)}" width="100%"'
        f' height="{height + 4:.0f}" fill="currentColor" font-size="12" style="min-width: {least}px;'
        f' max-width: 720px; display: block">'
        f"{''.join(parts)}</svg>"
    )
