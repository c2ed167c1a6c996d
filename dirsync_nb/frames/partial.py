"""Frames that do not hold everything: how they are marked, and where they are refused."""

from __future__ import annotations

import pandas as pd

from .. import errors
from ..text import plural

READ = "directories_read"  # in ``attrs`` of memberships: the directories that were read, with members or not

NOUN = ("directory", "directories")
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


def require_same_directories(
    memberships: pd.DataFrame, users: pd.DataFrame | None = None, groups: pd.DataFrame | None = None
) -> None:
    """Refuse users or groups of directories whose memberships were not read: all of them would be in nothing.

    Memberships say which directories they are of as long as they are what the loader gave, or a part of it.

    Raises
    ------
    ArgumentError
        A frame holds rows of other directories.

    Examples
    --------
    >>> ds.frames.require_same_directories(memberships, users, groups)
    """
    if READ not in memberships.attrs:
        return
    read = set(memberships.attrs[READ])
    for name, frame in (("users", users), ("groups", groups)):
        if frame is None or "directory_id" not in frame:
            continue
        if others := [str(one) for one in frame["directory_id"].dropna().unique() if one not in read]:
            raise errors.ArgumentError(
                f"memberships are of {plural(len(read), *NOUN)}, and {name} also of "
                f"{plural(len(others), *NOUN)} more, {others[0]} for one, whose memberships were not read: "
                "load both of the same directories"
            )


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


def require_all(purpose: str, *frames: pd.DataFrame | None) -> None:
    """Refuse where one of several frames is partial; one that was not given is none.

    Examples
    --------
    >>> ds.frames.partial.require_all("a comparison", users, None)
    """
    for frame in frames:
        if frame is not None:
            require_complete(frame, purpose)


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
