"""Arguments that a call does not take, refused in a sentence that says which it takes."""

from __future__ import annotations

import difflib
import functools
import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Any, ParamSpec, TypeVar

from .. import errors

__all__ = ["call_name", "fit", "listed_records", "named_arguments", "unknown_argument"]

P = ParamSpec("P")
R = TypeVar("R")


def named_arguments(**hints: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Let a call refuse arguments that do not fit it; ``hints`` say what to do in place of some keywords."""

    def decorate(call: Callable[P, R]) -> Callable[P, R]:
        signature = inspect.signature(call)

        @functools.wraps(call)
        def checked(*args: P.args, **given: P.kwargs) -> R:
            fit(call_name(call), signature, args, given, hints)
            return call(*args, **given)

        return checked

    return decorate


def fit(
    name: str,
    signature: inspect.Signature,
    args: tuple[Any, ...],
    given: Mapping[str, Any],
    hints: Mapping[str, str] | None = None,
) -> None:
    """Refuse arguments that do not fit a signature.

    Raises
    ------
    UnknownFilter
        A keyword that it does not have, one argument too many, or too few.
    """
    try:
        signature.bind(*args, **given)
    except TypeError:
        raise errors.UnknownFilter(_misfit(name, signature, args, given, hints or {})) from None


def call_name(call: Callable[..., Any]) -> str:
    """Return what a call is called by people: a class in place of its ``__init__``."""
    return call.__qualname__.removesuffix(".__init__")


def _misfit(
    name: str,
    signature: inspect.Signature,
    args: tuple[Any, ...],
    given: Mapping[str, Any],
    hints: Mapping[str, str],
) -> str:
    known = {one: each for one, each in signature.parameters.items() if one != "self"}
    by_place = [one for one, each in known.items() if each.kind is each.POSITIONAL_OR_KEYWORD]
    takes_any = any(each.kind is each.VAR_KEYWORD for each in known.values())
    for key in given:
        if key not in known and not takes_any:
            return unknown_argument(key, f"an argument of {name}", (k for k in known if k != "client"), hints)
    count = len(args) - ("self" in signature.parameters)
    if count > len(by_place):
        named = ", ".join(f"{one}=" for one in known if one not in by_place)
        placed = f"{', '.join(by_place)} by place and the rest by name" if by_place else "names only"
        return f"{name} takes {placed}: {named or 'nothing more'}"
    if twice := [one for one in by_place[:count] if one in given]:
        return f"{name} was given {twice[0]} twice, once by its place"
    needed = [
        one for one, each in known.items() if each.default is each.empty and each.kind is not each.VAR_KEYWORD
    ]
    missing = [one for one in needed if one not in by_place[:count] and one not in given]
    call = ", ".join(f"{one}=..." if known[one].kind is known[one].KEYWORD_ONLY else one for one in needed)
    return f"{name} needs {' and '.join(missing)} too: {name}({call})"


def unknown_argument(key: str, what: str, accepted: Iterable[str], hints: Mapping[str, str]) -> str:
    """Return the sentence about a keyword that a call does not have."""
    accepted = list(accepted)
    close = difflib.get_close_matches(key, accepted, n=1) or [one for one in accepted if key in one.split("_")]
    hint = hints.get(key, f"Did you mean {close[0]}?" if close else "")
    return f"{key!r} is not {what}; accepted: {', '.join(accepted)}. {hint}".rstrip()


def listed_records(given: Any, otherwise: str) -> list[Mapping[str, Any]]:
    """Return a list of records; refuse anything else with the sentence ``otherwise``."""
    listed = list(given) if isinstance(given, Iterable) else [given]
    if not all(isinstance(one, Mapping) for one in listed):
        raise errors.ArgumentError(otherwise)
    return listed
