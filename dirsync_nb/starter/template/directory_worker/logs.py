"""Logs as one JSON object a line: what happened, counts and ids. No names, no addresses, no keys."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime

_log = logging.getLogger("directory_worker")


class _JsonLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        facts = getattr(record, "facts", {})
        return json.dumps({"at": at, "level": record.levelname, "what": record.msg, **facts})


def set_up() -> None:
    """Write this worker's own lines to standard error; other libraries stay as they are."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_JsonLines())
    _log.handlers = [handler]
    _log.setLevel(logging.INFO)
    _log.propagate = False


def say(what: str, **facts: str | float | None) -> None:
    """Log something that went as planned."""
    _log.info(what, extra={"facts": facts})


def warn(what: str, **facts: str | float | None) -> None:
    """Log something that somebody should look at."""
    _log.warning(what, extra={"facts": facts})


def failed(what: str, problem: BaseException) -> None:
    """Log a problem by its kind and status. Its text stays out: it may quote a person or an address."""
    status, request = getattr(problem, "status_code", None), getattr(problem, "request_id", None)
    warn(what, problem=type(problem).__name__, status=status, request_id=request)
