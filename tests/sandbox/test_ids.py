"""Ids and moments as the service writes them."""

from __future__ import annotations

import random
import re

import pytest

from dirsync_nb.sandbox.directory import clock
from dirsync_nb.sandbox.directory.ids import make_id, rising_ids, ulid


def test_an_id_is_a_prefix_and_a_ulid_of_its_moment() -> None:
    made = make_id("directory_user", clock.NOW, seed=1, number=7)
    assert re.fullmatch(r"directory_user_01KZ[0-9A-HJKMNP-TV-Z]{22}", made) or made.startswith(
        "directory_user_01"
    )
    assert make_id("directory_user", clock.NOW, seed=1, number=7) == made
    assert make_id("directory_user", clock.NOW, seed=2, number=7) != made
    assert len(made) == len("directory_user_") + 26


def test_ulids_sort_like_their_numbers() -> None:
    written = [ulid(*pair) for pair in ((1, 0), (1, 1), (1, 2**80 - 1), (2, 0), (2**48 - 1, 0))]
    assert written == sorted(written)


@pytest.mark.parametrize("count", [0, 1, 1000])
def test_rising_ids_are_different_and_in_order(count: int) -> None:
    made = list(rising_ids("x", 1, count, random.Random(1)))
    assert len(set(made)) == count
    assert made == sorted(made)


def test_a_moment_is_read_as_it_is_written() -> None:
    assert clock.parse(clock.iso(clock.NOW + 7)) == clock.NOW + 7
    assert clock.parse("2026-08-03T09:00:00Z") == clock.NOW


@pytest.mark.parametrize(
    "text", ["2026-08-03T09:00:00+00:00", "2026-08-03", "2026-08-03T09:00:00", "x", "2026-02-30T00:00:00Z"]
)
def test_another_form_of_moment_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        clock.parse(text)
