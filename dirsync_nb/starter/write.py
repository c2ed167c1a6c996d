"""A sync worker to begin with: typed, tested, on the official SDK and SQLAlchemy, written to a folder."""

from __future__ import annotations

from fnmatch import fnmatch
from pathlib import Path

from .. import errors
from ..client.calls import named_arguments

__all__ = ["write_starter"]

FILES = Path(__file__).parent / "template"
LEFT_OUT = ("__pycache__", "*.pyc", "*.egg-info", ".mypy_cache", ".pytest_cache", ".ruff_cache")


@named_arguments()
def write_starter(folder: str | Path) -> list[Path]:
    """Write the starter to a folder that is new or empty, and give its files, relative to it.

    It is a project of its own; its ``README.md`` says how to install, test and run it. It does not need
    dirsync_nb except to be tested.

    Raises
    ------
    ArgumentError
        The folder holds something, is a file, or cannot be written.

    Examples
    --------
    >>> paths = ds.write_starter("directory-worker")
    >>> "README.md" in [path.name for path in paths]
    True
    """
    target = Path(folder)
    if target.exists() and not target.is_dir():
        raise errors.ArgumentError(f"{target} is a file; name a folder")
    if target.exists() and any(target.iterdir()):
        raise errors.ArgumentError(
            f"{target} is not empty, and nothing in it is overwritten: name a new folder"
        )
    names = sorted(path.relative_to(FILES) for path in FILES.rglob("*") if path.is_file())
    names = [name for name in names if not any(fnmatch(part, one) for part in name.parts for one in LEFT_OUT)]
    try:
        for name in names:  # by content: an installation that is read-only makes no file read-only
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            (target / name).write_bytes((FILES / name).read_bytes())
    except OSError as problem:
        raise errors.ArgumentError(f"cannot write to {target}: {problem.strerror or problem}") from None
    return names
