"""Random histories of a sandbox directory: what tests of staying in sync are fed with."""

from __future__ import annotations

import json
from typing import Any

from dirsync_nb.sandbox import Sandbox

STEPS = (
    "join", "join", "join", "rename", "move", "attribute", "role_group", "off", "off", "on", "on", "leave",
    "group", "rename_group", "delete_group", "member", "member", "member", "unmember", "unmember", "end",
)  # fmt: skip


class History:
    """Make things happen in one directory, each step named by a word and a number.

    The number says whom a step is about, so that any list of steps is a history.
    """

    def __init__(self, sandbox: Sandbox, directory_id: str) -> None:
        self.sandbox, self.directory_id = sandbox, directory_id
        self.start = self._last_event()
        self.users = [user["id"] for user in sandbox.truth.users(directory_id)]
        self.groups = [group["id"] for group in sandbox.truth.groups(directory_id)]
        self.off: list[str] = []
        self.ended = False

    def _last_event(self) -> int:
        return int(self.sandbox.store.one("SELECT coalesce(max(n), 0) FROM events")[0])

    def run(self, steps: list[tuple[str, int]]) -> None:
        for step, number in steps:
            if not self.ended:
                getattr(self, f"_{step}")(number)

    @property
    def events(self) -> list[dict[str, Any]]:
        """All events of the history, oldest first."""
        rows = self.sandbox.store.execute("SELECT json FROM events WHERE n > ? ORDER BY n", (self.start,))
        return [json.loads(text) for (text,) in rows]

    def truth(self) -> tuple[dict[str, Any], dict[str, Any], set[tuple[str, str]]]:
        """Users and groups by id, and memberships, as the sandbox has them at the end."""
        if self.ended:
            return {}, {}, set()
        truth = self.sandbox.truth
        users = {user["id"]: user for user in truth.users(self.directory_id)}
        groups = {group["id"]: group for group in truth.groups(self.directory_id)}
        return users, groups, truth.memberships(self.directory_id)

    def _pick(self, names: list[str], number: int) -> str | None:
        return names[number % len(names)] if names else None

    def _join(self, number: int) -> None:
        person = {"email": f"p{number}@x.example", "first_name": f"P{number}", "last_name": "Quay"}
        attributes = {"job_title": f"Job {number % 3}", "department_name": None}
        self.users.append(self.sandbox.add_user(self.directory_id, **person, custom_attributes=attributes))

    def _rename(self, number: int) -> None:
        if user := self._pick(self.users, number):
            self.sandbox.update_user(user, last_name=f"N{number}", email=f"n{number}@x.example")

    def _move(self, number: int) -> None:
        if user := self._pick(self.users, number):
            self.sandbox.update_user(user, custom_attributes={"department_name": f"D{number % 4}"})

    def _attribute(self, number: int) -> None:
        """Null to absent and back: changes that send no event."""
        if user := self._pick(self.users, number):
            if number % 2:
                self.sandbox.update_user(user, drop=["department_name"])
            else:
                self.sandbox.update_user(user, custom_attributes={"division_name": None})

    def _off(self, number: int) -> None:
        on = [user for user in self.users if user not in self.off]
        if user := self._pick(on, number):
            self.sandbox.deactivate_user(user)
            self.off.append(user)
            if self.sandbox.inactive_policy == "delete":
                self.users.remove(user)

    def _on(self, number: int) -> None:
        if user := self._pick(self.off, number):
            self.off.remove(user)
            back = self.sandbox.reactivate_user(user)
            if back != user:
                self.users.append(back)

    def _leave(self, number: int) -> None:
        if user := self._pick(self.users, number):
            self.sandbox.delete_user(user)
            self.users.remove(user)
            if user in self.off:
                self.off.remove(user)

    def _group(self, number: int) -> None:
        self.groups.append(self.sandbox.add_group(self.directory_id, name=f"G{number % 5}"))

    def _role_group(self, number: int) -> None:
        role = ("admin", "auditor")[number % 2]
        self.groups.append(self.sandbox.add_group(self.directory_id, name=f"R{number % 5}", role=role))

    def _rename_group(self, number: int) -> None:
        if group := self._pick(self.groups, number):
            self.sandbox.rename_group(group, f"H{number}")

    def _delete_group(self, number: int) -> None:
        if group := self._pick(self.groups, number):
            self.sandbox.delete_group(group)
            self.groups.remove(group)

    def _member(self, number: int) -> None:
        user, group = self._pick(self.users, number), self._pick(self.groups, number // 7)
        if user and group:
            self.sandbox.add_member(group, user)

    def _unmember(self, number: int) -> None:
        user, group = self._pick(self.users, number), self._pick(self.groups, number // 7)
        if user and group:
            self.sandbox.remove_member(group, user)

    def _end(self, number: int) -> None:
        if number % 10 == 0:
            self.sandbox.delete_directory(self.directory_id)
            self.ended = True


def comparable(record: dict[str, Any]) -> dict[str, Any]:
    """A record without what events do not carry: the deprecated groups, and null told from absent."""
    attributes = {key: value for key, value in record["custom_attributes"].items() if value is not None}
    kept = {key: value for key, value in record.items() if value is not None and key != "groups"}
    return {**kept, "custom_attributes": attributes}
