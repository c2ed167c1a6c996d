"""What the directory explorer lists: directories, and the users and groups of one."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from ...text import USER_TEXT
from .controls import MENU
from .explorer import NO_DIRECTORY
from .listing import Listing, attribute_column
from .table import Column
from .text import label, name_label, none_of

__all__ = ["COLUMNS", "NOUNS", "SEARCH", "VIEWS", "columns_of", "directory_entries", "listing_of", "nothing_in"]

VIEWS = ("Directories", "Users", "Groups")
NOUNS = {"Directories": ("directory", "directories"), "Users": ("user", "users"), "Groups": ("group", "groups")}

SINCE: Column = {"key": "created_at", "title": "Since", "fixed": True, "room": 2, "sortable": True}
COLUMNS: dict[str, list[Column]] = {
    "Directories": [
        {"key": "name", "title": "Directory", "sub": "type", "sortable": True},
        {"key": "state", "title": "State", "kind": "state", "sortable": True},
        {"key": "active_users", "title": "Users", "kind": "number", "room": 1, "sortable": True},
        {"key": "groups", "title": "Groups", "kind": "number", "room": 2, "sortable": True},
        {"key": "type", "title": "Provider", "room": 1, "sortable": True, "hidden": True},
    ],
    "Users": [
        {"key": "name", "title": "Name", "sub": "address", "none": "no address", "sortable": True},
        {"key": "state", "title": "State", "kind": "state", "room": 1, "sortable": True},
        {"key": "role", "title": "Role", "room": 2, "sortable": True},
        SINCE,
        {"key": "address", "title": "Address", "room": 1, "sortable": True, "hidden": True},
        {"key": "idp_id", "title": "Provider's id", "room": 1, "sortable": True, "hidden": True},
    ],
    "Groups": [
        {"key": "name", "title": "Group", "sortable": True},
        {"key": "idp_id", "title": "Provider's id", "room": 1, "sortable": True},
        SINCE,
    ],
}
SEARCH = {
    "Directories": "name, provider, state, id …",
    "Users": "name, address, id, attribute …",
    "Groups": "name, id …",
}
"""What can be searched, in words."""
SEARCHED = {
    "Directories": ("name", "type", "state"),
    "Users": USER_TEXT,
    "Groups": ("name", "idp_id"),
}


def columns_of(view: str, attributes: Sequence[str] = ()) -> list[Column]:
    """Return the columns of a view, those of attributes among them."""
    more = [attribute_column(name) for name in attributes if name != "role"] if view == "Users" else []
    return [*COLUMNS[view], *more]


def listing_of(view: str, frame: pd.DataFrame) -> Listing:
    """Prepare a frame for the table of a view."""
    return Listing(frame, COLUMNS[view], SEARCHED[view])


def directory_entries(directories: pd.DataFrame, by: str = "active_users") -> list[tuple[str, str]]:
    """Return an entry of a menu for each directory, the one with the most first."""
    ordered = directories.sort_values(by, ascending=False, na_position="last", kind="stable")
    return [(label(name_label(name), MENU), str(i)) for i, name in ordered["name"].items()]


def nothing_in(view: str, total: int) -> str:
    """Return why the table of a view is empty, and what to do about it."""
    if total:
        return f"{none_of(total, *NOUNS[view])} Clear the filters, or search for less."
    if view == "Directories":
        return NO_DIRECTORY
    return f"This directory has no {view.lower()} yet. See what its state means in the Setup widget."
