"""Kernels on machines where nothing ran before: homes and folders of every sort, sockets, no leftovers."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import nbformat
import pytest
from nbformat import v4

import dirsync_nb as ds
from dirsync_nb.notebooks import kernels

ROOT = str(Path(ds.__file__).parent.parent)
ODD = ("HOME", "TMPDIR", "IPYTHONDIR", "MPLCONFIGDIR", "MPLBACKEND")
LONG = "/".join(["a rather long name of a folder"] * 8)
ACCENTS = "/".join(["Büro für Ünïcode"] * 4)  # 67 letters, 83 bytes

# What each machine has; a relative path stands for one in a folder of the test, made before if it ends in "/".
HOMES: dict[str, dict[str, str]] = {
    "empty": {"HOME": "home/"},
    "unwritable": {"HOME": "/dev/null", "XDG_CACHE_HOME": "/proc/x", "MPLCONFIGDIR": "/dev/null/x"},
    "none, and nobody's": {"pwd": ""},
    "not there": {"HOME": "nowhere/at/all", "XDG_CONFIG_HOME": "not/yet", "XDG_DATA_HOME": "neither"},
    "blanks and accents": {"HOME": f"my {ACCENTS}/", "TMPDIR": f"my {ACCENTS}/"},
    "long": {"HOME": f"{LONG}/", "TMPDIR": f"{LONG}/", "JUPYTER_RUNTIME_DIR": f"{LONG}/"},
    "no absolute path": {"HOME": "", "XDG_CACHE_HOME": "./here", "JUPYTER_DATA_DIR": "./here", "TMPDIR": ""},
}
NOBODY = "import pwd\ndef unknown(uid):\n    raise KeyError(uid)\npwd.getpwuid = unknown\n"
CELL = """import matplotlib, pathlib, IPython
matplotlib.get_cachedir(), matplotlib.get_configdir()
print(pathlib.Path.home().is_dir(), pathlib.Path(IPython.paths.get_ipython_dir()).is_dir())"""


def machine(folder: Path, variables: dict[str, str]) -> dict[str, str]:
    """Return the environment of such a machine."""
    made = {n: v for n, v in os.environ.items() if n not in ODD and not n.startswith(("XDG_", "JUPYTER_"))}
    for name, value in variables.items():
        if value.endswith("/"):
            (folder / value).mkdir(parents=True, exist_ok=True)
        relative = value.startswith(("/", ".")) or not value
        made[name] = value if relative else str(folder / value)
    if made.pop("pwd", None) is not None:
        (folder / "sitecustomize.py").write_text(NOBODY)
    # The key is of no use here, but spares the sandbox that no cell asks for.
    return made | {"PYTHONPATH": os.pathsep.join([str(folder), ROOT]), "WORKOS_API_KEY": "sk_test_" + "unused"}


@pytest.mark.parametrize("name", HOMES)
def test_the_tour_of_a_notebook_runs_in_any_home_and_leaves_nothing_in_it(tmp_path, name):  # NBS-03
    environment = machine(tmp_path, HOMES[name])
    (work := tmp_path / "work").mkdir()
    nbformat.write(v4.new_notebook(cells=[v4.new_code_cell(CELL)]), work / "one.ipynb")
    done = subprocess.run(
        [sys.executable, "-m", "dirsync_nb.cli", "tour", "--out", "page.html", "one.ipynb"],
        cwd=work,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    page = (work / "page.html").read_text()
    assert "True True" in page
    assert "not a writable" not in page
    assert {path.name for path in work.iterdir()} == {"one.ipynb", "page.html"}
    left = {path.name for path in tmp_path.rglob("*")} & {".ipython", ".jupyter", "runtime", "history.sqlite"}
    assert left == set()
    assert list(tmp_path.rglob("dsn-*")) == []


@pytest.mark.parametrize("home", ["/dev/null", "/proc/self", "/nowhere/at/all", "", ".", "x" * 300, "\udcff"])
def test_a_home_in_which_no_file_can_be_made_is_none(home):
    assert kernels.has_home({"HOME": home, "USERPROFILE": home}) is False


def test_folders_that_cannot_be_used_are_not_named_to_a_kernel_and_others_are_untouched(tmp_path):
    fine = {
        "HOME": str(tmp_path),
        "XDG_CACHE_HOME": str(tmp_path / "not" / "yet"),
        "LANG": "C",
        "MPLCONFIGDIR": "rel",
    }
    wrong = {
        "XDG_CONFIG_HOME": "relative",
        "XDG_DATA_HOME": "/proc/x",
        "IPYTHONDIR": "",
        "JUPYTER_DATA_DIR": "x" * 300,
    }
    assert kernels.usable(fine | wrong, tmp_path) == fine
    assert not (tmp_path / "not").exists()
    place = kernels.Place(tmp_path / "place", sockets=False)
    own = {name: value for name, value in place.environment(fine | wrong).items() if name not in fine}
    assert own.keys() == {"IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR"}
    assert set(own.values()) == {str(tmp_path / "place")}


def test_the_variables_of_this_process_are_as_they_were_after_a_block_at_home(monkeypatch):
    monkeypatch.setenv("HOME", "/dev/null")
    monkeypatch.setenv("MPLCONFIGDIR", "/proc/x")
    before = dict(os.environ)
    with kernels.at_home():
        home = Path.home()
        assert list(home.iterdir()) == []
        assert "MPLCONFIGDIR" not in os.environ
    assert os.environ == before
    assert not home.exists()


@pytest.mark.parametrize(
    ("name", "taken"), [("s", True), ("x" * 25, True), ("ü" * 25, False), ("x" * 90, False)]
)
def test_a_socket_counts_the_bytes_of_its_path(name, taken):
    with tempfile.TemporaryDirectory(dir="/tmp") as short:
        (folder := Path(short) / name).mkdir()
        assert kernels.takes_sockets(folder) is taken
        assert list(folder.iterdir()) == []


def test_where_no_folder_takes_sockets_kernels_are_spoken_to_over_tcp(monkeypatch):
    """As on Windows."""
    monkeypatch.delattr(socket, "AF_UNIX")
    with kernels.place() as place:
        first, second = place.settings(), place.settings()
        assert "transport" not in first
        assert first != second
        assert Path(first["connection_file"]).parent == place.folder
    assert not place.folder.exists()


def test_a_kernel_runs_over_tcp_and_one_that_does_not_start_says_why(tmp_path):
    """In a process of its own, whose end adds nothing: nbclient cleans up at exit what never was."""
    nbformat.write(v4.new_notebook(cells=[v4.new_code_cell("1")]), tmp_path / "one.ipynb")
    (tmp_path / "child").mkdir()
    (tmp_path / "child" / "ipykernel_launcher.py").write_text("raise SystemExit('no kernel today')")
    script = """
import os, pathlib
from dirsync_nb.notebooks import kernels, tour
kernels.takes_sockets = lambda folder: False
path = pathlib.Path("one.ipynb")
for more in ({}, {"PYTHONPATH": "child"}):
    print(tour.run(path, tour.read(path), path.parent, {**os.environ, **more}, 60).problem)
"""
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": ROOT},
        capture_output=True,
        text=True,
        timeout=120,
    )
    why = "the kernel did not start (Kernel died before replying to kernel_info: no kernel today)"
    assert (done.stdout.splitlines(), done.stderr) == (["None", why], "")
