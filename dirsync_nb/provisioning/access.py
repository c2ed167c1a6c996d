"""Why somebody can or cannot log in: what Directory Sync knows of one person, in a frame and a paragraph."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from html import escape
from typing import Any

import pandas as pd

from .. import errors
from ..analysis.identity import address_key
from ..client import DirectoryClient, needs_client
from ..client.calls import every_call
from ..client.endpoints import identifier
from ..frames import near_names, one_of, takes_frames
from ..load import load_directory, load_events, load_groups, load_user
from ..load.lookup import find
from ..text import plural, some
from .status import StatusWords

__all__ = ["CHECK_COLUMNS", "Access", "explain_access"]

CHECK_COLUMNS = ("looked_at", "found", "verdict", "remedy")
"""Columns of :attr:`Access.checks`; ``verdict`` is ``ok``, ``problem`` or ``unknown``."""

MOST_NAMED = 8
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
        """Whether all that was looked at lets the person in; what cannot be told does not."""
        return bool((self.checks["verdict"] == "ok").all())

    @property
    def summary(self) -> str:
        """One paragraph: the answer, what stands in the way, and what to do."""
        named = (self.user[one] for one in ("name", "address"))
        who = next((one for one in named if isinstance(one, str) and one), self.user.name)
        if self.allowed:
            return f"Nothing in the directory keeps {who} out. {_sentences(self.checks['found'])}"
        for verdict, answer in (("problem", "cannot be expected to get in"), ("unknown", "may get in or not")):
            found = self.checks[self.checks["verdict"] == verdict]
            if len(found):
                return f"{who} {answer}. {_sentences(found['found'] + ': ' + found['remedy'])}"
        raise AssertionError(f"no such verdict: {set(self.checks['verdict'])}")

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
        found = [f"{told}: {remedy}" for told, held, remedy in checks if held == verdict]
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
    who: Any,
    *,
    roles: Mapping[str, str] | None = None,
    app_users: pd.DataFrame | None = None,
    on: str = "email",
    active: str | None = None,
    status_words: Mapping[Any, bool] | None = None,
) -> Access:
    """Return why somebody can or cannot log in: directory, state, groups, role, last events, the app's own row.

    Parameters
    ----------
    who
        A user's id, address, ``idp_id`` or name, as :func:`dirsync_nb.find` takes it; or a row. It must mean
        one person.
    roles
        Names of groups to roles, as your app or the dashboard maps them. Default: the role the directory tells.
    app_users
        Your app's users.
    on, active, status_words
        As in :func:`dirsync_nb.compare`: the column of addresses; the one that says who may sign in (default:
        ``active``, where there is one); what words in it mean that are in no list.

    Raises
    ------
    ArgumentError
        Nobody is meant, or several people; the message names them. Or a column that ``app_users`` has not.
    LoadError
        As the loaders.

    Examples
    --------
    >>> ds.explain_access(client, users.index[0]).allowed
    True
    """
    if app_users is not None:
        on = one_of("on", on, app_users.columns, "a column of app_users:")
        active = "active" if active is None and "active" in app_users else active
        active = active and one_of("active", active, app_users.columns, "a column of app_users:")
    words = StatusWords(status_words, column=active or "")
    user = load_user(client, _user_id(client, who))
    directory = load_directory(client, user["directory_id"])
    groups = load_groups(client, user_id=user.name)
    known: Iterable[str] = ()
    if roles is not None and roles.keys().isdisjoint(groups["name"]):
        known = load_groups(client, user["directory_id"])["name"]
    events = _events_of(client, str(user.name), user.get("organization_id"))
    checks = {
        "directory": _directory_check(directory),
        "state": _state_check(user),
        "address": _address_check(user),
        "role": _role_check(user, groups, roles, known),
        "events": _events_check(events),
    }
    if app_users is not None:
        checks["app"] = _app_check(user, app_users, on, active, words)
    rows = [(name, *check) for name, check in checks.items()]
    return Access(user, pd.DataFrame(rows, columns=list(CHECK_COLUMNS)), groups, events)


def _user_id(client: DirectoryClient, who: Any) -> str:
    if isinstance(who, pd.DataFrame) and len(who) == 1:
        who = who.iloc[0]
    if not isinstance(who, str):
        return identifier(who, "who")
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
    several = [f"{one.name} ({one.Index}, in {one.directory})" for one in people.itertuples()]
    told = some(several, MOST_NAMED)
    raise errors.ArgumentError(f"{who!r} may mean {len(several)} people: {told}. Give one of the ids")


def _events_of(client: DirectoryClient, user_id: str, organization_id: Any) -> pd.DataFrame:
    """Return what was told of a user in the last 30 days."""
    events = load_events(client, organization_id=organization_id if isinstance(organization_id, str) else None)
    return events[events["user_id"] == user_id]


# -- the checks: what was found, a verdict, a remedy -----------------------------------------------------------

Check = tuple[str, str, str]


def _directory_check(directory: Mapping[str, Any] | pd.Series[Any]) -> Check:
    state = str(directory["state"])
    found = f"the directory {directory['name']} is {state}"
    if state == "linked":
        return found, "ok", ""
    return found, "problem" if state in _STATES else "unknown", _STATES.get(state, "ask WorkOS")


def _state_check(user: Mapping[str, Any] | pd.Series[Any]) -> Check:
    state = str(user["state"])
    if state == "active":
        return "the user is active", "ok", ""
    remedy = "the customer's admin assigns the app again, or the person has left"
    return f"the user is {state}", "problem" if state in ("inactive", "suspended") else "unknown", remedy


def _address_check(user: Mapping[str, Any] | pd.Series[Any]) -> Check:
    address = user["address"]
    if isinstance(address, str) and address:
        return f"the address is {address}, from {user['address_source']}", "ok", ""
    return "there is no address", "problem", "the provider's attribute mapping sends none: map one"


def _role_check(
    user: pd.Series[Any],
    groups: pd.DataFrame,
    roles: Mapping[str, str] | None,
    known: Iterable[str],
) -> Check:
    names = [str(name) for name in groups["name"]]
    inside = f"in {', '.join(names)}" if names else "in no group"
    if roles is None:
        role = user["role"] if isinstance(user["role"], str) else None
        return f"{inside}; {f'the directory says the role {role}' if role else 'no role is told'}", "ok", ""
    given = list(dict.fromkeys(roles[name] for name in names if name in roles))
    if given:
        return f"{inside}, which gives {', '.join(given)}", "ok", ""
    there = list(dict.fromkeys(known))
    if mapped := [name for name in roles if name in there]:
        remedy = f"put the person into {' or '.join(mapped[:3])}, or map one of the groups"
    else:
        near = next((hint for name in roles if (hint := near_names(name, there))), "")
        remedy = f"the directory has no group called {' or '.join(list(roles)[:3])}{near}; map one that it has"
    return f"{inside}, none of which has a role", "problem", remedy


def _events_check(events: pd.DataFrame) -> Check:
    if not len(events):
        return "no event in the last 30 days", "ok", ""
    last = events.iloc[-1]
    moment = f"{pd.Timestamp(last['created_at']):%Y-%m-%d %H:%M} UTC"
    return f"the last of {len(events):,} events was {last['event']} at {moment}", "ok", ""


def _app_check(
    user: pd.Series[Any], app_users: pd.DataFrame, on: str, active: str | None, words: StatusWords
) -> Check:
    wanted = address_key(user["address"])
    theirs = [address_key(value) == wanted for value in app_users[on]]
    if wanted is None or not any(theirs):
        return "the app has no account with this address", "problem", "create it, or invite the person"
    found = f"the app has {plural(sum(theirs), 'account')} with this address"
    # Of the whole column: how it says on and off shows in the rows of others too.
    column = [True] * len(theirs) if active is None else words.read_column(app_users[active].astype(object))
    means = [one for one, mine in zip(column, theirs, strict=True) if mine]
    if True in means:
        return found, "ok", ""
    if None in means:
        said = ", ".join(repr(one) for one in app_users.loc[theirs, active].astype(str).unique())
        remedy = f"say what {said} of {active} means: status_words={{...: True}} or False"
        return f"{found}, and {said} is known neither as on nor as off", "unknown", remedy
    return "the app's account is switched off", "problem", "switch it on if the person should get in"


every_call(__name__)
