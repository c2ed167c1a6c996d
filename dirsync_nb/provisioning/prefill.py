"""What new accounts and teams can be filled with beforehand, as frames and as files. Nothing is sent.

Its names are those of :mod:`dirsync_nb.provisioning.onboarding`, where the invite list is made.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from .. import errors
from ..files import need_for, save_frame, write_csv, write_xlsx
from ..frames import one_of, require_frame, takes_frames, typed_values
from ..frames.checks import require_attribute
from ..frames.partial import require_all
from ..frames.tools import rows_frame
from ..text import name_label, plain
from .people import plain_value

ATTRIBUTES = ("username", "job_title", "department_name", "manager_name", "manager_email")
ACCOUNT_COLUMNS = {
    **dict.fromkeys(("address", "username", "first_name", "last_name", "name"), "str"),
    **dict.fromkeys(ATTRIBUTES[1:], "str"),
    "manager_user_id": "str",  # the manager among the users given, where there is exactly one
    **dict.fromkeys(("role", "idp_id", "directory_id", "organization_id"), "str"),
    "no_data": "object",  # tuple of fields that are switched on, but the provider has no value (null)
    "not_enabled": "object",  # tuple of fields that are not switched on for this person (absent)
}

TEAM_COLUMNS = {
    "name": "str",
    "label": "str",  # the name, with the end of the id where two groups share it
    "members": "Int64",  # people in the group
    "accounts": "Int64",  # how many of them have an account, or get one by the list
    "idp_id": "str",
    "directory_id": "str",
    "organization_id": "str",
}

TEAM_MEMBER_COLUMNS = {
    "user_id": "str",
    "group_id": "str",
    "team": "str",  # the team's label
    "address": "str",  # of the account
    "name": "str",
    "verdict": "category",  # "invite", "already known" or "duplicate address"
    "directory_id": "str",
}

FORMATS = ("csv", "xlsx", "parquet")


# What their accounts can be filled with ---------------------------------------------------------------------


@takes_frames()
def account_prefill(
    users: pd.DataFrame, invites: pd.DataFrame | None = None, *, attributes: Sequence[str] = ()
) -> pd.DataFrame:
    """Return what is known of each new account: one row per person to invite.

    Parameters
    ----------
    users
        A whole users frame; managers are looked for in it.
    invites
        An invite list: those with the verdict "invite" get a row. Default: everybody in ``users``.
    attributes
        Names of further custom attributes; each becomes a column ``custom_attributes.<name>``.

    Returns
    -------
    pandas.DataFrame
        Indexed by ``user_id``; columns: ``ACCOUNT_COLUMNS``, then those asked for. A missing value has one of
        two causes, and each row names its fields: in ``no_data`` those that are switched on while the provider
        has nothing (null), in ``not_enabled`` those that are not switched on at all (absent).

    Raises
    ------
    ArgumentError
        An attribute that nobody has and WorkOS does not predefine; the message names those that are near.

    Examples
    --------
    >>> accounts = ds.onboarding.account_prefill(users)
    >>> len(accounts) == len(users)
    True
    """
    require_all("an account prefill", users, invites)
    for name in attributes:
        require_attribute("attributes", name, users)
    attributes = [name.removeprefix("custom_attributes.") for name in attributes]
    part = users
    if invites is not None:
        part = users.loc[invites.index[(invites["verdict"] == "invite").to_numpy(dtype=bool)]]
    held = [value if isinstance(value, dict) else {} for value in part["custom_attributes"]]
    columns: dict[str, list[Any]] = {
        name: [plain_value(v) for v in part[name].astype(object)] for name in ACCOUNT_COLUMNS if name in part
    }
    for name in ATTRIBUTES:
        older = columns.get(name, [None] * len(part))  # two of them were fields of the user once
        columns[name] = [_first(row.get(name), before) for row, before in zip(held, older, strict=True)]
    columns["manager_user_id"] = _managers(users, part, held)
    gaps = [_gaps(columns, held, place, attributes) for place in range(len(part))]
    columns |= {name: [gap[at] for gap in gaps] for at, name in enumerate(("no_data", "not_enabled"))}
    texts = [name for name, dtype in ACCOUNT_COLUMNS.items() if dtype == "str"]
    columns |= {name: [None if v is None else plain(v) for v in columns[name]] for name in texts}
    rows = zip(*(columns[name] for name in ACCOUNT_COLUMNS), strict=True)
    frame = rows_frame(rows, ACCOUNT_COLUMNS, part.index)
    for name in dict.fromkeys(attributes):
        frame[f"custom_attributes.{name}"] = typed_values([row.get(name) for row in held], part.index)
    return frame


def _first(*values: Any) -> Any:
    return next((one for one in values if one is not None and one != ""), None)


def _gaps(
    columns: Mapping[str, list[Any]], held: list[dict[str, Any]], place: int, attributes: Sequence[str]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Name what is missing for one person: with the provider, and because it is not switched on."""
    row = held[place]
    standard = [name for name in ("first_name", "last_name", "address") if columns[name][place] is None]
    missing = [name for name in ATTRIBUTES if columns[name][place] is None]
    missing += [name for name in dict.fromkeys(attributes) if row.get(name) is None and name not in missing]
    return (
        tuple(standard + [name for name in missing if name in row]),
        tuple(name for name in missing if name not in row),
    )


def _managers(users: pd.DataFrame, part: pd.DataFrame, held: list[dict[str, Any]]) -> list[str | None]:
    """Find the one user each manager is: by the provider's id in the same directory, else by address."""
    by_id: dict[tuple[str, str], set[str]] = {}
    by_address: dict[str, set[str]] = {}
    for user_id, directory, idp_id, address in zip(
        users.index, users["directory_id"], users["idp_id"], users["address"], strict=True
    ):
        by_id.setdefault((plain(directory), plain(idp_id)), set()).add(str(user_id))
        by_address.setdefault(plain(address).strip().casefold(), set()).add(str(user_id))
    found = []
    for directory, row in zip(part["directory_id"], held, strict=True):
        manager, address = plain(row.get("manager_id")), plain(row.get("manager_email")).strip().casefold()
        fits = by_id.get((plain(directory), manager), set()) if manager else set()
        fits = fits or (by_address.get(address, set()) if address else set())
        found.append(next(iter(fits)) if len(fits) == 1 else None)
    return found


# Teams ------------------------------------------------------------------------------------------------------


@takes_frames()
def team_prefill(
    groups: pd.DataFrame, memberships: pd.DataFrame, invites: pd.DataFrame, *, empty: bool = False
) -> pd.DataFrame:
    """Return the teams the app could make from groups: one row per group that somebody with an account is in.

    Parameters
    ----------
    groups, memberships
        Whole frames.
    invites
        An invite list. An account has, or gets, who is on it as "invite", "already known" or
        "duplicate address" (the account of that address).
    empty
        Also the groups that nobody with an account is in.

    Returns
    -------
    pandas.DataFrame
        Indexed by ``group_id`` in the order of ``groups``; columns: ``TEAM_COLUMNS``. Two groups of one name
        are two teams, whose ``label`` tells them apart.

    Examples
    --------
    >>> invites = ds.onboarding.invite_list(users)
    >>> teams = ds.onboarding.team_prefill(groups, memberships, invites)
    >>> teams["accounts"].min().item()
    8
    """
    rows = team_members(groups, memberships, invites)
    sizes = memberships.groupby("group_id")["user_id"].nunique()
    coming = rows.groupby("group_id").size()
    frame = groups[["name", "idp_id", "directory_id", "organization_id"]].copy()
    frame["label"] = pd.array(told_apart(groups.index, groups["name"]), dtype="str")
    frame["members"] = sizes.reindex(groups.index).fillna(0).astype("Int64")
    frame["accounts"] = coming.reindex(groups.index).fillna(0).astype("Int64")
    frame.attrs = {}
    frame = frame[list(TEAM_COLUMNS)]
    return frame if empty else frame[(frame["accounts"] > 0).to_numpy(dtype=bool)]


@takes_frames()
def team_members(groups: pd.DataFrame, memberships: pd.DataFrame, invites: pd.DataFrame) -> pd.DataFrame:
    """Say whose account belongs to which team: one row per account and team, in the order of the groups.

    Somebody who stands in two directories under one address is one account, in the teams of both.

    Returns
    -------
    pandas.DataFrame
        Columns: ``TEAM_MEMBER_COLUMNS``; ``user_id`` is the record that is in the group.

    Examples
    --------
    >>> invites = ds.onboarding.invite_list(users)
    >>> teams = ds.onboarding.team_members(groups, memberships, invites)
    >>> len(teams) <= len(memberships)
    True
    """
    require_all("a team prefill", groups, memberships, invites)
    people = _with_account(invites)
    labels = pd.Series(told_apart(groups.index, groups["name"]), index=groups.index, dtype="str")
    who = people.index.get_indexer(pd.Index(memberships["user_id"]))
    what = groups.index.get_indexer(pd.Index(memberships["group_id"]))
    here = (who >= 0) & (what >= 0)
    order = np.lexsort((who[here], what[here]))
    who, what = who[here][order], what[here][order]
    part = people.iloc[who]
    keys = [plain(a).strip().casefold() or str(i) for a, i in zip(part["address"], part.index, strict=True)]
    rows = pd.DataFrame(
        {
            "user_id": [str(i) for i in part.index],
            "group_id": [str(i) for i in groups.index[what]],
            "team": labels.iloc[what].array,
            "address": part["address"].array,
            "name": part["name"].array,
            "verdict": part["verdict"].array,
            "directory_id": groups["directory_id"].iloc[what].array,
        },
        columns=list(TEAM_MEMBER_COLUMNS),
    ).astype({"user_id": "str", "group_id": "str"})
    once = ~pd.DataFrame({"group": what, "account": keys}).duplicated().to_numpy(dtype=bool)
    return rows[once].reset_index(drop=True)


def _with_account(invites: pd.DataFrame) -> pd.DataFrame:
    """Return those who have an account or get one: not a second record of somebody for whom no seat is left."""
    verdict = invites["verdict"].astype("str")
    addresses = invites["address"].str.strip().str.casefold()
    seatless = set(addresses[verdict == "over the seats"])
    again = (verdict == "duplicate address") & ~addresses.isin(seatless)
    return invites[verdict.isin(["invite", "already known"]) | again]


def told_apart(ids: Iterable[object], names: Iterable[object]) -> list[str]:
    """Make one label per group: its name, with the end of its id where others read alike."""
    shown = [name_label(name) for name in names]
    labels = list(shown)
    for length in (6, 12, 64):
        counts = Counter(labels)
        if len(counts) == len(labels):
            break
        labels = [
            f"{name} · …{one[-length:]}" if counts[text] > 1 else text
            for text, name, one in zip(labels, shown, map(str, ids), strict=True)
        ]
    return labels


# Files ------------------------------------------------------------------------------------------------------


def save_lists(folder: str | Path, lists: Mapping[str, pd.DataFrame], *, kind: str = "csv") -> list[Path]:
    """Write frames into a folder, one file each, and give their paths. Nothing is sent anywhere.

    Parameters
    ----------
    folder
        Where; made if it is not there. Files of the same name are replaced.
    lists
        Name of the file, without its ending, to frame: ``{"invites": invites, "accounts": accounts}``.
    kind
        "csv" or "xlsx", for people, in which no text is run as a formula; or "parquet", exact, for
        :func:`dirsync_nb.files.open_frame`.

    Raises
    ------
    ArgumentError
        An unknown kind, or a name that is none of a file.

    Examples
    --------
    >>> invites = ds.onboarding.invite_list(users)
    >>> [path.name for path in ds.onboarding.save_lists("lists", {"invites": invites})]
    ['invites.csv']
    """
    one_of("kind", kind, FORMATS)
    given: Any = lists
    if not isinstance(given, Mapping):
        raise errors.ArgumentError('lists must name each frame: {"invites": invites}')
    for name, frame in lists.items():
        require_frame(f"lists[{name!r}]", frame, "any")
    odd = [name for name in map(str, lists) if not name or Path(name).name != name or name.startswith(".")]
    if odd:
        raise errors.ArgumentError(f"the name of a list must be that of a file; got {odd[0]!r}")
    need_for(kind)
    write = {"csv": write_csv, "xlsx": write_xlsx, "parquet": save_frame}[kind]
    target = Path(folder)
    if any(one.is_file() for one in (target, *target.parents)):
        raise errors.ArgumentError(f"folder={str(folder)!r} is a file, or in one: name another folder")
    target.mkdir(parents=True, exist_ok=True)
    return [write(frame, target / f"{name}.{kind}") for name, frame in lists.items()]
