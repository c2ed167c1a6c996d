"""Pictures of groups as SVG: drawn from counts, in the colours of the page, each part with its numbers.

They need no script: a reader without a kernel sees the same picture. In a live widget a click on a part, which
has a key, answers with the people it stands for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from html import escape
from string import ascii_uppercase

import anywidget
import traitlets as t

from .script import script_of
from .text import LITERAL, label, plural

__all__ = ["Picture", "bars", "changes_picture", "combinations_picture", "overlap_picture"]

NAME = 44  # characters of a name
LINE = 15  # pixels from one line of text to the next
FILL = "var(--jp-brand-color1, #1976d2)"
SOFT = "var(--jp-layout-color3, #d0d4da)"
GAINED, LOST = "var(--jp-success-color1, #388e3c)", "var(--jp-error-color1, #d32f2f)"
SOME = 12  # combinations shown


class Picture(anywidget.AnyWidget):
    """A picture whose parts can be clicked.

    Parameters
    ----------
    choose
        Called with the key of the part that was clicked, or "" where it is chosen no more.
    """

    _esm = script_of("picture")
    markup = t.Unicode("").tag(sync=True)
    chosen = t.Unicode("").tag(sync=True)

    def __init__(self, choose: Callable[[str], None]) -> None:
        super().__init__()
        self.choose = choose
        self.on_msg(self._received)

    def _received(self, _widget: object, content: dict[str, object], _buffers: object) -> None:
        if "key" in content:
            self.choose(str(content["key"]))


def bars(sizes: Sequence[tuple[str, str, int]], title: str) -> str:
    """Draw one bar for each key, name and count, the largest first."""
    most = max((count for _, _, count in sizes), default=0) or 1
    parts, step = [], LINE + 15
    for place, (key, name, count) in enumerate(sorted(sizes, key=lambda one: -one[2])):
        y = place * step
        parts.append(
            _part(
                key,
                f"{name}: {plural(count, 'member')}",
                f'<rect x="0" y="{y}" width="100%" height="{step}" fill="transparent"/>'
                + _text(0, y + 12, name)
                + f'<text x="100%" y="{y + 12}" text-anchor="end" fill="currentColor">{count:,}</text>'
                f'<rect x="0" y="{y + 17}" width="100%" height="8" rx="2" fill="{SOFT}" opacity=".5"/>'
                f'<rect x="0" y="{y + 17}" width="{100 * count / most:.2f}%" height="8" rx="2" fill="{FILL}"/>',
            )
        )
    return _svg(parts, step * len(sizes), title)


def changes_picture(counts: Sequence[tuple[str, int, int, int]], title: str) -> str:
    """Draw one bar for each name, with how many keep it, gain it and lose it."""
    most = max((sum(numbers) for _, *numbers in counts), default=0) or 1
    parts, step = [], LINE + 15
    for place, (name, kept, gained, lost) in enumerate(counts):
        y, x, drawn = place * step, 0.0, ""
        for count, fill in ((kept, FILL), (gained, GAINED), (lost, LOST)):
            width = 100 * count / most
            drawn += f'<rect x="{x:.2f}%" y="{y + 17}" width="{width:.2f}%" height="8" fill="{fill}"/>'
            x += width
        moved = "".join(f", {sign}{count:,}" for sign, count in (("+", gained), ("−", lost)) if count)
        numbers = f"{kept + lost:,} → {kept + gained:,}{moved}" if moved else f"{kept:,}"
        told = f"{name}: {kept:,} keep it, {gained:,} gain it, {lost:,} lose it"
        parts.append(
            _part(
                name,
                told,
                f'<rect x="0" y="{y}" width="100%" height="{step}" fill="transparent"/>'
                + _text(0, y + 12, name)
                + f'<text x="100%" y="{y + 12}" text-anchor="end" fill="currentColor">{numbers}</text>{drawn}',
            )
        )
    return _svg(parts, step * len(counts), title)


def overlap_picture(
    names: Mapping[str, str], shared: Mapping[tuple[str, str], int], sizes: Mapping[str, int], title: str
) -> str:
    """Draw the share of each group's members who are in each other group too, from 0 to 1."""
    ids, left, row = list(names), 38.0, 26
    width = (100 - left) / max(1, len(ids))
    parts = [
        f'<text x="{left + (place + 0.5) * width:.2f}%" y="12" text-anchor="middle" fill="currentColor">'
        f"{ascii_uppercase[place]}</text>"
        for place in range(len(ids))
    ]
    for down, one in enumerate(ids):
        y = 18 + down * row
        parts.append(_text(0, y + 17, f"{ascii_uppercase[down]}  {label(names[one], 18)}", names[one]))
        for across, other in enumerate(ids):
            count = sizes[one] if one == other else shared.get((one, other), shared.get((other, one), 0))
            share = count / sizes[one] if sizes[one] else 0.0
            x = left + across * width
            strong = "var(--jp-ui-inverse-font-color1, #fff)" if share > 0.6 else "currentColor"
            told = (
                f"{names[one]}: {plural(count, 'member')}"
                if one == other
                else f"{names[one]} and {names[other]}: {count:,} in both, {share:.0%} of {names[one]}"
            )
            cell = (
                f'<rect x="{x:.2f}%" y="{y}" width="{width:.2f}%" height="{row - 2}"'
                f' fill="{SOFT}" opacity=".3"/>'
                f'<rect x="{x:.2f}%" y="{y}" width="{width:.2f}%" height="{row - 2}" fill="{FILL}"'
                f' fill-opacity="{share:.2f}"/>'
                f'<text x="{x + width / 2:.2f}%" y="{y + 16}" text-anchor="middle" fill="{strong}">'
                f"{share:.0%}</text>"
            )
            parts.append(_part(f"in {one}" if one == other else f"in {one} {other}", told, cell))
    return _svg(parts, 18 + row * len(ids), title)


def combinations_picture(
    names: Mapping[str, str], counts: Sequence[tuple[tuple[str, ...], int]], title: str
) -> str:
    """Draw which combinations of groups people are in, and how many: the most common first."""
    ids, row, top = list(names), 22, 8
    most = max((count for _, count in counts), default=0) or 1
    dots = 16.0
    parts = [
        f'<text x="{10 + place * dots}" y="{top + 6}" text-anchor="middle" fill="currentColor">'
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
            f'<text x="{85 * count / most + 1.5:.2f}%" y="14" fill="currentColor">{count:,}</text></svg>'
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
    return f'<text x="{x}" y="{y}" fill="currentColor">{title}{escape(cut)}</text>'


def _svg(parts: Sequence[str], height: float, title: str) -> str:
    return (
        f'<svg class="dsn-picture {LITERAL}" role="group" aria-label="{escape(title)}" width="100%"'
        f' height="{height + 4:.0f}" font-size="12" style="max-width: 720px; display: block">'
        f"{''.join(parts)}</svg>"
    )
