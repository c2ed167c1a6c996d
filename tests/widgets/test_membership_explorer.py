from __future__ import annotations

import base64
import re

import matplotlib as mpl
import pytest
import traitlets as t

import dirsync_nb as ds
from dirsync_nb import widgets

from .conftest import HOSTILE, markup_of, state_size


@pytest.fixture
def explorer(client, okta):
    return widgets.MembershipExplorer(client, okta)


@pytest.fixture
def named(explorer):
    return {name: group_id for group_id, name in explorer.groups["name"].items()}


def test_it_opens_on_the_directory_with_the_most_groups_and_reads_no_member(client, sandbox, okta):
    before = len(sandbox.requests)
    explorer = widgets.MembershipExplorer(client)
    assert explorer.directory_id == okta
    assert explorer.status.text == "24 groups. Pick one or more."
    assert {path for _, path, _ in sandbox.requests[before:]} == {"/directories", "/directory_groups"}


def test_members_and_overlap_agree_with_the_analysis(client, okta, explorer, named):
    picked = (named["Engineering"], named["Bergen Office"])
    explorer.picker.list.value = picked
    assert set(explorer.group_ids) == set(picked)
    pairs = ds.load_memberships(client, directory_id=okta)
    sets = [set(pairs.loc[pairs["group_id"] == one, "user_id"]) for one in picked]
    for who, people in (
        ("in any", sets[0] | sets[1]),
        ("in all", sets[0] & sets[1]),
        ("in only one", sets[0] ^ sets[1]),
    ):
        explorer.who_buttons.value = who
        assert set(explorer.members.index) == people
        assert f"{min(50, len(people))} of {len(people)} people {who}" in explorer.status.text
    overlap = ds.analysis.group_overlap(explorer.memberships)
    assert explorer.pairs_table.rows[0][3] == f"{overlap['shared'].iloc[0]:,}"


def test_each_group_is_read_once_however_often_it_is_picked(sandbox, explorer, named):
    explorer.group_ids = (named["R&D"],)
    before = len(sandbox.requests)
    explorer.group_ids = ()
    explorer.group_ids = (named["R&D"],)
    assert len(sandbox.requests) == before


def test_the_chart_follows_the_choice_and_is_one_picture_with_a_text(explorer, named):
    explorer.group_ids = (named["R&D"], named["Everyone"])
    seen = set()
    for chart in ("Sizes", "Overlap", "Who is in what"):
        explorer.chart_buttons.value = chart
        pictures = re.findall(r'src="data:image/png;base64,([^"]+)" alt="([^"]+)"', explorer.picture.value)
        assert len(pictures) == 1
        assert base64.b64decode(pictures[0][0]).startswith(b"\x89PNG")
        seen.add(pictures[0])
    assert len(seen) == 3


def test_drawing_changes_no_global_setting_and_leaves_no_figure_open(explorer, named):
    import matplotlib.pyplot as plt

    before, figures = dict(mpl.rcParams), plt.get_fignums()
    explorer.group_ids = (named["R&D"], named["Everyone"])
    assert dict(mpl.rcParams) == before
    assert plt.get_fignums() == figures


def test_a_search_narrows_what_is_offered_and_keeps_what_was_picked(explorer, named):
    explorer.group_ids = (named["Everyone"],)
    explorer.picker.find.value = "office"
    offered = [value for _, value in explorer.picker.list.options]
    assert named["Everyone"] not in offered
    explorer.picker.list.value = (named["Bergen Office"],)
    assert set(explorer.group_ids) == {named["Everyone"], named["Bergen Office"]}


def test_too_many_groups_are_refused_beside_the_control(explorer):
    explorer.picker.list.value = tuple(explorer.groups.index[:9])
    assert explorer.group_ids == ()
    assert explorer.status.text == "At most 8 groups can be compared at once; got 9."
    with pytest.raises(t.TraitError, match="no group 'group_none'"):
        explorer.group_ids = ("group_none",)


def test_changing_the_directory_unpicks_everything(explorer, named):
    explorer.group_ids = (named["Everyone"],)
    explorer.directory_menu.value = explorer.directories.index[1]
    assert explorer.group_ids == ()
    assert explorer.members.empty
    assert explorer.status.text == "17 groups. Pick one or more."


def test_a_failed_read_says_what_and_can_be_tried_again(sandbox, explorer, named):
    sandbox.faults.add("status", path="/directory_users", status=403)
    explorer.group_ids = (named["R&D"],)
    assert explorer.status.kind == "error"
    explorer.status.again_button.click()
    assert len(explorer.members) == 28


def test_hostile_names_are_text_in_lists_tables_charts_and_the_static_form(client, hostile):
    explorer = widgets.MembershipExplorer(client, hostile["directory"], group_ids=hostile["groups"])
    for chart in ("Sizes", "Overlap", "Who is in what"):
        explorer.chart = chart
        seen = markup_of(explorer) + explorer.static_html()
        assert set(re.findall(r"<img [^>]*", seen)) == set(
            re.findall(r"<img class=\"dsn-picture\" src=\"data:[^>]*", seen)
        )
        assert "<b>Co" not in seen
    assert len(explorer.members) == len(HOSTILE)
    assert state_size(explorer) < 200_000
    assert len(explorer.static_html()) < 200_000


def test_counts_of_one_read_right(client, sandbox):
    company = sandbox.add_organization(name="One of Each")
    directory = sandbox.add_directory(company, type="generic scim v2.0", name="One of Each")
    group, user = sandbox.add_group(directory, name="Crew"), sandbox.add_user(directory, name="Kim Vale")
    sandbox.add_member(group, user)
    explorer = widgets.MembershipExplorer(client, directory)
    assert explorer.status.text == "1 group. Pick it."
    explorer.group_ids = (group,)
    assert explorer.status.text == "1 of 1 person in any of the picked groups. Members: Crew: 1."
