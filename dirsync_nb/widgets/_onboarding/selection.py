"""Who is selected, and the steps by which: kept so that they can be written down as code."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from ...provisioning.onboarding import Roster
from .._base.listing import Mask

__all__ = ["Selection", "Steps"]

BY_HAND = 30  # ids written out in one step


class Selection:
    """The people selected of a roster.

    What comes in or goes out at once is given twice: as arguments of ``select_users``, to be written down, and
    as a mask.
    """

    def __init__(self, roster: Roster) -> None:
        self.roster = roster
        self.nobody()

    def nobody(self) -> None:
        """Select nobody."""
        self.mask: Mask = np.zeros(len(self.roster.users), dtype=bool)
        self.steps = Steps()

    def add(self, asked: Mapping[str, Any], fitting: Mask) -> None:
        """Select those who fit as well."""
        self.steps.add(asked)
        self.mask = self.mask | fitting

    def drop(self, asked: Mapping[str, Any], fitting: Mask) -> None:
        """Select those who fit no more."""
        self.steps.drop(asked)
        self.mask = self.mask & ~fitting

    def others(self, asked: Mapping[str, Any], fitting: Mask) -> None:
        """Select everybody but those who fit."""
        self.steps = Steps()
        self.steps.add({})
        self.steps.drop(asked)
        self.mask = ~fitting

    def toggle(self, user_id: str) -> None:
        """Select one person, or no more."""
        one = self.roster.mask([user_id])
        chosen = bool((self.mask & one).any())
        self.steps.by_hand(user_id, add=not chosen)
        self.mask = self.mask ^ one

    def only(self, user_ids: Iterable[Any]) -> None:
        """Select these people."""
        ids = [str(one) for one in user_ids]
        mask = self.roster.mask(ids)
        self.nobody()
        for one in ids:
            self.steps.by_hand(one, add=True)
        self.mask = mask


class Steps:
    """The steps of a selection, oldest first: filters added or taken away, and people picked by hand."""

    def __init__(self) -> None:
        self._steps: list[tuple[bool, Any]] = []  # whether it adds; arguments of select_users, or a list of ids

    def add(self, asked: Mapping[str, Any]) -> None:
        """Everybody who fits came in."""
        if not asked:
            self._steps = []  # everybody: what was before does not matter
        self._append(True, dict(asked))

    def drop(self, asked: Mapping[str, Any]) -> None:
        """Everybody who fits went out."""
        if not asked:
            self._steps = []
            return
        self._append(False, dict(asked))

    def _append(self, adds: bool, asked: dict[str, Any]) -> None:
        if (adds, asked) not in self._steps[-1:]:
            self._steps.append((adds, asked))

    def by_hand(self, user_id: str, *, add: bool) -> None:
        """Put one person in, or take them out; one who comes back right away leaves no step."""
        if self._steps and isinstance(self._steps[-1][1], list):
            adds, ids = self._steps[-1]
            if adds is not add and user_id in ids:
                ids.remove(user_id)
                if not ids:
                    self._steps.pop()
                return
            if adds is add:
                ids.append(user_id)
                return
        self._steps.append((add, [user_id]))

    def lines(self) -> list[str]:
        """Write the selection as lines that give the index ``chosen``."""
        steps = list(self._steps)
        start = "users.index[:0]"
        if steps and steps[0] == (True, {}):
            start, steps = "users.index", steps[1:]
        lines = [f"chosen = {start}"]
        for adds, what in steps:
            if isinstance(what, list):
                cut = f"  # and {len(what) - BY_HAND:,} more by hand" if len(what) > BY_HAND else ""
                found, end = repr(what[:BY_HAND]), cut
            else:
                asked = ", ".join(f"{name}={value!r}" for name, value in what.items())
                found, end = f"onboarding.select_users(users, groups, memberships, {asked}).index", ""
            lines.append(f"chosen = chosen.{'union' if adds else 'difference'}({found}){end}")
        return lines
