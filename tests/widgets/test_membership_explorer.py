from __future__ import annotations

from xml.etree import ElementTree as ET

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
    assert explorer.status.text == "24 groups. Pick one or more. Overlap and Graph show them all together."
    assert {path for _, path, _ in sandbox.requests[before:]} == {"/directories", "/directory_groups"}


def test_members_and_overlap_agree_with_the_analysis(client, okta, explorer, named):
    picked = (named["Engineering"], named["Bergen Office"])
    for one in picked:
        explorer.picker.toggle(one)
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
        assert f"{len(people)} people {who}" in explorer.status.text
        assert set(explorer.rows.index) == people  # every page of them
    overlap = ds.analysis.group_overlap(explorer.memberships)
    assert explorer.pairs_table.rows[0][3] == f"{overlap['shared'].iloc[0]:,}"


def test_each_group_is_read_once_however_often_it_is_picked(sandbox, explorer, named):
    explorer.group_ids = (named["R&D"],)
    before = len(sandbox.requests)
    explorer.group_ids = ()
    explorer.group_ids = (named["R&D"],)
    assert len(sandbox.requests) == before


def test_the_picture_follows_the_choice_and_says_its_numbers(explorer, named):
    explorer.group_ids = (named["Bergen Office"], named["Everyone"])
    told = {}
    for chart in ("Sizes", "Overlap", "Who is in what"):
        explorer.chart_buttons.value = chart
        told[chart] = [one.text for one in ET.fromstring(explorer.picture.markup).iter("title")]
    assert told["Sizes"] == ["Everyone: 244 members", "Bergen Office: 64 members"]
    assert "Bergen Office and Everyone: 62 in both, 97% of Bergen Office" in told["Overlap"]
    assert "Bergen Office and Everyone, and no other: 62 people" in told["Who is in what"]


def test_a_part_of_the_picture_lists_its_people(explorer, named):
    bergen, everyone = named["Bergen Office"], named["Everyone"]
    explorer.group_ids = (bergen, everyone)
    for key, count in ((f"in {bergen} {everyone}", 62), (f"only {bergen}", 2), (f"in {bergen}", 64), ("", 246)):
        explorer.picture.choose(key)
        assert (explorer.part, len(explorer.members)) == (key, count)
    explorer.picture.choose(f"only {bergen}")
    assert explorer.status.text.startswith("2 people in Bergen Office and in no other of the picked groups.")
    explorer.group_ids = (bergen,)
    assert explorer.part == ""
    with pytest.raises(t.TraitError, match="no group"):
        explorer.part = f"in {everyone}"


def test_a_member_opens_a_card_that_can_be_closed(explorer, named):
    explorer.group_ids = (named["R&D"],)
    explorer.table.click(explorer.table.ids[0])
    assert explorer.card.user_id == explorer.table.ids[0] == explorer.picked.index[0]
    explorer.card.face.dismiss()
    assert (explorer.card.kind, explorer.table.picked) == (None, "")


def test_drawing_changes_no_global_setting_and_leaves_no_figure_open(explorer, named):
    import matplotlib.pyplot as plt

    before, figures = dict(mpl.rcParams), plt.get_fignums()
    explorer.group_ids = (named["R&D"], named["Everyone"])
    assert dict(mpl.rcParams) == before
    assert plt.get_fignums() == figures


def test_a_search_narrows_what_is_offered_and_keeps_what_was_picked(explorer, named):
    explorer.group_ids = (named["Everyone"],)
    explorer.picker.find.value = "office"
    assert named["Everyone"] not in explorer.picker.table.ids
    explorer.picker.table.click(named["Bergen Office"])
    assert explorer.picker.table.ticked == list(explorer.group_ids)
    assert set(explorer.group_ids) == {named["Everyone"], named["Bergen Office"]}


@pytest.mark.parametrize("letter", ["x", "&", "ü"])
def test_long_names_keep_the_state_of_every_picture_small(client, sandbox, letter):
    home = next(d["id"] for d in client.directories() if d["type"] == "generic scim v2.0")
    teams = [sandbox.add_group(home, name=f"{letter * 240} {number}") for number in range(60)]
    people = [sandbox.add_user(home, name=f"{letter * 240} {number}") for number in range(12)]
    for place, team in enumerate(teams[:30]):
        for person in people[place % 3 :: 2]:
            sandbox.add_member(team, person)
    explorer = widgets.MembershipExplorer(client, home)
    for picked in ((), teams[:8]):
        explorer.group_ids = picked
        for chart in ("Sizes", "Overlap", "Who is in what", "Graph"):
            explorer.chart = chart
            assert state_size(explorer) < 80_000, (chart, len(picked))
            assert explorer.picture.drawn.count(letter * 40) <= 30  # a name is sent once


def test_too_many_groups_are_refused_beside_the_control(explorer):
    explorer.group_ids = tuple(explorer.groups.index[:8])
    explorer.picker.toggle(explorer.groups.index[8])
    assert explorer.group_ids == tuple(explorer.groups.index[:8])
    assert explorer.status.text == "At most 8 groups can be compared at once; got 9."
    with pytest.raises(t.TraitError, match="no group 'group_none'"):
        explorer.group_ids = ("group_none",)


def test_changing_the_directory_unpicks_everything(explorer, named):
    explorer.group_ids = (named["Everyone"],)
    explorer.directory_menu.value = explorer.directories.index[1]
    assert explorer.group_ids == ()
    assert explorer.members.empty
    assert explorer.status.text == "17 groups. Pick one or more. Overlap and Graph show them all together."


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
        seen = markup_of(explorer) + explorer.static_html() + explorer.picture.markup
        assert "<img" not in seen
        assert "<b>Co" not in seen
        ET.fromstring(explorer.picture.markup)  # well formed, whatever the names are
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
    assert explorer.status.text == "1 person in any of the picked groups. Members: Crew: 1."


def test_an_index_of_groups_can_be_set_later(client, okta):
    explorer = widgets.MembershipExplorer(client, okta)
    explorer.group_ids = explorer.groups.index[:2]
    assert explorer.group_ids == tuple(explorer.groups.index[:2])


def test_the_graph_shows_all_groups_and_leads_to_the_people_of_a_link(explorer, named):
    explorer.chart = "Graph"
    markup = explorer.picture.markup
    drawn = ET.fromstring(markup)
    keys = [one.get("data-key") for one in drawn.iter() if one.get("data-key")]
    assert len([key for key in keys if key.startswith("pick ")]) == 21  # three groups are empty
    assert "Set apart: nearly everybody is in these." in markup
    twins = {named["🚢 Launch Crew"], named["Project Heron"]}
    links = {one.get("data-key"): one.findtext("title") for one in drawn.iter() if one.get("data-key")}
    link = next(key for key, told in links.items() if "45 in both, 100%" in (told or ""))
    explorer.picture._received(None, {"key": link}, None)
    assert set(explorer.group_ids) == set(explorer.part.split()[1:]) == twins
    assert len(explorer.members) == 45
    explorer.picture.choose(f"pick {named['R&D']}")
    assert set(explorer.group_ids) == {*twins, named["R&D"]}
    explorer.out_button.click()
    assert (explorer.group_ids, explorer.part) == ((), "")


def test_the_matrix_of_all_groups_is_zoomed_by_a_click_on_two_of_them(explorer, named):
    explorer.chart = "Overlap"
    assert explorer.picture.markup.count("data-key") == 90  # the pairs that share the most
    assert state_size(explorer) < 100_000
    a, b = named["Engineering"], named["Toronto Office"]
    explorer.picture.choose(f"in {a} {b}")
    assert explorer.group_ids == (a, b)
    assert explorer.picture.markup.count("data-key") == 4
    assert len(explorer.members) == int(explorer.pairs_table.rows[0][3])
    explorer.out_button.click()
    assert explorer.picture.markup.count("data-key") == 90
