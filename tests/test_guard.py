"""The stop where so much would go that the source is more likely broken than empty."""

from __future__ import annotations

import pickle

import pytest

from dirsync_nb import errors
from dirsync_nb.guard import TooManyGone, check_guard, check_vanished, why_stopped


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
