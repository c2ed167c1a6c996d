"""Clusters: workers that share a key, die, come back, fail, and are told to stop."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from typing import Any

import cloudpickle
import pandas as pd
import pytest

import dirsync_nb as ds
from dirsync_nb import errors
from dirsync_nb.client import DirectoryClient, Pacer, Transport
from dirsync_nb.fleet import load as fleet_load
from dirsync_nb.fleet import open_fleet, take_fleet
from dirsync_nb.fleet import take as fleet_take
from dirsync_nb.sandbox import Sandbox

from .taking import asked_for, connected, same


@pytest.fixture(scope="module")
def limited() -> Iterator[tuple[str, str]]:
    """A sandbox of 8 directories that enforces the limits, in a process of its own: its address and key."""
    command = [sys.executable, "-m", "dirsync_nb.sandbox", "--port", "0", "--limits", "--world", "fleet:8x30"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(4)]
        url, key = (re.findall(r"=(\S+)", line)[0] for line in lines[2:])
        yield url, key
        process.terminate()


@pytest.fixture(scope="module")
def cluster(limited) -> Iterator[Any]:
    """A client of a cluster of two workers; their nannies start another for one that dies."""
    from distributed import Client, LocalCluster

    with (
        LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            dashboard_address="127.0.0.1:0",
            env={"WORKOS_API_KEY": limited[1]},
        ) as cluster,
        Client(cluster, set_as_default=False) as client,
    ):
        yield client


def test_workers_of_a_cluster_share_one_keys_budget_and_meet_no_429(limited, cluster, tmp_path, monkeypatch):
    from distributed import Client

    url, key = limited
    sent: list[bytes] = []
    whole = Client.map

    def spied(self: Any, function: Any, *lists: Any, **options: Any) -> Any:
        sent.append(cloudpickle.dumps((function, lists, options)))
        return whole(self, function, *lists, **options)

    monkeypatch.setattr(Client, "map", spied)
    pacer = Pacer(per_directory=3.0, per_key=14.0)  # below the server's 4, for a busy machine sends unevenly
    with DirectoryClient(Transport(url, key, pacer=pacer)) as client:
        fleet = take_fleet(client, tmp_path / "fleet", cluster=cluster.scheduler.address)
        seconds = (pd.Timestamp.now("UTC") - fleet.taken["at"].min()).total_seconds()
        same(
            fleet.directory(fleet.directory_ids[5]).users,
            ds.load_users(client, directory_id=fleet.directory_ids[5]),
        )
    assert fleet.complete
    assert len(fleet.users) == 8 * 30
    costs = [entry["cost"] for entry in fleet.entries.values()]
    assert sum(cost["refused"] for cost in costs) == 0
    assert sum(cost["requests"] for cost in costs) / seconds < 14.0
    logs = f"{cluster.cluster.get_logs()}"
    assert sent
    assert not any(key.encode() in text for text in sent)
    assert key not in logs


def test_questions_on_a_cluster_have_the_same_answers(cluster, small):
    from distributed import Client

    _, client, folder = small
    fleet = take_fleet(client, folder)
    there = open_fleet(folder, cluster=cluster.scheduler.address)
    same(there.analyse("group_sizes"), fleet.analyse("group_sizes"))
    with Client(cluster.scheduler.address, set_as_default=False) as other:
        there = open_fleet(folder, cluster=other)
        same(there.analyse("group_overlap", top=5), fleet.analyse("group_overlap", top=5))
        ours = other.compute(there.analyse("groups_per_user")).result()
        same(ours.sort_index(), fleet.analyse("groups_per_user").compute().sort_index())


def begun(token: str, **share: float | None) -> fleet_load.Run:
    """Begin a run in this process, as a worker whose share of the budget has come."""
    run = fleet_load._run_called(token)
    run.share(share.get("per_directory"), share.get("per_key"))
    return run


@pytest.mark.parametrize(
    ("there", "told"), [(False, "by the same path"), (True, "WORKOS_API_KEY")], ids=["folder", "key"]
)
def test_a_worker_without_folder_or_key_says_so_with_its_name(tmp_path, there, told, monkeypatch):
    monkeypatch.delenv("WORKOS_API_KEY", raising=False)
    if there:
        (tmp_path / "fleet.json").write_text("{}")
    job = fleet_load.Job(str(tmp_path), "http://127.0.0.1:1", {"run": f"alone{there}"})
    begun(f"alone{there}")
    with pytest.raises(errors.DirsyncError, match=rf"{told}.* \(worker .*/{os.getpid()}\)"):
        fleet_load._load_batch(["directory_1"], job=job, workers=1, connect_worker=None)


def test_batches_are_few_and_of_one_mixture_with_the_largest_first():
    names = [f"directory_{size}" for size in range(1_000, 0, -1)]
    batches = fleet_load._dealt(names, 2, 16)
    assert sorted(name for batch in batches for name in batch) == sorted(names)
    assert len(batches) == 8
    sizes = [[int(name.split("_")[1]) for name in batch] for batch in batches]
    assert all(batch == sorted(batch, reverse=True) for batch in sizes)
    assert max(map(sum, sizes)) < 1.02 * min(map(sum, sizes))
    assert fleet_load._dealt(names[:1], 4, 16) == [names[:1]]


def test_a_batch_that_is_begun_anew_loads_only_what_is_not_whole_yet(small):
    sandbox, client, folder = small
    names = list(ds.load_directories(client).index)
    first = fleet_load.Job(str(folder), sandbox.url, {"position": None, "run": "this"})
    old = fleet_load.Job(str(folder), sandbox.url, {"position": None, "run": "earlier"})
    fleet_load.load_here(client, first, names[:2])
    fleet_load.load_here(client, old, names[2:3])
    (folder / "fleet.json").write_text("{}")
    begun("this")

    def connect_worker(server: str, pacer: Pacer) -> DirectoryClient:
        return connected(sandbox)

    seen = len(sandbox.requests)
    outcomes = fleet_load._load_batch(names[:3], job=first, workers=2, connect_worker=connect_worker)
    assert asked_for(sandbox.requests[seen:]) == {names[2]}
    assert all(isinstance(outcomes[name], dict) for name in names[:3])


def test_a_process_has_one_client_for_its_share_of_the_budget_which_follows_the_workers(small):
    sandbox, _, _ = small
    made = []

    def connect_worker(server: str, pacer: Pacer) -> DirectoryClient:
        made.append(pacer)
        return connected(sandbox)

    run = begun("shared", per_directory=4.0, per_key=25.0)
    first = run.client(sandbox.url, connect_worker)
    fleet_load._look("shared", 4.0, 50.0)  # another worker died
    assert run.client(sandbox.url, connect_worker) is first
    assert [(one.per_directory, one.per_key) for one in made] == [(4.0, 50.0)]


def _progress(monkeypatch: pytest.MonkeyPatch, act: Any) -> list[int]:
    """Record the counts of directories that a person is shown, and act when there are some."""
    shown: list[int] = []

    class Shown(fleet_take.Progress):
        def show(self, count: int, beside: str = "") -> None:
            shown.append(count)
            act(count)
            super().show(count, beside)

    monkeypatch.setattr(fleet_take, "Progress", Shown)
    return shown


@pytest.mark.skipif(os.name == "nt", reason="no SIGKILL")
def test_a_worker_that_is_killed_under_its_nanny_holds_nothing_up(limited, cluster, tmp_path, monkeypatch):
    first = set(cluster.run(os.getpid).values())
    killed: list[int] = []

    def kill(count: int) -> None:
        if count and not killed:
            killed.append(first.pop())
            os.kill(killed[0], signal.SIGKILL)

    shown = _progress(monkeypatch, kill)
    with ds.connect(limited[1], base_url=limited[0], pacer=Pacer(per_directory=4.0, per_key=40.0)) as client:
        fleet = take_fleet(client, tmp_path / "fleet", cluster=cluster)
    assert killed
    assert fleet.complete
    assert len(fleet.users) == 8 * 30
    assert len(set(shown)) > 2  # by directory, not by batch


def test_an_interrupt_stops_the_requests_of_workers_at_once(limited, cluster, tmp_path, monkeypatch):
    def interrupt(_: int) -> None:
        raise KeyboardInterrupt

    _progress(monkeypatch, interrupt)
    slow = Pacer(per_directory=1.0, per_key=2.0)  # 20 seconds for all of them
    with ds.connect(limited[1], base_url=limited[0], pacer=slow) as client:
        with pytest.raises(KeyboardInterrupt):
            take_fleet(client, tmp_path / "fleet", cluster=cluster, workers=1)
        cluster.submit(os.getpid, pure=False).result()  # a worker is free again
        held = open_fleet(tmp_path / "fleet")
        assert len(held.entries) < 8
        running = cluster.run(lambda: [run.ended for run in fleet_load._runs.values()])
        assert all(ended[-1] == "the run was ended" for ended in running.values())


def test_the_scheduler_never_sees_the_key_and_a_function_that_carries_it_is_refused(limited, cluster, tmp_path):
    url, key = limited

    def leaky(server: str, pacer: Pacer) -> Any:
        return ds.connect(key, base_url=server, pacer=pacer)

    with ds.connect(key, base_url=url) as client:
        assert cloudpickle.loads(cloudpickle.dumps(lambda: ds.connect))() is ds.connect  # as in a notebook
        for connect_worker in (leaky, partial(leaky, "x")):
            with pytest.raises(errors.ArgumentError, match="carries the key"):
                take_fleet(client, tmp_path / "fleet", cluster=cluster, connect_worker=connect_worker)
        with pytest.raises(errors.ArgumentError, match="cannot travel"):
            take_fleet(client, tmp_path, cluster=cluster, connect_worker=lambda *_: threading.Lock() and lock)
        with pytest.raises(errors.ArgumentError, match="redacted client"):
            take_fleet(client.redacted(), tmp_path / "fleet", cluster=cluster)
    assert not (tmp_path / "fleet").exists()


lock = threading.Lock()


def test_workers_that_fail_in_a_row_end_the_run_and_errors_have_their_names(cluster, tmp_path, monkeypatch):
    told: list[str] = []
    monkeypatch.setattr(fleet_load, "tell", lambda words, _: told.extend(words))
    with Sandbox(world="fleet:60x1") as sandbox:
        sandbox.faults.add("status", path="/directory_groups", status=400, times=None)
        with connected(sandbox) as client:
            fleet = take_fleet(client, tmp_path / "fleet", cluster=cluster, workers=1)
        assert sum("/directory_groups" in line.path for line in sandbox.requests) < 40
    assert told == [f"Dask's dashboard of this run: {cluster.dashboard_link}"]
    assert len(fleet.missing) == 60
    assert all(re.search(r"\(worker \S+/\d+\)", why) for why in fleet.missing.values())
    assert any(
        "10 directories failed in a row, the last with BadRequest" in why for why in fleet.missing.values()
    )
