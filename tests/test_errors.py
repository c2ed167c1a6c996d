"""Errors as a person meets them: one's own line, a sentence, the remedy."""

from __future__ import annotations

import linecache

import pandas as pd
import pytest

import dirsync_nb as ds
from dirsync_nb import errors

CELL = "number = 1\nusers = ds.load_users(client, directory_id='directory_nope')\n"


@pytest.fixture
def raised(client):
    """The error of a cell, as a kernel would meet it."""
    name = "<ipython-input-7-abc>"
    linecache.cache[name] = (len(CELL), None, CELL.splitlines(keepends=True), name)
    with pytest.raises(errors.NotFound) as caught:
        exec(compile(CELL, name, "exec"), {"ds": ds, "client": client})
    yield caught.value
    del linecache.cache[name]


def test_a_notebook_shows_ones_own_line_and_a_sentence(raised):
    shown = "\n".join(raised._render_traceback_())
    assert shown.startswith("line 2: users = ds.load_users(client, directory_id='directory_nope')\n")
    assert "NotFound: reading users of directory_nope" in shown
    assert "dirsync_nb/load" not in shown
    assert len(shown.splitlines()) <= 5


def test_asked_again_it_shows_all_of_it(raised):
    raised._render_traceback_()
    again = "".join(raised._render_traceback_())
    assert "Traceback (most recent call last)" in again
    assert "transport.py" in again


def test_rows_are_offered_only_where_there_are_some():
    error = errors.LoadError("it broke")
    error.partial = pd.DataFrame(index=[])
    assert str(error) == "it broke"
    error.partial = pd.DataFrame({"x": [1, 2]})
    assert "2 rows were read and are kept" in str(error)
