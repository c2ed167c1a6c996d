"""Why somebody can or cannot log in: what Directory Sync knows of one person, in a frame and a paragraph."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

import pandas as pd

from .. import errors
from ..client import needs_client
from ..frames import takes_frames
from ..load import load_directory, load_events, load_groups, load_user
from ..load.lookup import find

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ..client import DirectoryClient

__all__ = ["CHECK_COLUMNS", "Access", "explain_access"]

CHECK_COLUMNS = ("looked_at", "found", "verdict", "remedy")
"""Columns of :attr:`Access.checks`; ``verdict`` is ``ok``, ``problem`` or ``unknown``."""

_STATES = {
    "validating": "the first data is on its way; Entra ID may take 40 minutes",
    "invalid_credentials": "the customer's admin connects the provider again: it refuses what WorkOS was given",
    "unlinked": "the directory was never set up: send the setup link",
    "deleting": "the directory is being removed, with all who are in it",
}


@dataclass(frozen=True)
class Access:
    """What stands between one person and your app.

    Attributes
    ----------
    user
        The directory user, as :func:`dirsync_nb.load_user` gives it.
    checks
        One row for each thing looked at: ``CHECK_COLUMNS``.
    groups, events
        Frames: the person's groups, and the last events about them, oldest first.
    """

    user: pd.Series[Any]
    checks: pd.DataFrame
    groups: pd.DataFrame
    events: pd.DataFrame

    @property
    def allowed(self) -> bool:
        """Whether nothing was found that keeps the person out."""
        return not (self.checks["verdict"] == "problem").any()

    @property
    def summary(self) -> str:
        """One paragraph: the answer, what stands in the way, and what to do."""
        who = self.user["name"] or self.user["address"] or self.user.name
        problems = self.checks[self.checks["verdict"] == "problem"]
        if not len(problems):
            return f"Nothing in the directory keeps {who} out. {_sentences(self.checks['found'])}"
        told = problems["found"] + ": " + problems["remedy"]
        return f"{who} cannot be expected to get in. {_sentences(told)}"

    def __repr__(self) -> str:
        return self.summary

    def _repr_html_(self) -> str:
        look: Any = {"index": False, "border": 0, "classes": "mathjax_ignore tex2jax_ignore"}
        with pd.option_context("display.max_colwidth", None):  # a remedy cut in the middle is none
            shown = self.checks.to_html(**look)
        return f'<p class="mathjax_ignore tex2jax_ignore">{escape(self.summary)}</p>{shown}'


def access_in_short(user: Mapping[str, Any], directory: Mapping[str, Any]) -> tuple[str, str]:
    """Return a verdict and one line: what of directory, state and address keeps a user out.

    Parameters
    ----------
    user, directory
        Rows of the frames of users and directories, or mappings with the same names.
    """
    checks = [_directory_check(directory), _state_check(user), _address_check(user)]
    for verdict in ("problem", "unknown"):
        found = [f"{told}: {remedy}" for _, told, held, remedy in checks if held == verdict]
        if found:
            return verdict, _sentences(found)
    told = f"{user['state']}, directory {directory['state']}, has an address"
    return "ok", f"Nothing keeps them out: {told}."


def _sentences(parts: Iterable[str]) -> str:
    return " ".join(f"{part[0].upper()}{part[1:]}." for part in parts)


@needs_client
@takes_frames()
def explain_access(
    client: DirectoryClient,
    who: str,
    *,
    roles: Mapping[str, str] | None = None,
    app_users: pd.DataFrame | None = None,
) -> Access:
    """Return why somebody can or cannot log in: directory, state, groups, role, last events, the app's own row.

    Parameters
    ----------
    who
        A user's id, address, ``idp_id`` or name, as :func:`dirsync_nb.find` takes it. It must mean one person.
    roles
        Names of groups to roles, as your app or the dashboard maps them. Default: the role the directory tells.
    app_users
        Your app's users, with a column ``email`` and perhaps ``active``.

    Raises
    ------
    ArgumentError
        Nobody is meant, or several people; the message names them.
    LoadError
        As the loaders.

    Examples
    --------
    >>> ds.explain_access(client, users.index[0]).allowed
    True
    """
    user = load_user(client, _user_id(client, who))
    directory = load_directory(client, user["directory_id"])
    groups = load_groups(client, user_id=user.name)
    events = _events_of(client, str(user.name), user.get("organization_id"))
    rows = [
        _directory_check(directory),
        _state_check(user),
        _address_check(user),
        _role_check(user, groups, roles),
        _events_check(events),
    ]
    if app_users is not None:
        rows.append(_app_check(user, app_users))
    return Access(user, pd.DataFrame(rows, columns=list(CHECK_COLUMNS)), groups, events)


def _user_id(client: DirectoryClient, who: str) -> str:
    found = find(client, who)
    people = found[found["kind"] == "directory user"]
    exact = people[people["matched_by"] != "part of the name"]
    people = exact if len(exact) else people
    if len(people) == 1:
        return str(people.index[0])
    if not len(people):
        other = f"; it is the {found['kind'].iloc[0]} {found['name'].iloc[0]!r}" if len(found) else ""
        raise errors.ArgumentError(
            f"nobody is meant by {who!r}{other}. {found.attrs.get('left_out', '')}".strip()
        )
    several = ", ".join(
        f"{row.name_} ({row.Index})" for row in people.rename(columns={"name": "name_"}).head(5).itertuples()
    )
    raise errors.ArgumentError(f"{who!r} may mean {len(people)} people: {several}. Give one of the ids")


def _events_of(client: DirectoryClient, user_id: str, organization_id: Any) -> pd.DataFrame:
    """Return what was told of a user in the last 30 days."""
    events = load_events(client, organization_id=organization_id if isinstance(organization_id, str) else None)
    return events[events["user_id"] == user_id]


# -- the checks ----------------------------------------------------------------------------------------------


def _directory_check(directory: Mapping[str, Any] | pd.Series[Any]) -> list[str]:
    state = str(directory["state"])
    found = f"the directory {directory['name']} is {state}"
    if state == "linked":
        return ["directory", found, "ok", ""]
    return ["directory", found, "problem" if state in _STATES else "unknown", _STATES.get(state, "ask WorkOS")]


def _state_check(user: Mapping[str, Any] | pd.Series[Any]) -> list[str]:
    state = str(user["state"])
    remedy = "the customer's admin assigns the app again, or the person has left"
    verdict = {"active": "ok", "inactive": "problem", "suspended": "problem"}.get(state, "unknown")
    return ["state", f"the user is {state}", verdict, "" if verdict == "ok" else remedy]


def _address_check(user: Mapping[str, Any] | pd.Series[Any]) -> list[str]:
    address = user["address"]
    if isinstance(address, str) and address:
        return ["address", f"the address is {address}, from {user['address_source']}", "ok", ""]
    return ["address", "there is no address", "problem", "the provider's attribute mapping sends none: map one"]


def _role_check(user: pd.Series[Any], groups: pd.DataFrame, roles: Mapping[str, str] | None) -> list[str]:
    names = [str(name) for name in groups["name"]]
    inside = f"in {', '.join(names)}" if names else "in no group"
    if roles is None:
        role = user["role"] if isinstance(user["role"], str) else None
        return [
            "role",
            f"{inside}; the directory says the role {role}" if role else f"{inside}; no role is told",
            "ok",
            "",
        ]
    given = list(dict.fromkeys(roles[name] for name in names if name in roles))
    if given:
        return ["role", f"{inside}, which gives {', '.join(given)}", "ok", ""]
    remedy = f"put the person into {_one_of(roles)}, or map one of the groups"
    return ["role", f"{inside}, none of which has a role", "problem", remedy]


def _one_of(names: Iterable[str]) -> str:
    return " or ".join(list(names)[:3])


def _events_check(events: pd.DataFrame) -> list[str]:
    if not len(events):
        return ["events", "no event in the last 30 days", "ok", ""]
    last = events.iloc[-1]
    moment = pd.Timestamp(last["created_at"])
    return [
        "events",
        f"the last of {len(events):,} events was {last['event']} at {moment:%Y-%m-%d %H:%M} UTC",
        "ok",
        "",
    ]


def _app_check(user: pd.Series[Any], app_users: pd.DataFrame) -> list[str]:
    if "email" not in app_users:
        raise errors.ArgumentError(
            f"app_users needs a column email; it has {', '.join(map(str, app_users.columns))}"
        )
    wanted = str(user["address"]).casefold()
    rows = app_users[app_users["email"].astype("str").str.strip().str.casefold() == wanted]
    if not len(rows):
        return ["app", "the app has no account with this address", "problem", "create it, or invite the person"]
    if "active" in rows and not bool(rows["active"].iloc[0]):
        return [
            "app",
            "the app's account is switched off",
            "problem",
            "switch it on if the person should get in",
        ]
    return ["app", f"the app has {len(rows)} account{'s'[: len(rows) != 1]} with this address", "ok", ""]
