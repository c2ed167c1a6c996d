"""The rules for data, before provisioning and after: which rows would be refused, which people not be reached.

Two questions, one kind of answer::

    audit.check_rows(scim_users, scim_groups)              # what is to be sent, in SCIM's words
    audit.check_directory(users, groups, memberships)      # what a directory holds, as loaded
    audit.rules()                                          # what is looked for, and how sure each rule is

The answer (``Audit``) holds findings and verdicts as frames with declared columns. Nothing is sent.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import pandas as pd

from ...analysis.identity import address_key
from ...frames import require_ids, takes_frames
from ...frames.partial import require_all
from . import rulebook
from .rows import large
from .rulebook import Audit, Findings

NAMES = ("first_name", "last_name", "name")
TEXT_BOOLEANS = frozenset({"true", "false"})
MEMBER_BYTES = len('{"value":""},')  # around each id in the body of a group


@takes_frames(before="group_id")
def check_directory(
    users: pd.DataFrame,
    groups: pd.DataFrame | None = None,
    memberships: pd.DataFrame | None = None,
    *,
    before: pd.DataFrame | None = None,
    most_members: int = rulebook.MOST_MEMBERS,
) -> Audit:
    """Judge what a directory holds: people without an address, twins, odd names, groups of one name.

    Parameters
    ----------
    users, groups, memberships
        Frames of one or several directories. Without ``memberships`` nothing is said about members.
    before
        The groups at an earlier moment, to name those that were renamed since.
    most_members
        Note groups with more members than this.

    Returns
    -------
    Audit
        ``users`` is indexed by ``user_id``, ``groups`` by ``group_id``; no row of either is a ``reject``, for
        the service has taken it.

    Raises
    ------
    IncompleteError
        A frame is partial: a clash with what was not read would go unseen.
    ArgumentError
        A frame is not indexed by its ids, or repeats one.

    Examples
    --------
    >>> found = ds.audit.check_directory(users, groups, memberships)
    >>> found.findings["rule"].nunique() > 0
    True
    """
    _require(users, groups, memberships, before)
    check = _Check(Findings(), users)
    check.addresses()
    check.twins()
    check.user_names()
    check.names()
    check.text_booleans()
    if groups is not None:
        check.group_names(groups)
        if before is not None:
            check.renamed(before, groups)
    members, dropped = check.members(groups, memberships, most_members)
    return check.audit(groups, members, dropped)


def _require(
    users: pd.DataFrame,
    groups: pd.DataFrame | None,
    memberships: pd.DataFrame | None,
    before: pd.DataFrame | None,
) -> None:
    ids = {"users": (users, "user_id"), "groups": (groups, "group_id"), "before": (before, "group_id")}
    for name, (frame, index) in ids.items():
        if frame is not None:
            require_ids(name, frame, index, once=True)
    require_all("an audit", users, groups, memberships, before)


class _Check:
    """One audit of loaded frames under way."""

    def __init__(self, findings: Findings, users: pd.DataFrame) -> None:
        self.findings, self.users = findings, users
        self.subject = users["address"].fillna(users["name"]).fillna(users["idp_id"]).tolist()
        self.active = (users["state"] == "active").to_numpy(dtype=bool)

    def _tell(self, place: int, rule: str, field: str, message: str) -> None:
        self.findings.of("user", self.users.index[place], _plain(self.subject[place]))(rule, field, message)

    def addresses(self) -> None:
        """Find users without an address, with one from elsewhere, and addresses of an odd form."""
        sources = self.users["address_source"].astype("str").tolist()
        for place, address in enumerate(self.users["address"].tolist()):
            if not isinstance(address, str):
                self._tell(place, "no_address", "address", "no address in any field")
                continue
            if sources[place] != "email":
                message = f"no primary address; {address!r:.80} comes from {sources[place]}"
                self._tell(place, "address_fallback", "address", message)
            if hidden := rulebook.unseen(address):
                self._tell(place, "invisible_characters", "address", f"{', '.join(hidden)} in {address!r:.80}")
            if not rulebook.is_address(address):
                self._tell(place, "address_malformed", "address", f"{address!r:.80} is not an address")
            elif rulebook.is_too_long(address):
                self._tell(place, "address_too_long", "address", f"{len(address):,} characters")

    def twins(self) -> None:
        """Find what should be one person's: addresses and provider's ids, within each directory."""
        addresses = self._keys(self.users["address"])
        shared = self._shared(addresses[self.active])
        for place, others in shared.items():
            message = f"{self.users['address'].iloc[place]!r:.80} is the address of {others} too"
            self._tell(place, "address_shared", "address", message)
        ids = self.users["idp_id"]
        at_once = self._shared(ids[self.active])
        for place, others in {**self._shared(ids), **at_once}.items():
            rule = "external_id_taken" if place in at_once else "person_twice"
            self._tell(place, rule, "idp_id", f"{ids.iloc[place]!r:.80} is the idp_id of {others} too")

    def user_names(self) -> None:
        """Find user names that are the same to the service, or to a person, within each directory."""
        newer = [
            held.get("username") if isinstance(held, dict) else None for held in self.users["custom_attributes"]
        ]
        texts = pd.Series(
            [one if isinstance(one, str) else None for one in newer], index=self.users.index, dtype="str"
        )
        if "username" in self.users:
            texts = texts.fillna(self.users["username"])
        for place, others in self._shared(self._keys(texts)[self.active]).items():
            message = f"{texts.iloc[place]!r:.80} is the user name of {others} too"
            self._tell(place, "user_name_shared", "custom_attributes.username", message)

    def _keys(self, texts: pd.Series) -> pd.Series:
        keys = [address_key(one) for one in texts]
        return pd.Series(keys, index=texts.index, dtype="str")

    def _shared(self, keys: pd.Series) -> dict[int, str]:
        """Return the places of users who have a key in common with others of their directory, who are named."""
        keys = keys[keys.notna() & (keys.str.len() > 0)]
        homes = self.users["directory_id"].reindex(keys.index)
        whole = homes.fillna("") + "\n" + keys
        whole = whole[whole.duplicated(keep=False)]
        shared: dict[int, str] = {}
        for ids in whole.groupby(whole, sort=False).groups.values():
            places = self.users.index.get_indexer(ids)
            for place, user_id in zip(places, ids, strict=True):
                others = [str(one) for one in ids[:4] if one != user_id][:3]
                more = len(ids) - 1 - len(others)
                shared[int(place)] = ", ".join(others) + (f" and {more:,} more" if more else "")
        return dict(sorted(shared.items()))

    def names(self) -> None:
        """Find names that are missing, too long, or hold what no name holds."""
        columns = {name: self.users[name].tolist() for name in NAMES}
        for place, parts in enumerate(zip(*columns.values(), strict=True)):
            texts = {
                name: part
                for name, part in zip(NAMES, parts, strict=True)
                if isinstance(part, str) and part.strip()
            }
            missing = [name for name in NAMES[:2] if name not in texts]
            if missing:
                self._tell(place, "name_missing", missing[0], f"no {' and no '.join(missing)}")
            for name, text in texts.items():
                for rule, message in rulebook.oddities(text):
                    self._tell(place, rule, name, message)

    def text_booleans(self) -> None:
        """Find attributes that say true or false in text."""
        for place, held in enumerate(self.users["custom_attributes"]):
            for name, value in held.items() if isinstance(held, dict) else ():
                if isinstance(value, str) and len(value) < 6 and value.lower() in TEXT_BOOLEANS:
                    self._tell(place, "text_boolean", f"custom_attributes.{name}", f"{value!r} is text")

    # -- groups -----------------------------------------------------------------------------------------

    def group_names(self, groups: pd.DataFrame) -> None:
        """Find groups without a name, and names that several have."""
        names = groups["name"].tolist()
        homes = groups["directory_id"].fillna("").tolist()
        keys = [rulebook.folded(name) if isinstance(name, str) else "" for name in names]
        here: dict[tuple[str, str], list[int]] = {}
        for place, key in enumerate(keys):
            here.setdefault((homes[place], key), []).append(place)
        homes_of = Counter(key for _, key in here)
        for place, (group_id, name) in enumerate(zip(groups.index, names, strict=True)):
            tell = self.findings.of("group", group_id, _plain(name) if keys[place] else None)
            if not keys[place]:
                tell("group_name_missing", "name", "no name")
                continue
            twins = [str(groups.index[one]) for one in here[homes[place], keys[place]] if one != place]
            if twins:
                tell("group_name_repeated", "name", f"{name!r:.80} is the name of {', '.join(twins[:3])} too")
            elif homes_of[keys[place]] > 1:
                tell("group_name_elsewhere", "name", f"{name!r:.80} is a group of another directory too")
            for rule, message in rulebook.oddities(name):
                tell(rule, "name", message)

    def renamed(self, before: pd.DataFrame, groups: pd.DataFrame) -> None:
        """Find groups that had another name."""
        both = groups.index.intersection(before.index)
        for group_id, was, name in zip(both, before.loc[both, "name"], groups.loc[both, "name"], strict=True):
            if _plain(was) != _plain(name):
                tell = self.findings.of("group", group_id, _plain(name))
                tell("group_renamed", "name", f"it was {was!r:.80}")

    def members(
        self, groups: pd.DataFrame | None, memberships: pd.DataFrame | None, most_members: int
    ) -> tuple[pd.Series | None, pd.Series | None]:
        """Find memberships of nobody and in nothing, and groups that are empty or large; count both kinds."""
        if memberships is None:
            return None, None
        pairs = memberships[["user_id", "group_id"]].drop_duplicates()
        real = pairs["user_id"].isin(self.users.index)
        names = {} if groups is None else dict(zip(groups.index, groups["name"], strict=True))
        for user_id, group_id in pairs[~real].itertuples(index=False):
            tell = self.findings.of("member", group_id, _plain(names.get(group_id)))
            tell("member_unknown", "user_id", f"{user_id!r} is not in users")
        if groups is None:
            return None, None
        for group_id in pairs.loc[~pairs["group_id"].isin(groups.index), "group_id"].unique():
            tell = self.findings.of("member", group_id, None)
            tell("group_unknown", "group_id", f"{group_id!r} is not in groups")
        counts = pairs.loc[real, "group_id"].value_counts()
        self._sizes(groups, counts, pairs, most_members)
        return counts, pairs.loc[~real, "group_id"].value_counts()

    def _sizes(self, groups: pd.DataFrame, counts: pd.Series, pairs: pd.DataFrame, most_members: int) -> None:
        longest = int(pairs["user_id"].str.len().max() or 0) + MEMBER_BYTES if len(pairs) else 0
        sizes = counts.reindex(groups.index, fill_value=0).tolist()
        for group_id, name, size in zip(groups.index, groups["name"], sizes, strict=True):
            tell = self.findings.of("group", group_id, _plain(name))
            if not size:
                tell("group_empty", "members", "nobody is in it")
            if size > most_members:
                tell("group_large", "members", large(size))
            if size * longest > rulebook.MOST_BYTES:
                message = f"{size:,} members make a body of about {size * longest / 1_000:,.0f} kB"
                tell("group_body_too_large", "members", message)

    # -- the answer -------------------------------------------------------------------------------------

    def audit(self, groups: pd.DataFrame | None, members: pd.Series | None, dropped: pd.Series | None) -> Audit:
        """Put findings and verdicts together, in the order of the frames."""
        found, users = self.findings, self.users
        sources = users["address_source"].astype("str").map(_plain)
        judged = [
            (_plain(subject), found.verdict("user", user_id, has_address=isinstance(address, str)),
             _plain(address), source, found.count["user", user_id])
            for user_id, subject, address, source in zip(
                users.index, self.subject, users["address"], sources, strict=True)
        ]  # fmt: skip
        index = pd.Index([], dtype="str", name="group_id") if groups is None else groups.index
        names = [] if groups is None else groups["name"].tolist()
        counts = [
            [pd.NA] * len(index) if count is None else count.reindex(index, fill_value=0).tolist()
            for count in (members, dropped)
        ]
        pushed = [
            (_plain(name), found.verdict("group", group_id), here, lost, found.count["group", group_id])
            for group_id, name, here, lost in zip(index, names, *counts, strict=True)
        ]
        return Audit(
            found.frame(),
            rulebook.verdicts_frame(judged, users.index, rulebook.USER_COLUMNS),
            rulebook.verdicts_frame(pushed, index, rulebook.GROUP_COLUMNS),
        )


def _plain(value: Any) -> str | None:
    return value if isinstance(value, str) else None
