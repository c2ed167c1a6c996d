"""A file of JSON lines, cut short anywhere, holds the whole lines before the cut and takes more."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dirsync_nb.load.session import Checkpoint

LINES = st.lists(st.dictionaries(st.text(max_size=3), st.text() | st.integers()), max_size=5)


@pytest.mark.slow
@settings(deadline=None)
@given(LINES, st.data())
def test_a_cut_anywhere_loses_the_line_it_cuts_and_nothing_else(lines, data):
    lines = [{"n": n, **line} for n, line in enumerate(lines)]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "pages.jsonl")
        with Checkpoint(path) as journal:
            for line in lines:
                journal.add(line)
        whole = path.read_bytes()
        cut = data.draw(st.integers(0, len(whole)))
        path.write_bytes(whole[:cut])
        with Checkpoint(path) as journal:
            kept = journal.lines
            journal.add({"after": "the cut"})
        assert kept == lines[: whole[:cut].count(b"\n")]
        with Checkpoint(path) as journal:
            assert journal.lines == [*kept, {"after": "the cut"}]


def test_a_line_that_is_no_json_ends_what_is_believed(tmp_path):
    path = tmp_path / "pages.jsonl"
    path.write_bytes(b'{"n": 1}\n\x00\x00\x00\n{"n": 3}\n')
    with Checkpoint(path) as journal:
        assert journal.lines == [{"n": 1}]
    assert path.read_bytes() == b'{"n": 1}\n'
