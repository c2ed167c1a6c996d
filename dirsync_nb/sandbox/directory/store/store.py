"""All tables of a sandbox behind one door."""

from __future__ import annotations

from typing import Any

from .. import clock
from .database import Database
from .events import Events
from .organizations import Directories, Organizations, Tokens
from .pages import Pages
from .people import Gone, Groups, Memberships, Portion, Users
from .resources import Resources
from .roles import Roles

_COUNTED = ("organizations", "directories", "users", "groups", "memberships", "events")
_WITH_IDS = ("users", "groups", "gone", "scim")


class Store(Database):
    """Keep everything the sandbox knows: each table has an object that speaks its SQL."""

    def __init__(self, path: str = ":memory:", *, keep: bool = False) -> None:
        super().__init__(path, keep=keep)
        self.organizations, self.directories, self.tokens = Organizations(self), Directories(self), Tokens(self)
        self.users, self.groups, self.gone = Users(self), Groups(self), Gone(self)
        self.memberships, self.roles = Memberships(self), Roles(self)
        self.events, self.pages = Events(self), Pages(self)

    def resources(self, directory: int) -> Resources:
        """Return the SCIM resources of a directory."""
        return Resources(self, directory)

    def portion(self) -> Portion:
        """Return what takes very many users and memberships."""
        return Portion(self.users, self.memberships)

    def has_id(self, object_id: str, *tables: str) -> bool:
        """Return whether an id is in use in one of these tables, by default in all that hold people."""
        return any(
            self.one("SELECT 1 FROM " + table + " WHERE id = ?", (object_id,))  # noqa: S608 (own names)
            for table in tables or _WITH_IDS
        )

    def info(self) -> dict[str, Any]:
        """Return how much there is and what time it is here."""
        with self.lock:
            counts = {table: self.one("SELECT count(*) FROM " + table)[0] for table in _COUNTED}  # noqa: S608 (own names)
            return {"clock": clock.iso(self.moment()), "counts": counts}
