"""Arguments that a call does not take, refused in a sentence that says which it takes."""

from __future__ import annotations

import difflib
import functools
import inspect
import sys
from collections.abc import Callable, Iterable, Mapping
from types import FunctionType, ModuleType
from typing import Any, ParamSpec, TypeVar

from .. import errors

__all__ = [
    "call_name",
    "every_call",
    "fit",
    "listed_records",
    "named_arguments",
    "refusing",
    "unknown_argument",
]

P = ParamSpec("P")
R = TypeVar("R")

PACKAGE = __name__.partition(".")[0]
REFUSES = "_refuses_misfits"
BOUND = ("self", "cls", "_cls")  # given by Python itself


def named_arguments(call: Callable[P, R]) -> Callable[P, R]:
    """Let a call refuse arguments that do not fit it; nothing is looked at unless Python refused them."""
    if REFUSES in vars(call):
        return call

    @functools.wraps(call)
    def checked(*args: P.args, **given: P.kwargs) -> R:
        try:
            return call(*args, **given)
        except TypeError as problem:
            if not isinstance(problem, errors.DirsyncError):
                fit(call_name(call), inspect.signature(call), args, given)
            raise
        finally:
            del args, given  # one of them may be a secret, and a traceback keeps this frame

    return refusing(checked)


def refusing(call: Callable[P, R]) -> Callable[P, R]:
    """Mark a call that refuses arguments by itself."""
    vars(call)[REFUSES] = True
    return call


def every_call(door: str) -> None:
    """Let all that a module shows refuse arguments that do not fit: its functions, classes and their methods.

    A function is replaced where it is defined and where it is shown, so that every way leads to the same one.
    """
    shown = vars(sys.modules[door])
    for name in shown["__all__"]:
        thing = shown[name]
        if isinstance(thing, type) and not issubclass(thing, BaseException):
            _every_method(thing)
        elif isinstance(thing, ModuleType) and thing.__name__.startswith(PACKAGE):
            every_call(thing.__name__)
        elif isinstance(thing, FunctionType):
            shown[name] = vars(sys.modules[thing.__module__])[thing.__name__] = named_arguments(thing)


def _every_method(shown: type) -> None:
    ours = [one for one in shown.__mro__ if one.__module__.startswith(PACKAGE)]
    for home, (name, held) in ((one, each) for one in ours for each in list(vars(one).items())):
        if name.startswith("_") and name not in ("__init__", "__new__", "__call__"):
            continue
        if isinstance(held, classmethod | staticmethod):
            setattr(home, name, type(held)(named_arguments(held.__func__)))
        elif isinstance(held, FunctionType):
            setattr(home, name, named_arguments(held))


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
    return call.__qualname__.removesuffix(".__init__").removesuffix(".__new__")


def _misfit(
    name: str,
    signature: inspect.Signature,
    args: tuple[Any, ...],
    given: Mapping[str, Any],
    hints: Mapping[str, str],
) -> str:
    known = {one: each for one, each in signature.parameters.items() if one not in BOUND}
    by_place = [one for one, each in known.items() if each.kind is each.POSITIONAL_OR_KEYWORD]
    takes_any = any(each.kind is each.VAR_KEYWORD for each in known.values())
    for key in given:
        if key not in known and not takes_any:
            return unknown_argument(key, f"an argument of {name}", (k for k in known if k != "client"), hints)
    count = len(args) - (next(iter(signature.parameters), "") in BOUND)
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
