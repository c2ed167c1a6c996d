"""Frames as they are handed in: with the ids and columns that a question needs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import Any

import pandas as pd

from .. import errors

__all__ = ["known_attributes", "one_of", "require_columns", "require_ids"]

MOST_NAMED = 12

LOADERS = {
    "user_id": "load_users",
    "group_id": "load_groups",
    "directory_id": "load_directories",
    "organization_id": "load_organizations",
    "event_id": "load_events",
    "role_id": "load_roles",
    "organization_membership_id": "load_organization_memberships",
    "workos_group_id": "load_workos_groups",
}


def require_ids(name: str, frame: Any, ids: str, *, once: bool = False) -> None:
    """Refuse a frame whose rows cannot be found by these ids; with ``once`` also one that repeats an id."""
    if not isinstance(frame, pd.DataFrame) or frame.index.name != ids:
        raise errors.ArgumentError(
            f"{name} must be indexed by {ids}, as {LOADERS[ids]} gives it; got {_given(frame, ids)}"
        )
    if once and frame.index.has_duplicates:
        doubled = frame.index[frame.index.duplicated()].unique()
        count = "1 id stands" if len(doubled) == 1 else f"{len(doubled):,} ids stand"
        raise errors.ArgumentError(
            f"{name} must hold each {ids} once; {count} in it more than once, {doubled[0]!r} for one. To keep "
            "the last row of each: frame[~frame.index.duplicated(keep='last')]"
        )


def _given(frame: Any, ids: str) -> str:
    """Return in words what was given where a frame with other ids was wanted."""
    if not isinstance(frame, pd.DataFrame):
        return f"one of type {type(frame).__name__}"
    if frame.index.name in LOADERS:
        return f"a frame of {LOADERS[frame.index.name].removeprefix('load_')}, indexed by {frame.index.name!r}"
    if {"user_id", "group_id"} <= set(frame.columns):
        return "a frame of memberships"
    got = "an index without a name" if frame.index.name is None else f"{frame.index.name!r}"
    return got + (f", and {ids} among the columns: set_index({ids!r}) puts it back" if ids in frame else "")


def one_of(name: str, value: Any, allowed: Iterable[str], what: str = "one of") -> str:
    """Return a choice that there is; refuse any other, and name the choices and those that are near."""
    choices = list(dict.fromkeys(allowed))
    if isinstance(value, str) and value in choices:
        return value
    raise errors.ArgumentError(
        f"{name} must be {what} {_listed(choices)}; got {value!r:.80}{_near(value, choices)}"
    )


def _listed(choices: Sequence[str]) -> str:
    more = f" and {len(choices) - MOST_NAMED:,} more" if len(choices) > MOST_NAMED else ""
    return (", ".join(map(repr, choices[:MOST_NAMED])) or "those there are (none)") + more


def _near(value: Any, choices: Sequence[str]) -> str:
    words = {choice.casefold(): choice for choice in choices}
    near = [words[word] for word in get_close_matches(str(value).casefold(), list(words), n=3, cutoff=0.6)]
    return f". Did you mean {' or '.join(map(repr, near))}?" if near else ""


def known_attributes(name: str, wanted: str | Iterable[str], known: Iterable[str]) -> list[str]:
    """Return the names of attributes that are wanted, without their prefix; refuse one that nobody has."""
    names = [wanted] if isinstance(wanted, str) else list(wanted)
    choices = list(known)
    bare = [one if one in choices else str(one).removeprefix("custom_attributes.") for one in names]
    return [one_of(name, one, choices, "custom attributes that users have:") for one in dict.fromkeys(bare)]


def require_columns(name: str, frame: Any, *columns: str) -> None:
    """Refuse a frame that lacks one of these columns, and say what it is a frame of."""
    if not isinstance(frame, pd.DataFrame):
        raise errors.ArgumentError(f"{name} must be a frame; got one of type {type(frame).__name__}")
    if absent := [column for column in columns if column not in frame]:
        loader = LOADERS.get(str(frame.index.name), "")
        what = f"; this is a frame of {loader.removeprefix('load_')}" if loader else ""
        raise errors.ArgumentError(
            f"{name} must have the columns {' and '.join(columns)}; {' and '.join(absent)} is not among "
            f"{', '.join(map(repr, frame.columns[:8])) or 'its none'}{what}"
        )
