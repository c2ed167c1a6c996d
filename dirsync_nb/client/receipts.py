"""Receipts: what each load asked for, what it cost, how far it came."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from .transport import Traffic


@dataclass(repr=False)
class Receipt(Traffic):
    """What one load did.

    Attributes
    ----------
    endpoint, filters, order
        What was asked for, in the API's own names.
    requests, pages, rows
        Requests sent (retries included), pages read, distinct rows kept.
    duplicates
        Rows that came again and were dropped.
    waits
        Pauses, each with its cause ("pacing", "429", "503", "TimedOut" ...) and its seconds. Those of requests
        side by side are added up.
    seconds
        From start to end, waits included; a resumed load counts its own time only.
    complete
        Whether the list was read to its end.
    by_request
        Whether only a part of the list was asked for, with ``limit``, ``before`` or ``after``, and was given.
    cursor
        Resume point: where the next page begins, or None for the first.
    notices
        What a reader should know about the rows, one sentence each.
    details
        What only one kind of load has to tell.
    partial
        The frame of an incomplete load, else None.
    whole
        The frame of a complete load whose asker an interrupt kept from getting it, else None.

    Examples
    --------
    >>> _ = ds.load_groups(client, directories.index[0])
    >>> receipt = client.receipts[-1]
    >>> receipt.endpoint, receipt.rows == len(groups), receipt.complete
    ('/directory_groups', True, True)
    """

    endpoint: str = ""
    filters: dict[str, str] = field(default_factory=dict)
    order: str | None = None
    pages: int = 0
    rows: int = 0
    duplicates: int = 0
    seconds: float = 0.0
    complete: bool = False
    by_request: bool = False
    cursor: str | None = None
    notices: list[str] = field(default_factory=list)
    details: dict[str, Any] = field(default_factory=dict)
    partial: Any = None
    whole: Any = None
    within: bool = False
    """Whether it is of a part of a larger load, which has a receipt of its own."""
    so_far: Any = None
    """What a resumed load goes on with; for the loaders."""

    @property
    def asked(self) -> tuple[Any, ...]:
        """What was asked for: two receipts of the same load agree in it."""
        places = (self.details.get(name) for name in ("after", "before", "directories"))
        return self.endpoint, self.filters, self.order, *places

    @property
    def seconds_waited(self) -> float:
        """Seconds spent in pauses."""
        return sum(wait.seconds for wait in self.waits)

    @property
    def is_part(self) -> bool:
        """Whether a limit or a place in the list was given; events are always read from a place on."""
        names = {"limit"} if self.endpoint == "/events" else {"limit", "before", "after"}
        return not names.isdisjoint(self.details)

    @property
    def part(self) -> str:
        """What a part that was asked for holds, as frames and messages say it."""
        return f"{self.rows:,} {'row' if self.rows == 1 else 'rows'}, by request"

    def note(self, *notices: str) -> None:
        """Add notices that are not there yet."""
        self.notices += [notice for notice in notices if notice not in self.notices]

    def __repr__(self) -> str:
        asked = ", ".join(f"{name}={value}" for name, value in self.filters.items() if name != "events")
        parts = [
            self.part if self.by_request else f"{self.rows:,} rows",
            f"{self.pages:,} {'page' if self.pages == 1 else 'pages'}",
            f"{self.requests:,} {'request' if self.requests == 1 else 'requests'}",
            f"{self.seconds:.2f} s",
        ]
        if self.duplicates:
            parts.append(f"{self.duplicates:,} duplicates dropped")
        if self.waits:
            causes = ", ".join(sorted({wait.cause for wait in self.waits}))
            parts.append(f"waited {self.seconds_waited:.1f} s ({causes})")
        if cursors := self.details.get("list_metadata"):
            parts.append(f"list_metadata {cursors}")
        parts.append(
            "complete" if self.complete else "not the whole list" if self.by_request else "NOT complete"
        )
        return f"<Receipt {self.endpoint}{f' ({asked})' if asked else ''}: {', '.join(parts)}>"
