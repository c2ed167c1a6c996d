"""The plan of the house, held against its imports: an arrow only points to an earlier room."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import dirsync_nb as ds

PACKAGE = Path(ds.__file__).parent

# Each room, and the outside libraries it may use. It may import any room above it.
ROOMS: dict[str, set[str]] = {
    "errors": set(),
    "extras": set(),
    "pacing": set(),
    "transport": {"msgspec", "requests", "urllib3"},
    "endpoints": set(),
    "pseudonyms": {"requests"},
    "client": set(),
    "columns": set(),
    "tables": set(),
    "json_column": {"msgspec", "numpy", "pandas", "pyarrow"},
    "packing": {"numpy", "pandas", "pyarrow"},
    "frames": {"pandas"},
    "progress": {"tqdm"},
    "many": {"pandas"},
    "pieces": set(),
    "places": set(),
    "walks": set(),
    "load": {"pandas"},
    "memberships": {"pandas"},
    "connect": set(),
    "files": {"openpyxl", "pandas", "pyarrow"},
    "wording": set(),
    "search": {"pandas"},
    "evidence": {"pandas"},
    "sync": {"pandas"},
    "history": {"pandas"},
    "follow": {"pandas"},
    "journal": set(),
    "snapshot": {"pandas"},
    "comparison": {"pandas"},
    "database": {"pandas", "sqlalchemy"},
    "webhooks": {"pandas"},
    "diffs": {"numpy", "pandas"},
    "analysis_sizes": {"numpy", "pandas", "scipy"},
    "analysis_overlap": {"numpy", "pandas", "scipy"},
    "analysis_attributes": {"numpy", "pandas", "scipy"},
    "analysis_access": {"numpy", "pandas", "scipy"},
    "analysis": set(),
    "audit_rules": {"pandas"},
    "audit_rows": {"numpy", "pandas"},
    "audit": {"pandas"},
    "what_if": {"numpy", "pandas"},
    "prefill": {"numpy", "pandas"},
    "onboarding": {"numpy", "pandas"},
    "redaction": {"pandas"},
    "fleet_files": {"pandas", "pyarrow"},
    "fleet_load": {"distributed"},
    "fleet_answers": {"numpy", "pandas", "scipy"},
    "fleet_plans": {"pandas"},
    "fleet": {"dask", "numpy", "pandas"},
    "fleet_take": {"pandas"},
    "chart_text": set(),
    "drawing": {"matplotlib", "pandas"},
    "palette": {"matplotlib", "numpy", "pandas"},
    "chart_sizes": {"matplotlib", "numpy", "pandas"},
    "chart_overlap": {"matplotlib", "numpy", "pandas"},
    "chart_states": {"matplotlib", "numpy", "pandas"},
    "chart_time": {"matplotlib", "numpy", "pandas"},
    "chart_roles": {"matplotlib", "numpy", "pandas"},
    "charts": set(),
    "checklist_facts": {"pandas"},
    "checklist_service": {"pandas"},
    "checklist_sync": {"pandas"},
    "checklist_data": {"pandas"},
    "checklist": {"pandas"},
    "kernels": {"jupyter_client"},
    "lab_files": {"ipykernel", "jupyter_client", "jupyter_core", "nbformat"},
    "tour": {"nbclient", "nbconvert", "nbformat", "traitlets"},
    "sensitive": set(),
    "outbound": set(),
    "notebook_files": set(),
    "notebook_cells": set(),
    "notebook_findings": set(),
    "notebook_fix": set(),
    "notebooks_check": set(),
    "pytest_plugin": {"pytest"},
    "starter": set(),
    "reference": {"pandas", "pdoc"},
    "cli": set(),
}
SANDBOX_LIBRARIES = {"anyio", "scim2_models", "starlette", "uvicorn", "yaml"}
WIDGET_LIBRARIES = {
    "IPython",
    "anywidget",
    "dirsync_nb",
    "ipywidgets",
    "matplotlib",
    "numpy",
    "pandas",
    "traitlets",
}
MAY_OPEN_THE_SANDBOX = {"connect", "cli", "tour", "notebooks_check", "pytest_plugin"}


def imported(path: Path) -> set[str]:
    """Give every module a file imports, ours as ``.name``."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names.add((node.module or "").split(".")[0])
        elif isinstance(node, ast.ImportFrom):
            dots = "." * node.level
            names |= {dots + (node.module or alias.name).split(".")[0] for alias in node.names}
    return names


def test_every_module_has_a_room():
    found = {path.stem for path in PACKAGE.glob("*.py")} - {"__init__", "__main__"}
    assert found == set(ROOMS)


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_only_rooms_above_it_and_its_own_libraries(room):
    above = {f".{name}" for name in list(ROOMS)[: list(ROOMS).index(room)]}
    if room in MAY_OPEN_THE_SANDBOX:
        above.add(".sandbox")
    foreign = {
        name
        for name in imported(PACKAGE / f"{room}.py")
        if name.startswith(".") or (name not in sys.stdlib_module_names and name != "dirsync_nb")
    }
    assert foreign <= above | ROOMS[room]


@pytest.mark.parametrize("path", sorted((PACKAGE / "widgets").rglob("*.py")), ids=lambda path: path.name)
def test_widgets_import_no_command_and_only_their_own_libraries(path):
    ours = {name for name in imported(path) if name.startswith("..")}
    libraries = {n for n in imported(path) if not n.startswith(".") and n not in sys.stdlib_module_names}
    assert not ours & {"..cli", "..tour", "..sandbox"}
    assert libraries <= WIDGET_LIBRARIES


@pytest.mark.parametrize("path", sorted((PACKAGE / "sandbox").rglob("*.py")), ids=lambda path: path.name)
def test_the_sandbox_imports_nothing_of_ours_but_how_to_install_it(path):
    foreign = {name for name in imported(path) if name.startswith("..") or name == "dirsync_nb"}
    libraries = {n for n in imported(path) if not n.startswith(".") and n not in sys.stdlib_module_names}
    assert foreign <= {"..extras"}
    assert libraries <= SANDBOX_LIBRARIES


def test_importing_the_package_loads_requests_and_pandas_only():
    code = (
        "import sys, dirsync_nb; "
        "heavy = {'matplotlib', 'scipy', 'ipywidgets', 'anywidget', 'sqlalchemy', 'IPython', 'tqdm', "
        "'starlette', 'uvicorn', 'nbformat', 'dask', 'distributed', 'pytest', 'pdoc', 'openpyxl'}; "
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "[]\n"


def test_the_front_door_shows_what_it_says_and_nothing_else():
    visible = {name for name in vars(ds) if not name.startswith("_")}
    modules = {name for name in visible if getattr(ds, name).__class__.__name__ == "module"}
    assert visible - modules - {"TYPE_CHECKING", "Any", "import_module"} <= set(ds.__all__)
    assert list(ds.__all__) == sorted(ds.__all__)
    assert all(getattr(ds, name) is not None for name in ds.__all__)
    assert dir(ds) == sorted(ds.__all__)
    with pytest.raises(AttributeError, match="no attribute 'lode_users'"):
        ds.lode_users  # noqa: B018


def test_every_public_function_says_what_it_does():
    for name in ds.__all__:
        thing = getattr(ds, name)
        assert (thing.__doc__ or "").strip(), name
