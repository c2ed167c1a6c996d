"""Who is selected, and the steps by which: kept so that they can be written down as code."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from ..onboarding import Roster
from ._listing import Mask

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

    def code(
        self,
        directory_ids: Sequence[str],
        app: Mapping[str, Any],
        attributes: Sequence[str],
        folder: str,
        kind: str,
    ) -> tuple[str, str]:
        """Write what comes after the users and groups are read, for dirsync_nb and for the SDK."""
        several = len(directory_ids) > 1
        numbers = range(1, len(directory_ids) + 1)
        loads = [f"ds.load_memberships(client, directory_id={home!r})" for home in directory_ids]
        ours = []
        if several:
            ours += [
                f"{n} = ds.concat([{', '.join(f'{n}_{i}' for i in numbers)}])" for n in ("users", "groups")
            ]
            ours.append(f"memberships = ds.concat([{', '.join(loads)}])")
        else:
            ours.append(f"memberships = {loads[0]}")
        ours += ["", "from dirsync_nb import onboarding", "", *self.lines()]
        known = app["app_users"] is not None
        if known:
            ours.append("# app_users is your app's table, such as ds.load_app_users(url, table=...) gives it.")
        given = ["app_users=app_users", f"on={app['on']!r}"] if known else []
        given += [f"{name}={app[name]!r}" for name in ("active", "seats") if app[name] is not None]
        more = "".join(f", {one}" for one in given)
        extra = f", attributes={list(attributes)!r}" if attributes else ""
        ours += [
            f"invites = onboarding.invite_list(users, groups, memberships, selected=chosen{more})",
            f"accounts = onboarding.account_prefill(users, invites{extra})",
            "teams = onboarding.team_prefill(groups, memberships, invites)",
            "team_members = onboarding.team_members(groups, memberships, invites)",
            'lists = {"invites": invites, "accounts": accounts, "teams": teams, "team_members": team_members}',
            f"onboarding.save_lists({folder!r}, lists, kind={kind!r})  # writes files, sends nothing",
        ]
        sdk = [f"{n} = {' + '.join(f'{n}_{i}' for i in numbers)}" for n in ("users", "groups") if several]
        sdk += [
            "members = {",
            "    group.id: client.directory_sync.list_users(group=group.id, limit=100).auto_paging_iter()",
            "    for group in groups",
            "}",
            'active = [user for user in users if user.state == "active" and user.email]',
            "addresses = {user.email.strip().casefold(): user for user in reversed(active)}  # each once",
        ]
        return "\n".join(ours), "\n".join(sdk)
