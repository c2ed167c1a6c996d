"""A repository of somebody else: what ``init-ci`` writes into it, and that this stays green and turns red."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET

import nbformat
import pytest
import yaml

from dirsync_nb.cli import main

from .books import code, notebook
from .test_pytest_plugin import run

pytestmark = pytest.mark.timeout(300)

OWN = [
    "import dirsync_nb as ds\nclient = ds.connect()\n"
    "okta = ds.load_directories(client)['active_users'].idxmax()",
    "users = ds.load_users(client, directory_id=okta)\nclient.receipts[-1]",
    "groups = ds.load_groups(client, directory_id=okta)\n"
    "members = ds.load_memberships(client, directory_id=okta)\nds.charts.plot_group_sizes(members, groups)",
    "import ipywidgets\nipywidgets.IntSlider()",
    "ds.widgets.DirectoryExplorer(client, okta)",
]
WRITTEN = [
    ".github/workflows/notebooks.yml",
    ".pre-commit-config.yaml",
    "pytest.ini",
    "notebooks/first_look.ipynb",
    "README.md",
]


def test_nothing_is_overwritten_without_being_asked(tmp_path, capsys):
    for name in ("README.md", ".pre-commit-config.yaml", "pyproject.toml"):
        (tmp_path / name).write_text(
            {"README.md": "# Mine\n"}.get(name, "repos: []\n[tool.pytest.ini_options]\n")
        )
    assert main(["init-ci", str(tmp_path)]) == 0
    said = capsys.readouterr().out
    assert "README.md: is there already and stays as it is; it is for you to add:\n\n## Notebooks" in said
    assert "pyproject.toml: is there already" in said
    assert not (tmp_path / "pytest.ini").exists()
    assert (tmp_path / "README.md").read_text() == "# Mine\n"
    assert main(["init-ci", "--force", str(tmp_path)]) == 0
    assert (tmp_path / "README.md").read_text().startswith("# Mine\n\n## Notebooks")
    assert (tmp_path / "pyproject.toml").read_text().endswith("[tool.pytest.ini_options]\n")
    before = (tmp_path / "README.md").read_text()
    assert main(["init-ci", "--force", str(tmp_path)]) == 0
    assert (tmp_path / "README.md").read_text() == before
    assert main(["init-ci", str(tmp_path / "nowhere")]) == 2


def test_a_foreign_repository_is_green_twice_and_turns_red(tmp_path, capsys):
    assert main(["init-ci", str(tmp_path)]) == 0
    assert [line.partition(":")[0] for line in capsys.readouterr().out.splitlines()] == WRITTEN
    yaml.safe_load((tmp_path / WRITTEN[0]).read_text())
    assert (
        yaml.safe_load((tmp_path / WRITTEN[1]).read_text())["repos"][0]["hooks"][0]["id"] == "dirsync-nb-check"
    )
    folder = tmp_path / "notebooks"
    own = folder / "own.ipynb"
    cells = [code(source, count=None) | {"id": f"c{place}"} for place, source in enumerate(OWN)]
    own.write_text(json.dumps(notebook(*cells)))
    assert main(["check", "--run", "--save", str(own)]) == 0
    saved = own.read_bytes()
    for _ in range(2):
        done = run(tmp_path, "--dirsync-sandbox", "--nbval", "-n", "2", "--junitxml=n.xml", "notebooks")
        assert "8 passed" in done.stdout, done.stdout
        assert main(["check", str(folder)]) == 0
    assert own.read_bytes() == saved
    cases = ET.parse(tmp_path / "n.xml").iter("testcase")
    told = [{one.get("name"): one.get("value") for one in case.iter("property")} for case in cases]
    assert {"notebook": "own.ipynb", "cell": "2", "first_line": OWN[1].splitlines()[0]} in told

    first = nbformat.read(folder / "first_look.ipynb", 4)
    first.cells[2].source = first.cells[2].source.replace("okta = ", "okta = okta or ") + " | {'new': 1}"
    nbformat.write(first, folder / "first_look.ipynb")
    out = "import socket\ntry:\n    socket.create_connection(('192.0.2.7', 443), 1)\nexcept OSError:\n    pass"
    (folder / "out.ipynb").write_text(json.dumps(notebook(code(out))))
    done = run(
        tmp_path, "--dirsync-sandbox", "--nbval", "-n", "2", "notebooks/out.ipynb", "notebooks/first_look.ipynb"
    )
    assert done.returncode == 1
    assert "reached for 192.0.2.7:443" in done.stdout
    assert "first_look.ipynb::Cell 1" in done.stdout
    own.write_text(
        own.read_text().replace("import ipywidgets", "# sk_live_" + "Qk3vT9mWz7LpX2cR" + "\\nimport ipywidgets")
    )
    assert main(["check", str(folder)]) == 1
    assert "own.ipynb, cell 4" in capsys.readouterr().out
