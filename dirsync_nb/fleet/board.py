"""The board: one row for each directory of a fleet, broken ones first, each with its problem and what to do."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pandas as pd

from .. import errors
from ..client import DirectoryClient, require_client
from ..frames import TIME
from ..load import load_directories
from ..provisioning.access import _STATES
from ..provisioning.plan import ACTIONS
from ..text import plural

__all__ = ["BOARD_COLUMNS", "VERDICTS", "board_frame"]

VERDICTS = ("broken", "attention", "ok")
BOARD_COLUMNS = {
    "customer": "str",
    "name": "str",
    "provider": "str",
    "state": "str",
    "verdict": "category",
    "problem": "str",
    "remedy": "str",
    "people": "Int64",
    "groups": "Int64",
    "change": "Int64",
    "since": TIME,
    "at": TIME,
    "age": "timedelta64[us]",
    "organization_id": "str",
}
"""Columns of the board, before those of the drift."""

ANEW = "take_fleet with its directory_id= and resume=False takes it anew"
AGAIN = "take_fleet with the same folder reads it again"
REFRESH = "refresh_fleet brings it up to date"

Trouble = tuple[str, str, str]
"""A verdict, the problem, and its remedy."""


def board_frame(
    fleet: Any, client: DirectoryClient | None, drift: pd.DataFrame | None, old: Any, days: Any
) -> pd.DataFrame:
    """Return the board, see :meth:`Fleet.board`, whose module imports this one."""
    if not isinstance(old, timedelta) or not isinstance(days, int):
        raise errors.ArgumentError(
            f"old is a timedelta such as timedelta(days=1), and days a whole number; got {old!r} and {days!r}"
        )
    held = fleet.directories.reindex(fleet.directory_ids)
    listing = fleet.directories if client is None else _listed_now(fleet, client)
    now, taken = pd.Timestamp.now("UTC").as_unit("us"), fleet.taken.reindex(fleet.directory_ids)
    listing = listing.reindex(fleet.directory_ids)
    whose = {
        name: listing[name].fillna(held[name]) for name in ("organization_id", "name")
    }  # of those gone, too
    names = fleet.organizations["name"]
    board = pd.DataFrame(
        {
            **whose,
            "customer": whose["organization_id"].map(names[~names.index.duplicated()]).astype("str"),
            "provider": listing["type"].astype("str"),
            "state": listing["state"].astype("str"),
            "people": taken["users"],
            "groups": taken["groups"],
            "at": taken["at"],
            "age": (now - taken["at"]).astype("timedelta64[us]"),
        },
        index=pd.Index(fleet.directory_ids, dtype="str", name="directory_id"),
    )
    board[["change", "since"]] = _changes(fleet, now - pd.Timedelta(days=days)).reindex(board.index)
    counted = None if client is None else listing["active_users"] + listing["inactive_users"]
    found = [next(_troubles(fleet, one, row, counted, old), ("ok", "", "")) for one, row in board.iterrows()]
    board[["verdict", "problem", "remedy"]] = pd.DataFrame(found, index=board.index, columns=list(range(3)))
    board["verdict"] = pd.Categorical(board["verdict"], categories=list(VERDICTS), ordered=True)
    board = board[list(BOARD_COLUMNS)].astype({n: k for n, k in BOARD_COLUMNS.items() if k != "category"})
    if drift is not None:
        board = board.join(_of_each(drift, board))
    by = ["verdict", "problem", "customer", "directory_id"]
    return board.sort_values(by, ascending=[True, False, True, True], key=_folded)


def _folded(column: pd.Series) -> pd.Series:
    return column.str.casefold() if column.name == "customer" else column


def _listed_now(fleet: Any, client: DirectoryClient) -> pd.DataFrame:
    if not require_client(client, "board").reads(fleet.server):
        raise errors.ArgumentError(f"this fleet is of {fleet.server}, and the client reads {client.server}")
    return load_directories(client)


def _changes(fleet: Any, start: pd.Timestamp) -> pd.DataFrame:
    """Return how many people came, on balance, since the first count that is not before ``start``."""
    history = fleet.history
    first = history[history["at"] >= start].drop_duplicates("directory_id").set_index("directory_id")
    people = fleet.taken["users"].reindex(first.index)
    return pd.DataFrame({"change": people - first["users"], "since": first["at"]})


def _troubles(
    fleet: Any, directory_id: Any, row: pd.Series, counted: pd.Series | None, old: timedelta
) -> Iterator[Trouble]:
    """Yield what is wrong with a directory, the worst first."""
    if directory_id in fleet.missing:
        yield "broken", f"It is not here: {fleet.missing[directory_id]}", AGAIN
    if pd.isna(row["state"]):
        yield "broken", "It is no longer listed", REFRESH
    elif row["state"] != "linked":
        remedy = _STATES.get(row["state"], "this version does not know that state; see the dashboard")
        yield (
            ("attention" if row["state"] == "validating" else "broken"),
            f"Its state is {row['state']}",
            remedy,
        )
    for notice in fleet.notices.get(directory_id, ()):
        again = fleet.entries[directory_id].get("again") or notice.startswith("As of ")
        yield "attention", notice, AGAIN if again else ANEW
    if counted is not None and pd.notna(counted[directory_id]) and counted[directory_id] != row["people"]:
        yield "attention", f"The service counts {plural(counted[directory_id], 'user')} by now", REFRESH
    if row["age"] > old:
        yield "attention", f"It is as of {row['at']:%Y-%m-%d %H:%M} UTC", REFRESH
    if row["people"] == 0:
        yield "attention", "Nobody is in it", "the customer's admin assigns people at the provider"


def _of_each(drift: pd.DataFrame, board: pd.DataFrame) -> pd.DataFrame:
    """Return the drift of each directory: its own, or that of its organization."""
    if drift.index.name not in ("directory_id", "organization_id") or not set(ACTIONS) <= set(drift.columns):
        raise errors.ArgumentError("drift is what fleet.drift(app_users, within=..., on=...) returns")
    owners = board.index if drift.index.name == "directory_id" else board["organization_id"]
    columns = drift.reindex(owners).set_axis(board.index)
    return columns.add_prefix("app_")
