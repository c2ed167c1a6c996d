from __future__ import annotations

import asyncio
import threading
import time

import pytest

from dirsync_nb.widgets._base import jobs as jobs_module
from dirsync_nb.widgets._base.jobs import Jobs, Stopped


def test_without_a_loop_the_work_is_done_in_place():
    heard = []
    Jobs(lambda _: None).run("load", lambda _: 7, heard.append, heard.append)
    assert heard == [7]


def test_what_the_work_raises_is_handed_over_and_not_lost():
    heard = []
    Jobs(lambda _: None).run("load", lambda _: 1 / 0, heard.append, heard.append)
    assert isinstance(heard[0], ZeroDivisionError)


def test_work_runs_on_a_thread_and_its_result_and_progress_come_on_the_loop():
    places = []

    async def cell():
        jobs = Jobs(lambda text: places.append((text, threading.current_thread())))
        ended = asyncio.Event()

        def work(job):
            job.tell("half way")
            time.sleep(0.05)
            return threading.current_thread()

        def done(worker):
            places.append((worker, threading.current_thread()))
            ended.set()

        jobs.run("load", work, done, places.append, patience=0)
        assert jobs.busy
        await asyncio.wait_for(ended.wait(), 5)

    asyncio.run(cell())
    main = threading.main_thread()
    assert places[0] == ("half way", main)
    assert places[1][0] is not main
    assert places[1][1] is main


def test_a_quick_end_is_waited_for_in_the_cell_and_a_slow_one_is_not():
    async def cell():
        jobs, heard = Jobs(lambda _: None), []
        jobs.run("quick", lambda _: "quick", heard.append, heard.append, patience=5)
        assert heard == ["quick"]
        started = time.monotonic()
        jobs.run("slow", lambda job: job.stop.wait(5), heard.append, heard.append, patience=0.05)
        assert time.monotonic() - started < 10
        assert heard == ["quick"]
        jobs.close()

    asyncio.run(cell())


def test_newer_work_of_the_same_name_wins_and_the_older_is_not_heard_of():
    async def cell():
        jobs, heard, gate = Jobs(lambda _: None), [], threading.Event()
        jobs.run("load", lambda _: gate.wait(5) and "old", heard.append, heard.append, patience=0)
        jobs.run("load", lambda _: "new", heard.append, heard.append, patience=5)
        gate.set()
        await asyncio.sleep(0.1)
        assert heard == ["new"]

    asyncio.run(cell())


def test_stop_ends_the_work_at_its_next_page():
    async def cell():
        jobs, heard, pages = Jobs(lambda _: None), [], []

        def work(job):
            for page in range(1000):
                time.sleep(0.01)
                pages.append(page)
                job.check()

        jobs.run("load", work, heard.append, heard.append, patience=0)
        await asyncio.sleep(0.05)
        before = len(pages)
        jobs.stop()
        await asyncio.sleep(0.1)
        assert isinstance(heard[0], Stopped)
        assert len(pages) <= before + 2

    asyncio.run(cell())


def test_later_is_called_once_and_not_after_closing():
    async def cell():
        jobs, heard = Jobs(lambda _: None), []
        jobs.later("poll", 0.01, lambda: heard.append("first"))
        jobs.later("poll", 0.01, lambda: heard.append("second"))
        await asyncio.sleep(0.05)
        jobs.later("poll", 0.01, lambda: heard.append("third"))
        jobs.close()
        await asyncio.sleep(0.05)
        assert heard == ["second"]

    asyncio.run(cell())


def test_a_cell_that_asks_waits_for_the_work_and_what_follows_from_it(monkeypatch):
    monkeypatch.setattr(jobs_module, "running_cell", lambda: ("cell", "run"))

    async def cell():
        jobs, heard = Jobs(lambda _: None), []

        def go_on(found):
            heard.append(found)
            jobs.run("second", lambda _: "second", heard.append, heard.append, patience=0)

        jobs.run("first", lambda job: job.stop.wait(0.05) or "first", go_on, heard.append, patience=0)
        assert heard == []
        jobs.wait()
        assert heard == ["first", "second"]
        await asyncio.sleep(0.01)  # the loop is told as well, and nothing comes twice
        assert heard == ["first", "second"]
        jobs.close()

    asyncio.run(cell())


def test_a_callback_waits_for_nothing(monkeypatch):
    async def callback():
        jobs, heard = Jobs(lambda _: None), []
        jobs.run("load", lambda job: job.stop.wait(5), heard.append, heard.append, patience=0)
        jobs.wait()
        assert heard == []
        assert jobs.busy
        jobs.close()

    asyncio.run(callback())


def test_whoever_interrupts_the_waiting_stops_the_work(monkeypatch):
    monkeypatch.setattr(jobs_module, "running_cell", lambda: ("cell", "run"))

    async def cell():
        jobs, heard = Jobs(lambda _: None), []
        jobs.run("load", lambda job: job.stop.wait(5), heard.append, heard.append, patience=0)
        (job,) = jobs._running.values()
        wait = job.ended.wait
        job.ended.wait = lambda _: (_ for _ in ()).throw(KeyboardInterrupt)
        with pytest.raises(KeyboardInterrupt):
            jobs.wait()
        assert wait(5)
        jobs.close()

    asyncio.run(cell())
