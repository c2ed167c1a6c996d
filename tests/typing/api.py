"""What a type checker sees of the public names. Never run: mypy checks it with the package.

Each ignore stands where a checker must find the mistake; one that is not needed fails the check.
"""

from __future__ import annotations

from typing import assert_type

import pandas as pd
from matplotlib.axes import Axes

import dirsync_nb as ds
from dirsync_nb.client import DirectoryClient
from dirsync_nb.provisioning import Plan
from dirsync_nb.sync import Snapshot


def right(app_users: pd.DataFrame) -> None:
    client = assert_type(ds.connect(), DirectoryClient)
    assert_type(ds.connect_sandbox(seed=2, inactive_policy="keep"), DirectoryClient)
    directories = assert_type(ds.load_directories(client), pd.DataFrame)
    users = assert_type(ds.load_users(client, directories.index[0], limit=5), pd.DataFrame)
    groups = assert_type(ds.load_groups(client, directory_id=["directory_1", "directory_2"]), pd.DataFrame)
    memberships = assert_type(ds.load_memberships(client, directories.index[0]), pd.DataFrame)
    assert_type(ds.charts.plot_group_sizes(memberships, groups), Axes)
    assert_type(ds.analysis.users_without_group(memberships, users), pd.DataFrame)
    assert_type(ds.take_snapshot(client), Snapshot)
    assert_type(ds.compare(users, app_users, on=["idp_id", "email"], active="enabled"), Plan)
    assert_type(ds.redact(users, key="a key of many characters"), pd.DataFrame)


def wrong(client: DirectoryClient, users: pd.DataFrame) -> None:
    ds.load_users(client, directroy_id="directory_1")  # type: ignore[call-arg]
    ds.load_users("directory_1")  # type: ignore[arg-type]
    ds.load_events(client, event="dsync.user.created")  # type: ignore[call-arg]
    ds.connect_sandbox(inactive_polcy="keep")  # type: ignore[call-arg]
    ds.connect_sandbox(inactive_policy="kept")  # type: ignore[arg-type]
    ds.compare(users, users, guard="half")  # type: ignore[arg-type]
    ds.charts.plot_group_sizes(users, topp=3)  # type: ignore[call-arg]
    ds.lode_users(client)  # type: ignore[attr-defined]
