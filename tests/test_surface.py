"""One surface: the same thing has the same name, place and default in every public function."""

from __future__ import annotations

import inspect
from collections import defaultdict
from dataclasses import is_dataclass
from typing import Any

import pytest

import dirsync_nb as ds
from dirsync_nb.sandbox import Sandbox
from dirsync_nb.sandbox.settings import Options

FRAMES = ("users", "groups", "memberships")


def public() -> dict[str, Any]:
    """Every function and class that a front door shows, by module and name."""
    doors = [ds, *(one for one in (getattr(ds, name) for name in ds.__all__) if inspect.ismodule(one))]
    found = {
        f"{door.__name__}.{name}": getattr(door, name)
        for door in doors
        for name in door.__all__
        if callable(getattr(door, name)) and "dirsync_nb" in (getattr(door, name).__module__ or "")
    }
    return {name: one for name, one in found.items() if not name.startswith("dirsync_nb.client.")}


def parameters(thing: Any) -> dict[str, inspect.Parameter]:
    try:
        return dict(inspect.signature(thing).parameters)
    except ValueError:  # a type alias
        return {}


PUBLIC = public()


def test_frames_come_in_one_order_where_they_are_told_by_place():
    """The frame that a question is about comes first; then users, groups, memberships."""
    for name, thing in PUBLIC.items():
        told = [each for each in parameters(thing).values() if each.kind is each.POSITIONAL_OR_KEYWORD]
        for optional in (False, True):
            frames = [e.name for e in told[1:] if e.name in FRAMES and (e.default is not e.empty) is optional]
            assert frames == sorted(frames, key=FRAMES.index), name


def test_a_filter_or_option_is_a_named_keyword():
    """A star hides a typo from a type checker; the one option list has a declared set of names."""
    hidden = {
        name
        for name, thing in PUBLIC.items()
        for about in parameters(thing).values()
        if about.kind is about.VAR_KEYWORD and not isinstance(thing, type)
    }
    assert hidden == {"dirsync_nb.connect_sandbox", "dirsync_nb.frames.takes_frames"}  # the second decorates
    own = {"seed", "users", "host"}  # named by connect_sandbox itself, or no matter of a client
    assert set(Options.__annotations__) == set(parameters(Sandbox)) - own


@pytest.mark.parametrize(
    "word", ["by", "on", "keep", "active", "status_words", "guard", "confirm", "limit", "order"]
)
def test_a_word_has_one_default(word):
    defaults: dict[Any, list[str]] = defaultdict(list)
    for name, thing in PUBLIC.items():
        if (about := parameters(thing).get(word)) and about.default is not about.empty:
            defaults[about.default].append(name)
    if word == "limit":  # of the feed's lines: somebody looks at it for hours
        defaults.pop(500)
    assert len(defaults) == 1, dict(defaults)


def test_one_or_many_directories_are_always_directory_id():
    for name, thing in PUBLIC.items():
        if is_dataclass(thing):  # what it holds are ids indeed
            continue
        wrong = {"directory_ids", "dir_id", "directories_id"} & set(parameters(thing))
        assert not wrong, name
