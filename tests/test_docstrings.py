"""Examples in docstrings run as they stand, with the frames of a first notebook; no public name lacks one."""

from __future__ import annotations

import doctest
import importlib
import inspect
import os
import re
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
import pytest

import dirsync_nb as ds
from dirsync_nb.client import DirectoryClient, Pacer, Transport

from .canary import KEY

PACKAGE = Path(ds.__file__).parent
WITH_EXAMPLES = sorted(
    ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts)
    for path in PACKAGE.rglob("*.py")
    if "template" not in path.parts and ">>> " in path.read_text(encoding="utf-8")
)
ROOMS = [name for name in ds.__all__ if inspect.ismodule(getattr(ds, name))]


def public():
    """Return every public function, and the public widgets, by the name people type."""
    found = {f"ds.{name}": getattr(ds, name) for name in ds.__all__}
    found |= {
        f"ds.{room}.{name}": getattr(getattr(ds, room), name)
        for room in ROOMS
        for name in getattr(ds, room).__all__
    }
    return {name: it for name, it in found.items() if inspect.isfunction(it) or name.startswith("ds.widgets.")}


@pytest.fixture(scope="module")
def at_hand(shared_sandbox, tmp_path_factory):
    """The names of a first notebook, in a folder of its own; examples change neither frames nor sandbox."""
    before = Path.cwd()
    os.chdir(tmp_path_factory.mktemp("examples"))
    client = DirectoryClient(
        Transport(shared_sandbox.url, KEY, pacer=Pacer.unlimited()), sandbox=shared_sandbox
    )
    directories, first = ds.load_directories(client), ds.load_directories(client, limit=1).index[0]
    users, groups = ds.load_users(client, first), ds.load_groups(client, first)
    memberships = ds.load_memberships(client, first, users=users, groups=groups)
    ds.write_sample_app(users, "app.db")
    frames = {"directories": directories, "users": users, "groups": groups, "memberships": memberships}
    frames |= {
        "events": ds.load_events(client),
        "app_users": ds.load_app_users("sqlite:///app.db", table="users"),
    }
    yield {"ds": ds, "pd": pd, "client": client, **frames}
    plt.close("all")
    client.close()
    os.chdir(before)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("module", WITH_EXAMPLES)
def test_every_example_runs_as_it_stands(module, at_hand):
    failed, tried = doctest.testmod(importlib.import_module(module), extraglobs=at_hand)
    assert tried > 0
    assert failed == 0


@pytest.mark.parametrize("name", sorted(public()))
def test_every_public_name_has_an_example(name):
    found = doctest.DocTestParser().get_examples(inspect.getdoc(public()[name]) or "")
    source = "".join(example.source for example in found)
    assert re.search(rf"\bds\.[\w.]*\b{name.rpartition('.')[2]}\b", source), "an example that calls it"
