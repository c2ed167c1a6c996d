from __future__ import annotations

import asyncio
import time

import pandas as pd
import pytest
import traitlets as t

import dirsync_nb as ds
from dirsync_nb import widgets
from dirsync_nb.frames import groups_frame
from dirsync_nb.text import fold, folded_rows
from dirsync_nb.widgets._base.text import label

from ..frame_zoo import company, user
from .conftest import HOSTILE, LONG, MARKUP, family, markup_of, state_size, until


@pytest.fixture
def explorer(client, okta):
    return widgets.DirectoryExplorer(client, okta)


def paths(sandbox, since=0):
    return [path for _, path, _ in sandbox.requests[since:]]


def test_it_opens_on_the_directories_and_asks_for_nothing_else(client, sandbox):
    before = len(sandbox.requests)
    explorer = widgets.DirectoryExplorer(client)
    assert explorer.view == "Directories"
    assert explorer.total == 9
    assert paths(sandbox, before) == ["/directories"]
    assert explorer.status.text == "9 directories."


def test_a_directory_that_is_not_there_is_named_beside_the_list_of_those_that_are(client):
    explorer = widgets.DirectoryExplorer(client, "directory_none")
    assert explorer.status.text == "There is no directory directory_none in this environment."
    assert explorer.directory_id is None
    assert len(explorer.table.rows) == 9
    explorer.search = "okta"
    assert explorer.status.text == "1 of 9 directories."


def test_a_click_on_a_directory_shows_its_users_page_by_page(client, okta):
    explorer = widgets.DirectoryExplorer(client)
    explorer.table.picked = okta
    assert explorer.view == "Users"
    assert explorer.status.text == "260 users."
    assert (explorer.table.total, explorer.table.pages, len(explorer.table.rows)) == (260, 26, 10)
    seen = set(explorer.table.ids)
    for page in range(2, 27):
        explorer.table.page = page
        assert explorer.page == page
        seen.update(explorer.table.ids)
    assert seen == set(explorer.users.index)  # nobody is out of reach
    explorer.table.size = 50
    assert (explorer.page, len(explorer.table.rows)) == (6, 10)
    explorer.page = 99
    assert explorer.page == 6
    with pytest.raises(t.TraitError, match="one of 10, 25, 50"):
        explorer.table.size = 7


def test_typing_narrows_the_rows_without_a_request(explorer, sandbox):
    before = len(sandbox.requests)
    for typed in ("s", "sim", "simoe", "simoes"):
        explorer.filters.search.value = typed
    assert explorer.search == "simoes"
    names = explorer.table.column("name")
    assert "Tomé Simões" in names  # accents do not have to be typed
    assert explorer.total < 20
    explorer.filters.search.value = ""
    assert explorer.total == 260
    assert paths(sandbox, before) == []


def test_every_word_of_a_search_must_be_found(explorer):
    explorer.search = "engineering member"
    both = explorer.total
    explorer.search = "engineering"
    assert 0 < both <= explorer.total
    explorer.search = "no such person at all"
    assert explorer.total == 0
    assert explorer.status.kind == "empty"
    assert "None of the 260 users fits" in explorer.table.empty


def test_filters_by_state_group_and_attribute_agree_with_the_frames(client, sandbox, okta):
    explorer = widgets.DirectoryExplorer(client, okta)
    groups = ds.load_groups(client, directory_id=okta)
    engineering = groups.index[groups["name"] == "Engineering"][0]
    members = ds.load_users(client, group_id=engineering)
    explorer.filters.group.value = engineering
    assert explorer.total == len(members)
    explorer.attribute, explorer.attribute_value = "job_title", "Engineering Manager"
    titles = [a.get("job_title") for a in members["custom_attributes"]]
    assert explorer.total == titles.count("Engineering Manager") > 0
    explorer.reset_button.click()
    assert (explorer.group_id, explorer.attribute, explorer.total) == (None, None, 260)


def test_state_is_offered_as_seen_and_filters(client, okta):
    frame = company(people=200, directories=1).users
    explorer = widgets.DirectoryExplorer(client, okta, users=frame, groups=groups_frame([]))
    offered = [value for _, value in explorer.filters.state.options if value]
    assert set(offered) == set(frame["state"].cat.categories)
    explorer.filters.state.value = "inactive"
    assert explorer.total == (frame["state"] == "inactive").sum()
    explorer.filters.state.value = ""
    assert explorer.total == 200


def test_a_click_on_a_heading_sorts_and_another_turns_it_round(explorer):
    explorer.table.sort = "-name"
    names = [name for name in explorer.table.column("name") if name != "(no name)"]
    assert names == sorted(names, key=lambda name: fold(name), reverse=True)
    explorer.table.sort = "created_at"
    days = explorer.table.column("created_at")
    assert days == sorted(days)
    with pytest.raises(t.TraitError, match="sort must be one of name, state"):
        explorer.sort = "shoe_size"
    assert explorer.sort == "created_at"


def test_a_row_opens_the_card_of_this_user(explorer):
    chosen = explorer.table.ids[4]
    explorer.table.picked = chosen
    assert explorer.selected == chosen
    assert explorer.card.record["id"] == chosen


def test_changing_the_directory_selects_nobody_and_asks_for_nobody(client, sandbox, okta):
    """WID-06: replacing a list's options must not pick its first entry."""
    explorer = widgets.DirectoryExplorer(client, okta)
    explorer.table.picked = explorer.table.ids[2]
    other = explorer.directories.index[1]
    before = len(sandbox.requests)
    explorer.view = "Directories"
    explorer.table.picked = other
    assert explorer.directory_id == other
    assert explorer.selected is None
    assert explorer.card.record is None
    assert explorer.table.picked == ""
    assert [path for path in paths(sandbox, before) if "/directory_users/" in path] == []


def test_a_choice_that_cannot_be_is_refused_and_changes_nothing(explorer, okta):
    with pytest.raises(t.TraitError, match="no directory 'directory_none'"):
        explorer.directory_id = "directory_none"
    with pytest.raises(t.TraitError, match="no 'directory_user_none' among the users"):
        explorer.selected = "directory_user_none"
    assert (explorer.directory_id, explorer.selected) == (okta, None)


def test_users_before_a_directory_is_chosen_are_refused_beside_the_control(client):
    explorer = widgets.DirectoryExplorer(client)
    explorer.views.value = "Users"
    assert explorer.view == "Directories"
    assert explorer.views.value == "Directories"
    assert explorer.status.text == "Choose a directory before its users."


def test_the_members_of_an_open_group_become_the_list_of_users(client, okta):
    explorer = widgets.DirectoryExplorer(client, okta)
    explorer.view = "Groups"
    everyone = explorer.groups.index[explorer.groups["name"] == "Everyone"][0]
    explorer.table.picked = everyone
    assert explorer.card.group_id == everyone
    explorer.members_button.click()
    assert explorer.view == "Users"
    assert explorer.total == len(ds.load_users(client, group_id=everyone))


@pytest.mark.slow
def test_5000_users_send_a_page_and_little_state_and_typing_reads_nothing(client, sandbox, okta):
    """WID-07, SCL-03."""
    frame = company(people=5_000, directories=1, hostile=True)
    explorer = widgets.DirectoryExplorer(client, okta, users=frame.users, groups=frame.groups)
    before = len(sandbox.requests)
    for typed in ("l", "le", "lee"):
        explorer.filters.search.value = typed
    assert explorer.status.text.startswith(f"{explorer.total:,} of 5,000 users")
    explorer.table.size = 50
    assert len(explorer.table.rows) == 50
    assert all(len(one.options) <= 51 for one in family(explorer) if hasattr(one, "_options_full"))
    assert state_size(explorer) < 100_000
    assert len(explorer.static_html()) < 200_000
    assert paths(sandbox, before) == []


def test_even_the_worst_names_keep_the_state_small(client, okta):
    users = ds.frames.users_frame(
        [
            user(f"u{n}", f"{n}@acme.test", name="&" * 300, custom_attributes={"department_name": "<" * 300})
            for n in range(60)
        ]
    )
    groups = groups_frame([{"object": "directory_group", "id": f"g{n}", "name": '"' * 300} for n in range(60)])
    explorer = widgets.DirectoryExplorer(client, okta, users=users, groups=groups)
    assert state_size(explorer) < 100_000
    assert explorer.filters.group.options[0][0] == "any (50 of 60 shown)"


def test_hostile_names_are_text_in_every_place(client, hostile):
    """WID-01, WID-03."""
    explorer = widgets.DirectoryExplorer(client, hostile["directory"])
    for view, ids in (("Users", hostile["users"]), ("Groups", hostile["groups"])):
        explorer.view = view
        for chosen in ids:
            explorer.selected = chosen
            for section in explorer.card.sections.options:
                explorer.card.section = section
                seen = markup_of(explorer) + explorer.static_html() + explorer.card.static_html()
                assert "<img" not in seen
                assert "<b>Co" not in seen
    shown = set(explorer.table.column("name"))
    assert {MARKUP, label(LONG, 120)} <= shown
    assert "mathjax_ignore" in explorer._dom_classes
    # Neither of these two kinds is typeset by MathJax; labels and descriptions are.
    held = [one.description for one in family(explorer) if getattr(one, "description", None)]
    assert not [text for text in held for name in HOSTILE if name in text]


def test_a_failed_load_says_what_and_can_be_tried_again(client, sandbox, okta):
    sandbox.faults.add("status", path="/directory_users", status=403)
    explorer = widgets.DirectoryExplorer(client, okta)
    assert explorer.status.kind == "error"
    assert "403" in explorer.status.text
    assert explorer.status.again_button.layout.display == ""
    explorer.status.again_button.click()
    assert explorer.status.text == "260 users."


def test_a_group_that_could_not_be_read_shows_nobody_rather_than_everybody(client, sandbox, okta):
    explorer = widgets.DirectoryExplorer(client, okta)
    group = explorer.filters.group.options[3]
    group_id = next(value for name, value in explorer.filters.group.options if name == group[0])
    sandbox.faults.add("status", path="/directory_users", status=403)
    explorer.filters.group.value = group_id
    assert explorer.status.kind == "error"
    explorer.search = "a"
    assert explorer.total == 0
    explorer.again()
    explorer.search = ""
    assert explorer.total == len(ds.load_users(client, group_id=group_id))


def test_an_empty_directory_says_so(client):
    explorer = widgets.DirectoryExplorer(client)
    explorer.directory_id = explorer.directories.index[explorer.directories["active_users"] == 0][0]
    assert explorer.status.kind == "empty"
    assert "This directory has no users yet" in explorer.table.empty


def test_stop_ends_a_slow_load_within_one_page(client, sandbox, okta):
    """WID-09: the load runs beside the loop, so the button can be pressed."""
    sandbox.faults.add("slow", path="/directory_users", seconds=0.15, times=None)

    async def person():
        explorer = widgets.DirectoryExplorer(client)
        client.page_size = 10
        explorer.directory_id = okta
        await until(lambda: explorer.status.text.startswith("Reading users"))
        assert explorer.status.kind == "busy"
        assert explorer.status.stop_button.layout.display == ""
        explorer.status.stop_button.click()
        asked = len(sandbox.requests)
        await until(lambda: explorer.status.kind != "busy")
        assert len(sandbox.requests) <= asked + 1
        assert explorer.status.text.startswith("Stopped.")
        with pytest.raises(ds.errors.IncompleteError, match=r"users: not read\. Stopped"):
            _ = explorer.users

    try:
        asyncio.run(person())
    finally:
        client.page_size = 100


def test_the_frames_are_those_of_the_loaders(client, okta):
    explorer = widgets.DirectoryExplorer(client, okta)
    pd.testing.assert_frame_equal(explorer.users, ds.load_users(client, directory_id=okta))
    pd.testing.assert_frame_equal(explorer.groups, ds.load_groups(client, directory_id=okta))


@pytest.mark.slow
def test_keystrokes_among_100_000_users_are_found_in_milliseconds(client, okta):
    names = [f"Person {n:06d} Lee" if n % 7 else f"Ann {n:06d} Holm" for n in range(100_000)]
    plain = company(people=1, group_count=1, directories=1).users
    users = plain.take([0] * 100_000)
    users.index = pd.Index([f"u{n}" for n in range(100_000)], name="user_id")
    users["name"] = pd.array(names, dtype="str")
    explorer = widgets.DirectoryExplorer(client, okta, users=users, groups=groups_frame([]))
    took = []
    for typed in ("h", "ho", "hol", "holm", "holm 0", "l", "le", "lee", ""):
        started = time.process_time()
        explorer.filters.search.value = typed
        took.append(time.process_time() - started)
    assert explorer.total == 100_000
    assert sorted(took)[len(took) // 2] < 0.25  # of CPU; some tens of milliseconds, where nobody else computes
    assert state_size(explorer) < 100_000


def test_counts_of_one_read_right(client, okta):
    held = company(1, 1, directories=1)
    explorer = widgets.DirectoryExplorer(client, okta, users=held.users, groups=held.groups)
    assert explorer.status.text == "1 user."
    explorer.view = "Groups"
    assert explorer.status.text == "1 group."
    explorer.search = "no such group"
    assert explorer.table.empty.startswith("The only group does not fit.")


def test_facets_count_what_fits_the_other_filters(client, okta):
    pairs = ds.load_memberships(client, directory_id=okta)
    explorer = widgets.DirectoryExplorer(client, okta, memberships=pairs)
    departments = explorer.users["custom_attributes"].map(lambda a: a.get("department_name"))
    assert explorer.facets.counts("attribute") == departments.value_counts().to_dict()
    explorer.facets.choose("attribute", "Sales")
    assert (explorer.attribute, explorer.attribute_value) == ("department_name", "Sales")
    sales = explorer.users.index[departments == "Sales"]
    assert list(explorer.rows.index.sort_values()) == list(sales.sort_values())
    expected = pairs[pairs["user_id"].isin(sales)]["group_id"].value_counts()
    counts = explorer.facets.counts("group_id")
    assert {group: count for group, count in counts.items() if count} == expected.to_dict()
    # Its own filter does not empty a facet: another value is one click away.
    assert explorer.facets.counts("attribute") == departments.value_counts().to_dict()
    explorer.facets.choose("group_id", expected.index[-1])
    assert explorer.total == expected.iloc[-1]


def test_counts_of_groups_are_read_when_they_are_asked_for(explorer, sandbox):
    before = len(sandbox.requests)
    assert set(explorer.facets.counts("group_id").values()) == {None}
    explorer.facets.ask("group_id")
    assert len(sandbox.requests) > before
    assert None not in explorer.facets.counts("group_id").values()


def test_each_view_keeps_its_choices_and_back_returns(explorer):
    explorer.search, explorer.page = "engineering", 2
    explorer.table.click(explorer.table.ids[1])
    chosen = explorer.selected
    explorer.view = "Groups"
    assert (explorer.search, explorer.page, explorer.selected) == ("", 1, None)
    explorer.view = "Users"
    assert (explorer.search, explorer.page, explorer.selected) == ("engineering", 2, chosen)
    assert explorer.card.user_id == chosen
    assert list(explorer.picked.index) == [chosen]
    explorer.back_button.click()
    assert explorer.view == "Groups"


def test_the_open_directory_is_marked_among_the_others(explorer, okta):
    explorer.view = "Directories"
    assert explorer.table.picked == okta
    assert explorer.card.layout.display == "none"


def test_a_card_is_there_only_for_somebody_and_can_be_closed(explorer):
    assert explorer.card.layout.display == "none"
    explorer.table.click(explorer.table.ids[0])
    assert explorer.card.layout.display == ""
    explorer.card.face.dismiss()
    assert (explorer.selected, explorer.table.picked, explorer.card.layout.display) == (None, "", "none")


def test_the_card_leads_to_manager_groups_and_members_and_back(explorer):
    explorer.selected = explorer.users.index[explorer.users["name"] == "Sigrid Bjørnstad"][0]
    sigrid = explorer.selected
    job = next(part["rows"] for part in explorer.card.facts.card["sections"] if part["title"] == "Job")
    kind, manager = next(
        more["open"] for name, _, more in (row for row in job if len(row) > 2) if name == "Manager"
    )
    explorer.card.facts.lead(kind, manager)
    assert explorer.selected == explorer.card.user_id == manager
    group_id = explorer.card.facts.card["links"]["items"][0][1]
    explorer.card.facts.lead("group", group_id)
    assert (explorer.selected, explorer.card.group_id) == (None, group_id)
    explorer.card.section = "Members"
    explorer.card.table.click(explorer.card.table.ids[0])
    explorer.card.face.go_back()
    assert (explorer.card.group_id, explorer.card.section) == (group_id, "Members")
    explorer.card.face.go_back()
    explorer.card.face.go_back()
    assert explorer.selected == explorer.card.user_id == sigrid


def test_clearing_filters_is_undone_by_back(explorer):
    explorer.search = "lee"
    fitting = explorer.total
    explorer.clear_filters()
    assert explorer.total == len(explorer.users)
    explorer.back()
    assert (explorer.search, explorer.total) == ("lee", fitting)


def test_a_group_chosen_in_another_view_lists_its_members(client, explorer):
    explorer.view = "Groups"
    everyone = explorer.groups.index[explorer.groups["name"] == "Everyone"][0]
    explorer.group_id = everyone
    assert (explorer.view, explorer.total) == ("Users", len(ds.load_users(client, group_id=everyone)))
    explorer.back()
    assert (explorer.view, explorer.group_id, explorer.total) == ("Groups", None, len(explorer.groups))


def test_of_a_group_whose_members_cannot_be_read_nobody_is_listed(explorer, sandbox):
    sandbox.faults.add("status", path="/directory_users", status=403)
    explorer.group_id = explorer.groups.index[0]
    assert explorer.status.kind == "error"
    assert (explorer.total, explorer.table.rows) == (0, [])


def test_a_remembered_search_finds_and_ranks_what_a_new_one_does():
    from dirsync_nb.text import USER_TEXT, holding
    from dirsync_nb.widgets._base.directory_lists import listing_of

    held = company(people=300, directories=1, hostile=True)
    typed = listing_of("Users", held.users)
    for word in ("ann", "lee acme", "an b", "x@", "$", "é"):
        for search in [word[:n] for n in (*range(1, len(word) + 1), *range(len(word), 0, -1))]:
            new = listing_of("Users", held.users)
            found = typed.matching(search)
            assert found.nonzero()[0].tolist() == holding(folded_rows(held.users, USER_TEXT), search)
            assert (
                typed.found(found, "", search).tolist() == new.found(new.matching(search), "", search).tolist()
            )
