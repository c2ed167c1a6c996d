"""The front door shows what it says, loads what is named, and the arrows between packages hold."""

from __future__ import annotations

import logging
import subprocess
import sys

import pytest
from importlinter.cli import lint_imports

import dirsync_nb as ds


@pytest.fixture(autouse=True)
def _loggers_as_they_were():
    """import-linter sets up logging, which switches off every logger that is there."""
    yield
    for one in logging.Logger.manager.loggerDict.values():
        if isinstance(one, logging.Logger):
            one.disabled = False


def test_imports_keep_to_the_contracts_of_the_project_file():
    assert lint_imports(cache_dir=None, no_logo=True) == 0


def test_importing_the_package_loads_requests_and_pandas_only():
    code = (
        "import sys, dirsync_nb; "
        "heavy = {'matplotlib', 'scipy', 'ipywidgets', 'anywidget', 'sqlalchemy', 'IPython', 'tqdm', "
        "'starlette', 'uvicorn', 'nbformat', 'dask', 'distributed', 'pytest', 'sphinx', 'openpyxl'}; "
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "[]\n"


def test_the_front_door_shows_what_it_says_and_nothing_else():
    visible = {name for name in vars(ds) if not name.startswith("_")}
    modules = {name for name in visible if getattr(ds, name).__class__.__name__ == "module"}
    assert visible - modules <= set(ds.__all__)
    assert list(ds.__all__) == sorted(ds.__all__)
    assert all(getattr(ds, name) is not None for name in ds.__all__)
    assert dir(ds) == sorted(ds.__all__)
    for name in modules & {*ds.__all__} | {"analysis", "widgets"}:
        assert dir(getattr(ds, name)) == sorted(getattr(ds, name).__all__), name
    with pytest.raises(AttributeError, match="attribute '?lode_users"):
        ds.lode_users  # noqa: B018


def test_every_public_function_says_what_it_does():
    for name in ds.__all__:
        thing = getattr(ds, name)
        assert (thing.__doc__ or "").strip(), name
