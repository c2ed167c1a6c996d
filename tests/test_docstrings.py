"""Examples in docstrings run as they stand, with the frames of a first notebook at hand."""

from __future__ import annotations

import doctest
import importlib
from pathlib import Path

import pytest

import dirsync_nb as ds

PACKAGE = Path(ds.__file__).parent
WITH_EXAMPLES = sorted(
    ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts)
    for path in PACKAGE.rglob("*.py")
    if "template" not in path.parts and ">>> " in path.read_text(encoding="utf-8")
)
LOADERS = [name for name in ds.__all__ if name.startswith("load_") and name != "load_app_users"]


@pytest.fixture
def at_hand(client):
    directories = ds.load_directories(client)
    first = directories.index[0]
    users, groups = ds.load_users(client, first), ds.load_groups(client, first)
    memberships = ds.load_memberships(client, first, users=users, groups=groups)
    frames = {"directories": directories, "users": users, "groups": groups, "memberships": memberships}
    return {"ds": ds, "client": client, **frames}


@pytest.mark.parametrize("module", WITH_EXAMPLES)
def test_every_example_runs_as_it_stands(module, at_hand):
    failed, tried = doctest.testmod(importlib.import_module(module), extraglobs=at_hand)
    assert tried > 0
    assert failed == 0


@pytest.mark.parametrize("name", LOADERS)
def test_every_loader_has_an_example(name):
    (found,) = doctest.DocTestFinder(recurse=False).find(getattr(ds, name), name)
    assert f"ds.{name}(client" in "".join(example.source for example in found.examples)
