"""The table of every list: pages, columns, copies; and the listing behind it: ranks and reasons."""

from __future__ import annotations

import io

import pandas as pd
import pytest
import traitlets as t

import dirsync_nb as ds
from dirsync_nb.text import USER_TEXT
from dirsync_nb.widgets._base.listing import Found, Listing, attribute_column
from dirsync_nb.widgets._base.table import Column, RowTable

from ..frame_zoo import user

COLUMNS: list[Column] = [
    {"key": "name", "title": "Name"},
    {"key": "count", "title": "Count", "kind": "number"},
    {"key": "note", "title": "Note", "hidden": True},
]
ROWS = [(f"row_{n}", (f"Name {n}", n, f"=note {n}")) for n in range(23)]


@pytest.fixture
def table():
    made = RowTable(COLUMNS, label="Rows")
    made.show(ROWS)
    return made


@pytest.fixture
def people():
    """A listing in which every rank of a match occurs for "ann berg"."""
    boss = {"manager_name": "Ann Berg"}
    users = ds.frames.users_frame(
        [
            user("u_reason", "zoe@acme.test", name="Aaron Zoe", custom_attributes=boss),
            user("u_inside", "joannberger@acme.test", name="Jo"),
            user("u_words", "x@acme.test", name="Berg Ann"),
            user("u_start", "y@acme.test", name="Ann Bergman"),
            user("u_exact", "z@acme.test", name="Änn BERG"),
            user("u_none", "n@acme.test", name="Nobody", custom_attributes={"berg": None}),
        ]
    )
    return Listing(users, COLUMNS, USER_TEXT)


def test_every_page_is_within_reach_and_no_further(table):
    assert (table.total, table.pages, table.ids) == (23, 3, [f"row_{n}" for n in range(10)])
    table.page = 3
    assert table.ids == ["row_20", "row_21", "row_22"]
    table.page = 9
    assert table.page == 3
    table.size = 25
    assert (table.page, len(table.rows)) == (1, 23)
    table.show(ROWS[:4])
    assert (table.total, len(table.rows)) == (4, 4)
    with pytest.raises(t.TraitError):
        table.size = 1_000


def test_columns_are_chosen_and_remembered_under_their_label(table):
    assert [column["key"] for column in table.columns] == ["name", "count"]
    table.choose(["note"])
    assert table.column("note")[:2] == ["=note 0", "=note 1"]  # and the first column, always
    assert [column["key"] for column in table.columns] == ["name", "note"]
    table.offer(COLUMNS, "Others")
    assert [column["key"] for column in table.columns] == ["name", "count"]
    table.offer(COLUMNS, "Rows")
    assert [shown for _, _, shown in table.menu] == [True, False, True]


def test_all_rows_are_copied_and_saved_and_none_runs_as_a_formula(table):
    table.choose(["count", "note"])
    lines = table.as_text().split("\n")
    assert lines[0] == "id\tName\tCount\tNote"
    assert (len(lines), lines[23]) == (24, "row_22\tName 22\t22\t'=note 22")
    saved = pd.read_csv(io.BytesIO(table.as_csv()), index_col=0)
    assert (len(saved), saved["note"].iloc[0]) == (23, "'=note 0")
    assert list(table.frame.index) == [i for i, _ in ROWS]


def test_the_best_match_is_first_and_says_why_it_is_one(people):
    search = "ann berg"
    found = people.found(people.matching(search), "", search)
    ids = [people.ids[place] for place in found]
    assert ids == ["u_exact", "u_start", "u_words", "u_inside", "u_reason"]
    reasons = [people.reason(place, search) for place in found]
    assert reasons == ["", "", "", "", "manager: Ann Berg"]
    shown = Found(people, found, search).rows(4, 5, [{"key": "name", "title": "Name", "sub": "address"}])
    assert shown == [("u_reason", [("Aaron Zoe", "zoe@acme.test", "manager: Ann Berg")])]


def test_a_column_that_was_asked_for_wins_over_the_rank(people):
    found = people.found(people.matching("ann"), "name", "ann")
    assert people.ids[found[0]] == "u_reason"


def test_names_of_attributes_are_no_matches(people):
    assert not people.matching("manager_name").any()
    assert [people.ids[p] for p in people.matching("berg").nonzero()[0]] != list(people.ids)


def test_attributes_are_columns_to_show_and_to_sort_by(people):
    column = attribute_column("manager_name")
    order = people.found(people.matching(""), column["key"])
    assert people.ids[order[0]] == "u_reason"  # those with no value come last
    assert people.rows(order[:2].tolist(), [column]) == [("u_reason", ["Ann Berg"]), ("u_inside", ["(absent)"])]
