"""Groups to roles: a table to edit, what it would do, and what is handed on of it."""

from __future__ import annotations

import json
import subprocess
import sys

import pandas as pd
import pytest

import dirsync_nb as ds
from dirsync_nb import errors, what_if
from dirsync_nb.analysis.role_files import KINDS, mapping_text
from dirsync_nb.frames import groups_frame, users_frame
from dirsync_nb.guard import TooManyGone

from ..frame_zoo import group, memberships, partial, user, zoo

ROLES = ["admin", "auditor", "editor", "member"]
NAMES = {"g1": "Admins", "g2": "Auditors", "g3": "Editors", "g4": "All", "g5": "Twins", "g6": "Twins"}
GROUPS = groups_frame([group(one, name) for one, name in NAMES.items()])
USERS = users_frame([user(f"u{n}", f"u{n}@acme.test", name=f"User {n}") for n in range(1, 6)])
EDGES = memberships(
    ("u1", "g1"), ("u1", "g2"), ("u2", "g2"), ("u3", "g3"), ("u3", "g4"), ("u4", "g4"), ("u4", "g5")
)
HOSTILE = [
    'Dr. "No" \\ #: {x}',
    "two\nlines: [1]",
    "''' + str(1) + '''",
    "\ud83d half",
    "\x07\x00bell",
    "名前 é",
    "- !!x",
]


def mapping(**changes):
    table = {"Admins": "admin", "g2": "auditor", "Editors": "editor"}
    return ds.RoleMapping(**{"table": table, "groups": GROUPS, "roles": ROLES, "priority": ROLES, **changes})


def told(found, kind):
    rows = found[found["kind"] == kind]
    return [tuple(row) for row in rows[["user_id", "group_id", "role", "why"]].fillna("").to_numpy()]


def outcome(one):
    frame = one.suppose(USERS, EDGES).frame()
    return frame.groupby("user_id")["role"].agg(list).to_dict()


# To edit ----------------------------------------------------------------------------------------------------


def test_every_edit_gives_a_new_mapping_and_leaves_the_old_one():
    first = mapping()
    assert first.mapped == {"g1": ("admin",), "g2": ("auditor",), "g3": ("editor",)}
    second = first.give("All", "editor").drop("Editors").rank("auditor").with_default(None)
    assert second.mapped == {"g1": ("admin",), "g2": ("auditor",), "g4": ("editor",)}
    assert second.order == ("auditor", "admin", "editor", "member")
    assert first.order == tuple(ROLES)
    assert first.default == "member"
    assert second.default is None
    assert second.move("editor", -2).order == ("editor", "auditor", "admin", "member")
    assert second.move("auditor", 9).order[-1] == "auditor"
    assert second.add_role("guest").give("All", "guest").mapped["g4"] == ("guest",)


def test_the_matrix_is_groups_by_roles():
    matrix = mapping().matrix
    assert list(matrix.columns) == ["name", *ROLES]
    assert matrix.index.tolist() == list(NAMES)
    assert matrix.loc["g1", ROLES].tolist() == [True, False, False, False]
    assert matrix.dtypes[ROLES].unique().tolist() == [bool]


def test_with_several_roles_a_group_may_give_several_and_a_switch_back_keeps_the_highest():
    both = mapping().switch("multiple").give("Auditors", "editor", "auditor")
    assert outcome(both)["u1"] == ["admin", "auditor", "editor"]
    assert both.switch("single").mapped["g2"] == ("auditor",)
    assert outcome(both.switch("single")) == outcome(mapping())
    assert both.suppose(USERS, EDGES).under(mode="single").frame()["role"].tolist() == [
        role for roles in outcome(both.switch("single")).values() for role in roles
    ]


def test_an_organization_has_its_own_priority_and_default():
    own = {"org_a": {"priority": ["auditor"], "default": "editor"}}
    users = users_frame([user(f"u{n}", None, organization_id="org_a") for n in range(1, 6)])
    frame = mapping(organizations=own).suppose(users, EDGES).frame()
    assert frame.set_index("user_id")["role"].to_dict() == {
        "u1": "auditor", "u2": "auditor", "u3": "editor", "u4": "editor", "u5": "editor"
    }  # fmt: skip


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda m: m.give("Admin", "admin"), "no group with the id or name 'Admin'.*near it: 'Admins'"),
        (lambda m: m.give("Twins", "admin"), "2 groups are named 'Twins'"),
        (lambda m: m.give("Admins", "admn"), "role must be .*got 'admn'. Did you mean 'admin'"),
        (lambda m: m.give("Admins", "admin", "editor"), "a group gives one role; got admin, editor"),
        (lambda m: m.rank("auditr"), "Did you mean 'auditor'"),
        (lambda m: m.switch("singel"), "Did you mean 'single'"),
        (lambda m: m.with_default("membr"), "Did you mean 'member'"),
        (lambda m: m.add_role(" "), "a role is a slug"),
        (lambda m: mapping(table={"Admins": "admin", "g1": "editor"}), "maps a group twice"),
        (lambda m: mapping(table={"Admins": "amin"}), "Did you mean 'admin'"),
        (lambda m: mapping(table={"Admins": ["admin", "editor"]}), "with one role a user it gives one"),
        (lambda m: mapping(mode="multi"), "Did you mean 'multiple'"),
        (lambda m: mapping(default="members"), "Did you mean 'member'"),
        (lambda m: mapping(organizations={"org_a": {"priority": ["audit"]}}), "Did you mean 'auditor'"),
        (lambda m: mapping(organizations={"org_a": {"prio": []}}), "may hold priority and default"),
        (lambda m: mapping(roles=GROUPS), "roles must have the columns slug"),
        (lambda m: mapping(groups=USERS), "groups must be indexed by group_id"),
        (lambda m: ds.role_mapping.group_effects(m), "roles must be Roles, such as mapping.suppose"),
        (lambda m: ds.role_mapping.read_roles(USERS.drop(columns="roles"), EDGES), "roles is not among"),
    ],
)  # fmt: skip
def test_what_is_misspelt_is_refused_with_near_names(make, message):
    with pytest.raises(errors.ArgumentError, match=f"(?s){message}"):
        make(mapping())


# To look at ---------------------------------------------------------------------------------------------------


def test_findings_say_who_clashes_who_has_no_role_and_which_groups_want_a_look():
    renamed = GROUPS.assign(name=GROUPS["name"].replace({"Editors": "Writers"})).drop(index="g1")
    now = mapping().give("g6", "editor").with_default(None).on(renamed)
    edges = EDGES[EDGES["group_id"] != "g1"]
    found = now.findings(USERS, edges)
    assert told(found, "gone group") == [("", "g1", "admin", "mapped, and not in the directory any more")]
    assert found.loc[found["kind"] == "gone group", "name"].tolist() == ["Admins"]
    assert [row[:3] for row in told(found, "renamed group")] == [("", "g3", "editor")]
    assert told(found, "same name") == [("", "g6", "editor", "g5 is called so too; g6 is meant")]
    assert told(found, "unused role") == [("", "", "member", "no group gives it, and it is not the default")]
    assert told(mapping().findings(USERS, EDGES), "unused role") == []
    assert told(found, "empty group") == [("", "g6", "editor", "mapped, and nobody is in it")]
    assert [row[1] for row in told(found, "unmapped group")] == ["g4", "g5"]
    assert [row[0] for row in told(found, "no role")] == ["u4", "u5"]
    clash = told(mapping().findings(USERS, EDGES), "clash")
    assert clash == [
        ("u1", "g1", "admin", "admin by Admins wins, as it ranks highest; not auditor by Auditors")
    ]
    several = told(mapping().switch("multiple").findings(USERS, EDGES), "several roles")
    assert several == [("u1", "g1", "admin", "admin by Admins; auditor by Auditors")]
    assert [row[0] for row in told(mapping().findings(USERS, EDGES), "default role")] == ["u4", "u5"]


def test_the_roles_that_were_read_are_the_side_before_a_mapping():
    slugs = {"u1": "admin", "u2": "auditor", "u3": "admin", "u4": "member", "u5": None}
    users = USERS.assign(
        role=pd.Series(slugs, dtype="str"), roles=[[one] if one else [] for one in slugs.values()]
    )
    now = ds.role_mapping.read_roles(users, EDGES, GROUPS)
    changes = what_if.role_changes(now, mapping().suppose(users, EDGES))
    moved = changes[changes["change"] != "kept"]
    assert [tuple(row) for row in moved[["user_id", "role", "change", "why"]].to_numpy()] == [
        ("u3", "admin", "lost", "no group of theirs gives it; has editor"),
        ("u3", "editor", "gained", "by Editors; instead of admin"),
        ("u5", "member", "gained", "the default role: in no group"),
    ]


def test_what_a_deleted_group_would_do_is_what_happens_when_it_is():
    for one in (
        mapping(),
        mapping().switch("multiple").give("Auditors", "auditor", "editor").give("All", "editor"),
    ):
        supposed = one.suppose(USERS, EDGES)
        effects = ds.role_mapping.group_effects(supposed)
        for group_id, row in effects.iterrows():
            changes = what_if.role_changes(supposed, supposed.without_group(group_id))
            moved = changes[changes["change"] != "kept"]
            fallen = moved.loc[
                moved["why"].str.contains("default role") & (moved["change"] == "gained"), "user_id"
            ]
            assert row["affected"] == moved["user_id"].nunique(), group_id
            assert row["to_default"] == fallen.nunique(), group_id
    assert effects["affected"].is_monotonic_decreasing
    by_name = supposed.renamed_group("Admins", "Bosses", by="name")
    changed = what_if.role_changes(supposed, by_name, confirm=0)
    assert changed.loc[changed["change"] != "kept", "user_id"].nunique() == effects.loc["g1", "affected"]


@pytest.mark.parametrize("name", sorted(zoo()))
def test_every_animal_is_mapped_looked_at_and_handed_on(name, tmp_path):
    animal = zoo()[name]
    table = {one: ROLES[place % 3] for place, one in enumerate(animal.groups.index[:3])}
    one = ds.RoleMapping(table, animal.groups, ROLES)
    found = one.findings(animal.users, animal.memberships)
    assert found.dtypes.astype(str).to_dict() == ds.role_mapping.FINDING_COLUMNS
    assert set(found["user_id"].dropna()) <= set(animal.users.index)
    ds.role_mapping.group_effects(one.suppose(animal.users, animal.memberships))
    for ending in ("json", "yaml", "py"):
        path = ds.write_mapping(one, tmp_path / f"roles.{ending}")
        assert ds.read_mapping(path, animal.groups).mapped == one.mapped


def test_where_most_mapped_groups_are_gone_it_stops_unless_the_number_is_confirmed():
    broken = mapping().on(GROUPS.iloc[:0])
    with pytest.raises(TooManyGone, match="3 of 3 mapped groups.*confirm=3"):
        broken.suppose(USERS, EDGES)
    assert set(broken.suppose(USERS, EDGES, confirm=3).frame()["role"]) == {"member"}
    assert len(told(broken.findings(USERS, EDGES), "gone group")) == 3
    assert mapping().on(GROUPS.drop(index="g1")).suppose(USERS, EDGES) is not None


def test_partial_frames_are_refused():
    with pytest.raises(errors.IncompleteError):
        mapping().findings(USERS, partial(EDGES))


# To hand on -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["roles.json", "roles.yaml", "test_roles.yml", "roles.py"])
def test_a_mapping_comes_back_from_its_file(name, tmp_path):
    own = {"org_a": {"priority": ["auditor"], "default": None}, "org b: '\"": {"default": "editor"}}
    groups = groups_frame([group(f"h{n}", name) for n, name in enumerate(HOSTILE)])
    one = ds.RoleMapping(
        {f"h{n}": ["admin", "editor"] if n % 2 else "auditor" for n in range(len(HOSTILE))},
        groups, ROLES, ["editor", "admin"], "multiple", None, own,
    )  # fmt: skip
    path = ds.write_mapping(one, tmp_path / name)
    back = ds.read_mapping(path, groups)
    for name in ("mapped", "order", "mode", "default", "names"):
        assert getattr(back, name) == getattr(one, name), name
    assert {k: dict(v) for k, v in back.organizations.items()} == own
    gone = ds.read_mapping(path, groups.drop(index="h0"))
    assert gone.gone == ("h0",)
    assert gone.names["h0"] == HOSTILE[0]


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.txt", "", "the ending of the file must be one of '.json'"),
        ("a.json", None, "cannot be read: No such file"),
        ("a.json", "[]", "it needs the keys mode, default"),
        ("a.json", "{", "holds no mapping"),
        ("a.json", "[" * 100_000, "holds no mapping"),
        ("a.yaml", "a: [", "holds no mapping"),
        ("a.py", "GROUPS = open('x')", "holds no mapping"),
        ("a.py", "MODE = 'single'", "it needs GROUPS"),
        ("a.json", '{"groups": [], "prority": []}', "Did you mean 'priority'"),
        ("a.json", '{"groups": [{"group_id": "g1", "role": "a"}]}', "Did you mean 'roles'"),
        ("a.json", '{"groups": [{"group_id": "g1", "roles": "a"}]}', "roles of a group must be a list"),
        ("a.json", '{"groups": [{"group_id": "g", "roles": ["a"]}, {"group_id": "g", "roles": []}]}', "twice"),
        ("a.json", '{"groups": [{"group_id": "g1", "roles": ["admn"]}], "priority": ["admin", "member"]}',
         "Did you mean 'admin'"),
        ("a.json", '{"groups": [], "mode": "on"}', "mode must be one of"),
        ("a.json", '{"groups": [], "organizations": {"a": []}}', "an entry for each organization"),
        ("a.json", '{"groups": [], "organizations": [1]}', "an entry for each organization"),
        ("a.json", '{"groups": 3}', "it needs the keys mode, default"),
        ("a.json", '{"groups": [3]}', "each group needs a group_id"),
        ("a.json", '{"groups": [{"group_id": 3, "roles": []}]}', "each group needs a group_id"),
        ("a.json", '{"groups": [{"group_id": "g", "roles": [" "]}]}', "must be a list of slugs"),
        ("a.py", "GROUPS = {'g': ['a']}\nNAMES = 3", "it needs GROUPS"),
        ("a.json", b"\xff\xfe\x00", "no UTF-8 text"),
        ("a.json", '{"groups": [], "groups": []}', "'groups' stands twice"),
        ("a.py", "GROUPS = {'g1': ['a'], 'g1': ['b']}", "'g1' stands twice"),
        ("a.py", "GROUPS = {}\nGROUPS = {'g1': ['b']}", "'GROUPS' stands twice"),
        ("a.yaml", "groups:\n- group_id: g1\n  roles: [a]\n  roles: [b]", "line 4: 'roles' stands twice"),
        ("a.json", '{"groups": [{"group_id": "g", "roles": ["a\\ud800"]}]}', "must be a list of slugs"),
        ("a.json", '{"groups": [{"group_id": "g\\u0000", "roles": ["a"]}]}', "names a group and a role"),
        ("a.json", '{"groups": [{"group_id": "g", "roles": ["a"], "name": ["x"]}]}', "name of g is no text"),
        ("a.json", '{"groups": [], "default": ["a"]}', "default: a role is a slug"),
        ("a.json", '{"groups": [], "default": NaN}', "default: a role is a slug"),
        ("a.json", '{"groups": [], "organizations": {"o\\ud800": {}}}', "an entry for each organization"),
        ("a.json", '{"groups": [], "organizations": {"o": {"priority": ["\\u0000"]}}}', "priority: a role is"),
        ("a.json", '{"groups": [], "organizations": {"o": {"default": 3}}}', "default: a role is a slug"),
    ],
)  # fmt: skip
def test_a_file_that_holds_no_mapping_is_refused_in_a_sentence(name, text, message, tmp_path):
    path = tmp_path / name
    if text is not None:
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(errors.ArgumentError, match=message) as caught:
        ds.read_mapping(path)
    assert "\n" not in str(caught.value)


def test_a_json_file_is_read_as_json_and_not_as_yaml(tmp_path):
    """Which has no pairs of escapes, as JSON writes a character such as this one."""
    path = tmp_path / "roles.json"
    path.write_text(json.dumps({"groups": [{"group_id": "g1", "roles": ["\U0001f680"]}]}))
    assert ds.read_mapping(path).mapped == {"g1": ("\U0001f680",)}
    assert ds.read_mapping(path, GROUPS.drop(index="g1")).gone == ("g1",)  # without a name, by its id


def test_a_kind_of_text_that_there_is_not_is_refused():
    with pytest.raises(errors.ArgumentError, match="kind must be one of 'json'.*got 'jsn'"):
        mapping_text(mapping(), "jsn")


def test_a_python_file_is_read_and_never_run(tmp_path):
    path = tmp_path / "roles.py"
    path.write_text(f"GROUPS = {{'g1': ['admin']}}\nopen({str(tmp_path / 'ran')!r}, 'w')\n")
    assert ds.read_mapping(path).mapped == {"g1": ("admin",)}
    assert not (tmp_path / "ran").exists()
    with pytest.raises(errors.ArgumentError, match="no name of a module"):
        ds.write_mapping(mapping(), tmp_path / "my-roles.py")


def judged(one, expected_of):
    """Run the generated test of one mapping against the generated code of another; say which people fail."""
    code, test = {}, {}
    exec(mapping_text(one, "python"), code)
    exec(mapping_text(expected_of, "test").replace("from roles import roles_of", ""), test | code, test)
    return [
        who
        for who, groups, owner, roles in test["CASES"]
        if sorted(code["roles_of"](groups, owner)) != sorted(roles)
    ]


CHANGES = {
    "another role": lambda m: m.give("Admins", "editor"),
    "a group less": lambda m: m.drop("Editors"),
    "a group more": lambda m: m.give("All", "editor"),
    "another order": lambda m: m.rank("admin", "editor", "auditor"),
    "another mode": lambda m: m.switch("multiple"),
    "another default": lambda m: m.with_default("editor"),
    "no default": lambda m: m.with_default(None),
}


@pytest.mark.parametrize("name", CHANGES)
def test_the_test_for_the_app_fails_when_the_mapping_changes(name):
    assert judged(mapping(), mapping()) == []
    assert "\n    'g2': ['auditor'],\n" in mapping_text(mapping(), "python")
    assert "[\n    ('somebody in Admins alone', ['g1'], None, ['admin']),\n" in mapping_text(mapping(), "test")
    assert judged(CHANGES[name](mapping()), mapping()) != [], name


def test_the_test_for_the_app_judges_an_organization_by_its_own_rules():
    own = {"org_a": {"priority": ["auditor"], "default": "editor"}}
    assert judged(mapping(organizations=own), mapping(organizations=own)) == []
    assert judged(mapping(), mapping(organizations=own)) != []


def test_the_files_run_as_they_stand_green_and_then_red(tmp_path):
    ds.write_mapping(mapping(), tmp_path / "app_roles.py")
    ds.write_mapping(mapping(), tmp_path / "test_app_roles.py")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", ".", "."]
    environment = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PATH": ""}

    def run():
        done = subprocess.run(
            command, cwd=tmp_path, capture_output=True, text=True, env=environment, check=False
        )
        return done.returncode, done.stdout

    code, text = run()
    assert (code, "8 passed" in text) == (0, True), text
    ds.write_mapping(mapping().give("Admins", "editor"), tmp_path / "app_roles.py")
    code, text = run()
    assert code == 1
    assert "somebody in Admins alone" in text


@pytest.mark.parametrize("kind", KINDS)
def test_names_of_groups_are_text_in_every_file(kind):
    groups = groups_frame([group("h1", "\"\"\"\n'''\nimport os; os.abort()  # {0} \ud800")])
    text = mapping_text(ds.RoleMapping({"h1": "admin"}, groups), kind)
    assert "import os; os.abort()\n" not in text
    text.encode()
    if kind == "json":
        assert json.loads(text)["groups"][0]["name"] == groups["name"].iloc[0]
    elif kind != "yaml":
        compile(text, kind, "exec")
