"""Waits that a person can end: Ctrl-C is heard in each of them, on every system, and so is a stop."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future
from concurrent.futures import wait as wait_for
from contextlib import contextmanager
from typing import TypeVar
from weakref import WeakSet

T = TypeVar("T")

SLICE = 0.2  # seconds: on Windows, Ctrl-C is heard only between two waits


class Stop(threading.Event):
    """An event that is also set when its parent is: a part of a work ends with the whole, not the other way."""

    def __init__(self, parent: threading.Event | None = None) -> None:
        super().__init__()
        self._parts: WeakSet[Stop] = WeakSet()
        self._adding = threading.Lock()
        if isinstance(parent, Stop):
            with parent._adding:
                parent._parts.add(self)
        if parent is not None and parent.is_set():
            self.set()

    def set(self) -> None:
        """End this work and all its parts."""
        super().set()
        with self._adding:
            parts = list(self._parts)
        for part in parts:
            part.set()


def wait(seconds: float, stop: threading.Event | None = None) -> bool:
    """Wait some seconds, or until ``stop`` is set; return whether it is.

    The one place where the toolkit waits. In the main thread, where Ctrl-C arrives, it sleeps in slices: an
    interrupt inside ``Event.wait`` has been seen to come out as RuntimeError ("release unlocked lock").
    """
    if stop is not None and threading.current_thread() is not threading.main_thread():
        return stop.wait(seconds)
    ends = time.monotonic() + seconds
    while not (stop is not None and stop.is_set()):
        left = ends - time.monotonic()
        if left <= 0:
            return False
        time.sleep(min(left, SLICE))
    return True


@contextmanager
def interruptible() -> Iterator[None]:
    """Let an interrupt of the body be a KeyboardInterrupt, whatever the library makes of it.

    The locks of ``threading`` and ``concurrent.futures`` turn one into RuntimeError now and then.
    """
    try:
        yield
    except RuntimeError as problem:
        if interrupt_in(problem) is None:
            raise
        raise KeyboardInterrupt from None


def first_done(futures: Iterable[Future[T]], seconds: float | None = None) -> set[Future[T]]:
    """Wait until a future is done, or for some seconds; return those that are."""
    running = list(futures)
    ended = wait_for(running, timeout=seconds or SLICE, return_when=FIRST_COMPLETED).done
    while not ended and seconds is None:  # in slices, see :data:`SLICE`
        ended = wait_for(running, timeout=SLICE, return_when=FIRST_COMPLETED).done
    return ended


def interrupt_in(problem: BaseException | None) -> KeyboardInterrupt | None:
    """Return the interrupt that an error was raised for, if there was one."""
    while problem is not None and not isinstance(problem, KeyboardInterrupt):
        problem = problem.__cause__ or problem.__context__
    return problem
