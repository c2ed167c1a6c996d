"""Slow work beside the kernel's loop.

A widget's callbacks run on the kernel's loop, which a long load would block, and a thread must not touch a
widget. So the work runs on a thread of its own that knows nothing of widgets; what it gives is handed to the
loop, which calls back. Where no loop runs (a script, a test) the work is done at once, in place.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable
from typing import Any

from .live import running_cell

__all__ = ["Job", "Jobs", "Stopped"]

TELL_EVERY = 0.2  # seconds between two reports of progress
PATIENCE = 3.0  # seconds a cell waits, so that what is quick stands in its output at once


class Stopped(Exception):
    """The person pressed Stop, or something newer took the place of this work."""


class Job:
    """One piece of work, as the thread sees it."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self.stop = threading.Event()
        self.dropped = False
        self.detached = self.delivered = False
        self.ended = threading.Event()
        self.lock = threading.Lock()
        self.result: Any = None
        self.problem: BaseException | None = None
        self.deliver: Callable[[], None] = lambda: None
        self._tell = tell
        self._told = 0.0

    def check(self) -> None:
        """Leave, if asked to: called once for each page."""
        if self.stop.is_set():
            raise Stopped

    def tell(self, text: str) -> None:
        """Report progress, not more often than an eye can follow."""
        now = time.monotonic()
        if now - self._told >= TELL_EVERY:
            self._told = now
            self._tell(text)


class Jobs:
    """The work of one widget: at most one piece of each name, of which the newest wins.

    Parameters
    ----------
    tell
        Shows progress; called on the loop.
    """

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell
        self._running: dict[str, Job] = {}
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._on_loop = False
        self.closed = False

    @property
    def busy(self) -> bool:
        """Whether anything is being worked on."""
        return bool(self._running)

    def run(
        self,
        name: str,
        work: Callable[[Job], Any],
        done: Callable[[Any], None],
        failed: Callable[[BaseException], None],
        *,
        patience: float | None = None,
    ) -> None:
        """Do ``work`` on a thread, then call ``done`` or ``failed`` on the loop.

        Parameters
        ----------
        name
            Work of the same name that is still running is dropped: nobody hears of it again.
        patience
            Seconds to wait here for a quick end. Default: a few in a cell, so that its next line finds the
            result; none in a callback, which would hold up everything else.
        """
        self.drop(name)
        if self.closed:
            return
        loop = _running_loop()
        job = Job(lambda text: self._pass_on(loop, job, text))
        job.deliver = lambda: self._deliver(name, job, done, failed)
        self._running[name] = job
        if loop is None:
            _do(work, job)
            job.deliver()
            return

        def thread() -> None:
            _do(work, job)
            with job.lock:
                job.ended.set()
                if job.detached:
                    _hand_over(loop, self._beside(job.deliver))

        threading.Thread(target=thread, name=f"dirsync widget: {name}", daemon=True).start()
        if patience is None:
            patience = 0.0 if self._on_loop or running_cell() is None else PATIENCE
        try:
            _await(job, patience)
        finally:
            with job.lock:
                job.detached = not job.ended.is_set()
        if not job.detached:
            job.deliver()

    def wait(self) -> None:
        """Wait for all work and for what follows from it, where a cell asks: its next line finds the results.

        In a callback nothing is waited for, since that would hold up everything else.
        """
        if self._on_loop or _running_loop() is None or running_cell() is None:
            return
        while self._running:
            job = next(iter(self._running.values()))
            _await(job)
            job.deliver()

    def later(self, name: str, seconds: float, call: Callable[[], None]) -> None:
        """Call something on the loop after a while; without a loop, never."""
        self.forget(name)
        loop = _running_loop()
        if loop is not None and not self.closed:
            self._timers[name] = loop.call_later(seconds, self._beside(call))

    def forget(self, name: str) -> None:
        """Cancel what was to be called later."""
        timer = self._timers.pop(name, None)
        if timer is not None:
            timer.cancel()

    def stop(self) -> None:
        """Ask all work to end: each piece does within a page, and says so by ``failed(Stopped())``."""
        for job in list(self._running.values()):
            job.stop.set()

    def drop(self, name: str) -> None:
        """Ask one piece of work to end, and hear of it no more."""
        job = self._running.pop(name, None)
        if job is not None:
            job.dropped = True
            job.stop.set()

    def close(self) -> None:
        """End everything for good."""
        self.closed = True
        for name in list(self._running):
            self.drop(name)
        for name in list(self._timers):
            self.forget(name)

    def _beside(self, call: Callable[[], None]) -> Callable[[], None]:
        """Mark a call as one from the loop: nothing it starts is waited for."""

        def marked() -> None:
            self._on_loop = True
            try:
                call()
            finally:
                self._on_loop = False

        return marked

    def _pass_on(self, loop: asyncio.AbstractEventLoop | None, job: Job, text: str) -> None:
        def show() -> None:
            if not job.dropped and not job.ended.is_set():
                self._tell(text)

        if loop is not None:
            _hand_over(loop, show)

    def _deliver(
        self, name: str, job: Job, done: Callable[[Any], None], failed: Callable[[BaseException], None]
    ) -> None:
        if job.dropped or job.delivered or self.closed:
            return
        job.delivered = True
        if self._running.get(name) is job:
            del self._running[name]
        if job.problem is None:
            done(job.result)
        else:
            failed(job.problem)


def _do(work: Callable[[Job], Any], job: Job) -> None:
    try:
        job.result = work(job)
    except Exception as problem:  # noqa: BLE001 - shown to the person beside the control
        job.problem = problem


def _await(job: Job, seconds: float | None = None) -> None:
    """Wait for the end of a piece of work; whoever interrupts the cell means the work as well."""
    try:
        job.ended.wait(seconds)
    except KeyboardInterrupt:
        job.stop.set()
        raise


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def _hand_over(loop: asyncio.AbstractEventLoop, call: Callable[[], None]) -> None:
    with contextlib.suppress(RuntimeError):  # the loop is closed: the kernel is going
        loop.call_soon_threadsafe(call)
