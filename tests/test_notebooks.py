"""The stored notebooks: whole, standard, clean; their cells themselves run under nbval."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

NOTEBOOKS = sorted((Path(__file__).parents[1] / "notebooks").glob("*.ipynb"))
CHECKED = "nbval-check-output"


def code_cells(path):
    return [cell for cell in json.loads(path.read_text())["cells"] if cell["cell_type"] == "code"]


def text_of(output):
    return "".join(output.get("text", "") or output.get("data", {}).get("text/plain", ""))


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.stem)
def notebook(request):
    return request.param


def test_there_are_notebooks():
    assert len(NOTEBOOKS) >= 4


def test_every_cell_was_run_once_from_top_to_bottom(notebook):
    """nbval passes a cell that was stripped, even one tagged for checking; this does not."""
    cells = code_cells(notebook)
    assert [cell["execution_count"] for cell in cells] == list(range(1, len(cells) + 1))


def test_a_cell_whose_text_is_the_lesson_has_its_text(notebook):
    tagged = [cell for cell in code_cells(notebook) if CHECKED in cell["metadata"].get("tags", [])]
    assert tagged
    silent = [
        cell for cell in tagged if not cell["outputs"] and not "".join(cell["source"]).startswith("import")
    ]
    assert silent == []


def test_the_kernel_is_the_standard_one(notebook):
    """NBC-03: a personal kernel name runs on one machine only."""
    metadata = json.loads(notebook.read_text())["metadata"]
    assert metadata["kernelspec"]["name"] == "python3"
    assert metadata["kernelspec"]["display_name"] == "Python 3 (ipykernel)"
    assert metadata["language_info"] == {"name": "python"}


def test_nothing_of_a_machine_or_a_key_is_stored(notebook):
    text = notebook.read_text()
    assert not re.search(r"/home/|/Users/|/root/|/tmp/|/work/|C:\\\\", text)
    assert not re.search(r"sk_(live|test)_\w+", text)
    assert not re.search(r"127\.0\.0\.1:\d+|localhost:\d+", text)


def test_no_cell_ended_in_an_error_or_wrote_to_standard_error(notebook):
    outputs = [output for cell in code_cells(notebook) for output in cell["outputs"]]
    assert not [o for o in outputs if o["output_type"] == "error" or o.get("name") == "stderr"]


def test_cells_are_short_enough_to_read(notebook):
    assert all(len("".join(cell["source"]).splitlines()) <= 10 for cell in code_cells(notebook))


def test_links_between_notebooks_lead_somewhere(notebook):
    targets = re.findall(r"\]\((\w[^)#:]*\.ipynb)\)", notebook.read_text())
    assert [name for name in targets if not (notebook.parent / name).exists()] == []


RERUN = """
import json, sys, nbformat
from nbclient import NotebookClient
notebook = nbformat.read(sys.argv[1], 4)
NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
print(json.dumps([[dict(output) for output in cell.get("outputs", [])] for cell in notebook.cells]))
"""


@pytest.mark.parametrize("path", [NOTEBOOKS[0], NOTEBOOKS[-1]], ids=lambda path: path.stem)
def test_outputs_are_the_same_in_any_time_zone_and_language(path, tmp_path):
    """NBC-04: fresh processes, other settings, same words; pictures count by what they say of themselves."""
    said = []
    for zone, language in (("Pacific/Auckland", "C.UTF-8"), ("America/St_Johns", "POSIX")):
        environment = {**os.environ, "TZ": zone, "LC_ALL": language, "PYTHONUTF8": "1"}
        done = subprocess.run(
            [sys.executable, "-c", RERUN, str(path)],
            capture_output=True,
            text=True,
            timeout=180,
            env=environment,
            cwd=tmp_path,
            check=True,
        )
        # Joined, since a stream may arrive in pieces (NBC-02).
        said.append(["".join(text_of(output) for output in outputs) for outputs in json.loads(done.stdout)])
    assert said[0] == said[1]
    assert any(said[0])
