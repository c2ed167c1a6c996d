"""The official Python and Node libraries on the same tour of the sandbox: they must see the same.

npm fetches the Node library, so this runs only where it is wanted: ``DIRSYNC_NODE=1 pytest tests/contract``.
From a shell the same is::

    python -m dirsync_nb.sandbox            # prints WORKOS_BASE_URL and WORKOS_API_KEY to export
    npm i @workos-inc/node && node tour.mjs
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import workos
from workos import WorkOSClient

from dirsync_nb.sandbox import Sandbox

TOUR = Path(__file__).with_name("tour.mjs")
NAMES = ["dsync.user.created", "dsync.user.updated", "dsync.group.user_added"]
wanted = pytest.mark.skipif(
    not os.environ.get("DIRSYNC_NODE"), reason="needs npm and the network: set DIRSYNC_NODE=1"
)


def python_tour(sandbox: Sandbox) -> dict[str, Any]:
    """Walk through everything with the Python library."""
    with WorkOSClient(api_key=sandbox.api_key, base_url=sandbox.url) as client:
        sync, seen = client.directory_sync, dict[str, Any]()
        organizations = client.organizations.list_organizations(limit=3, order="asc")
        seen["organizations"] = [one.name for one in organizations.auto_paging_iter()]
        directories = list(sync.list_directories(limit=4, order="asc").auto_paging_iter())
        seen["directories"] = [[one.id, one.name, one.type, one.external_key] for one in directories]
        seen["directory"] = sync.get_directory(directories[0].id).id
        okta = directories[0].id
        users = list(sync.list_users(directory=okta, limit=100, order="asc").auto_paging_iter())
        seen["users"] = [[u.id, u.email, u.first_name, u.last_name, u.state, u.idp_id] for u in users]
        seen["user"] = sync.get_user(users[0].id).id
        groups = list(sync.list_groups(directory=okta, limit=7, order="asc").auto_paging_iter())
        seen["groups"] = [[one.id, one.name, one.idp_id] for one in groups]
        seen["group"] = sync.get_group(groups[0].id).id
        seen["members"] = {
            group.id: [
                one.id for one in sync.list_users(group=group.id, limit=100, order="asc").auto_paging_iter()
            ]
            for group in groups
        }
        seen["groupsOfUser"] = sorted(g.id for g in sync.list_groups(user=users[0].id).auto_paging_iter())
        events = client.events.list_events(events=NAMES, limit=50, range_start="2026-07-10T00:00:00.000Z")
        seen["events"] = [[one.id, one.event] for one in events.auto_paging_iter()]
        home = directories[0].organization_id
        seen["roles"] = [one.slug for one in client.authorization.list_environment_roles().data]
        found = client.organization_membership.list_organization_memberships(organization_id=home, limit=100)
        seen["memberships"] = sorted(one.id for one in found.auto_paging_iter())
        seen["missing"] = refusal(lambda: sync.get_directory("directory_none"))
        seen["noFilter"] = refusal(sync.list_users)
    with WorkOSClient(api_key="sk_test_other", base_url=sandbox.url) as stranger:
        seen["stranger"] = refusal(stranger.directory_sync.list_directories)
    return seen


def refusal(ask: Any) -> int | None:
    with pytest.raises(workos.WorkOSError) as refused:
        ask()
    status: int | None = refused.value.status_code
    return status


def test_the_python_library_makes_the_tour() -> None:
    with Sandbox() as sandbox:
        seen, truth = python_tour(sandbox), sandbox.truth
        okta = truth.directories()[0]["id"]
        assert [one[0] for one in seen["directories"]] == [one["id"] for one in truth.directories()]
        assert [one[0] for one in seen["users"]] == [one["id"] for one in truth.users(okta)]
        pairs = {(user, group) for group, members in seen["members"].items() for user in members}
        assert pairs == truth.memberships(okta)
        assert (seen["missing"], seen["stranger"], seen["noFilter"]) == (404, 401, 422)


@wanted
def test_the_node_library_sees_the_same(tmp_path: Path, record_property: Any) -> None:
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        assert not os.environ.get("CI"), "CI asks for this tour and has no Node"
        pytest.skip("node or npm is not installed")
    shutil.copy(TOUR, tmp_path)
    install = [npm, "i", "@workos-inc/node@latest", "--no-audit", "--no-fund", "--ignore-scripts"]
    subprocess.run(install, cwd=tmp_path, check=True, capture_output=True, timeout=180)
    installed = json.loads((tmp_path / "node_modules/@workos-inc/node/package.json").read_text())["version"]
    record_property("sdk", f"@workos-inc/node {installed}")
    with Sandbox() as sandbox:
        environment = {**os.environ, "WORKOS_BASE_URL": sandbox.url, "WORKOS_API_KEY": sandbox.api_key}
        done = subprocess.run(
            [node, TOUR.name], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120
        )
        assert done.returncode == 0, done.stderr
        seen = json.loads(done.stdout)
        scoped = seen.pop("scoped")  # None before 12.3
        assert scoped in (None, [seen["users"][0][0], 404])
        assert seen == python_tour(sandbox)
