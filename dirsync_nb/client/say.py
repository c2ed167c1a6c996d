"""Words to a person: in a notebook, or on standard error, since standard output may be the data itself."""

from __future__ import annotations

import contextlib
import sys

__all__ = ["in_ipython", "say"]


def in_ipython() -> bool:
    """Return whether this is a notebook or an IPython shell."""
    ipython = sys.modules.get("IPython")
    return ipython is not None and ipython.get_ipython() is not None


def say(line: str) -> None:
    """Say a line. A stream that is closed, not there at all, or without the letters, ends nothing."""
    stream = sys.stdout if in_ipython() else sys.stderr
    with contextlib.suppress(OSError, ValueError, AttributeError):
        encoding = getattr(stream, "encoding", None) or "utf-8"
        stream.write(line.encode(encoding, "backslashreplace").decode(encoding) + "\n")
        stream.flush()
