"""What if: predictions on invented frames, and against what really happens in the sandbox."""

from __future__ import annotations

import random
from dataclasses import replace

import pandas as pd
import pytest

import dirsync_nb as ds
from dirsync_nb import errors, what_if
from dirsync_nb.client import DirectoryClient, Pacer, RetryPolicy, Transport
from dirsync_nb.frames import directories_frame, groups_frame, users_frame
from dirsync_nb.guard import TooManyGone

from ..frame_zoo import company, group, memberships, partial, user, zoo

ZOO = zoo()
TABLE = {"Admins": "admin", "Auditors": "auditor", "Editors": "editor"}
PRIORITY = ["admin", "auditor", "editor"]

GROUPS = groups_frame(
    [group("g1", "Admins"), group("g2", "Auditors"), group("g3", "Editors"), group("g4", "All")]
)
USERS = users_frame([user(f"u{n}", f"u{n}@acme.test", name=f"User {n}") for n in range(1, 5)])
EDGES = memberships(
    ("u1", "g1"), ("u1", "g2"), ("u2", "g2"), ("u2", "g3"), ("u3", "g3"), ("u1", "g4"), ("u4", "g4")
)


def roles(**changes):
    settings = {"users": USERS, "memberships": EDGES, "table": TABLE, "groups": GROUPS, "priority": PRIORITY}
    return what_if.Roles(**{**settings, **changes})


def held(scene):
    """Return each user's roles, the primary one first."""
    found = {}
    for row in scene.frame().itertuples():
        found.setdefault(row.user_id, []).append(row.role)
    return found


def changed(before, after):
    table = what_if.role_changes(before, after)
    table = table[table["change"] != "kept"]
    return [tuple(row) for row in table[["user_id", "role", "change", "why"]].to_numpy()]


def test_memberships_that_are_gone_are_stopped_at_unless_they_were_supposed_to_go():
    """CMP-06: an export that came empty does not pass for five people who left their groups."""
    now, broken = roles(), roles(memberships=EDGES.iloc[:0])
    with pytest.raises(TooManyGone, match="5 of 5 memberships that give roles.*confirm=5"):
        what_if.role_changes(now, broken)
    assert "lost" in what_if.role_changes(now, broken, confirm=5)["change"].tolist()
    supposed = now.without_group("Admins").without_group("Auditors").without_group("Editors")
    assert "lost" in what_if.role_changes(now, supposed)["change"].tolist()


def test_groups_that_share_a_name_are_told_apart_in_every_reason():
    twins = groups_frame([group("g1", "Sales"), group("g2", "Sales"), group("g3", "Editors")])
    now = roles(groups=twins, table={"g1": "admin", "g2": "auditor", "g3": "editor"})
    then = now.without_group("g1")
    assert changed(now, then) == [
        ("u1", "admin", "lost", "Sales (g1) was deleted; has auditor"),
        ("u1", "auditor", "gained", "by Sales (g2); instead of admin"),
    ]
    assert "by Editors" in what_if.role_changes(now, now)["why"].tolist()


def test_an_organization_has_its_own_priority_and_default():
    users = users_frame(
        [user(f"u{n}", None, organization_id="org_own" if n in (1, 4) else "org_other") for n in range(1, 6)]
    )
    own = {"org_own": {"priority": ["auditor", "admin"], "default": "guest"}}
    both = [*EDGES[["user_id", "group_id"]].itertuples(index=False, name=None), ("u3", "g1")]
    scene = roles(users=users, memberships=memberships(*both), organizations=own)
    expected = {"u1": ["auditor"], "u2": ["auditor"], "u3": ["admin"], "u4": ["guest"], "u5": ["member"]}
    assert held(scene) == expected
    assert held(scene.under(mode="multiple"))["u1"] == ["auditor", "admin"]
    with pytest.raises(errors.ArgumentError, match="may hold priority and default; got \\['prority'\\]"):
        roles(organizations={"org_own": {"prority": []}})


def test_a_deleted_role_unmaps_its_groups():
    then = roles().without_role("auditor")
    assert held(then) == {"u1": ["admin"], "u2": ["editor"], "u3": ["editor"], "u4": ["member"]}
    assert ("u2", "auditor", "lost", "the role auditor was deleted; has editor") in changed(roles(), then)
    several = roles(mode="multiple")
    assert held(several.without_role("editor"))["u3"] == ["member"]
    with pytest.raises(errors.ArgumentError, match="is a default role"):
        roles().without_role("member")
    with pytest.raises(errors.ArgumentError, match="no role 'adimn' among admin, auditor, editor"):
        roles().without_role("adimn")


def test_an_unmapped_group_gives_the_default_role_and_may_be_supposed_to_outrank():
    """WorkOS does not say whether the default role, ranked above a mapped one, can win through such a group."""
    ranked = {
        "priority": ["member", *PRIORITY],
        "memberships": memberships(("u1", "g1"), ("u1", "g4"), ("u2", "g1")),
    }
    assert held(roles(**ranked))["u1"] == ["admin"]
    supposed = roles(**ranked, default_mapping="ranked")
    assert held(supposed) == {"u1": ["member"], "u2": ["admin"], "u3": ["member"], "u4": ["member"]}
    assert held(roles(**ranked, default_mapping="ranked", mode="multiple"))["u1"] == ["admin"]


def test_from_several_roles_to_one_the_priority_decides():
    several = roles(mode="multiple")
    lost = [
        (who, role)
        for who, role, change, _ in changed(several, several.under(mode="single"))
        if change == "lost"
    ]
    assert lost == [("u1", "auditor"), ("u2", "editor")]


def test_a_renamed_group_matters_to_whoever_maps_by_name():
    now = roles()
    assert changed(now, now.renamed_group("Auditors", "Controllers")) == []
    lost = now.renamed_group("Auditors", "Controllers", by="name")
    why = "Auditors is called Controllers now, and the table knows names only; has editor"
    assert ("u2", "auditor", "lost", why) in changed(now, lost)
    assert held(now.renamed_group("All", "Admins", by="name"))["u4"] == ["admin"]


# What follows from a table ----------------------------------------------------------------------------------


def test_with_one_role_the_highest_counts_and_whoever_is_in_none_has_the_default():
    assert held(roles()) == {"u1": ["admin"], "u2": ["auditor"], "u3": ["editor"], "u4": ["member"]}
    frame = roles().frame()
    assert frame["groups"].tolist() == [("g1",), ("g2",), ("g3",), ()]
    assert frame["primary"].all()


def test_with_several_roles_all_count_and_the_highest_is_the_primary():
    frame = roles(mode="multiple").frame()
    assert held(roles(mode="multiple")) == {
        "u1": ["admin", "auditor"],
        "u2": ["auditor", "editor"],
        "u3": ["editor"],
        "u4": ["member"],
    }
    assert frame.loc[~frame["primary"], "role"].tolist() == ["auditor", "editor"]


def test_the_table_may_be_a_frame_with_priorities_and_ids():
    table = pd.DataFrame({"group": ["g3", "Admins", "g2"], "role": ["c", "a", "b"], "priority": [1, 3, 2]})
    scene = roles(table=table, priority=())
    assert scene.order == ("c", "b", "a")
    assert held(scene)["u2"] == ["c"]
    assert scene.with_table(table, ["a", "b"]).order == ("a", "b", "c")


def test_without_a_default_nobody_outside_the_groups_has_a_role():
    assert "u4" not in held(roles(default=None))


def test_users_of_providers_that_cannot_map_groups_have_no_role():
    directories = directories_frame([{"object": "directory", "id": "directory_1", "type": "workday"}])
    assert held(roles(directories=directories)) == {}
    google = directories_frame([{"object": "directory", "id": "directory_1", "type": "gsuite directory"}])
    assert held(roles(directories=google)) == held(roles())


def test_inactive_users_have_roles_only_where_they_are_kept():
    users = users_frame([user("u1", state="inactive"), user("u2")])
    assert list(held(roles(users=users))) == ["u2"]
    assert list(held(roles(users=users, inactive_policy="keep"))) == ["u1", "u2"]


# What changes, and why --------------------------------------------------------------------------------------


def test_a_removed_group_says_who_falls_back_to_what():
    assert changed(roles(), roles().without_group("Admins")) == [
        ("u1", "admin", "lost", "Admins was deleted; has auditor"),
        ("u1", "auditor", "gained", "by Auditors; instead of admin"),
    ]


def test_a_changed_table_says_which_group_gives_what_now():
    now = roles()
    assert changed(now, now.with_group("Editors", None)) == [
        ("u3", "editor", "lost", "Editors gives no role any more; has member"),
        ("u3", "member", "gained", "the default role: in no mapped group; instead of editor"),
    ]
    assert changed(now, now.with_group("Editors", "auditor")) == [
        ("u3", "auditor", "gained", "by Editors; instead of editor"),
        ("u3", "editor", "lost", "Editors gives auditor now; has auditor"),
    ]
    assert changed(now, now.with_table(TABLE, ["editor", "auditor", "admin"])) == [
        ("u1", "admin", "lost", "outranked by auditor"),
        ("u1", "auditor", "gained", "by Auditors; instead of admin"),
        ("u2", "auditor", "lost", "outranked by editor"),
        ("u2", "editor", "gained", "by Editors; instead of auditor"),
    ]


def test_a_user_who_moves_or_leaves():
    now = roles()
    assert changed(now, now.moved("u4", joins="Editors", leaves=["All"])) == [
        ("u4", "editor", "gained", "by Editors; instead of member"),
        ("u4", "member", "lost", "no longer the default role: has editor"),
    ]
    assert changed(now, now.moved("u1", leaves="g1"))[0] == (
        "u1", "admin", "lost", "no longer in Admins; has auditor",
    )  # fmt: skip
    assert changed(now, now.without_user("u2")) == [("u2", "auditor", "lost", "gone from the directory")]


def test_several_roles_instead_of_one_only_add():
    now = roles()
    assert changed(now, now.under(mode="multiple")) == [
        ("u1", "auditor", "gained", "by Auditors"),
        ("u2", "editor", "gained", "by Editors"),
    ]
    assert {change for _, _, change, _ in changed(now.under(mode="multiple"), now)} == {"lost"}


def test_a_switched_inactive_policy_takes_everything_from_inactive_users():
    keep = roles(inactive_policy="keep").deactivated("u1")
    assert changed(roles(inactive_policy="keep"), keep) == []
    assert changed(keep, keep.under(inactive_policy="delete")) == [
        ("u1", "admin", "lost", "inactive, and inactive users are deleted")
    ]
    assert changed(roles(), roles().deactivated("u1")) == [("u1", "admin", "lost", "gone from the directory")]


def test_nothing_changes_where_nothing_is_different():
    table = what_if.role_changes(roles(), roles())
    assert table["change"].tolist() == ["kept"] * 4
    assert table["why"].tolist() == [
        "by Admins",
        "by Auditors",
        "by Editors",
        "the default role: in no mapped group",
    ]


def test_the_summary_counts_users_before_and_after_the_highest_role_first():
    summary = what_if.role_summary(what_if.role_changes(roles(), roles().without_group("Admins")))
    assert summary.index.tolist() == ["admin", "auditor", "editor", "member"]
    assert summary.to_numpy().tolist() == [[1, 0, 0, 1, 0], [1, 1, 1, 0, 2], [1, 0, 1, 0, 1], [1, 0, 1, 0, 1]]
    assert {name: str(dtype) for name, dtype in summary.dtypes.items()} == what_if.SUMMARY_COLUMNS


# Frames and arguments ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", what_if.MODES)
@pytest.mark.parametrize("name", list(ZOO))
def test_every_animal_gives_frames_as_declared(name, mode):
    c = ZOO[name]
    table = dict.fromkeys(c.groups.index[:2], "admin")
    now = what_if.Roles(c.users, c.memberships, table, c.groups, mode=mode, inactive_policy="keep")
    changes = what_if.role_changes(now, now.with_table({}))
    assert {n: str(d) for n, d in now.frame().dtypes.items()} == what_if.ROLE_COLUMNS
    assert {n: str(d) for n, d in changes.dtypes.items()} == what_if.CHANGE_COLUMNS
    summary = what_if.role_summary(changes)
    assert {n: str(d) for n, d in summary.dtypes.items()} == what_if.SUMMARY_COLUMNS
    assert summary["after"].sum() == len(c.users)


def test_supposing_changes_no_argument():
    copies = [frame.copy(deep=True) for frame in (USERS, EDGES, GROUPS)]
    scene = roles().without_group("g1").moved("u2", joins="g4").without_user("u3").under(mode="multiple")
    what_if.role_changes(roles(), scene.with_group("Auditors", None))
    for frame, copy in zip((USERS, EDGES, GROUPS), copies, strict=True):
        pd.testing.assert_frame_equal(frame, copy)


def test_partial_frames_are_refused():
    """HTTP-10."""
    for name, frame in (("users", USERS), ("memberships", EDGES), ("groups", GROUPS)):
        with pytest.raises(errors.IncompleteError, match="what_if"):
            roles(**{name: partial(frame)})


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: roles(mode="both"), "mode must be one of"),
        (lambda: roles(inactive_policy="forget"), "inactive_policy must be one of"),
        (lambda: roles(table={"Kings": "king"}), "no group with the id or name 'Kings' among the 4"),
        (lambda: roles(table={"Admins": "a", "g1": "b"}), "maps a group twice"),
        (lambda: roles(table={"Admins": ""}), "names a group and a role"),
        (lambda: roles(table=["Admins"]), "a mapping from group to role"),
        (lambda: roles(groups=groups_frame([group(i, "Admins") for i in "ab"])), "2 groups are named"),
        (lambda: roles(users=GROUPS), "indexed by user_id"),
        (lambda: roles().moved("nobody", joins="All"), "no user 'nobody' among the 4"),
        (lambda: roles(priority=(), table=pd.DataFrame(
            {"group": ["g1", "g2"], "role": ["a", "a"], "priority": [1, 2]})), "two priorities"),
    ],
)  # fmt: skip
def test_arguments_that_make_no_sense_are_refused(make, message):
    with pytest.raises(errors.ArgumentError, match=message):
        make()


@pytest.mark.slow
def test_a_large_company_is_answered_by_the_members_of_mapped_groups():
    c = company(5_000, 60, directories=1)
    table = dict(zip(c.groups.index[1:31], ["admin", "auditor", "editor"] * 10, strict=True))
    now = what_if.Roles(c.users, c.memberships, table, c.groups, priority=PRIORITY, inactive_policy="keep")
    expected = {}
    for user_id, group_id in zip(c.memberships["user_id"], c.memberships["group_id"], strict=True):
        if group_id in table:
            expected.setdefault(user_id, set()).add(PRIORITY.index(table[group_id]))
    plain = {u: PRIORITY[min(expected[u])] if u in expected else "member" for u in c.users.index}
    frame = now.frame()
    assert dict(zip(frame["user_id"], frame["role"], strict=True)) == plain
    assert frame["user_id"].tolist() == c.users.index.tolist()


# Against the sandbox ----------------------------------------------------------------------------------------

SLUGS = ["admin", "auditor", "member"]  # of the sandbox's environment, the highest first


class World:
    """A directory of the sandbox with random mappings, loaded the way anybody loads it."""

    def __init__(self, sandbox, client, rng):
        self.sandbox, self.client, self.rng = sandbox, client, rng
        self.directory = next(d["id"] for d in client.directories() if d["type"] == "okta scim v2.0")
        self.table = {}
        for one in sandbox.truth.groups(self.directory):
            slug = rng.choice([*SLUGS, None, None, None])
            sandbox.map_role(one["id"], slug)
            if slug:
                self.table[one["id"]] = slug

    def loaded(self):
        where = {"directory_id": self.directory}
        users, groups = ds.load_users(self.client, **where), ds.load_groups(self.client, **where)
        return what_if.Roles(
            users,
            ds.load_memberships(self.client, **where, users=users, groups=groups),
            self.table,
            groups,
            priority=SLUGS,
            mode=self.sandbox.settings.roles,
            inactive_policy=self.sandbox.inactive_policy,
            directories=ds.load_directories(self.client),
        )

    def real(self):
        users = ds.load_users(self.client, directory_id=self.directory)
        return {user_id: list(roles) for user_id, roles in users["roles"].items() if roles}

    def happen(self, scene):
        """Let one random thing happen, and give the scene in which it is supposed."""
        what = self.rng.choice(["map", "unmap", "delete group", "delete user", "switch off", "move", "move"])
        group_id = self.rng.choice(list(scene.groups.index))
        user_id = self.rng.choice(list(scene.users.index[scene.users["state"] == "active"]))
        if what in ("map", "unmap"):
            slug = self.rng.choice(SLUGS) if what == "map" else None
            self.sandbox.map_role(group_id, slug)
            return scene.with_group(group_id, slug)
        if what == "delete group":
            self.sandbox.delete_group(group_id)
            return scene.without_group(group_id)
        if what == "delete user":
            self.sandbox.delete_user(user_id)
            return scene.without_user(user_id)
        if what == "switch off":
            self.sandbox.deactivate_user(user_id)
            return scene.deactivated(user_id)
        return self._move(scene, user_id, group_id)

    def _move(self, scene, user_id, group_id):
        mine = scene.memberships.loc[scene.memberships["user_id"] == user_id, "group_id"].tolist()
        leaves = self.rng.sample(mine, min(len(mine), 2))
        for one in leaves:
            self.sandbox.remove_member(one, user_id)
        self.sandbox.add_member(group_id, user_id)
        return scene.moved(user_id, joins=group_id, leaves=leaves)


@pytest.fixture
def opened(clock):
    """Start sandboxes of any settings, each with a client whose waiting costs no time."""
    started = []

    def start(**settings):
        sandbox = ds.sandbox.Sandbox(**settings).start()
        pacer = Pacer(per_directory=None, per_key=None, clock=clock, sleep=clock.sleep)
        transport = Transport(sandbox.url, sandbox.api_key, retry=RetryPolicy(spread=lambda: 1.0), pacer=pacer)
        client = DirectoryClient(transport)
        started.extend([client.close, sandbox.stop])
        return sandbox, client

    yield start
    for end in started:
        end()


@pytest.mark.parametrize("policy", what_if.POLICIES)
@pytest.mark.parametrize("mode", what_if.MODES)
@pytest.mark.parametrize("seed", [1, 2])
def test_what_is_predicted_is_what_happens_in_the_sandbox(opened, seed, mode, policy):
    sandbox, client = opened(seed=seed, users=60, roles=mode, inactive_policy=policy)
    world = World(sandbox, client, random.Random(seed))
    now = world.loaded()
    assert held(now) == world.real()
    scene = now
    for _ in range(12):
        scene = world.happen(scene)
    real = world.real()
    assert held(scene) == real
    before = held(now)
    changes = what_if.role_changes(now, scene)
    told = {(row.user_id, row.role): row.change for row in changes.itertuples()}
    for user_id in {*before, *real}:
        for role in {*before.get(user_id, ()), *real.get(user_id, ())}:
            was, now_is = role in before.get(user_id, ()), role in real.get(user_id, ())
            assert told.pop((user_id, role)) == ("kept" if was and now_is else "gained" if now_is else "lost")
    assert told == {}
    assert (changes["change"] != "kept").sum() > 3


def test_a_switched_policy_is_predicted_as_an_environment_with_the_other_policy_has_it(opened):
    """The same story in two environments, one of each policy; people are told apart by address."""
    found = {}
    for policy in what_if.POLICIES:
        sandbox, client = opened(inactive_policy=policy, users=0)
        directory = next(d["id"] for d in client.directories() if d["type"] == "jump cloud scim v2.0")
        admins = sandbox.add_group(directory, name="Admins")
        sandbox.map_role(admins, "admin")
        for n in range(6):
            one = sandbox.add_user(directory, email=f"u{n}@acme.test")
            if n % 2:
                sandbox.add_member(admins, one)
            if n % 3 == 0:
                sandbox.deactivate_user(one)
        users, groups = (load(client, directory_id=directory) for load in (ds.load_users, ds.load_groups))
        edges = ds.load_memberships(client, directory_id=directory)
        found[policy] = what_if.Roles(
            users, edges, {"Admins": "admin"}, groups, mode=sandbox.settings.roles, inactive_policy=policy
        )
    predicted = found["keep"].under(inactive_policy="delete")
    by_address = {u: a for scene in found.values() for u, a in scene.users["address"].items()}

    def addressed(scene):
        return {by_address[user_id]: roles for user_id, roles in held(scene).items()}

    assert addressed(predicted) == addressed(found["delete"])
    assert addressed(predicted) != addressed(found["keep"])
    lost = what_if.role_changes(found["keep"], predicted)
    assert (lost["change"] == "lost").sum() == 2
    assert replace(predicted, inactive_policy="keep").present().equals(found["keep"].present())
