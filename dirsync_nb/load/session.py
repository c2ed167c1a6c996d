"""One load, from its receipt to its frame: what every loader does, whatever it reads.

A loader returns the whole frame or raises. Whatever ends it early, an error or the person at the keyboard, the
rows so far stay reachable as the receipt's ``partial``, marked incomplete, and ``resume=`` goes on from there.
Who asked for a part of a list gets it, marked incomplete too.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any, Protocol, TypeVar

import pandas as pd

from .. import errors
from ..client import LoadContext, Receipt
from ..client.waiting import interruptible
from ..frames import ROUNDED
from ..guard import memory
from .progress import Progress, tell

Watch = Callable[[int], None]
"""Is told how many rows there are so far, where no bar is to be shown; what it raises ends the load."""


MOST_LINE = 2**26  # bytes, twice an answer
PAGE_FORMAT = 2  # of the lines that loaders write; 1 knew no segments


class Checkpoint:
    """A file of JSON lines that a kill at any moment leaves usable.

    Attributes
    ----------
    lines
        What was there when it was opened; a line that was cut short is not counted.
    """

    def __init__(self, path: Path) -> None:
        self.lines: list[dict[str, Any]] = []
        whole = 0
        if path.exists():
            if path.stat().st_size > memory() // 2:
                raise errors.FileTooLarge(f"{path} does not fit into memory: remove it, and load anew")
            with path.open("rb") as file:
                while (held := _json_line(line := file.readline(MOST_LINE))) is not None:
                    whole += len(line)
                    self.lines.append(held)
        self._file = path.open("ab")
        self._file.truncate(whole)

    @property
    def path(self) -> str:
        """Where it is."""
        return str(self._file.name)

    def __enter__(self) -> Checkpoint:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def add(self, line: Mapping[str, Any]) -> None:
        """Write one line, and hand it to the system, which keeps it whatever becomes of this process."""
        self._file.write(json.dumps(line).encode() + b"\n")
        self._file.flush()


def _json_line(line: bytes) -> dict[str, Any] | None:
    """Read a line; None where it was cut short."""
    if not line.endswith(b"\n"):
        return None
    try:
        held = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return held if isinstance(held, dict) else None


class PartialResult(Protocol):
    """What a load has so far; a resumed one goes on with it."""

    def frame(self) -> pd.DataFrame:
        """Return the rows so far."""

    def report(self, receipt: Receipt, frame: pd.DataFrame) -> None:
        """Write what a reader should know about them into the receipt."""

    def missing(self, receipt: Receipt) -> str:
        """Return what is not there yet, in words."""

    def keep(self, checkpoint: Checkpoint) -> None:
        """Take what a checkpoint holds, and write into it whatever comes from now on."""


P = TypeVar("P", bound=PartialResult)


class LoadSession:
    """A load under way. ``frame`` is what it gave, once it is whole."""

    frame: pd.DataFrame

    def __init__(self, receipt: Receipt, progress: Progress | None, watch: Watch | None) -> None:
        self.receipt, self._progress, self._watch = receipt, progress, watch

    def show(self, count: int) -> None:
        """Show how far it is."""
        if self._watch is not None:
            self._watch(count)
        elif self._progress is not None:
            self._progress.show(count)


def resumed(receipt: Receipt, resume: Receipt | None, kind: type[P], new: Callable[[], P]) -> P:
    """Return what a load goes on with: new, or what the load had that ``resume`` is the receipt of.

    Raises
    ------
    ArgumentError
        It is the receipt of another load, of one that is complete, or of one that kept nothing.
    """
    if resume is None:
        return new()
    if resume.complete:
        rows = "" if resume.whole is None else ", and its rows are in its .whole"
        raise errors.ArgumentError(
            f"resume= takes the receipt of a load that broke; this one is complete{rows}"
        )
    if not isinstance(resume.so_far, kind):
        raise errors.ArgumentError(
            "resume= takes the receipt of the same loader; this one has kept no rows it could go on with"
        )
    if receipt.asked != resume.asked:
        raise errors.ArgumentError(
            f"resume= takes a receipt of the same load; this one read {resume.endpoint} with {resume.filters} "
            f"in order {resume.order}"
        )
    receipt.cursor, receipt.rows = resume.cursor, resume.rows
    return resume.so_far


@contextmanager
def load_session(
    context: LoadContext,
    receipt: Receipt,
    partial: PartialResult,
    *,
    progress: Progress | None = None,
    watch: Watch | None = None,
    checkpoint: Checkpoint | None = None,
) -> Iterator[LoadSession]:
    """Run a load: its body brings rows into ``partial``, and ``session.frame`` holds them afterwards.

    Parameters
    ----------
    context, receipt
        What it reads with, and its receipt, which is marked complete at the end; where a part was asked for,
        the frame is marked partial instead, and ``resume=`` can read the rest.
    partial
        What there is so far. If the body does not come to its end, this is kept.
    progress
        The bar a person sees; none by default.
    watch
        Is told instead of a bar; then nothing is printed either.
    checkpoint
        Keeps what was read on disk, so that the load can go on in another process.
    """
    receipt.so_far = partial
    receipt.tell = None if progress is None else progress.tell
    session = LoadSession(receipt, progress, watch)
    started = time.monotonic()
    try:
        if checkpoint is not None:
            _take_up(partial, checkpoint)
        with interruptible(), progress or nullcontext():
            yield session
        session.frame = partial.frame()
        partial.report(receipt, session.frame)
        if context.rounded is not None:
            session.frame.attrs[ROUNDED] = context.rounded
        if receipt.by_request:
            session.frame.attrs["incomplete"] = receipt.part
        if watch is None:
            tell(receipt.notices, context.told)
        if watch is None and checkpoint is None and not receipt.by_request:
            receipt.whole = session.frame  # until whoever asked has it: an interrupt may still come in between
        receipt.complete = not receipt.by_request  # last of all: until then an interrupt can be gone on from
    except BaseException as problem:
        keep_partial(receipt, partial, problem)
        raise
    finally:
        receipt.tell = None
        receipt.seconds = time.monotonic() - started
    if receipt.complete:
        receipt.so_far = None


def _take_up(partial: PartialResult, checkpoint: Checkpoint) -> None:
    """Take what a checkpoint holds, or refuse it."""
    try:
        partial.keep(checkpoint)
    except errors.MISSHAPEN:
        raise errors.ArgumentError(
            f"{checkpoint.path} does not hold what a load has read: remove it, and load again"
        ) from None


def keep_partial(receipt: Receipt, partial: PartialResult, problem: BaseException) -> None:
    """Keep the rows so far as a frame that says it is partial, on the receipt and on the error."""
    frame = partial.frame().copy()  # its own memory: a person may write into it before resuming
    partial.report(receipt, frame)
    frame.attrs["incomplete"] = partial.missing(receipt)
    receipt.partial = frame
    if isinstance(problem, errors.DirsyncError):
        problem.partial, problem.receipt = frame, receipt
    elif isinstance(problem, KeyboardInterrupt):
        _tell_how_to_go_on(problem, len(frame))


def _tell_how_to_go_on(stopped: KeyboardInterrupt, rows: int) -> None:
    """Let a notebook show of a stop the person's own line, and what can be done with the rows."""
    note = errors.kept_rows(rows) if rows else "stopped"

    def rendered() -> list[str]:
        del stopped._render_traceback_  # type: ignore[attr-defined]  # asked again (%tb), all of it
        return [*errors.own_line(stopped), f"KeyboardInterrupt: {note}", "", errors.TRACEBACK]

    stopped._render_traceback_ = rendered  # type: ignore[attr-defined]
