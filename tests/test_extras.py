"""Without extras: what needs one says so, before it does anything, and how to get it."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from pathlib import Path
from urllib.request import pathname2url

import pytest

import dirsync_nb as ds
from dirsync_nb import errors, extras

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
CALLS = Path(__file__).parent / "data" / "calls_without_extras.py"


@pytest.fixture(scope="module")
def said(tmp_path_factory):
    """Call everything in a process that cannot import what the extras bring; give what each call said."""
    command = [sys.executable, str(CALLS)]
    folder = tmp_path_factory.mktemp("bare")
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=90, check=False)
    assert done.returncode == 0, done.stderr
    assert [path.name for path in folder.iterdir()] == ["world.yaml"], "something was begun"
    return json.loads(done.stdout)


@pytest.mark.parametrize(
    ("call", "extra", "module"),
    [
        ("write_xlsx", "files", "openpyxl"),
        ("save_frame", "files", "pyarrow"),
        ("open_frame", "files", "pyarrow"),
        ("save_lists xlsx", "files", "openpyxl"),
        ("save_lists parquet", "files", "pyarrow"),
        ("take_snapshot", "files", "pyarrow"),
        ("Snapshot.save", "files", "pyarrow"),
        ("open_snapshot", "files", "pyarrow"),
        ("take_fleet", "fleet", "pyarrow and dask"),
        ("open_fleet", "fleet", "pyarrow and dask"),
        ("a fleet on a cluster", "fleet", "pyarrow and dask and distributed"),
        ("load_app_users", "sql", "sqlalchemy"),
        ("world", "scim", "yaml"),
        ("site", "docs", "sphinx and myst_nb and furo"),
    ],
)
def test_a_call_names_what_is_missing_and_the_line_that_brings_it(said, call, extra, module):
    kind, message, requests = said[call]
    assert kind == "MissingExtra"
    assert f"needs {module}, which is not installed; the extra {extra!r} brings it: pip install " in message
    assert message.endswith(extras.install(extra))
    assert requests == 0


@pytest.mark.parametrize(("call", "extra"), [("lab", "lab"), ("tour", "lab"), ("sandbox", "scim")])
def test_a_command_says_it_and_ends_with_2(said, call, extra):
    code, message = said[f"dirsync-nb {call}"]
    assert code == 2
    assert message.startswith("dirsync-nb ")
    assert message.endswith(f"{extras.install(extra)}\n")
    assert "Traceback" not in message


def test_all_else_works_without_extras(said):
    assert said["works"] == [
        "load",
        "providers that write through the SCIM door",
        "csv",
        "analysis",
        "charts",
        "widgets",
        "compare",
        "audit",
        "snapshot",
        "check",
    ]


def test_a_driver_for_postgresql_is_asked_for_too(monkeypatch):
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(errors.MissingExtra, match=r"PostgreSQL needs psycopg.*\[sql\]"):
        ds.load_app_users("postgresql://app@127.0.0.1:1/app", table="users")


def test_it_is_an_error_of_ours_and_an_import_error(monkeypatch):
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    with pytest.raises(ImportError) as caught:
        extras.need("this", "files", "openpyxl")
    assert isinstance(caught.value, errors.ConfigurationError)


# The line -------------------------------------------------------------------------------------------------


class Installed:
    version = "1.0"

    def __init__(self, origin):
        self.origin = origin

    def read_text(self, name):
        assert name == "direct_url.json"
        return None if self.origin is None else json.dumps(self.origin)


@pytest.mark.parametrize(
    ("origin", "line"),
    [
        ({"url": "file://{}", "dir_info": {"editable": True}}, 'pip install -e "{}[files]"'),
        ({"url": "file://{}", "dir_info": {}}, 'pip install "{}[files]"'),
        ({"url": "file://{}", "archive_info": {}}, 'pip install "{}[files]"'),
        ({"url": "file:///gone.whl", "archive_info": {}}, 'pip install "dirsync_nb[files]"'),
        (
            {"url": "https://git.example/ds", "vcs_info": {"vcs": "git", "commit_id": "abc"}},
            'pip install "dirsync_nb[files] @ git+https://git.example/ds@abc"',
        ),
        (None, 'pip install "dirsync_nb[files]"'),
    ],
    ids=["clone", "folder", "wheel", "wheel that is gone", "git", "index"],
)
def test_the_line_says_where_this_copy_came_from(monkeypatch, tmp_path, origin, line):
    place = tmp_path / "a folder"
    place.mkdir()
    if origin:
        origin = {**origin, "url": origin["url"].format(pathname2url(str(place)))}
    monkeypatch.setattr(extras, "distribution", lambda _: Installed(origin))
    assert extras.install("files") == line.format(place)


def test_without_an_extra_a_copy_that_came_from_nowhere_names_the_address(monkeypatch):
    monkeypatch.setattr(extras, "distribution", lambda _: Installed(None))
    assert extras.requirement() == f'"{extras.SOURCE}"'


def test_every_extra_that_is_asked_for_is_declared():
    asked = {"files", "scim", "sql", "lab", "fleet", "docs"}
    assert asked == set(PROJECT["optional-dependencies"]) - {"test"}


def test_the_version_is_that_of_the_project():
    assert ds.__version__ == PROJECT["version"]
