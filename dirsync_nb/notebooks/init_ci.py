"""Write into somebody's repository what keeps its notebooks sound: nothing that is there is changed unasked."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from .. import extras

__all__ = ["write"]

_FIRST = Path(__file__).parent / "ci_files" / "first_look.ipynb"
_MARK = "dirsync-nb check"  # stands in every file that has its part already

_WORKFLOW = """name: notebooks
on: [push, pull_request]
permissions:
  contents: read
jobs:
  notebooks:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - uses: actions/setup-python@v5
        with:
          python-version: "3.12"
      - run: pip install "{requirement}" pytest pytest-xdist
      - run: dirsync-nb check notebooks
      - run: pytest --dirsync-sandbox --nbval -n 2 --junitxml=notebooks.xml notebooks
      - run: dirsync-nb tour --out notebooks.html --summary "$GITHUB_STEP_SUMMARY" notebooks/*.ipynb
        if: always()
      - uses: actions/upload-artifact@v4
        if: always()
        with:
          name: notebooks
          path: |
            notebooks.html
            notebooks.xml
"""
_HOOK = """repos:
  - repo: {address}
    rev: main  # or a commit
    hooks: [{{ id: dirsync-nb-check }}]  # dirsync-nb check on what is committed; installs nothing
"""
_PYTEST = """# Notebooks: dirsync-nb check notebooks && pytest --dirsync-sandbox --nbval notebooks
[pytest]
addopts = --nbval-current-env
"""
_README = """## Notebooks

The notebooks run on a sandbox with invented people, without a key, and keep to this machine:

```sh
pip install "{requirement}" pytest
dirsync-nb check notebooks                   # stale outputs, keys, addresses, local paths
pytest --dirsync-sandbox --nbval notebooks   # every cell says what it said when it was saved
dirsync-nb check --run --save notebooks      # after a change: run them and store what they say
```
"""


def write(folder: Path, *, force: bool = False) -> Iterator[str]:
    """Write workflow, hook, pytest options, a first notebook and a paragraph of README; say so, a line each.

    Parameters
    ----------
    folder
        The repository.
    force
        Also replace a workflow and notebook that are there, and complete the hooks and the README. Default:
        they stay, and what belongs into them is shown. Options of pytest that are there always stay.
    """
    requirement = extras.SOURCE.replace("dirsync_nb @", "dirsync_nb[lab] @")
    address = extras.SOURCE.partition("git+")[2]
    parts: list[tuple[str, str, Callable[[str], str]]] = [
        (".github/workflows/notebooks.yml", _WORKFLOW.format(requirement=requirement), _replaced),
        (".pre-commit-config.yaml", _HOOK.format(address=address), _hook_added),
        (_pytest_file(folder), _PYTEST, _added),
        ("notebooks/first_look.ipynb", _FIRST.read_text("utf-8"), _replaced),
        ("README.md", _README.format(requirement=requirement), _added),
    ]
    for name, text, completed in parts:
        yield _write_one(folder / name, name, text, completed, force=force)


def _write_one(path: Path, name: str, text: str, completed: Callable[[str], str], *, force: bool) -> str:
    old = path.read_text("utf-8") if path.exists() else None
    if old is not None and (old == text or _MARK in old):
        return f"{name}: has it already"
    if old is not None and (not force or text == _PYTEST):
        shown = "" if name.endswith(".ipynb") else f"; it is for you to add:\n\n{text}"
        return f"{name}: is there already and stays as it is{shown}"
    path.parent.mkdir(parents=True, exist_ok=True)
    made = text if old is None or completed is _replaced else f"{old.rstrip()}\n{completed(text)}"
    path.write_text(made, "utf-8")
    return f"{name}: {'written' if old is None else 'changed'}"


def _replaced(text: str) -> str:
    return text


def _added(text: str) -> str:
    return f"\n{text}"


def _hook_added(text: str) -> str:
    return text.partition("\n")[2]  # under the `repos:` that is there


def _pytest_file(folder: Path) -> str:
    """Name the file that pytest reads, which is the only one it reads."""
    for name, sign in (("pytest.ini", ""), ("pyproject.toml", "[tool.pytest"), ("tox.ini", "[pytest]")):
        path = folder / name
        if path.exists() and sign in path.read_text("utf-8"):
            return name
    return "pytest.ini"
