"""Build the site with Sphinx, from the pages here, the notebooks and what the code says of itself."""

from __future__ import annotations

import argparse
import io
import shutil
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from .. import errors, extras
from ..notebooks.tour import guided_notebooks
from .reference import fill_control_door, write_dictionary, write_reference

__all__ = ["build", "main"]

PAGES = Path(__file__).with_name("pages")


def build(folder: str | Path) -> Path:
    """Write the site, and return the page to open first.

    Parameters
    ----------
    folder
        Where to; made when missing. Pages that are there already are replaced.

    Raises
    ------
    MissingExtra
        Sphinx is not installed: the extra ``docs`` brings it.
    ConfigurationError
        A page does not build: a link that leads nowhere, a name that is not there.
    """
    extras.need("the site", "docs", "sphinx", "myst_nb", "furo")
    from sphinx.application import Sphinx

    folder = Path(folder).resolve()
    with TemporaryDirectory(prefix="dirsync-site-") as work:
        source = Path(work) / "source"
        shutil.copytree(PAGES, source)
        shutil.copytree(guided_notebooks()[0].parent, source / "notebooks", ignore=_hidden)
        write_reference(source)
        write_dictionary(source)
        fill_control_door(source)
        said = io.StringIO()
        app = Sphinx(source, source, folder, Path(work) / "doctrees", "html", status=None, warning=said)
        app.build()
    if said.getvalue().strip():
        raise errors.ConfigurationError(f"the site has faults:\n{said.getvalue().strip()}")
    return folder / "index.html"


def _hidden(_folder: str, names: list[str]) -> list[str]:
    return [name for name in names if name.startswith(".")]


def main(argv: list[str] | None = None) -> int:
    """Build the pages and say where they are."""
    parser = argparse.ArgumentParser(prog="python -m dirsync_nb.site", description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("build/site"), help="(default: %(default)s)")
    try:
        page = build(parser.parse_args(argv).out)
    except errors.ConfigurationError as problem:
        print(problem, file=sys.stderr)  # noqa: T201
        return 2
    print(f"The site begins at {page}")  # noqa: T201
    return 0
