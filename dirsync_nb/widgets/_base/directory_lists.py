"""What the directory explorer lists: directories, and the users and groups of one."""

from __future__ import annotations

import pandas as pd

from ...text import USER_TEXT
from .explorer import NO_DIRECTORY
from .listing import Listing
from .parts import Column
from .text import none_of

__all__ = ["COLUMNS", "NOUNS", "VIEWS", "listing_of", "nothing_in"]

VIEWS = ("Directories", "Users", "Groups")
NOUNS = {"Directories": ("directory", "directories"), "Users": ("user", "users"), "Groups": ("group", "groups")}

COLUMNS: dict[str, list[Column]] = {
    "Directories": [
        {"key": "name", "title": "Directory", "width": 34, "room": 0, "sortable": True},
        {"key": "type", "title": "Provider", "width": 22, "room": 2, "sortable": True},
        {"key": "state", "title": "State", "width": 18, "kind": "state", "room": 0, "sortable": True},
        {
            "key": "active_users",
            "title": "Users",
            "width": 13,
            "kind": "number",
            "room": 0,
            "sortable": True,
        },
        {"key": "groups", "title": "Groups", "width": 13, "kind": "number", "room": 2, "sortable": True},
    ],
    "Users": [
        {"key": "name", "title": "Name", "width": 28, "room": 0, "sortable": True},
        {"key": "address", "title": "Address", "width": 36, "room": 0, "sortable": True},
        {"key": "state", "title": "State", "width": 18, "kind": "state", "room": 1, "sortable": True},
        {"key": "role", "title": "Role", "width": 13, "room": 2, "sortable": True},
        {"key": "created_at", "title": "Since", "width": 15, "room": 2, "sortable": True},
    ],
    "Groups": [
        {"key": "name", "title": "Group", "width": 40, "room": 0, "sortable": True},
        {"key": "idp_id", "title": "Provider's id", "width": 40, "room": 0, "sortable": True},
        {"key": "created_at", "title": "Since", "width": 15, "room": 2, "sortable": True},
    ],
}
SEARCHED = {
    "Directories": ("name", "type", "state"),
    "Users": USER_TEXT,
    "Groups": ("name", "idp_id"),
}


def listing_of(view: str, frame: pd.DataFrame) -> Listing:
    """Prepare a frame for the table of a view."""
    return Listing(frame, COLUMNS[view], SEARCHED[view])


def nothing_in(view: str, total: int) -> str:
    """Return why the table of a view is empty, and what to do about it."""
    if total:
        return f"{none_of(total, *NOUNS[view])} Clear the filters, or search for less."
    if view == "Directories":
        return NO_DIRECTORY
    return f"This directory has no {view.lower()} yet. See what its state means in the Setup widget."
