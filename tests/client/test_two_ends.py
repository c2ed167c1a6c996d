"""One list, read from both ends at once: right rows, order and cost, whatever happens on the way."""

from __future__ import annotations

import bisect
import heapq
import os
import random
import threading
from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest

import dirsync_nb as ds
from dirsync_nb import errors, frames
from dirsync_nb.client import DirectoryClient, Pacer, read_list, two_ended
from dirsync_nb.client.segments import MAX_STEPS_BACK, Segment, SegmentList
from dirsync_nb.client.transport import Traffic
from dirsync_nb.client.waiting import Stop

from ..foreign import users

SEEDS = int(
    os.environ.get("DIRSYNC_LISTS", "90")
)  # lists that change while they are read; 3,000: 5 minutes of CPU
CREATED = "2026-05-11T06:42:19.305Z"


class Service:
    """The lists of one directory in memory, paged as documented; also a transport, so that no byte travels.

    ``latency`` is added to the clock with each request; ``trouble`` may raise before an answer is given.
    """

    def __init__(
        self,
        names: list[str],
        latency: float = 0.0,
        groups: dict[str, list[str]] | None = None,
    ) -> None:
        self.names = sorted(names)
        self.latency = latency
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
        return self.page(query)

    def page(self, query: dict[str, Any]) -> Any:
        names = sorted(self.groups.get(query["group"], [])) if "group" in query else self.names
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
        return {**users(1)[0], "id": name, "directory_id": "d1", "created_at": CREATED}

    @property
    def pages_asked(self) -> list[dict[str, Any]]:
        """Requests for the list itself."""
        return [query for query in self.asked if query["path"] == "/directory_users"]


class Timed(two_ended.Readers):
    """Readers in a made-up time: four turns a second, and each answer after the service's latency."""

    def __init__(self, service: Service) -> None:
        super().__init__()
        self.service, self.free_at, self.ended = service, 0.0, []
        self.sent: list[float] = []

    def send(self, errand, job):
        service, now = self.service, self.service.now
        if isinstance(errand, Segment):
            service.now = max(now, self.free_at)
            self.sent.append(service.now)
            self.free_at = service.now + 0.2525
        result = outcome(job)
        heapq.heappush(self.ended, (service.now, len(service.asked), errand, result))
        service.now = now

    def done(self):
        self.service.now, _, errand, result = heapq.heappop(self.ended)
        return [(errand, result)]


class AtRandom(two_ended.Readers):
    """Readers whose requests are answered, and whose answers arrive, at moments that a seed decides."""

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
def loaded(monkeypatch):
    """Load users with the readers of a test."""

    def load(
        service: Service, readers: two_ended.Readers | None = None, client=None, **given: Any
    ) -> pd.DataFrame:
        with monkeypatch.context() as patch:
            if readers is not None:
                patch.setattr(two_ended, "Readers", lambda: readers)
            return ds.load_users(client or client_of(service), **{"directory_id": "d1", **given})

    return load


def people(count: int) -> list[str]:
    return [f"u{number:05}" for number in range(count)]


# The ceiling --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("latency", "wall"), [(0.05, 9.95), (0.3, 10.46), (0.6, 12.9)])
def test_a_directory_of_4000_is_read_as_fast_as_two_readers_can(loaded, latency, wall):
    """Forty pages at four a second, in made-up time."""
    service = Service(people(4000), latency)
    readers = Timed(service)
    frame = loaded(service, readers)
    assert frame.index.tolist() == people(4000)
    assert service.now <= wall
    answered = [moment + latency for moment in readers.sent if moment + latency > 1.0]
    assert len(answered) / (service.now - 1.0) >= 0.97 * min(4, 2 / latency)
    assert len(service.pages_asked) <= 41


@pytest.mark.parametrize("latency", [0.05, 0.3, 0.6])
@pytest.mark.parametrize("count", [0, 1, 27, 99, 100])
def test_a_small_directory_costs_one_request_however_slow(loaded, count, latency):
    service = Service(people(count), latency)
    assert loaded(service, Timed(service)).index.tolist() == people(count)
    assert len(service.pages_asked) == 1
    assert len(service.asked) == 1 + (count == 100)  # a full page may be cut short: its count is asked for


@pytest.mark.parametrize("count", [101, 150, 199, 200, 201, 250, 300, 399, 400, 401, 1000, 1050])
@pytest.mark.parametrize("order", ["asc", "desc"])
def test_two_ends_cost_at_most_one_page_more_than_one(loaded, count, order):
    service = Service(people(count), 0.3)
    client = client_of(service)
    frame = loaded(service, Timed(service), client, order=order)
    assert frame.index.tolist() == sorted(people(count), reverse=order == "desc")
    pages = -(-count // 100)
    receipt = client.receipts[-1]
    assert pages <= len(service.pages_asked) <= pages + 1
    assert receipt.requests == len(service.asked) <= pages + 2  # one asks how many there are
    assert (receipt.pages, receipt.rows, receipt.complete) == (len(service.pages_asked), count, True)
    assert receipt.seconds > 0
    assert receipt.duplicates == sum(map(len_of(service), service.pages_asked)) - count


@pytest.mark.parametrize("latency", [0.05, 0.6])
@pytest.mark.parametrize("count", [101, 150, 200])
@pytest.mark.parametrize("known", ["expected", "most"])
def test_a_list_of_two_pages_costs_two_requests_where_its_size_is_known_or_bounded(
    monkeypatch, count, latency, known
):
    service = Service(people(count), latency)
    context = client_of(service).context
    monkeypatch.setattr(two_ended, "Readers", lambda: Timed(service))
    size = {"expected": count} if known == "expected" else {"most": 1000}
    receipt = context.open("users", {"directory_id": "d1"})
    pages = read_list(context, receipt, SegmentList(), **size)
    assert [row["id"] for page in pages for row in page] == people(count)
    assert len(service.asked) == receipt.requests == 2


@pytest.mark.parametrize("known", [0, 100, 450, 5000])
def test_a_size_that_is_wrong_costs_no_row(monkeypatch, known):
    for size in ({"expected": known}, {"most": known}):
        service = Service(people(1234), 0.6)
        context = client_of(service).context
        monkeypatch.setattr(two_ended, "Readers", lambda made=service: Timed(made))
        segments = SegmentList()
        list(read_list(context, context.open("users", {"directory_id": "d1"}), segments, **size))
        assert segments.ids() == people(1234)
        assert len(service.asked) <= 18


def len_of(service: Service) -> Callable[[dict[str, Any]], int]:
    return lambda query: len(service.page(query)["data"])


def test_quick_answers_are_read_from_one_end(loaded):
    service = Service(people(1000), 0.05)
    loaded(service, Timed(service))
    assert {query["order"] for query in service.pages_asked} == {"asc"}
    assert len(service.pages_asked) == 10


def test_pauses_are_no_latency_and_stand_on_the_receipt(loaded):
    service = Service(people(1000), 0.05)
    real = service.get

    def get(*args, traffic, **more):
        service.now += 0.5
        traffic.note_wait("429", 0.5)
        return real(*args, traffic=traffic, **more)

    service.get = get
    client = client_of(service)
    loaded(service, Timed(service), client)
    assert {query["order"] for query in service.pages_asked} == {"asc"}
    assert client.receipts[-1].seconds_waited == 5.5  # ten pages, and the service's own count


@pytest.mark.parametrize("settings", [{"max_rows": 5000}, {"max_pages": 50}])
def test_a_list_with_a_cap_is_read_from_one_end(loaded, settings):
    service = Service(people(1000), 0.6)
    loaded(service, client=client_of(service, **settings))
    assert {query["order"] for query in service.pages_asked} == {"asc"}


@pytest.mark.parametrize("given", [{"order": "normal"}, {}])
def test_without_limits_and_in_the_order_normal_a_list_is_read_from_one_end(loaded, given):
    service = Service(people(50 if given else 300), 0.6)
    service.pacer = service.pacer if given else Pacer.unlimited()
    loaded(service, **given)
    assert {query["order"] for query in service.pages_asked} == {given.get("order", "asc")}


def test_any_ordered_list_can_be_read_from_both_ends(loaded):
    service = Service(people(500), 0.6, groups={"g1": people(500)})
    frame = loaded(service, Timed(service), directory_id=None, group_id="g1")
    assert frame.index.tolist() == people(500)
    assert {query["order"] for query in service.pages_asked} == {"asc", "desc"}
    assert all(query["path"] == "/directory_users" for query in service.asked)  # no total


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


@pytest.mark.parametrize("seed", range(SEEDS))
def test_whoever_stayed_is_there_once_in_order_whoever_comes_and_goes(loaded, seed):
    rng = random.Random(seed)
    order = rng.choice(["asc", "desc"])
    before = sorted(f"u{number:05}" for number in rng.sample(range(100_000), rng.randrange(1, 260)))
    service = Service(before, rng.choice([0.3, 0.6, 1.5]))
    service.strict = rng.random() < 0.7  # or a service that begins anew at a cursor it does not know
    service.counts = rng.choice([None, len(before), rng.randrange(500)])
    between, ever, gone = churning(rng, service)
    readers = AtRandom(rng, between)
    client = client_of(service, page_size=rng.choice([2, 5, 10, 20]))
    try:
        found = loaded(service, readers, client, order=order).index.tolist()
    except (errors.Unprocessable, errors.CursorStuck):
        # So many cursors deleted one after another that the reading gave up, as from one end.
        assert not client.receipts[-1].complete
        assert gone
        return
    assert len(found) == len(set(found))
    assert set(before) - gone <= set(found) <= ever
    stayed = [name for name in found if name in before and name not in gone]
    assert stayed == sorted(stayed, reverse=order == "desc")


@pytest.mark.parametrize("seed", range(SEEDS // 3))
def test_a_list_that_stands_still_is_read_exactly_as_from_one_end(loaded, seed):
    rng = random.Random(seed)
    names = sorted(f"u{number:05}" for number in rng.sample(range(100_000), rng.randrange(1, 400)))
    order = rng.choice(["asc", "desc"])
    service = Service(names, rng.choice([0.3, 0.6, 1.5]))
    client = client_of(service, page_size=rng.choice([2, 5, 10, 20]))
    wide = loaded(service, AtRandom(rng), client, order=order)
    receipt = client.receipts[-1]
    assert receipt.requests == len(service.asked)
    if receipt.pages == len(service.pages_asked):  # else an answer came after everything was there
        assert receipt.duplicates + receipt.rows == sum(map(len_of(service), service.pages_asked))
    service.pacer = Pacer.unlimited()
    pd.testing.assert_frame_equal(wide, loaded(service, client=client, order=order))


@pytest.mark.parametrize("seed", range(SEEDS // 2))
def test_whatever_breaks_a_load_and_however_often_resuming_it_ends_with_every_row_once(loaded, seed):
    """Rows come and go, pages fail, cursors are refused, and the person at the keyboard interrupts."""
    rng = random.Random(seed)
    order = rng.choice(["asc", "desc"])
    before = sorted(f"u{number:05}" for number in rng.sample(range(100_000), rng.randrange(1, 200)))
    service = Service(before, rng.choice([0.3, 0.6, 1.5]))
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
            frame = loaded(service, AtRandom(rng, between), client, order=order, resume=resume)
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
def test_a_page_that_fails_for_good_leaves_both_ends_and_a_way_on(loaded, order):
    """HTTP-09, read from two ends: whatever was read is kept, and resuming reads only the rest."""
    service, broken = Service(people(1200), 0.3), [True]

    def trouble(query):
        if broken[0] and query.get("after") == "u00499" and query["order"] == "asc":
            raise errors.ServerFailure("boom", status_code=500)

    service.trouble = trouble
    client = client_of(service)
    with pytest.raises(errors.ServerFailure, match="boom") as caught:
        loaded(service, Timed(service), client, order=order)
    receipt = client.receipts[-1]
    kept = receipt.partial.index.tolist()
    assert caught.value.partial is receipt.partial
    assert "incomplete" in receipt.partial.attrs
    assert {"u00000", "u01199"} <= set(kept)
    assert kept == sorted(kept, reverse=order == "desc")
    assert len(kept) == receipt.rows >= 900
    broken[0], sent = False, len(service.pages_asked)
    frame = loaded(service, Timed(service), client, order=order, resume=receipt)
    assert frame.index.tolist() == sorted(people(1200), reverse=order == "desc")
    assert len(service.pages_asked) - sent <= 4
    assert "incomplete" not in frame.attrs


@pytest.mark.parametrize("moment", ["while waiting", "while packing"])
@pytest.mark.parametrize("turn", [2, 3, 5])
def test_an_interrupt_ends_all_readers_and_loses_no_page_that_was_kept(loaded, monkeypatch, moment, turn):
    """HTTP-10: and nothing more is asked afterwards."""
    service = Service(people(1200), 0.6)
    client = client_of(service)
    owner, name = (two_ended.Readers, "done") if moment == "while waiting" else (frames.FrameBuilder, "add")
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
    frame = loaded(service, client=client, resume=receipt)
    assert frame.index.tolist() == people(1200)
    assert threading.active_count() == threads


def test_a_load_from_one_end_that_broke_goes_on_from_two(loaded):
    service, broken = Service(people(1000), 0.05), [True]

    def trouble(query):
        if broken[0] and query.get("after") == "u00299":
            raise errors.ServerFailure("boom", status_code=500)

    service.trouble = trouble
    client = client_of(service, max_pages=50)
    with pytest.raises(errors.ServerFailure):
        loaded(service, client=client)
    receipt, sent = client.receipts[-1], len(service.pages_asked)
    broken[0], client.max_pages, service.latency = False, None, 0.6
    assert loaded(service, Timed(service), client, resume=receipt).index.tolist() == people(1000)
    assert "desc" in {query["order"] for query in service.pages_asked}
    assert len(service.pages_asked) - sent <= 8


@pytest.mark.parametrize("order", ["asc", "desc"])
def test_a_cursor_that_stands_still_on_one_side_is_an_error(loaded, order):
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
        loaded(service, Timed(service), client)
    partial = client.receipts[-1].partial
    assert partial.index.is_unique
    assert len(partial) < 2000
    assert len(service.asked) < 20


def test_a_reading_in_a_circle_on_one_side_ends(loaded):
    service = Service(people(3000), 0.6)
    real = service.page

    def page(query):
        answer = real(query)
        if query["order"] == "desc" and query.get("after") == "u02800":
            answer["list_metadata"]["after"] = "u02900"
        return answer

    service.page = page
    with pytest.raises(errors.CursorStuck):
        loaded(service, Timed(service))


@pytest.mark.parametrize("order", ["asc", "desc"])
def test_rows_that_come_again_on_the_next_page_are_counted_and_dropped_on_both_sides(loaded, order):
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
    frame = loaded(service, Timed(service), client, order=order)
    assert frame.index.tolist() == sorted(people(1250), reverse=order == "desc")
    assert client.receipts[-1].duplicates >= 30


@pytest.mark.parametrize("order", ["asc", "desc"])
def test_an_end_that_is_none_on_one_side_is_not_the_end_for_the_other(loaded, order):
    service = Service(people(2000), 0.6)
    real = service.page

    def page(query):
        if query["order"] == order and query.get("after", "")[-3:] in ("399", "600"):
            return {"data": [], "list_metadata": {"after": None}}
        return real(query)

    service.page = page
    assert loaded(service, Timed(service)).index.tolist() == people(2000)


@pytest.mark.parametrize("latency", [0.05, 0.6])
@pytest.mark.parametrize("order", ["asc", "desc"])
def test_an_empty_page_with_a_new_cursor_is_not_the_end(loaded, order, latency):
    service = Service(people(1000), latency)
    real = service.page

    def page(query):
        after = query.get("after", "")
        if query["order"] == order and after[-3:] in ("399", "600"):
            return {"data": [], "list_metadata": {"after": f"{after}+"}}
        return real({**query, "after": after.rstrip("+")} if after else query)

    service.page = page
    client = client_of(service)
    assert loaded(service, Timed(service), client).index.tolist() == people(1000)
    assert client.receipts[-1].complete


def test_empty_pages_under_ever_new_cursors_end_with_the_rows_kept(loaded):
    service = Service(people(300), 0.05)
    real, cursors = service.page, iter(range(10_000))

    def page(query):
        if "after" in query:
            return {"data": [], "list_metadata": {"after": f"next{next(cursors)}"}}
        return real(query)

    service.page = page
    client = client_of(service)
    with pytest.raises(errors.CursorStuck, match="10 empty pages in a row"):
        loaded(service, Timed(service), client)
    assert len(service.asked) == 11
    assert client.receipts[-1].partial.index.tolist() == people(100)
    assert not client.receipts[-1].complete


@pytest.mark.parametrize("latency", [0.05, 0.6])
def test_the_same_rows_under_ever_new_cursors_end_within_a_few_requests(loaded, latency):
    service = Service(people(300), latency)
    real, cursors = service.page, iter(range(10_000))

    def page(query):
        first = real(
            {**query, "order": "asc", "after": "u00099"} if "after" in query else {**query, "order": "asc"}
        )
        return {**first, "list_metadata": {"after": f"next{next(cursors)}"}}

    service.page = page
    client = client_of(service)
    with pytest.raises(errors.CursorStuck, match="rows that were read before"):
        loaded(service, Timed(service), client)
    assert len(service.asked) <= 12
    assert not client.receipts[-1].complete


def test_a_service_that_lists_in_one_order_only_is_read_from_the_start(loaded):
    service = Service(people(1000), 0.6)
    real = service.page
    service.page = lambda query: real({**query, "order": "asc"})
    client = client_of(service)
    assert loaded(service, Timed(service), client).index.tolist() == people(1000)
    assert client.receipts[-1].rows == 1000


def test_a_single_row_of_the_other_end_that_comes_again_does_not_join_the_two(loaded):
    service = Service(people(2000), 0.6)
    real = service.page

    def page(query):
        answer = real(query)
        if query["order"] == "asc" and query.get("after") == "u00599":
            return {**answer, "data": [*answer["data"], service.record("u01999")]}
        return answer

    service.page = page
    assert set(loaded(service, Timed(service)).index) == set(people(2000))


def test_a_wrong_count_costs_no_row(loaded):
    for counts in (0, 150, 5000, None, float("inf")):
        service = Service(people(1234), 0.6)
        service.counts = counts
        assert loaded(service, Timed(service)).index.tolist() == people(1234)
        assert len(service.pages_asked) <= 18


def test_records_without_an_id_are_kept(loaded):
    service = Service(people(500), 0.3)
    real = service.record
    service.record = lambda name: {**real(name), **({"id": None} if name == "u00250" else {})}
    frame = loaded(service, Timed(service))
    assert frame.index.notna().sum() == 499
    assert frame.index.isna().sum() >= 1


# Places to go on from -----------------------------------------------------------------------------------


class TailLast(two_ended.Readers):
    """Readers of whom the one at the other end takes its time."""

    def __init__(self) -> None:
        super().__init__()
        self.waiting: list[tuple[Any, Callable[[], Any]]] = []

    def send(self, errand, job):
        self.waiting.append((errand, job))

    def done(self):
        patient = [one for one in self.waiting if not (isinstance(one[0], Segment) and not one[0].onward)]
        errand, job = (patient or self.waiting)[0]
        self.waiting.remove((errand, job))
        return [(errand, outcome(job))]


def test_a_client_with_a_cap_refuses_to_go_on_with_what_it_could_not_cut(loaded):
    service = Service(people(1000), 0.6)
    service.trouble = failing_after(6, service)
    client = client_of(service)
    with pytest.raises(errors.ServerFailure):
        loaded(service, Timed(service), client)
    broken = client.receipts[-1]
    service.trouble = lambda query: None
    for cap in ("max_rows", "max_pages"):
        with pytest.raises(errors.ArgumentError, match="without them"):
            loaded(service, Timed(service), client_of(service, **{cap: 5}), resume=broken)
    assert loaded(service, Timed(service), client, resume=broken).index.tolist() == people(1000)


def failing_after(count: int, service: Service) -> Callable[[dict[str, Any]], None]:
    """Let everything fail once so many requests have been answered."""

    def trouble(query):
        if len(service.asked) > count:
            raise errors.ServerFailure("down", status_code=500)

    return trouble


# Patience and its end -----------------------------------------------------------------------------------


def test_a_reading_whose_every_cursor_is_refused_gives_up_and_can_be_resumed(loaded):
    """Twelve steps back, as from one end; and a resumed load has as many again."""
    service, refusing = Service(people(1000), 0.05), [True]

    def trouble(query):
        if "after" in query and refusing[0]:
            raise errors.Unprocessable("unknown cursor", status_code=422)

    service.trouble = trouble
    client, resume = client_of(service), None
    for _ in range(2):
        sent = len(service.asked)
        with pytest.raises(errors.Unprocessable):
            loaded(service, Timed(service), client, resume=resume)
        resume = client.receipts[-1]
        assert len([query for query in service.asked[sent:] if "after" in query]) == MAX_STEPS_BACK + 1
        assert len(resume.notices) == 1
    refusing[0] = False
    assert loaded(service, Timed(service), client, resume=resume).index.tolist() == people(1000)


def test_a_load_that_is_refused_at_once_is_not_tried_again(loaded):
    service = Service(people(1000), 0.6)

    def trouble(query):
        raise errors.Unprocessable("no such directory", status_code=422)

    service.trouble = trouble
    client = client_of(service)
    with pytest.raises(errors.Unprocessable):
        loaded(service, Timed(service), client)
    assert len(service.asked) == 1
    assert client.receipts[-1].notices == []


@pytest.mark.parametrize("latency", [0.05, 0.6])
def test_a_service_that_begins_anew_at_a_deleted_cursor_costs_no_row_and_one_request(loaded, latency):
    service = Service(people(1000), latency)
    service.strict = False

    def trouble(query):
        if query.get("after") in ("u00299", "u00700") and query["after"] in service.names:
            service.names.remove(query["after"])

    service.trouble = trouble
    frame = loaded(service, Timed(service))
    assert frame.index.tolist() == people(1000)  # the rows were read before they went
    assert len(service.pages_asked) <= 13


def fails_behind(cursor: str) -> Callable[[dict[str, Any]], None]:
    """Let every request for the page behind a row fail."""

    def trouble(query):
        if query.get("after") == cursor:
            raise errors.ServerFailure("boom", status_code=500)

    return trouble


def test_a_page_that_fails_is_no_error_where_the_other_end_brings_its_rows(loaded):
    service = Service(people(150), 0.6)
    service.trouble = fails_behind("u00099")
    client = client_of(service)
    assert loaded(service, Timed(service), client).index.tolist() == people(150)
    assert client.receipts[-1].complete


def test_after_a_page_that_failed_nothing_more_is_asked_and_it_is_the_error_raised(loaded):
    service = Service(people(1000), 0.6)
    service.trouble = fails_behind("u00099")
    with pytest.raises(errors.ServerFailure, match="boom"):
        loaded(service, TailLast())
    assert [query.get("after") for query in service.pages_asked] == [None, "u00099"]


def test_a_part_of_a_larger_work_ends_with_the_whole(monkeypatch):
    service = Service(people(1000), 0.6)
    whole = Stop()
    service.trouble = lambda query: whole.set() if "after" in query else None
    context = client_of(service).context.branch(whole)
    receipt, segments = context.open("users", {"directory_id": "d1"}), SegmentList()
    monkeypatch.setattr(two_ended, "Readers", TailLast)
    with pytest.raises(errors.LoadError, match="given up"):
        list(two_ended.read_list(context, receipt, segments))
    assert len(service.pages_asked) == 2
    assert segments.row_count == 200


def test_a_reading_that_is_left_ends_what_waits_for_its_turn(loaded):
    service = Service(people(1000), 0.6)
    client = client_of(service)
    receipt = client.context.open("users", {"directory_id": "d1"})
    pages, stops = two_ended.read_list(client.context, receipt, SegmentList()), []
    service.get = lambda *args, real=service.get, traffic, **more: (
        stops.append(traffic.stop) or real(*args, traffic=traffic, **more)
    )
    next(pages)
    assert not stops[0].is_set()
    pages.close()
    assert stops[0].is_set()


def test_what_an_interrupt_leaves_half_done_does_not_keep_a_reading_from_its_end(loaded):
    """A segment may be marked as under way that is still to be read."""
    service = Service(people(300), 0.6)
    segments = SegmentList()
    client = client_of(service)
    receipt = client.context.open("users", {"directory_id": "d1"})
    pages = two_ended.read_list(client.context, receipt, segments)
    next(pages)
    pages.close()
    for segment in segments.open_segments():
        segment.busy = True

    def trouble(query):
        assert len(service.asked) < 9

    service.trouble = trouble
    list(two_ended.read_list(client.context, receipt, segments))
    assert segments.ids() == people(300)


# Odd answers --------------------------------------------------------------------------------------------


def test_a_first_page_without_any_id_that_leads_nowhere_leaves_the_list_to_the_other_end(loaded):
    service = Service(people(500), 0.6)
    real, record = service.page, service.record
    service.record = lambda name: {**record(name), **({"id": None} if name < "u00100" else {})}

    def page(query):
        if query["order"] == "asc" and "after" in query:
            return {"data": [], "list_metadata": {"after": None}}
        return real(query)

    service.page = page
    frame = loaded(service, Timed(service))
    assert frame.index.dropna().tolist() == people(500)[100:]
    assert frame.index.isna().sum() >= 100
