"""What a running load shows to a person: one bar when it takes long, notices when it is done.

Scripts and pipes get neither: everything said here also stands on the receipt. A notebook that is run without
anybody to answer a question (nbclient, nbconvert, papermill, nbval) gets the notices and no bar: whether a load
takes long is a matter of the machine, and no output that repeats.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any

from ..client.say import ipython_shell, say

SHOW_AFTER = 2.0  # seconds; a shorter load shows no bar


def is_interactive() -> bool:
    """Return whether a person is watching: a notebook, an IPython shell, or a terminal."""
    if ipython_shell() is not None or bool(getattr(sys, "ps1", "")):
        return True
    return sys.stderr is not None and sys.stderr.isatty()


def _may_show_bar() -> bool:
    """Return whether somebody looks on while this runs: a kernel is told with each cell whether it may ask."""
    kernel = getattr(ipython_shell(), "kernel", None)
    request = kernel.get_parent() if kernel is not None else None
    return is_interactive() and ((request or {}).get("content") or {}).get("allow_stdin", True) is not False


def tell(notices: Iterable[str], told: set[str]) -> None:
    """Say notices to a person who is watching, one line each; none of them twice.

    In a notebook they are ordinary output. Elsewhere they go to standard error, since standard output may be
    the data itself (``python export.py > users.csv``). A stream that is closed, or lacks the letters, ends no
    load.

    ``told`` remembers what was said before, and learns what is said now. A part of a gathering leaves its
    notices to the whole.
    """
    gathering = getattr(_this_thread, "gathering", None)
    if gathering is not None:
        gathering.notices += [notice for notice in notices if notice not in gathering.notices]
        return
    fresh = [notice for notice in notices if notice not in told]
    if is_interactive():
        told.update(fresh)
        for notice in fresh:
            say(f"Note: {notice}")


_this_thread = threading.local()


class Waiting:
    """What threads wait for, of which a person is told one at a time."""

    def __init__(self) -> None:
        self._words: dict[int, str] = {}

    def note(self, words: str) -> None:
        """Note what this thread waits for; no words: no longer."""
        self._words.pop(threading.get_ident(), None)
        if words:
            self._words[threading.get_ident()] = words

    def beside(self, words: str) -> str:
        """Return a few words with what is waited for after them."""
        return ", ".join(filter(None, [words, *list(self._words.values())[-1:]]))


class Gathering:
    """Several loads in threads of their own, shown as one: no bar for each, and each notice once.

    Attributes
    ----------
    notices
        What the parts had to say.
    waiting
        What they wait for.
    """

    def __init__(self) -> None:
        self.notices: list[str] = []
        self.waiting = Waiting()
        self._counts: dict[tuple[str, int], int] = {}

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Let whatever this thread shows go into the whole."""
        _this_thread.gathering, _this_thread.name, _this_thread.number = self, name, 0
        try:
            yield
        finally:
            _this_thread.gathering = None

    @property
    def count(self) -> int:
        """How many there are so far, over all parts."""
        return sum(list(self._counts.values()))

    def _next(self) -> tuple[str, int]:
        _this_thread.number += 1
        return _this_thread.name, _this_thread.number

    def note(self, key: tuple[str, int], count: int) -> None:
        """Note how far a load of a part is."""
        self._counts[key] = count


class Progress:
    """One progress bar for a load that takes longer than two seconds, or that waits for something.

    Parameters
    ----------
    noun
        What is counted.
    total
        Called once, when there is something to count; gives the number to expect, or None.
    """

    def __init__(self, noun: str, total: Callable[[], int | None]) -> None:
        self._noun = noun
        self._total = total
        self._started = time.monotonic()
        self._bar: Any = None
        self._counting = self._closed = False
        self._beside = ""
        self._lock = threading.Lock()  # pauses are told by whichever thread waits
        self._gathering: Gathering | None = getattr(_this_thread, "gathering", None)
        self._part = self._gathering._next() if self._gathering is not None else ("", 0)
        self._waiting = self._gathering.waiting if self._gathering is not None else Waiting()

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:
            self._closed = True
            if self._bar is not None:
                self._bar.close()

    def show(self, count: int, beside: str = "") -> None:
        """Show how many there are so far, and a few words beside it."""
        if self._gathering is not None:
            self._gathering.note(self._part, count)
            return
        if not self._counting:
            if time.monotonic() - self._started < SHOW_AFTER or not _may_show_bar():
                return
            self._counting, total = True, self._total()
            with self._lock:
                if self._bar is None:
                    self._bar = _bar(self._noun, total)
                else:
                    self._bar.reset(total)
        with self._lock:
            self._bar.update(count - self._bar.n)
            if beside:
                self._beside = beside
                self._bar.set_postfix_str(self._waiting.beside(beside))

    def tell(self, words: str) -> None:
        """Say beside the bar what is waited for; no words: no longer. A pause makes the bar appear."""
        self._waiting.note(words)
        if self._gathering is not None or self._closed or not _may_show_bar():
            return
        with self._lock:
            if self._closed:
                return
            if self._bar is None and words:
                self._bar = _bar(self._noun, None)
            if self._bar is not None:
                self._bar.set_postfix_str(self._waiting.beside(self._beside))


def _bar(noun: str, total: int | None) -> Any:
    from tqdm.auto import tqdm

    class Bar(tqdm):  # type: ignore[type-arg]
        monitor_interval = 0  # no watching thread that outlives the load

    return Bar(desc=f"Loading {noun}", total=total, unit=f" {noun}", leave=False)
