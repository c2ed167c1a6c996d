"""The look of charts on a figure of their own: on which ground they will be seen, and how wide they may be."""

from __future__ import annotations

from dataclasses import dataclass

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.colors import to_rgba
from matplotlib.text import Text

from .. import errors
from ..frames import one_of

__all__ = ["NARROW", "STYLE", "dress", "style"]

NARROW = 6.0  # inches; below, names are cut sooner and legends stand underneath
INKS = {"both": "#737882", "light": "#222222", "dark": "#d5d8de"}
GROUNDS = {"both": None, "light": "white", "dark": "#111111"}


@dataclass
class _Style:
    theme: str = "both"
    width: float | None = None

    @property
    def narrow(self) -> bool:
        return self.width is not None and self.width < NARROW


STYLE = _Style()
"""What :func:`style` set last."""


def style(theme: str = "both", *, width: float | None = None) -> None:
    """Set how charts look that are drawn from here on, on a figure of their own.

    Parameters
    ----------
    theme
        ``"both"``: no ground, and letters in a grey that is legible on a light page and on a dark one, so that
        a stored picture fits whoever opens it. ``"light"`` and ``"dark"``: with a ground, for such a page.
    width
        The most inches; letters keep their size. 4 fits a phone, or half a page. Default: as wide as is good.

    Notes
    -----
    Colours that you set yourself (``plt.style.use``, ``matplotlib.rcParams``) win; an ``ax`` that you hand in
    is yours and keeps its look.

    The grey for both has 4.4 to 1 on white and 4.3 to 1 on JupyterLab's dark page: no one colour has more than
    4.35 on both. The letters of ``"light"`` have 16 to 1, those of ``"dark"`` 13 to 1.

    Examples
    --------
    >>> ds.charts.style("dark", width=4)
    >>> ds.charts.style()
    """
    one_of("theme", theme, tuple(INKS))
    if width is not None and not 2 <= width <= 50:
        raise errors.ArgumentError(f"width must be 2 to 50 inches, or None; got {width!r}")
    STYLE.theme, STYLE.width = theme, width


def dress(drawn: Axes) -> None:
    """Give a figure of ours its ground and ink, where nobody chose colours."""
    figure = drawn.get_figure(root=True)
    if figure is None or mpl.rcParams["text.color"] != "black" or mpl.rcParams["figure.facecolor"] != "white":
        return
    ink, ground = INKS[STYLE.theme], GROUNDS[STYLE.theme]
    for text in figure.findobj(Text):
        if to_rgba(text.get_color())[:3] == (0.0, 0.0, 0.0):
            text.set_color(ink)
            text.set_alpha(None)  # a paler grey would be legible on one ground only
    figure.patch.set_facecolor(ground or "none")
    for ax in figure.axes:
        _dress_axes(ax, ink)


def _dress_axes(ax: Axes, ink: str) -> None:
    ax.patch.set_facecolor("none")
    ax.tick_params(colors=ink, which="both")
    for spine in ax.spines.values():
        spine.set_edgecolor(ink)
