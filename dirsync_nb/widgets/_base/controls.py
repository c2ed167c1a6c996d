"""What ties a widget's controls to its traits, in both directions and without an echo."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence, Sized
from contextlib import contextmanager
from typing import Any

import ipywidgets as w
import traitlets as t

from ... import errors
from ...client import one_or_many
from ...frames import one_of
from .table import Column
from .text import distinct, label

__all__ = ["MENU", "Controls", "Ids", "only_by_column", "only_listed", "only_offered"]

MENU = 60  # characters of a menu entry
SOME = 8  # columns named in an error

Entries = Sequence[tuple[str, str]]


class Ids(t.Tuple):
    """A tuple of ids, set to one of them or to whatever lists some: a list, an Index, a frame."""

    def validate(self, obj: Any, value: Any) -> Any:
        """Return the ids as a tuple."""
        return super().validate(obj, tuple(one_or_many(value, (self.name or "ids").removesuffix("s"))))


class Controls:
    """The controls of one widget, each tied to a trait of the same meaning.

    A menu's first entry may be "any", with an empty text as its value: for None a menu would show nothing at
    all. The trait says None then.

    Parameters
    ----------
    owner
        The widget. A choice its traits refuse is said in its status line, and undone.
    """

    def __init__(self, owner: Any) -> None:
        self.owner = owner
        self.quiet = False
        self._tied: list[tuple[Any, str]] = []

    def tie(self, control: Any, trait: str) -> None:
        """Let a control change a trait, and follow it."""
        self._tied.append((control, trait))
        control.observe(lambda change: self._changed(control, trait, change["new"]), "value")

    @property
    def idle(self) -> bool:
        """Whether a change means nothing: it is our own, or comes too late."""
        return self.quiet or bool(self.owner.retired)

    @contextmanager
    def silence(self) -> Iterator[None]:
        """Change controls without meaning anything by it."""
        before, self.quiet = self.quiet, True
        try:
            yield
        finally:
            self.quiet = before

    def _changed(self, control: Any, trait: str, value: Any) -> None:
        if self.idle:
            return
        if isinstance(control, w.Dropdown):
            value = value or None
        try:
            setattr(self.owner, trait, value)
        except t.TraitError as problem:
            self.refused(problem)

    def refused(self, problem: BaseException) -> None:
        """Say why a choice cannot be, and show again what is chosen."""
        text = str(problem)
        self.owner.status.say("empty", text[:1].upper() + text[1:] + ".")
        self.follow()

    def follow(self) -> None:
        """Let every control show what its trait says, so far as it offers that."""
        with self.silence():
            for control, trait in self._tied:
                value = getattr(self.owner, trait)
                if not isinstance(control, w.Dropdown):
                    control.value = value
                elif (value or "") in [v for _, v in control.options]:
                    control.value = value or ""

    def fill(
        self, menu: Any, entries: Entries, *, value: Any = "", of: int = 0, first: str | None = None
    ) -> None:
        """Offer entries in a menu; ``first`` stands above them and says of how many they are.

        Replacing the options of a list would pick its first entry: what is picked is said here.
        """
        more = f" ({len(entries):,} of {of:,} shown)" if of > len(entries) else ""
        above = [] if first is None else [(f"{first}{more}", "")]
        with self.silence(), menu.hold_sync():
            menu.options, menu.value = [*above, *distinct(entries)], value

    def offer(self, menu: Any, values: Sequence[str], *, of: int = 0) -> None:
        """Offer texts as they are, with "any" above them; a menu with nothing to choose is not shown."""
        self.fill(menu, [(label(value, MENU), value) for value in values], of=of, first="any")
        menu.layout.display = "" if values else "none"


def only_listed(wanted: Any, known: Sized, noun: str, among: str = "listed") -> None:
    """Refuse an id that is not among the known ones."""
    if wanted not in known:  # type: ignore[operator]  # an index of pandas is no Container to mypy
        raise t.TraitError(f"no {noun} {wanted!r} among the {len(known):,} {among}")


def only_offered(wanted: str | None, offered: Iterable[str], what: str) -> str | None:
    """Refuse a choice that is not offered, and name those that are near; None is no choice."""
    choices = list(offered)
    if wanted is not None and choices:
        try:
            one_of(what, wanted, choices)
        except errors.ArgumentError as problem:
            raise t.TraitError(str(problem)) from None
    return wanted


def only_by_column(sort: str, columns: Iterable[Column]) -> str:
    """Refuse a sort by what is no column that can be sorted by."""
    known = [column["key"] for column in columns if column.get("sortable")]
    if sort.removeprefix("-") not in known:
        more = " …" if len(known) > SOME else ""
        raise t.TraitError(f"sort must be one of {', '.join(known[:SOME])}{more}; got {sort!r}")
    return sort
