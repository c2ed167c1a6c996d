"""The pytest plugin, in a user's own repository: an example that is copied, broken in every way, and run."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import nbformat
import pytest
from nbformat import v4

import dirsync_nb as ds
from dirsync_nb.notebooks import pytest_plugin

EXAMPLE = Path(__file__).parents[1] / "data" / "example_repository"
KERNEL = {"kernelspec": {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}}


def run(folder, *arguments, **variables):
    # Without what only this repository's own tests use, and what is slow to load.
    spared = ("no:cacheprovider", "no:hypothesispytest", "no:schemathesis", "no:nbmake")
    without = [word for name in spared for word in ("-p", name)]
    command = [sys.executable, "-m", "pytest", *without, *arguments]
    clean = {n: v for n, v in os.environ.items() if not n.startswith(("WORKOS_", "DIRSYNC_", "PYTEST_"))}
    return subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=600, env={**clean, **variables}
    )


@pytest.fixture
def repository(tmp_path):
    return shutil.copytree(EXAMPLE, tmp_path / "repository")


def write(folder, name, *sources, count=1, kernel="python3"):
    cells = [v4.new_code_cell(source, execution_count=count) for source in sources]
    metadata = {"kernelspec": {**KERNEL["kernelspec"], "name": kernel}}
    nbformat.write(v4.new_notebook(cells=cells, metadata=metadata), folder / f"{name}.ipynb")


def own_kernel(folder):
    """Install a kernel that takes nothing from its environment, and so no guard; give the variable for it."""
    spec = folder / "kernels" / "alone"
    spec.mkdir(parents=True)
    argv = [sys.executable, "-I", "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    (spec / "kernel.json").write_text(json.dumps({"argv": argv, "display_name": "Alone", "language": "python"}))
    return {"JUPYTER_PATH": str(folder)}


def test_notebooks_and_tests_of_a_repository_meet_a_sandbox_whatever_key_is_set(repository):
    """NBC-10; the key of the environment is never used, nor the address it would go to. In two workers here, in
    one process in the tests below.
    """
    planted = "sk_live_" + "planted" * 3
    done = run(
        repository,
        "--dirsync-sandbox",
        "--nbval",
        "-n",
        "2",
        WORKOS_API_KEY=planted,
        WORKOS_BASE_URL="https://api.workos.com",
    )
    assert done.returncode == 0, done.stdout
    assert "4 passed" in done.stdout
    assert planted not in done.stdout + done.stderr


def test_the_same_seed_is_the_same_world_and_another_is_not(repository):
    done = run(repository, "--dirsync-sandbox", "--nbval", "--dirsync-users=7", "notebooks")
    assert done.returncode == 1
    assert "people.ipynb" in done.stdout


def test_a_run_meets_the_world_of_a_file_which_says_whether_its_people_are_pseudonyms(tmp_path):
    client = ds.connect_sandbox(users=5, world="okta")
    ds.save_world(ds.take_snapshot(client), tmp_path / "customer.jsonl")
    client.sandbox.stop()
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_one.py").write_text(
        "import dirsync_nb as ds\n"
        "def test_one(dirsync_client):\n"
        "    assert ds.load_directories(dirsync_client).index[0].startswith('directory_anon_')\n"
    )
    done = run(tmp_path, "--dirsync-sandbox=customer.jsonl", "tests")
    assert "1 passed" in done.stdout, done.stdout + done.stderr
    assert "customer.jsonl (redacted: every name, address, id and value is a pseudonym;" in done.stdout


def test_what_follows_the_bare_option_are_tests_and_no_file():
    arguments = ["--dirsync-sandbox", "notebooks"]
    parsed = SimpleNamespace(file_or_dir=["notebooks"])
    parser, early = SimpleNamespace(parse_known_args=lambda _: parsed), SimpleNamespace()
    early.known_args_namespace = SimpleNamespace(file_or_dir=[])
    pytest_plugin.pytest_load_initial_conftests(early, parser, arguments)
    assert arguments == ["--dirsync-sandbox=harbour", "notebooks"]
    assert early.known_args_namespace.file_or_dir == ["notebooks"]


@pytest.mark.parametrize("name", ["bad.yaml", "bad.csv", "bad.snapshot", "none.csv", "folder"])
def test_a_file_without_a_world_ends_a_run_in_a_sentence(tmp_path, name):
    (tmp_path / "folder").mkdir()
    for file, content in (
        ("bad.yaml", b"organizations: 7"),
        ("bad.csv", b"a,b"),
        ("bad.snapshot", b"PK\x03\x04"),
    ):
        (tmp_path / file).write_bytes(content)
    config = SimpleNamespace(getoption=lambda _: str(tmp_path / name), stash=pytest.Stash())
    with pytest.raises(pytest.UsageError, match=f"--dirsync-sandbox: .*{name}"):
        pytest_plugin._world(config)


def test_what_a_file_says_of_its_people_does_not_steer_the_terminal():
    world = SimpleNamespace(head={"people": "\x1b[2J\rredacted" + "x" * 5_000})
    stash = pytest.Stash()
    stash[pytest_plugin.WORLD] = world
    config = SimpleNamespace(getoption=lambda _: "customer.jsonl", stash=stash)
    (told,) = pytest_plugin.pytest_report_header(config)
    assert told.isprintable()
    assert len(told) < 300


def test_what_is_wrong_with_a_cell_is_said_with_file_cell_line_and_cause(tmp_path):
    """NBC-08, NBC-10: out of the machine, never run, hanging, dead; each is one clear failure."""
    outside = "import socket\ntry:\n    socket.create_connection(('192.0.2.7', 443), timeout=2)\n"
    outside += "except OSError:\n    pass"
    write(tmp_path, "a_outside", outside)
    write(tmp_path, "b_name", "import requests\nrequests.get('https://people.example.com')")
    write(tmp_path, "c_stripped", "print('never run')", count=None)
    write(tmp_path, "d_hangs", "# wait for ever\nimport time\ntime.sleep(600)", "1", "2")
    write(tmp_path, "e_dies", "import os\nos._exit(9)", "1", "2")
    write(tmp_path, "g_alone", "import os", kernel="alone")
    write(tmp_path, "f_fine", "import dirsync_nb as ds\nclient = ds.connect_sandbox()")
    options = ("--dirsync-sandbox", "--nbval", "--nbval-cell-timeout=4", "-n", "2")
    done = run(tmp_path, *options, **own_kernel(tmp_path / "jupyter"))
    said = re.sub(r"\x1b\[[\d;]*m", "", done.stdout)
    assert done.returncode == 1
    assert "6 failed, 1 passed, 4 skipped" in said, said
    assert "a_outside.ipynb, cell 1 ('import socket'): reached for 192.0.2.7:443, which was refused" in said
    assert "b_name.ipynb, cell 1 ('import requests'): reached for people.example.com:443" in said
    assert (
        "c_stripped.ipynb, cell 1 (\"print('never run')\"): it is to be checked, and it is stored as if" in said
    )
    assert "d_hangs.ipynb, cell 1 ('# wait for ever'): it did not end within 4 s" in said
    assert "e_dies.ipynb, cell 1 ('import os'): its kernel died" in said
    assert "g_alone.ipynb, cell 1 ('import os'): its kernel cannot be kept to this machine" in said


def test_an_ordinary_test_that_reaches_out_fails_with_the_address(tmp_path):
    (tmp_path / "test_out.py").write_text(
        "import asyncio, socket\n"
        "def test_number():\n    socket.create_connection(('192.0.2.7', 443), timeout=2)\n"
        "def test_loop():\n    asyncio.run(asyncio.open_connection('people.example.com', 443))\n"
        "def test_here():\n"
        "    with socket.create_server(('127.0.0.1', 0)) as server:\n"
        "        socket.create_connection(server.getsockname()).close()\n"
    )
    done = run(tmp_path, "--dirsync-sandbox")
    assert "2 failed, 1 passed" in done.stdout
    assert "a connection to 192.0.2.7:443 was refused" in done.stdout
    assert "a connection to people.example.com:443 was refused" in done.stdout


def test_what_differs_in_every_run_and_means_nothing_is_not_compared(tmp_path):
    """NBS-01; the seconds of a receipt, a place in memory, the style of another pandas."""
    source = "import dirsync_nb as ds\nclient = ds.connect_sandbox()\n"
    source += "ds.load_directories(client)\nclient.receipts[-1]"
    said = "<Receipt /directories: 9 rows, 1 page, 1 request, 9.99 s, complete>"
    cells = [
        v4.new_code_cell(source, execution_count=1, outputs=[result({"text/plain": said})]),
        v4.new_code_cell("object()", execution_count=2, outputs=[result({"text/plain": PLACE}, 2)]),
        v4.new_code_cell(
            "import pandas as pd\npd.DataFrame({'a': [1]})",
            execution_count=3,
            outputs=[result({"text/plain": "   a\n0  1", "text/html": TABLE}, 3)],
        ),
    ]
    nbformat.write(v4.new_notebook(cells=cells, metadata=KERNEL), tmp_path / "a.ipynb")
    done = run(tmp_path, "--dirsync-sandbox", "--nbval")
    assert "3 passed" in done.stdout, done.stdout
    (tmp_path / "a.ipynb").write_text((tmp_path / "a.ipynb").read_text().replace("9 rows", "8 rows"))
    done = run(tmp_path, "--dirsync-sandbox", "--nbval")
    assert "1 failed, 2 passed" in done.stdout, done.stdout


PLACE = "<object at 0x1234567>"
TABLE = """<div>
<style scoped>of another version</style>
<table border="1" class="dataframe">
  <thead>
    <tr style="text-align: right;">
      <th></th>
      <th>a</th>
    </tr>
  </thead>
  <tbody>
    <tr>
      <th>0</th>
      <td>1</td>
    </tr>
  </tbody>
</table>
</div>"""


def result(data, count=1):
    return v4.new_output("execute_result", data=data, execution_count=count)


def test_without_its_option_nothing_is_changed_and_nothing_heavy_is_loaded(tmp_path):
    (tmp_path / "test_inert.py").write_text(
        "import os, sys\n"
        "def test_inert():\n"
        "    assert os.environ['WORKOS_API_KEY'] == 'as it was'\n"
        "    assert 'DIRSYNC_SANDBOX_URL' not in os.environ\n"
        "    assert 'dirsync_nb.notebooks.pytest_plugin' in sys.modules\n"
        "    heavy = {'pandas', 'numpy', 'matplotlib', 'starlette', 'uvicorn', 'ipywidgets', 'dask'}\n"
        "    assert not heavy & set(sys.modules)\n"
        "def test_asks(dirsync_client):\n    pass\n"
    )
    done = run(tmp_path, WORKOS_API_KEY="as it was")
    assert "1 passed, 1 error" in done.stdout, done.stdout
    assert "need --dirsync-sandbox" in done.stdout


def test_notebooks_without_nbval_are_told_how_they_become_tests(tmp_path):
    (tmp_path / "notebooks").mkdir()
    write(tmp_path / "notebooks", "one", "1 + 1")
    done = run(tmp_path, "--dirsync-sandbox", "notebooks")
    assert "notebooks are tests with --nbval" in done.stdout + done.stderr


def test_on_windows_the_header_says_what_the_guard_does_not_see(monkeypatch):
    config = SimpleNamespace(getoption=lambda _: pytest_plugin.INVENTED)
    assert pytest_plugin.pytest_report_header(config) == []
    monkeypatch.setattr(pytest_plugin.sys, "platform", "win32")
    (line,) = pytest_plugin.pytest_report_header(config)
    assert "Proactor" in line
