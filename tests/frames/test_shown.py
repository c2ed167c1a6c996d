"""Frames as people read them, and what their columns mean."""

from __future__ import annotations

import re

import matplotlib.pyplot as plt
import pandas as pd
import pytest

import dirsync_nb as ds
from dirsync_nb import errors, frames
from dirsync_nb.frames import schema

from ..frame_zoo import group, memberships, user

PERSON = user(
    "directory_user_01JX9T2M4Q8R7V6W5Y3Z1A2B3C",
    "a@acme.test",
    name="<b>$ Budget $ Owners</b>",
    custom_attributes={"team": "A", "tags": ["x"]},
    roles=[{"slug": "admin"}, {"slug": "owner"}],
    job_title="old",
)
USERS = frames.users_frame([PERSON, user("u2", None)])
GROUPS = frames.groups_frame([group("g1", "$ Budget $ Owners")])
EDGES = memberships((PERSON["id"], "g1"), ("stranger", "g1"))


def headings(shown):
    return re.findall(r"<th(?: [^>]*)?>(.*?)</th>", shown._repr_html_())


def test_names_come_first_and_ids_last_whole_for_who_copies_them():
    shown = ds.show(USERS)
    assert headings(shown)[:2] == ["name", "address"]
    assert headings(shown)[-4:] == ["idp_id", "directory_id", "organization_id", "user_id"]
    html = shown._repr_html_()
    assert f"<bdi>{PERSON['id']}</bdi>" in html
    assert "&lt;b&gt;$ Budget $ Owners&lt;/b&gt;" in html
    assert "<b>" not in html
    assert 'class="tex2jax_ignore mathjax_ignore"' in html
    row = shown.table.iloc[0]
    assert (row["roles"], row["created_at (UTC)"]) == ("admin, owner", "2026-01-05 09:00")
    assert shown.table.iloc[1]["address"] == "–"
    assert "Deprecated by WorkOS, not shown: job_title" in shown.notes[-1]
    assert "None" not in repr(shown)


def test_memberships_read_as_people_and_groups():
    shown = ds.show(EDGES, users=USERS, groups=GROUPS)
    assert headings(shown) == ["user", "group", "user_id", "group_id", "directory_id"]
    assert shown.table["group"].tolist() == ["$ Budget $ Owners"] * 2
    assert shown.table["user"].tolist() == ["<b>$ Budget $ Owners</b>", "–"]
    with pytest.raises(errors.ArgumentError, match="users must be indexed by user_id"):
        ds.show(EDGES, users=GROUPS)
    with pytest.raises(errors.ArgumentError, match="rows must be a whole number, at least 1; got 0"):
        ds.show(EDGES, rows=0)
    assert ds.show(EDGES, rows=1).notes == ["1 of 2 rows."]


@pytest.mark.parametrize(
    "frame", [USERS, USERS.iloc[:0], GROUPS, EDGES, frames.events_frame([]), pd.DataFrame({"a": [1.5, None]})]
)
def test_any_frame_can_be_shown_and_described(frame):
    assert "</table>" in ds.show(frame)._repr_html_()
    described = ds.describe_columns(frame)
    assert len(described) == frame.shape[1] + (frame.index.name is not None)


def test_a_frame_at_the_end_of_a_cell_shows_its_text_as_typed():  # PDS-02
    html = GROUPS._repr_html_()
    assert "mathjax_ignore" in html
    assert "$ Budget $ Owners" in html


def test_every_declared_column_has_a_meaning_a_source_and_a_type():
    table = ds.describe_columns()
    assert table[["meaning", "type", "dtype", "source"]].notna().all(axis=None)
    for kind, columns in (("users", schema.USER_COLUMNS), ("events", schema.EVENT_COLUMNS)):
        assert table.loc[kind]["dtype"].iloc[1:].to_dict() == columns
    assert table.loc[("memberships", "user_id"), "meaning"].startswith("Who")


def test_a_frame_is_described_by_what_it_is():
    described = ds.describe_columns(ds.spread_attributes(USERS).assign(mine=1))
    assert described.index[0] == "user_id"
    assert described.loc["address", "meaning"] == "The best e-mail address known."
    assert described.loc["groups", "meaning"].startswith("Deprecated by WorkOS")
    assert described.loc["custom_attributes.team", ["type", "example"]].tolist() == ["text", "A"]
    assert described.loc["mine", "dtype"] == "int64"
    assert pd.isna(described.loc["mine", "meaning"])


def test_pyplot_saves_a_chart_drawn_on_its_own_axes(tmp_path):
    figure, ax = plt.subplots()
    ds.charts.plot_group_sizes(EDGES, GROUPS, ax=ax)
    plt.savefig(tmp_path / "sizes.png")
    plt.close(figure)
    assert (tmp_path / "sizes.png").stat().st_size > 5_000
