"""The command ``drift``, for cron and CI: 0 where app and directories agree, 1 where not, 2 if in doubt."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from .. import errors

__all__ = ["add_arguments", "run"]

VARIABLE = "APP_DATABASE_URL"


def add_arguments(watch: argparse.ArgumentParser) -> None:
    """Describe the command."""
    watch.description = (
        "Reads the app's table, the directories and the last 30 days of events; changes nothing. Ends with 0 "
        "if they agree, 1 if they do not, 2 if that cannot be told."
    )
    add = watch.add_argument
    add(
        "--app",
        default=os.environ.get(VARIABLE, ""),
        metavar="URL",
        help=f"the app's database, such as sqlite:///app.db (default: ${VARIABLE}, where no one else sees it)",
    )
    add("--table", help="of its users (default: users, or the only one)")
    add("--on", default="email", metavar="A,B=C", help="columns that find people, strongest first")
    add("--fields", default="", metavar="A,B=C", help="columns to keep in line; B=C: the app's B is our C")
    add("--active", metavar="COLUMN", help="the app's column that says who may sign in")
    add("--directory", action="append", metavar="ID", help="may come again (default: all there are)")
    add(
        "--snapshot",
        type=Path,
        metavar="FILE",
        help="what the app was in line with: tells what is newer",
    )
    add("--html", type=Path, metavar="FILE", help="write a page; it names people")
    add("--json", type=Path, metavar="FILE", help="write it for a program; it names people")


def run(arguments: argparse.Namespace) -> int:
    """Look for drift; print the counts, and nobody's name."""
    from ..connect import connect
    from ..sync import open_snapshot
    from .database import load_app_users
    from .drift import find_drift

    try:
        if not arguments.app:
            raise errors.ArgumentError(
                f"--app or {VARIABLE} says where the app's database is: sqlite:///app.db"
            )
        found = find_drift(
            connect(),
            load_app_users(arguments.app, table=arguments.table),
            directory_id=arguments.directory,
            snapshot=None if arguments.snapshot is None else open_snapshot(arguments.snapshot),
            on=_columns(arguments.on),
            fields=_columns(arguments.fields),
            active=arguments.active,
        )
        for path, write in ((arguments.html, found.to_html), (arguments.json, found.to_json)):
            if path is not None:
                write(path)
    except (errors.DirsyncError, OSError) as why:
        print(f"dirsync-nb drift: {why}", file=sys.stderr)  # noqa: T201
        return 2
    print(found, flush=True)  # noqa: T201
    return 1 if len(found) else 0


def _columns(text: str) -> dict[str, str]:
    """Read ``a,b=c`` as the app's columns with those of the directory."""
    pairs = [part.strip().partition("=") for part in text.split(",") if part.strip()]
    return {ours.strip(): theirs.strip() or ours.strip() for ours, _, theirs in pairs}
