"""Whether a service looks at the filters of a list: by what rows show, and by one question where they do not.

A server that ignores a filter, as some that stand in for WorkOS do, answers with rows that were not asked for.
What a row tells beyond doubt ends the load at once. A text that a row does not seem to fit may be the service's
own idea of a match, and no row tells whose group it was listed for: such a filter is asked about once by a
client, with a value that fits nothing. Whoever looks at it then has nothing to give.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from .. import errors
from .context import LoadContext, Record, doing_of
from .endpoints import DSYNC_EVENTS
from .receipts import Receipt

NOBODY = "zqxjkvwp-0"  # fits no name, and with an ending no address and no domain
MOST_QUESTIONS = 10  # in a row answered with an empty page that leads on
SPARE = timedelta(seconds=1)  # whether ends of a range are inclusive is not documented
LONG_BEFORE = timedelta(hours=1)  # between the time in an id and that of its event
CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
TO_BASE_32 = str.maketrans(CROCKFORD, "0123456789ABCDEFGHIJKLMNOPQRSTUV")

Fits = Callable[[Record, str], bool]
"""Whether a row fits the value of a filter, or does not say."""


class FilterCheck:
    """Looks at each page of a list for rows that were not asked for.

    Parameters
    ----------
    context, receipt
        What the list is read with, and what was asked for.
    """

    def __init__(self, context: LoadContext, receipt: Receipt) -> None:
        self._context, self._receipt = context, receipt
        self._asked: set[str] = set()
        self._homes: set[str] = set()
        filters = receipt.filters
        names = [name for name in filters if name != "events" or filters[name] != ",".join(DSYNC_EVENTS)]
        self._certain = {name: CERTAIN[name] for name in names if name in CERTAIN}
        self._likely = {name: LIKELY[name] for name in names if name in LIKELY}
        self._owner = next((name for name in ("group", "user") if name in filters), None)
        self._place = receipt.details.get("after", receipt.details.get("before"))

    def look(self, page: list[Record]) -> None:
        """Refuse a page that holds rows that were not asked for.

        Raises
        ------
        FilterIgnored
            The service did not look at a filter.
        """
        filters = self._receipt.filters
        for name, fits in self._certain.items():
            found = next((row for row in page if not fits(row, filters[name])), None)
            if found is not None:
                raise self.ignored(name, f"{_seen(name, found)} came for {filters[name]}")
        for name, fits in self._likely.items():
            if name not in self._asked and not all(fits(row, filters[name]) for row in page):
                self.ask(name, page)
        if self._owner is not None and page:
            self._look_at_homes(self._owner, page)

    def _look_at_homes(self, owner: str, page: list[Record]) -> None:
        """Refuse rows of several directories for one group or user; ask where rows of one came."""
        self._homes |= {home for row in page if isinstance(home := row.get("directory_id"), str)}
        if len(self._homes) > 1:
            raise self.ignored(owner, f"rows of several directories came for one {owner}")
        if owner not in self._asked and not self._receipt.within:
            self.ask(owner, page)

    def behind_place(self, page: list[Record]) -> list[Record]:
        """Return what of a page stands behind the row that was named as the place to begin.

        Raises
        ------
        FilterIgnored
            That row comes later, or what came is older: the list was read from somewhere else.
        """
        if self._place is None or not page:
            return page
        name = "after" if "after" in self._receipt.details else "before"
        ids = [row.get("id") for row in page]
        if self._place in ids and self._receipt.pages:
            raise self.ignored(name, f"the row {self._place} itself came, after others")
        place = time_in_id(self._place) if self._receipt.endpoint == "/events" else None
        last = time_of(page[-1])
        newest_first = self._receipt.details.get("newest_first")
        if place and last and last < place - LONG_BEFORE and not newest_first:
            raise self.ignored(name, f"events of {last:%Y-%m-%d %H:%M} came for one of {place:%Y-%m-%d %H:%M}")
        return page[ids.index(self._place) + 1 :] if self._place in ids else page

    def ask(self, name: str, page: list[Record] | None = None) -> None:
        """Ask for what fits nobody, and refuse a service that gives rows all the same.

        Parameters
        ----------
        name
            The filter, by its name on the wire.
        page
            Rows that came for it.
        """
        self._asked.add(name)
        told = f"{self._receipt.endpoint} {name}"
        with self._context.asking:  # the others wait for the answer, which is theirs too
            if told in self._context.looked_at:
                return
            came = self._rows_for_nobody(name, self._nobody(name, page or []))
            if came:
                raise self.ignored(
                    name, f"what came for {self._receipt.filters.get(name)} also comes for nothing"
                )
            if came is False:
                self._context.looked_at.add(told)

    def _nobody(self, name: str, page: list[Record]) -> str:
        """Return a value that nothing fits: for a group or a user, an id of another kind that there is."""
        if name in ("group", "user"):
            homes = (row["directory_id"] for row in page if isinstance(row.get("directory_id"), str))
            return self._receipt.filters.get("directory") or next(homes, NOBODY)
        endings = {"email": "@example.invalid", "domain": ".invalid", "domains": ".invalid"}
        return NOBODY + endings.get(name, "")

    def _rows_for_nobody(self, name: str, nobody: str) -> bool | None:
        """Whether rows come for what fits nobody; None where that could not be told."""
        cursors: list[str | None] = [None]
        for _ in range(MOST_QUESTIONS):
            extra = {name: nobody} | ({} if cursors[-1] is None else {"after": cursors[-1]})
            try:
                found, metadata = self._context.page(self._receipt, extra, limit=1)
            except (errors.BadRequest, errors.Forbidden, errors.NotFound, errors.Unprocessable):
                return False
            except errors.ServerFailure:
                self._receipt.note(f"Whether the service looks at the filter {name!r} could not be told.")
                return None
            if found:
                return True
            if metadata.get("after") in cursors:
                return False
            cursors.append(metadata.get("after"))
        return False

    def ignored(self, name: str, seen: str) -> errors.FilterIgnored:
        """Return the error for a filter that the service did not look at."""
        return errors.FilterIgnored(
            f"{doing_of(self._receipt)}: {self._context.transport.base_url} did not look at the filter "
            f"{name!r}: {seen}. Its answer would hold rows that were not asked for. Is it the WorkOS API, or "
            "something in its place?"
        )


# What rows show -----------------------------------------------------------------------------------------


def _same(field: str) -> Fits:
    return lambda row, wanted: not isinstance(row.get(field), str) or row[field] == wanted


def _among(field: str) -> Fits:
    return lambda row, wanted: not isinstance(row.get(field), str) or row[field] in wanted.split(",")


def _organizations(row: Record) -> Iterator[Any]:
    """Yield the organizations of a row: that of a directory, or those in an event."""
    data = row.get("data")
    parts = [row, data, *(data.get(part) for part in ("user", "group"))] if isinstance(data, Mapping) else [row]
    for part in parts:
        if isinstance(part, Mapping):
            yield part.get("organization_id")


def _of_organization(row: Record, wanted: str) -> bool:
    return all(one == wanted for one in _organizations(row) if isinstance(one, str))


def _not_before(row: Record, wanted: str) -> bool:
    moment = time_of(row)
    return moment is None or moment >= datetime.fromisoformat(wanted) - SPARE


def _not_after(row: Record, wanted: str) -> bool:
    moment = time_of(row)
    return moment is None or moment <= datetime.fromisoformat(wanted) + SPARE


def _has_address(row: Record, wanted: str) -> bool:
    attributes = row.get("custom_attributes")
    more = [row.get("emails"), attributes.get("emails") if isinstance(attributes, Mapping) else None]
    listed = [one.get("value") for many in more for one in _objects(many)]
    return _folded(wanted) in map(_folded, [row.get("email"), *listed])


def _has_domain(row: Record, wanted: str) -> bool:
    held = {_folded(row.get("domain")), *(_folded(one.get("domain")) for one in _objects(row.get("domains")))}
    return not held.isdisjoint(map(_folded, wanted.split(",")))


def _is_named(row: Record, wanted: str) -> bool:
    return _folded(wanted) in _folded(row.get("name"))


def _objects(value: object) -> Iterator[Mapping[str, Any]]:
    yield from (one for one in (value if isinstance(value, list) else ()) if isinstance(one, Mapping))


def _folded(value: object) -> str:
    return value.strip().casefold() if isinstance(value, str) else ""


CERTAIN: dict[str, Fits] = {
    "directory": _same("directory_id"),
    "idp_id": _same("idp_id"),
    "statuses": _among("status"),
    "organization_id": _of_organization,
    "user_id": _same("user_id"),
    "organization_membership_id": _same("organization_membership_id"),
    "workos_group_id": _same("group_id"),
    "events": _among("event"),
    "range_start": _not_before,
    "range_end": _not_after,
}
"""Filters that every row shows itself to fit, or says nothing about."""

LIKELY: dict[str, Fits] = {
    "email": _has_address,
    "search": _is_named,
    "domain": _has_domain,
    "domains": _has_domain,
}
"""Filters that a row may fit by a rule of the service's own."""

FIELDS = {
    "statuses": "status",
    "directory": "directory_id",
    "events": "event",
    "range_start": "created_at",
    "range_end": "created_at",
}


def _seen(name: str, row: Record) -> str:
    field = FIELDS.get(name, name)
    value = next((one for one in _organizations(row) if isinstance(one, str)), None)
    return f"a row of {field} {value if name == 'organization_id' else row.get(field)}"


def time_of(record: Record) -> datetime | None:
    """Return when a record says it was created; None where it does not."""
    try:
        moment = datetime.fromisoformat(str(record.get("created_at")))
    except ValueError:
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment


def time_in_id(object_id: str) -> datetime | None:
    """Read the time that an id carries in its first ten characters, if it is a ULID."""
    tail = object_id.rpartition("_")[2].upper()
    if len(tail) != 26 or not set(tail) <= set(CROCKFORD):
        return None
    milliseconds = int(tail[:10].translate(TO_BASE_32), 32)
    try:
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=milliseconds)
    except OverflowError:
        return None
