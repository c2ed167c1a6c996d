"""The store as it is, for comparison with what came over the wire."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .directory import objects

if TYPE_CHECKING:
    from .directory.objects import Object
    from .directory.store import Store


class Truth:
    """Read the store as it is, for comparison with what came over the wire.

    Examples
    --------
    >>> sandbox = ds.connect_sandbox(seed=1).sandbox
    >>> len(sandbox.truth.users(directories.index[0])) == len(users)
    True
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def directories(self) -> list[Object]:
        """Return all directories, oldest first."""
        return [objects.directory_object(one) for one in self._store.directories.every()]

    def users(self, directory_id: str) -> list[Object]:
        """Return all users of a directory, oldest first, as teams from May 2026 on see them."""
        return [row.parsed() for row in self._store.users.of(self._number(directory_id))]

    def groups(self, directory_id: str) -> list[Object]:
        """Return all groups of a directory, oldest first."""
        return [row.parsed() for row in self._store.groups.of(self._number(directory_id))]

    def memberships(self, directory_id: str) -> set[tuple[str, str]]:
        """Return all (user id, group id) of a directory."""
        return self._store.memberships.of_directory(self._number(directory_id))

    def _number(self, directory_id: str) -> int:
        n: int = self._store.directories.get(directory_id)["n"]
        return n
