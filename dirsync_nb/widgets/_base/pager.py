"""The pages of a list: which of how many is shown, and buttons to the one before and the next."""

from __future__ import annotations

from typing import Any

import ipywidgets as w

from .controls import Controls
from .parts import ROWS

__all__ = ["Pager"]


class Pager:
    """Controls for the traits ``page`` and ``total`` of a widget: 50 rows a page, the first one is 1.

    Parameters
    ----------
    controls
        The widget's.
    """

    def __init__(self, controls: Controls) -> None:
        self._owner = controls.owner
        self.before = w.Button(icon="chevron-left", tooltip="Previous page", description="Previous")
        self.next = w.Button(icon="chevron-right", tooltip="Next page", description="Next")
        self.place = w.HTML()
        self.controls: tuple[Any, ...] = (self.before, self.place, self.next)
        for button, step in ((self.before, -1), (self.next, 1)):
            button.layout.width = "auto"
            button.on_click(lambda _, step=step: setattr(self._owner, "page", self._owner.page + step))

    @property
    def pages(self) -> int:
        """How many pages there are; none of an empty list."""
        return int(-(-self._owner.total // ROWS))

    @property
    def words(self) -> str:
        """What a sentence about the rows goes on with; nothing where they all fit on one page."""
        return f", page {self._owner.page} of {self.pages:,}" if self.pages > 1 else ""

    def within(self, page: int) -> int:
        """Return the page there is that is nearest."""
        return max(1, min(int(page), self.pages or 1))

    def rewind(self) -> bool:
        """Go to the first page; say whether that was another one, so that the widget draws by itself."""
        before, self._owner.page = self._owner.page, 1
        return bool(before != 1)

    def draw(self, *, paged: bool = True) -> None:
        """Show the controls where there are several pages; ``paged`` says whether such a list is in view."""
        for control in self.controls:
            control.layout.display = "" if paged and self.pages > 1 else "none"
        page = self._owner.page
        self.before.disabled, self.next.disabled = page <= 1, page >= self.pages
        self.place.value = f'<span class="dsn-count">page {page} of {self.pages:,}</span>'
