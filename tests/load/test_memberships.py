from __future__ import annotations

import random
import signal
import threading
import time
from functools import partial

import pandas as pd
import pytest

import dirsync_nb as ds
from dirsync_nb import errors
from dirsync_nb.client import Pacer
from dirsync_nb.client.waiting import Stop
from dirsync_nb.frames import MEMBERSHIP_COLUMNS
from dirsync_nb.load import memberships
from dirsync_nb.load.memberships import estimate_routes, load_directory_memberships
from dirsync_nb.load.session import Checkpoint

from ..foreign import KEY, Answer, ForeignServer, listing, users

ROUTES = ["by_group", "by_user"]


def pairs(frame):
    return set(zip(frame["user_id"], frame["group_id"], strict=True))


def company(members, *, embedded=None, counts=True):
    """Script a directory d1: group id to the ids of its users; ``embedded`` fills the deprecated lists."""
    people = sorted({name for names in members.values() for name in names})
    metadata = {"users": {"active": len(people), "inactive": 0}, "groups": len(members)}

    def user(name):
        groups = [{"id": group} for group in (embedded or {}).get(name, [])]
        return {**users(1)[0], "id": name, "groups": groups}

    def group(name):
        return {"object": "directory_group", "id": name, "name": name, "directory_id": "d1"}

    def script(request):
        query = request.query
        if request.path == "/directories/d1":
            return Answer({"object": "directory", "id": "d1", **({"metadata": metadata} if counts else {})})
        if request.path.startswith("/directory_users/"):
            name = request.path.rpartition("/")[2]
            return Answer(user(name)) if name in people else Answer({"message": "gone"}, 404)
        if request.path == "/directory_groups":
            mine = [name for name in members if query.get("user") in (None, *members[name])]
            found = [group(name) for name in mine]
        elif "group" in query and query["group"] not in members:
            return Answer({"message": "no such group"}, 404)
        else:
            found = [user(name) for name in (members[query["group"]] if "group" in query else people)]
        start = [record["id"] for record in found].index(query["after"]) + 1 if "after" in query else 0
        page = found[start : start + int(query["limit"])]
        return listing(page, after=page[-1]["id"] if start + len(page) < len(found) else None)

    return script


ENG_AND_OPS = {"Eng": ["u1", "u2", "u3"], "Ops": ["u4"], "Empty": []}


# Right pairs --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("route", ["auto", *ROUTES])
@pytest.mark.parametrize("team", ["new", "legacy"])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_memberships_equal_the_sandboxs_truth(seed, team, route):
    with (
        ds.sandbox.Sandbox(seed=seed, team=team) as sandbox,
        ds.connect("sk_test_dirsync_sandbox", base_url=sandbox.url) as client,
    ):
        for directory in ds.load_directories(client).index[[0, 1, -2]]:
            frame = ds.load_memberships(client, directory_id=directory, route=route)
            assert pairs(frame) == sandbox.truth.memberships(directory)
            assert len(frame) == len(pairs(frame)) == client.receipts[-1].rows
            assert client.receipts[-1].complete


def test_the_frame_is_declared_and_ordered(client, okta):
    frame = ds.load_memberships(client, directory_id=okta)
    assert frame.dtypes.astype(str).to_dict() == MEMBERSHIP_COLUMNS
    assert frame.equals(frame.sort_values(["group_id", "user_id"], ignore_index=True))
    assert set(frame["directory_id"]) == {okta}


def test_a_directory_without_anybody_gives_an_empty_declared_frame(serve):
    _, client = serve(company({}))
    for route in ROUTES:
        frame = ds.load_memberships(client, directory_id="d1", route=route)
        assert frame.empty
        assert frame.dtypes.astype(str).to_dict() == MEMBERSHIP_COLUMNS


@pytest.mark.parametrize("route", ROUTES)
def test_the_embedded_list_is_never_trusted_and_its_difference_said_once(serve, route):
    """MEM-01: a newer team, whose users come with an empty list of groups."""
    _, client = serve(company(ENG_AND_OPS))
    frame = ds.load_memberships(client, directory_id="d1", route=route)
    assert pairs(frame) == {("u1", "Eng"), ("u2", "Eng"), ("u3", "Eng"), ("u4", "Ops")}
    notices = [n for n in client.receipts[-1].notices if "deprecated list" in n]
    assert len(notices) == (1 if route == "by_group" else 0)


def test_an_embedded_list_that_agrees_is_no_news(serve):
    _, client = serve(company({"Eng": ["u1"]}, embedded={"u1": ["Eng"]}))
    ds.load_memberships(client, directory_id="d1", route="by_group")
    assert client.receipts[-1].notices == []


def test_groups_without_members_are_named_on_the_receipt(serve):
    """MEM-02."""
    _, client = serve(company(ENG_AND_OPS))
    groups = ds.load_groups(client, directory_id="d1")
    frame = ds.load_memberships(client, directory_id="d1", route="by_group")
    assert client.receipts[-1].details["empty_groups"] == ["Empty"]
    ds.load_memberships(client, directory_id="d1", route="by_user", groups=groups)
    assert client.receipts[-1].details["empty_groups"] == ["Empty"]
    sizes = ds.analysis.group_sizes(frame, groups)["members"]
    assert sizes.to_dict() == {"Eng": 3, "Ops": 1, "Empty": 0}


def test_members_past_the_hundredth_are_there(serve):
    """MEM-03: 101 members, two pages."""
    server, client = serve(company({"All": [f"u{n:03}" for n in range(101)]}))
    frame = ds.load_memberships(client, directory_id="d1", route="by_group")
    assert len(frame) == 101
    assert len([request for request in server.requests if request.query.get("group") == "All"]) == 2


def test_a_group_inside_a_group_is_no_person(serve):
    """MEM-06: All contains Eng, Eng contains All and two people."""

    def script(request):
        inside = {"All": ["Eng"], "Eng": ["All", "u1", "u2"]}
        if request.path == "/directories/d1":
            return Answer({"id": "d1"})
        if request.path == "/directory_groups":
            return listing([{"object": "directory_group", "id": name} for name in inside])
        found = inside.get(request.query["group"], [])
        return listing(
            [
                {"object": "directory_group" if name in inside else "directory_user", "id": name}
                for name in found
            ]
        )

    _, client = serve(script)
    frame = ds.load_memberships(client, directory_id="d1")
    receipt = client.receipts[-1]
    assert pairs(frame) == {("u1", "Eng"), ("u2", "Eng")}
    assert receipt.details["nested"] == [("All", "Eng"), ("Eng", "All")]
    assert "2 entries are groups inside a group" in receipt.notices[0]
    nesting = pd.DataFrame(receipt.details["nested"], columns=["group_id", "member_group_id"])
    effective = ds.analysis.effective_memberships(frame, nesting)
    assert pairs(effective) == {(user, group) for user in ("u1", "u2") for group in ("All", "Eng")}


def test_a_pair_that_comes_twice_stands_once(serve):
    def script(request):
        if request.path == "/directories/d1":
            return Answer({"id": "d1"})
        if request.path == "/directory_groups":
            return listing([{"id": "g1"}])
        return listing([{"id": "u1"}, {"id": "u1"}] if request.query["group"] == "g1" else [])

    _, client = serve(script)
    assert len(ds.load_memberships(client, directory_id="d1")) == 1
    assert client.receipts[-1].duplicates == 1


@pytest.mark.parametrize("route", ROUTES)
def test_what_is_deleted_during_the_load_is_no_error_and_is_named(serve, route):
    whole = company(ENG_AND_OPS)

    def script(request):
        if request.query.get("group") == "Ops" or request.query.get("user") == "u4":
            return Answer({"message": "not found"}, 404)
        return whole(request)

    _, client = serve(script)
    frame = ds.load_memberships(client, directory_id="d1", route=route)
    assert pairs(frame) == {("u1", "Eng"), ("u2", "Eng"), ("u3", "Eng")}
    assert client.receipts[-1].details["deleted"] == ["Ops" if route == "by_group" else "u4"]
    assert any("deleted during the load" in notice for notice in client.receipts[-1].notices)


def test_members_missing_from_the_user_list_are_looked_up_one_by_one(serve):
    members = {"Eng": ["u1", "u2", "u3"]}
    whole = company(members)

    def script(request):
        if request.path == "/directory_users/u3":
            return Answer({"message": "gone"}, 404)
        return whole(request)

    _, client = serve(script)
    known = ds.load_users(client, directory_id="d1").loc[["u1"]]
    frame = ds.load_memberships(client, directory_id="d1", users=known, route="by_group")
    receipt = client.receipts[-1]
    assert pairs(frame) == {("u1", "Eng"), ("u2", "Eng")}
    assert (receipt.details["unlisted"], receipt.details["deleted"]) == (["u2"], ["u3"])
    assert len(receipt.notices) == 3


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("kind", ["users", "groups"])
def test_frames_that_would_leave_people_out_are_refused_before_anything_is_sent(serve, kind, route):
    server, client = serve(company(ENG_AND_OPS))
    frame = getattr(ds, f"load_{kind}")(client, directory_id="d1")
    sent = len(server.requests)
    partial = frame.copy()
    partial.attrs["incomplete"] = "broke off"
    for given, kind_of, words in (
        (
            frame.assign(directory_id="d2"),
            errors.ArgumentError,
            f"{kind[:-1]}s= holds rows of other directories",
        ),
        (frame.reset_index(), errors.ArgumentError, "must be indexed by"),
        (partial, errors.IncompleteError, "broke off"),
    ):
        with pytest.raises(kind_of, match=words):
            ds.load_memberships(client, directory_id="d1", route=route, **{kind: given})
    assert len(server.requests) == sent


def test_by_user_without_a_groups_list_says_that_it_met_no_empty_ones(serve):
    _, client = serve(company(ENG_AND_OPS))
    ds.load_memberships(client, directory_id="d1", route="by_user")
    assert client.receipts[-1].details["empty_groups"] is None
    assert any("groups that have no members were not met" in n for n in client.receipts[-1].notices)


def test_by_user_groups_of_other_directories_end_the_load(serve):
    """LST-02: a user is in groups of its own directory; the service did not look at who was asked for."""
    whole = company(ENG_AND_OPS)

    def script(request):
        answer = whole(request)
        if request.query.get("user") == "u1":
            answer.body["data"].append({"object": "directory_group", "id": "far", "directory_id": "d2"})
        return answer

    _, client = serve(script)
    with pytest.raises(errors.FilterIgnored, match="several directories"):
        ds.load_memberships(client, directory_id="d1", route="by_user")
    assert not client.receipts[-1].complete


@pytest.mark.parametrize("route", ROUTES)
def test_equal_lists_for_every_owner_end_the_load_where_the_service_ignores_the_filter(serve, route):
    """LST-02: every user for every group, or every group for every user."""
    whole = company({**{f"g{n}": ["u1", "u2"] for n in range(5)}, "all": ["u1", "u2", "u3"]})

    def script(request):
        for name in ("group", "user"):
            request.query.pop(name, None)
        return whole(request)

    server, client = serve(script)
    with pytest.raises(errors.FilterIgnored, match="did not look at the filter '(group|user)'"):
        ds.load_memberships(client, directory_id="d1", route=route)
    assert not client.receipts[-1].complete
    assert len(server.requests) < 20


@pytest.mark.parametrize("route", ROUTES)
def test_groups_that_truly_have_the_same_members_are_loaded(serve, route):
    _, client = serve(company({f"g{n}": ["u1", "u2"] for n in range(5)}))
    assert len(ds.load_memberships(client, directory_id="d1", route=route)) == 10


def test_a_group_deleted_in_the_middle_of_its_list_has_no_rows(serve):
    whole = company({"All": [f"u{n:03}" for n in range(150)], "Eng": ["u001"]})

    def script(request):
        if request.query.get("group") == "All" and "after" in request.query:
            return Answer({"message": "not found"}, 404)
        return whole(request)

    _, client = serve(script)
    frame = ds.load_memberships(client, directory_id="d1", route="by_group")
    assert pairs(frame) == {("u001", "Eng")}
    assert client.receipts[-1].details["deleted"] == ["All"]
    assert client.receipts[-1].details["empty_groups"] == []


def test_members_are_asked_for_with_their_directory_as_documented(serve):
    server, client = serve(company(ENG_AND_OPS))
    ds.load_memberships(client, directory_id="d1", route="by_group")
    asked = [request.query for request in server.requests if "group" in request.query]
    assert asked
    assert all(query["directory"] == "d1" for query in asked)


def test_an_unknown_directory_is_not_found(client):
    with pytest.raises(errors.NotFound):
        ds.load_memberships(client, directory_id="directory_nobody")


# The route ----------------------------------------------------------------------------------------------


def test_few_groups_are_asked_and_many_tiny_groups_are_not():
    published = Pacer()
    usual = estimate_routes(412, 19, published)
    assert usual["by_group"]["seconds"] < usual["by_user"]["seconds"]
    assert usual["by_group"]["requests"] < usual["by_user"]["requests"] / 10
    tiny = estimate_routes(40, 900, published)
    assert tiny["by_user"]["seconds"] < tiny["by_group"]["seconds"]


@pytest.mark.parametrize(("people", "groups", "route"), [(60, 2, "by_group"), (2, 60, "by_user")])
def test_the_cheaper_route_is_taken_and_stands_on_the_receipt_with_estimate_and_cost(
    serve, people, groups, route
):
    everybody = [f"u{n:02}" for n in range(people)]
    server, client = serve(company({f"g{n:02}": everybody for n in range(groups)}))
    frame = ds.load_memberships(client, directory_id="d1")
    details = client.receipts[-1].details
    assert len(frame) == people * groups
    assert details["route"] == route
    assert details["estimate"][route]["seconds"] == min(e["seconds"] for e in details["estimate"].values())
    assert details["cost"]["requests"] == client.receipts[-1].requests == len(server.requests)
    assert details["estimate"][route]["requests"] == pytest.approx(details["cost"]["requests"], abs=3)


def test_the_route_can_be_fixed_and_a_misspelt_one_is_refused(serve):
    server, client = serve(company(ENG_AND_OPS))
    ds.load_memberships(client, directory_id="d1", route="by_user")
    assert client.receipts[-1].details["route"] == "by_user"
    sent = len(server.requests)
    with pytest.raises(errors.ArgumentError, match="'auto', 'by_group', 'by_user'; got 'user'"):
        ds.load_memberships(client, directory_id="d1", route="user")
    assert len(server.requests) == sent


def test_frames_at_hand_save_their_requests(serve):
    server, client = serve(company(ENG_AND_OPS))
    groups = ds.load_groups(client, directory_id="d1")
    sent = len(server.requests)
    ds.load_memberships(client, directory_id="d1", groups=groups, route="by_group")
    assert [r.path for r in server.requests[sent:]].count("/directory_groups") == 0


def test_a_directory_without_counts_is_read_the_documented_way(serve):
    _, client = serve(company(ENG_AND_OPS, counts=False))
    ds.load_memberships(client, directory_id="d1")
    assert client.receipts[-1].details["route"] == "by_group"
    assert "estimate" not in client.receipts[-1].details


def test_both_routes_keep_within_the_published_limits():
    """Against a server that really limits: four a second for each directory, and no 429 met."""
    with ds.sandbox.Sandbox(seed=1, limits=True) as sandbox:
        with ds.connect(sandbox.api_key, base_url=sandbox.url, pacer=Pacer()) as client:
            small = ds.load_directories(client).query("type == 'generic scim v2.0'").index[0]
            started = time.monotonic()
            frame = ds.load_memberships(client, directory_id=small, route="by_group")
            assert pairs(frame) == sandbox.truth.memberships(small)
            assert time.monotonic() - started < 40
        assert {wait.cause for wait in client.receipts[-1].waits} == {"pacing"}


# Breaking off and going on ------------------------------------------------------------------------------


def wait_for_workers(before: set[threading.Thread]) -> None:
    """Wait for the workers begun since: nobody else does after a load that broke."""
    for thread in set(threading.enumerate()) - before:
        if thread.name.startswith("ThreadPoolExecutor"):  # the others are of the server
            thread.join(30)


@pytest.mark.parametrize("route", ROUTES)
def test_a_broken_load_keeps_its_pairs_and_reads_only_the_rest_when_resumed(serve, route):
    members = {f"g{n}": [f"u{n}", f"u{n + 1}", f"u{n + 2}"] for n in range(30)}
    whole, broken = company(members), [True]

    def script(request):
        if broken[0] and {"g7", "u7"} & set(request.query.values()):
            return Answer({"message": "Forbidden"}, 403)
        return whole(request)

    server, client = serve(script)
    before = set(threading.enumerate())
    with pytest.raises(errors.Forbidden) as caught:
        ds.load_memberships(client, directory_id="d1", route=route)
    receipt = client.receipts[-1]
    kept = len(receipt.partial)
    assert caught.value.partial is receipt.partial
    assert "broke off after" in receipt.partial.attrs["incomplete"]
    with pytest.raises(errors.IncompleteError):
        ds.analysis.losing_access(receipt.partial, "g1")
    wait_for_workers(before)
    broken[0] = False
    sent = len(server.requests)
    frame = ds.load_memberships(client, directory_id="d1", resume=receipt)
    assert pairs(frame) == {(user, group) for group, names in members.items() for user in names}
    assert len(server.requests) - sent == len(receipt.so_far.owners) - kept // 3 or route == "by_user"
    assert "incomplete" not in frame.attrs


@pytest.mark.slow
def test_an_interrupt_stops_all_workers_within_a_page(serve, monkeypatch):
    members = {f"g{n}": [f"u{m:04}" for m in range(1000)] for n in range(20)}
    whole, slow = company(members), [True]

    def script(request):
        answer = whole(request)
        answer.delay = 0.1 if slow[0] else 0.0
        return answer

    server, client = serve(script)

    def interrupted(*_args, **_kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(memberships, "first_done", interrupted)  # while every list is still being read
    before = set(threading.enumerate())
    with pytest.raises(KeyboardInterrupt):
        ds.load_memberships(client, directory_id="d1", route="by_group")
    monkeypatch.undo()
    wait_for_workers(before)  # what was under way comes to its end
    assert len(server.requests) <= 1 + 2 * memberships.WORKERS
    slow[0] = False
    assert client.receipts[-1].partial.empty
    assert len(ds.load_memberships(client, directory_id="d1", resume=client.receipts[-1])) == 20_000


@pytest.mark.parametrize("route", ROUTES)
def test_a_list_that_is_given_up_half_read_is_not_kept_as_a_whole_one(serve, route, tmp_path, monkeypatch):
    """As in a load of many directories, where Ctrl-C reaches the thread that waits and no other."""
    names = [f"u{n:03}" for n in range(30)]
    members = {"Eng": names} if route == "by_group" else {name: ["u1"] for name in names}
    _, client = serve(company(members), page_size=10)
    load, stop = partial(load_directory_memberships, directory_id="d1", route=route), Stop()
    monkeypatch.setattr(memberships._Reader, "_check_home", lambda *_: stop.set())  # once a page is there
    with Checkpoint(tmp_path / "kept.jsonl") as checkpoint, pytest.raises(errors.LoadError, match="given up"):
        load(client.context.branch(stop), checkpoint=checkpoint)
    with Checkpoint(tmp_path / "kept.jsonl") as checkpoint:
        frame = load(client.context, checkpoint=checkpoint)
    assert pairs(frame) == {(user, group) for group, names in members.items() for user in names}


@pytest.mark.slow
@pytest.mark.parametrize("what", ["an interrupt", "an error"])
def test_nobody_waits_for_workers_that_sleep_through_a_rate_limit(what):
    """Ten groups, all but one asking for eight seconds of patience."""
    whole = company({f"g{n}": ["u1"] for n in range(10)})

    def script(request):
        if request.query.get("group") == "g0":
            return Answer("Forbidden", 403, delay=0.3)
        if "group" in request.query:
            return Answer("Ratelimited", 429, {"Retry-After": "8"})
        return whole(request)

    with ForeignServer(script) as server, ds.connect(KEY, base_url=server.url) as client:
        timer = threading.Timer(0.5, signal.pthread_kill, [threading.main_thread().ident, signal.SIGINT])
        if what == "an interrupt":
            timer.start()
            server._script = lambda request: (
                whole(request)
                if "group" not in request.query
                else Answer("Ratelimited", 429, {"Retry-After": "8"})
            )
        started = time.monotonic()
        with pytest.raises(KeyboardInterrupt if what == "an interrupt" else errors.Forbidden):
            ds.load_memberships(client, directory_id="d1", route="by_group")
        assert time.monotonic() - started < 30


def test_a_receipt_of_another_load_is_refused(serve):
    _, client = serve(company(ENG_AND_OPS))
    ds.load_memberships(client, directory_id="d1")
    with pytest.raises(errors.ArgumentError, match="this one is complete|same load"):
        ds.load_memberships(client, directory_id="d1", resume=client.receipts[-1])


# While people come and go -------------------------------------------------------------------------------


def churn(sandbox, directory, stop, ever, gone, rng):
    """Let people join and leave until told to stop; note every pair that ever was, and every one that ended."""
    groups = [group["id"] for group in sandbox.truth.groups(directory)]
    people = [user["id"] for user in sandbox.truth.users(directory)]
    while not stop.is_set():
        current = sorted(sandbox.truth.memberships(directory))
        user, group = rng.choice(people), rng.choice(groups)
        move = rng.random()
        if move < 0.5 and current:
            pair = rng.choice(current)
            gone.add(pair)
            sandbox.remove_member(pair[1], pair[0])
        elif (user, group) not in current and move < 0.95:
            ever.add((user, group))
            sandbox.add_member(group, user)
        elif len(people) > 20:
            gone.update(pair for pair in current if pair[0] == user)
            people.remove(user)
            sandbox.delete_user(user)


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("team", ["new", "legacy"])
@pytest.mark.parametrize("seed", [5, 6])
def test_nobody_who_stayed_is_missing_and_no_pair_is_invented(seed, team, route):
    """People join, leave and are deleted during the load; pages of seven make it long."""
    with ds.sandbox.Sandbox(seed=seed, team=team) as sandbox:
        client = ds.connect(sandbox.api_key, base_url=sandbox.url, page_size=7)
        directory = (
            ds.load_directories(client).query("type == 'gsuite directory' and state == 'linked'").index[0]
        )
        before = sandbox.truth.memberships(directory)
        ever, gone, stop = set(before), set(), threading.Event()
        crowd = threading.Thread(target=churn, args=(sandbox, directory, stop, ever, gone, random.Random(seed)))
        crowd.start()
        try:
            found = pairs(ds.load_memberships(client, directory_id=directory, route=route))
        finally:
            stop.set()
            crowd.join()
            client.close()
        assert gone, "the crowd never moved"
        assert before - gone <= found
        assert found <= ever


def test_users_of_directories_whose_memberships_were_not_read_are_refused(client, okta):
    """All of them would be counted as people without a group."""
    directories = ds.load_directories(client).index
    here, everywhere = ds.load_memberships(client, okta), ds.load_memberships(client, directories)
    users, groups = ds.load_users(client, directories), ds.load_groups(client, directories)
    sentence = r"memberships are of 1 directory, and users also of \d directories more, directory_\w+ for one"
    for call in (ds.analysis.users_without_group, ds.analysis.groups_per_user, ds.charts.plot_groups_per_user):
        with pytest.raises(errors.ArgumentError, match=sentence):
            call(here, users)
        with pytest.raises(errors.ArgumentError, match=sentence):
            call(here.head(3), users)  # as far as a part of it says where it is from
        call(everywhere, users)
        call(here, users[users["directory_id"] == okta])
    with pytest.raises(errors.ArgumentError, match="and groups also of"):
        ds.charts.plot_group_sizes(here, groups)
    both = ds.concat([here, ds.load_memberships(client, [one for one in directories if one != okta])])
    assert len(ds.analysis.users_without_group(both, users)) == len(
        ds.analysis.users_without_group(everywhere, users)
    )
    named = ds.load_memberships(client, okta, names=True)
    with pytest.raises(errors.ArgumentError, match=sentence):
        ds.analysis.users_without_group(named, users)
