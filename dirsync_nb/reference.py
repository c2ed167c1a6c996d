"""The API reference as HTML pages, built from the docstrings: ``python -m dirsync_nb.reference``.

The pages need no server and fetch nothing: open ``index.html``. Needs the extra ``docs`` (pdoc).
"""

from __future__ import annotations

import argparse
import sys
from importlib import import_module
from pathlib import Path

import pandas as pd

import dirsync_nb as ds

from . import errors, extras

__all__ = ["build"]

_PAGES = (
    "dirsync_nb",
    "dirsync_nb.client",  # what connect() returns
    "dirsync_nb.frames",  # the columns of every frame
    "!dirsync_nb.sandbox.",  # behind one door each
    "!dirsync_nb.widgets.",
)


def build(folder: str | Path) -> Path:
    """Write the reference of every public name, one page a module.

    Parameters
    ----------
    folder
        Where to; made when missing. Pages that are there already are replaced.

    Returns
    -------
    pathlib.Path
        The page to open first.

    Raises
    ------
    MissingExtra
        pdoc is not installed.
    """
    extras.need("the reference", "docs", "pdoc")
    import pdoc
    from pdoc import render

    _resolve_names()
    render.configure(docformat="numpy", include_undocumented=False, show_source=False, footer_text="dirsync_nb")
    folder = Path(folder)
    pdoc.pdoc(*_PAGES, output_directory=folder)
    return folder / "dirsync_nb.html"


def _resolve_names() -> None:
    """Make what loads on demand visible to a tool that reads ``__dict__`` and evaluates annotations."""
    for name in ds.__all__:
        vars(ds)[name] = getattr(ds, name)
    for room in ("charts", "widgets"):
        import_module(f".{room}", "dirsync_nb")
    for kind in (getattr(ds.widgets, name) for name in ds.widgets.__all__):
        for trait in kind.class_own_traits().values() if hasattr(kind, "class_own_traits") else ():
            trait.__doc__ = ""  # else that of its type; the class says what each is
    if not hasattr(pd.Series, "__class_getitem__"):  # generic in its stubs only
        pd.Series.__class_getitem__ = classmethod(lambda cls, _: cls)  # type: ignore[attr-defined]


def main(argv: list[str] | None = None) -> int:
    """Build the pages and say where they are."""
    parser = argparse.ArgumentParser(prog="python -m dirsync_nb.reference", description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("build/reference"), help="(default: %(default)s)")
    try:
        page = build(parser.parse_args(argv).out)
    except errors.MissingExtra as problem:
        print(problem, file=sys.stderr)  # noqa: T201
        return 2
    print(f"The reference begins at {page}")  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
