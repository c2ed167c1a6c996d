"""What an audit looks for and how it answers: the table of rules, findings, verdicts.

Each rule says where it comes from and how sure that is: ``documented`` by WorkOS, ``inferred`` from what it
documents, or ``assumed`` here.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

import pandas as pd

from ... import errors
from ...analysis.identity import invisible_in, without_invisible
from ...frames.tools import rows_frame
from ...text import plural

LEVELS = ("reject", "warning", "note")
VERDICTS = ("pass", "pass with note", "warning", "accepted without primary address", "reject")
"""From the best to the worst; a row has the worst that any of its findings gives it."""

FINDING_COLUMNS = {
    "about": "category",  # user, group or member
    "row": "object",  # its label in what was handed in: a position, an index label, an id
    "subject": "str",  # user name, address or name, to recognise it by
    "level": "category",
    "rule": "category",
    "field": "str",
    "message": "str",
    "remedy": "str",
}
USER_COLUMNS = {
    "subject": "str",
    "verdict": "category",
    "address": "str",  # the primary address it has, or would have
    "address_source": "str",
    "findings": "Int64",
}
COLUMN_COLUMNS = {"read_as": "str", "understood": "bool"}
GROUP_COLUMNS = {
    "subject": "str",
    "verdict": "category",
    "members": "Int64",  # those that are, or would be, in it
    "dropped": "Int64",  # those nobody knows
    "findings": "Int64",
}

# Joiners, with which some scripts and emoji are written, and what "control_characters" looks for.
_MARKS = [range(0x20), range(0x7F, 0xA0), range(0x200C, 0x2010), range(0x202A, 0x202F), range(0x2066, 0x206A)]
_MARKS += [range(0xFE00, 0xFE10), range(0xE0020, 0xE0080)]
NAME_MARKS = frozenset(f"U+{code:04X}" for some in _MARKS for code in some)

LONGEST_ADDRESS, LONGEST_LOCAL_PART = 254, 64
LONGEST_NAME = 255
MOST_BYTES = 2_000_000
MOST_MEMBERS = 10_000

_ADDRESS = re.compile(r"[^@\s,;<>\"]+@[^@\s,;<>\".]+(\.[^@\s,;<>\".]+)+")
# They break lines, or turn the direction of writing.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


_SCIM = "WorkOS SCIM requirements"


@dataclass(frozen=True)
class Rule:
    """One thing an audit looks for.

    Attributes
    ----------
    level
        ``reject``: the service refuses the row. ``warning``: it is taken, and something is lost or will clash.
        ``note``: worth knowing.
    says
        What must be so.
    remedy
        What to do about it.
    source, sure
        Where the rule comes from, and how sure it is.
    """

    name: str
    level: str
    says: str
    remedy: str
    source: str = _SCIM
    sure: str = "documented"


_RULES = (
    # What is sent
    ("not_json", "reject", "Everything in a row can be written as JSON.",
     "Send plain text, numbers, true and false."),
    ("body_too_large", "reject", "A body has at most 2,000 kB.",
     "Send members in several PATCH requests; leave pictures and certificates out."),
    ("body_may_be_too_large", "warning", "A body has at most 2,000 kB however it is written.",
     "Write JSON compactly, or send less at once.", _SCIM, "inferred"),
    ("null_value", "reject", "No value is null.", "Leave the field out."),
    ("wrong_type", "reject", "Every field has the type SCIM gives it.", "Send the type named in the message."),
    ("active_not_boolean", "reject", "`active` is true or false, not text, in POST and PUT.",
     "Send true or false without quotation marks; at Entra ID use the flag aadOptscim062020."),
    ("created_inactive", "reject", "Nobody is created inactive, unless inactive users are kept.",
     "Leave inactive people out, or ask WorkOS to keep inactive users."),
    # Users
    ("user_name_missing", "reject", "A user has a user name.", "Map a field that everybody has to userName."),
    ("user_name_taken", "reject", "A user name is unique in the directory, ignoring case.",
     "Send one of the two, or give one another user name."),
    ("user_name_alike", "warning", "User names differ in more than spaces.",
     "Trim user names at the provider.", "this library", "assumed"),
    ("address_missing", "reject", "A user has an address, or a user name that is one.",
     "Fill the mail field (at Entra ID map userPrincipalName to the work e-mail), or leave the account out."),
    ("address_taken", "reject", "No two active users share an address.",
     "Give a shared mailbox to one person only, or deactivate the other."),
    ("address_malformed", "warning", "An address has the form of one; else the user has no primary address.",
     "Correct the address at the provider."),
    ("address_unmarked", "warning", "One address is primary, or for work or home; else the user has none.",
     "Mark one address as primary, or give it the type work."),
    ("address_too_long", "warning", "An address has at most 254 characters, 64 of them before the @.",
     "Use a shorter address: mail servers refuse this one.", "RFC 5321", "assumed"),
    ("address_from_user_name", "note", "The user name stands in where there is no address.",
     "Fine as long as mail to the user name arrives."),
    ("several_primaries", "note", "One address is primary; of several the first counts.",
     "Mark only one.", _SCIM, "inferred"),
    ("external_id_malformed", "warning",
     "While a directory is set up, externalId is the provider's own id: at Okta 20 characters from 00u on, at "
     "Entra ID a GUID. WorkOS may refuse others.",
     "At Okta map the user's id (user.getInternalProperty(\"id\")) to externalId; at Entra ID map objectId to "
     "externalId in place of mailNickname. Check that the directory's type is the true one.",
     "WorkOS SCIM requirements, September 2026", "documented"),
    ("invisible_characters", "warning", "Nothing holds characters that nobody sees, such as U+200B.",
     "Retype the field at the provider: pasted text often brings them along.", "this library", "assumed"),
    ("address_alike", "warning", "Addresses differ in characters that are seen.",
     "Retype the address at the provider: to a mail server these are two.", "this library", "assumed"),
    ("manager_not_object", "reject", "The manager is an object with a value, not a bare id.",
     "At Entra ID: Provisioning, Mappings, Provision users: delete the mapping of manager, or map it to "
     "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value; then restart provisioning.",
     _SCIM, "inferred"),
    ("external_id_taken", "warning", "The provider's id belongs to one person.",
     "Map an id that never changes and is used once, such as the object id.", "idp_id is the join key",
     "assumed"),
    ("name_missing", "warning", "A user has a first and a last name; WorkOS notes an error and goes on.",
     "Fill both names at the provider."),
    ("name_too_long", "note", "A name has at most 255 characters.",
     "Check that your own column is long enough.", "this library", "assumed"),
    ("control_characters", "warning", "Names hold no control or direction characters.",
     "Retype the name at the provider.", "this library", "assumed"),
    ("outer_spaces", "note", "Names begin and end with a letter, not with a space.",
     "Trim the field at the provider.", "this library", "assumed"),
    # Groups
    ("group_name_missing", "reject", "A group has a name.", "Give the group a name."),
    ("group_identity_taken", "reject",
     "A group's identity (externalId, else its name; at Okta its name) is unique, also against former names.",
     "Rename the group, or push the older one again."),
    ("group_name_repeated", "warning", "Group names differ in more than case and spaces.",
     "Rename one of them, and key on ids, not on names.", "names are not unique", "documented"),
    ("group_name_elsewhere", "note", "A group name is used in one directory.",
     "Show the directory beside the name, and key on ids.", "names are not unique", "documented"),
    ("group_renamed", "note", "A group keeps its name.",
     "Key on the WorkOS id: at Okta the idp_id changed with the name. The old name stays taken.",
     "Okta: a group's idp_id is its display name", "documented"),
    ("group_empty", "note", "A group has members.", "Nothing to do if it is meant to be empty.",
     "this library", "assumed"),
    ("group_large", "note", "A group has no more members than asked for.",
     "Expect a slow first load: 100 members a page, 4 pages a second.", "rate limits", "documented"),
    ("group_body_too_large", "warning", "All members of a group fit into one body of 2,000 kB.",
     "A provider that writes whole groups (PUT) will be refused: have it send changes (PATCH).", _SCIM,
     "inferred"),
    ("member_without_value", "reject", "Every member has a value, the id of a user.",
     "Send the id the service gave the user as `value`.", _SCIM, "inferred"),
    ("member_unknown", "warning", "Every member is a user of the directory; others are dropped in silence.",
     "Provision the user first (or assign it to the application), then write the group again."),
    ("group_unknown", "warning", "Every membership is of a known group.",
     "Load groups and memberships again, of the same directory.", "this library", "assumed"),
    # What a directory holds
    ("no_address", "warning", "A user in the directory has an address.",
     "Nobody can be invited or matched without one: fill the mail field at the provider.", "User attributes",
     "documented"),
    ("address_fallback", "note", "The address is the primary one.",
     "See address_source; ask the provider to mark one address as primary.", "this library", "assumed"),
    ("user_name_shared", "warning", "A user name is unique in a directory, ignoring case and what nobody sees.",
     "Find out which account is the person's; the service refuses the second one when it is sent again."),
    ("address_shared", "warning", "No two active users of a directory share an address.",
     "Find out which account is the person's; match on ids."),
    ("person_twice", "note", "One person has one record.",
     "Take the active record: a provider that renames makes a second one. See diff_users.",
     "Okta: a new user name makes a new record", "inferred"),
    ("text_boolean", "note", "True and false are no text.",
     "Compare with the text, or map a real boolean: bool('False') is True.", "Entra ID sends \"False\"",
     "documented"),
)  # fmt: skip

RULES = {row[0]: Rule(*row) for row in _RULES}


def rules() -> pd.DataFrame:
    """Describe the rules: one row per rule, with level, what it says, remedy, source and how sure it is.

    Examples
    --------
    >>> ds.audit.rules().index.name
    'rule'
    """
    frame = pd.DataFrame([asdict(rule) for rule in RULES.values()], dtype="str")
    frame["level"] = pd.Categorical(frame["level"], categories=list(LEVELS))
    return frame.rename(columns={"name": "rule"}).set_index("rule")


def is_address(text: str) -> bool:
    """Return whether a text has the form of an e-mail address; what makes one malformed is not documented."""
    return _ADDRESS.fullmatch(text.strip()) is not None


def is_too_long(address: str) -> bool:
    """Return whether mail servers refuse an address for its length."""
    return len(address) > LONGEST_ADDRESS or len(address.rpartition("@")[0]) > LONGEST_LOCAL_PART


def folded(text: str) -> str:
    """Return a text without what people do not see as a difference: case, spaces, invisible characters."""
    return " ".join(without_invisible(" ".join(text.split())).split()).casefold()


def unseen(text: str, *, joiners: bool = False) -> list[str]:
    """Name the characters of a text that nobody sees; in names, joiners and marks have their place."""
    return [one for one in invisible_in(text) if not (joiners and one.split()[0] in NAME_MARKS)]


def oddities(text: str) -> Iterator[tuple[str, str]]:
    """Find what no name holds: by which rule, and in words."""
    if len(text) > LONGEST_NAME:
        yield "name_too_long", f"{len(text):,} characters"
    if hidden := unseen(text, joiners=True):
        yield "invisible_characters", f"{', '.join(hidden)} in {text!r:.80}"
    if _CONTROL.search(text):
        yield "control_characters", f"{text!r:.80}"
    elif text != text.strip() and text.strip():
        yield "outer_spaces", f"{text!r:.80}"


# Collecting -----------------------------------------------------------------------------------------------


Tell = Callable[[str, str, str], None]
"""Adds a finding about one row: by which rule, in which field, in which words."""


@dataclass
class Findings:
    """Collect findings, and remember the worst of each row."""

    rows: list[tuple[str, Any, str | None, str, str, str, str, str]] = field(default_factory=list)
    worst: Counter[tuple[str, Any]] = field(default_factory=Counter)
    count: Counter[tuple[str, Any]] = field(default_factory=Counter)

    def of(self, about: str, row: Any, subject: str | None) -> Tell:
        """Return what adds a finding about one row."""
        key = ("group" if about == "member" else about, row)

        def tell(rule: str, where: str, message: str) -> None:
            known = RULES[rule]
            self.rows.append((about, row, subject, known.level, rule, where, message, known.remedy))
            self.count[key] += 1
            self.worst[key] = max(self.worst[key], {"note": 1, "warning": 2, "reject": 4}[known.level])

        return tell

    def verdict(self, about: str, row: Any, *, has_address: bool = True) -> str:
        """Return the verdict on a row, once everything about it is told."""
        worst = self.worst[about, row]
        return VERDICTS[worst if has_address or worst == 4 else 3]

    def frame(self) -> pd.DataFrame:
        """Return the findings, one row each, in the order told."""
        about = ("user", "group", "member")
        frame = rows_frame(self.rows, FINDING_COLUMNS, about=about, level=LEVELS, rule=tuple(RULES))
        return frame.assign(level=frame["level"].cat.as_ordered())


def verdicts_frame(rows: Iterable[tuple[Any, ...]], index: pd.Index, columns: dict[str, str]) -> pd.DataFrame:
    """Make a frame of verdicts with declared columns, one row per row that was looked at."""
    frame = rows_frame(rows, columns, index, verdict=VERDICTS)
    return frame.assign(verdict=frame["verdict"].cat.as_ordered())


@dataclass(frozen=True, repr=False)
class Audit:
    """What an audit found. Nothing was changed or sent.

    Attributes
    ----------
    findings
        One row per finding, see ``FINDING_COLUMNS``.
    users, groups
        One row per user and group that was looked at, with its verdict; see ``USER_COLUMNS`` and
        ``GROUP_COLUMNS``.
    columns
        Of users handed in as a frame, one row per column: the SCIM field it was read as, and whether it was
        understood. A rule about a field that no column was read as is not applied.

    Examples
    --------
    >>> found = ds.audit.check_directory(users, groups, memberships)
    >>> list(found.findings)[:3]
    ['about', 'row', 'subject']
    """

    findings: pd.DataFrame
    users: pd.DataFrame
    groups: pd.DataFrame
    columns: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=list(COLUMN_COLUMNS)))

    @property
    def counts(self) -> dict[str, int]:
        """How many users have each verdict."""
        found = self.users["verdict"].value_counts()
        return {verdict: int(found.get(verdict, 0)) for verdict in VERDICTS}

    def __getitem__(self, level: str) -> pd.DataFrame:
        """Return the findings of one level."""
        if level not in LEVELS:
            raise errors.ArgumentError(f"a level is one of {', '.join(LEVELS)}; got {level!r}")
        return self.findings[self.findings["level"] == level]

    @property
    def sentence(self) -> str:
        """The audit in plain words."""
        told = [f"{count:,} {verdict}" for verdict, count in self.counts.items() if count]
        users = f"{plural(len(self.users), 'user')}: {', '.join(told)}." if told else "No users."
        rejected = int((self.groups["verdict"] == "reject").sum())
        groups = plural(len(self.groups), "group") + (f": {rejected:,} reject" if rejected else "")
        found = self.findings["rule"].value_counts()
        most = ", ".join(f"{name} {count:,}" for name, count in found[found > 0].head(4).items())
        whole = f"{users} {groups}. {plural(len(self.findings), 'finding')}{f' ({most})' if most else ''}."
        odd = list(self.columns.index[~self.columns["understood"].astype(bool)])
        return whole + (f" Columns not understood, and not read: {', '.join(odd)}." if odd else "")

    def __repr__(self) -> str:
        return self.sentence
