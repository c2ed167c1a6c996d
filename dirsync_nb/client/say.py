"""Words to a person: in a notebook, or on standard error, since standard output may be the data itself."""

from __future__ import annotations

import contextlib
import sys
from typing import Any


def ipython_shell() -> Any:
    """Return the shell of a notebook or of IPython, else None; a plain script does not import it."""
    ipython = sys.modules.get("IPython")
    return None if ipython is None else ipython.get_ipython()


def kernel_shell() -> Any:
    """Return IPython's shell when a kernel runs it, else None."""
    shell = ipython_shell()
    return shell if getattr(shell, "kernel", None) is not None else None


def say(line: str) -> None:
    """Say a line. A stream that is closed, not there at all, or without the letters, ends nothing."""
    stream = sys.stderr if ipython_shell() is None else sys.stdout
    with contextlib.suppress(OSError, ValueError, AttributeError):
        encoding = getattr(stream, "encoding", None) or "utf-8"
        stream.write(line.encode(encoding, "backslashreplace").decode(encoding) + "\n")
        stream.flush()
