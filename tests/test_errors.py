"""Errors as a person meets them: one's own line, a sentence, the remedy."""

from __future__ import annotations

import ast
import builtins
import importlib
import linecache
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from traitlets import TraitError

import dirsync_nb as ds
from dirsync_nb import errors
from dirsync_nb.notebooks import network_guard, tour

CELL = "number = 1\nusers = ds.load_users(client, directory_id='directory_nope')\n"


@pytest.fixture
def raised(client):
    """The error of a cell, as a kernel would meet it."""
    name = "<ipython-input-7-abc>"
    linecache.cache[name] = (len(CELL), None, CELL.splitlines(keepends=True), name)
    with pytest.raises(errors.NotFound) as caught:
        exec(compile(CELL, name, "exec"), {"ds": ds, "client": client})
    yield caught.value
    del linecache.cache[name]


def test_a_notebook_shows_ones_own_line_and_a_sentence(raised):
    shown = "\n".join(raised._render_traceback_())
    assert shown.startswith("line 2: users = ds.load_users(client, directory_id='directory_nope')\n")
    assert "NotFound: reading users of directory_nope" in shown
    assert "dirsync_nb/load" not in shown
    assert len(shown.splitlines()) <= 5


def test_asked_again_it_shows_all_of_it(raised):
    raised._render_traceback_()
    again = "".join(raised._render_traceback_())
    assert "Traceback (most recent call last)" in again
    assert "transport.py" in again


def test_rows_are_offered_only_where_there_are_some():
    error = errors.LoadError("it broke")
    error.partial = pd.DataFrame(index=[])
    assert str(error) == "it broke"
    error.partial = pd.DataFrame({"x": [1, 2]})
    assert "2 rows were read and are kept" in str(error)


# Whatever is raised on purpose ----------------------------------------------------------------------------

PACKAGE = Path(ds.__file__).parent
PROTOCOLS = {
    "NotImplementedError": "what a class leaves to those made of it; and IPython's way to a text form",
    "AttributeError": "what Python asks for where there is no such attribute",
    "KeyboardInterrupt": "is the person's own",
    "AssertionError": "cannot be reached",
    "KeyError": "is caught by the function that calls",
}
# Raised for a library or a caller inside that expects just this.
FOR_OTHERS = {
    "frames/json_array.py": {"ValueError", "TypeError"},  # what pandas expects of a column
    "provisioning/script.py": {"ValueError"},  # caught where the value is told
    "provisioning/audit/rows.py": {"Refusal"},  # becomes a row of the findings
    "client/connections.py": {
        "TooSlow",
        "TooMuch",
        "GivenUp",
        "ValueError",
    },  # become what transport makes of them
    "client/calls.py": {"TypeError"},  # what Python expects of an object without brackets
    "client/credentials.py": {"TypeError"},  # what pickle expects
    "client/pseudonyms.py": {"TypeError"},
    "client/transport.py": {"TypeError"},
    "widgets/_base/jobs.py": {"Stopped"},  # ends a job
    "notebooks/check_command.py": {"ArgumentTypeError"},  # argparse words it
    "notebooks/files.py": {"OSError"},  # caught beside those of the system
    "notebooks/kernels.py": {"RuntimeError"},  # of jupyter_client, with the kernel's last words
    "notebooks/pytest_plugin.py": {"RuntimeError", "UsageError"},  # pytest words them
    "provisioning/checklist/asking.py": {"NotAsked"},  # never leaves the probe
    "provisioning/checklist/questions.py": {"NotAsked"},
    "sandbox/directory/clock.py": {"ValueError"},  # becomes an answer
    "sync/webhook_recipes.py": {"HTTPException"},  # of the web framework
}
ANSWERS = {"InvalidFilter", "Refused", "ScimRefused"}  # of the sandbox's server


def raised_classes(file: Path) -> list[tuple[str, Any]]:
    """Return what a file raises, where it is a class: its name as written, and itself."""
    name = ".".join(("dirsync_nb", *file.relative_to(PACKAGE).with_suffix("").parts)).removesuffix(".__init__")
    tree = ast.parse(file.read_text("utf-8"))
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Raise) and node.exc is not None:
            written = ast.unparse(node.exc.func if isinstance(node.exc, ast.Call) else node.exc)
            scope: Any = importlib.import_module(name)
            for part in written.split("."):
                scope = getattr(scope, part, getattr(builtins, part, None))
            if isinstance(scope, type):
                found.append((written.rpartition(".")[2], scope))
    return found


FILES = [
    file
    for file in sorted(PACKAGE.rglob("*.py"))
    if not {"template", "pages", "__main__.py", "webhook_recipes.py"} & {*file.parts}
]


def test_every_error_of_ours_is_a_dirsync_error():
    """A person who catches DirsyncError catches whatever is raised on purpose."""
    others = [
        f"{place}: {name}"
        for file in FILES
        if (place := file.relative_to(PACKAGE).as_posix())
        for name, kind in raised_classes(file)
        if not issubclass(kind, (errors.DirsyncError, TraitError))
        and name not in PROTOCOLS.keys() | ANSWERS | FOR_OTHERS.get(place, set())
    ]
    assert others == []
    assert len(FILES) > 150


@pytest.mark.parametrize(
    ("mistake", "also"),
    [
        (lambda box: box.add_group("directory_nobody", name="x"), LookupError),
        (lambda box: box.add_organization(name=7), ValueError),
        (lambda box: box.faults.add("no such kind"), ValueError),
        (lambda box: ds.sandbox.read_people("nowhere.csv"), ValueError),
        (lambda box: ds.sandbox.Sandbox().url, RuntimeError),
        (lambda box: tour.read(Path("nowhere.ipynb")), ValueError),
    ],
)
def test_it_is_of_the_builtin_kind_as_well(sandbox, mistake, also):
    with pytest.raises(errors.DirsyncError) as caught:
        mistake(sandbox)
    assert isinstance(caught.value, also)
    assert str(caught.value).isprintable()


def test_a_refused_connection_is_one_of_ours_where_the_package_is():
    kind = network_guard._refusal()
    assert issubclass(kind, (network_guard.OutboundRefused, errors.DirsyncError))
    assert issubclass(kind, ConnectionRefusedError)
    assert issubclass(kind, errors.DirsyncError)
