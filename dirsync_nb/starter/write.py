"""A sync worker to begin with: typed, tested, on the official SDK and SQLAlchemy, written to a folder."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import errors

if TYPE_CHECKING:
    from .own_table import OwnTable

__all__ = ["write_files", "write_starter"]

FILES = Path(__file__).parent / "template"
LEFT_OUT = ("__pycache__", "*.pyc", "*.egg-info", ".mypy_cache", ".pytest_cache", ".ruff_cache")


def write_starter(
    folder: str | Path,
    *,
    table: str | None = None,
    url: str | None = None,
    columns: Mapping[str, str] | None = None,
    status_words: Mapping[Any, bool] | None = None,
    defaults: Mapping[str, Any] | None = None,
) -> list[Path]:
    """Write the starter to a folder that is new or empty, and give its files, relative to it.

    It is a project of its own; its ``README.md`` says how to install, test and run it. It does not need
    dirsync_nb except to be tested. With ``url`` its worker keeps your own table of users too; the table is read
    now and written by nobody until that worker runs.

    Parameters
    ----------
    folder
        New or empty.
    url, table
        Your database and its table, as for :func:`dirsync_nb.load_app_users`; without ``url`` the worker keeps
        its own tables only.
    columns, status_words, defaults
        What was not recognised, by hand; see :func:`dirsync_nb.starter.read_own_table`.

    Raises
    ------
    ArgumentError
        The folder holds something, is a file, or cannot be written; something about the table is to be said.
        Nothing is written then.
    ConfigurationError
        The database cannot be reached, has no such table, or cannot be written.

    Examples
    --------
    >>> paths = ds.write_starter("directory-worker")
    >>> "README.md" in [path.name for path in paths]
    True
    """
    require_empty(folder)
    if url is None:
        if table or columns or status_words or defaults:
            raise errors.ArgumentError("url= says in which database the table is: sqlite:///app.db")
        return write_files(folder)
    from .own_table import read_own_table  # with pandas, which the project alone does not need

    own = read_own_table(url, table, columns=columns, status_words=status_words, defaults=defaults)
    return write_files(folder, own)


def require_empty(folder: str | Path) -> None:
    """Refuse a folder that holds something."""
    target = Path(folder)
    if target.exists() and not target.is_dir():
        raise errors.ArgumentError(f"{target} is a file; name a folder")
    if target.exists() and any(target.iterdir()):
        raise errors.ArgumentError(
            f"{target} is not empty, and nothing in it is overwritten: name a new folder"
        )


def write_files(folder: str | Path, own: OwnTable | None = None) -> list[Path]:
    """Write the project, for a table that was read where there is one."""
    require_empty(folder)
    target = Path(folder)
    names = sorted(path.relative_to(FILES) for path in FILES.rglob("*") if path.is_file())
    names = [name for name in names if not any(fnmatch(part, one) for part in name.parts for one in LEFT_OUT)]
    try:
        for name in names:  # by content: an installation that is read-only makes no file read-only
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            (target / name).write_bytes((FILES / name).read_bytes())
        if own is not None:
            (target / "directory_worker" / "mapping.py").write_text(own.source(), "utf-8")
            example = target / ".env.example"
            text = example.read_text("utf-8")
            example.write_text(text.replace("APP_DATABASE_URL=\n", f"APP_DATABASE_URL={own.url}\n"), "utf-8")
    except OSError as problem:
        raise errors.ArgumentError(f"cannot write to {target}: {problem.strerror or problem}") from None
    return names
