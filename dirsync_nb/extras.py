"""What of this package is installed, and the line that installs the rest.

The package is in no index yet, so that ``pip install dirsync_nb`` finds nothing: a line to type names the
clone, the wheel or the git address that this copy was installed from.
"""

from __future__ import annotations

import json
from importlib.metadata import PackageNotFoundError, distribution
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

from . import errors

__all__ = ["SOURCE", "install", "need", "requirement", "version"]

# Where the package is had by whoever has no clone and no wheel. On the day of publishing this becomes
# "dirsync_nb", and nothing else in the code changes; a test then names the lines of the README that follow.
SOURCE = "dirsync_nb @ git+https://GIT_ADDRESS"


def need(what: str, extra: str, *modules: str) -> None:
    """Refuse what cannot be done without modules that an extra brings, before anything else is done.

    Parameters
    ----------
    what
        What cannot be done, as the beginning of a sentence.
    extra
        The extra that brings the modules.
    modules
        Names to import.

    Raises
    ------
    MissingExtra
        One of the modules is not installed.
    """
    missing = " and ".join(name.partition(".")[0] for name in modules if not _is_there(name))
    if missing:
        raise errors.MissingExtra(
            f"{what} needs {missing}, which is not installed; the extra {extra!r} brings it: {install(extra)}"
        )


def install(extra: str) -> str:
    """Return the command that adds an extra to this installation."""
    return f"pip install {requirement(extra)}"


def requirement(extra: str = "") -> str:
    """Return what to give to pip for this package, from where this copy came from.

    A clone, a wheel and a git address are told by what the installer wrote down. Else, for example where the
    wheel is gone, it is the name with the extra: with the package installed, pip looks for the libraries alone.
    """
    wanted = f"[{extra}]" if extra else ""
    try:
        written = distribution("dirsync_nb").read_text("direct_url.json")
    except PackageNotFoundError:  # a clone that nobody installed
        return f'-e "{Path(__file__).parents[1]}{wanted}"'
    origin: dict[str, Any] = json.loads(written or "{}")
    if git := origin.get("vcs_info"):
        return f'"dirsync_nb{wanted} @ {git["vcs"]}+{origin["url"]}@{git["commit_id"]}"'
    address = urlsplit(origin.get("url", ""))
    place = url2pathname(address.path) if address.scheme == "file" else ""
    if not place or not Path(place).exists():
        return f'"dirsync_nb{wanted}"' if extra else f'"{SOURCE}"'
    editable = "-e " if origin.get("dir_info", {}).get("editable") else ""
    return f'{editable}"{place}{wanted}"'


def version() -> str:
    """Return the version of this package."""
    try:
        return distribution("dirsync_nb").version
    except PackageNotFoundError:
        return "0+not.installed"


def _is_there(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except (ImportError, ValueError):
        return False
