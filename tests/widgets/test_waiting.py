"""What a widget reads is waited for by the cell that asks, however slow the service is."""

from __future__ import annotations

import asyncio
import contextlib
import threading

import pandas as pd
import pytest

import dirsync_nb as ds
from dirsync_nb import widgets
from dirsync_nb.widgets._base import explorer as explorer_module
from dirsync_nb.widgets._base import jobs as jobs_module
from dirsync_nb.widgets.setup import Setup


@pytest.fixture
def impatient(monkeypatch):
    """A cell of a kernel that shows a widget at once, as where every load takes longer than it waits."""
    monkeypatch.setattr(jobs_module, "running_cell", lambda: ("cell", "run"))
    for module in (jobs_module, explorer_module, widgets.event_feed, widgets.setup):
        monkeypatch.setattr(module, "PATIENCE", 0.0)


@contextlib.contextmanager
def closed(widget):
    try:
        yield widget
    finally:
        widget.jobs.close()


def in_a_cell(check):
    async def cell():
        check()

    asyncio.run(cell())


@pytest.mark.parametrize("name", ["users", "groups", "memberships", "directories", "rows"])
def test_each_frame_of_the_explorer_waits_for_its_load(client, okta, impatient, name):
    load = {"directories": lambda: ds.load_directories(client), "rows": lambda: ds.load_users(client, okta)}

    def check():
        with closed(widgets.DirectoryExplorer(client, okta)) as explorer:
            assert explorer.jobs.busy
            assert repr(explorer).endswith("; still reading>")
            frame = getattr(explorer, name)
            wanted = load.get(name, lambda: getattr(ds, f"load_{name}")(client, okta))()
            assert len(frame) == len(wanted)
            assert isinstance(frame, pd.DataFrame)

    in_a_cell(check)


def test_choices_wait_for_what_they_choose_from(client, okta, impatient):
    def check():
        somebody = ds.load_users(client, okta).index[3]
        with closed(widgets.DirectoryExplorer(client)) as explorer:
            explorer.directory_id = okta
            explorer.selected = somebody
            assert explorer.picked.index[0] == somebody

    in_a_cell(check)


def test_the_other_widgets_wait_too(client, okta, impatient):
    def check():
        groups = ds.load_groups(client, okta)
        with closed(widgets.MembershipExplorer(client, okta, group_ids=groups.index[:2])) as compare:
            assert len(compare.members) > 0
            assert len(compare.groups) == len(groups)
        with closed(widgets.MembershipExplorer(client, okta)) as compare:
            compare.group_ids = (groups.index[0],)
            assert set(compare.memberships["group_id"]) == {groups.index[0]}
        with closed(widgets.Onboarding(client, okta)) as board:
            board.select()
            assert board.counts["selected"] == len(ds.load_users(client, okta)) == len(board.invites)
            assert len(board.teams) > 0
        with closed(widgets.EventFeed(client)) as feed:
            assert len(feed.lines) == len(feed.records) > 0
        with closed(Setup(client)) as setup:
            setup.directory_id = okta
            assert setup.wait().ready
            assert len(setup.directories) > 1

    in_a_cell(check)


def test_where_nobody_can_wait_an_error_says_what_is_under_way(client, okta):
    """In a callback: waiting would hold up everything else."""
    gate = threading.Event()

    async def callback():
        with closed(widgets.DirectoryExplorer(client, okta)) as explorer:
            explorer.jobs.run("directory", lambda _: gate.wait(5), lambda _: None, lambda _: None)
            explorer._users = None
            with pytest.raises(ds.errors.IncompleteError, match=r"^users: still being read; ask in a later"):
                _ = explorer.users
            gate.set()

    asyncio.run(callback())


def test_without_an_open_directory_an_error_says_what_to_do(client):
    explorer = widgets.DirectoryExplorer(client)
    for name in ("users", "groups", "memberships"):
        with pytest.raises(ds.errors.IncompleteError, match="no directory is open"):
            getattr(explorer, name)


def test_a_load_that_failed_says_why(client, sandbox, okta):
    sandbox.faults.add("status", path="/directory_groups", status=403, times=None)
    explorer = widgets.DirectoryExplorer(client, okta)
    with pytest.raises(ds.errors.IncompleteError, match="groups: not read. "):
        _ = explorer.groups
