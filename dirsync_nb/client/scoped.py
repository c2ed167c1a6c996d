"""Reads inside one directory: at paths of their own where the server has them, else at the flat ones.

WorkOS has had ``/directories/{id}/users`` and the like since November 2026; what stands in its place may not.
A 404 tells which it is. Where it names an object that was asked for, it is the object's, and nothing more is
asked. Where it says nothing of that kind (``Cannot GET ...``, a page, nothing at all) the flat path decides:
if it has what was asked for, the other path is missing, and is not tried again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from .. import errors

T = TypeVar("T")


class Routes:
    """Which paths a server has.

    Attributes
    ----------
    scoped
        Whether it has those inside a directory; None while that is not known.
    """

    def __init__(self) -> None:
        self.scoped: bool | None = None

    def read(
        self,
        scoped: Callable[[], T],
        flat: Callable[[], T],
        asked: frozenset[str],
        is_found: Callable[[T], bool],
    ) -> T:
        """Return what one of two paths answers, the one inside a directory first.

        Parameters
        ----------
        scoped, flat
            Ask at the path inside the directory, and at the flat one.
        asked
            The ids that are asked for.
        is_found
            Whether an answer of the flat path holds what was asked for, in that directory.
        """
        if self.scoped is not False:
            try:
                answer = scoped()
            except errors.NotFound as problem:
                if self.scoped or _is_of_object(problem, asked):
                    raise
            else:
                self.scoped = True
                return answer
        answer = flat()
        if self.scoped is None and is_found(answer):
            self.scoped = False
        return answer


def _is_of_object(problem: errors.NotFound, asked: frozenset[str]) -> bool:
    """Whether a 404 is that of an object; one of another path may take a part of the path for an id."""
    return problem.code == "entity_not_found" and problem.entity_id in {*asked, None}
