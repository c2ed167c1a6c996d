"""Run the sandbox by itself: ``python -m dirsync_nb.sandbox``."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from typing import TYPE_CHECKING, Any, get_args

from .directory.recorder import InactivePolicy, Removals
from .directory.roles import DefaultMappings, RoleMode
from .sandbox import Sandbox
from .scim.profiles import Profile
from .seeding.seed import has_name

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


def parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    made = argparse.ArgumentParser(
        prog="dirsync-nb sandbox", description="Serve an invented WorkOS Directory Sync on this machine."
    )
    add = made.add_argument
    add("--host", default="127.0.0.1")
    add("--port", type=int, default=8787, help="0 lets the system choose (default: %(default)s)")
    add("--seed", type=int, default=1, help="same seed, same people and ids (default: %(default)s)")
    add("--users", type=int, help="how many users the Okta directory has (default: 260)")
    add("--team", choices=("new", "legacy"), default="new", help="from after or before May 2026")
    policies = get_args(InactivePolicy)
    add("--inactive-policy", choices=policies, default="delete", help="what becomes of deactivated users")
    add("--limits", action="store_true", help="enforce the rate limits")
    add("--default-order", choices=("normal", "desc", "asc"), default="normal")
    add("--strict", action="store_true", help="refuse unknown query parameters")
    told = "what the SCIM door lets pass (default: %(default)s)"
    add("--scim-profile", choices=get_args(Profile), default="workos", help=told)
    add("--play", nargs="?", const="a day at Acme", metavar="NAME", help='play a scenario ("a day at Acme")')
    add(
        "--world",
        default="harbour",
        metavar="NAME|FILE",
        help="harbour, okta, empty, fleet:5000x1000, or a file: YAML, an export of people, a snapshot, a fleet "
        "or what ds.save_world wrote (default: %(default)s)",
    )
    add("--people", action="append", metavar="FILE", help="an export instead; may come again")
    add("--groups", action="append", default=[], metavar="FILE", help="memberships to go with --people")
    add("--provider", metavar="NAME", help="of --people: okta, entra, google ...")
    add("--company", metavar="NAME", help="of --people")
    add("--roles", choices=get_args(RoleMode), default="single", help="of users in several mapped groups")
    told = "one more environment, behind the key sk_test_NAME; may be repeated"
    add("--environment", action="append", default=[], metavar="NAME", help=told)
    told = "whether its story ends today and time passes, or on 3 August 2026 (default: %(default)s)"
    add("--clock", choices=("now", "fixed"), default="now", help=told)
    mappings, told = (
        get_args(DefaultMappings),
        "what a group without a mapping counts for (default: %(default)s)",
    )
    add("--default-mappings", choices=mappings, default="last", help=told)
    told = "removals from groups that are told when a user or group is deleted (default: %(default)s)"
    add("--removals", choices=get_args(Removals), default="none", help=told)
    add("--webhook-writes", action="store_true", help="let the API write /webhook_endpoints, as an SDK does")
    told = "a further name to answer to, such as that of a container; may be repeated"
    add("--allow-host", dest="allow_hosts", action="append", default=[], metavar="NAME", help=told)
    add("--database", help="a file to keep the sandbox in")
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
