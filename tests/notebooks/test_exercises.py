"""Every exercise of the guided notebooks is solved rightly and wrongly, on the sandbox and with a key."""

from __future__ import annotations

import re

import pytest

import dirsync_nb as ds
from dirsync_nb.notebooks import tour
from dirsync_nb.notebooks.exercises import EXERCISES

BOOKS = {path.stem: tour.read(path) for path in tour.guided_notebooks()}
COURSE = [name for name in BOOKS if not name.startswith("00")]


def asked(name):
    return re.findall(
        r'check_answer\(client, "([^"]+)", answer\)', "".join(cell.source for cell in BOOKS[name].cells)
    )


@pytest.fixture
def frames(client):
    directory, directories = ds.largest_directory(client), ds.load_directories(client)
    users, groups = ds.load_users(client, directory), ds.load_groups(client, directory)
    memberships = ds.load_memberships(client, directory, users=users, groups=groups)
    everybody = ds.load_users(client, directories.index)
    return directories, users, groups, memberships, everybody


SOLUTIONS = {
    "roles": lambda c, d, u, g, m, e: len(u) - u["role"].value_counts(dropna=False).max(),
    "states": lambda c, d, u, g, m, e: d.index[d["state"] != "linked"],
    "no email": lambda c, d, u, g, m, e: e["email"].isna().sum(),
    "most groups": lambda c, d, u, g, m, e: m["user_id"].value_counts().index[0],
    "closest groups": lambda c, d, u, g, m, e: list(
        ds.analysis.group_overlap(m, g, by="count", top=1)[["group_a", "group_b"]].iloc[0]
    ),
    "shared addresses": lambda c, d, u, g, m, e: e["email"].dropna().str.lower().duplicated(keep=False).sum(),
    "deleted": lambda c, d, u, g, m, e: ds.load_events(c, events="dsync.user.deleted")["user_id"].nunique(),
    "first load": lambda c, d, u, g, m, e: sum(
        max(1, -(-len(e[e["directory_id"] == one]) // 100)) for one in d.index
    ),
    "no group": lambda c, d, u, g, m, e: (
        (ds.analysis.users_without_group(m, u)["state"] == "active").sum().item()
    ),
    "memberships": lambda c, d, u, g, m, e: len(ds.load_memberships(c, d.index)),
    "several groups": lambda c, d, u, g, m, e: (
        (ds.load_memberships(c, d.index)["user_id"].value_counts() > 1).sum().item()
    ),
    "clash": lambda c, d, u, g, m, e: (
        ds.RoleMapping(
            dict(zip(ds.analysis.group_sizes(m, g).index, ["a", "b"], strict=False)), g, default=None
        )
        .findings(u, m)["kind"]
        .value_counts()["clash"]
        .item()
    ),
}
"""As a reader of the notebooks would solve them: with frames."""


def wrong(answer):
    if isinstance(answer, str):
        return "directory_user_01NOBODY"
    return answer + 1 if not hasattr(answer, "__iter__") else list(answer)[:-1]


@pytest.mark.parametrize("name", SOLUTIONS)
@pytest.mark.parametrize("own", [False, True], ids=["sandbox", "own key"])
def test_the_right_answer_is_right_and_another_is_not(client, shared_sandbox, frames, name, own):
    client.sandbox = None if own else shared_sandbox
    answer = SOLUTIONS[name](client, *frames)
    assert repr(ds.check_answer(client, name, answer)) == "Right."
    verdict = ds.check_answer(client, name, wrong(answer))
    assert verdict.right is False
    assert repr(verdict) == f"Not yet. {EXERCISES[name].hint}"
    assert not verdict


def test_the_exercise_on_deliveries_is_judged_by_what_the_sandbox_delivered(client, sandbox):
    client.sandbox = sandbox
    assert "nothing to find" in repr(ds.check_answer(client, "tries", 1))
    with ds.webhooks.Receiver() as receiver:
        receiver.secret = sandbox.add_webhook(receiver.url)["secret"]
        receiver.fail(2)
        sandbox.add_group(ds.largest_directory(client), name="New")
        receiver.wait(1)
        answer = len(receiver.deliveries)
    assert ds.check_answer(client, "tries", answer)
    assert not ds.check_answer(client, "tries", answer - 1)


def test_dots_are_no_answer_and_give_the_question(client):
    for name, exercise in EXERCISES.items():
        verdict = ds.check_answer(client, name, ...)
        assert verdict.right is None
        assert repr(verdict) == f"Your turn. {exercise.question}"


def test_a_client_of_pseudonyms_is_asked_in_pseudonyms(client, shared_sandbox):
    client.sandbox = shared_sandbox
    hidden = client.redacted()
    directories = ds.load_directories(hidden)
    assert ds.check_answer(hidden, "states", directories.index[directories["state"] != "linked"])


def test_where_nobody_is_there_is_nothing_to_find():
    with (
        ds.sandbox.Sandbox(seed=9, world="empty") as empty,
        ds.connect(empty.api_key, base_url=empty.url) as client,
    ):
        for name in SOLUTIONS:
            if name != "deleted":
                assert "ds.connect_sandbox()" in repr(ds.check_answer(client, name, 1)), name


def test_an_exercise_that_is_not_there_names_those_that_are(client):
    with pytest.raises(
        ds.DirsyncError, match='no exercise "nothing"|no exercise .nothing.; there are roles, states'
    ):
        ds.check_answer(client, "nothing", 1)


@pytest.mark.parametrize("name", COURSE)
def test_each_notebook_ends_with_an_exercise_what_was_learnt_and_the_next(name):
    assert len(asked(name)) == 1
    assert asked(name)[0] in EXERCISES
    last = BOOKS[name].cells[-1].source
    assert last.startswith("**You learnt** ")
    place = [*BOOKS].index(name)
    following = [*BOOKS][place + 1] if place + 1 < len(BOOKS) else "00_start"
    assert f"({following}.ipynb)" in last


def test_every_exercise_is_asked_once_and_every_solution_stays_in_the_tests():
    assert sorted(name for one in COURSE for name in asked(one)) == sorted(EXERCISES)
    sources = "".join(cell.source for book in BOOKS.values() for cell in book.cells)
    assert sources.count("answer = ...\n") == len(COURSE)


def test_the_index_names_every_notebook_with_minutes_and_has_pictures():
    index = "".join(cell.source for cell in BOOKS["00_start"].cells)
    assert [
        name for name in COURSE if not re.search(rf"\| \[.+\]\({name}\.ipynb\) \| .+ \| \d+ \|", index)
    ] == []
    pictures = re.findall(r"!\[[^\]]+\]\(pictures/(\w+\.png)\)", index)
    here = tour.guided_notebooks()[0].parent / "pictures"
    assert len(pictures) >= 4
    assert [one for one in pictures if not (here / one).exists()] == []
