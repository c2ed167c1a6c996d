"""A stop where so much would go that a source is more likely broken than empty.

It holds alike for people to switch off, and for groups and memberships that vanish: in plans, when a snapshot
is brought up to date, and where roles follow groups. A share says when to stop; going on takes the exact
number, so that a confirmation given for one plan never covers another.

And where too much would come: :func:`bytes_within` reads files, and :func:`memory` says what there is room for.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from . import errors

DEEPEST = 50  # of YAML
MOST_YAML = 5_000_000  # bytes, each million of which takes seconds

SHARE = 0.5
STOP_FROM = 3  # fewer are never taken for everybody


def bytes_within(path: str | os.PathLike[str], most: int) -> bytes:
    """Return what is in a file; FileTooLarge where that is more than ``most`` bytes, or has no end."""
    where = Path(path)
    with where.open("rb") as file:
        # What is not whole on a disk, such as a pipe, has no size before it was read.
        size = where.stat().st_size if where.is_file() else 0
        content = file.read() if 0 < size <= most else b"" if size else file.read(most + 1)
    if max(size, len(content)) > most:
        raise errors.FileTooLarge(
            f"{where} has more than {most / 1e6:,.0f} MB, the most that is read of a file of its kind: is it "
            "the file you mean?"
        )
    return content


def yaml_of(text: str) -> Any:
    """Return what YAML says, if JSON can say it too; ValueError where it would grow when it is read."""
    import yaml

    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # ten times as fast, where it was built
    depth = 0
    try:
        for event in yaml.parse(text, loader):
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if isinstance(event, yaml.AliasEvent) or depth > DEEPEST:
                mark = event.start_mark
                line = f"line {mark.line + 1}: " if mark else ""
                raise errors.ArgumentError(f"{line}no aliases, and nothing nested {DEEPEST} deep")
        given = yaml.load(text, type("Once", (loader,), {"construct_mapping": _mapping_once}))  # noqa: S506 (a safe one)
    except yaml.YAMLError as problem:
        raise errors.ArgumentError(f"it is not YAML: {problem}") from None
    try:
        json.dumps(given, ensure_ascii=False, allow_nan=False, default=str).encode()
    except (ValueError, TypeError) as problem:
        raise errors.ArgumentError(f"it holds what JSON has no word for: {problem}") from None
    return given


def _mapping_once(loader: Any, node: Any, deep: bool = False) -> Any:
    """Read a mapping; refuse a key that stands twice, of which one value would be lost."""
    seen: set[Any] = set()
    for key, _ in node.value:
        if (one := (key.tag, str(key.value))) in seen:
            raise errors.ArgumentError(f"line {key.start_mark.line + 1}: {key.value!r:.80} stands twice")
        seen.add(one)
    return super(type(loader), loader).construct_mapping(node, deep=deep)


def memory() -> int:
    """Return the bytes of memory this process can have; 16 GB where nothing says."""
    try:
        machine = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):  # Windows knows no sysconf
        return 16 * 2**30
    import resource  # which it does not know either

    own = resource.getrlimit(resource.RLIMIT_AS)[0]
    return machine if own == resource.RLIM_INFINITY else min(own, machine)


class TooManyGone(errors.DirsyncError):
    """So much would go that the source is more likely broken than empty.

    Attributes
    ----------
    gone, of
        How many would go, and of how many.
    """

    def __init__(self, message: str, gone: int = 0, of: int = 0) -> None:
        super().__init__(message)
        self.gone, self.of = gone, of

    def __reduce__(self) -> tuple[Any, ...]:
        """Travel between processes with the numbers."""
        return type(self), (*self.args, self.gone, self.of)


def check_guard(guard: Any, confirm: Any) -> None:
    """Refuse a guard that is no share, and a confirmation that is no number.

    Raises
    ------
    ArgumentError
        ``guard`` is neither a number from 0 to 1 nor None, or ``confirm`` neither a whole number nor None.
    """
    if guard is not None and not (_is(guard, (int, float)) and 0 <= guard <= 1):
        raise errors.ArgumentError(
            f"guard is a share from 0 to 1 (0.5: stop where more than half would go); got {guard!r}. To let a "
            "number of leavers pass, confirm it: confirm=140"
        )
    if confirm is not None and not (_is(confirm, int) and confirm >= 0):
        raise errors.ArgumentError(f"confirm is the exact number that may go, such as 140; got {confirm!r}")


def _is(value: Any, kind: Any) -> bool:
    return isinstance(value, kind) and not isinstance(value, bool)


def why_stopped(
    gone: int,
    of: int,
    clause: str,
    *,
    guard: float | None = SHARE,
    confirm: int | None = None,
    empty: bool = False,
) -> str | None:
    """Return why so much may not go, in a sentence; None where it may.

    Parameters
    ----------
    gone, of
        How many would go, and of how many.
    clause
        What would happen, with {} for the number: "This plan would switch off {} active users".
    guard
        Stop where more than this share would go, and always where everything would. None: never.
    confirm
        The exact number that may go, whatever the guard says. Any other number is refused.
    empty
        Whether the source holds nothing at all: then even a few are stopped at.
    """
    check_guard(guard, confirm)
    count = f"{gone:,} of {of:,}"
    if confirm is not None:
        told = f"{clause.format(count)}, and confirm={confirm} names another number. Look at it again."
        return None if confirm == gone else told
    if guard is None or not gone or (gone < STOP_FROM and not empty):
        return None
    share = gone / of if of else 1.0
    if share <= guard and share < 1:
        return None
    return f"{clause.format(count)} ({share:.0%}), more than guard={guard:g} allows."


def check_vanished(
    gone: int,
    of: int,
    what: str,
    *,
    guard: float | None = SHARE,
    confirm: int | None = None,
    empty: bool = False,
) -> None:
    """Stop where too many groups, memberships or users of an earlier moment are gone.

    Parameters
    ----------
    gone, of
        How many are no longer there, and of how many.
    what
        What they are, in the plural: "groups".
    guard, confirm, empty
        As in :func:`why_stopped`.

    Raises
    ------
    TooManyGone
        The guard stopped it.
    """
    clause = "This would lose {} " + what
    sentence = why_stopped(gone, of, clause, guard=guard, confirm=confirm, empty=empty)
    if sentence is not None:
        hint = "" if confirm is not None else f" If that is right, confirm the number: confirm={gone}."
        raise TooManyGone(sentence + hint, gone, of)
