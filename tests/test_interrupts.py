"""Ctrl-C at any moment: it stays a KeyboardInterrupt, no row is wrong or lost, nothing is left switched off."""

from __future__ import annotations

import gc
import os
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

import dirsync_nb as ds
from dirsync_nb.client import DirectoryClient, Pacer, Transport
from dirsync_nb.load import session
from dirsync_nb.sync import snapshot

ROUNDS = int(os.environ.get("DIRSYNC_INTERRUPTS", "5"))  # of each kind; 100 on demand, which makes 500

pytestmark = [
    pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="no signals to one thread"),
    # Python itself drops an interrupt that comes while it calls a weak reference's callback.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture
def quick(shared_sandbox: Any) -> Iterator[DirectoryClient]:
    """A client with small pages and a limit that lets a list be read from both ends."""
    pacer = Pacer(per_directory=2000, per_key=None)
    transport = Transport(shared_sandbox.url, shared_sandbox.api_key, pacer=pacer)
    with DirectoryClient(transport, page_size=10) as client:
        yield client


@contextmanager
def ctrl_c(seconds: float) -> Iterator[None]:
    """Press Ctrl-C after so many seconds, if the body is not over by then."""
    over = False

    def pressed(*_: object) -> None:
        if not over:
            raise KeyboardInterrupt

    main = threading.main_thread().ident
    assert main is not None
    before = signal.signal(signal.SIGINT, pressed)
    finger = threading.Timer(seconds, signal.pthread_kill, (main, signal.SIGINT))
    finger.start()
    try:
        yield
    finally:
        over = True
        finger.cancel()
        finger.join()
        signal.signal(signal.SIGINT, before)


class Desk:
    """One piece of work, interrupted again and again, each time going on from where it was."""

    def __init__(self, work: Callable[[], Any]) -> None:
        started = time.monotonic()
        work()
        self.seconds = time.monotonic() - started
        self.chance = random.Random(ROUNDS)
        self.interrupts = 0

    def wants_more(self) -> bool:
        return self.interrupts < ROUNDS

    def interrupted(self, work: Callable[..., Any], **how: Any) -> list[Any]:
        """Do a work until somebody presses Ctrl-C; give what it gave, if it came to its end."""
        done: list[Any] = []
        seconds = self.chance.uniform(0, 1.1 * self.seconds)
        try:
            with ctrl_c(seconds):
                done.append(work(**how))
        except KeyboardInterrupt:
            self.interrupts += 1
        assert gc.isenabled()
        return done


def check_part(part: pd.DataFrame, whole: pd.DataFrame) -> None:
    """Hold a partial frame against the whole one: some of its rows, each once, each as it is."""
    assert part.attrs["incomplete"]
    if part.index.name is None:
        pairs, every = (set(frame[["user_id", "group_id"]].itertuples(index=False)) for frame in (part, whole))
        assert len(pairs) == len(part)
        assert pairs <= every
        return
    assert part.index.is_unique
    same(part, whole.loc[part.index])


def same(ours: pd.DataFrame, theirs: pd.DataFrame) -> None:
    """Hold two frames against each other; states seen in a part only are no difference."""
    kinds = {name: "str" for name in theirs if isinstance(theirs[name].dtype, pd.CategoricalDtype)}
    pd.testing.assert_frame_equal(ours.astype(kinds), theirs.astype(kinds))


LOADS: dict[str, Callable[..., pd.DataFrame]] = {
    "users": ds.load_users,
    "memberships": ds.load_memberships,
    "several directories": ds.load_users,
}


@pytest.mark.parametrize("what", LOADS)
def test_a_load_interrupted_at_any_moment_keeps_its_rows_and_goes_on(quick, okta, what):
    """DIRSYNC_INTERRUPTS=100 for more."""
    directory_id = list(ds.load_directories(quick).index) if what == "several directories" else okta
    load = LOADS[what]
    truth = load(quick, directory_id=directory_id)
    work = partial(load, quick, directory_id=directory_id)
    desk = Desk(work)
    receipt, goes_on, lost = None, 0, 0
    while desk.wants_more():
        quick.receipts.clear()
        done = desk.interrupted(work, resume=receipt)
        if done:
            same(done[0], truth)
            receipt = None
            continue
        if not quick.receipts:  # before it began
            continue
        receipt = quick.receipts[-1]
        if receipt.complete:  # interrupted on the way back: the rows are there all the same
            lost += receipt.whole is None
            if receipt.whole is not None:
                same(receipt.whole, truth)
            receipt = None
            continue
        goes_on += len(receipt.partial) > 0
        check_part(receipt.partial, truth)
    same(work(resume=receipt), truth)
    print(f"{desk.interrupts} interrupts, {goes_on} of them with rows to go on from, {lost} just after the end")
    # A few steps of the interpreter remain between the end of the call and the name that the frame is given.
    assert lost <= ROUNDS // 50


def test_an_interrupt_on_the_way_back_leaves_the_rows_on_the_receipt(quick, okta, monkeypatch):
    truth, begins = ds.load_users(quick, okta), iter([0.0])

    def clock():
        for moment in begins:
            return moment
        raise KeyboardInterrupt  # as the load, complete already, notes how long it took

    monkeypatch.setattr(session, "time", SimpleNamespace(monotonic=clock))
    with pytest.raises(KeyboardInterrupt):
        ds.load_users(quick, okta)
    monkeypatch.undo()
    assert quick.receipts[-1].complete
    same(quick.receipts[-1].whole, truth)
    with pytest.raises(ds.errors.ArgumentError, match=r"its rows are in its \.whole"):
        ds.load_users(quick, okta, resume=quick.receipts[-1])


def test_a_snapshot_interrupted_at_any_moment_is_whole_or_goes_on(quick, okta, tmp_path):
    path = tmp_path / "okta.snapshot"
    truth = snapshot.take_snapshot(quick, directory_id=okta)

    def take() -> snapshot.Snapshot:
        return snapshot.take_snapshot(quick, directory_id=okta, path=path)

    desk, begun = Desk(take), 0
    while desk.wants_more():
        path.unlink(missing_ok=True)
        done = desk.interrupted(take)
        begun += Path(f"{path}.loading").exists()
        for one in [*done, *([snapshot.open_snapshot(path)] if path.exists() else [])]:
            check_snapshot(one, truth)
    check_snapshot(take(), truth)
    print(f"{desk.interrupts} interrupts, {begun} of them with a beginning to go on from")
    assert sorted(one.name for one in tmp_path.iterdir()) == [path.name]


def check_snapshot(one: snapshot.Snapshot, truth: snapshot.Snapshot) -> None:
    for name in snapshot.FRAMES:
        left, right = getattr(one, name), getattr(truth, name)
        if name == "memberships":
            keys = ["group_id", "user_id"]
            left, right = (frame.sort_values(keys, ignore_index=True) for frame in (left, right))
        same(left, right)


def test_following_interrupted_at_any_moment_misses_no_event(quick, tmp_path):
    keep, every = tmp_path / "place.json", list(ds.load_events(quick).index)
    seen: list[str] = []

    def follow() -> None:
        follower = ds.follow_events(quick, keep=keep, every=0.001, slowest=0.001)
        if follower.after == every[-1]:  # interrupted just after the last one
            return
        for batch in follower:
            seen.extend(batch.index)
            if seen[-1] == every[-1]:
                follower.stop()

    def begin() -> None:
        keep.unlink(missing_ok=True)
        seen.clear()

    begin()
    desk = Desk(follow)
    assert seen == every
    begin()
    while desk.wants_more():
        if desk.interrupted(follow):
            assert list(dict.fromkeys(seen)) == every
            begin()
    follow()
    assert list(dict.fromkeys(seen)) == every
    print(f"{desk.interrupts} interrupts; {len(seen) - len(every)} events came twice, none is missing")
