"""What ties a widget's controls to its traits, in both directions and without an echo."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence, Sized
from contextlib import contextmanager
from typing import Any

import ipywidgets as w
import traitlets as t

from ... import errors
from ...client import one_or_many
from ...frames import one_of
from .text import distinct, label

__all__ = ["MENU", "Controls", "Ids", "ListedId", "Offered", "Page", "Sort", "only_listed", "only_offered"]

MENU = 60  # characters of a menu entry
SOME = 8  # columns named in an error

Entries = Sequence[tuple[str, str]]


Known = Callable[[Any], Any]
"""What a choice may be, asked of the widget when it is made; None where everything may be."""


class ListedId(t.Unicode):  # type: ignore[type-arg]  # no generic in earlier traitlets
    """The id of something that is listed, or None; what is still being read is waited for.

    Parameters
    ----------
    noun, among
        What it is, and among what, for the sentence that refuses another.
    known
        The ids there are.
    """

    def __init__(self, noun: str, known: Known, among: str = "listed") -> None:
        super().__init__(None, allow_none=True)
        self._noun, self._known, self._among = noun, known, among

    def validate(self, obj: Any, value: Any) -> Any:
        """Return the id, if it is listed."""
        value = super().validate(obj, value)
        _refuse_unlisted(obj, [] if value is None else [value], self._known, self._noun, self._among)
        return value


class Ids(t.Tuple):
    """Ids, each as of :class:`ListedId`, set to one or to whatever lists some: a list, an Index, a frame."""

    def __init__(self, noun: str, known: Known, among: str = "listed") -> None:
        super().__init__()
        self._noun, self._known, self._among = noun, known, among

    def validate(self, obj: Any, value: Any) -> Any:
        """Return the ids as a tuple, each once."""
        ids = tuple(dict.fromkeys(one_or_many(value, (self.name or "ids").removesuffix("s"))))
        _refuse_unlisted(obj, ids, self._known, self._noun, self._among)
        return super().validate(obj, ids)


class Offered(t.Unicode):  # type: ignore[type-arg]
    """One of what is offered, or the default, which is no choice; before anything is offered, whatever it is.

    Parameters
    ----------
    known
        What is offered.
    default
        None, or "".
    """

    def __init__(self, known: Known, default: str | None = None) -> None:
        super().__init__(default, allow_none=default is None)  # type: ignore[call-overload]
        self._known = known

    def validate(self, obj: Any, value: Any) -> Any:
        """Return the choice, if it is offered."""
        value = super().validate(obj, value)
        return value if value == self.default_value else only_offered(value, self._known(obj), str(self.name))


class Sort(t.Unicode):  # type: ignore[type-arg]
    """The key of a column that can be sorted by, after ``-`` for the other way round, or ""."""

    def __init__(self, known: Known) -> None:
        super().__init__("")
        self._known = known

    def validate(self, obj: Any, value: Any) -> Any:
        """Return the column, if there is one."""
        value = super().validate(obj, value)
        known = [column["key"] for column in self._known(obj) if column.get("sortable")]
        if value and value.removeprefix("-") not in known:
            more = " …" if len(known) > SOME else ""
            raise t.TraitError(f"sort must be one of {', '.join(known[:SOME])}{more}; got {value!r}")
        return value


class Page(t.Int):  # type: ignore[type-arg]
    """The page of the widget's table, from 1 on: the nearest there is."""

    def validate(self, obj: Any, value: Any) -> Any:
        """Return the nearest page."""
        return obj.table.nearest(super().validate(obj, value))


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

    def tie(self, **controls: Any) -> None:
        """Let each control change the trait of its name, and follow it."""
        for trait, control in controls.items():
            self._tied.append((control, trait))
            self.lead(control, "value", trait)

    def lead(self, control: Any, name: str, trait: str) -> None:
        """Let a trait of a control change one of the widget."""
        control.observe(lambda change: self._changed(control, trait, change["new"]), name)

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


def _refuse_unlisted(obj: Any, ids: Sequence[str], known: Known, noun: str, among: str) -> None:
    if ids:
        obj.wait()
        listed = known(obj)
        for one in ids:
            if listed is not None:
                only_listed(one, listed, noun, among)


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
