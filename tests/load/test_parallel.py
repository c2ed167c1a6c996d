"""Many directories side by side: one budget, one display, one error that names whoever failed."""

from __future__ import annotations

import contextlib
import pickle
import signal
import threading
import time
from collections import Counter
from functools import partial
from typing import Any

import pandas as pd
import pytest

import dirsync_nb as ds
from dirsync_nb import errors, frames
from dirsync_nb.client import Pacer, read_pages
from dirsync_nb.load import parallel as many
from dirsync_nb.load import progress

from ..foreign import KEY, Answer, ForeignServer, listing, users


def pools():
    """Return the threads of pools; tests before this one may have left idle ones."""
    return {thread for thread in threading.enumerate() if "ThreadPool" in thread.name}


def fleet(count: int, people: int = 3, fail: dict[str, Answer] | None = None, page: int = 100) -> Any:
    """Script ``count`` directories d00, d01 ... with some people and two groups each."""
    rows = {
        f"d{number:02}": [
            {**record, "id": f"d{number:02}-{record['id']}", "directory_id": f"d{number:02}"}
            for record in users(people)
        ]
        for number in range(count)
    }

    def script(request):
        query = request.query
        name = query.get("directory") or request.path.rpartition("/")[2]
        if fail and name in fail:
            return fail[name]
        if request.path.startswith("/directories/"):
            counts = {"users": {"active": people, "inactive": 0}, "groups": 2}
            return Answer({"id": name, "metadata": counts})
        if request.path == "/directory_groups":
            return listing(
                [
                    {"object": "directory_group", "id": f"{name}-{group}", "name": group, "directory_id": name}
                    for group in ("Eng", "Ops")
                ]
            )
        found = rows[name] if query.get("group", f"{name}-Eng") in (f"{name}-Eng", f"{name}-Ops") else []
        start = [record["id"] for record in found].index(query["after"]) + 1 if "after" in query else 0
        piece = found[start : start + min(page, int(query["limit"]))]
        more = start + len(piece) < len(found)
        return listing(piece, after=piece[-1]["id"] if more else None)

    return script


NAMES = [f"d{number:02}" for number in range(6)]


def expected(names: list[str], people: int = 3) -> list[str]:
    return [f"{name}-u{number:03}" for name in names for number in range(people)]


# One frame ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "given",
    [
        NAMES,
        tuple(NAMES),
        pd.Index(NAMES),
        pd.Series(NAMES),
        pd.Series(NAMES, name="directory_id", index=list("abcdef")),
        pd.array(NAMES, dtype="str"),
        iter(NAMES),
        [{"id": name} for name in NAMES],
        [*NAMES, NAMES[0]],
        pd.DataFrame({"state": "linked"}, index=pd.Index(NAMES, name="directory_id")),
    ],
    ids=lambda given: type(given).__name__,
)
def test_several_directories_in_any_collection_give_one_frame_in_the_order_given(serve, given):
    _, client = serve(fleet(6))
    frame = ds.load_users(client, directory_id=given)
    assert frame.index.tolist() == expected(NAMES)
    assert frame.index.name == "user_id"
    assert frame.dtypes.astype(str).to_dict() == dict(frames.USER_COLUMNS)
    assert frame.index.is_unique


def test_the_order_is_the_one_given_and_the_rows_are_those_of_each_alone(client):
    directories = ds.load_directories(client)
    names = directories.index[::-1]
    for load in (ds.load_users, ds.load_groups, ds.load_memberships):
        alone = [load(client, directory_id=name) for name in names]
        whole = load(client, directory_id=names)
        pd.testing.assert_frame_equal(whole, frames.concat(alone))
    pd.testing.assert_frame_equal(
        ds.load_users(client, directory_id=directories),
        ds.load_users(client, directory=list(directories.index)),
    )


def test_a_row_of_a_directories_frame_is_one_directory(client, okta):
    directories = ds.load_directories(client)
    assert set(ds.load_users(client, directory_id=directories.loc[okta])["directory_id"]) == {okta}


def test_no_directory_gives_the_declared_empty_frame(serve):
    server, client = serve(fleet(0))
    for load, columns in (
        (ds.load_users, frames.USER_COLUMNS),
        (ds.load_groups, frames.GROUP_COLUMNS),
        (ds.load_memberships, frames.MEMBERSHIP_COLUMNS),
    ):
        frame = load(client, directory_id=[])
        assert frame.empty
        assert frame.dtypes.astype(str).to_dict() == dict(columns)
        assert client.receipts[-1].complete
    assert server.requests == []


def test_a_partial_frame_of_directories_or_one_without_its_index_is_refused(serve):
    server, client = serve(fleet(6))
    frame = pd.DataFrame({"state": "linked"}, index=pd.Index(NAMES, name="directory_id"))
    frame.attrs["incomplete"] = "broke off"
    with pytest.raises(errors.IncompleteError, match="load_users"):
        ds.load_users(client, directory_id=frame)
    frame.attrs.clear()
    with pytest.raises(errors.ArgumentError, match="indexed by directory_id"):
        ds.load_groups(client, directory_id=frame.reset_index(drop=True))
    with pytest.raises(errors.ArgumentError, match="workers must be 1 or more"):
        many.for_each_directory(client.context, NAMES, lambda part, name: name, workers=0)
    assert server.requests == []


def test_the_receipt_of_the_whole_adds_up_those_of_its_directories(serve):
    server, client = serve(fleet(6, people=5), page_size=2)
    ds.load_users(client, directory_id=NAMES)
    whole = client.receipts[-1]
    parts = whole.details["receipts"]
    assert list(parts) == whole.details["directories"] == NAMES
    assert whole.requests == len(server.requests) == sum(part.requests for part in parts.values()) == 24
    assert (whole.pages, whole.rows, whole.complete) == (18, 30, True)
    assert all(part.complete and part.rows == 5 for part in parts.values())
    assert client.receipts[:-1] == list(parts.values())
    assert repr(whole).startswith("<Receipt /directory_users (directories=6): 30 rows, 18 pages, 24 requests")


def test_frames_at_hand_are_given_to_each_directory_its_own(serve):
    server, client = serve(fleet(3))
    known = ds.load_groups(client, directory_id=NAMES[:3])
    sent = len(server.requests)
    frame = ds.load_memberships(client, directory_id=NAMES[:3], groups=known, route="by_group")
    assert not any(r.path == "/directory_groups" for r in server.requests[sent:])
    assert len(frame) == 3 * 2 * 3
    assert frame["directory_id"].unique().tolist() == NAMES[:3]


# Failures -----------------------------------------------------------------------------------------------


def test_a_failing_directory_harms_no_other_and_is_named_and_alone_read_again(serve):
    fail = {
        "d01": Answer({"message": "Directory not found", "code": "entity_not_found"}, 404),
        "d04": Answer("no", 403),
    }
    server, client = serve(fleet(6, fail=fail))
    with pytest.raises(errors.DirectoriesFailed, match="2 of 6 directories failed") as caught:
        ds.load_users(client, directory_id=NAMES)
    problem = caught.value
    assert "- d01: reading users of d01, page 1: the API answered 404" in str(problem)
    assert "- d04: " in str(problem)
    assert "12 rows were read and are kept" in str(problem)
    assert {name: type(error) for name, error in problem.failures.items()} == {
        "d01": errors.NotFound,
        "d04": errors.Forbidden,
    }
    whole = [name for name in NAMES if name not in fail]
    assert problem.partial.index.tolist() == expected(whole)
    assert "2 of 6 directories is missing" in problem.partial.attrs["incomplete"]
    assert client.receipts[-1] is problem.receipt
    assert not problem.receipt.complete
    assert not problem.retryable

    del fail["d04"]
    alone = ds.load_users(client, directory_id="d04", resume=problem.receipt.details["receipts"]["d04"])
    assert alone.index.tolist() == expected(["d04"])
    del fail["d01"]
    sent = len(server.requests)
    frame = ds.load_users(client, directory_id=NAMES, resume=problem.receipt)
    assert {r.query["directory"] for r in server.requests[sent:]} == {"d01"}
    assert frame.index.tolist() == expected(NAMES)
    assert "incomplete" not in frame.attrs
    assert client.receipts[-1].complete


@pytest.mark.parametrize("kind", ["groups", "memberships"])
def test_groups_and_memberships_name_their_failed_directories_too(serve, kind):
    fail = {"d02": Answer("down", 500)}
    _, client = serve(fleet(6, fail=fail))
    load = partial(ds.load_memberships, route="by_group") if kind == "memberships" else ds.load_groups
    with pytest.raises(errors.DirectoriesFailed, match="d02") as caught:
        load(client, directory_id=NAMES)
    assert caught.value.retryable
    assert set(caught.value.partial["directory_id"]) == set(NAMES) - {"d02"}
    fail.clear()
    whole = load(client, directory_id=NAMES, resume=client.receipts[-1])
    pd.testing.assert_frame_equal(whole, load(client, directory_id=NAMES))


def test_a_directory_goes_on_from_the_page_where_it_broke(serve):
    script, broken = fleet(3, people=10), [True]

    def breaking(request):
        if broken[0] and request.query.get("after") == "d01-u005":
            return Answer("no", 403)
        return script(request)

    server, client = serve(breaking, page_size=2)
    with pytest.raises(errors.DirectoriesFailed) as caught:
        ds.load_users(client, directory_id=NAMES[:3])
    assert caught.value.failures["d01"].partial.index.tolist() == [f"d01-u{n:03}" for n in range(6)]
    broken[0], sent = False, len(server.requests)
    frame = ds.load_users(client, directory_id=NAMES[:3], resume=client.receipts[-1])
    assert len(server.requests) - sent == 3  # two pages, and the service's own count
    assert frame.index.tolist() == expected(NAMES[:3], 10)


def test_a_receipt_of_other_directories_is_refused(serve):
    fail = {"d02": Answer("no", 403)}
    _, client = serve(fleet(6, fail=fail))
    with pytest.raises(errors.DirectoriesFailed):
        ds.load_users(client, directory_id=NAMES)
    receipt = client.receipts[-1]
    for other in ({"directory_id": NAMES[:5]}, {"directory_id": NAMES, "order": "desc"}):
        with pytest.raises(errors.ArgumentError, match="this one is complete|same load"):
            ds.load_users(client, **other, resume=receipt)


def test_a_refused_key_ends_everything_at_once(serve):
    server, client = serve(lambda request: Answer({"message": "Unauthorized"}, 401))
    with pytest.raises(errors.NotAuthorized):
        many.for_each_directory(
            client.context,
            [f"d{n}" for n in range(100)],
            lambda part, name: list(read_pages(part, part.open("users", {"directory_id": name}))),
            workers=2,
        )
    assert len(server.requests) < 10


def test_the_error_travels_between_processes():
    problem = errors.DirectoriesFailed({"d1": errors.NotFound("gone", status_code=404)}, 3)
    again = pickle.loads(pickle.dumps(problem))
    assert str(again) == str(problem) == "1 of 3 directories failed:\n- d1: gone"
    assert again.failures["d1"].status_code == 404


def test_an_error_that_is_not_ours_is_raised_and_ends_the_others(serve):
    server, client = serve(fleet(6, people=100))
    client.page_size = 1

    def job(part, name):
        if name == "d03":
            raise ZeroDivisionError
        return list(read_pages(part, part.open("users", {"directory_id": name})))

    before = pools()
    with pytest.raises(ZeroDivisionError):
        many.for_each_directory(client.context, NAMES, job)
    assert len(server.requests) < 300
    assert not pools() - before


def test_an_interrupt_stops_all_directories_within_a_page_and_keeps_the_whole_ones(serve):
    script, slow = fleet(6, people=40), [True]

    def slowly(request):
        answer = script(request)
        if request.query.get("directory") != "d00":
            answer.delay = 0.1 if slow[0] else 0.0
        return answer

    server, client = serve(slowly, page_size=4)
    timer = threading.Timer(0.5, signal.pthread_kill, [threading.main_thread().ident, signal.SIGINT])
    timer.start()
    before = pools()
    with pytest.raises(KeyboardInterrupt):
        ds.load_users(client, directory_id=NAMES)
    sent = len(server.requests)
    assert not pools() - before
    receipt = client.receipts[-1]
    assert receipt.partial.index.tolist() == expected(["d00"], 40)
    assert "5 of 6" in receipt.partial.attrs["incomplete"]
    slow[0] = False
    frame = ds.load_users(client, directory_id=NAMES, resume=receipt)
    assert frame.index.tolist() == expected(NAMES, 40)
    assert len(server.requests) - sent < 50  # what each had was not read again
    assert not any(request.query.get("directory") == "d00" for request in server.requests[sent:])


@pytest.mark.slow
def test_nobody_waits_for_directories_that_sleep_through_a_rate_limit():
    def script(request):
        return Answer("Ratelimited", 429, {"Retry-After": "20"})

    with ForeignServer(script) as server, ds.connect(KEY, base_url=server.url) as client:
        timer = threading.Timer(0.4, signal.pthread_kill, [threading.main_thread().ident, signal.SIGINT])
        timer.start()
        started = time.monotonic()
        with pytest.raises(KeyboardInterrupt):
            ds.load_users(client, directory_id=NAMES)
        assert time.monotonic() - started < 30


# The budget ---------------------------------------------------------------------------------------------


def test_a_hundred_requests_a_second_are_shared_out_evenly(clock):
    """25 directories of 40 pages in made-up time: 0.9 of the key's budget, and no one is favoured."""
    pacer, lock = Pacer(clock=clock), threading.Lock()
    agenda = {f"d{number:02}": 0 for number in range(25)}
    moments: dict[str, list[float]] = {name: [] for name in agenda}
    slept: list[float] = []
    pacer.sleep = lambda seconds, stop: slept.append(seconds)
    started = clock.now
    # In made-up time: whoever is free earliest asks next, and is free again when its answer came 50 ms later.
    free = dict.fromkeys(agenda, started)
    while any(count < 40 for count in agenda.values()):
        name = min((n for n in agenda if agenda[n] < 40), key=lambda n: free[n])
        clock.now, slept[:] = free[name], []
        with lock:
            _, due = pacer._turn(name, pacer.per_directory, None)
            waited = due - clock.now
            clock.now = due
            _, due = pacer._turn("", pacer.per_key, None)
        assert waited >= 0
        moments[name].append(due)
        free[name], agenda[name] = due + 0.05, agenda[name] + 1
    ends = [times[-1] - started for times in moments.values()]
    sent = sorted(moment for times in moments.values() for moment in times)
    assert 1000 / (max(ends) + 0.05) >= 0.9 * 100
    assert max(ends) - min(ends) <= 0.1 * max(ends)
    for name in moments:
        assert min(b - a for a, b in zip(moments[name], moments[name][4:], strict=False)) >= 1.0
    assert max(Counter(int(moment - started) for moment in sent).values()) <= 100


def test_as_many_directories_run_at_once_as_use_up_the_key():
    assert many.side_by_side(Pacer()) == 32
    assert many.side_by_side(Pacer(per_key=10)) == 3
    assert many.side_by_side(Pacer.unlimited()) == 8


def test_no_more_directories_run_at_once_than_workers_and_each_has_its_own_context(serve):
    _, client = serve(fleet(6))
    running, most, lock = [0], [0], threading.Lock()

    def job(part, name):
        assert part.receipts is not client.receipts
        assert part.side_by_side == 2
        with lock:
            running[0] += 1
            most[0] = max(most[0], running[0])
        time.sleep(0.02)
        with lock:
            running[0] -= 1
        return name.upper()

    done, failed = many.for_each_directory(client.context, NAMES, job, workers=2)
    assert done == {name: name.upper() for name in NAMES}
    assert list(done) == NAMES
    assert failed == {}
    assert most[0] == 2


# What a person sees -------------------------------------------------------------------------------------


class FakeBar:
    shown: list[FakeBar] = []

    def __init__(self, noun, total):
        self.noun, self.total, self.n, self.beside, self.closed = noun, total, 0, "", False
        FakeBar.shown.append(self)

    def update(self, count):
        self.n += count

    def set_postfix_str(self, words):
        self.beside = words

    def close(self):
        self.closed = True


@pytest.mark.parametrize("kind", ["users", "memberships"])
def test_one_bar_counts_the_directories_and_the_rows_beside_it(serve, monkeypatch, kind):
    FakeBar.shown = []
    monkeypatch.setattr(progress, "is_interactive", lambda: True)
    monkeypatch.setattr(progress, "SHOW_AFTER", 0.0)
    monkeypatch.setattr(progress, "_bar", FakeBar)
    server, client = serve(fleet(6))
    more = {"route": "by_group"} if kind == "memberships" else {}
    getattr(ds, f"load_{kind}")(client, directory_id=NAMES, **more)
    (bar,) = FakeBar.shown
    assert (bar.noun, bar.total, bar.n, bar.closed) == ("directories", 6, 6, True)
    assert bar.beside == ("18 rows" if kind == "users" else "12 rows")
    if kind == "users":
        assert len(server.requests) == 6  # nobody asks for a total of its own


def test_what_a_part_waits_for_stands_beside_the_rows_of_all():
    gathering = progress.Gathering()
    with gathering.part("directory_1"):
        part = progress.Progress("users", lambda: None)
        part.tell("the rate limit is used up: waiting 7 s")
        assert gathering.waiting.beside("18 rows") == "18 rows, the rate limit is used up: waiting 7 s"
        part.tell("")
    assert gathering.waiting.beside("18 rows") == "18 rows"


def test_a_notice_of_many_directories_is_said_once(serve, capsys, monkeypatch):
    monkeypatch.setattr(progress, "is_interactive", lambda: True)
    script = fleet(6)

    def staged(request):
        answer = script(request)
        for record in answer.body["data"]:
            record["state"] = "staged"
        return answer

    _, client = serve(staged)
    ds.load_users(client, directory_id=NAMES)
    said = capsys.readouterr().err
    assert said == "Note: state: unknown to this version and kept as they are: 'staged'.\n"
    assert client.receipts[-1].notices == ["state: unknown to this version and kept as they are: 'staged'."]


def test_whether_the_service_looks_at_a_filter_is_asked_once_however_many_begin_together(client, monkeypatch):
    """The first to ask waits for another who asks meanwhile; nobody does."""
    together, asked, get = threading.Barrier(2), [], client.transport.get

    def slowly(path, params=None, **more):
        if (params or {}).get("limit") == 1:
            asked.append(params["group"])
            with contextlib.suppress(threading.BrokenBarrierError):
                together.wait(0.2)
        return get(path, params, **more)

    monkeypatch.setattr(client.transport, "get", slowly)
    monkeypatch.setattr(client.transport, "pacer", Pacer(per_directory=None, per_key=None))
    directories = ds.load_directories(client)
    members = ds.load_memberships(client, directories.index[directories["state"] == "linked"], route="by_group")
    assert len(asked) == 1
    for group in members["group_id"].unique()[:3]:
        ds.load_users(client, group_id=group)
    assert len(asked) == 1, "the client knows by now"
