"""Arguments that a call does not take, and attributes that an object has not: told with what there is."""

from __future__ import annotations

import difflib
import functools
import inspect
import numbers
import os
import sys
from collections.abc import Callable, Iterable, Mapping
from types import FunctionType, ModuleType
from typing import Any, ParamSpec, TypeVar

from .. import errors

P = ParamSpec("P")
R = TypeVar("R")

PACKAGE = __name__.partition(".")[0]
REFUSES = "_refuses_misfits"
BOUND = ("self", "cls", "_cls")  # given by Python itself
KINDS: Mapping[str, tuple[Any, str]] = {  # of arguments, by their annotation: what fits, and how it is called
    "int": (numbers.Integral, "a whole number"),
    "float": (numbers.Real, "a number"),
    "str": (str, "text"),
    "bool": (bool, "True or False"),
    "Path": (os.PathLike, "a path"),
    "None": (type(None), "None"),
    "Axes": ((), "Axes of matplotlib"),
    "Receipt": ((), "a receipt, such as client.receipts[-1]"),
}
VERBS = ("load", "list", "get", "fetch", "read")  # as people and other libraries begin the names of loaders
MEANT = {  # words that people use for an argument, and what it is called here
    **dict.fromkeys(("to", "file", "filename", "filepath", "output", "out", "target"), ("path", "folder")),
    **dict.fromkeys(("n", "size", "count", "head", "max_rows", "nrows"), ("limit", "rows", "top")),
    **dict.fromkeys(("df", "data", "table"), ("frame", "frames", "users")),
    **dict.fromkeys(("name", "text", "query", "id", "user", "user_id", "email"), ("what", "who")),
}
FRAMES = ("df", "frame", "data", "table", "to_frame")  # attributes that ask for one, as all of pandas's own do
MOST_NAMES = 30  # that a sentence lists


def named_arguments(call: Callable[P, R]) -> Callable[P, R]:
    """Let a call refuse arguments that do not fit it; nothing is looked at unless Python refused them."""
    if REFUSES in vars(call):
        return call

    @functools.wraps(call)
    def checked(*args: P.args, **given: P.kwargs) -> R:
        try:
            return call(*args, **given)
        except (TypeError, ValueError, AttributeError, errors.DirsyncError) as problem:
            caller = str(sys._getframe(1).f_globals.get("__name__"))
            if not caller.startswith(f"{PACKAGE}."):  # what we call ourselves is told as theirs
                told = _wrong_call(call, args, given, problem)
                if told is not None:
                    raise told from None
            raise
        finally:
            del args, given  # one of them may be a secret, and a traceback keeps this frame

    vars(checked)[REFUSES] = True
    return checked


def front_door(package: str, file: str) -> list[str]:
    """Return the names that a package shows, which stand in its ``__init__.pyi``, and load what they name."""
    import lazy_loader  # here, since the check of notebooks as a hook has Python and nothing else

    load, _, names = lazy_loader.attach_stub(package, file)
    vars(sys.modules[package]).update({name: load(name) for name in names}, __all__=names)
    every_call(package)
    return list(names)


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
    if not vars(shown).get("_is_protocol"):
        _tell_what_there_is(shown)


def _tell_what_there_is(shown: Any) -> None:
    """Let objects of a class answer a misspelt attribute, or brackets that they do not take, in a sentence."""
    if not hasattr(shown, "__getattr__"):
        shown.__getattr__ = _no_attribute
    if not hasattr(shown, "__getitem__"):
        shown.__getitem__ = _no_item


def _no_attribute(self: object, name: str) -> Any:
    if name.startswith("_") or hasattr(type(self), name):
        return object.__getattribute__(self, name)  # which says what is wrong, within a property too
    raise AttributeError(f"{type(self).__name__} has no {name!r}{_instead(self, name)}", name=name, obj=self)


def _no_item(self: object, key: object) -> Any:
    raise TypeError(f"{type(self).__name__} is no table and no list{_instead(self, str(key))}")


def _instead(thing: object, name: str) -> str:
    """Say which attribute of an object may be meant, or what it has."""
    verb, _, kind = name.partition("_")
    if verb in VERBS and kind:
        return f": frames come from functions, ds.load_{kind}(client, ...)"
    if name == "client":
        return ": ds.connect() gives a client, and ds.connect_sandbox() one of the sandbox"
    public = [one for one in dir(thing) if not one.startswith("_")]
    if near := _near(name, public):
        return f"; did you mean {' or '.join(f'.{one}' for one in near)}?"
    asked = name in FRAMES or hasattr(getattr(sys.modules.get("pandas"), "DataFrame", None), name)
    if frames := [f".{one}" for one in public if asked and _is_frame(thing, one)]:
        return f", which is a frame's; its frames: {', '.join(frames)}"
    return f"; it has {', '.join(public)}" if len(public) <= MOST_NAMES else "; dir() of it lists what it has"


def _near(name: str, known: list[str]) -> list[str]:
    """Return the names that one may stand for: itself, those written alike, or those with it as a word."""
    if name in known:
        return [name]
    close = difflib.get_close_matches(name, known, n=2, cutoff=0.7)
    return close or [one for one in known if name in one.split("_")][:2]


def _is_frame(thing: object, name: str) -> bool:
    """Whether an attribute is a frame, as far as can be told without asking for it."""
    held = inspect.getattr_static(thing, name)
    if isinstance(held, property):
        return "DataFrame" in str(held.fget.__annotations__.get("return"))
    noted = [vars(kind).get("__annotations__", {}).get(name) for kind in type(thing).__mro__]
    return "DataFrame" in f"{type(held).__name__} {noted}"


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


def _wrong_call(
    call: Callable[..., Any], args: tuple[Any, ...], given: Mapping[str, Any], problem: Exception
) -> errors.ArgumentError | None:
    """Return what is wrong with the arguments of a call that failed; None where nothing is, or it was told."""
    name, signature, told = call_name(call), inspect.signature(call), isinstance(problem, errors.DirsyncError)
    try:
        named = signature.bind(*args, **given).arguments
    except TypeError:
        return None if told else errors.UnknownFilter(_misfit(name, signature, args, given, {}))
    for one, value in named.items():
        kinds = str(signature.parameters[one].annotation).split(" | ")
        if (told and "Path" not in kinds) or any(_is_kind(value, kind) for kind in kinds):
            continue
        words = "a path, as text" if "Path" in kinds else " or ".join(KINDS[kind][1] for kind in kinds)
        return errors.ArgumentError(
            f"{one} of {name} must be {words}; got one of type {type(value).__name__}. The call is "
            f"{_call(name, signature)}"
        )
    return None


def _is_kind(value: object, kind: str) -> bool:
    """Return whether a value is of a kind, by the name of one of its classes; any is of one not known here."""
    return (
        kind not in KINDS
        or isinstance(value, KINDS[kind][0])
        or kind in {one.__name__ for one in type(value).__mro__}
    )


def _call(name: str, signature: inspect.Signature) -> str:
    """Return a call as one types it, with the arguments that it needs."""
    needed = [each for each in signature.parameters.values() if each.name not in BOUND and _is_needed(each)]
    told = (f"{one.name}=..." if one.kind is one.KEYWORD_ONLY else one.name for one in needed)
    return f"{name}({', '.join(told)})"


def _is_needed(one: inspect.Parameter) -> bool:
    return one.default is one.empty and one.kind not in (one.VAR_KEYWORD, one.VAR_POSITIONAL)


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
        by_name = [one for one, each in known.items() if each.kind is each.KEYWORD_ONLY]
        named = ", ".join(f"{one}=" for one in by_name)
        if not named:
            return f"{name} takes " + (
                f"{', '.join(by_place)} and nothing more" if by_place else "no arguments"
            )
        placed = f"{', '.join(by_place)} by place and the rest by name" if by_place else "names only"
        return f"{name} takes {placed}: {named}"
    if twice := [one for one in by_place[:count] if one in given]:
        return f"{name} was given {twice[0]} twice, once by its place"
    needed = [one for one, each in known.items() if _is_needed(each)]
    missing = [one for one in needed if one not in by_place[:count] and one not in given]
    return f"{name} needs {' and '.join(missing)} too: {_call(name, signature)}"


def unknown_argument(key: str, what: str, accepted: Iterable[str], hints: Mapping[str, str]) -> str:
    """Return the sentence about a keyword that a call does not have."""
    accepted = list(accepted)
    meant = [one for one in MEANT.get(key, ()) if one in accepted]
    close = meant or _near(key, accepted)
    told = f"Did you mean {close[0]}?" if close else ""
    if not close and "ax" in accepted and (key == "save" or "path" in MEANT.get(key, (key,))):
        told = "It returns Axes: its figure.savefig(path) saves the picture."
    hint = hints.get(key, told)
    return f"{key!r} is not {what}; accepted: {', '.join(accepted)}. {hint}".rstrip()


def listed_records(given: Any, otherwise: str) -> list[Mapping[str, Any]]:
    """Return a list of records; refuse anything else with the sentence ``otherwise``."""
    listed = list(given) if isinstance(given, Iterable) else [given]
    if not all(isinstance(one, Mapping) for one in listed):
        raise errors.ArgumentError(otherwise)
    return listed
