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
from dirsync_nb import errors, frames
from dirsync_nb.client import DirectoryClient, Pacer
from dirsync_nb.client import segments as pieces
from dirsync_nb.client import two_ended as walks
from dirsync_nb.client.client import MAX_STEPS_BACK
from dirsync_nb.client.pacing import Stop
from dirsync_nb.client.transport import Traffic
from dirsync_nb.load import lists as loading

from ..foreign import users

CREATED = "2026-05-11T06:42:19.305Z"
AT = {"created_at": CREATED}


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
        self.patient: list[dict[str, Any]] = []  # those worth a second try
        self.trouble: Callable[[dict[str, Any]], None] = lambda query: None
        self.now = 0.0
        self.lock = threading.Lock()
        self.pacer = Pacer(clock=lambda: self.now, sleep=lambda seconds, stop: None)
        self.base_url = "memory"

    def get(self, path: str, params: Any = None, *, traffic: Traffic, retry: Any = None, **_: Any) -> Any:
        with self.lock:
            query = {"path": path, **(params or {})}
            if retry is None or retry.attempts > 1:
                self.patient.append(query)
            if traffic.stop is not None and traffic.stop.is_set():
                raise errors.LoadError("given up")
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
        if isinstance(errand, pieces.Edge | partial):
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


class Watched(Timed):
    """Notes how many pages of members were under way at once."""

    most = 0

    def send(self, errand, job):
        super().send(errand, job)
        waiting = ["_learn_from_members" in repr(errand) for _, _, errand, _ in self.ended]
        self.most = max(self.most, sum(waiting))


def test_pages_of_members_are_read_one_at_a_time_and_no_more_than_the_list_pays_for(walked):
    """Each names one place, where eight walkers look for some."""
    names = random.Random(4).sample(people(4000), 24)
    service = Service(people(4000), 1.9, groups={f"g{n:02}": [name] for n, name in enumerate(names)})
    walkers = Watched(service)
    assert walked(service, walkers).index.tolist() == people(4000)
    assert walkers.most == 1
    assert 1 < len(service.members_asked) <= 40 // walks.PAGES_PER_TRY
    middle = [query["group"] for query in service.members_asked]
    assert middle[0] == "g12"
    assert service.patient == service.pages_asked


def test_two_groups_without_a_new_place_are_enough(walked):
    service = Service(people(10_000), 0.6, groups={f"g{n}": people(50) for n in range(20)})
    assert walked(service, Timed(service)).index.tolist() == people(10_000)
    assert len(service.members_asked) == 2


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
    assert receipt.seconds > 0
    assert receipt.duplicates == sum(map(len_of(service), service.pages_asked)) - count


def len_of(service: Service) -> Callable[[dict[str, Any]], int]:
    return lambda query: len(service.page(query)["data"])


def test_quick_answers_are_walked_from_one_end(walked):
    service = Service(people(1000), 0.05)
    walked(service, Timed(service))
    assert {query["order"] for query in service.asked} == {"asc"}
    assert len(service.asked) == 10


def test_pauses_are_no_latency_and_stand_on_the_receipt(walked):
    service = Service(people(1000), 0.05)
    real = service.get

    def get(*args, traffic, **more):
        service.now += 0.5
        traffic.note_wait("429", 0.5)
        return real(*args, traffic=traffic, **more)

    service.get = get
    client = client_of(service)
    walked(service, Timed(service), client)
    assert {query["order"] for query in service.asked} == {"asc"}
    assert client.receipts[-1].seconds_waited == 5.0


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
    receipt = client_of(service).receipt("users", {"directory_id": "d1"})
    assert not walks.can_widen(client_of(service), receipt)
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


@pytest.mark.parametrize("seed", range(100))
def test_whatever_breaks_a_load_and_however_often_resuming_it_ends_with_every_row_once(walked, seed):
    """Rows come and go, pages fail, cursors are refused, and the person at the keyboard interrupts."""
    rng = random.Random(seed)
    order = rng.choice(["asc", "desc"])
    before = sorted(f"u{number:05}" for number in rng.sample(range(100_000), rng.randrange(1, 200)))
    named = rng.sample(before, rng.randrange(len(before)))
    service = Service(before, rng.choice([0.3, 0.6, 1.5]), named, groups_of(before, rng))
    service.strict = rng.random() < 0.7
    churn, ever, gone = churning(rng, service)
    failing, refusing, left = rng.choice([0, 0.1]), rng.choice([0, 0.1, 0.3]), [40]

    def happens(chance: float) -> bool:
        left[0] -= rng.random() < chance
        return left[0] > 0 and rng.random() < chance

    def trouble(query):
        if happens(failing):
            raise errors.ServerFailure("boom", status_code=500)
        if "after" in query and happens(refusing):
            raise errors.Unprocessable("unknown cursor", status_code=422)

    def between() -> None:
        churn()
        if happens(0.02):
            raise KeyboardInterrupt

    service.trouble = trouble
    client = client_of(service, page_size=rng.choice([2, 5, 10, 20]))
    resume, frame = None, None
    for _ in range(60):
        sent = len(service.asked)
        try:
            frame = walked(service, AtRandom(rng, between), client, order=order, resume=resume)
            break
        except (errors.LoadError, KeyboardInterrupt):
            resume = client.receipts[-1]
            assert resume.partial.index.is_unique
            assert (resume.rows, resume.requests) == (len(resume.partial), len(service.asked) - sent)
    assert frame is not None
    found = frame.index.tolist()
    assert len(found) == len(set(found))
    assert set(before) - gone <= set(found) <= ever
    stayed = [name for name in found if name in before and name not in gone]
    assert stayed == sorted(stayed, reverse=order == "desc")


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
    owner, name = (walks.Walkers, "done") if moment == "while waiting" else (frames.FrameBuilder, "add")
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
    refused = [query["after"] for query in service.pages_asked if query.get("after") in named]
    assert len(refused) == len(set(refused)) == 2
    assert service.members_asked == []
    assert client.receipts[-1].notices == []


@pytest.mark.parametrize(
    "events",
    [
        errors.Forbidden("no events for this key", status_code=403),
        errors.ServerFailure("down", status_code=500),
        {"data": [{"id": "e1", "data": None}, {"id": "e2"}, {"id": "e3", "data": {"user": "u1"}}]},
        {"data": [{"id": "e1", "data": {**users(1)[0], "id": "u01000far", "directory_id": "d2", **AT}}]},
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
    assert not any(query.get("after") == "u01000far" for query in service.pages_asked)


@pytest.mark.parametrize("path", ["/directory_groups", "/directory_users"])
@pytest.mark.parametrize(
    "answer",
    [
        errors.Forbidden("not for this key", status_code=403),
        errors.ServerFailure("down", status_code=500),
        {"data": [], "list_metadata": {}},
        {"data": [{"id": None}, {"id": 7}, {}], "list_metadata": {"after": None}},
        {"data": [{"id": "far"}], "list_metadata": {"after": "far"}},
        {"data": [{"id": None}], "list_metadata": {"after": "far"}},
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
    for counts in (0, 150, 5000, None, float("inf")):
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
    service, line = Service([]), pieces.Line(known=["a", "c", "e"])
    (edge,) = line.edges()
    page = [service.record(name) for name in "abcdefg"]
    fresh, met = line.sift(edge, page)
    assert [record["id"] for record in fresh] == ["f", "g"]
    assert met is None
    line.keep(edge, page, None, fresh, met)
    assert line.ids() == list("acefg")
    assert line.edges() == []


# Places to go on from -----------------------------------------------------------------------------------


def keeps(line: pieces.Line, edge: pieces.Edge, names: str, cursor: str | None, **odd: Any) -> None:
    """Let a page of rows come in on an edge; ``odd`` is what the record of that name has for an id."""
    page = [{"id": odd.get(name, name), "created_at": CREATED} for name in names]
    line.keep(edge, page, cursor, *line.sift(edge, page))


def three_pieces() -> tuple[pieces.Line, list[pieces.Edge]]:
    """Return a line with rows at both ends and in the middle, and its edges."""
    line = pieces.Line()
    keeps(line, line.edges()[0], "abcdefg", "g")
    line.begin_tail()
    keeps(line, line.edges()[1], "zyxwvut", "t")
    line.learn({"j": (CREATED, "j")}, 26)
    middle = line.begin_middle()
    assert middle is not None
    keeps(line, middle, "klmnopq", "q")
    return line, line.edges()


@pytest.mark.parametrize(
    ("at", "cursors"),
    [
        (0, ["g", "f", "d", "a", None]),
        (1, ["k", "l", "n", "q"]),
        (2, ["q", "p", "n", "k"]),
        (3, ["t", "u", "w", "z", None]),
    ],
)
def test_for_a_deleted_cursor_the_row_next_to_it_is_taken_and_the_far_end_of_its_page_last(at, cursors):
    line, edges = three_pieces()
    asked = [edges[at].cursor]
    for _ in cursors[1:]:
        assert line.step_back(edges[at])
        asked.append(edges[at].cursor)
        assert edges[at].seen == set()
    assert asked == cursors
    assert line.step_back(edges[at]) == (cursors[-1] is not None)  # from the end anew, or forgotten
    assert edges[at].lost == (cursors[-1] is not None)


def test_the_rows_of_a_forgotten_piece_are_new_to_its_neighbours():
    line, edges = three_pieces()
    line.forget(edges[1].piece)
    keeps(line, edges[0], "hijklm", "m")
    assert line.ids() == list("abcdefghijklmtuvwxyz")


def test_rows_without_an_id_are_no_places_to_go_back_to():
    line = pieces.Line()
    (edge,) = line.edges()
    keeps(line, edge, "abcdef", "f", e=None, d=7)
    assert line.step_back(edge)
    assert edge.cursor == "a"


@pytest.mark.parametrize("odd", [None, 7])
def test_a_piece_in_the_middle_goes_back_from_its_first_row_with_an_id(odd):
    line = pieces.Line()
    keeps(line, line.edges()[0], "abc", "c")
    line.begin_tail()
    keeps(line, line.edges()[1], "zyx", "x")
    line.learn({"j": (CREATED, "j")}, 26)
    middle = line.begin_middle()
    assert middle is not None
    keeps(line, middle, "k", "k", k=odd)
    assert middle.piece.back is None
    keeps(line, middle, "lmn", "n", l=odd)
    assert middle.piece.back is not None
    assert middle.piece.back.cursor == "m"


def test_a_piece_in_the_middle_that_finds_nothing_is_forgotten():
    line, _ = three_pieces()
    line.learn({"r": (CREATED, "r")}, 26)
    middle = line.begin_middle()
    assert middle is not None
    line.keep(middle, [], None, [], None)
    assert len(line.pieces) == 3


def test_nothing_is_begun_in_the_middle_before_rows_of_both_ends_are_there():
    line = pieces.Line()
    assert not line.has_both_ends()
    keeps(line, line.edges()[0], "abc", "c")
    assert not line.has_both_ends()
    line.begin_tail()
    assert not line.has_both_ends()
    line.learn({"j": (CREATED, "j")}, 26)
    assert line.begin_middle() is None
    keeps(line, line.edges()[1], "zyx", "x")
    assert line.has_both_ends()
    assert line.begin_middle() is not None


class TailLast(walks.Walkers):
    """Walkers of whom the one at the other end takes his time."""

    def __init__(self) -> None:
        super().__init__()
        self.waiting: list[tuple[Any, Callable[[], Any]]] = []

    def send(self, errand, job):
        self.waiting.append((errand, job))

    def done(self):
        patient = [one for one in self.waiting if not (isinstance(one[0], pieces.Edge) and not one[0].onward)]
        errand, job = (patient or self.waiting)[0]
        self.waiting.remove((errand, job))
        return [(errand, outcome(job))]


def test_a_late_page_of_the_other_end_is_not_taken_for_rows_before_the_middle(walked):
    """Where the service begins anew at a cursor it does not know, as that of a row deleted meanwhile."""
    service = Service(people(600), 1.5, random.Random(4).sample(people(600), 40))
    service.strict, deleted = False, []

    def trouble(query):
        if query.get("order") == "desc" and query.get("after") in service.names and len(deleted) < 3:
            deleted.append(query["after"])
            service.names.remove(query["after"])

    service.trouble = trouble
    found = walked(service, TailLast(), client_of(service, page_size=10)).index.tolist()
    assert set(people(600)) - set(deleted) <= set(found)
    assert [name for name in found if name not in deleted] == service.names


@pytest.mark.parametrize(
    ("places", "order"), [("", ["g", "q", "k", "t", None]), ("rs", ["q", "t", "g", "k", None])]
)
def test_the_widest_gap_comes_first_and_one_with_known_places_before_it(places, order):
    """Those places tell better than the keys where rows are; where both are alike, walkers spread."""
    line, _ = three_pieces()
    line.learn({place: (CREATED, place) for place in places}, 26)
    sent = []
    for _ in order:
        edge = line.free_edge(None, 7)
        sent.append(edge and edge.cursor)
        if edge is not None:
            edge.busy = True
    assert sent == order


def test_a_piece_is_begun_where_most_places_are_known_and_in_the_middle_of_them():
    line, _ = three_pieces()
    line.learn({place: (CREATED, place) for place in "hrs"}, 26)
    begun = [line.begin_middle(), line.begin_middle(), line.begin_middle()]
    assert [edge and edge.cursor for edge in begun] == ["s", "h", None]


def test_places_are_looked_for_between_the_pieces_in_either_order():
    line = pieces.Line(descending=True)
    keeps(line, line.edges()[0], "yx", "x")
    line.begin_tail()
    keeps(line, line.edges()[1], "bc", "c")
    line.learn({place: (CREATED, place) for place in "zamk"}, 26)
    begun = [line.begin_middle(), line.begin_middle(), line.begin_middle()]
    assert [edge and edge.cursor for edge in begun] == ["k", None, None]
    keeps(line, line.edges()[1], "ji", "i")
    assert line.begin_middle().cursor == "m"


def test_a_place_that_was_read_meanwhile_is_none_any_more():
    line, edges = three_pieces()
    line.learn({"h": (CREATED, "r")}, 26)  # its time misleads
    keeps(line, edges[0], "hi", "i")
    assert line.begin_middle() is None


@pytest.mark.parametrize(("met", "kept"), [(7, 13), (8, 2)])
def test_of_places_that_crowd_where_the_walk_has_been_only_those_far_from_both_ends_are_kept(met, kept):
    """A ninth of the list is read: 2.2 of twenty places are expected there, and up to seven may be."""
    names = [f"{number:026}" for number in range(900)]
    line = pieces.Line()
    line.begin_tail()
    for edge, read in zip(line.edges(), (names[:50], names[:-51:-1]), strict=True):
        page = [{"id": name, "created_at": CREATED} for name in read]
        line.keep(edge, page, read[-1], page, None)
    spread = [*range(60, 60 + 18 - met), 400, 500]
    places = names[:met] + [names[place] for place in spread]
    assert line.learn({name: (CREATED, name) for name in places}, 900)
    assert len(line.middles) == kept
    assert {names[400], names[500]} <= line.middles.keys()


def test_ends_that_spell_the_same_number_are_no_way_apart():
    """Ids that differ in case or in a sign alone: nothing can be guessed from them, and nothing breaks."""
    line = line_between("u-1", "U_1")
    assert line.way((CREATED, "u5")) is None
    assert not line.is_near((CREATED, "u5"))


def line_between(first: str, last: str) -> pieces.Line:
    """Return a line of which one row at each end is known."""
    line = pieces.Line()
    line.begin_tail()
    for edge, name in zip(line.edges(), (first, last), strict=True):
        page = [{"id": name, "created_at": CREATED}]
        line.keep(edge, page, name, page, None)
    return line


def test_a_crowd_next_to_the_walk_is_of_no_use():
    line = pieces.Line()
    line.begin_tail()
    for edge, letters in zip(line.edges(), ("abcd", "zyxw"), strict=True):
        keeps(line, edge, letters, letters[-1])
    assert not line.learn({name: (CREATED, name) for name in "abcefg"}, 200)
    assert line.middles == {}


def test_a_client_with_a_cap_refuses_to_go_on_with_what_it_could_not_cut(walked):
    service = Service(people(1000), 0.6)
    service.trouble = failing_after(6, service)
    client = client_of(service)
    with pytest.raises(errors.ServerFailure):
        walked(service, Timed(service), client)
    broken = client.receipts[-1]
    service.trouble = lambda query: None
    for cap in ("max_rows", "max_pages"):
        with pytest.raises(errors.ArgumentError, match="without them"):
            walked(service, Timed(service), client_of(service, **{cap: 5}), resume=broken)
    assert walked(service, Timed(service), client, resume=broken).index.tolist() == people(1000)


def test_a_load_that_broke_before_the_places_came_asks_for_them_on_resuming(walked):
    service = Service(people(4000), 0.6, groups={"g1": people(4000)[::80]})
    service.trouble = failing_after(1, service)
    client = client_of(service)
    with pytest.raises(errors.ServerFailure):
        walked(service, Timed(service), client)
    service.trouble = lambda query: None
    assert walked(service, Timed(service), client, resume=client.receipts[-1]).index.tolist() == people(4000)
    assert len(service.members_asked) == 1


def failing_after(count: int, service: Service) -> Callable[[dict[str, Any]], None]:
    """Let everything fail once so many requests have been answered."""

    def trouble(query):
        if len(service.asked) > count:
            raise errors.ServerFailure("down", status_code=500)

    return trouble


# Patience and its end -----------------------------------------------------------------------------------


def test_a_walk_whose_every_cursor_is_refused_gives_up_and_can_be_resumed(walked):
    """Twelve steps back, as a plain walk; and a resumed load has as many again."""
    service, refusing = Service(people(1000), 0.05), [True]

    def trouble(query):
        if "after" in query and refusing[0]:
            raise errors.Unprocessable("unknown cursor", status_code=422)

    service.trouble = trouble
    client, resume = client_of(service), None
    for _ in range(2):
        sent = len(service.asked)
        with pytest.raises(errors.Unprocessable):
            walked(service, Timed(service), client, resume=resume)
        resume = client.receipts[-1]
        assert len([query for query in service.asked[sent:] if "after" in query]) == MAX_STEPS_BACK + 1
        assert len(resume.notices) == 1
    refusing[0] = False
    assert walked(service, Timed(service), client, resume=resume).index.tolist() == people(1000)


def test_a_load_that_is_refused_at_once_is_not_tried_again(walked):
    service = Service(people(1000), 0.6)

    def trouble(query):
        raise errors.Unprocessable("no such directory", status_code=422)

    service.trouble = trouble
    client = client_of(service)
    with pytest.raises(errors.Unprocessable):
        walked(service, Timed(service), client)
    assert len(service.asked) == 1
    assert client.receipts[-1].notices == []


def test_a_load_that_broke_over_a_cursor_that_came_twice_can_be_resumed(walked):
    """A service that begins anew at the cursor of a deleted row leads round in a circle, once."""
    service = Service(people(1000), 0.05)
    service.strict = False

    def trouble(query):
        if query.get("after") == "u00499" and "u00499" in service.names:
            service.names.remove("u00499")

    service.trouble = trouble
    client = client_of(service)
    with pytest.raises(errors.CursorStuck):
        walked(service, Timed(service), client)
    frame = walked(service, Timed(service), client, resume=client.receipts[-1])
    assert frame.index.tolist() == people(1000)  # its row was read before it went


def fails_behind(cursor: str) -> Callable[[dict[str, Any]], None]:
    """Let every request for the page behind a row fail."""

    def trouble(query):
        if query.get("after") == cursor:
            raise errors.ServerFailure("boom", status_code=500)

    return trouble


def test_a_page_that_fails_is_no_error_where_another_walker_brings_its_rows(walked):
    service = Service(people(150), 0.6)
    service.trouble = fails_behind("u00099")
    client = client_of(service)
    assert walked(service, Timed(service), client).index.tolist() == people(150)
    assert client.receipts[-1].complete


def test_after_a_page_that_failed_nothing_more_is_asked_and_it_is_the_error_raised(walked):
    service = Service(people(1000), 0.6)
    service.trouble = fails_behind("u00099")
    with pytest.raises(errors.ServerFailure, match="boom"):
        walked(service, TailLast())
    assert [query.get("after") for query in service.pages_asked] == [None, "u00099"]


def test_a_part_of_a_larger_work_ends_with_the_whole(walked):
    service = Service(people(1000), 0.6)
    whole = Stop()
    service.trouble = lambda query: whole.set() if "after" in query else None
    client = client_of(service).branch(whole)
    with pytest.raises(errors.LoadError, match="given up"):
        walked(service, TailLast(), client)
    assert len(service.pages_asked) == 2
    assert len(client.receipts[-1].partial) == 200


def test_a_walk_that_is_left_ends_what_waits_for_its_turn(walked):
    service = Service(people(1000), 0.6)
    client = client_of(service)
    receipt = client.receipt("users", {"directory_id": "d1"})
    pages, stops = walks.walk_wide(client, receipt, pieces.Line(), None, lambda: Timed(service)), []
    service.get = lambda *args, real=service.get, traffic, **more: (
        stops.append(traffic.stop) or real(*args, traffic=traffic, **more)
    )
    next(pages)
    assert not stops[0].is_set()
    pages.close()
    assert stops[0].is_set()


def test_what_an_interrupt_leaves_half_done_does_not_keep_a_walk_from_its_end(walked):
    """In the middle of joining two pieces, edges may be marked that are still to be walked."""
    service = Service(people(300), 0.6)
    line = pieces.Line()
    client = client_of(service)
    receipt = client.receipt("users", {"directory_id": "d1"})
    pages = walks.walk_wide(client, receipt, line, None, lambda: Timed(service))
    next(pages)
    pages.close()
    for edge in line.edges():
        edge.busy = edge.lost = True

    def trouble(query):
        assert len(service.asked) < 9

    service.trouble = trouble
    list(walks.walk_wide(client, receipt, line, None, lambda: Timed(service)))
    assert line.ids() == people(300)


# Odd answers --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("created", ["9" * 5000, "", None, 7, "2026-05-11T06:42:19Z", "١" * 30])
def test_odd_times_of_creation_cost_no_row(walked, created):
    service = Service(people(1200), 0.6, random.Random(4).sample(people(1200), 20))
    real = service.record
    service.record = lambda name: {**real(name), **({"created_at": created} if name[-1] in "059" else {})}
    assert walked(service, Timed(service)).index.tolist() == people(1200)
    assert len(service.pages_asked) <= 16


def test_a_key_is_a_number_whatever_it_is_made_of():
    early, late = pieces._number((CREATED, "\ud800")), pieces._number(("2026-05-12T00:00:00Z", "u"))
    assert 0 < early < late
    assert pieces._number(("", "")) == 0


def test_events_about_nobody_in_particular_are_no_places(walked):
    service = Service(people(2000), 0.6)
    real = service.answer
    nobody = [{"id": f"e{n}", "data": {**users(1)[0], "id": odd}} for n, odd in enumerate([None, 7, {}])]

    def answer(query):
        if query["path"] == "/events":
            return {"data": nobody, "list_metadata": {"after": None}}
        return real(query)

    service.answer = answer
    walked(service, Timed(service), order="desc")
    cursors = {str(query["after"]) for query in service.pages_asked if "after" in query}
    assert cursors <= set(people(2000))


def test_a_first_page_without_any_id_that_leads_nowhere_leaves_the_list_to_the_other_end(walked):
    service = Service(people(500), 0.6)
    real, record = service.page, service.record
    service.record = lambda name: {**record(name), **({"id": None} if name < "u00100" else {})}

    def page(query):
        if query["order"] == "asc" and "after" in query:
            return {"data": [], "list_metadata": {"after": None}}
        return real(query)

    service.page = page
    frame = walked(service, Timed(service))
    assert frame.index.dropna().tolist() == people(500)[100:]
    assert frame.index.isna().sum() >= 100
