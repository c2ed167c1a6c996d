"""A repository of somebody else, with notebooks, widgets and charts of its own: green twice, and red in time.

By default one of the tools that execute notebooks is tried, on two of our widgets; with DIRSYNC_MATRIX set,
all tools on all widgets.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import nbformat
import pytest
from nbformat import v4

from dirsync_nb.cli import main

from .books import code, notebook
from .test_pytest_plugin import run

ROOT = Path(__file__).parents[2]
WHOLE = bool(os.environ.get("DIRSYNC_MATRIX"))
pytestmark = pytest.mark.timeout(3600 if WHOLE else 600)
OWN = [
    "import dirsync_nb as ds, ipywidgets, warnings\nclient = ds.connect()\n"
    "okta = ds.load_directories(client)['active_users'].idxmax()\nclient.receipts",
    "groups = ds.load_groups(client, directory_id=okta)\n"
    "ds.charts.plot_group_sizes(ds.load_memberships(client, directory_id=okta), groups)",
    "ds.widgets.DirectoryExplorer(client, okta)",
    "ipywidgets.VBox([ds.widgets.Setup(client), ipywidgets.IntSlider()])",
    "@ipywidgets.interact(n=(0, 9))\ndef show(n=3):\n    print(n)",
    "from tqdm import tqdm\nfor _ in tqdm(range(3)):\n    pass",
    "from IPython.display import clear_output, display\nfor n in range(3):\n    clear_output()\n    print(n)",
    "shown = display('first', display_id=True)\nshown.update('second')",
    "groups['name'].head(2).to_frame().style",
    "%time groups.index;",
    "warnings.warn('look here')\nprint(client.base_url, object())",
]
"""What differs from run to run in one way or another, and says the same each time."""
if WHOLE:
    OWN += [
        "users = ds.load_users(client, directory_id=okta)\nds.widgets.EventFeed(client)",
        "ds.widgets.MembershipExplorer(client, okta)",
        "ds.widgets.Onboarding(client)",
        "ds.widgets.DetailCard(client, user_id=users.index[0])",
    ]
KEY = "sk_live_" + "Qk3vT9mWz7LpX2cR"
OUT = "import socket\ntry:\n    socket.create_connection(('192.0.2.7', 443), 1)\nexcept OSError:\n    pass"
HIDDEN = "import ipywidgets\nwith ipywidgets.Output():\n    1 / 0"
GIT = ("git", "-c", "user.name=Ann", "-c", "user.email=ann@example.com", "-c", "init.defaultBranch=main")


def git(folder, *arguments):
    return subprocess.run([*GIT, *arguments], cwd=folder, check=True, capture_output=True, text=True)


def book(path, *sources, count=None):
    cells = [code(source, count=count) | {"id": f"c{place}"} for place, source in enumerate(sources)]
    path.write_text(json.dumps(notebook(*cells), indent=1))
    return path


def execute(folder, tool):
    """Let a tool execute the notebook and store the outputs, as its users call it."""
    out = book(folder / f"{tool}.ipynb", *OWN)
    command = {
        "papermill": ["-m", "papermill", "--no-progress-bar", out.name],
        "nbmake": ["-m", "pytest", "-p", "no:cacheprovider", "-p", "no:dirsync_nb", "--nbmake", "--overwrite"],
        "nbconvert": ["-m", "nbconvert", "--execute", "--inplace", "--to", "notebook"],
        "nbclient": ["-c", "from nbclient.cli import main; main()", "--inplace"],
    }[tool]
    done = subprocess.run(
        [sys.executable, *command, out.name], cwd=folder, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr


def strict(folder, *arguments):
    return run(folder, "--dirsync-sandbox", "--nbval", *arguments)


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    """A git repository after ``init-ci`` and ``check --run --save``."""
    folder = tmp_path_factory.mktemp("mine")
    git(folder, "init", "-q")
    assert main(["init-ci", str(folder)]) == 0
    own = book(folder / "notebooks" / "own.ipynb", *OWN)
    assert main(["check", "--run", "--save", str(own)]) == 0
    return folder


@pytest.fixture
def copy(repository, tmp_path):
    return shutil.copytree(repository, tmp_path / "copy")


def test_it_is_green_twice_whoever_executed_the_notebooks(repository, capsys):
    folder = repository / "notebooks"
    own = folder / "own.ipynb"
    saved = own.read_bytes()
    for tool in ("nbmake", "papermill", "nbconvert", "nbclient") if WHOLE else ("nbmake",):
        execute(folder, tool)
    main(["check", "--fix", str(folder)])
    assert "nothing to change" in capsys.readouterr().out
    for workers in ("2", "4") if WHOLE else ("2",):
        done = strict(repository, "-n", workers, "--junitxml=n.xml", "notebooks")
        assert done.returncode == 0, done.stdout
    done = strict(repository, "notebooks/own.ipynb")
    assert f"{len(OWN)} passed" in done.stdout, done.stdout
    assert own.read_bytes() == saved
    cases = ET.parse(repository / "n.xml").iter("testcase")
    told = [{one.get("name"): one.get("value") for one in case.iter("property")} for case in cases]
    assert {"notebook": "own.ipynb", "cell": "2", "first_line": OWN[1].splitlines()[0]} in told


def test_it_turns_red_where_a_cell_is_changed_in_either_file_of_a_pair_or_a_call_leads_out(copy):
    """The pair is one of jupytext's: inputs are from the text, outputs from the notebook."""
    folder = copy / "notebooks"
    first, text = folder / "first_look.ipynb", folder / "first_look.py"
    jupytext_("--set-formats", "ipynb,py:percent", first)
    assert main(["check", str(first)]) == 0
    assert [len(cell.get("outputs", [])) for cell in nbformat.read(first, 4).cells] == [0, 2, 1, 2]
    text.write_text(text.read_text().replace("len(directories)", "len(directories) + 1"))
    jupytext_("--sync", text)
    changed = nbformat.read(first, 4)
    changed.cells += [v4.new_code_cell(source, execution_count=9) for source in (OUT, HIDDEN)]
    nbformat.write(changed, first)
    done = strict(copy, "notebooks/first_look.ipynb")
    assert "3 failed, 2 passed" in done.stdout
    for place in ("first_look.ipynb::Cell 0", "first_look.ipynb::Cell 3", "first_look.ipynb::Cell 4"):
        assert f"FAILED notebooks/{place}" in done.stdout, done.stdout
    assert "reached for 192.0.2.7:443" in done.stdout


def jupytext_(*arguments):
    subprocess.run([sys.executable, "-m", "jupytext", "--quiet", *map(str, arguments)], check=True, timeout=60)


@pytest.fixture
def commit(copy, tmp_path, monkeypatch):
    """Commit with the hook of init-ci, from a clone of our own sources as they are; give what it said."""
    source = tmp_path / "source"
    for name in (".hooks", "dirsync_nb"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / ".pre-commit-hooks.yaml", source)
    git(source, "init", "-q")
    git(source, "add", "-A")
    git(source, "commit", "-qm", "Hook")
    hooks = copy / ".pre-commit-config.yaml"
    hooks.write_text(hooks.read_text().replace("https://GIT_ADDRESS", str(source)))
    monkeypatch.setenv("PRE_COMMIT_HOME", str(tmp_path / "pre-commit"))
    monkeypatch.setenv("PATH", os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))

    def run():
        git(copy, "add", "-A")
        command = [sys.executable, "-m", "pre_commit", "run", "--all-files"]
        return subprocess.run(command, cwd=copy, capture_output=True, text=True, timeout=120)

    return run


def test_the_hook_of_pre_commit_is_green_twice_and_red_for_a_key(copy, commit):
    for _ in range(2):
        done = commit()
        assert (done.returncode, "Passed" in done.stdout) == (0, True), done.stdout + done.stderr
    path = copy / "notebooks" / "own.ipynb"
    path.write_text(path.read_text().replace('"warnings.warn(', f'"# {KEY}\\n", "warnings.warn(', 1))
    done = commit()
    assert (done.returncode, KEY in done.stdout) == (1, False)
    assert "own.ipynb, cell 11 ('# …'): key: " in done.stdout, done.stdout
