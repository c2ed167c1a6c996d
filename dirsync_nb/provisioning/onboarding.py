"""Whom to invite into an app, and what their accounts and teams can be filled with. Nothing is sent.

Three questions in a row: whom does the admin pick (:func:`select_users`), who of them can be invited
(:func:`invite_list`), and what is known of them beforehand (:func:`account_prefill`, :func:`team_prefill`,
:func:`team_members`). Each answer is a frame; :func:`save_lists` writes them as files. Sending an invitation,
making an account or a team is the app's own business: nothing here opens a connection.

A :class:`Roster` works out once what all answers need, for whoever asks again and again, such as a widget.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from copy import copy
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from .. import errors
from ..analysis.identity import address_key
from ..client.calls import every_call
from ..frames import USER_STATES, listed_ids, looks_like_address, one_of, takes_frames
from ..frames.checks import require_attribute
from ..frames.partial import require_all
from ..text import USER_TEXT, attribute_of, fold, folded_rows, holding, label_of, plain, value_labels
from .comparison import known_people
from .prefill import (
    ACCOUNT_COLUMNS,
    TEAM_COLUMNS,
    TEAM_MEMBER_COLUMNS,
    account_prefill,
    save_lists,
    team_members,
    team_prefill,
    told_apart,
)
from .status import StatusWords

__all__ = [
    "ACCOUNT_COLUMNS",
    "INVITE_COLUMNS",
    "TEAM_COLUMNS",
    "TEAM_MEMBER_COLUMNS",
    "VERDICTS",
    "Roster",
    "account_prefill",
    "invite_counts",
    "invite_list",
    "save_lists",
    "select_users",
    "team_members",
    "team_prefill",
]

VERDICTS = ("invite", "already known", "duplicate address", "no address", "inactive", "over the seats")
INVITE, KNOWN, DUPLICATE, NO_ADDRESS, INACTIVE, OVER = range(len(VERDICTS))

INVITE_COLUMNS = {
    "verdict": "category",  # one of VERDICTS
    "address": "str",
    "address_source": "category",
    "name": "str",
    "reason": "str",  # why not; empty for those to invite
    "groups": "object",  # tuple of names, told apart where two groups share one
    "directory_id": "str",
    "organization_id": "str",
}

Mask = np.ndarray[Any, np.dtype[np.bool_]]
Codes = np.ndarray[Any, np.dtype[np.intp]]
Ids = Sequence[str] | pd.Index | pd.DataFrame


# Whom -------------------------------------------------------------------------------------------------------


@takes_frames()
def select_users(
    users: pd.DataFrame,
    groups: pd.DataFrame | None = None,
    memberships: pd.DataFrame | None = None,
    *,
    search: str = "",
    state: str | None = None,
    domain: str | Sequence[str] | None = None,
    attributes: Mapping[str, Any] | None = None,
    in_groups: Sequence[str] = (),
    match: str = "any",
    but_users: Sequence[str] = (),
    but_groups: Sequence[str] = (),
) -> pd.DataFrame:
    """Select users: those who fit everything that is asked, in the order in which they stand.

    Parameters
    ----------
    users, groups, memberships
        Whole frames, of one directory or of several (see :func:`dirsync_nb.concat`). Memberships are needed for
        groups only, and the groups frame only to refuse a group that is not there.
    search
        Words that must all be found in id, name, address, provider's id, role or attributes; without regard
        to case and accents.
    state
        Only users in this state.
    domain
        Only users whose address is in this domain, or one of these.
    attributes
        Names of custom attributes (or ``role``) with the value each must have, or a list of values. A text is
        meant as tables and menus spell it: ``"(none)"`` is null, as None is, ``"(blank)"`` an empty text,
        ``"(absent)"`` what is not enabled, and a text that would read like one of them stands in quotation
        marks (see :func:`dirsync_nb.analysis.group_by_attribute`).
    in_groups
        Groups: only their members. Ids, or with ``groups`` also names that one group alone has.
    match
        Members of "any" of the groups, or of "all".
    but_users, but_groups
        Ids of users, and of groups with all their members, to leave out.

    Returns
    -------
    pandas.DataFrame
        The rows of ``users`` that fit.

    Raises
    ------
    ArgumentError
        An id that is not in the frames, groups without memberships, or a state, an attribute or a ``match``
        that there is not.
    IncompleteError
        A partial frame: whoever was not read would be left out without a word.

    Examples
    --------
    >>> chosen = ds.onboarding.select_users(users, groups, memberships, in_groups="Everyone")
    >>> 0 < len(chosen) <= len(users)
    True
    """
    roster = Roster(users, groups, memberships)
    if match not in ("any", "all"):
        raise errors.ArgumentError(f"match must be 'any' or 'all'; got {match!r}")
    if state is not None:
        one_of("state", state, [*USER_STATES, *users["state"].dropna().unique()])
    for name in attributes or {}:
        require_attribute("attributes", name, users, more=("role",))
    fits = np.ones(len(users), dtype=bool)
    if search.strip():
        fits &= roster.at(holding(folded_rows(users, USER_TEXT), search))
    if state is not None:
        fits &= (users["state"] == state).to_numpy(dtype=bool)
    if domain is not None:
        fits &= _in_domains(users, [domain] if isinstance(domain, str) else domain)
    for name, value in (attributes or {}).items():
        wanted = {plain(label_of(one)) for one in (value if isinstance(value, list | tuple | set) else [value])}
        labels = value_labels(attribute_of(users, name))
        fits &= np.fromiter((plain(label) in wanted for label in labels), bool, len(users))
    if len(in_groups):
        fits &= roster.members(in_groups, match)
    if len(but_groups):
        fits &= ~roster.members(but_groups, "any")
    fits &= ~roster.mask(but_users)
    return users[fits]


def domain_of(address: object) -> str:
    """Return the domain of an address, folded; nothing where there is none."""
    return fold(plain(address).rpartition("@")[2].strip()) if "@" in plain(address) else ""


def _in_domains(users: pd.DataFrame, domains: Iterable[str]) -> Mask:
    wanted = {fold(one.strip().removeprefix("@")) for one in domains}
    return np.fromiter((domain_of(one) in wanted for one in users["address"]), bool, len(users))


# Who can be invited -----------------------------------------------------------------------------------------


@takes_frames()
def invite_list(
    users: pd.DataFrame,
    groups: pd.DataFrame | None = None,
    memberships: pd.DataFrame | None = None,
    *,
    selected: Ids | None = None,
    app_users: pd.DataFrame | None = None,
    on: str | Sequence[str] | Mapping[str, str] = "email",
    active: str | None = None,
    status_words: Mapping[Any, bool] | None = None,
    seats: int | None = None,
) -> pd.DataFrame:
    """Say of each selected person whether to invite them, and if not, why. Nothing is sent.

    Parameters
    ----------
    users, groups, memberships
        Whole frames, of one directory or of several: addresses are compared across all of them. Groups and
        memberships only give the column ``groups``.
    selected
        Ids of those picked, or a frame of them. Default: everybody.
    app_users
        The app's own table: who is in it is not invited. People are matched as in
        :func:`dirsync_nb.compare`.
    on, active, status_words
        As in :func:`dirsync_nb.compare`; by default people are found by the app's column ``email``.
    seats
        How many accounts the app may have in all. Those that are on in ``app_users`` take theirs first; then
        seats go in the order of ``users``. None: no limit.

    Returns
    -------
    pandas.DataFrame
        One row per selected person in the order of ``users``, indexed by ``user_id``; columns:
        ``INVITE_COLUMNS``. Each has exactly one verdict, the first that applies:

        - ``inactive``: not active in the directory.
        - ``already known``: in the app's table.
        - ``no address``: none known, or what stands there is none.
        - ``duplicate address``: the same, but for case and what nobody sees, as that of somebody before them
          in the list or of somebody in the app.
        - ``over the seats``: no seat is left.
        - ``invite``: everybody else.

    Raises
    ------
    ArgumentError
        An id that is not in ``users``, a number of seats that is none, a column that is not there, or seats
        to count by a status that nobody can read.
    IncompleteError
        A partial frame.

    Examples
    --------
    >>> invites = ds.onboarding.invite_list(users, groups, memberships, app_users=app_users)
    >>> invites["verdict"].value_counts().index[0]
    'already known'
    """
    roster = Roster(**{name: given for name, given in locals().items() if name != "selected"})
    return roster.invites(roster.everybody if selected is None else roster.mask(selected))


@takes_frames()
def invite_counts(
    invites: pd.DataFrame,
    *,
    app_users: pd.DataFrame | None = None,
    active: str | None = None,
    status_words: Mapping[Any, bool] | None = None,
    seats: int | None = None,
) -> dict[str, int | None]:
    """Count an invite list: ``selected``, then each verdict; these add up to the first.

    ``seats left`` are those that remain when everybody on the list has theirs, or None without a limit. Give
    what :func:`invite_list` was given.

    Examples
    --------
    >>> invites = ds.onboarding.invite_list(users)
    >>> ds.onboarding.invite_counts(invites, seats=300)["selected"] == len(users)
    True
    """
    found = [int((invites["verdict"] == verdict).sum()) for verdict in VERDICTS]
    return _counted(found, free_seats(seats, app_users, active, status_words))


def _counted(found: Sequence[int], free: int | None) -> dict[str, int | None]:
    """Name the number of each verdict, their sum and what is left of the free seats."""
    left = None if free is None else free - found[INVITE]
    return {"selected": sum(found), **dict(zip(VERDICTS, found, strict=True)), "seats left": left}


class Roster:
    """Everybody who could be invited, with all that decides about it worked out once.

    Parameters are those of :func:`invite_list`, its ``selected`` apart: each question is asked with a mask, a
    truth value for each row of ``users``.

    Attributes
    ----------
    free
        Seats nobody in the app has, or None without a limit.
    known
        Reasons why people are known to the app, by user id.

    Examples
    --------
    >>> roster = ds.onboarding.Roster(users, groups, memberships)
    >>> roster.counts(roster.everybody)["selected"] == len(users)
    True
    """

    @takes_frames()
    def __init__(
        self,
        users: pd.DataFrame,
        groups: pd.DataFrame | None = None,
        memberships: pd.DataFrame | None = None,
        *,
        app_users: pd.DataFrame | None = None,
        on: str | Sequence[str] | Mapping[str, str] = "email",
        active: str | None = None,
        status_words: Mapping[Any, bool] | None = None,
        seats: int | None = None,
    ) -> None:
        require_all("onboarding", users, groups, memberships, app_users)
        if users.index.has_duplicates:
            twice = users.index[users.index.duplicated()][0]
            raise errors.ArgumentError(f"users must hold everybody once; {twice} is in it twice")
        self.users = users
        self.free = free_seats(seats, app_users, active, status_words)
        known = {} if app_users is None else known_people(users, app_users, on, active, status_words)
        self.known = {one: f"in the app already{f': {how}' if how else ''}" for one, how in known.items()}
        self._join(groups, memberships)

    @takes_frames()
    def joined(self, groups: pd.DataFrame | None, memberships: pd.DataFrame | None) -> Roster:
        """Return a roster of the same people with these groups and memberships."""
        require_all("onboarding", groups, memberships)
        other = copy(self)
        other._join(groups, memberships)
        return other

    def _join(self, groups: pd.DataFrame | None, memberships: pd.DataFrame | None) -> None:
        """Keep memberships as pairs of positions, by user, each once."""
        self.groups, self.memberships = groups, memberships
        listed = [] if groups is None else list(groups.index)
        pairs = pd.DataFrame({"user_id": [], "group_id": []}) if memberships is None else memberships
        more = [] if groups is not None else list(pd.unique(pairs["group_id"]))
        self.group_ids = pd.Index([*listed, *more], dtype="str")
        names = [None] * len(self.group_ids) if groups is None else groups["name"]
        self.labels = told_apart(self.group_ids, names)
        who = self.users.index.get_indexer(pd.Index(pairs["user_id"]))
        what = self.group_ids.get_indexer(pd.Index(pairs["group_id"]))
        here = (who >= 0) & (what >= 0)
        width = max(1, len(self.group_ids))
        self._who, self._what = np.divmod(np.unique(who[here] * width + what[here]), width)

    # Masks --------------------------------------------------------------------------------------------------

    @property
    def everybody(self) -> Mask:
        """A mask of all."""
        return np.ones(len(self.users), dtype=bool)

    def at(self, places: Sequence[int]) -> Mask:
        """Make a mask of positions."""
        mask = np.zeros(len(self.users), dtype=bool)
        mask[places] = True
        return mask

    def mask(self, selected: Ids) -> Mask:
        """Make a mask of ids, or of a frame of users; an id that is not there is refused."""
        ids = pd.Index(listed_ids(selected), dtype="str")
        places = self.users.index.get_indexer(ids)
        if (places < 0).any():
            raise errors.ArgumentError(f"no user {ids[places < 0][0]!r} among the {len(self.users):,} given")
        return self.at(places)  # type: ignore[arg-type]

    def members(self, group_ids: Sequence[str], match: str = "any") -> Mask:
        """Make a mask of the members of any of these groups, or of all."""
        if self.memberships is None:
            raise errors.ArgumentError("groups can only be asked for with memberships")
        wanted = pd.Index(listed_ids(group_ids, self.groups), dtype="str")
        self._check_groups(wanted)
        of_them = np.isin(self._what, self.group_ids.get_indexer(wanted))
        counts = np.bincount(self._who[of_them], minlength=len(self.users))
        fits: Mask = counts > 0 if match == "any" else counts == len(wanted)
        return fits

    def _check_groups(self, wanted: pd.Index) -> None:
        for one in wanted.difference(self.group_ids, sort=False):
            named = self.group_ids[(self.groups["name"] == one).to_numpy()] if self.groups is not None else []
            hint = f"; groups have names, but are known by id: {', '.join(named)}" if len(named) else ""
            hint = hint or "; one without members is known where groups= is given" * (self.groups is None)
            raise errors.ArgumentError(f"no group {one!r} among the {len(self.group_ids):,} given{hint}")

    # Verdicts -----------------------------------------------------------------------------------------------

    @cached_property
    def _facts(self) -> tuple[Mask, Mask, Mask, Codes]:
        """Who is active, who is known, who has an address, and whose addresses are the same."""
        users = self.users
        active = (users["state"] == "active").to_numpy(dtype=bool)
        known = users.index.isin(list(self.known))
        keys = [address_key(one) or "" for one in users["address"]]
        good = np.fromiter((looks_like_address(key) for key in keys), bool, len(keys))
        return active, known, good, pd.factorize(pd.Series(keys, dtype=object))[0]

    def verdicts(self, chosen: Mask) -> Codes:
        """Judge those chosen: a place in ``VERDICTS`` for each user, -1 for those not chosen."""
        active, known, good, codes = self._facts
        found = np.full(len(self.users), -1, dtype=np.intp)
        found[chosen] = INVITE
        found[chosen & ~good] = NO_ADDRESS
        found[chosen & known] = KNOWN
        found[chosen & ~active] = INACTIVE
        places = np.flatnonzero(found == INVITE)
        first = np.unique(codes[places], return_index=True)[1]
        again = np.ones(len(places), dtype=bool)
        again[first] = False
        in_app = codes[known & good]
        again |= np.isin(codes[places], in_app)
        found[places[again]] = DUPLICATE
        if self.free is not None:
            found[places[~again][self.free :]] = OVER
        return found

    def counts(self, chosen: Mask) -> dict[str, int | None]:
        """Count as :func:`invite_counts` does."""
        found = np.bincount(self.verdicts(chosen)[chosen], minlength=len(VERDICTS))
        return _counted(found.tolist(), self.free)

    def invites(self, chosen: Mask, *, most: int | None = None) -> pd.DataFrame:
        """Return the invite list of those chosen, or its first rows."""
        verdicts = self.verdicts(chosen)
        places = np.flatnonzero(chosen)[:most]
        part = self.users.iloc[places]
        frame = part[["address", "address_source", "name", "directory_id", "organization_id"]].copy()
        frame["verdict"] = pd.Categorical.from_codes(verdicts[places], categories=pd.Index(VERDICTS))
        frame["reason"] = pd.array(self._reasons(places, verdicts), dtype="str")
        frame["groups"] = pd.Series(self.groups_of(places), index=frame.index, dtype=object)
        frame["address_source"] = frame["address_source"].cat.remove_unused_categories()
        frame.attrs = {}
        return frame[list(INVITE_COLUMNS)]

    def groups_of(self, places: Codes) -> list[tuple[str, ...]]:
        """Name the groups of people, told apart where two have one name."""
        starts, ends = np.searchsorted(self._who, places), np.searchsorted(self._who, places, side="right")
        return [
            tuple(self.labels[group] for group in self._what[start:end])
            for start, end in zip(starts, ends, strict=True)
        ]

    def _reasons(self, places: Codes, verdicts: Codes) -> list[str]:
        codes, holders = self._facts[3], self._holders(verdicts)
        reasons = []
        for place in places.tolist():
            verdict, user_id = verdicts[place], str(self.users.index[place])
            if verdict == KNOWN:
                reasons.append(self.known[user_id])
            elif verdict == DUPLICATE:
                reasons.append(self._same_as(place, holders[codes[place]]))
            elif verdict == NO_ADDRESS:
                address = plain(self.users["address"].iloc[place])
                reasons.append(f"{address!r} is not an e-mail address" if address else "no address is known")
            elif verdict == INACTIVE:
                state = plain(self.users["state"].iloc[place])
                reasons.append(f"{state} in the directory" if state else "the directory gives no state")
            else:
                reasons.append("no seat is left" if verdict == OVER else "")
        return reasons

    def _holders(self, verdicts: Codes) -> dict[int, int]:
        """Find who holds each address: somebody known to the app, else the first who gets the invitation."""
        _, known, good, codes = self._facts
        taken = np.flatnonzero((verdicts == INVITE) | (verdicts == OVER))
        holders = dict(zip(codes[taken].tolist(), taken.tolist(), strict=True))
        in_app = np.flatnonzero(known & good)
        return holders | dict(zip(codes[in_app].tolist(), in_app.tolist(), strict=True))

    def _same_as(self, place: int, holder: int) -> str:
        row = self.users.iloc[holder]
        app = ", who is in the app already" if str(row.name) in self.known else ""
        here = self.users["directory_id"].iloc[place] == row["directory_id"]
        where = "" if here else " of another directory"
        return f"the same address as {plain(row['name']) or row.name}{where} ({row.name}){app}"


def free_seats(
    seats: int | None,
    app_users: pd.DataFrame | None,
    active: str | None,
    status_words: Mapping[Any, bool] | None,
) -> int | None:
    """Return how many seats the app's people leave, None without a limit; refuse what is no number of seats."""
    if seats is None:
        return None
    given: Any = seats
    if isinstance(given, bool) or not isinstance(given, int | np.integer) or given < 0:
        raise errors.ArgumentError(f"seats must be a number from 0 on, or None; got {seats!r}")
    if app_users is None:
        return int(seats)
    if active is None:
        return max(0, int(seats) - len(app_users))
    one_of("active", active, map(str, app_users.columns), "a column of app_users:")
    words = StatusWords(status_words, column=active)
    taken = sum(one is True for one in words.read_column(app_users[active].astype(object)))
    if words.sentence is not None:
        raise errors.ArgumentError(f"seats cannot be counted: {words.sentence}")
    return max(0, int(seats) - taken)


every_call(__name__)
