"""Run the sandbox by itself: ``python -m dirsync_nb.sandbox``."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from typing import TYPE_CHECKING, Any

from .sandbox import Sandbox
from .seeding.seed import has_name

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


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
    made.add_argument("--default-order", choices=("normal", "desc", "asc"), default="normal")
    made.add_argument("--strict", action="store_true", help="refuse unknown query parameters")
    made.add_argument(
        "--scim-profile",
        choices=("workos", "lenient", "strict", "naive-total"),
        default="workos",
        help="what the SCIM door lets pass (default: %(default)s)",
    )
    made.add_argument(
        "--play", nargs="?", const="a day at Acme", metavar="NAME", help='play a scenario ("a day at Acme")'
    )
    made.add_argument(
        "--world",
        default="harbour",
        metavar="NAME|FILE",
        help="harbour, okta, empty, fleet:5000x1000, or a file: YAML, an export of people, a snapshot, a fleet "
        "or what ds.save_world wrote (default: %(default)s)",
    )
    made.add_argument("--people", action="append", metavar="FILE", help="an export instead; may come again")
    made.add_argument(
        "--groups", action="append", default=[], metavar="FILE", help="memberships to go with --people"
    )
    made.add_argument("--provider", metavar="NAME", help="of --people: okta, entra, google ...")
    made.add_argument("--company", metavar="NAME", help="of --people")
    made.add_argument(
        "--roles", choices=("multiple", "single"), default="single", help="of users in several mapped groups"
    )
    made.add_argument(
        "--environment",
        action="append",
        default=[],
        metavar="NAME",
        help="one more environment, behind the key sk_test_NAME; may be repeated",
    )
    made.add_argument(
        "--clock",
        choices=("now", "fixed"),
        default="now",
        help="whether its story ends today and time passes, or on 3 August 2026 (default: %(default)s)",
    )
    made.add_argument(
        "--default-mappings",
        choices=("last", "ranked"),
        default="last",
        help="what a group without a mapping counts for (default: %(default)s)",
    )
    made.add_argument(
        "--removals",
        choices=("none", "before", "after", "doubled"),
        default="none",
        help="removals from groups that are told when a user or group is deleted (default: %(default)s)",
    )
    made.add_argument(
        "--webhook-writes", action="store_true", help="let the API write /webhook_endpoints, as an SDK does"
    )
    made.add_argument(
        "--allow-host",
        dest="allow_hosts",
        action="append",
        default=[],
        metavar="NAME",
        help="a further name to answer to, such as that of a container; may be repeated",
    )
    made.add_argument("--database", help="a file to keep the sandbox in")
    return made


def _add_environments(sandbox: Sandbox, names: list[str]) -> str:
    """Add environments, and return a line for each to print."""
    made = [sandbox.add_environment(name) for name in names]
    return "".join(f"environment {one.name}: {one.api_key} (seed {one.seed})\n" for one in made)


def _take_world(asked: argparse.Namespace, world_asked_for: Callable[..., Any] | None) -> None:
    """Put the world that is meant in the place of the options that ask for it."""
    people = {name: vars(asked).pop(name) for name in ("people", "groups", "provider", "company")}
    if world_asked_for is not None and (any(people.values()) or not has_name(asked.world)):
        asked.world = world_asked_for(asked.world, **people)
    elif any(people.values()):
        raise ValueError("people are read by the command dirsync-nb sandbox")


def _perform(sandbox: Sandbox, scenario: str) -> bool:
    """Play a scenario and print its scenes; return whether there is such a one."""
    try:
        scenes = sandbox.play(scenario)
    except (ValueError, ImportError) as error:
        sys.stderr.write(f"dirsync-nb sandbox: {error}\n")
        return False
    for scene in scenes:
        events = ", ".join(f"{count} {name.removeprefix('dsync.')}" for name, count in scene["events"].items())
        sys.stdout.write(f"{scene['at'][11:16]}  {scene['who']}: {scene['what']} ({events})\n")
    sys.stdout.flush()
    return True


def main(argv: Sequence[str] | None = None, world_asked_for: Callable[..., Any] | None = None) -> int:
    """Serve until Ctrl-C or SIGTERM; return the exit code.

    The sandbox knows no frames, of which snapshots are made: ``world_asked_for`` reads those, and exports too.
    """
    arguments = parser().parse_args(argv)
    scenario, names = vars(arguments).pop("play"), vars(arguments).pop("environment")
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    sandbox = None
    try:
        _take_world(arguments, world_asked_for)
        sandbox = Sandbox(**vars(arguments)).start()
        environments = _add_environments(sandbox, names)
    except (OSError, ValueError, ImportError) as error:
        sys.stderr.write(f"dirsync-nb sandbox: {error}\n")
        if sandbox is not None:
            sandbox.stop()
        return 2
    with sandbox:
        sys.stdout.write(
            f"Sandbox of WorkOS Directory Sync, seed {sandbox.seed}: {sandbox.url}\n\n"
            f"export WORKOS_BASE_URL={sandbox.url}\n"
            f"export WORKOS_API_KEY={sandbox.api_key}\n\n" + environments + "Ctrl-C ends it.\n"
        )
        sys.stdout.flush()
        if scenario is not None and not _perform(sandbox, scenario):
            return 2
        while not stop.wait(0.5):  # in slices: an endless wait cannot be interrupted on Windows
            pass
    return 0


if __name__ == "__main__":
    sys.exit(main())
