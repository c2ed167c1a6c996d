"""Fleets when something goes wrong: on disk, in the service, on a cluster, and two processes at once."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from typing import Any

import pytest

import dirsync_nb as ds
from dirsync_nb import errors
from dirsync_nb.fleet import load as fleet_load
from dirsync_nb.fleet import open_fleet, take_fleet
from dirsync_nb.fleet import take as fleet_take
from dirsync_nb.fleet.dataset import only_writer, part_of
from dirsync_nb.guard import TooManyGone

from .taking import asked_for, connected, fail_at


def users_in(folder: Any) -> int:
    """Count the users that any Parquet reader sees."""
    import pyarrow.parquet as pq

    return sum(pq.read_metadata(path).num_rows for path in (folder / "users").glob("*.parquet"))


# On disk ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("table", ["users", "groups", "memberships"])
@pytest.mark.parametrize("harm", ["lost", "truncated"])
def test_a_lost_or_truncated_file_is_seen_on_opening_and_mended_by_the_next_run(small, table, harm):
    sandbox, client, folder = small
    home = take_fleet(client, folder).directory_ids[2]
    path = part_of(folder, table, home)
    if harm == "lost":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:-20])
    held = open_fleet(folder)
    assert dict(held.missing) == {home: held.missing[home]}
    assert str(path) in held.missing[home]
    assert len(held.users) == 120 - held.history.set_index("directory_id")["users"][home]
    seen = len(sandbox.requests)
    fleet = take_fleet(client, folder)
    assert asked_for(sandbox.requests[seen:]) == {home}
    assert fleet.complete
    assert len(fleet.users) == users_in(folder) == 120


def test_a_file_that_rots_unseen_names_itself_and_its_directory_is_taken_anew_alone(small):
    sandbox, client, folder = small
    fleet = take_fleet(client, folder)
    home = fleet.directory_ids[1]
    path = part_of(folder, "groups", home)
    path.write_bytes(b"\0" * path.stat().st_size)
    with pytest.raises(errors.DirsyncError, match=rf"{re.escape(str(path))} cannot be read.*resume=False"):
        open_fleet(folder).analyse("group_sizes")
    seen = len(sandbox.requests)
    mended = take_fleet(client, folder, directory_id=home, resume=False)
    assert asked_for(sandbox.requests[seen:]) == {home}
    assert mended.scope is None
    assert mended.analyse("group_sizes")["directory_id"].nunique() == 6


def test_remains_of_a_directory_that_is_not_whole_are_counted_by_no_reader(small, monkeypatch):
    _, client, folder = small
    fleet = take_fleet(client, folder)
    home = fleet.directory_ids[0]
    rest = 120 - int(fleet.taken["users"][home])
    part_of(folder, "memberships", home).unlink()
    fail_at(monkeypatch, home, errors.BadPayload("cut short"))
    take_fleet(client, folder)
    assert users_in(folder) == rest


def test_a_move_that_was_cut_off_is_finished_by_whoever_opens_the_fleet(small):
    _, client, folder = small
    home = take_fleet(client, folder).directory_ids[3]
    ready = folder / "staging" / home
    ready.mkdir()
    for table in ("groups", "memberships"):  # the users were moved before the kill
        part_of(folder, table, home).rename(ready / f"{table}.parquet")
    assert open_fleet(folder).complete
    assert not ready.exists()


def test_a_second_process_is_told_who_writes_and_a_lock_of_the_dead_holds_nobody_up(small):
    _, client, folder = small
    take_fleet(client, folder)
    code = "import sys; from pathlib import Path; from dirsync_nb.fleet.dataset import only_writer\n"
    code += "with only_writer(Path(sys.argv[1])): print('mine', flush=True); sys.stdin.read()"
    command = [sys.executable, "-c", code, str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as first:
        assert first.stdout is not None
        assert first.stdout.readline() == "mine\n"
        with pytest.raises(errors.DirsyncError, match=f"is being written by process {first.pid} on"):
            take_fleet(client, folder)
        assert open_fleet(folder).complete  # reading goes on
        first.kill()
    assert take_fleet(client, folder).complete
    with only_writer(folder), pytest.raises(errors.DirsyncError, match=f"process {os.getpid()} on"):
        take_fleet(client, folder)


def test_what_a_disk_refuses_is_an_error_with_the_path_and_a_remedy_and_loses_nothing(small, monkeypatch):
    sandbox, client, folder = small
    fleet = take_fleet(client, folder)
    file = folder.parent / "a file"
    file.write_text("nothing")
    for call in (
        lambda: open_fleet(file),
        lambda: open_fleet(file / "below"),
        lambda: take_fleet(client, file),
        lambda: take_fleet(client, file / "below"),
        lambda: take_fleet(client, folder.parent / ("x" * 300)),
        lambda: fleet.write_tables(file),
    ):
        with pytest.raises(
            errors.DirsyncError, match=r"cannot be (read|written) \(.*(Name|name another) folder|the folder"
        ):
            call()

    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    sandbox.add_user(fleet.directory_ids[0], email="new@acme.test")
    with monkeypatch.context() as broken:
        broken.setattr(fleet_take, "save_frame", full)
        with pytest.raises(errors.DirsyncError, match="No space left on device.*Make room"):
            ds.refresh_fleet(client, folder)
    assert open_fleet(folder).complete
    assert len(ds.refresh_fleet(client, folder).users) == 121


def test_an_address_without_a_scheduler_is_told(small):
    _, client, folder = small
    take_fleet(client, folder)
    with pytest.raises(errors.ArgumentError, match="no scheduler answers at 'nonsense'"):
        open_fleet(folder, cluster="nonsense").analyse("group_sizes")


# The service ------------------------------------------------------------------------------------------------


def test_one_404_of_a_directory_that_is_still_listed_does_not_make_it_gone(small):
    sandbox, client, folder = small
    home = ds.load_directories(client).index[2]
    sandbox.faults.add("status", path="/directory_groups", match={"directory": home}, status=404)
    fleet = take_fleet(client, folder)
    assert list(fleet.missing) == [home]
    assert "still listed" in fleet.missing[home]
    assert take_fleet(client, folder).complete


def test_a_directory_that_one_listing_leaves_out_stays(small, monkeypatch):
    _, client, folder = small
    home = take_fleet(client, folder).directory_ids[2]
    whole, asked = fleet_take.load_directories, []

    def short(reader: Any) -> Any:
        asked.append(1)
        listing = whole(reader)
        return listing.drop(index=home) if len(asked) == 1 else listing

    monkeypatch.setattr(fleet_take, "load_directories", short)
    fleet = take_fleet(client, folder)
    assert fleet.complete
    assert home in fleet.directory_ids
    assert len(asked) == 2


def test_a_key_that_sees_other_directories_does_not_empty_the_fleet(small, monkeypatch):
    sandbox, client, folder = small
    ids = take_fleet(client, folder).directory_ids
    for home in ids[:4]:
        sandbox.delete_directory(home)
    with pytest.raises(TooManyGone, match="4 of 6 directories of the fleet.*confirm=4"):
        take_fleet(client, folder)
    assert len(open_fleet(folder).users) == 120
    fleet = take_fleet(client, folder, confirm=4)
    assert set(fleet.directory_ids) == set(ids[4:])
    assert users_in(folder) == len(fleet.users)


def test_a_404_of_a_group_is_a_notice_and_resume_reads_its_directory_again(small):
    sandbox, client, folder = small
    home = ds.load_directories(client).index[1]
    member = ds.load_memberships(client, directory_id=home).iloc[0]
    for path, kind in (("/directory_users", "group"), ("/directory_groups", "user")):  # whichever route it goes
        sandbox.faults.add("status", path=path, match={kind: member[f"{kind}_id"]}, status=404)
    fleet = take_fleet(client, folder)
    assert fleet.complete
    assert list(fleet.notices) == [home]
    assert re.match(r"directory_(group|user)_\w+ was listed and then not found", fleet.notices[home][0])
    short = len(fleet.memberships)
    sandbox.faults.clear()
    seen = len(sandbox.requests)
    fleet = take_fleet(client, folder)
    assert asked_for(sandbox.requests[seen:]) == {home}
    assert not fleet.notices
    assert len(fleet.memberships) > short


def test_a_retake_while_the_service_answers_503_loses_nothing_and_stops_soon(tmp_path):
    with ds.sandbox.Sandbox(world="fleet:30x3") as sandbox:
        with connected(sandbox, attempts=1) as client:
            before = take_fleet(client, tmp_path / "fleet")
            sandbox.faults.add("status", path="/directory_groups", status=503, times=None)
            seen = len(sandbox.requests)
            after = take_fleet(client, tmp_path / "fleet", resume=False, workers=2)
            assert len(sandbox.requests) - seen < 20
            assert after.complete
            assert len(after.users) == len(before.users) == 90
            assert len(after.notices) == 30
            assert after.taken.equals(before.taken)
            told = [one[0] for one in after.notices.values()]
            assert sum("not tried: 10 directories failed in a row" in one for one in told) >= 18
            sandbox.faults.clear()
            mended = take_fleet(client, tmp_path / "fleet")  # what could not be taken anew is taken now
            assert not mended.notices
            assert (mended.taken["read_at"] > before.taken["read_at"]).all()


def test_a_full_disk_fails_directories_and_names_them(small, monkeypatch):
    _, client, folder = small
    full = OSError(28, "No space left on device")

    def save(*_: Any) -> Any:
        raise full

    monkeypatch.setattr(fleet_load, "save_directory", save)
    fleet = take_fleet(client, folder)
    assert len(fleet.missing) == 6
    assert all("could not be written" in why and "No space left" in why for why in fleet.missing.values())
