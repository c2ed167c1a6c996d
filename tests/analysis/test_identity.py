"""How ids and addresses are compared: what is the same, what only looks it."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from dirsync_nb.analysis import identity


@pytest.mark.parametrize(
    "text",
    [
        " Ann@ACME.test ",
        "ann\u200b@acme.test",
        "\ufeffann@acme.test",
        "ann@ac\u00adme.test",
        "ann@acme.test\u2060",
        "\u3164ann@acme.test",
        "ann@acme.test\u00a0",
        "\tann@acme.test\r\n",
    ],
)
def test_an_address_is_compared_without_what_nobody_sees(text):
    """ADR-01."""
    assert identity.address_key(text) == "ann@acme.test"


def test_accents_are_the_same_however_they_are_stored():
    assert identity.address_key("zo\u00eb@acme.test") == identity.address_key("zoe\u0308@acme.test")
    assert identity.address_key("zoë@acme.test") != identity.address_key("zoe@acme.test")


@pytest.mark.parametrize("value", [None, "", "  ", np.nan, pd.NA, pd.NaT, "\u200b"])
def test_nothing_is_no_key(value):
    assert identity.address_key(value) is None
    assert identity.id_key(value) in (None, "\u200b")


@pytest.mark.parametrize("value", [124, 124.0, np.float64(124), np.int32(124), Decimal("124.0"), " 124 "])
def test_a_whole_number_read_as_a_float_is_that_number(value):
    """CMP-05."""
    assert identity.id_key(value) == "124"


def test_ids_are_exact():
    assert identity.id_key("0124") == "0124"
    assert identity.id_key("aB") != identity.id_key("ab")
    assert identity.id_key(124.5) == "124.5"
    assert identity.id_key(np.inf) == "inf"
    # The last digits of such a float are lost: it would be somebody else's id.
    assert identity.id_key(7.2057594038135102e16) is None
    assert identity.id_key(72057594038135102) == "72057594038135102"


def test_what_looks_alike_has_one_near_form():
    assert {identity.near_id(one) for one in ("0124", 124, 124.0, "124.0", " 124")} == {"124"}
    assert identity.near_id("ABC") == identity.near_id("abc")
    assert identity.near_id("000") == "0"
    assert identity.near_id(None) is None


def test_only_two_known_ids_contradict():
    """CMP-03."""
    found = identity.contradicted(["10", "10", None, 10.0, "a"], ["22", None, "22", "10", "A"])
    assert found.tolist() == [True, False, False, False, True]


def test_characters_that_nobody_sees_are_named():
    assert identity.invisible_in("ann\u200b@acme.test\u200b") == ["U+200B ZERO WIDTH SPACE"]
    assert identity.invisible_in("a\x07\u00ad") == ["U+0007 CONTROL CHARACTER", "U+00AD SOFT HYPHEN"]
    assert identity.invisible_in("Zoë 営業部") == []
