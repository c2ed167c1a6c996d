"""Frames that do not hold everything: how they are marked, and where they are refused."""

from __future__ import annotations

import pandas as pd

from .. import errors

__all__ = ["ROUNDED", "mark_partial", "require_complete", "require_order", "why_incomplete"]

ROUNDED = "times_rounded"  # in ``attrs``: times were rounded, so that they tell no order any more


def why_incomplete(*frames: pd.DataFrame | None) -> str | None:
    """Return why the first partial one of these frames is partial; None when all are whole.

    Examples
    --------
    >>> ds.frames.why_incomplete(users, ds.load_groups(client, directories.index[0], limit=2))
    '2 rows, by request'
    """
    partial = (f for f in frames if f is not None and "incomplete" in f.attrs)
    return next((str(f.attrs["incomplete"]) for f in partial), None)


def mark_partial(answer: pd.DataFrame, *sources: pd.DataFrame | None) -> pd.DataFrame:
    """Carry on that a source was partial, and nothing else of what its ``attrs`` say.

    Examples
    --------
    >>> look = ds.load_users(client, directories.index[0], limit=5)
    >>> ds.frames.mark_partial(look[["name"]], look).attrs
    {'incomplete': '5 rows, by request'}
    """
    reason = why_incomplete(*sources)
    answer.attrs = {} if reason is None else {"incomplete": reason}
    return answer


def require_complete(frame: pd.DataFrame, purpose: str) -> pd.DataFrame:
    """Refuse a partial frame where only a whole one gives a true answer; else give it back.

    Raises
    ------
    IncompleteError
        The frame came from a load that broke, or is the part of a list that was asked for.

    Examples
    --------
    >>> ds.frames.require_complete(users, "a comparison") is users
    True
    """
    given: object = frame
    if not isinstance(given, pd.DataFrame):
        raise errors.ArgumentError(f"{purpose} needs a frame; got one of type {type(given).__name__}")
    if "incomplete" in frame.attrs:
        reason = str(frame.attrs["incomplete"])
        remedy = (
            "Load it without limit=, before= and after="
            if reason.endswith("by request")
            else "Load it again, or go on with resume=client.receipts[-1]"
        )
        raise errors.IncompleteError(
            f"{purpose} needs whole frames, and this one is partial ({reason}). {remedy}."
        )
    return frame


def require_order(events: pd.DataFrame, purpose: str) -> None:
    """Refuse events whose times were rounded where it counts which of two came first. Raises ArgumentError.

    Examples
    --------
    >>> ds.frames.require_order(events, "a timeline")
    """
    if ROUNDED in events.attrs:
        raise errors.ArgumentError(
            f"{purpose} needs to know which event came first, and these have times rounded to the "
            f"{events.attrs[ROUNDED]}: do it without round_times, and redact what comes of it"
        )
