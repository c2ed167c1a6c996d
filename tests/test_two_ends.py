"""One list, walked from several places at once: right rows, order and cost, whatever happens on the way."""

from __future__ import annotations

import bisect
import heapq
import random
import threading
from collections.abc import Callable
from functools import partial
from typing import Any

import pandas as pd
import pytest

import dirsync_nb as ds
from dirsync_nb import errors, frames, walks
from dirsync_nb import load as loading
from dirsync_nb.client import DirectoryClient
from dirsync_nb.pacing import Pacer
from dirsync_nb.transport import Traffic

from .foreign import users

CREATED = "2026-05-11T06:42:19.305Z"


class Service:
    """The lists of one directory in memory, paged as documented; also a transport, so that no byte travels.

    ``latency`` is added to the clock with each request; ``trouble`` may raise before an answer is given.
    """

    def __init__(
        self,
        names: list[str],
        latency: float = 0.0,
        named_in_events: list[str] | None = None,
        groups: dict[str, list[str]] | None = None,
    ) -> None:
        self.names = sorted(names)
        self.latency = latency
        self.named = named_in_events or []
        self.groups = groups or {}
        self.counts: int | None = len(names)
        self.strict = True
        self.asked: list[dict[str, Any]] = []
        self.trouble: Callable[[dict[str, Any]], None] = lambda query: None
        self.now = 0.0
        self.lock = threading.Lock()
        self.pacer = Pacer(clock=lambda: self.now, sleep=lambda seconds, stop: None)
        self.base_url = "memory"

    def get(self, path: str, params: Any = None, *, traffic: Traffic, **_: Any) -> Any:
        with self.lock:
            query = {"path": path, **(params or {})}
            traffic.requests += 1
            self.asked.append(query)
            self.now += self.latency
            self.trouble(query)
            return self.answer(query)

    def answer(self, query: dict[str, Any]) -> Any:
        if query["path"].startswith("/directories/"):
            people = {"active": self.counts, "inactive": 0}
            return {"id": "d1", "metadata": {"users": people} if self.counts is not None else {}}
        if query["path"] == "/events":
            events = [{"id": f"e{n}", "data": self.record(name)} for n, name in enumerate(self.named)]
            start = int(query.get("after", "e-1")[1:]) + 1
            page = events[start : start + 100]
            more = start + 100 < len(events)
            return {"data": page, "list_metadata": {"after": page[-1]["id"] if more else None}}
        if query["path"] == "/directory_groups":
            return {"data": [{"id": name} for name in self.groups], "list_metadata": {"after": None}}
        return self.page(query)

    def page(self, query: dict[str, Any]) -> Any:
        names = sorted(self.groups[query["group"]]) if "group" in query else self.names
        names = names if query["order"] == "asc" else names[::-1]
        start = 0
        if "after" in query:
            if query["after"] not in names:
                if self.strict:
                    raise errors.Unprocessable("unknown cursor", status_code=422)
            else:
                start = names.index(query["after"]) + 1
        found = names[start : start + query["limit"]]
        more = start + len(found) < len(names)
        return {
            "data": [self.record(name) for name in found],
            "list_metadata": {"after": found[-1] if more and found else None},
        }

    def record(self, name: str) -> dict[str, Any]:
        return {**users(1)[0], "id": name, "created_at": CREATED}

    @property
    def pages_asked(self) -> list[dict[str, Any]]:
        """Requests for the list itself."""
        return [q for q in self.asked if q["path"] == "/directory_users" and q not in self.members_asked]

    @property
    def members_asked(self) -> list[dict[str, Any]]:
        """Requests for members of a group, to find places in the list."""
        return [q for q in self.asked if q["path"] == "/directory_users" and {"directory", "group"} <= set(q)]


class Timed(walks.Walkers):
    """Walkers in a made-up time: four turns a second, and each answer after the service's latency."""

    def __init__(self, service: Service) -> None:
        super().__init__()
        self.service, self.free_at, self.ended = service, 0.0, []
        self.sent: list[float] = []

    def send(self, errand, job):
        service, now = self.service, self.service.now
        if isinstance(errand, walks.Edge | partial):
            service.now = max(now, self.free_at)
            self.sent.append(service.now)
            self.free_at = service.now + 0.2525
        result = outcome(job)
        heapq.heappush(self.ended, (service.now, len(service.asked), errand, result))
        service.now = now

    def done(self):
        self.service.now, _, errand, result = heapq.heappop(self.ended)
        return [(errand, result)]


class AtRandom(walks.Walkers):
    """Walkers whose requests are answered, and whose answers arrive, at moments that a seed decides."""

    def __init__(self, rng: random.Random, between: Callable[[], None] = lambda: None) -> None:
        super().__init__()
        self.rng, self.between, self.waiting = rng, between, []

    def send(self, errand, job):
        self.between()
        done = outcome(job) if self.rng.random() < 0.5 else None
        self.waiting.append((errand, job, done))

    def done(self):
        self.between()
        errand, job, done = self.waiting.pop(self.rng.randrange(len(self.waiting)))
        return [(errand, done or outcome(job))]


def outcome(job: Callable[[], Any]) -> Callable[[], Any]:
    """Do a job now; give how to get its result, or its error, later."""
    try:
        value = job()
    except BaseException as problem:
        error = problem

        def fail() -> Any:
            raise error

        return fail
    return lambda: value


def client_of(service: Service, **settings: Any) -> DirectoryClient:
    return DirectoryClient(service, **settings)  # type: ignore[arg-type]


@pytest.fixture
def walked(monkeypatch):
    """Load users with the walkers of a test."""

    def load(service: Service, walkers: walks.Walkers | None = None, client=None, **given: Any) -> pd.DataFrame:
        if walkers is not None:
            real = walks.walk_wide
            monkeypatch.setattr(
                loading, "walk_wide", lambda *args, **more: real(*args, **more, walkers=lambda: walkers)
            )
        try:
            return ds.load_users(client or client_of(service), **{"directory_id": "d1", **given})
        finally:
            monkeypatch.undo()

    return load


def people(count: int) -> list[str]:
    return [f"u{number:05}" for number in range(count)]


def groups_of(names: list[str], rng: random.Random) -> dict[str, list[str]]:
    """Make some groups of these people, small and large."""
    sizes = [rng.choice([0, 1, 5, 40, len(names)]) for _ in range(rng.randrange(12))]
    return {f"g{n:02}": rng.sample(names, min(size, len(names))) for n, size in enumerate(sizes)}


# The ceiling --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("latency", "wall"), [(0.05, 9.9), (0.3, 10.46), (0.6, 11.25)])
def test_a_directory_of_4000_is_read_at_the_ceiling_whatever_the_latency(walked, latency, wall):
    """Forty pages at four a second, in made-up time."""
    named = random.Random(4).sample(people(4000), 60)
    service = Service(people(4000), latency, named_in_events=named)
    walkers = Timed(service)
    frame = walked(service, walkers)
    assert frame.index.tolist() == people(4000)
    assert service.now <= wall
    answered = [moment + latency for moment in walkers.sent if moment + latency > 1.0]
    assert len(answered) / (service.now - 1.0) >= 0.97 * 4
    assert len(service.pages_asked) <= 41


def test_members_of_a_group_are_places_in_the_middle_where_nothing_happened(walked):
    """At 600 ms two requests under way are 3.3 a second; one page of members leads the third to its place."""
    rng = random.Random(4)
    service = Service(people(4000), 0.6, groups={f"g{n}": rng.sample(people(4000), 40) for n in range(24)})
    walkers = Timed(service)
    client = client_of(service)
    frame = walked(service, walkers, client)
    assert frame.index.tolist() == people(4000)
    assert service.now <= 11.7
    answered = [moment + 0.6 for moment in walkers.sent if moment + 0.6 > 1.0]
    assert len(answered) / (service.now - 1.0) >= 0.97 * 4
    assert len(service.members_asked) == 1
    assert len(service.pages_asked) <= 42
    assert client.receipts[-1].requests == len(service.asked)
    assert client.receipts[-1].rows == 4000


@pytest.mark.parametrize(("part", "pages", "wall"), [(5, 3, 12.0), (9, 2, 11.7), (20, 1, 11.4)])
def test_large_groups_are_read_up_to_a_place_far_from_both_ends(walked, part, pages, wall):
    """The members on one page of a large group stand close together: the next pages lead farther."""
    rng = random.Random(2)
    service = Service(people(4000), 0.6, groups={"g": rng.sample(people(4000), 4000 // part)})
    walkers = Timed(service)
    assert walked(service, walkers).index.tolist() == people(4000)
    assert len(service.members_asked) == pages
    assert [query.get("after") is None for query in service.members_asked] == [True] + [False] * (pages - 1)
    assert service.now <= wall
    answered = [moment + 0.6 for moment in walkers.sent if moment + 0.6 > 1.0]
    assert len(answered) / (service.now - 1.0) >= 0.97 * 4


def test_places_that_crowd_where_the_walk_is_are_not_begun(walked):
    """Recent events about the earliest only: pieces begun among them would be walked over at once."""
    early = random.Random(4).sample([name for name in people(500) if not name.endswith("99")], 40)
    groups = {"g": random.Random(5).sample(people(4000), 40)}
    service = Service(people(4000), 0.6, early, groups)
    walked(service, Timed(service))
    assert not [query for query in service.pages_asked if query.get("after") in early]
    assert len(service.members_asked) == 1
    assert service.now <= 11.7


@pytest.mark.parametrize(
    "groups",
    [
        {},
        {"everyone": people(4000)},
        {"everyone": people(4000), "first": people(100), "empty": []},
        {f"empty {n}": [] for n in range(20)},
        {f"early {n}": people(150) for n in range(20)},
    ],
)
def test_without_known_places_in_the_middle_two_walkers_go_on_alone(walked, groups):
    """A quarter of a second for each page that names no new place, and two pages at most, is the price."""
    service = Service(people(4000), 0.6, groups=groups)
    assert walked(service, Timed(service)).index.tolist() == people(4000)
    assert len(service.members_asked) <= 2
    assert len(service.pages_asked) == 41
    assert service.now <= 12.9 + 0.25 * len(service.members_asked)


@pytest.mark.parametrize("count", [101, 500, 899])
def test_a_list_too_short_to_pay_for_it_asks_no_group(walked, count):
    service = Service(people(count), 0.6, groups={"g1": people(count)[::20]})
    assert walked(service, Timed(service)).index.tolist() == people(count)
    assert service.members_asked == []


def test_events_about_the_first_few_alone_are_no_places_in_the_middle(walked):
    """Most of them are people the walk has met: a piece begun there would be walked over at once."""
    service = Service(people(4000), 0.6, named_in_events=random.Random(4).sample(people(240), 60))
    walked(service, Timed(service))
    assert service.now <= 12.9
    assert len(service.pages_asked) == 41


def test_a_later_page_of_events_helps_where_the_first_is_of_no_use(walked):
    crowd, spread = random.Random(4).choices(people(200), k=100), random.Random(4).sample(people(4000), 60)
    service = Service(people(4000), 0.6, named_in_events=[*crowd, *spread, *crowd, *crowd, *crowd])
    walked(service, Timed(service))
    assert service.now <= 11.5
    assert len([query for query in service.asked if query["path"] == "/events"]) == 3


@pytest.mark.parametrize("latency", [0.05, 0.3, 0.6])
@pytest.mark.parametrize("count", [0, 1, 27, 99, 100])
def test_a_small_directory_costs_one_request_however_slow(walked, count, latency):
    service = Service(people(count), latency)
    assert walked(service, Timed(service)).index.tolist() == people(count)
    assert len(service.asked) == 1


@pytest.mark.parametrize("count", [101, 150, 199, 200, 201, 250, 300, 399, 400, 401, 1000, 1050])
@pytest.mark.parametrize("order", ["asc", "desc"])
def test_two_ends_cost_at_most_one_page_more_than_one(walked, count, order):
    service = Service(people(count), 0.3)
    client = client_of(service)
    frame = walked(service, Timed(service), client, order=order)
    assert frame.index.tolist() == sorted(people(count), reverse=order == "desc")
    pages = -(-count // 100)
    receipt = client.receipts[-1]
    assert pages <= len(service.pages_asked) <= pages + 1
    assert receipt.requests == len(service.asked) <= pages + 2  # one asks how many there are
    assert (receipt.pages, receipt.rows, receipt.complete) == (len(service.pages_asked), count, True)
    assert receipt.duplicates == sum(map(len_of(service), service.pages_asked)) - count


def len_of(service: Service) -> Callable[[dict[str, Any]], int]:
    return lambda query: len(service.page(query)["data"])


def test_quick_answers_are_walked_from_one_end(walked):
    service = Service(people(1000), 0.05)
    walked(service, Timed(service))
    assert {query["order"] for query in service.asked} == {"asc"}
    assert len(service.asked) == 10


@pytest.mark.parametrize("settings", [{"max_rows": 5000}, {"max_pages": 50}])
def test_a_list_with_a_cap_is_walked_from_one_end(walked, settings):
    service = Service(people(1000), 0.6)
    walked(service, client=client_of(service, **settings))
    assert {query["order"] for query in service.asked} == {"asc"}


def test_without_limits_and_in_the_order_normal_the_plain_walk_is_taken(walked):
    service = Service(people(300), 0.6)
    receipt = client_of(service).receipt("users", {"directory_id": "d1"}, order="normal")
    assert not walks.can_widen(client_of(service), receipt)
    service.pacer = Pacer.unlimited()
    walked(service)
    assert {query["order"] for query in service.asked} == {"asc"}


def test_any_ordered_list_can_be_walked_from_both_ends(walked):
    service = Service(people(500), 0.6, groups={"g1": people(500)})
    frame = walked(service, Timed(service), directory_id=None, group_id="g1")
    assert frame.index.tolist() == people(500)
    assert {query["order"] for query in service.pages_asked} == {"asc", "desc"}
    assert all(query["path"] == "/directory_users" for query in service.asked)  # no total, no places


# Rows that come and go ----------------------------------------------------------------------------------


def churning(rng: random.Random, service: Service) -> tuple[Callable[[], None], set[str], set[str]]:
    """Let rows come and go between requests; note those that ever were, and those that ended."""
    ever, gone = set(service.names), set()

    def between() -> None:
        for _ in range(rng.randrange(4)):
            if rng.random() < 0.5 and service.names:
                # Mostly rows that were just seen or mark a place: the worst ones to lose.
                marks = [q["after"] for q in service.asked[-6:] if q.get("after") in service.names]
                name = rng.choice(marks) if marks and rng.random() < 0.6 else rng.choice(service.names)
                service.names.remove(name)
                gone.add(name)
            else:
                name = f"u{rng.randrange(100_000):05}" + rng.choice("abc")
                if name not in ever:
                    bisect.insort(service.names, name)
                    ever.add(name)

    return between, ever, gone


@pytest.mark.parametrize("seed", range(300))
def test_whoever_stayed_is_there_once_in_order_whoever_comes_and_goes(walked, seed):
    rng = random.Random(seed)
    order = rng.choice(["asc", "desc"])
    before = sorted(f"u{number:05}" for number in rng.sample(range(100_000), rng.randrange(1, 260)))
    named = rng.sample(before, rng.randrange(len(before))) if rng.random() < 0.5 else []
    service = Service(before, rng.choice([0.3, 0.6, 1.5]), named, groups_of(before, rng))
    service.strict = rng.random() < 0.7  # or a service that begins anew at a cursor it does not know
    service.counts = rng.choice([None, len(before), rng.randrange(500)])
    between, ever, gone = churning(rng, service)
    walkers = AtRandom(rng, between)
    client = client_of(service, page_size=rng.choice([2, 5, 10, 20]))
    try:
        found = walked(service, walkers, client, order=order).index.tolist()
    except (errors.Unprocessable, errors.CursorStuck):
        # So many cursors deleted one after another that the walk gave up, as a plain one does.
        assert not client.receipts[-1].complete
        assert gone
        return
    assert len(found) == len(set(found))
    assert set(before) - gone <= set(found) <= ever
    stayed = [name for name in found if name in before and name not in gone]
    assert stayed == sorted(stayed, reverse=order == "desc")


@pytest.mark.parametrize("seed", range(60))
def test_a_list_that_stands_still_is_read_exactly_as_by_a_plain_walk(walked, seed):
    rng = random.Random(seed)
    names = sorted(f"u{number:05}" for number in rng.sample(range(100_000), rng.randrange(1, 400)))
    order = rng.choice(["asc", "desc"])
    named = rng.sample(names, rng.randrange(len(names))) if rng.random() < 0.5 else []
    service = Service(names, rng.choice([0.3, 0.6, 1.5]), named, groups_of(names, rng))
    client = client_of(service, page_size=rng.choice([2, 5, 10, 20]))
    wide = walked(service, AtRandom(rng), client, order=order)
    receipt = client.receipts[-1]
    assert receipt.requests == len(service.asked)
    if receipt.pages == len(service.pages_asked):  # else an answer came after everything was there
        assert receipt.duplicates + receipt.rows == sum(map(len_of(service), service.pages_asked))
    service.pacer = Pacer.unlimited()
    pd.testing.assert_frame_equal(wide, walked(service, client=client, order=order))


# Trouble ------------------------------------------------------------------------------------------------


def ids_of(answer: dict[str, Any]) -> list[str]:
    return [record["id"] for record in answer["data"]]


@pytest.mark.parametrize("order", ["asc", "desc"])
def test_a_page_that_fails_for_good_leaves_both_ends_and_a_way_on(walked, order):
    """HTTP-09, walked from two ends: whatever was read is kept, and resuming reads only the rest."""
    service, broken = Service(people(1200), 0.3), [True]

    def trouble(query):
        if broken[0] and query.get("after") == "u00499" and query["order"] == "asc":
            raise errors.ServerFailure("boom", status_code=500)

    service.trouble = trouble
    client = client_of(service)
    with pytest.raises(errors.ServerFailure, match="boom") as caught:
        walked(service, Timed(service), client, order=order)
    receipt = client.receipts[-1]
    kept = receipt.partial.index.tolist()
    assert caught.value.partial is receipt.partial
    assert "incomplete" in receipt.partial.attrs
    assert {"u00000", "u01199"} <= set(kept)
    assert kept == sorted(kept, reverse=order == "desc")
    assert len(kept) == receipt.rows >= 900
    broken[0], sent = False, len(service.pages_asked)
    frame = walked(service, Timed(service), client, order=order, resume=receipt)
    assert frame.index.tolist() == sorted(people(1200), reverse=order == "desc")
    assert len(service.pages_asked) - sent <= 4
    assert "incomplete" not in frame.attrs


@pytest.mark.parametrize("moment", ["while waiting", "while packing"])
@pytest.mark.parametrize("turn", [2, 3, 5])
def test_an_interrupt_ends_all_walkers_and_loses_no_page_that_was_kept(walked, monkeypatch, moment, turn):
    """HTTP-10: and nothing more is asked afterwards."""
    service = Service(people(1200), 0.6, random.Random(1).sample(people(1200), 40))
    client = client_of(service)
    owner, name = (walks.Walkers, "done") if moment == "while waiting" else (frames.Columns, "add")
    real, calls = getattr(owner, name), []

    def interrupted(*args):
        calls.append(args)
        if len(calls) == turn:
            raise KeyboardInterrupt
        return real(*args)

    threads = threading.active_count()
    with monkeypatch.context() as patch:
        patch.setattr(owner, name, interrupted)
        with pytest.raises(KeyboardInterrupt):
            ds.load_users(client, directory_id="d1")
    assert threading.active_count() == threads
    receipt = client.receipts[-1]
    assert receipt.requests == len(service.asked)
    kept = receipt.partial.index.tolist()
    assert kept == sorted(kept)
    assert not receipt.complete
    frame = walked(service, client=client, resume=receipt)
    assert frame.index.tolist() == people(1200)
    assert threading.active_count() == threads


def test_a_plain_walk_that_broke_goes_on_from_two_ends(walked):
    service, broken = Service(people(1000), 0.05), [True]

    def trouble(query):
        if broken[0] and query.get("after") == "u00299":
            raise errors.ServerFailure("boom", status_code=500)

    service.trouble = trouble
    client = client_of(service, max_pages=50)
    with pytest.raises(errors.ServerFailure):
        walked(service, client=client)
    receipt, sent = client.receipts[-1], len(service.pages_asked)
    broken[0], client.max_pages, service.latency = False, None, 0.6
    assert walked(service, Timed(service), client, resume=receipt).index.tolist() == people(1000)
    assert "desc" in {query["order"] for query in service.pages_asked}
    assert len(service.pages_asked) - sent <= 8


@pytest.mark.parametrize("order", ["asc", "desc"])
def test_a_cursor_that_stands_still_on_one_side_is_an_error(walked, order):
    """HTTP-02, on either side."""
    service = Service(people(2000), 0.6)
    real, stuck = service.page, []

    def page(query):
        answer = real(query)
        if query["order"] == order and "after" in query:
            stuck.append(answer)
            return stuck[0]
        return answer

    service.page = page
    client = client_of(service)
    with pytest.raises(errors.CursorStuck, match="/directory_users gave the cursor u0"):
        walked(service, Timed(service), client)
    partial = client.receipts[-1].partial
    assert partial.index.is_unique
    assert len(partial) < 2000
    assert len(service.asked) < 20


def test_a_walk_in_a_circle_on_one_side_ends(walked):
    service = Service(people(3000), 0.6)
    real = service.page

    def page(query):
        answer = real(query)
        if query["order"] == "desc" and query.get("after") == "u02800":
            answer["list_metadata"]["after"] = "u02900"
        return answer

    service.page = page
    with pytest.raises(errors.CursorStuck):
        walked(service, Timed(service))


@pytest.mark.parametrize("order", ["asc", "desc"])
def test_rows_that_come_again_on_the_next_page_are_counted_and_dropped_on_both_sides(walked, order):
    """DF-15."""
    service = Service(people(1250), 0.6)
    real, last = service.page, {}

    def page(query):
        answer = real(query)
        before = last.get(query["order"])
        last[query["order"]] = answer["data"]
        if before and "after" in query:
            answer = {**answer, "data": [*before[-3:], *answer["data"]]}
        return answer

    service.page = page
    client = client_of(service)
    frame = walked(service, Timed(service), client, order=order)
    assert frame.index.tolist() == sorted(people(1250), reverse=order == "desc")
    assert client.receipts[-1].duplicates >= 30


@pytest.mark.parametrize("order", ["asc", "desc"])
def test_an_empty_page_on_one_side_does_not_end_the_list_for_the_other(walked, order):
    service = Service(people(2000), 0.6)
    real = service.page

    def page(query):
        answer = real(query)
        if query["order"] == order and query.get("after", "")[-3:] in ("399", "600"):
            return {"data": [], "list_metadata": {"after": "u00000"}}
        return answer

    service.page = page
    assert walked(service, Timed(service)).index.tolist() == people(2000)


@pytest.mark.parametrize("status", [400, 404, 422])
def test_places_in_the_middle_that_are_refused_leave_the_two_ends(walked, status):
    named = random.Random(4).sample(people(2000), 40)
    service = Service(people(2000), 0.6, named, groups={"g1": named})
    kind = {400: errors.BadRequest, 404: errors.NotFound, 422: errors.Unprocessable}[status]

    def trouble(query):
        if query.get("after") in named:
            raise kind("no such cursor", status_code=status)

    service.trouble = trouble
    client = client_of(service)
    assert walked(service, Timed(service), client).index.tolist() == people(2000)
    assert len([query for query in service.pages_asked if query.get("after") in named]) == 2
    assert service.members_asked == []
    assert client.receipts[-1].notices == []


@pytest.mark.parametrize(
    "events",
    [
        errors.Forbidden("no events for this key", status_code=403),
        errors.ServerFailure("down", status_code=500),
        {"data": [{"id": "e1", "data": None}, {"id": "e2"}, {"id": "e3", "data": {"user": "u1"}}]},
        {"data": [{"id": "e1", "data": {**users(1)[0], "id": "far", "directory_id": "d2"}}]},
        {"data": [{"id": "e1", "data": {**users(1)[0], "id": "u01000x", "created_at": CREATED}}]},
    ],
)
def test_events_that_are_of_no_use_leave_the_two_ends(walked, events):
    service = Service(people(2000), 0.6)
    real = service.answer

    def answer(query):
        if query["path"] != "/events":
            return real(query)
        if isinstance(events, Exception):
            raise events
        return {"list_metadata": {"after": None}, **events}

    service.answer = answer
    client = client_of(service)
    assert walked(service, Timed(service), client).index.tolist() == people(2000)
    assert client.receipts[-1].complete
    assert not any(query.get("after") == "far" for query in service.pages_asked)


@pytest.mark.parametrize("path", ["/directory_groups", "/directory_users"])
@pytest.mark.parametrize(
    "answer",
    [
        errors.Forbidden("not for this key", status_code=403),
        errors.ServerFailure("down", status_code=500),
        {"data": [], "list_metadata": {}},
        {"data": [{"id": None}, {"id": 7}, {}], "list_metadata": {"after": None}},
        {"data": [{"id": "far"}], "list_metadata": {"after": "far"}},
    ],
)
def test_groups_that_are_of_no_use_leave_the_two_ends(walked, path, answer):
    service = Service(people(2000), 0.6, groups={"g1": people(2000)[::50], "g2": []})
    real = service.answer

    def given(query):
        if query["path"] != path or (path == "/directory_users" and "group" not in query):
            return real(query) if query.get("group") != "far" else {"data": [], "list_metadata": {}}
        if isinstance(answer, Exception):
            raise answer
        return answer

    service.answer = given
    client = client_of(service)
    assert walked(service, Timed(service), client).index.tolist() == people(2000)
    assert client.receipts[-1].complete
    assert client.receipts[-1].notices == []


def test_a_place_in_the_middle_that_the_service_takes_for_the_start_costs_no_row(walked):
    named = random.Random(4).sample(people(2000), 40)
    service = Service(people(2000), 0.6, named)
    real = service.page

    def page(query):
        if query.get("after") in named:
            query = {name: value for name, value in query.items() if name != "after"}
        return real(query)

    service.page = page
    assert walked(service, Timed(service)).index.tolist() == people(2000)


def test_a_wrong_count_costs_no_row(walked):
    for counts in (0, 150, 5000, None):
        service = Service(people(1234), 0.6, random.Random(4).sample(people(1234), 20))
        service.counts = counts
        assert walked(service, Timed(service)).index.tolist() == people(1234)
        assert len(service.pages_asked) <= 18


def test_records_without_an_id_are_kept(walked):
    service = Service(people(500), 0.3)
    real = service.record
    service.record = lambda name: {**real(name), **({"id": None} if name == "u00250" else {})}
    frame = walked(service, Timed(service))
    assert frame.index.notna().sum() == 499
    assert frame.index.isna().sum() >= 1


def test_a_row_created_behind_us_is_left_out_rather_than_put_in_the_wrong_place():
    """As after a step back: among rows that were read before, a new one has its place in the past."""
    service, line = Service([]), walks.Line(known=["a", "c", "e"])
    (edge,) = line.edges()
    page = [service.record(name) for name in "abcdefg"]
    fresh, met = line.sift(edge, page)
    assert [record["id"] for record in fresh] == ["f", "g"]
    assert met is None
    line.keep(edge, page, None, fresh, met)
    assert line.ids() == list("acefg")
    assert line.edges() == []
