"""The stored notebooks: whole, standard, clean; their cells themselves run under nbval."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

import dirsync_nb as ds

from . import runs as notebook_runs

ROOT = Path(__file__).parents[2]
PLANTED = "sk_live_" + "planted" * 3
NOTEBOOKS = sorted((Path(__file__).parents[2] / "notebooks").glob("*.ipynb"))
pytestmark = pytest.mark.timeout(900)  # all notebooks are run, whoever asks for it first
CHECKED = "nbval-check-output"


def code_cells(path):
    return [cell for cell in json.loads(path.read_text())["cells"] if cell["cell_type"] == "code"]


def same_widget(text):
    """Take out what a widget makes up at random: the ids of its models, and the name of its styles."""
    return re.sub(r"(IPY_MODEL_|dsn-static-)[0-9a-f]{12,32}", r"\1", text)


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


# -- run again -----------------------------------------------------------------------------------------------

ZONES = [
    {"TZ": "Pacific/Auckland", "LC_ALL": "C.UTF-8"},
    {"TZ": "America/St_Johns", "LC_ALL": "POSIX", "PYTHONHASHSEED": "7", "COLUMNS": "200"},
]


@pytest.fixture(scope="module")
def rerun():
    """Run all notebooks again, in fresh processes, half of them in the far east and half in the west.

    Both at once; with a key and a proxy in the way, which must not be used.
    """
    snare = {"WORKOS_API_KEY": PLANTED, "HTTPS_PROXY": "http://127.0.0.1:9", "PYTHONUTF8": "1"}
    settings = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "cwd": ROOT}
    started = []
    for place, zone in enumerate(ZONES):
        names = [path.stem for path in NOTEBOOKS[place :: len(ZONES)]]
        command = [sys.executable, "-m", "tests.notebooks.runs", *names]
        started.append(subprocess.Popen(command, env={**os.environ, **snare, **zone}, **settings))
    done = [process.communicate(timeout=800) for process in started]
    assert [process.returncode for process in started] == [0, 0], [err[-3000:] for _, err in done]
    runs = [json.loads(out) for out, _ in done]
    return {
        "notebooks": {name: said for run in runs for name, said in run["notebooks"].items()},
        "guarded": sum(run["guarded"] for run in runs),
        "refused": [address for run in runs for address in run["refused"]],
    }


def test_every_cell_says_the_same_in_another_process_time_zone_and_language(rerun, notebook):
    """NBC-01, NBC-04: what is stored is one run, nbval makes the second, in this machine's zone; a third.

    A chart counts by what it says of itself.
    """
    stored = json.loads(notebook.read_text())["cells"]
    said = rerun["notebooks"][notebook.stem]["texts"]
    wanted = [notebook_runs.text_of(cell.get("outputs", [])) for cell in stored]
    assert [same_widget(text) for text in said] == [same_widget(text) for text in wanted]
    assert any(said)


def test_charts_show_the_numbers_and_labels_they_did(rerun):
    """NBC-06. If they are to change: python -m tests.notebooks.runs --record, and look at the difference."""
    assert notebook_runs.figures_of(rerun) == json.loads(notebook_runs.FIGURES.read_text())


def test_every_stored_picture_is_of_a_chart_that_is_recorded(notebook):
    recorded = json.loads(notebook_runs.FIGURES.read_text()).get(notebook.stem, {})
    pictures = {
        f"cell {number}": sum("image/png" in output.get("data", {}) for output in cell.get("outputs", []))
        for number, cell in enumerate(json.loads(notebook.read_text())["cells"], 1)
    }
    assert {name: len(charts) for name, charts in recorded.items()} == {n: c for n, c in pictures.items() if c}


def test_the_notebooks_reach_nothing_but_this_machine_and_every_kernel_is_guarded(rerun):
    """NBC-10: with the planted key in use they would have asked for api.workos.com."""
    assert rerun["refused"] == []
    assert rerun["guarded"] >= len(NOTEBOOKS)
    assert PLANTED not in json.dumps(rerun)


def chart(members=(3, 2), name="Crew", **look):
    index = pd.Index(["g1", "g2"], name="group_id")
    groups = pd.DataFrame({"name": [name, "Office"], "directory_id": "d1"}, index=index)
    rows = [(f"u{n}", group) for group, size in zip(index, members, strict=True) for n in range(size)]
    memberships = pd.DataFrame(rows, columns=["user_id", "group_id"]).assign(directory_id="d1")
    ax = ds.charts.plot_group_sizes(memberships, groups)
    ax.figure.set(**look)
    return notebook_runs.describe(ax.figure)


def test_another_picture_of_the_same_chart_is_the_same_and_another_number_or_label_is_not():
    assert chart() == chart(dpi=300, facecolor="black", figwidth=5)
    assert chart()[0]["y labels"] == ["Crew", "Office"]
    assert chart((4, 2)) != chart()
    assert chart(name="Team") != chart()
