"""Every test that the table of statements names is there."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

TABLE = Path(__file__).with_name("STATEMENTS.md")
ROOT = Path(__file__).parents[2]
NAMED = re.findall(r"\| `([\w/]+\.py)(?:::(\w+))?` \|$", TABLE.read_text("utf-8"), re.MULTILINE)


def test_every_row_names_a_test() -> None:
    rows = [line for line in TABLE.read_text("utf-8").splitlines() if line.startswith("| ")]
    assert len(NAMED) == len(rows) - 1 > 30


@pytest.mark.parametrize("file", sorted({file for file, _ in NAMED}))
def test_the_tests_it_names_exist(file: str) -> None:
    tree = ast.parse((ROOT / file).read_text("utf-8"))
    there = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)} | {""}
    assert {name for other, name in NAMED if other == file} <= there
