"""What every chart needs: a figure of its own, other people's text drawn as text, a finding, one picture.

Nothing global is touched: no rcParams, no warning filters, and pyplot is not loaded. Where somebody else has
loaded it, a chart is its current figure until the next one or the end of the cell: ``plt.savefig`` saves it.

Other people's text, cleaned and cut in ``chart_text``, is never read as a formula, and drawn in an installed
font that has its characters.

Pictures in Jupyter: an Axes made here sends its picture to the place where the chart was called, at once, and
remembers it. So there is exactly one, be the call the last line of a cell, followed by a semicolon, in a loop,
inside an ``Output`` or in a button's callback. What is changed afterwards in the same cell replaces it, but not
inside an ``Output``, where JupyterLab ignores replacements: there ``display(ax.figure)`` shows the later state.
An Axes that was handed in belongs to somebody else, who shows it. Outside a kernel nothing is sent.
"""

from __future__ import annotations

import base64
import io
import sys
import threading
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Any
from uuid import uuid4
from weakref import WeakKeyDictionary, WeakSet

import matplotlib as mpl
import pandas as pd
from matplotlib import font_manager
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ft2font import FT2Font
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import MaxNLocator, StrMethodFormatter
from matplotlib.transforms import ScaledTranslation, blended_transform_factory

from .. import errors
from ..client.say import kernel_shell
from ..frames import why_incomplete
from ..text import plural
from .labels import wrap
from .style import STYLE, dress

__all__ = [
    "LABELLED_BARS",
    "ChartAxes",
    "ChartFigure",
    "alt_text",
    "answer_of",
    "beside",
    "check_top",
    "drawable",
    "finish",
    "legend",
    "lettering",
    "missing_glyphs",
    "name_rows",
    "new_axes",
    "nothing",
    "plain_numbers",
    "rows_height",
    "tick_labels",
    "tidy",
]

LABELLED_BARS = 30  # beyond this many, values at the bar ends are noise
DPI = 150  # of pictures in notebooks; shown at 100 per inch, so sharp on dense screens
SHOWN_DPI = 100
LAST_RESORT = "Last Resort High-Efficiency"  # comes with matplotlib 3.11: a box that names the script

_alt_texts: WeakKeyDictionary[Axes, str] = WeakKeyDictionary()
_shown: WeakSet[ChartAxes] = WeakSet()
_current: WeakSet[Figure] = WeakSet()


# Fonts ------------------------------------------------------------------------------------------------------


def lettering(texts: Iterable[str]) -> dict[str, Any]:
    """Return the keywords under which these texts are drawn literally and, where a font is there, legibly."""
    families, missing = _families("".join(texts))
    fallback = [LAST_RESORT] if missing and _installed(LAST_RESORT) else []
    return {"parse_math": False, "fontfamily": [*mpl.rcParams["font.family"], *families, *fallback]}


def drawable(text: str) -> str:
    """Put a box in place of what no font has, where matplotlib brings no font of last resort (before 3.11)."""
    missing = _families(text)[1]
    if not missing or _installed(LAST_RESORT):
        return text
    return "".join("□" if character in missing else character for character in text)


def missing_glyphs(texts: Iterable[str]) -> list[str]:
    """List the characters that no installed font can draw."""
    return sorted(_families("".join(texts))[1])


def _families(text: str) -> tuple[tuple[str, ...], frozenset[str]]:
    wanted = frozenset(character for character in text if character > "\x7f")
    base = font_manager.findfont(font_manager.FontProperties())
    return _covering(wanted, base, len(font_manager.fontManager.ttflist)) if wanted else ((), frozenset())


@lru_cache(maxsize=256)
def _covering(wanted: frozenset[str], base: str, _installed: int) -> tuple[tuple[str, ...], frozenset[str]]:
    """Choose fonts until every character has one: their families, and the characters left over."""
    missing, families = wanted - _glyphs(base, wanted), []
    # Upright regular faces first, in a fixed order, so that the same machine draws the same picture.
    fonts = sorted(font_manager.fontManager.ttflist, key=lambda f: (f.style != "normal", f.name, f.fname))
    for font in fonts:
        if not missing:
            break
        if font.name in families or font.name == LAST_RESORT:
            continue
        found = _glyphs(font.fname, missing)
        if found:
            families.append(font.name)
            missing -= found
    return tuple(families), frozenset(missing)


def _glyphs(path: str, wanted: frozenset[str]) -> frozenset[str]:
    try:
        font = FT2Font(path)
    except (OSError, RuntimeError):  # a font file that FreeType cannot read
        return frozenset()
    if not font.scalable:  # emoji made of bitmaps cannot be drawn at any size
        return frozenset()
    return frozenset(character for character in wanted if font.get_char_index(ord(character)))


@lru_cache(maxsize=4)
def _installed(family: str) -> bool:
    return any(font.name == family for font in font_manager.fontManager.ttflist)


# Axes -------------------------------------------------------------------------------------------------------


class ChartAxes(Axes):
    """An Axes on a figure of ours, which Jupyter shows once (see the module's text)."""

    _cell: object = None
    _display_id = ""

    def _ipython_display_(self) -> None:
        if kernel_shell() is None:
            raise NotImplementedError  # IPython goes on to the text form
        _show(self)


class ChartFigure(Figure):
    """A figure of ours; naming it (``ax.figure``) in another cell shows it again.

    ``plt.show()`` shows all that pyplot knows: in the cell that drew it, nothing is shown twice.
    """

    def _ipython_display_(self) -> None:
        shown = next((ax for ax in self.axes if isinstance(ax, ChartAxes)), None)
        if kernel_shell() is None or shown is None:
            raise NotImplementedError  # IPython goes on to the picture
        _show(shown)

    def _repr_png_(self) -> bytes:
        return _png(self)


def new_axes(ax: Axes | None, width: float, height: float) -> Axes:
    """Return the Axes that was handed in, or a new one on its own figure of this size in inches."""
    if ax is not None:
        return ax
    return _new_figure(min(width, STYLE.width or width), height).add_subplot(axes_class=ChartAxes)


def tidy(ax: Axes, grid: str = "x") -> None:
    """Take away what carries no information; a light grid along one axis stays, or with "" nothing."""
    kept = {"x": ("bottom",), "y": ("bottom", "left")}.get(grid, ())
    for side, spine in ax.spines.items():
        spine.set(alpha=0.4, linewidth=0.8, visible=side in kept)
    ax.tick_params(length=0)
    ax.set_axisbelow(True)
    ax.grid(visible=False)
    if grid:
        ax.grid(visible=True, axis="x" if grid == "x" else "y", alpha=0.25, linewidth=0.8)


def plain_numbers(axis: Axis) -> None:
    """Count in whole numbers with separators."""
    axis.set_major_locator(MaxNLocator(nbins=6, integer=True, min_n_ticks=1))
    axis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))


def tick_labels(axis: Axis, labels: Sequence[str], **style: Any) -> None:
    """Put a label at 0, 1, 2 and so on."""
    drawn = [drawable(label) for label in labels]
    axis.set_ticks(range(len(labels)), drawn, **lettering(labels), **style)


def legend(ax: Axes, handles: Sequence[Any], labels: Sequence[str], **style: Any) -> None:
    """Put a legend to the right of the Axes, its labels drawn literally."""
    where: dict[str, Any] = {"loc": "upper left", "bbox_to_anchor": (1.01, 1), "borderaxespad": 0.0}
    if STYLE.narrow:
        where |= {"fontsize": 8, "ncols": 2}
    box = ax.legend(handles, [drawable(label) for label in labels], frameon=False, **{**where, **style})
    look = lettering(labels)
    for text in box.get_texts():
        text.set_parse_math(look["parse_math"])
        text.set_fontfamily(look["fontfamily"])


def beside(ax: Axes, text: str, place: tuple[float, float], gap: int, **style: Any) -> None:
    """Write a value so many points to the right of a place, such as the end of a bar."""
    ax.annotate(text, place, (gap, 0), textcoords="offset points", va="center", **style)


def nothing(ax: Axes, why: str, sources: Sequence[pd.DataFrame | None] = ()) -> Axes:
    """Return the Axes with a sentence on them: there is nothing to show, and why."""
    ax.set_axis_off()
    message = f"Nothing to show: {why}."
    look = lettering([message])
    ax.text(0.5, 0.5, message, transform=ax.transAxes, ha="center", va="center", alpha=0.7, **look)
    return finish(ax, message, sources=sources, headline=False)


def finish(
    ax: Axes,
    finding: str,
    notes: Sequence[str] = (),
    *,
    details: str = "",
    drawn: Iterable[str] = (),
    sources: Sequence[pd.DataFrame | None] = (),
    headline: bool = True,
) -> Axes:
    """Write the finding above and the notes below, keep the text alternative, and show the picture.

    Parameters
    ----------
    finding
        A sentence: what the chart shows.
    notes
        Sentences a reader must know: what was left out or folded.
    details
        For the text alternative only: the numbers.
    drawn
        The labels in the picture, to name the characters no font has.
    sources
        Frames; a partial one among them is named in headline and note.
    headline
        Whether to draw the finding; it is in the text alternative anyway.
    """
    partial = why_incomplete(*sources)
    if partial is not None:
        finding = f"Partial data: {finding}"
        notes = [f"Partial: {partial}.", *notes]
    if headline or partial is not None:
        _headline(ax, finding)
    # In the picture alone: the text alternative says the same on every machine, whatever its fonts.
    if below := [*notes, *_undrawn([finding, *notes, *drawn])]:
        _footnote(ax, " ".join(below))
    _alt_texts[ax] = " ".join(part for part in (_sentence(finding), *notes, details) if part)
    if isinstance(ax, ChartAxes):
        if STYLE.narrow:
            _stack(ax)
        dress(ax)
        if kernel_shell() is not None:
            _show(ax)
    return ax


def _stack(ax: ChartAxes) -> None:
    """Put into the room of a narrow figure what would stand beside the Axes: the legend goes underneath."""
    ax.set_xlabel(wrap(ax.get_xlabel(), int(_inches(ax) * 6)))
    box, whole = ax.get_legend(), ax.get_figure(root=True)
    if box is not None and whole is not None:
        points = 30 + 14 * len(ax.get_xlabel().splitlines())
        lower = ScaledTranslation(0, -points / 72, whole.dpi_scale_trans)
        box.set_bbox_to_anchor((0, 0), transform=ax.transAxes + lower)


def _undrawn(texts: Iterable[str]) -> list[str]:
    """Name the characters that no font has, in no or one sentence."""
    missing = missing_glyphs(texts)
    if not missing:
        return []
    listed = ", ".join(f"U+{ord(character):04X}" for character in missing[:8])
    more = f" and {len(missing) - 8} more" if len(missing) > 8 else ""
    return [f"No installed font has {plural(len(missing), 'character')}: {listed}{more}."]


def _sentence(text: str) -> str:
    return text if text.endswith(".") else text + "."


def _headline(ax: Axes, text: str) -> None:
    ours = isinstance(ax, ChartAxes)
    width = _inches(ax) * 72 / 12 / 0.56
    title = ax.set_title(
        drawable(wrap(text, int(width))), loc="center", fontsize=12, pad=12, **lettering([text])
    )
    title.set(ha="left", x=0.0)
    if ours:  # a figure of our own: flush with its left edge rather than with the bars
        edge = ax.figure.transSubfigure if hasattr(ax.figure, "transSubfigure") else ax.figure.transFigure
        title.set_transform(blended_transform_factory(edge, title.get_transform()))
        title.set_x(0.012)


def _footnote(ax: Axes, text: str) -> None:
    look: dict[str, Any] = {"fontsize": 8.5, "alpha": 0.7, "va": "top", **lettering([text])}
    note = drawable(wrap(text, int(_inches(ax) * 72 / 8.5 / 0.56)))
    if isinstance(ax, ChartAxes) and isinstance(ax.figure, Figure):
        # The figure's own label takes room below everything, and none from a colour bar at the side.
        ax.figure.supxlabel(note, x=0.012, ha="left", **{**look, "va": "bottom"})
        return
    below: dict[str, Any] = {"xycoords": ("axes fraction", ax.xaxis.label), "textcoords": "offset points"}
    ax.annotate(note, xy=(0, 0), xytext=(0, -8), annotation_clip=False, **below, **look)


def _inches(ax: Axes) -> float:
    """Return the width a headline may have."""
    whole = float(ax.figure.get_figwidth()) if isinstance(ax.figure, Figure) else 6.0
    return whole * 0.97 if isinstance(ax, ChartAxes) else whole * float(ax.get_position().width)


def alt_text(ax: Axes) -> str:
    """Return a chart's text alternative: the finding, what was left out, the main numbers; else "".

    Examples
    --------
    >>> ax = ds.charts.plot_group_sizes(memberships, groups)
    >>> ds.charts.alt_text(ax).endswith(".")
    True
    """
    if not isinstance(ax, Axes):
        raise errors.ArgumentError(
            f"ax must be the Axes that a chart gave; got one of type {type(ax).__name__}"
        )
    return _alt_texts.get(ax, "")


def answer_of(
    question: Callable[..., Any], columns: Sequence[str], given: Any, *frames: pd.DataFrame | None
) -> Any:
    """Return a question's answer for these frames; what has its columns is an answer, to be put in order."""
    if isinstance(given, pd.DataFrame) and {*columns} <= set(given):
        return given.sort_values(columns[0], ascending=False, kind="stable")
    return question(given, *frames)


# Rows -------------------------------------------------------------------------------------------------------


def check_top(top: object) -> None:
    """Refuse a number of rows that shows none; before anything is counted or drawn."""
    if top is not None and (not isinstance(top, int) or top < 1):
        raise errors.ArgumentError(f"top must be at least 1, or None for all; got {top!r}")


def rows_height(rows: int, at_most: float = 60.0) -> float:
    """Return the inches that so many rows of names need, with the texts around them."""
    return min(at_most, max(2.4, 0.29 * rows + 1.5))


def name_rows(ax: Axes, labels: Sequence[str]) -> None:
    """Name horizontal bars, the first on top."""
    tidy(ax, grid="x")
    tick_labels(ax.yaxis, labels)
    ax.set_ylim(len(labels) - 0.4, -0.6)


# Pyplot -----------------------------------------------------------------------------------------------------


def _new_figure(width: float, height: float) -> Figure:
    """Return a figure of ours; where somebody uses pyplot its current one, which ``plt.savefig`` means."""
    look: dict[str, Any] = {
        "figsize": (width, height),
        "layout": ConstrainedLayoutEngine(w_pad=0.09, h_pad=0.09),
    }
    pyplot, shell = sys.modules.get("matplotlib.pyplot"), kernel_shell()
    elsewhere = shell is not None and "inline" not in mpl.get_backend()
    if pyplot is None or elsewhere or threading.current_thread() is not threading.main_thread():
        return ChartFigure(**look)
    for earlier in list(_current):  # one at a time: a loop over a thousand charts must not keep them all
        pyplot.close(earlier)
    figure: Figure = pyplot.figure(FigureClass=ChartFigure, **look)
    _current.clear()
    _current.add(figure)
    if shell is not None:
        _forget_with_the_cell(shell, pyplot, figure)
    return figure


def _forget_with_the_cell(shell: Any, pyplot: Any, figure: Figure) -> None:
    """Take a figure from pyplot before that shows, at the end of the cell, what it knows: ours is shown."""

    def forget() -> None:
        shell.events.unregister("post_execute", forget)
        pyplot.close(figure)

    shell.events.callbacks["post_execute"].insert(0, forget)


# Jupyter ----------------------------------------------------------------------------------------------------


def _show(ax: ChartAxes) -> None:
    """Send the picture; if this very cell or callback has sent it already, only bring it up to date."""
    shell = kernel_shell()
    header = getattr(shell, "parent_header", None) or {}
    cell = header.get("header", {}).get("msg_id") or shell.execution_count
    if ax._cell == cell:
        _refresh(ax)
        return
    ax._cell, ax._display_id = cell, uuid4().hex
    _publish(ax, update=False)
    _shown.add(ax)
    shell.events.register("post_execute", _refresh_all)  # registering twice is once


def _refresh_all() -> None:
    """When a cell ends, replace the pictures whose Axes were changed after they had been sent."""
    for ax in list(_shown):
        _refresh(ax)
    _shown.clear()


def _refresh(ax: ChartAxes) -> None:
    if ax.figure.stale:
        _publish(ax, update=True)


def _publish(ax: ChartAxes, *, update: bool) -> None:
    figure = ax.get_figure(root=True)
    shell = kernel_shell()
    if figure is None or shell is None:
        return
    width, height = (round(inches * SHOWN_DPI) for inches in figure.get_size_inches())
    text = alt_text(ax)
    shell.display_pub.publish(
        {"image/png": base64.b64encode(_png(figure)).decode(), "text/plain": text},
        metadata={"image/png": {"width": width, "height": height, "alt": text}},
        transient={"display_id": ax._display_id},
        update=update,
    )
    figure.stale = False


def _png(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=DPI)
    return buffer.getvalue()
