"""The command ``check``, which needs nothing but Python, so that a hook is installed in no time."""

from __future__ import annotations

import argparse
from pathlib import Path

from .. import errors
from . import check

__all__ = ["DESCRIPTION", "HELP", "add_arguments", "main", "run", "seconds"]

HELP = "tell whether notebooks are fit to commit: nothing stale, no keys, nobody's address"
DESCRIPTION = (
    "Ends with 0 if there is nothing to change, 1 if there is, 2 if something cannot be read. "
    "The sandbox's own key is public and may stand in a notebook. What is found is never printed."
)


def add_arguments(look: argparse.ArgumentParser) -> None:
    """Describe the command."""
    add = look.add_argument
    add("paths", nargs="+", type=Path, metavar="PATH", help="notebooks, and folders of them")
    told = "take it out of outputs and metadata; what is sound stays, and sources"
    add("--fix", action="store_true", help=told)
    add("--json", action="store_true", help="say it for machines")
    add("--run", dest="execute", action="store_true", help="run each as well, on a sandbox, with no way out")
    add("--save", action="store_true", help="with --run: store what the run showed, without times")
    add("--timeout", type=seconds, default=120, help="seconds a cell may take (%(default)s)")
    kinds = sorted(check.KINDS)
    told = f"do not look for it; may come again: {', '.join(kinds)}"
    add("--skip", action="append", default=[], metavar="KIND", choices=kinds, help=told)
    add("--max-output", type=_kilobytes, default=200, metavar="KB", help="of one (%(default)s)")


def run(arguments: argparse.Namespace) -> int:
    """Look at notebooks; say one line for each thing to change.

    Raises
    ------
    ArgumentError
        Arguments that do not fit together.
    """
    if arguments.save and not arguments.execute:
        raise errors.ArgumentError("--save stores what a run showed; say --run as well")
    report = check.check(
        arguments.paths,
        skip=arguments.skip,
        large=arguments.max_output * 1000,
        mend=arguments.fix,
        timeout=arguments.timeout if arguments.execute else None,
        save=arguments.save,
    )
    print(report.to_json() if arguments.json else str(report), flush=True)  # noqa: T201
    return report.exit_code


def main() -> int:
    """Run the command as a program of its own."""
    parser = argparse.ArgumentParser(prog="dirsync-nb check", description=DESCRIPTION)
    add_arguments(parser)
    return run(parser.parse_args())


def seconds(text: str) -> int:
    """Read a whole number of seconds."""
    return _whole(text, "seconds")


def _kilobytes(text: str) -> int:
    return _whole(text, "kilobytes")


def _whole(text: str, unit: str) -> int:
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"must be a whole number of {unit} above 0; got {text!r}")
    return int(text)
