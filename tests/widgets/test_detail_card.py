from __future__ import annotations

import json
from html import unescape

import pytest
import traitlets as t

import dirsync_nb as ds
from dirsync_nb import widgets

from .conftest import HOSTILE, family, markup_of


@pytest.fixture
def people(client, okta):
    return ds.load_users(client, directory_id=okta)


def test_a_user_is_shown_with_attributes_roles_and_lifecycle(client, people):
    user_id = people.index[people["name"] == "Sigrid Bjørnstad"][0]
    card = widgets.DetailCard(client, user_id=user_id)
    known = card.facts.facts
    assert known["Address"] == "sigrid.bjornstad@harbourline.example"
    assert (known["Title"], known["Manager"]) == ("Engineering Manager", "Tunde Okonjo")
    assert known["Created"] == "2025-06-29 09:20 UTC"
    assert "Without a value" in known
    assert card.face.card["initials"] == "SB"
    assert [text for text, _ in card.face.card["chips"]] == ["active", "admin"]
    assert "user Sigrid Bjørnstad" in repr(card)


def test_the_groups_of_a_user_are_those_the_memberships_give(client, okta, people):
    pairs = ds.load_memberships(client, directory_id=okta)
    card = widgets.DetailCard(client, user_id=people.index[5])
    card.section = "Groups"
    assert set(card.table.ids) == set(pairs.loc[pairs["user_id"] == people.index[5], "group_id"])


def test_the_history_tells_what_happened_to_this_user_alone(client, sandbox, okta):
    user_id = sandbox.add_user(okta, email="kim@harbourline.example", name="Kim Vale")
    sandbox.update_user(user_id, custom_attributes={"job_title": "Pilot"})
    group = sandbox.add_group(okta, name="Night Crew")
    sandbox.add_member(group, user_id)
    card = widgets.DetailCard(client, user_id=user_id)
    card.section = "History"
    for piece in ("Kim Vale joined", "job_title (none) → Pilot", "Kim Vale was added to Night Crew"):
        assert piece in " ".join(card.rows["text"])
    assert "3 events" in card.note.value


def test_the_raw_record_is_the_record(client, sandbox, people):
    card = widgets.DetailCard(client, user_id=people.index[0])
    card.section = "Raw record"
    block = unescape(card.body.value.split(">", 1)[1].rsplit("<", 1)[0])
    assert json.loads(block) == client.user(people.index[0])


def test_a_group_is_shown_with_members_and_overlap(client, okta):
    groups = ds.load_groups(client, directory_id=okta)
    pairs = ds.load_memberships(client, directory_id=okta)
    for name in ("Everyone", "R&D"):  # a large one and a small one: the overlap is read in two ways
        group_id = groups.index[groups["name"] == name][0]
        card = widgets.DetailCard(client, group_id=group_id)
        card.section = "Members"
        members = set(pairs.loc[pairs["group_id"] == group_id, "user_id"])
        assert set(card.rows.index) == members  # all of them, page by page
        assert set(card.table.ids) <= members
        card.section = "Overlap"
        overlap = ds.analysis.group_overlap(pairs, groups)
        mine = overlap[(overlap["group_a"] == group_id) | (overlap["group_b"] == group_id)]
        other = [b if a == group_id else a for a, b in zip(mine["group_a"], mine["group_b"], strict=True)]
        expected = {one: f"{shared:,}" for one, shared in zip(other, mine["shared"], strict=True)}
        assert card.rows["shared"].to_dict() == expected


def test_somebody_deleted_meanwhile_is_said_to_be_gone(client, sandbox, people):
    sandbox.delete_user(people.index[7])
    card = widgets.DetailCard(client, user_id=people.index[7])
    assert card.status.kind == "empty"
    assert "not there any more" in card.status.text


def test_nobody_chosen_says_what_to_do_and_offers_no_section(client):
    card = widgets.DetailCard(client)
    assert "set user_id or group_id" in card.status.text
    assert card.sections.layout.display == "none"
    with pytest.raises(t.TraitError, match="section must be one of .Overview"):
        card.section = "Groups"


def test_a_user_and_a_group_at_once_are_refused(client):
    with pytest.raises(ds.errors.ArgumentError, match="not both"):
        widgets.DetailCard(client, user_id="a", group_id="b")


def test_choosing_a_group_after_a_user_shows_the_group_alone(client, okta, people):
    card = widgets.DetailCard(client, user_id=people.index[0])
    card.section = "Groups"
    card.group_id = card.table.ids[0]
    assert card.user_id is None
    assert (card.kind, card.section) == ("group", "Overview")


def test_an_error_stands_beside_the_card_and_a_second_try_helps(client, sandbox, people):
    sandbox.faults.add("status", path=f"/directory_users/{people.index[0]}", status=403)
    card = widgets.DetailCard(client, user_id=people.index[0])
    assert card.status.kind == "error"
    card.status.again_button.click()
    assert card.record["id"] == people.index[0]
    assert card.status.kind == "ready"


def test_hostile_names_are_text_in_every_section(client, hostile):
    for chosen in [{"user_id": one} for one in hostile["users"]] + [
        {"group_id": one} for one in hostile["groups"]
    ]:
        card = widgets.DetailCard(client, **chosen)
        for section in card.sections.options:
            card.section = section
            seen = markup_of(card) + card.static_html()
            assert "<img" not in seen
            assert "<b>" not in seen
    texts = [getattr(one, "description", "") for one in family(card)]
    assert not [text for text in texts for name in HOSTILE if name in text]


def test_the_card_says_in_one_line_what_keeps_somebody_out(client, sandbox, okta):
    kim = sandbox.add_user(okta, name="Kim Vale", email="kim@harbourline.test")
    nameless = sandbox.add_user(okta, name="No Address")
    card = widgets.DetailCard(client, user_id=kim)
    assert card.facts.card["access"] == (
        "ok",
        "Nothing keeps them out: active, directory linked, has an address.",
    )
    card.user_id = nameless
    verdict, line = card.facts.card["access"]
    assert (verdict, line[:25]) == ("problem", "There is no address: the ")
    sandbox.faults.add("status", path=f"/directories/{okta}", status=403)
    unread = widgets.DetailCard(client, user_id=kim)
    assert "access" not in unread.facts.card
    assert unread.status.kind == "ready"
