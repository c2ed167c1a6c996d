"""Declared columns and dtypes; API records to DataFrames.

Every frame has the same columns and dtypes whether it holds no rows, one, or a million. The index is the
object's id. What the API may add tomorrow goes into the column ``extra`` (a dict per row, or None), unknown
values of states and types are kept as they are, and nothing a record holds is dropped.

Dtypes: text is pandas ``str`` (ids with leading zeros and numbers that look like dates stay text); times are
``datetime64[us, UTC]``, the unit pandas reads ISO 8601 text into and wide enough for any year the format has;
counts are ``Int64``; states and types are ``category`` over what was seen.
"""

from __future__ import annotations

import json
import operator
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeGuard

import numpy as np
import pandas as pd

from . import errors
from .client import DSYNC_EVENTS, Receipt, Record

__all__ = [
    "DIRECTORY_COLUMNS",
    "EVENT_COLUMNS",
    "GROUP_COLUMNS",
    "MEMBERSHIP_COLUMNS",
    "ORGANIZATION_COLUMNS",
    "USER_COLUMNS",
    "Columns",
    "concat",
    "directories_frame",
    "emails_frame",
    "events_frame",
    "groups_frame",
    "organizations_frame",
    "receipts_frame",
    "require_complete",
    "spread_attributes",
    "users_frame",
]

TIME = "datetime64[us, UTC]"

ORGANIZATION_COLUMNS = {
    "name": "str",
    "external_id": "str",
    "domains": "object",  # tuple of domain names
    "domain_records": "object",  # the same as the API gives them
    "metadata": "object",
    "stripe_customer_id": "str",
    "allow_profiles_outside_organization": "boolean",  # deprecated by WorkOS
    "created_at": TIME,
    "updated_at": TIME,
    "extra": "object",
}

DIRECTORY_COLUMNS = {
    "name": "str",
    "type": "category",
    "state": "category",  # the API's words; "active" and "inactive" of events become linked and unlinked
    "organization_id": "str",
    "active_users": "Int64",
    "inactive_users": "Int64",
    "groups": "Int64",
    "domain": "str",  # deprecated by WorkOS
    "external_key": "str",
    "state_reported": "str",  # the word as it came
    "created_at": TIME,
    "updated_at": TIME,
    "extra": "object",
}

USER_COLUMNS = {
    "name": "str",
    "address": "str",  # the best e-mail address known, see `address_source`
    "address_source": "category",
    "state": "category",
    "email": "str",  # the primary address exactly as it came
    "first_name": "str",
    "last_name": "str",
    "role": "str",
    "roles": "object",  # tuple of slugs
    "idp_id": "str",
    "directory_id": "str",
    "organization_id": "str",
    "custom_attributes": "object",
    "job_title": "str",  # from here on deprecated by WorkOS: null or empty for most
    "username": "str",
    "emails": "object",
    "raw_attributes": "object",
    "groups": "object",  # never a source of memberships: empty for newer WorkOS teams
    "created_at": TIME,
    "updated_at": TIME,
    "extra": "object",
}

GROUP_COLUMNS = {
    "name": "str",
    "idp_id": "str",
    "directory_id": "str",
    "organization_id": "str",
    "raw_attributes": "object",  # deprecated by WorkOS
    "created_at": TIME,
    "updated_at": TIME,
    "extra": "object",
}

EVENT_COLUMNS = {
    "event": "category",
    "created_at": TIME,
    "directory_id": "str",
    "organization_id": "str",
    "user_id": "str",
    "user": "str",  # e-mail address or name of the user it is about
    "group_id": "str",
    "group": "str",  # name of the group it is about
    "previous_attributes": "object",
    "data": "object",
    "context": "object",
    "extra": "object",
}

MEMBERSHIP_COLUMNS = {"user_id": "str", "group_id": "str", "directory_id": "str"}

EVENT_STATES = {"active": "linked", "inactive": "unlinked"}  # the words of events for the API's
DIRECTORY_STATES = ("linked", "validating", "invalid_credentials", "unlinked", "deleting")
USER_STATES = ("active", "inactive", "suspended")
DIRECTORY_TYPES = (
    "azure scim v2.0",
    "bamboohr",
    "breathe hr",
    "cezanne hr",
    "cyberark scim v2.0",
    "fourth hr",
    "generic scim v2.0",
    "gsuite directory",
    "hibob",
    "jump cloud scim v2.0",
    "okta scim v2.0",
    "onelogin scim v2.0",
    "people hr",
    "personio",
    "pingfederate scim v2.0",
    "rippling scim v2.0",
    "sailpoint scim v2.0",
    "s3",
    "sftp",
    "sftp workday",
    "workday",
    "gusto",  # the last four only in events or in older data
    "rippling",
    "okta scim v1.1",
    "generic scim v1.1",
)

FOLD_AT = 10_000  # rows held as Python objects before they are packed into arrays

Page = Sequence[Record]


@dataclass(frozen=True)
class Table:
    """How records of one kind become a frame.

    Parameters
    ----------
    index
        Name of the index.
    object_name
        What the records call themselves in ``object``.
    columns
        Column name to dtype, in order.
    derived
        Functions from a page to further columns, each with the fields it uses up. All other columns are
        copied from the field of the same name.
    known
        Values that categories are known to have; others are noticed.
    shapes
        The form in which a used-up field is fully represented by its columns; in any other it is kept in
        ``extra`` as well.
    """

    index: str
    object_name: str
    columns: Mapping[str, str]
    derived: tuple[tuple[tuple[str, ...], Callable[[Page], dict[str, list[Any]]]], ...] = ()
    known: Mapping[str, Sequence[str]] = field(default_factory=dict)
    shapes: Mapping[str, Callable[[Any], bool]] = field(default_factory=dict)
    copied: tuple[str, ...] = field(init=False)
    fields: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        made = {name for _, derive in self.derived for name in derive(())}
        copied = [name for name in self.columns if name not in made and name != "extra"]
        used = {name for names, _ in self.derived for name in names}
        object.__setattr__(self, "copied", tuple(copied))
        object.__setattr__(self, "fields", frozenset({"id", "object", *copied, *used}))
        object.__setattr__(self, "shapes", {"object": partial(operator.eq, self.object_name), **self.shapes})


# Derived columns ----------------------------------------------------------------------------------------


def _directory_columns(page: Page) -> dict[str, list[Any]]:
    states, active, inactive, groups = [], [], [], []
    for record in page:
        state, counts = record.get("state"), _dict(record.get("metadata"))
        states.append({"active": "linked", "inactive": "unlinked"}.get(state, state) if _text(state) else state)
        users = _dict(counts.get("users"))
        active.append(_count(users.get("active")))
        inactive.append(_count(users.get("inactive")))
        groups.append(_count(counts.get("groups")))
    return {
        "state": states,
        "state_reported": [record.get("state") for record in page],
        "active_users": active,
        "inactive_users": inactive,
        "groups": groups,
    }


def _organization_columns(page: Page) -> dict[str, list[Any]]:
    lists = [_tuple(record.get("domains")) for record in page]
    names = [
        tuple(d["domain"] if isinstance(d, dict) else d for d in domains if _has_domain(d)) for domains in lists
    ]
    return {"domains": names, "domain_records": lists}


def _has_domain(entry: object) -> bool:
    return _text(entry.get("domain")) if isinstance(entry, dict) else _text(entry)


def _role_columns(page: Page) -> dict[str, list[Any]]:
    return {
        "role": [_slug(record.get("role")) for record in page],
        "roles": [tuple(_slug(role) for role in _tuple(record.get("roles"))) for record in page],
    }


def _address_columns(page: Page) -> dict[str, list[Any]]:
    pairs = [choose_address(record) for record in page]
    return {"address": [pair[0] for pair in pairs], "address_source": [pair[1] for pair in pairs]}


def choose_address(record: Mapping[str, Any]) -> tuple[str | None, str | None]:
    """Choose a user's e-mail address, and say where it stood; (None, None) when there is none.

    The order: ``email``; the ``emails`` among the custom attributes, then the deprecated ``emails`` (in each:
    the first primary entry, else the first of type work, else home, else the first); a ``username`` that is
    an address. Blank values are passed over and spaces around an address removed.
    """
    email = record.get("email")
    if isinstance(email, str) and (email := email.strip()):
        return email, "email"
    attributes = _dict(record.get("custom_attributes"))
    lists = {"custom_attributes.emails": attributes.get("emails"), "emails": record.get("emails")}
    for source, entries in lists.items():
        listed = [entry for entry in _tuple(entries) if isinstance(entry, dict) and _text(entry.get("value"))]
        for why, fits in _ADDRESS_CHOICE:
            for entry in listed:
                if fits(entry):
                    return entry["value"].strip(), f"{source} ({why})"
    for source, value in (
        ("custom_attributes.username", attributes.get("username")),
        ("username", record.get("username")),
    ):
        if _text(value) and looks_like_address(value.strip()):
            return value.strip(), source
    return None, None


_ADDRESS_CHOICE: tuple[tuple[str, Callable[[Mapping[str, Any]], bool]], ...] = (
    ("primary", lambda entry: entry.get("primary") is True),
    ("work", lambda entry: entry.get("type") == "work"),
    ("home", lambda entry: entry.get("type") == "home"),
    ("first", lambda entry: True),  # noqa: ARG005
)


def looks_like_address(text: str) -> bool:
    """Say whether a text has the shape of an e-mail address: one @, no spaces, a dot in the domain."""
    return re.fullmatch(r"[^@\s]+@[^@\s.]+(\.[^@\s.]+)+", text) is not None


def _event_columns(page: Page) -> dict[str, list[Any]]:
    columns: dict[str, list[Any]] = {
        name: []
        for name in (
            "directory_id",
            "organization_id",
            "user_id",
            "user",
            "group_id",
            "group",
            "previous_attributes",
        )
    }
    for record in page:
        for name, value in _event_subject(record).items():
            columns[name].append(value)
    return columns


def _event_subject(record: Record) -> dict[str, Any]:
    """Find which directory, user and group an event is about, wherever its kind of payload keeps them."""
    data, kind = _dict(record.get("data")), str(record.get("event"))
    user = _dict(data.get("user")) if "user" in data else data if kind.startswith("dsync.user.") else {}
    group = _dict(data.get("group")) if "group" in data else data if kind.startswith("dsync.group.") else {}
    if group is data and "user" in data:
        group = {}
    is_directory = kind in ("dsync.activated", "dsync.deleted", "dsync.deactivated")
    context = _dict(record.get("context"))
    return {
        "directory_id": data.get("id") if is_directory else data.get("directory_id"),
        "organization_id": data.get("organization_id")
        or user.get("organization_id")
        or group.get("organization_id"),
        "user_id": user.get("id"),
        "user": choose_address(user)[0] or user.get("name") or user.get("idp_id"),
        "group_id": group.get("id"),
        "group": group.get("name"),
        "previous_attributes": data.get("previous_attributes", context.get("previous_attributes")),
    }


def _text(value: object) -> TypeGuard[str]:
    return isinstance(value, str) and bool(value.strip())


def _dict(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _tuple(value: object) -> tuple[Any, ...]:
    # Tuples, since all empty ones are one object: a million users have three million empty lists otherwise.
    return tuple(value) if isinstance(value, list | tuple) else ()


def _slug(value: object) -> Any:
    return value.get("slug") if isinstance(value, dict) else value


def _count(value: object) -> int | None:
    whole = isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**63
    return value if whole else None  # type: ignore[return-value]


def _is_role(value: object) -> bool:
    return value is None or (isinstance(value, dict) and len(value) == 1 and isinstance(value.get("slug"), str))


def _is_user_and_group_counts(value: object) -> bool:
    users = value.get("users") if isinstance(value, dict) else None
    if not isinstance(users, dict) or not isinstance(value, dict):
        return value is None
    counts = [users.get("active"), users.get("inactive"), value.get("groups")]
    return value.keys() == {"users", "groups"} and len(users) == 2 and None not in map(_count, counts)


ORGANIZATIONS = Table(
    "organization_id",
    "organization",
    ORGANIZATION_COLUMNS,
    derived=((("domains",), _organization_columns),),
    shapes={"domains": lambda value: isinstance(value, list | None)},
)
DIRECTORIES = Table(
    "directory_id",
    "directory",
    DIRECTORY_COLUMNS,
    derived=((("state", "metadata"), _directory_columns),),
    known={"type": DIRECTORY_TYPES, "state": DIRECTORY_STATES},
    shapes={"metadata": _is_user_and_group_counts},
)
USERS = Table(
    "user_id",
    "directory_user",
    USER_COLUMNS,
    derived=(((), _address_columns), (("role", "roles"), _role_columns)),
    known={"state": USER_STATES},
    shapes={
        "role": _is_role,
        "roles": lambda value: value is None or (isinstance(value, list) and all(map(_is_role, value))),
    },
)
GROUPS = Table("group_id", "directory_group", GROUP_COLUMNS)
EVENTS = Table(
    "event_id", "event", EVENT_COLUMNS, derived=(((), _event_columns),), known={"event": DSYNC_EVENTS}
)


# Collecting and packing ---------------------------------------------------------------------------------


class Columns:
    """Collect pages of one kind into columns, and give the frame.

    Rows are packed into arrays every ``FOLD_AT`` rows, so that a long load holds the records of a few pages
    only. Rows that came twice are dropped when the frame is made; the later reading is kept.

    Attributes
    ----------
    notices
        One sentence for each thing about the rows that a reader should know.
    duplicates
        Rows dropped by the last call of :meth:`frame`.
    """

    def __init__(self, table: Table) -> None:
        self.table = table
        self.notices: list[str] = []
        self.duplicates = 0
        self._pages: list[Page] = []
        self._chunks: list[dict[str, Any]] = []

    def add(self, page: Page) -> None:
        """Add the records of one page.

        An interrupt at any point leaves whole pages: a page is kept by one step, packed into arrays aside, and
        at worst kept twice, which the check for repeated ids undoes.
        """
        self._pages.append(page)
        if sum(map(len, self._pages)) >= FOLD_AT:
            self._fold()

    def _fold(self) -> None:
        """Pack the kept pages into one chunk of arrays."""
        records = [record for page in self._pages for record in page]
        self._chunks.append(self._packed(records))
        self._pages = []

    def _packed(self, records: Page) -> dict[str, Any]:
        values: dict[str, list[Any]] = {"id": [record.get("id") for record in records]}
        for name in self.table.copied:
            values[name] = [record.get(name) for record in records]
        for _, derive in self.table.derived:
            values.update(derive(records))
        # Packing a column may find values that do not fit it, and moves the originals here.
        extra = values["extra"] = [self._extra(record) for record in records]
        dtypes = {"id": "str", **self.table.columns}
        return {name: self._pack(name, values[name], dtype, extra) for name, dtype in dtypes.items()}

    def _extra(self, record: Record) -> dict[str, Any] | None:
        """Give what no column holds: unknown fields, and known ones of an unexpected shape."""
        extra = {}
        if not self.table.fields.issuperset(record):
            extra = {name: value for name, value in record.items() if name not in self.table.fields}
        for name, fits in self.table.shapes.items():
            if name in record and not fits(record[name]):
                extra[name] = record[name]
        return extra or None

    def _pack(self, name: str, values: list[Any], dtype: str, extra: list[Any]) -> Any:
        if dtype in ("str", "category"):
            return self._pack_text(name, values, extra)
        if dtype == TIME:
            return self._pack_times(name, values, extra)
        if dtype == "boolean":
            self._keep_originals(name, [not isinstance(v, bool | None) for v in values], values, extra)
            return pd.array([v if isinstance(v, bool) else None for v in values], dtype="boolean")
        if dtype == "Int64":
            return pd.array(values, dtype="Int64")
        return pd.Series(values, dtype=object).to_numpy()

    def _pack_text(self, name: str, values: list[Any], extra: list[Any]) -> Any:
        if pd.api.types.infer_dtype(values, skipna=True) not in ("string", "empty"):
            self._keep_originals(name, [not isinstance(v, str | None) for v in values], values, extra)
            values = [v if isinstance(v, str | None) else json.dumps(v, ensure_ascii=False) for v in values]
        try:
            return pd.array(values, dtype="str")
        except UnicodeEncodeError:
            # JSON can spell half a surrogate pair, which no text encoding has; it is shown as its escape.
            self._note(f"{name}: some text holds broken characters, shown as \\ud800 and the like.")
            return pd.array([v and v.encode("utf-8", "backslashreplace").decode() for v in values], dtype="str")

    def _pack_times(self, name: str, values: list[Any], extra: list[Any]) -> Any:
        texts = [_to_the_microsecond(v) if isinstance(v, str) else None for v in values]
        times = pd.to_datetime(pd.Series(texts, dtype=object), utc=True, format="ISO8601", errors="coerce")
        times = times.dt.as_unit("us")
        odd = [row for row, text in enumerate(texts) if text is not None and not text.endswith("Z")]
        if any(_has_no_zone(str(texts[row])) for row in odd if not pd.isna(times[row])):
            self._note(f"{name}: some times came without a zone and were read as UTC.")
        lost = times.isna() & pd.Series([value is not None for value in values], dtype=bool)
        self._keep_originals(name, lost.tolist(), values, extra)
        return times.array

    def _keep_originals(self, name: str, misfits: list[bool], values: list[Any], extra: list[Any]) -> None:
        """Keep values that do not fit their column in ``extra``, so that nothing is lost."""
        if not any(misfits):
            return
        self._note(f"{name}: {sum(misfits):,} values of an unexpected kind; the originals are in `extra`.")
        for row, misfit in enumerate(misfits):
            if misfit and name in self.table.fields:
                extra[row] = {**(extra[row] or {}), name: values[row]}

    def _note(self, notice: str) -> None:
        if notice not in self.notices:
            self.notices.append(notice)

    def frame(self) -> pd.DataFrame:
        """Give everything collected so far as a frame with the declared columns and dtypes."""
        self._fold()
        packed = {name: _joined([chunk[name] for chunk in self._chunks]) for name in self._chunks[0]}
        self._chunks = [packed]
        index = pd.Index(packed["id"], name=self.table.index)
        # As Series of a stated dtype: from objects that happen to be text, pandas would make a text column.
        columns = {
            name: pd.Series(packed[name], index=index, dtype=object if dtype == "object" else None, copy=False)
            for name, dtype in self.table.columns.items()
        }
        frame = pd.DataFrame(columns, index=index, copy=False)
        repeated = np.asarray(index.duplicated(keep="last")) & np.asarray(index.notna())
        self.duplicates = int(repeated.sum())
        if self.duplicates:
            frame = frame[~repeated]
        for name, dtype in self.table.columns.items():
            if dtype == "category":
                frame[name] = _categorical(frame[name])
                self._question(name, frame[name].cat.categories)
        return frame

    def _question(self, name: str, seen: Iterable[str]) -> None:
        known = self.table.known.get(name)
        unknown = [value for value in seen if known and value not in known]
        if unknown:
            self._note(
                f"{name}: unknown to this version and kept as they are: {', '.join(map(repr, unknown))}."
            )


def _joined(chunks: list[Any]) -> Any:
    if len(chunks) == 1:
        return chunks[0]
    if isinstance(chunks[0], np.ndarray):
        return np.concatenate(chunks)
    return pd.concat([pd.Series(chunk, copy=False) for chunk in chunks], ignore_index=True).array


def _categorical(texts: pd.Series) -> pd.Series:
    """Make a category over what was seen; its categories are text even when nothing was."""
    categories = pd.Index(sorted(texts.dropna().unique()), dtype="str")
    return pd.Series(texts.astype(pd.CategoricalDtype(categories)))


def _to_the_microsecond(text: str) -> str:
    """Cut a finer fraction: one in nanoseconds would make pandas lose the far years of the whole column."""
    return re.sub(r"([.,]\d{6})\d+", r"\1", text) if len(text) > 27 else text


def _has_no_zone(text: str) -> bool:
    tail = text[10:]  # behind the date, whose hyphens look like an offset
    return "+" not in tail and "-" not in tail and not tail.endswith(("Z", "z"))


def _collected(table: Table, records: Iterable[Record]) -> pd.DataFrame:
    columns = Columns(table)
    columns.add(list(records))
    return columns.frame()


def organizations_frame(records: Iterable[Record]) -> pd.DataFrame:
    """Make one row per organization, indexed by ``organization_id``; columns: ``ORGANIZATION_COLUMNS``."""
    return _collected(ORGANIZATIONS, records)


def directories_frame(records: Iterable[Record]) -> pd.DataFrame:
    """Make one row per directory, indexed by ``directory_id``; columns: ``DIRECTORY_COLUMNS``."""
    return _collected(DIRECTORIES, records)


def users_frame(records: Iterable[Record]) -> pd.DataFrame:
    """Make one row per directory user, indexed by ``user_id``; columns: ``USER_COLUMNS``."""
    return _collected(USERS, records)


def groups_frame(records: Iterable[Record]) -> pd.DataFrame:
    """Make one row per directory group, indexed by ``group_id``; columns: ``GROUP_COLUMNS``."""
    return _collected(GROUPS, records)


def events_frame(records: Iterable[Record]) -> pd.DataFrame:
    """Make one row per event, indexed by ``event_id``; columns: ``EVENT_COLUMNS``."""
    return _collected(EVENTS, records)


# Working with frames ------------------------------------------------------------------------------------


def concat(frames: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """Put frames of one kind below each other, with the declared dtypes kept.

    ``pandas.concat`` turns categories that differ between frames into plain text; here they are united.
    A partial frame among them makes the whole one partial.
    """
    parts = list(frames)
    if not parts:
        raise errors.ArgumentError("concat needs at least one frame")
    names = list(dict.fromkeys(part.index.name for part in parts))
    if len(names) > 1:
        raise errors.ArgumentError(f"concat puts frames of one kind together; these are indexed by {names}")
    columns = list(dict.fromkeys(name for part in parts for name in part.columns))
    categories = [name for name in columns if any(_is_category(part, name) for part in parts)]
    plain = [part.astype({n: "str" for n in categories if _is_category(part, n)}) for part in parts]
    # Memberships have no index of their own: theirs is counted anew.
    whole = pd.concat(plain, ignore_index=names == [None])[columns]
    for name in categories:
        whole[name] = _categorical(whole[name].astype("str"))
    whole.index.name = names[0]
    reasons = [part.attrs["incomplete"] for part in parts if "incomplete" in part.attrs]
    whole.attrs = {"incomplete": reasons[0]} if reasons else {}
    return whole


def _is_category(frame: pd.DataFrame, name: str) -> bool:
    return name in frame and isinstance(frame[name].dtype, pd.CategoricalDtype)


def require_complete(frame: pd.DataFrame, purpose: str) -> pd.DataFrame:
    """Refuse a partial frame where only a whole one gives a true answer; else give it back.

    Raises
    ------
    IncompleteError
        The frame came from a load that broke.
    """
    if "incomplete" in frame.attrs:
        raise errors.IncompleteError(
            f"{purpose} needs whole frames, and this one is partial ({frame.attrs['incomplete']}). Load it "
            "again, or go on with resume=client.receipts[-1]."
        )
    return frame


def spread_attributes(users: pd.DataFrame, names: str | Sequence[str] | None = None) -> pd.DataFrame:
    """Give each custom attribute a column ``custom_attributes.<name>`` in place of the one that held them.

    Columns stand in the order in which the attributes are first seen. Texts become ``str``, whole numbers
    ``Int64``, other numbers ``Float64``, truth values ``boolean``; lists, objects and mixtures stay as
    they are.
    An attribute without data (null) and one that is not enabled (absent) are both missing here; the original
    frame tells them apart.

    Parameters
    ----------
    users
        A users frame.
    names
        Only this attribute, or these; the others are left out. Default: all.
    """
    names = [names] if isinstance(names, str) else names
    rows = [_dict(value) for value in users["custom_attributes"]]
    wanted = list(dict.fromkeys(name for row in rows for name in row)) if names is None else list(names)
    spread = {
        f"custom_attributes.{name}": typed_values([row.get(name) for row in rows], users.index)
        for name in wanted
    }
    kept = users.drop(columns=["custom_attributes", *[name for name in spread if name in users]])
    result = pd.concat([kept, pd.DataFrame(spread, index=users.index)], axis="columns")
    result.attrs = dict(users.attrs)
    return result


def typed_values(values: list[Any], index: pd.Index) -> pd.Series:
    """Make a Series of the one dtype that holds all values exactly; ``object`` where none does."""
    kinds = {type(value) for value in values if value is not None}
    dtype: Any = object
    if kinds == {str} or not kinds:
        dtype = "str"
    elif kinds == {bool}:
        dtype = "boolean"
    elif kinds == {int} and all(value is None or abs(value) < 2**63 for value in values):
        dtype = "Int64"
    elif kinds <= {int, float} and all(value is None or abs(value) <= 2**53 for value in values):
        dtype = "Float64"
    series: pd.Series
    try:
        series = pd.Series(values, index=index, dtype=dtype)
    except UnicodeEncodeError:
        series = pd.Series(values, index=index, dtype=object)
    return series


def emails_frame(users: pd.DataFrame) -> pd.DataFrame:
    """Make one row per known e-mail address of a user.

    Columns: ``user_id``, ``value``, ``type``, ``primary``, ``source``. ``primary`` is a nullable flag:
    "not primary" (False) and "unknown" (missing) are different answers.
    Addresses come from the custom attribute ``emails``, else from the deprecated field of that name.
    """
    rows = []
    for user_id, attributes, older in zip(
        users.index, users["custom_attributes"], users["emails"], strict=True
    ):
        newer = _dict(attributes).get("emails")
        source, entries = ("custom_attributes.emails", newer) if newer else ("emails", older)
        for entry in _tuple(entries):
            if isinstance(entry, dict):
                primary = entry.get("primary")
                flag = primary if isinstance(primary, bool) else None
                rows.append((user_id, entry.get("value"), entry.get("type"), flag, source))
    columns = {"user_id": "str", "value": "str", "type": "str", "primary": "boolean", "source": "str"}
    return pd.DataFrame(rows, columns=list(columns)).astype(columns)


def receipts_frame(receipts: Iterable[Receipt]) -> pd.DataFrame:
    """Make one row per load, in the order they ran: what was asked, what it cost, whether it is whole."""
    columns = {
        "endpoint": "str",
        "filters": "object",
        "requests": "Int64",
        "pages": "Int64",
        "rows": "Int64",
        "duplicates": "Int64",
        "seconds": "float64",
        "seconds_waited": "float64",
        "complete": "bool",
    }
    rows = [[getattr(receipt, name) for name in columns] for receipt in receipts]
    return pd.DataFrame(rows, columns=list(columns)).astype(columns)
