from __future__ import annotations

import subprocess
import sys
from xml.etree import ElementTree as ET

import pandas as pd
import pytest
import traitlets as t

import dirsync_nb as ds
from dirsync_nb import errors, widgets
from dirsync_nb.frames import groups_frame, users_frame

from ..frame_zoo import group, memberships, user, zoo
from .conftest import HOSTILE, markup_of, state_size

GROUPS = groups_frame(
    [group("g1", "Admins"), group("g2", "Auditors"), group("g3", "Twins"), group("g4", "Twins")]
)
USERS = users_frame([user(f"u{n}", f"u{n}@acme.test", name=f"User {n}") for n in range(1, 4)])
EDGES = memberships(("u1", "g1"), ("u1", "g2"), ("u2", "g2"), ("u3", "g3"))
TABLE = {"Admins": "admin", "Auditors": "auditor"}
ROLES = ["admin", "auditor", "member"]


@pytest.fixture
def mapper(client, tmp_path):
    def make(**changes):
        given = {"users": USERS, "groups": GROUPS, "memberships": EDGES, "mapping": TABLE, "roles": ROLES}
        return widgets.RoleMapper(client, **{**given, "folder": tmp_path, **changes})

    return make


def boxes(one):
    return {line[0]: [cell != "" for cell in line[3:]] for line in one.matrix.rows}


def test_it_reads_a_directory_with_its_roles_and_says_what_a_mapping_would_do(client, okta):
    one = widgets.RoleMapper(client, okta, mapping={"App Administrators": "admin"})
    assert one.mapping.order == ("admin", "auditor", "member")
    users, groups = ds.load_users(client, okta), ds.load_groups(client, okta)
    edges = ds.load_memberships(client, okta)
    now = ds.role_mapping.read_roles(users, edges, groups)
    changes = ds.what_if.role_changes(now, one.mapping.suppose(users, edges))
    pd.testing.assert_frame_equal(one.changes, changes)
    counts = changes["change"].value_counts()
    told = f"{counts['gained']} gained, {counts['lost']} lost, {counts['kept']} kept."
    assert one.status.text == f"1 of 24 groups mapped; {told}"
    assert len(one.rows) == counts["gained"] + counts["lost"] > 0


def test_a_box_gives_a_role_and_takes_it_away(mapper):
    one = mapper()
    assert boxes(one) == {
        "g1": [True, False, False], "g2": [False, True, False], "g3": [False] * 3, "g4": [False] * 3
    }  # fmt: skip
    one.matrix.check("g1", "role: auditor")
    assert one.mapping.mapped["g1"] == ("auditor",)
    one.matrix.check("g1", "role: auditor")
    assert "g1" not in one.mapping.mapped
    one.mode_buttons.value = "multiple"
    one.matrix.check("g2", "role: admin")
    assert one.mapping.mapped["g2"] == ("auditor", "admin")
    one.mode_buttons.value = "single"
    assert boxes(one)["g2"] == [True, False, False]
    one.matrix.check("g2", "name")
    one.matrix.check("g9", "role: admin")
    assert boxes(one)["g2"] == [True, False, False]


def test_the_order_of_roles_decides_who_wins(mapper):
    one = mapper()
    assert [line[0] for line in one.ranking.rows] == ROLES
    assert (one.up.disabled, one.down.disabled) == (True, True)
    one.ranking.click("auditor")
    one.up.click()
    assert [line[0] for line in one.ranking.rows] == ["auditor", "admin", "member"]
    assert one.changes.set_index(["user_id", "change"]).loc[("u1", "gained"), "role"] == "auditor"
    assert one.up.disabled
    one.new_role.value = "guest"
    assert one.mapping.order == ("auditor", "admin", "member", "guest")
    one.default_menu.value = "guest"
    assert one.default == one.mapping.default == "guest"


def test_the_preview_lists_one_kind_of_change_or_what_to_look_at(mapper):
    one = mapper(
        users=USERS.assign(role=["member", "auditor", "admin"], roles=[["member"], ["auditor"], ["admin"]])
    )
    found = {}
    for show in ("All changes", "Gained", "Lost", "Kept"):
        one.show_buttons.value = show
        found[show] = sorted(zip(one.rows["user_id"], one.rows["role"], strict=True))
    assert found["Gained"] == [("u1", "admin"), ("u3", "member")]
    assert found["Lost"] == [("u1", "member"), ("u3", "admin")]
    assert found["Kept"] == [("u2", "auditor")]
    assert found["All changes"] == sorted(found["Gained"] + found["Lost"])
    one.show_buttons.value = "To look at"
    assert one.rows["kind"].tolist() == ["unmapped group", "unmapped group", "clash", "default role"]
    assert one.picked.empty


def test_the_picture_says_its_numbers_and_a_part_of_it_picks_the_role(mapper):
    one = mapper(
        users=USERS.assign(role=["member", "auditor", "admin"], roles=[["member"], ["auditor"], ["admin"]])
    )
    told = [part.text for part in ET.fromstring(one.picture.markup).iter("title")]
    assert told == [
        "admin: 0 keep it, 1 gain it, 1 lose it",
        "auditor: 1 keep it, 0 gain it, 0 lose it",
        "member: 0 keep it, 1 gain it, 1 lose it",
    ]
    one.picture.choose("admin")
    assert (one.role, one.ranking.picked) == ("admin", "admin")
    assert set(one.rows["role"]) == {"admin"}
    one.picture.choose("")
    assert len(one.rows) == 4


def test_groups_that_share_a_name_show_their_ids_and_are_found_by_it(mapper):
    one = mapper()
    one.find_field.value = "twin"
    assert [line[1] for line in one.matrix.rows] == ["Twins\ng3", "Twins\ng4"]
    one.find = ""
    one.matrix.sort = "-members"
    assert one.matrix.column("members") == ["2", "1", "1", "0"]


def test_a_mapped_group_that_is_gone_stays_in_the_table_and_says_so(mapper, tmp_path):
    path = ds.write_mapping(ds.RoleMapping(TABLE, GROUPS, ROLES), tmp_path / "roles.json")
    one = mapper(groups=GROUPS.drop(index="g1"), mapping=ds.read_mapping(path))
    assert [line[1] for line in one.matrix.rows][-1] == "Admins\nnot there any more"
    assert "gone group" in set(one.findings["kind"])


def test_the_files_hold_the_mapping_and_run(mapper, tmp_path):
    one = mapper()
    for press in one.export_buttons.values():
        press.click()
        assert "Written: " in one.answer.value
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "roles.json", "roles.py", "roles.yaml", "test_roles.py"
    ]  # fmt: skip
    for name in ("roles.json", "roles.yaml", "roles.py"):
        assert ds.read_mapping(tmp_path / name, GROUPS).mapped == one.mapping.mapped
    command = [
        sys.executable,
        "-c",
        "import test_roles as t; [t.test_somebody_gets_their_roles(*c) for c in t.CASES]",
    ]
    subprocess.run(command, cwd=tmp_path, check=True)
    (tmp_path / "file").write_text("")
    one.folder = str(tmp_path / "file")
    one.write("JSON")
    assert "Not written" in one.answer.value


def test_the_code_behind_it_gives_the_same(client, okta):
    one = widgets.RoleMapper(client, okta, mapping={"App Administrators": "admin"})
    lines = [
        line for line in one.code.snippets[0][1].splitlines() if not line.startswith(("client =", "ds.write"))
    ]
    names = {"client": client}
    exec("\n".join(lines), names)
    assert names["mapping"].mapped == one.mapping.mapped
    pd.testing.assert_frame_equal(names["changes"], one.changes)
    pd.testing.assert_frame_equal(names["findings"], one.findings)


def test_what_cannot_be_is_refused_and_undone(mapper, client):
    one = mapper()
    for trait, value, message in (
        ("role", "admn", "Did you mean 'admin'"),
        ("default", "membr", "Did you mean 'member'"),
        ("mode", "both", "mode"),
        ("show", "Nobody", "show"),
    ):
        with pytest.raises(t.TraitError, match=message):
            setattr(one, trait, value)
    with pytest.raises(errors.ArgumentError, match="given together"):
        mapper(groups=None)
    with pytest.raises(errors.ArgumentError, match="opens one directory; got 2"):
        widgets.RoleMapper(client, list(ds.load_directories(client).index[:2]))
    one = mapper(mapping={"Admns": "admin"})
    assert "near it: 'Admins'" in one.status.text
    with pytest.raises(errors.IncompleteError, match="groups to roles: not read"):
        _ = one.changes


def test_roles_that_cannot_be_read_are_those_that_users_have(client, okta, sandbox):
    sandbox.faults.add("status", path="/authorization", status=403, times=None)
    one = widgets.RoleMapper(client, okta)
    sandbox.faults.clear()
    assert set(one.mapping.order) == {"admin", "auditor", "member"}
    assert "The roles there are could not be read" in one.status.text


def test_hostile_names_are_text_and_the_state_stays_small(client, hostile):
    one = widgets.RoleMapper(client, hostile["directory"], mapping={hostile["groups"][0]: "admin"})
    one.new_role.value = HOSTILE[0]
    assert HOSTILE[0] in one.mapping.order
    assert HOSTILE[0] not in markup_of(one) + one.static_html() + one.picture.markup
    assert one.matrix.columns[-1]["title"] == HOSTILE[0]


def test_three_hundred_groups_fit_into_a_small_state(mapper):
    ids = [f"directory_group_01JYXFS0G0WST7RGS24JP{n:05}" for n in range(300)]
    groups = groups_frame([group(one, f"A group with a rather long name {n}") for n, one in enumerate(ids)])
    users = users_frame([user(f"u{n:05}", f"u{n}@acme.test", name=f"User {n}") for n in range(500)])
    edges = memberships(*((one, ids[n % 300]) for n, one in enumerate(users.index)))
    mapping = ds.RoleMapping(dict(zip(ids, ROLES * 100, strict=True)), groups, ROLES)
    one = mapper(users=users, groups=groups, memberships=edges, mapping=mapping)
    one.matrix.size = one.table.size = 50
    assert state_size(one) < 100_000
    assert len(one.matrix.rows) == 50


@pytest.mark.parametrize("name", sorted(zoo()))
def test_every_animal_opens(client, name):
    animal = zoo()[name]
    frames = {"users": animal.users, "groups": animal.groups, "memberships": animal.memberships}
    one = widgets.RoleMapper(client, **frames)
    assert one.status.kind == "ready", one.status.text
    assert one.static()
