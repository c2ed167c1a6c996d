"""Who is selected, and the steps by which: kept so that they can be written down as code."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from ...provisioning.onboarding import Roster
from .._base.listing import Mask

__all__ = ["Selection", "lines_of"]

BY_HAND = 30  # ids written out in one step

Step = tuple[bool, Any]
"""Whether people came in; arguments of ``select_users``, or a list of ids of those picked by hand."""


class Selection:
    """The people selected of a roster.

    What comes in or goes out at once is given twice: as arguments of ``select_users``, to be written down, and
    as a mask.

    Attributes
    ----------
    mask
        Who is selected.
    steps
        How they were, oldest first.
    """

    def __init__(self, roster: Roster) -> None:
        self.roster = roster
        self.nobody()

    def nobody(self) -> None:
        """Select nobody."""
        self.mask: Mask = np.zeros(len(self.roster.users), dtype=bool)
        self.steps: list[Step] = []

    def add(self, asked: Mapping[str, Any], fitting: Mask) -> None:
        """Select those who fit as well."""
        self._note(True, asked)
        self.mask = self.mask | fitting

    def drop(self, asked: Mapping[str, Any], fitting: Mask) -> None:
        """Select those who fit no more."""
        self._note(False, asked)
        self.mask = self.mask & ~fitting

    def others(self, asked: Mapping[str, Any], fitting: Mask) -> None:
        """Select everybody but those who fit."""
        self._note(True, {})
        self._note(False, asked)
        self.mask = ~fitting

    def _note(self, adds: bool, asked: Mapping[str, Any]) -> None:
        step = (adds, dict(asked))
        if not asked:  # everybody came in, or went out: what was before does not matter
            self.steps = [step] if adds else []
        elif step not in self.steps[-1:]:
            self.steps.append(step)

    def toggle(self, user_id: str) -> None:
        """Select one person, or no more."""
        one = self.roster.mask([user_id])
        self._by_hand(user_id, adds=not (self.mask & one).any())
        self.mask = self.mask ^ one

    def only(self, user_ids: Iterable[Any]) -> None:
        """Select these people."""
        ids = [str(one) for one in user_ids]
        mask = self.roster.mask(ids)
        self.nobody()
        for one in ids:
            self._by_hand(one, adds=True)
        self.mask = mask

    def _by_hand(self, user_id: str, *, adds: bool) -> None:
        """Put one person in, or take them out; one who comes back right away leaves no step."""
        before, ids = self.steps[-1] if self.steps else (adds, None)
        if not isinstance(ids, list) or (before is not adds and user_id not in ids):
            self.steps.append((adds, [user_id]))
        elif before is adds:
            ids.append(user_id)
        else:
            ids.remove(user_id)
            if not ids:
                self.steps.pop()


def lines_of(steps: Iterable[Step]) -> list[str]:
    """Write a selection as lines that give the index ``chosen``."""
    steps, start = list(steps), "users.index[:0]"
    if steps and steps[0] == (True, {}):
        start, steps = "users.index", steps[1:]
    lines = [f"chosen = {start}"]
    for adds, what in steps:
        if isinstance(what, list):
            end = f"  # and {len(what) - BY_HAND:,} more by hand" if len(what) > BY_HAND else ""
            found = repr(what[:BY_HAND])
        else:
            asked = ", ".join(f"{name}={value!r}" for name, value in what.items())
            found, end = f"onboarding.select_users(users, groups, memberships, {asked}).index", ""
        lines.append(f"chosen = chosen.{'union' if adds else 'difference'}({found}){end}")
    return lines
