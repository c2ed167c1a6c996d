"""What a name, an address or any id stands for, where it is, and what to type next."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pandas as pd

from .. import errors
from ..client import DirectoryClient, identifier, needs_client
from ..client.endpoints import foreign_id
from ..text import fold
from . import lists
from .lists import load_directories, load_users
from .progress import tell

FOUND_COLUMNS = ("kind", "name", "address", "state", "directory_id", "directory", "matched_by", "next")
"""Columns of what :func:`find` returns."""

MOST_PEOPLE = 2_000  # looked through by name, unless asked for more: about five seconds of requests
_KINDS: dict[str, tuple[str, Callable[..., pd.Series[Any]]]] = {  # the longer prefix first
    "directory_user_": ("directory user", lists.load_user),
    "directory_group_": ("group", lists.load_group),
    "directory_": ("directory", lists.load_directory),
    "org_": ("organization", lists.load_organization),
}


@needs_client
def find(client: DirectoryClient, what: Any, *, most_people: int = MOST_PEOPLE) -> pd.DataFrame:
    """Return a row for each organization, directory, user or group that a text stands for.

    An id is looked up by itself. An address or a provider's id is asked of each directory. Anything else is a
    name, or a part of one: of organizations, directories and groups, and of people where they are few.

    Parameters
    ----------
    what
        A name, an address, an id of any kind, or an ``idp_id``; or a row of a frame.
    most_people
        How many people may be loaded to look through their names. Where there are more, a sentence in
        ``attrs["left_out"]`` says so.

    Returns
    -------
    pandas.DataFrame
        Index ``id``, columns ``FOUND_COLUMNS``; ``next`` is the call that shows more. Empty where nothing fits.

    Raises
    ------
    ArgumentError
        Neither text nor a row, or an empty text.
    LoadError
        As the loaders.

    Examples
    --------
    >>> ds.find(client, "Harbourline Okta")["kind"].tolist()
    ['directory']
    """
    what = what.strip() if isinstance(what, str) else _of_row(what)
    if not what:
        raise errors.ArgumentError("find takes a name, an address or an id, as text")
    left_out = ""
    if told := foreign_id(what):
        raise errors.ArgumentError(f"find looks for organizations, directories, users and groups, and {told}")
    prefix = next((prefix for prefix in _KINDS if what.startswith(prefix)), None)
    if prefix:
        rows = list(_by_id(client, what, *_KINDS[prefix]))
    else:
        directories = load_directories(client)
        people = int(directories[["active_users", "inactive_users"]].sum().sum())
        rows = [*_by_key(client, what, directories)]
        if "@" not in what:
            rows += _by_name(client, what, directories, with_people=people <= most_people)
            if people > most_people:
                left_out = f"names of {people:,} people were not looked through: give most_people={people}"
    found = pd.DataFrame(rows, columns=["id", *FOUND_COLUMNS]).drop_duplicates("id").set_index("id")
    if left_out:
        found.attrs["left_out"] = left_out
    if found.empty:
        tell([_nothing(what, prefix, left_out)], client.context.told)
    return found


def _nothing(what: str, prefix: str | None, left_out: str) -> str:
    """Say that nothing was found, what the text looks like, and where it was looked for."""
    if prefix:
        return (
            f"there is no {_KINDS[prefix][0]} {what!r} in this environment: it was deleted, or the key is of "
            "another environment."
        )
    looked = "primary addresses" if "@" in what else "names and provider's ids"
    told = f"nothing here is or is called {what!r}: looked through {looked} in every directory."
    return f"{told} {left_out}".strip()


def _of_row(what: Any) -> str:
    """Return the id of a row of a frame; an empty text for anything else."""
    with suppress(errors.ArgumentError):
        return identifier(what, "what")
    return ""


@needs_client
def largest_directory(client: DirectoryClient) -> str | None:
    """Return the id of the directory with the most people, or None where nobody is in any.

    It goes by the counts that come with a directory; where none come, it looks who has somebody.

    Raises
    ------
    LoadError
        As the loaders.

    Examples
    --------
    >>> ds.largest_directory(client) == directories["active_users"].idxmax()
    True
    """
    directories = load_directories(client)
    counts = directories[["active_users", "inactive_users"]].sum(axis="columns", min_count=1)
    if counts.gt(0).any():
        return str(counts.idxmax())
    unknown = counts.index[counts.isna()]
    return next((str(one) for one in unknown if len(load_users(client, one, limit=1))), None)


def _by_id(
    client: DirectoryClient, what: str, kind: str, load: Callable[..., pd.Series[Any]]
) -> Iterator[list[Any]]:
    try:
        row = load(client, what)
    except errors.NotFound:
        return
    where = row.get("directory_id")
    name = lists.load_directory(client, where)["name"] if isinstance(where, str) else None
    yield _row(what, kind, row, where, name, "id")


def _by_key(client: DirectoryClient, what: str, directories: pd.DataFrame) -> Iterator[list[Any]]:
    """Find people by address or provider's id, which the API looks up in one directory at a time."""
    address, idp_id = (what, None) if "@" in what else (None, what)
    for directory_id, directory in directories.iterrows():
        users = load_users(client, directory_id=directory_id, email=address, idp_id=idp_id)
        for user_id, user in users.iterrows():
            how = "email" if address else "idp_id"
            yield _row(user_id, "directory user", user, directory_id, directory["name"], how)


def _by_name(
    client: DirectoryClient, what: str, directories: pd.DataFrame, *, with_people: bool
) -> Iterator[list[Any]]:
    names = dict(zip(directories.index, directories["name"], strict=True))
    frames = {"organization": lists.load_organizations(client, search=what), "directory": directories}
    if len(directories):
        frames["group"] = lists.load_groups(client, directory_id=directories.index)
        if with_people:
            frames["directory user"] = load_users(client, directory_id=directories.index)
    wanted = fold(what).split()
    for kind, frame in frames.items():
        folded = frame["name"].fillna("").map(fold)
        fits = folded.map(lambda name: all(word in name for word in wanted))
        for found_id, row in frame[fits].iterrows():
            where = row.get("directory_id")
            exact = "name" if fold(str(row["name"])) == fold(what) else "part of the name"
            yield _row(found_id, kind, row, where, names.get(where), exact)


_NEXT = {
    "organization": "ds.load_directories(client, organization_id={id!r})",
    "directory": "ds.load_users(client, directory_id={id!r})",
    "group": "ds.load_users(client, group_id={id!r})",
    "directory user": "ds.explain_access(client, {id!r})",
}


def _row(found_id: Any, kind: str, row: pd.Series[Any], where: Any, directory: Any, how: str) -> list[Any]:
    told = _NEXT[kind].format(id=found_id)
    return [found_id, kind, row.get("name"), row.get("address"), row.get("state"), where, directory, how, told]
