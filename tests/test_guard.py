"""The stop where so much would go that the source is more likely broken than empty."""

from __future__ import annotations

import pickle

import pytest

import dirsync_nb as ds
from dirsync_nb import errors
from dirsync_nb.guard import TooManyGone, bytes_within, check_guard, check_vanished, why_stopped
from dirsync_nb.load import session
from dirsync_nb.notebooks import files, tour
from dirsync_nb.sandbox.seeding import copies


@pytest.mark.parametrize("guard", [150, 1.01, -0.1, float("nan"), True, "0.5", [0.5]])
def test_a_guard_that_is_no_share_is_refused(guard):
    """CMP-06: ``guard=150`` would switch it off without a word."""
    with pytest.raises(errors.ArgumentError, match="guard is a share from 0 to 1"):
        check_guard(guard, None)


@pytest.mark.parametrize("confirm", [-1, 1.5, True, "140"])
def test_a_confirmation_that_is_no_number_is_refused(confirm):
    with pytest.raises(errors.ArgumentError, match="confirm is the exact number"):
        check_guard(None, confirm)


@pytest.mark.parametrize(
    ("gone", "of", "settings", "stopped"),
    [
        (5, 10, {}, False),
        (6, 10, {}, True),
        (6, 10, {"guard": 0.6}, False),
        (1, 100, {"guard": 0}, False),  # fewer than three are never taken for everybody
        (3, 100, {"guard": 0}, True),
        (2, 2, {}, False),
        (2, 2, {"empty": True}, True),
        (10, 10, {"guard": 1}, True),  # everything goes: a share cannot allow it
        (10, 10, {"guard": None}, False),
        (0, 0, {"empty": True}, False),
        (140, 200, {"confirm": 140}, False),
        (141, 200, {"confirm": 140}, True),
        (10, 200, {"confirm": 140}, True),  # a number that does not fit is refused either way
        (141, 200, {"confirm": 140, "guard": None}, True),
    ],
)
def test_it_stops_at_a_share_and_lets_an_exact_number_pass(gone, of, settings, stopped):
    """CMP-06."""
    assert (why_stopped(gone, of, "This loses {} groups", **settings) is not None) is stopped


def test_groups_and_memberships_that_vanish_are_stopped_at_with_the_number_to_confirm():
    """CMP-06."""
    with pytest.raises(TooManyGone, match=r"40 of 40 groups \(100%\), more than.*confirm=40") as caught:
        check_vanished(40, 40, "groups")
    again = pickle.loads(pickle.dumps(caught.value))
    assert (again.gone, again.of, str(again)) == (40, 40, str(caught.value))
    check_vanished(40, 40, "groups", confirm=40)


def test_a_file_is_read_within_its_bound_and_one_without_an_end_too(tmp_path):
    path = tmp_path / "x"
    path.write_bytes(b"12345")
    assert bytes_within(path, 5) == b"12345"
    for endless in (path, "/dev/zero"):
        with pytest.raises(errors.FileTooLarge, match=f"{endless} has more than 0 MB"):
            bytes_within(endless, 4)


LAUGHS = "a: &a [x, x]\nb: &b [*a, *a]\ngroups: [{group_id: g, roles: *b}]\n"


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("laughs.yaml", LAUGHS, "line 2: no aliases"),
        ("deep.yaml", "[" * 60, "nothing nested 50 deep"),
        ("large.json", " " * 5_000_001, "has more than 5 MB"),
        ("deep.json", "[" * 100_000, "recursion"),
        ("deep.py", "GROUPS = " + "-" * 50_000 + "1", "nested too deep"),
        ("long.py", "GROUPS = " + "1+" * 100_000 + "1", "recursion"),
    ],
)
def test_a_mapping_that_grows_when_it_is_read_is_refused(tmp_path, name, content, told):
    path = tmp_path / name
    path.write_text(content)
    with pytest.raises(errors.ArgumentError, match=f"{name} holds no mapping of groups to roles: .*{told}"):
        ds.read_mapping(path)


def test_each_reader_of_a_file_has_its_bound(tmp_path, monkeypatch):
    path = tmp_path / "x.jsonl"
    path.write_text('{"what": "dirsync_nb world", "format": 1}\n{"object": "organization", "id": "o"}\n')
    monkeypatch.setattr(copies, "MOST_LINE", 40)
    with pytest.raises(errors.DirsyncError, match="line 1 has more than"):
        ds.connect_sandbox(snapshot=path)
    monkeypatch.setattr(copies, "MOST_BYTES", 40)
    monkeypatch.setattr(files, "MOST_BYTES", 40)
    monkeypatch.setattr(tour, "MOST_BYTES", 40)
    monkeypatch.setattr(session, "memory", lambda: 40)
    readers = (lambda one: ds.connect_sandbox(snapshot=one), files.read, tour.read, session.Checkpoint)
    for read in readers:
        with pytest.raises(errors.FileTooLarge, match=r"x\.jsonl"):
            read(path)
    assert len(path.read_text().splitlines()) == 2  # nothing was cut off
