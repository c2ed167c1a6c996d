"""Every exception of the toolkit, as one tree.

::

    DirsyncError
    ├── ArgumentError          a wrong call, found before anything was sent (also a ValueError)
    │   ├── UnknownFilter          a keyword that the call does not have (also a TypeError)
    │   └── FileTooLarge           a file that would take more memory than there is for it
    ├── ReadOnlyError          a verb other than GET, refused before a socket opens
    ├── ConfigurationError     no usable key or server address
    │   └── MissingExtra       something optional is not installed (also an ImportError)
    ├── IncompleteError        a partial frame was given where a whole one is needed
    ├── FileInUse              another program holds a file that is to be written or removed (also an OSError)
    └── LoadError              talking to the service did not end well
        ├── ApiError           the service answered with a status that is not 200
        │   ├── BadRequest         400
        │   ├── NotAuthorized      401
        │   ├── Forbidden          403
        │   ├── NotFound           404
        │   ├── Unprocessable      422
        │   ├── RateLimited        429
        │   ├── ServerFailure      5xx
        │   └── NotTheApi          a proxy, web filter or login page answered in its place
        ├── ConnectionFailed   no answer: refused, reset, no such host, bad certificate
        │   └── TimedOut           no answer in time
        ├── BadPayload         an answer that is not what the API promises
        │   ├── CursorStuck        cursors that lead nowhere
        │   ├── FilterIgnored      rows that were not asked for
        │   └── AnswerTooLarge     more bytes than a page can have
        ├── CapReached         more rows or pages than the caller allowed
        └── DirectoriesFailed  some of many directories; it names each with its reason

Five more live where they are raised: ``sync.LostPlace`` (a LoadError), ``snapshot.DamagedSnapshot``,
``guard.TooManyGone``, of it ``comparison.TooManyDeactivations``, and ``webhooks.InvalidSignature``.

Every error answers the same three questions as fields: ``status_code`` (None without an answer),
``retry_after`` (seconds the service asked us to wait, or None) and ``retryable`` (may the same call succeed
later, unchanged?). Where a load broke, ``partial`` holds the frame of the rows that were read, and
``receipt`` the log entry that ``resume=`` takes.
"""

from __future__ import annotations

import os
import traceback
from typing import Any

__all__ = [
    "AnswerTooLarge",
    "ApiError",
    "ArgumentError",
    "BadPayload",
    "BadRequest",
    "CapReached",
    "ConfigurationError",
    "ConnectionFailed",
    "CursorStuck",
    "DirectoriesFailed",
    "DirsyncError",
    "FileInUse",
    "FileTooLarge",
    "FilterIgnored",
    "Forbidden",
    "IncompleteError",
    "LoadError",
    "MissingExtra",
    "NotAuthorized",
    "NotFound",
    "NotTheApi",
    "RateLimited",
    "ReadOnlyError",
    "ServerFailure",
    "TimedOut",
    "UnknownFilter",
    "Unprocessable",
]


# What comes of reading something of another shape than was written, in a file that anybody may have made.
MISSHAPEN = (ValueError, LookupError, TypeError, AttributeError, OverflowError, RecursionError)


class DirsyncError(Exception):
    """Root of the tree: catch this to catch everything the toolkit raises on purpose.

    Examples
    --------
    >>> try:
    ...     ds.load_users(client, "org_01JXAK96C00TQVVWS8Z49WM0BV")
    ... except ds.DirsyncError as problem:
    ...     print(type(problem).__name__, problem.retryable)
    ArgumentError False
    """

    status_code: int | None = None
    retry_after: float | None = None
    retryable: bool = False
    partial: Any = None
    receipt: Any = None
    _shown: bool = False

    def __str__(self) -> str:
        """Return the message, and where the rows already read can be found."""
        message = _printable(super().__str__())
        if self.partial is None or not len(self.partial):  # nothing that resuming could save
            return message
        return f"{message}\n{kept_rows(len(self.partial))}"

    def _render_traceback_(self) -> list[str]:
        """Return what IPython shows: one's own line and what is wrong; asked again (``%tb``), all of it."""
        told, self._shown = self._shown, True
        if told:
            return traceback.format_exception(self)
        return [*own_line(self), f"{type(self).__name__}: {self}", "", TRACEBACK]

    def __reduce__(self) -> tuple[Any, ...]:
        """Travel between processes whole, but for the rows and the receipt, which stay where they are."""
        kept = {
            name: value for name, value in vars(self).items() if name not in ("partial", "receipt", "_shown")
        }
        return _rebuilt, (type(self), self.args, kept)


TRACEBACK = "(%tb shows where in the toolkit it was raised)"


def kept_rows(count: int) -> str:
    """Say of a load that ended early where its rows are, and how to go on."""
    return (
        f"{count:,} rows were read and are kept, marked incomplete: client.receipts[-1].partial. To go on from "
        "there, call again with resume=client.receipts[-1]."
    )


def own_line(problem: BaseException) -> list[str]:
    """Return a person's own line that led to an exception: that of a cell, else the last outside of here."""
    every = traceback.extract_tb(problem.__traceback__)
    calls = [call for call in every if not call.filename.startswith(_PACKAGE)]
    cell = next((call for call in reversed(calls) if _is_cell(call.filename)), calls[-1] if calls else None)
    if cell is None or not cell.line:
        return []
    where = "" if _is_cell(cell.filename) else f"{cell.filename}, "
    return [f"{where}line {cell.lineno}: {cell.line}", ""]


_PACKAGE = os.path.dirname(__file__)  # noqa: PTH120 (a prefix of file names, as tracebacks have them)


def _is_cell(filename: str) -> bool:
    """Return whether a file is a cell of a notebook or of an IPython shell."""
    return "ipykernel_" in filename or filename.startswith("<ipython-input")


def _printable(message: str) -> str:
    """Return a message that does nothing to a terminal, whoever's text it quotes."""
    return "".join(c if c.isprintable() or c in "\n\t" else "\N{REPLACEMENT CHARACTER}" for c in message)


def _rebuilt(kind: type[DirsyncError], args: tuple[Any, ...], fields: dict[str, Any]) -> DirsyncError:
    error = kind.__new__(kind, *args)
    vars(error).update(fields)
    return error


class ArgumentError(DirsyncError, ValueError):
    """A call that cannot be right, refused before anything was sent."""


class UnknownFilter(ArgumentError, TypeError):
    """A keyword that the call does not have; the message lists those it has."""


class ReadOnlyError(DirsyncError):
    """A verb other than GET; the toolkit never changes a directory."""


class ConfigurationError(DirsyncError):
    """No usable key or server address."""


class MissingExtra(ConfigurationError, ImportError):
    """Something that an extra of the package brings is not installed; the message says how to get it."""


class IncompleteError(DirsyncError):
    """A partial frame, given where only a whole one gives a true answer."""


class FileInUse(DirsyncError, OSError):
    """A file that is to be written or removed is held open by another program, as Windows has it."""


class LoadError(DirsyncError):
    """Talking to the service did not end well."""


class ApiError(LoadError):
    """The service answered with a status that is not 200.

    Parameters
    ----------
    message
        What we were doing, what came back, what to do next.
    status_code
        HTTP status of the answer.
    code
        The API's own word for it (``entity_not_found``), or None.
    request_id
        The answer's ``X-Request-Id``, which WorkOS support asks for.
    retry_after
        Seconds the service asked us to wait, or None.
    entity_id
        Of a 404: the id of what there is not, or None where the answer names none.
    """

    def __init__(
        self,
        message: str,
        *,
        status_code: int,
        code: str | None = None,
        request_id: str | None = None,
        retry_after: float | None = None,
        entity_id: str | None = None,
    ) -> None:
        super().__init__(message)
        self.status_code = status_code
        self.code = code
        self.request_id = request_id
        self.retry_after = retry_after
        self.entity_id = entity_id


class BadRequest(ApiError):
    """400: the service cannot make sense of the request."""


class NotAuthorized(ApiError):
    """401: the key is missing, mistyped or withdrawn."""


class Forbidden(ApiError):
    """403: the key is known but may not read this."""


class NotFound(ApiError):
    """404: no such object in this environment."""


class Unprocessable(ApiError):
    """422: a parameter is missing or out of range."""


class RateLimited(ApiError):
    """429, more often or for longer than the retry policy waits."""

    retryable = True


class ServerFailure(ApiError):
    """5xx, after every retry."""

    retryable = True


class NotTheApi(ApiError):
    """A proxy, web filter, captive portal or login page answered in place of the API."""


class ConnectionFailed(LoadError):
    """No answer: the connection was refused, reset, or never made."""

    retryable = True


class TimedOut(ConnectionFailed):
    """No answer in time."""


class BadPayload(LoadError):
    """An answer that is not what the API promises: cut short, not JSON, or of another shape."""


class CursorStuck(BadPayload):
    """Cursors that lead nowhere: back to a page already read, on to the same rows, or over empty pages."""


class FilterIgnored(BadPayload):
    """The service gave rows that were not asked for: it did not look at a filter."""


class AnswerTooLarge(BadPayload):
    """An answer of more bytes than a page of the API can have."""


class CapReached(LoadError):
    """The list is longer than ``max_rows`` or ``max_pages`` allowed."""


class FileTooLarge(ArgumentError):
    """A file of more than this machine has room for; a small one can say the same a million times."""


class DirectoriesFailed(LoadError):
    """Some of many directories could not be loaded; all others were.

    Parameters
    ----------
    failures
        The error of each directory that failed, by id.
    asked
        How many directories were to be loaded.

    Attributes
    ----------
    failures
        As given. Each error has the ``receipt`` that resumes its directory alone.
    """

    def __init__(self, failures: dict[str, DirsyncError], asked: int) -> None:
        reasons = [
            f"{name}: {problem.args[0] if problem.args else problem}" for name, problem in failures.items()
        ]
        shown = reasons[:10] + ([f"and {len(reasons) - 10:,} more, see .failures"] if len(reasons) > 10 else [])
        super().__init__("\n- ".join([f"{len(failures):,} of {asked:,} directories failed:", *shown]))
        self.failures = failures
        self.asked = asked
        self.retryable = all(problem.retryable for problem in failures.values())
