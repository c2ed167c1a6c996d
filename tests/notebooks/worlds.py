"""Worlds that the guided notebooks meet with a key of one's own, and one notebook of them all for the tour.

``python -m tests.notebooks.worlds [NAME ...]`` runs every notebook by itself in these worlds, or in all, as
``dirsync-nb tour`` does with a key, and says a line for each.
"""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

from dirsync_nb.notebooks import tour
from dirsync_nb.sandbox import Sandbox
from dirsync_nb.sandbox.seeding.worlds import world_of

if TYPE_CHECKING:
    from collections.abc import Iterator


def _company(name: str, **directory: Any) -> dict[str, Any]:
    own = {"name": f"{name} Directory", "type": "okta scim v2.0", "people": 0} | directory
    return {"name": name, "domains": [f"{name.lower()}.test"], "directories": [own]}


def _of(*companies: dict[str, Any]) -> Any:
    return world_of({"organizations": list(companies)})


COARSE = "from dirsync_nb.charts import figure\nfigure.DPI = 20"  # nobody looks at these charts
SOMEBODY = {"email": "only@first.test", "first_name": "Only", "last_name": "One"}
NAMELESS = [{"email": f"p{n}@first.test", "groups": [f"Group {n % 4}", f"Group {n % 5}"]} for n in range(20)]
SEVERAL = [{"email": f"person{n}@first.test", "first_name": "Person", "last_name": str(n)} for n in range(12)]
WORLDS: dict[str, dict[str, Any]] = {
    "no directory yet": {"world": "empty"},
    "one linked but empty directory": {"world": _of(_company("First", state="linked"))},
    "one person": {"world": _of(_company("First", users=[SOMEBODY]))},
    "two small customers": {
        "world": _of(
            _company("First", people=7, groups=["All of us"]),
            _company("Second", people=3, type="gsuite directory"),
        )
    },
    "no groups": {"world": _of(_company("First", users=SEVERAL))},
    "people without names": {
        "world": _of(_company("First", users=NAMELESS, groups=[f"Group {n}" for n in range(5)]))
    },
    "an old team": {"team": "legacy", "inactive_policy": "keep", "users": 60},
    "refused credentials only": {
        "world": _of(_company("First", people=12, state="invalid_credentials", groups=["All of us"]))
    },
    "many with limits, and slow": {"users": 5000, "limits": True},
}
"""Settings of the sandbox of each world."""


@contextmanager
def serve(name: str, **other: Any) -> Iterator[dict[str, str]]:
    """Serve a world; give the variables by which ``connect()`` meets it, as a service of one's own."""
    with Sandbox(**{"seed": 7, **WORLDS[name], **other}) as sandbox:
        if "slow" in name:
            sandbox.faults.add("slow", path="/directory_users", seconds=0.1, times=None)
        yield {"WORKOS_API_KEY": sandbox.api_key, "WORKOS_BASE_URL": sandbox.url}


def in_turn(visits: list[tuple[str, dict[str, str], list[Path]]]) -> Any:
    """Return one notebook: in each world the cells of some others, each begun with nothing defined."""
    from nbformat.v4 import new_code_cell, new_notebook

    cells: list[Any] = []
    for name, variables, paths in visits:
        for path in paths:
            enter = (
                f"# {path.stem} in the world: {name}\n%reset -f\nimport os\nos.environ.update({variables!r})"
            )
            book = tour.read(path)
            cells += [new_code_cell(enter), *(cell for cell in book.cells if cell.cell_type == "code")]
    for number, cell in enumerate(cells):
        cell.id = f"cell-{number}"
    return new_notebook(cells=cells)


def main() -> int:
    failed = 0
    for name in sys.argv[1:] or WORLDS:
        with serve(name) as variables, mock.patch.dict(os.environ, variables):
            for chapter in tour.tour(tour.guided_notebooks()):
                failed += chapter.problem is not None
                print(f"{name:<30} {chapter}", flush=True)
    return failed


if __name__ == "__main__":
    sys.exit(main())
