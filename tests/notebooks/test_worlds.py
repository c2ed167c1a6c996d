"""With a key of one's own the guided notebooks work in every world, also where there is little or nothing.

The tour's own code runs them, in one kernel for all worlds and some of the notebooks in each, so that it takes
seconds. ``DIRSYNC_ALL_WORLDS=1`` runs all in each, by themselves; the largest world then takes minutes.
"""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from dirsync_nb.notebooks import tour

from . import worlds

ROOT = Path(__file__).parents[2]
NOBODY, NO_GROUPS = "Nobody is in a directory here yet", "No groups here: the provider sends none yet"
FEW = {"many with limits, and slow": {"users": 120}}
SHOWN = {
    "no directory yet": ["Directories: 0", NOBODY, "the sandbox"],
    "one linked but empty directory": ["All directories are linked.", NOBODY, "ready: False"],
    "one person": [NO_GROUPS, "No custom attributes here", "There are too few groups to choose by"],
    "two small customers": ["All directories are linked."],
    "no groups": ["This person is in no group", "The largest directory here has no groups"],
    "people without names": ["No departments here", "without a name"],
    "an old team": ["exactly the same: True"],
    "refused credentials only": ["invalid_credentials"],
    "many with limits, and slow": ["in any of them"],
}
"""What is said in each world, and is not left to an error."""


VISITED = {
    "no directory yet": "00 01 02",
    "one linked but empty directory": "02 03 10",
    "one person": "01 03 04 06 10",
    "two small customers": "02 05 06",
    "no groups": "04 05 13",
    "people without names": "04 13",
    "an old team": "03 10",
    "refused credentials only": "02 04 06",
    "many with limits, and slow": "10",
}
"""Some of the notebooks in each world, so that each is in worlds where it has to find another way."""


def visited(name):
    return [path for path in tour.guided_notebooks() if path.stem[:2] in VISITED[name].split()]


@pytest.fixture(scope="module")
def chapter(tmp_path_factory):
    with ExitStack() as stack:
        visits = [
            (name, stack.enter_context(worlds.serve(name, **FEW.get(name, {}))), visited(name))
            for name in worlds.WORLDS
        ]
        variables = {name: value for name, value in os.environ.items() if name != "MPLBACKEND"}
        folder = tmp_path_factory.mktemp("worlds")
        yield tour.run(Path("worlds.ipynb"), worlds.in_turn(visits), folder, variables, 120)


def test_the_tour_comes_to_its_end_in_every_world(chapter):
    done = [cell.source.splitlines()[0] for cell in chapter.notebook.cells if cell.execution_count]
    assert chapter.problem is None, [line for line in done if line.startswith("# ")][-1]


@pytest.mark.parametrize("name", worlds.WORLDS)
def test_what_is_missing_is_said_in_a_sentence(chapter, name):
    said, here = "", False
    for cell in chapter.notebook.cells:
        if cell.source.startswith("# "):
            here = cell.source.splitlines()[0].endswith(f"the world: {name}")
        if here:
            texts = [o.get("text") or o.get("data", {}).get("text/plain", "") for o in cell.outputs]
            said += "\n".join(texts)
    assert [line for line in SHOWN[name] if line not in said] == []


@pytest.mark.skipif("DIRSYNC_ALL_WORLDS" not in os.environ, reason="takes minutes: DIRSYNC_ALL_WORLDS=1")
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("name", worlds.WORLDS)
def test_every_notebook_works_in_every_world(name):
    command = [sys.executable, "-m", "tests.notebooks.worlds", name]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_no_notebook_looks_for_invented_names():
    """What is shown is picked from the frames: a name of the sandbox's world is in nobody else's."""
    world = ("Harbourline", "Nordlicht", "Saltmarsh", "Bergen", "Lisboa", "Project ", "Engineering Manager")
    code = [
        (path.stem, cell.source)
        for path in tour.guided_notebooks()
        for cell in tour.read(path).cells
        if cell.cell_type == "code"
    ]
    assert [(name, word) for name, source in code for word in world if word in source] == []
    ids = ("directory_01", "directory_group_01", "org_01")
    assert [(name, word) for name, source in code for word in ids if word in source] == []
