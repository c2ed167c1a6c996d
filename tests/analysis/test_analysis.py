from __future__ import annotations

import inspect
from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dirsync_nb import analysis, charts, errors
from dirsync_nb.frames import groups_frame, users_frame

from ..frame_zoo import Company, company, group, memberships, partial, user, zoo

ZOO = zoo()
edges = st.lists(
    st.tuples(st.sampled_from([f"u{n}" for n in range(7)]), st.sampled_from([f"g{n}" for n in range(6)])),
    max_size=30,
)
USERS = users_frame([user(f"u{n}", f"u{n}@acme.test") for n in range(7)])
GROUPS = groups_frame([group(f"g{n}", f"Group {n % 3}") for n in range(6)])


@pytest.fixture(params=list(ZOO))
def animal(request):
    return ZOO[request.param]


def members_of(pairs, group_id):
    return {user_id for user_id, in_group in pairs if in_group == group_id}


# Against plain Python ---------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(edges)
def test_group_sizes_count_distinct_members_as_a_loop_does(pairs):
    sizes = analysis.group_sizes(memberships(*pairs), GROUPS)["members"]
    assert sizes.to_dict() == {g: len(members_of(pairs, g)) for g in GROUPS.index}
    assert sizes.is_monotonic_decreasing


@settings(max_examples=60, deadline=None)
@given(edges)
def test_groups_per_user_and_users_without_group_agree_with_a_loop(pairs):
    frame = memberships(*pairs)
    counts = analysis.groups_per_user(frame, USERS)["groups"]
    expected = {u: len({g for v, g in pairs if v == u}) for u in USERS.index}
    assert counts.to_dict() == expected
    assert list(analysis.users_without_group(frame, USERS).index) == [u for u, n in expected.items() if not n]


@settings(max_examples=60, deadline=None)
@given(edges, st.sampled_from(["count", "jaccard"]), st.integers(1, 3))
def test_overlap_agrees_with_sets(pairs, by, min_shared):
    overlap = analysis.group_overlap(memberships(*pairs), GROUPS, by=by, min_shared=min_shared)
    sets = {g: members_of(pairs, g) for g in GROUPS.index}
    expected = {
        frozenset((a, b)): len(sets[a] & sets[b])
        for a, b in combinations(sets, 2)
        if len(sets[a] & sets[b]) >= min_shared
    }
    found = {frozenset((row.group_a, row.group_b)): row.shared for row in overlap.itertuples()}
    assert found == expected
    assert len(overlap) == len(expected)  # each pair once, not in both orders
    for row in overlap.itertuples():
        a, b = sets[row.group_a], sets[row.group_b]
        assert len(a) >= len(b)
        assert row.jaccard == len(a & b) / len(a | b)
        assert (row.share_of_a, row.share_of_b) == (len(a & b) / len(a), len(a & b) / len(b))
    assert overlap["shared" if by == "count" else "jaccard"].is_monotonic_decreasing


@settings(max_examples=40, deadline=None)
@given(edges, st.sampled_from(["count", "jaccard"]), st.integers(1, 5))
def test_top_pairs_are_the_first_of_all_pairs(pairs, by, top):
    frame = memberships(*pairs)
    everything = analysis.group_overlap(frame, GROUPS, by=by)
    pd.testing.assert_frame_equal(analysis.group_overlap(frame, GROUPS, by=by, top=top), everything.head(top))


@settings(max_examples=40, deadline=None)
@given(edges)
def test_overlap_matrix_holds_every_pair_and_is_symmetric(pairs):
    square = analysis.overlap_matrix(memberships(*pairs), GROUPS, by="count")
    sets = {g: members_of(pairs, g) for g in GROUPS.index}
    assert sorted(square.index) == sorted(square.columns) == sorted(GROUPS.index)
    assert list(square.index) == list(square.columns)
    for a in square.index:
        for b in square.columns:
            assert square.loc[a, b] == len(sets[a] & sets[b])


@settings(max_examples=40, deadline=None)
@given(edges)
def test_group_by_attribute_agrees_with_a_loop(pairs):
    values = {f"u{n}": ["Sales", "Legal", None][n % 3] for n in range(7)}
    users = users_frame([user(u, None, custom_attributes={"team": v}) for u, v in values.items()])
    table = analysis.group_by_attribute(memberships(*pairs), users, "team", GROUPS).droplevel("name")
    for g in GROUPS.index:
        for value in table.columns:
            wanted = None if value == "(none)" else value
            assert table.loc[g, value] == sum(values[u] == wanted for u in members_of(pairs, g))
    assert table.to_numpy().sum() == len(set(pairs))


@settings(max_examples=40, deadline=None)
@given(edges, st.sampled_from(list(GROUPS.index)))
def test_losing_access_agrees_with_sets(pairs, going):
    lost = analysis.losing_access(memberships(*pairs), going, USERS, GROUPS)
    others = {u: {g for v, g in pairs if v == u} - {going} for u in members_of(pairs, going)}
    assert lost["remaining_groups"].to_dict() == {u: len(rest) for u, rest in others.items()}
    assert lost["left_without_group"].to_dict() == {u: not rest for u, rest in others.items()}


@settings(max_examples=40, deadline=None)
@given(edges, edges)
def test_diff_memberships_agrees_with_sets(before, after):
    changes = analysis.diff_memberships(memberships(*before), memberships(*after))
    found = {(row.change, row.user_id, row.group_id) for row in changes.itertuples()}
    joined = {("joined", *pair) for pair in set(after) - set(before)}
    assert found == joined | {("left", *pair) for pair in set(before) - set(after)}
    assert len(changes) == len(found)


@settings(max_examples=40, deadline=None)
@given(
    edges,
    st.lists(
        st.tuples(st.sampled_from(GROUPS.index.tolist()), st.sampled_from(GROUPS.index.tolist())), max_size=8
    ),
)
def test_effective_memberships_agree_with_a_walk(pairs, nested):
    nesting = pd.DataFrame(nested, columns=["group_id", "member_group_id"], dtype="str")
    found = analysis.effective_memberships(memberships(*pairs), nesting)
    expected = set(pairs)
    while True:
        more = {(u, outer) for u, g in expected for outer, inner in nested if inner == g} - expected
        if not more:
            break
        expected |= more
    assert set(zip(found["user_id"], found["group_id"], strict=True)) == expected
    assert len(found) == len(expected)
    direct = found[found["direct"]]
    assert set(zip(direct["user_id"], direct["group_id"], strict=True)) == set(pairs)
    assert {(row.user_id, row.via) for row in found[~found["direct"]].itertuples()} <= set(pairs)


# Every animal -----------------------------------------------------------------------------------------------

QUESTIONS = {
    "group_sizes": lambda c: analysis.group_sizes(c.memberships, c.groups),
    "group_sizes without groups": lambda c: analysis.group_sizes(c.memberships),
    "groups_per_user": lambda c: analysis.groups_per_user(c.memberships, c.users),
    "users_without_group": lambda c: analysis.users_without_group(c.memberships, c.users),
    "group_overlap": lambda c: analysis.group_overlap(c.memberships, c.groups),
    "overlap_matrix": lambda c: analysis.overlap_matrix(c.memberships, c.groups),
    "state_by_group": lambda c: analysis.state_by_group(c.memberships, c.users, c.groups),
    "attribute_coverage": lambda c: analysis.attribute_coverage(c.users),
    "attribute_status": lambda c: analysis.attribute_status(c.users),
    "diff_users": lambda c: analysis.diff_users(c.users, ZOO["a small company"].users),
    "diff_groups": lambda c: analysis.diff_groups(c.groups, ZOO["a small company"].groups),
}


@pytest.mark.parametrize("question", QUESTIONS)
def test_every_answer_has_the_same_columns_and_dtypes_and_leaves_its_arguments_alone(animal: Company, question):
    before = [frame.copy(deep=True) for frame in vars(animal).values()]
    answer = QUESTIONS[question](animal)
    for frame, copy in zip(vars(animal).values(), before, strict=True):
        pd.testing.assert_frame_equal(frame, copy)
    if question not in ("overlap_matrix", "state_by_group", "attribute_status"):  # columns are data there
        usual = QUESTIONS[question](ZOO["a small company"])
        assert (
            answer.drop(columns=["state"], errors="ignore")
            .select_dtypes(exclude="category")
            .dtypes.equals(
                usual.drop(columns=["state"], errors="ignore").select_dtypes(exclude="category").dtypes
            )
        )
    assert answer.index.name == QUESTIONS[question](ZOO["a small company"]).index.name


def test_comparing_a_company_with_itself_finds_nothing(animal: Company):
    assert analysis.diff_users(animal.users, animal.users).empty
    assert analysis.diff_groups(animal.groups, animal.groups).empty
    moments = {"users": (animal.users, animal.users), "groups": (animal.groups, animal.groups)}
    assert analysis.diff_memberships(animal.memberships, animal.memberships, **moments).empty


# Sizes, overlap, attributes ---------------------------------------------------------------------------------


def test_empty_groups_have_a_row_in_the_table_of_sizes():  # MEM-02
    groups = groups_frame([group("g1", "Eng"), group("g2", "Empty")])
    sizes = analysis.group_sizes(memberships(("u1", "g1"), ("u2", "g1"), ("u3", "g1")), groups)
    assert dict(zip(sizes["name"], sizes["members"], strict=True)) == {"Eng": 3, "Empty": 0}


def test_a_membership_listed_twice_counts_once():
    assert analysis.group_sizes(memberships(("u1", "g1"), ("u1", "g1")))["members"].tolist() == [1]


def test_groups_of_one_name_stay_two_rows():
    c = ZOO["two groups of one name"]
    sizes = analysis.group_sizes(c.memberships, c.groups)
    assert sizes["members"].to_dict() == {"g_two_bbbb": 2, "g_one_aaaa": 1}
    assert sizes["name"].tolist() == ["Sales", "Sales"]


def test_memberships_of_groups_that_were_not_loaded_are_kept_without_a_name():
    sizes = analysis.group_sizes(memberships(("u1", "elsewhere")), GROUPS)
    assert sizes.loc["elsewhere", "members"] == 1
    assert pd.isna(sizes.loc["elsewhere", "name"])
    assert sizes.loc["elsewhere", "directory_id"] == "directory_1"


def test_overlap_matrix_puts_groups_of_the_same_people_side_by_side():
    pairs = [(f"u{n}", g) for n in range(20) for g in (("a1", "a2", "a3") if n % 2 else ("b1", "b2", "b3"))]
    order = list(analysis.overlap_matrix(memberships(*pairs)).index)
    assert {name[0] for name in order[:3]} in ({"a"}, {"b"})
    assert order == list(analysis.overlap_matrix(memberships(*pairs)).index)


def test_unknown_choices_are_refused_by_name():
    with pytest.raises(errors.ArgumentError, match="by must be one of 'count', 'jaccard'; got 'size'"):
        analysis.group_overlap(memberships(), by="size")
    with pytest.raises(errors.ArgumentError, match="min_shared must be at least 1"):
        analysis.group_overlap(memberships(), min_shared=0)


def test_values_of_any_kind_become_columns_and_nothing_is_told_from_nothing():
    odd = {"u1": ["b", "a"], "u2": {"x": 1}, "u3": 7, "u4": None, "u5": " ", "u6": "text", "u7": "(none)"}
    odd |= {"u8": "7", "u9": "", "u10": [], "u11": '"text"', "u12": "(absent)", "u13": "true"}
    people = [user(u, None, custom_attributes={"odd": v}) for u, v in odd.items()]
    users = users_frame([*people, user("bare", None)])
    odd["bare"] = None
    pairs = [(u, "g1") for u in [*odd, "stranger"]]
    table = analysis.group_by_attribute(memberships(*pairs), users, "custom_attributes.odd")
    assert table.iloc[0].to_dict() == {
        '["b", "a"]': 1,
        "7": 1,
        '"7"': 1,
        "text": 1,
        '"\\"text\\""': 1,
        "true": 1,
        '{"x": 1}': 1,
        '"(none)"': 1,
        '"(absent)"': 1,
        "(none)": 1,
        "(blank)": 3,
        "(absent)": 1,
        "(not in users)": 1,
    }


def test_rare_values_share_a_column():
    users = users_frame([user(f"u{n}", None, custom_attributes={"v": f"{n // 3}"}) for n in range(9)])
    frame = memberships(*[(f"u{n}", "g1") for n in range(8)])
    table = analysis.group_by_attribute(frame, users, "v", top=1)
    assert table.iloc[0].to_dict() == {"0": 3, "(2 other values)": 5}


def test_a_mistyped_attribute_is_refused_with_those_there_are():
    with pytest.raises(errors.ArgumentError, match=r"department_nam'\. Did you mean 'department_name'"):
        analysis.group_by_attribute(memberships(), ZOO["a small company"].users, "department_nam")


def test_unknown_user_states_have_their_own_column():  # DF-08
    users = users_frame([user("u1", None), user("u2", None, state="staged")])
    table = analysis.state_by_group(memberships(("u1", "g1"), ("u2", "g1")), users)
    assert table.iloc[0].to_dict() == {"active": 1, "staged": 1}


def test_coverage_tells_filled_null_and_absent_apart():
    users = users_frame(
        [
            user("u1", "a@acme.test", custom_attributes={"team": "Sales", "tags": ["x"]}),
            user("u2", None, custom_attributes={"team": None, "tags": ["x"]}),
            user("u3", "", custom_attributes={"tags": {"deep": [1]}, "level": 3}),
        ]
    )
    found = analysis.attribute_coverage(users)
    team, tags = found.loc["custom_attributes.team"], found.loc["custom_attributes.tags"]
    assert team[["filled", "null", "absent", "distinct"]].tolist() == [1, 1, 1, 1]
    assert (tags["filled"], tags["types"], tags["distinct"], tags["example"]) == (3, "list, object", 2, ["x"])
    assert found.loc["email", ["filled", "null", "blank", "absent"]].tolist() == [1, 1, 1, 0]
    assert found.loc["email", "filled_share"] == pytest.approx(1 / 3)
    status = analysis.attribute_status(users)
    assert status["custom_attributes.team"].tolist() == ["filled", "null", "absent"]


def test_a_custom_attribute_may_be_called_like_a_field():
    users = users_frame([user("u1", "a@acme.test", custom_attributes={"email": 5})])
    found = analysis.attribute_coverage(users)
    assert found.loc["email", "types"] == "text"
    assert found.loc["custom_attributes.email", "types"] == "number"


def test_a_member_the_list_of_users_does_not_hold_is_kept_and_marked_everywhere():  # MEM-09
    users, frame = USERS.iloc[:1], memberships((USERS.index[0], "g1"), ("stranger", "g1"), ("stranger", "g2"))
    per_user = analysis.groups_per_user(frame, users)
    assert per_user["in_users"].to_dict() == {USERS.index[0]: True, "stranger": False}
    assert analysis.groups_per_user(frame)["in_users"].isna().all()
    assert analysis.group_sizes(frame, GROUPS).loc["g1", "members"] == 2
    assert (
        analysis.losing_access(frame, "g1", users, GROUPS)["in_users"].to_dict()
        == per_user["in_users"].to_dict()
    )
    by_state = analysis.state_by_group(frame, users, GROUPS).loc["g1"].iloc[0]
    assert by_state.to_dict() == {"active": 1, "(not in users)": 1}
    assert analysis.users_without_group(frame, users).empty


def test_pairs_and_squares_of_groups_have_one_idea_of_overlap():
    defaults = {
        inspect.signature(work).parameters["by"].default
        for work in (analysis.group_overlap, analysis.overlap_matrix, charts.plot_group_overlap)
    }
    assert defaults == {"jaccard"}


# Access -----------------------------------------------------------------------------------------------------


def test_losing_several_groups_together_counts_what_is_left_after_all_of_them():
    frame = memberships(("u1", "g1"), ("u1", "g2"), ("u2", "g1"), ("u2", "g3"))
    lost = analysis.losing_access(frame, ["g1", "g2"], USERS, GROUPS)
    assert lost.index.tolist() == ["u1", "u2"]
    assert lost["lost_groups"].tolist() == [2, 1]
    assert lost["left_without_group"].tolist() == [True, False]


def test_losing_access_to_an_unknown_group_is_refused():
    with pytest.raises(errors.ArgumentError, match="no group 'g9'"):
        analysis.losing_access(memberships(("u1", "g1")), "g9")


def test_groups_inside_each_other_end_and_count_people_only():  # MEM-06
    nesting = pd.DataFrame({"group_id": ["all", "eng"], "member_group_id": ["eng", "all"]}, dtype="str")
    frame = memberships(("u1", "eng"), ("u2", "eng"), ("all", "eng"), ("eng", "all"))
    found = analysis.effective_memberships(frame, nesting)
    rows = {(row.user_id, row.group_id): (row.direct, row.via) for row in found.itertuples()}
    assert rows[("u1", "eng")][0]
    assert rows[("u1", "all")] == (False, "eng")
    assert analysis.group_sizes(found)["members"].to_dict() == {"all": 2, "eng": 2}


@pytest.mark.parametrize(
    "question",
    [
        lambda m, u, g: analysis.users_without_group(m, u),
        lambda m, u, g: analysis.losing_access(m, g.index[0], u, g),
        lambda m, u, g: analysis.diff_users(u, u),
        lambda m, u, g: analysis.diff_groups(g, g),
        lambda m, u, g: analysis.diff_memberships(m, m),
    ],
    ids=["without", "losing", "users", "groups", "memberships"],
)
def test_partial_frames_are_refused_where_they_would_lie(question):  # HTTP-10, SCL-02
    c = ZOO["a small company"]
    with pytest.raises(errors.IncompleteError):
        question(partial(c.memberships), partial(c.users), partial(c.groups))


def test_counts_of_partial_frames_stay_marked_as_partial():
    c = ZOO["a small company"]
    for answer in (
        analysis.group_sizes(partial(c.memberships), c.groups),
        analysis.groups_per_user(c.memberships, partial(c.users)),
        analysis.group_overlap(partial(c.memberships)),
        analysis.overlap_matrix(partial(c.memberships)),
        analysis.state_by_group(c.memberships, partial(c.users)),
        analysis.attribute_coverage(partial(c.users)),
    ):
        assert "incomplete" in answer.attrs


def test_those_left_with_the_least_come_first():
    pairs = [("u1", "g1"), ("u2", "g1"), ("u3", "g1"), ("u1", "g2"), ("u1", "g3"), ("u2", "g2")]
    lost = analysis.losing_access(memberships(*pairs), "g1")
    assert lost.index.tolist() == ["u3", "u2", "u1"]
    assert lost["remaining_groups"].tolist() == [0, 1, 2]


def test_of_rows_loaded_twice_the_later_one_counts():
    groups = pd.concat([groups_frame([group("g1", "Old name")]), groups_frame([group("g1", "New name")])])
    assert analysis.group_sizes(memberships(("u1", "g1")), groups)["name"].tolist() == ["New name"]


def test_groups_by_attribute_stand_with_the_largest_first():
    pairs = [("u1", "g0"), *((f"u{n}", "g1") for n in range(3)), *((f"u{n}", "g2") for n in range(2))]
    table = analysis.state_by_group(memberships(*pairs), USERS, GROUPS)
    assert table.index.get_level_values("group_id").tolist() == ["g1", "g2", "g0", "g3", "g4", "g5"]


# Frames of another kind -------------------------------------------------------------------------------------

SMALL = ZOO["a small company"]
WITHOUT_IDS = {
    "membership_matrix": lambda m, u, g: analysis.membership_matrix(m, u, g),
    "group_sizes": lambda m, u, g: analysis.group_sizes(m, g),
    "groups_per_user": lambda m, u, g: analysis.groups_per_user(m, u),
    "users_without_group": lambda m, u, g: analysis.users_without_group(m, u),
    "group_overlap": lambda m, u, g: analysis.group_overlap(m, g),
    "overlap_matrix": lambda m, u, g: analysis.overlap_matrix(m, g),
    "group_by_attribute": lambda m, u, g: analysis.group_by_attribute(m, u, "state", g),
    "state_by_group": lambda m, u, g: analysis.state_by_group(m, u, g),
    "losing_access": lambda m, u, g: analysis.losing_access(m, SMALL.groups.index[0], u, g),
    "attribute_status": lambda m, u, g: analysis.attribute_status(u),
    "diff_users": lambda m, u, g: analysis.diff_users(u, SMALL.users),
    "diff_users later": lambda m, u, g: analysis.diff_users(SMALL.users, u),
    "diff_groups": lambda m, u, g: analysis.diff_groups(g, SMALL.groups),
    "diff_memberships": lambda m, u, g: analysis.diff_memberships(m, m, users=(u, u), groups=(g, g)),
}


@pytest.mark.parametrize("question", WITHOUT_IDS.values(), ids=WITHOUT_IDS)
def test_frames_without_their_ids_in_the_index_are_refused(question):
    users, groups = SMALL.users, SMALL.groups
    for u, g in ((users.reset_index(), groups.reset_index()), (groups, users), (users[:0].reset_index(),) * 2):
        with pytest.raises(errors.ArgumentError, match="must be indexed by (user|group)_id, as load_"):
            question(SMALL.memberships, u, g)


def test_the_refusal_says_what_came_and_how_to_put_it_right():
    said = (
        r"users must be indexed by user_id, as load_users gives it; got an index without a name, and user_id "
    )
    with pytest.raises(errors.ArgumentError, match=said + r"among the columns: set_index\('user_id'\)"):
        analysis.users_without_group(SMALL.memberships, SMALL.users.reset_index())
    with pytest.raises(errors.ArgumentError, match="as load_groups gives it; got a frame of users"):
        analysis.group_sizes(SMALL.memberships, SMALL.users)


@pytest.mark.parametrize(
    "question",
    [
        analysis.group_sizes,
        analysis.groups_per_user,
        analysis.group_overlap,
        analysis.overlap_matrix,
        lambda m: analysis.users_without_group(m, USERS),
        lambda m: analysis.losing_access(m, "g1"),
        lambda m: analysis.effective_memberships(m, pd.DataFrame(columns=["group_id", "member_group_id"])),
        lambda m: analysis.diff_memberships(m, memberships()),
        lambda m: analysis.diff_memberships(memberships(), m),
        lambda m: analysis.effective_memberships(memberships(), m),
    ],
)
def test_what_is_no_memberships_frame_is_refused(question):
    for frame in (memberships(("u1", "g1")).set_index("user_id"), pd.DataFrame({"user_id": ["u1"]}), USERS):
        with pytest.raises(errors.ArgumentError, match="must have the columns (user_id|group_id) and "):
            question(frame)


def test_memberships_without_their_directory_are_enough():
    bare = memberships(("u1", "g1")).drop(columns="directory_id")
    assert analysis.group_sizes(bare, GROUPS).loc["g1", "directory_id"] == "directory_1"
    assert pd.isna(analysis.groups_per_user(bare).loc["u1", "directory_id"])
    assert list(analysis.diff_memberships(bare, memberships())["user_id"]) == ["u1"]


def test_memberships_without_a_user_or_a_group_count_for_nobody():
    frame = pd.concat(
        [memberships(("u1", "g1")), pd.DataFrame({"user_id": ["u2", None], "group_id": [None, "g1"]})]
    )
    assert analysis.group_sizes(frame)["members"].to_dict() == {"g1": 1}
    assert analysis.groups_per_user(frame)["groups"].to_dict() == {"u1": 1, "u2": 0}


def doubled(frame, rows=2):
    return pd.concat([frame, frame.iloc[:rows]])


@pytest.mark.parametrize("rows", [1, 2])
@pytest.mark.parametrize(
    "compare",
    [
        lambda rows: analysis.diff_users(doubled(USERS, rows), USERS),
        lambda rows: analysis.diff_users(USERS, doubled(USERS, rows)),
        lambda rows: analysis.diff_groups(doubled(GROUPS, rows), GROUPS),
        lambda rows: analysis.diff_groups(GROUPS, doubled(GROUPS, rows)),
        lambda rows: analysis.diff_memberships(
            memberships(), memberships(), users=(USERS, doubled(USERS, rows))
        ),
        lambda rows: analysis.diff_memberships(
            memberships(), memberships(), groups=(doubled(GROUPS, rows), GROUPS)
        ),
    ],
)
def test_an_id_that_stands_twice_in_a_comparison_is_refused_with_their_number(compare, rows):
    count = "1 id stands" if rows == 1 else "2 ids stand"
    with pytest.raises(errors.ArgumentError, match=rf"must hold each (user|group)_id once; {count} in it more"):
        compare(rows)


def test_questions_about_one_moment_take_doubled_rows_once():
    twice = doubled(USERS)
    frame = memberships(("u0", "g1"), ("u1", "g1"))
    assert analysis.groups_per_user(frame, twice)["groups"].sum() == 2
    assert analysis.state_by_group(frame, twice).loc["g1", "active"].tolist() == [2]
    assert analysis.group_sizes(frame, doubled(GROUPS)).index.is_unique


# Two moments ------------------------------------------------------------------------------------------------


def test_a_user_name_change_that_makes_a_new_record_is_one_rename():  # SCIM-15
    before = users_frame([user("u1", "ann.l@acme.test", idp_id="ext-1")])
    after = users_frame(
        [
            user("u1", "ann.l@acme.test", idp_id="ext-1", state="inactive"),
            user("u2", "ann.lee@acme.test", idp_id="ext-1"),
        ]
    )
    changes = analysis.diff_users(before, after)
    assert changes["change"].tolist() == ["renamed"]
    row = changes.loc["u2"]
    assert (row["previous_user_id"], row["matched_by"]) == ("u1", "idp_id")
    assert row["before"]["email"] == "ann.l@acme.test"
    assert row["after"]["email"] == "ann.lee@acme.test"


def test_memberships_of_a_renamed_person_are_no_change():  # SCIM-15
    before = users_frame([user("u1", "ann.l@acme.test", idp_id="ext-1")])
    after = users_frame(
        [user("u1", None, idp_id="ext-1", state="inactive"), user("u2", "ann.lee@acme.test", idp_id="ext-1")]
    )
    was, now = memberships(("u1", "g1")), memberships(("u1", "g1"), ("u2", "g1"))
    assert analysis.diff_memberships(was, now, users=(before, after)).empty
    assert len(analysis.diff_memberships(was, now)) == 1


def test_a_second_rename_follows_the_active_record_not_the_old_one():
    before = users_frame(
        [user("u0", "a@acme.test", idp_id="x", state="inactive"), user("u1", "b@acme.test", idp_id="x")]
    )
    after = users_frame(
        [
            user("u0", "a@acme.test", idp_id="x", state="inactive"),
            user("u1", "b@acme.test", idp_id="x", state="inactive"),
            user("u2", "c@acme.test", idp_id="x"),
        ]
    )
    changes = analysis.diff_users(before, after)
    assert changes[["change", "previous_user_id"]].to_numpy().tolist() == [["renamed", "u1"]]


def test_each_kind_of_change_is_named():
    before = users_frame(
        [
            user("left", "l@acme.test"),
            user("off", "o@acme.test"),
            user("back", "b@acme.test", state="inactive"),
            user("named", "n@acme.test", name="Nina Berg"),
            user("old", "Same@acme.test", idp_id="1"),
            user("moved", "m@acme.test", custom_attributes={"team": "Sales", "level": 1}),
            user("still", "s@acme.test"),
        ]
    )
    after = users_frame(
        [
            user("off", "o@acme.test", state="suspended"),
            user("back", "b@acme.test"),
            user("named", "n@acme.test", name="Nina Lund"),
            user("new", "same@ACME.test", idp_id="1"),
            user("moved", "m@acme.test", custom_attributes={"team": "Legal", "level": 1}),
            user("still", "s@acme.test", updated_at="2026-02-01T00:00:00Z"),
            user("joined", "j@acme.test"),
        ]
    )
    changes = analysis.diff_users(before, after, fields=["state", "name", "custom_attributes"])
    assert changes["change"].astype(str).to_dict() == {
        "joined": "joined",
        "back": "returned",
        "named": "renamed",
        "new": "recreated",
        "moved": "changed",
        "off": "deactivated",
        "left": "left",
    }
    assert changes.loc["moved", "fields"] == ("custom_attributes.team",)
    assert changes.loc["moved", "after"] == {"custom_attributes.team": "Legal"}


def test_an_address_finds_the_same_person_only_when_it_is_nobody_elses_and_in_the_same_directory():
    gone = users_frame([user("u1", "Ann@acme.test", idp_id="1")])
    same = users_frame([user("u2", "ann@ACME.test ", idp_id=None)])
    assert analysis.diff_users(gone, same)["matched_by"].tolist() == ["address"]
    elsewhere = users_frame([user("u2", "ann@acme.test", idp_id=None, directory_id="directory_2")])
    assert analysis.diff_users(gone, elsewhere)["change"].tolist() == ["joined", "left"]
    twins = users_frame([user("u2", "ann@acme.test", idp_id="2"), user("u3", "ann@acme.test", idp_id="3")])
    assert analysis.diff_users(gone, twins)["change"].tolist() == ["joined", "joined", "left"]


def test_null_and_absent_attributes_differ_and_missing_times_do_not():
    before = users_frame([user("u1", None, custom_attributes={"team": None}, created_at=None)])
    after = users_frame([user("u1", None, custom_attributes={}, created_at=None)])
    changes = analysis.diff_users(before, after, fields=["created_at", "custom_attributes"])
    assert changes.loc["u1", "fields"] == ("custom_attributes.team",)


def test_a_renamed_group_is_one_rename_and_no_change_of_members():  # MEM-08
    a, b = groups_frame([group("g1", "Sales")]), groups_frame([group("g1", "Revenue")])
    changes = analysis.diff_groups(a, b)
    assert changes["change"].tolist() == ["renamed"]
    assert changes.loc["g1", "before"] == {"name": "Sales"}
    frame = memberships(("u1", "g1"))
    assert analysis.diff_memberships(frame, frame, groups=(a, b)).empty


def test_a_group_of_the_same_name_in_another_directory_is_another_group():  # MEM-08
    b = groups_frame([group("g1", "Revenue")])
    c = groups_frame([group("g1", "Revenue"), group("g2", "Revenue", directory_id="directory_2")])
    assert analysis.diff_groups(b, c)["change"].to_dict() == {"g2": "created"}
    assert analysis.diff_groups(c, b)["change"].to_dict() == {"g2": "deleted"}


def test_a_group_made_anew_under_the_same_provider_id_is_the_same_group():
    before = groups_frame([group("g1", "Sales", idp_id="x")])
    after = groups_frame([group("g2", "Sales", idp_id="x")])
    changes = analysis.diff_groups(before, after)
    assert changes[["change", "previous_group_id"]].to_numpy().tolist() == [["recreated", "g1"]]
    was, now = memberships(("u1", "g1")), memberships(("u1", "g2"))
    assert analysis.diff_memberships(was, now, groups=(before, after)).empty


def test_changes_of_membership_carry_names():
    changes = analysis.diff_memberships(
        memberships(("u1", "g1")), memberships(("u1", "g2")), users=(USERS, USERS), groups=(GROUPS, GROUPS)
    )
    assert changes[["change", "user", "group"]].to_numpy().tolist() == [
        ["joined", "u1@acme.test", "Group 2"],
        ["left", "u1@acme.test", "Group 1"],
    ]
    assert changes["directory_id"].tolist() == ["directory_1", "directory_1"]


def test_a_snapshot_without_a_column_compares_as_if_it_were_empty():
    older = USERS.drop(columns=["job_title"])
    assert analysis.diff_users(older, USERS).empty


def test_membership_matrix_keeps_the_order_of_the_frames():
    matrix, user_ids, group_ids = analysis.membership_matrix(
        memberships(("u2", "g1"), ("zz", "g0")), USERS, GROUPS
    )
    assert user_ids.tolist() == [*USERS.index, "zz"]
    assert group_ids.tolist() == list(GROUPS.index)
    assert np.argwhere(matrix.toarray()).tolist() == [[2, 1], [7, 0]]


def test_a_large_company_gives_the_same_sizes_as_pandas():
    c = company(400, 60)
    sizes = analysis.group_sizes(c.memberships, c.groups)["members"]
    counted = c.memberships.groupby("group_id")["user_id"].nunique().reindex(c.groups.index, fill_value=0)
    assert sizes.to_dict() == counted.to_dict()


def test_the_providers_id_is_stronger_evidence_than_an_address():
    before = users_frame([user("u1", "a@acme.test", idp_id="x")])
    after = users_frame([user("u2", "b@acme.test", idp_id="x"), user("u3", "a@acme.test", idp_id="y")])
    changes = analysis.diff_users(before, after)
    assert changes["change"].astype(str).to_dict() == {"u3": "joined", "u2": "renamed"}
    assert changes.loc["u2", "matched_by"] == "idp_id"


def test_blank_ids_and_addresses_make_nobody_the_same_person():
    before = users_frame([user("u1", None, idp_id="")]).assign(address=" ")
    after = users_frame([user("u2", None, idp_id="")]).assign(address=" ")
    assert analysis.diff_users(before, after)["change"].tolist() == ["joined", "left"]


def test_spaces_around_an_address_are_no_difference_of_person():
    before = users_frame([user("u1", "a@acme.test", idp_id="x")])
    after = users_frame([user("u2", "a@acme.test", idp_id=None)]).assign(address=" A@acme.test ")
    assert analysis.diff_users(before, after)["matched_by"].tolist() == ["address"]


@pytest.mark.parametrize("off", [True, False], ids=["switched off", "gone"])
def test_an_address_that_was_handed_on_does_not_make_two_people_one(off):
    """The leaver has the provider's id 10, the new hire 22, and both the address of the reception."""
    leaver = user("u1", "desk@acme.test", idp_id="10")
    after = [user("u2", "desk@acme.test", idp_id="22"), *([{**leaver, "state": "inactive"}] if off else [])]
    moments = users_frame([leaver]), users_frame(after)
    changes = analysis.diff_users(*moments)
    assert changes["change"].astype(str).to_dict() == {"u2": "joined", "u1": "deactivated" if off else "left"}
    assert changes["previous_user_id"].isna().all()
    moved = analysis.diff_memberships(memberships(("u1", "g1")), memberships(("u2", "g1")), users=moments)
    assert moved["user_id"].tolist() == ["u2", "u1"]


def test_mem_09_a_member_whom_no_list_holds_is_kept_and_marked():
    users = users_frame([user("u1", "a@acme.test")])
    before, after = memberships(("u1", "g1")), memberships(("u1", "g2"), ("hidden", "g1"))
    moved = analysis.diff_memberships(before, after, users=(users, users))
    assert moved[["change", "user_id", "listed"]].to_numpy().tolist() == [
        ["joined", "hidden", False],
        ["joined", "u1", True],
        ["left", "u1", True],
    ]
    assert analysis.diff_memberships(before, after)["listed"].isna().all()


def test_changes_of_membership_carry_the_later_name():
    a, b = groups_frame([group("g1", "Sales")]), groups_frame([group("g1", "Revenue")])
    changes = analysis.diff_memberships(memberships(), memberships(("u1", "g1")), groups=(a, b))
    assert changes["group"].tolist() == ["Revenue"]


def test_changes_stand_by_kind_and_then_by_name():
    after = users_frame([user(u, None, name=n) for u, n in (("u1", "Cy"), ("u2", "Bo"), ("u3", "Al"))])
    changes = analysis.diff_users(USERS.iloc[[1]], after)
    assert changes["change"].tolist() == ["joined", "joined", "renamed"]
    assert changes["name"].tolist() == ["Al", "Bo", "Cy"]


@pytest.mark.parametrize("fields", [["jop_title"], "jop_title", ["name", "jop_title"]])
def test_a_field_that_no_frame_has_is_refused_with_near_names(fields):
    users = ZOO["a small company"].users
    with pytest.raises(errors.ArgumentError, match="Did you mean 'job_title'"):
        analysis.diff_users(users, users, fields=fields)
    later = users.assign(job_title="Captain")
    assert analysis.diff_users(users, later, fields="job_title")["fields"].tolist() == [("job_title",)] * len(
        users
    )
