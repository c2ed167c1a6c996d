"""Run the sandbox by itself: ``python -m dirsync_nb.sandbox``."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from typing import TYPE_CHECKING

from .sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Sequence


def parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    made = argparse.ArgumentParser(
        prog="dirsync-nb sandbox", description="Serve an invented WorkOS Directory Sync on this machine."
    )
    made.add_argument("--host", default="127.0.0.1")
    made.add_argument("--port", type=int, default=8787, help="0 lets the system choose (default: %(default)s)")
    made.add_argument(
        "--seed", type=int, default=1, help="same seed, same people and ids (default: %(default)s)"
    )
    made.add_argument("--users", type=int, help="how many users the Okta directory has (default: 260)")
    made.add_argument("--team", choices=("new", "legacy"), default="new", help="from after or before May 2026")
    made.add_argument(
        "--inactive-policy",
        choices=("delete", "keep"),
        default="delete",
        help="what becomes of deactivated users",
    )
    made.add_argument("--limits", action="store_true", help="enforce the rate limits")
    made.add_argument("--default-order", choices=("desc", "asc", "normal"), default="desc")
    made.add_argument("--strict", action="store_true", help="refuse unknown query parameters")
    made.add_argument("--database", help="a file to keep the sandbox in")
    return made


def main(argv: Sequence[str] | None = None) -> int:
    """Serve until Ctrl-C or SIGTERM; give the exit code."""
    arguments = parser().parse_args(argv)
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    try:
        sandbox = Sandbox(**vars(arguments)).start()
    except (OSError, ValueError) as error:
        sys.stderr.write(f"dirsync-nb sandbox: {error}\n")
        return 2
    with sandbox:
        sys.stdout.write(
            f"Sandbox of WorkOS Directory Sync, seed {sandbox.seed}: {sandbox.url}\n\n"
            f"export WORKOS_BASE_URL={sandbox.url}\n"
            f"export WORKOS_API_KEY={sandbox.api_key}\n\n"
            "Ctrl-C ends it.\n"
        )
        sys.stdout.flush()
        while not stop.wait(0.5):  # in slices: an endless wait cannot be interrupted on Windows
            pass
    return 0


if __name__ == "__main__":
    sys.exit(main())
