"""Frames as they are handed in: with the ids and columns that a question needs."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any, ParamSpec, TypeVar

import pandas as pd

from .. import errors
from ..client import DirectoryClient
from ..client.calls import call_name, fit
from . import schema

P = ParamSpec("P")
R = TypeVar("R")

MOST_NAMED = 12
COLUMNS = {index: columns for index, columns in schema.KINDS.values() if index is not None}
LOADERS = {
    index: f"load_{kind.lower().replace(' ', '_')}" for kind, (index, _) in schema.KINDS.items() if index
}


FRAMES = {  # what a parameter of this name takes, if nothing else is said: the ids of its index
    "users": "user_id",
    "groups": "group_id",
    "directories": "directory_id",
    "events": "event_id",
    "memberships": "memberships",
    "frame": "any",
    "app_users": "any",
    "invites": "verdict",
}


OTHER_FRAMES = {
    "dask": "Dask, which lies in parts: .compute() reads it into memory, fleet.analyse asks it where it lies",
    "polars": "polars: .to_pandas() makes one of pandas",
    "pyarrow": "Arrow: .to_pandas() makes one of pandas",
    "duckdb": "DuckDB: .df() makes one of pandas",
}
LIES_IN_PARTS = (
    "a fleet: fleet.directory(...) has the frames of one directory, fleet.analyse(...) answers for all, and "
    "fleet.users and its like lie in parts until .compute()"
)


def takes_frames(**kinds: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Let a call refuse whatever is no frame of the kind that its parameter is for, and say what it is.

    Parameters
    ----------
    **kinds
        For parameters whose name does not say it: a kind as :func:`require_frame` takes it; an empty text for
        those that the call looks at itself.

    Examples
    --------
    >>> @ds.frames.takes_frames()
    ... def names_of(users):
    ...     return users["name"].tolist()
    >>> len(names_of(users)) == len(users)
    True
    """

    def decorate(call: Callable[P, R]) -> Callable[P, R]:
        signature, name = inspect.signature(call), call_name(call)
        known = signature.parameters
        wanted = {one: kind for one, kind in {**FRAMES, **kinds}.items() if kind and one in known}

        @functools.wraps(call)
        def checked(*args: P.args, **given: P.kwargs) -> R:
            fit(name, signature, args, given)
            frames = {**dict(zip(known, args, strict=False)), **given}
            frames = {one: value for one, value in frames.items() if one in wanted}
            for one, value in frames.items():
                if value is not None or known[one].default is not None:
                    require_frame(one, value, wanted[one])
            try:
                return call(*args, **given)
            except KeyError as problem:
                if told := _lost_column(problem, frames):
                    raise errors.ArgumentError(f"{name} needs {told}") from None
                raise

        return checked

    return decorate


def require_frame(name: str, value: Any, kind: str) -> None:
    """Refuse what is no frame of a kind: ids in its index, "memberships", "any", or a column it must have.

    Examples
    --------
    >>> ds.frames.require_frame("users", users, "user_id")
    """
    if kind in LOADERS:
        require_ids(name, value, kind)
    elif kind == "memberships":
        require_columns(name, value, "user_id", "group_id", loader="load_memberships")
        if value.index.name in LOADERS:  # events name users and groups too
            raise errors.ArgumentError(f"{name} must be a frame of memberships; got {_given(value, '')}")
    else:
        columns = () if kind == "any" else (kind,)
        require_columns(name, value, *columns, loader="load_events" if kind == "event" else "")
    if name != "frame" and value.columns.has_duplicates:
        twice = value.columns[value.columns.duplicated()][0]
        raise errors.ArgumentError(f"{name} has two columns named {twice!r}: drop or rename one")


def _lost_column(problem: KeyError, frames: Mapping[str, Any]) -> str:
    """Say which declared column is not in a frame any more, where that is what went wrong."""
    for name, frame in frames.items():
        for column in COLUMNS.get(str(getattr(frame, "index", pd.Index([])).name), ()):
            if column not in frame and repr(column) in str(problem):
                return f"the column {column!r} of {name}; it has {_listed([str(one) for one in frame.columns])}"
    return ""


def require_ids(name: str, frame: Any, ids: str, *, once: bool = False) -> None:
    """Refuse a frame whose rows cannot be found by these ids; with ``once`` also one that repeats an id.

    Examples
    --------
    >>> ds.frames.require_ids("groups", groups, "group_id")
    """
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
        return _no_frame(frame)
    if frame.index.name in LOADERS:
        return f"a frame of {LOADERS[frame.index.name].removeprefix('load_')}, indexed by {frame.index.name!r}"
    if {"user_id", "group_id"} <= set(frame.columns):
        return "a frame of memberships"
    got = "an index without a name" if frame.index.name is None else f"{frame.index.name!r}"
    return got + (f", and {ids} among the columns: set_index({ids!r}) puts it back" if ids in frame else "")


def _no_frame(given: Any) -> str:
    if isinstance(given, DirectoryClient):
        return "the client, with which ds.load_users(client, ...) and its like load frames"
    if isinstance(given, pd.Series):
        return "one column or row of a frame"
    if given is None:
        return "None"
    if type(given).__name__ == "Fleet":
        return LIES_IN_PARTS
    if (library := type(given).__module__.partition(".")[0]) in OTHER_FRAMES:
        return f"a frame of {OTHER_FRAMES[library]}"
    return f"one of type {type(given).__name__}"


def listed_ids(given: Any, names: pd.DataFrame | None = None) -> list[str]:
    """Return ids, each once, from one, several, a frame or a row of one.

    With a frame that has names, a name that one row alone has stands for its id.

    Examples
    --------
    >>> ds.frames.listed_ids("Everyone", groups) == groups.index[groups["name"] == "Everyone"].tolist()
    True
    """
    row = isinstance(given, pd.Series) and isinstance(given.name, str) and "name" in given.index
    given = given.name if row else given.index if isinstance(given, pd.DataFrame) else given
    several = [given] if isinstance(given, str) or not isinstance(given, Iterable) else list(given)
    if names is not None and "name" in names:
        called = names.index[~names["name"].duplicated(keep=False)]
        ids = dict(zip(names["name"][called], called, strict=True))
        several = [one if one in names.index else ids.get(one, one) for one in several]
    return list(dict.fromkeys(several))


def one_of(name: str, value: Any, allowed: Iterable[str], what: str = "one of") -> str:
    """Return a choice that there is; refuse any other, and name the choices and those that are near.

    Examples
    --------
    >>> ds.frames.one_of("by", "count", ["count", "jaccard"])
    'count'
    """
    choices = list(dict.fromkeys(allowed))
    if isinstance(value, str) and value in choices:
        return value
    raise errors.ArgumentError(
        f"{name} must be {what} {_listed(choices)}; got {value!r:.80}{_near(value, choices)}"
    )


def _listed(choices: Sequence[str]) -> str:
    more = f" and {len(choices) - MOST_NAMED:,} more" if len(choices) > MOST_NAMED else ""
    return (", ".join(map(repr, choices[:MOST_NAMED])) or "those there are (none)") + more


def _near(value: Any, choices: Iterable[str]) -> str:
    near = _like(value, choices)
    return f". Did you mean {' or '.join(map(repr, near))}?" if near else ""


def near_names(name: Any, names: Iterable[Any]) -> str:
    """Return the names that are like one, as the end of a sentence; the first of them where none is.

    Examples
    --------
    >>> ds.frames.near_names("badge", ["name", "custom_attributes.badge"])
    "; near it: 'custom_attributes.badge'"
    """
    listed = list(dict.fromkeys(map(str, names)))
    if near := _like(name, listed):
        return f"; near it: {', '.join(map(repr, near))}"
    return f"; there are {_listed(listed)}" if listed else ""


def _like(value: Any, choices: Iterable[str]) -> list[str]:
    """Return at most three choices that read like a value: by all of a name, or what stands after its dot."""
    words = {part.casefold(): one for one in choices for part in (one.rpartition(".")[2], one)}
    near = get_close_matches(str(value).casefold(), list(words), n=3, cutoff=0.6)
    return list(dict.fromkeys(words[word] for word in near))


def known_attributes(name: str, wanted: str | Iterable[str], known: Iterable[str]) -> list[str]:
    """Return the names of attributes that are wanted, without their prefix; refuse one that nobody has.

    Examples
    --------
    >>> ds.frames.known_attributes("names", "custom_attributes.team", ["team", "floor"])
    ['team']
    """
    names = [wanted] if isinstance(wanted, str) else list(wanted)
    choices = list(known)
    bare = [one if one in choices else str(one).removeprefix("custom_attributes.") for one in names]
    return [one_of(name, one, choices, "custom attributes that users have:") for one in dict.fromkeys(bare)]


def attribute_names(users: pd.DataFrame) -> dict[str, None]:
    """Return the names of custom attributes that anybody has, with a value or null, in the order first seen."""
    held = users.get("custom_attributes", ())
    return {str(name): None for value in held if isinstance(value, Mapping) for name in value}


def require_attribute(what: str, name: str, users: pd.DataFrame, *, more: Sequence[str] = ()) -> bool:
    """Return whether anybody has an attribute; refuse a name that is neither theirs nor a predefined one.

    Among no users at all nothing can be told: every name passes. It may stand behind ``custom_attributes.``.
    """
    seen = attribute_names(users)
    name = name if name in seen else name.removeprefix("custom_attributes.")
    if name in seen or name in more:
        return True
    if name not in schema.PREDEFINED and len(users):
        names = [*seen, *more, *(one for one in schema.PREDEFINED if one not in seen)]
        raise errors.ArgumentError(f"{what}: no user has an attribute {name!r}{near_names(name, names)}")
    return False


def require_columns(name: str, frame: Any, *columns: str, loader: str = "") -> None:
    """Refuse a frame that lacks one of these columns; say what it is a frame of, and which call gives them.

    Examples
    --------
    >>> ds.frames.require_columns("users", users, "name", "state")
    """
    source = f", as {loader} gives it" if loader else ""
    if not isinstance(frame, pd.DataFrame):
        raise errors.ArgumentError(f"{name} must be a frame{source}; got {_no_frame(frame)}")
    if absent := [column for column in columns if column not in frame]:
        given = LOADERS.get(str(frame.index.name), "").removeprefix("load_")
        what = f"; this is a frame of {given}" if given else ""
        lacks = f"{' and '.join(absent)} {'is' if len(absent) == 1 else 'are'} not among"
        has = ", ".join(map(repr, frame.columns[:8])) or "its none"
        must = f"{name} must have the columns {' and '.join(columns)}{source}"
        raise errors.ArgumentError(f"{must}; {lacks} {has}{what}")
