"""Null, empty, absent, and a text that reads like one of these: each has a spelling of its own."""

from __future__ import annotations

import pytest

from dirsync_nb import errors, widgets
from dirsync_nb.analysis import group_by_attribute
from dirsync_nb.frames import groups_frame, users_frame
from dirsync_nb.provisioning.onboarding import select_users
from dirsync_nb.text import ABSENT
from dirsync_nb.widgets._base.events import changed
from dirsync_nb.widgets._base.face import facts_of
from dirsync_nb.widgets._base.listing import Listing

from ..foreign import users
from ..frame_zoo import memberships

ODD = {
    "u000": None,
    "u001": "",
    "u002": ABSENT,
    "u003": "(none)",
    "u004": 5,
    "u005": "5",
    "u006": True,
    "u007": "x",
}
LABELS = {
    "u000": "(none)", "u001": "(blank)", "u002": "(absent)", "u003": '"(none)"', "u004": "5", "u005": '"5"',
    "u006": "true", "u007": "x",
}  # fmt: skip


def odd_users():
    records = users(len(ODD))
    for record in records:
        record["directory_id"] = "d1"
        value = ODD[record["id"]]
        record["custom_attributes"] = {"badge": value} if value is not ABSENT else {}
    return users_frame(records)


@pytest.fixture
def explorer(client, okta):
    groups = groups_frame([{"id": "g1", "directory_id": okta, "name": "(no name)"}, {"id": "g2", "name": None}])
    found = widgets.DirectoryExplorer(client, okta, users=odd_users(), groups=groups)
    found.attribute = "badge"
    yield found
    found.close()


def test_tables_menus_facets_and_selections_have_one_spelling_for_each(explorer):
    menu = {label.rpartition(" (")[0]: value for label, value in explorer.filters.value.options if value}
    assert set(menu) == set(LABELS.values())
    assert set(explorer.facets.counts("attribute")) == set(LABELS.values())
    column = {"key": "custom_attributes.badge", "attribute": "badge"}
    listing = Listing(odd_users(), [column], ())
    assert {i: cell for i, (cell,) in listing.rows(range(len(ODD)), [column])} == LABELS
    pairs = memberships(*((user_id, "g1") for user_id in ODD))
    counts = group_by_attribute(pairs, odd_users(), "badge")
    assert sorted(counts.columns) == sorted(LABELS.values())
    for user_id, label in LABELS.items():
        explorer.attribute_value = menu[label]
        assert explorer.rows.index.tolist() == [user_id]
        assert select_users(odd_users(), attributes={"badge": label}).index.tolist() == [user_id]


@pytest.mark.parametrize("user_id", ["u000", "u001", "u002", "u004", "u006", "u007"])
def test_a_value_itself_selects_what_has_it(user_id):
    for name in ("badge", "custom_attributes.badge"):
        assert select_users(odd_users(), attributes={name: ODD[user_id]}).index.tolist() == [user_id]
    both = select_users(odd_users(), attributes={"badge": [ODD[user_id], "x"]})
    assert both.index.tolist() == sorted({user_id, "u007"})


def test_a_group_that_is_called_so_is_told_from_one_without_a_name(explorer):
    names = [label for label, _ in explorer.filters.group.options]
    assert '"(no name)"' in names
    assert "(no name)" in names


def test_what_changed_tells_null_from_blank_and_absent():
    data = {"id": "u1", "custom_attributes": {"a": "", "b": "(none)", "c": None}}
    data["previous_attributes"] = {"custom_attributes": {"a": None, "b": None, "c": "x", "d": "x"}}
    assert changed({"event": "dsync.user.updated", "data": data}) == [
        ("a", "(none)", "(blank)"),
        ("b", "(none)", '"(none)"'),
        ("c", "x", "(none)"),
        ("d", "x", "(absent)"),
    ]


def test_a_card_names_what_is_null_and_what_is_blank_apart():
    record = {**users(1)[0], "custom_attributes": {"a": None, "b": "", "c": "(none)"}}
    (folded,) = facts_of(record)["folded"]
    assert folded["rows"] == [["c", "(none)"], ["Without a value", "a"], ["Blank", "b"]]


def test_an_attribute_called_role_is_not_the_role():
    records = [{**users(1)[0], "role": {"slug": "member"}, "custom_attributes": {"role": "chief"}}]
    frame = users_frame(records)
    assert len(select_users(frame, attributes={"role": "member"})) == 1
    assert len(select_users(frame, attributes={"custom_attributes.role": "chief"})) == 1
    with pytest.raises(errors.ArgumentError, match="near it: 'custom_attributes.role'|near it: 'role'"):
        select_users(frame, attributes={"rolle": "chief"})
