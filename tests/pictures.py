"""The pictures of the README, drawn anew: ``python -m tests.pictures [NAME ...]``.

Each is the output of the last of some cells, run in a real JupyterLab on the sandbox; the folder is
``notebooks/pictures``. Look at them before they are committed.
"""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import sync_playwright

from .browser.widget_lab import CHROMIUM, FLAGS, Sheet, jupyterlab, write_notebook

FOLDER = Path(__file__).parents[1] / "notebooks" / "pictures"
START = """import dirsync_nb as ds
from dirsync_nb import widgets
client = ds.connect_sandbox()
okta = ds.load_directories(client)["active_users"].idxmax()"""
FRAMES = """users = ds.load_users(client, directory_id=okta)
groups = ds.load_groups(client, directory_id=okta)
members = ds.load_memberships(client, directory_id=okta)
import matplotlib.pyplot as plt"""

PICTURES: dict[str, tuple[str, ...]] = {
    "memberships": (
        START,
        FRAMES,
        """figure, (left, right) = plt.subplots(1, 2, figsize=(15, 6.2), layout="constrained")
ds.charts.plot_group_sizes(members, groups, ax=left)
ds.charts.plot_membership_matrix(members, users, groups, top=20, ax=right)
figure.patch.set_facecolor("white")
plt.show()""",
    ),
    "explorer": (
        START,
        """members = ds.load_memberships(client, directory_id=okta)
explorer = widgets.DirectoryExplorer(client, okta, memberships=members)
explorer.search = "amara abara"
explorer.selected = explorer.rows.index[0]
explorer""",
    ),
    "feed": (
        START,
        "feed = widgets.EventFeed(client)\nfeed.poll()",
        """sandbox = client.sandbox
kim = sandbox.add_user(okta, email="kim@harbourline.example", first_name="Kim", last_name="Vale")
pilots = sandbox.add_group(okta, name="Pilots")
sandbox.add_member(pilots, kim)
sandbox.update_user(kim, custom_attributes={"job_title": "Pilot", "department_name": "Operations"})
sandbox.deactivate_user(kim)
feed.poll()
feed.table.click(feed.table.ids[1])
feed""",
    ),
    "onboarding": (
        START,
        """import pandas as pd
app = pd.DataFrame({"email": ["TOME.SIMOES@harbourline.example", "hung.tran@harbourline.example"]})
board = widgets.Onboarding(client, okta, app_users=app, on="email", seats=48)
board.find = "office"
board""",
        """groups = ds.load_groups(client, directory_id=okta)
board.group_ids = tuple(groups.index[groups["name"].isin(["Rotterdam Office"])])
board.select()
board.view = "Invite list"
board""",
    ),
    "roles": (
        START,
        FRAMES,
        """from dirsync_nb.analysis.what_if import Roles, role_changes
table = {"App Administrators": "admin", "Internal Audit": "auditor", "Incident Response": "operator",
         "Engineering": "editor", "R&D": "editor"}
now = Roles(users, members, table, groups)
then = now.without_group("Incident Response").with_group("Night Crew", "operator")
changes = role_changes(now, then)
figure, ax = plt.subplots(figsize=(12, 4), layout="constrained")
ds.charts.plot_role_changes(changes, ax=ax)
figure.patch.set_facecolor("white")
plt.show()""",
    ),
}


def main(names: list[str]) -> None:
    """Draw these pictures, or all."""
    with (
        TemporaryDirectory() as scratch,
        jupyterlab(Path(scratch) / "home", Path(scratch)) as address,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        for name in names or PICTURES:
            draw(name, PICTURES[name], Path(scratch), address, browser)


def draw(name: str, cells: tuple[str, ...], folder: Path, address: str, browser: object) -> None:
    """Run the cells in a page of their own and photograph what the last one shows."""
    write_notebook(folder / f"{name}.ipynb", *cells)
    # As most people have it: 1440 pixels, of which the list of files takes some.
    page = browser.new_page(viewport={"width": 1440, "height": 1400}, device_scale_factor=1)  # type: ignore[attr-defined]
    sheet = Sheet(page).open(address, f"{name}.ipynb")
    output = sheet.run(len(cells))
    page.wait_for_timeout(2500)  # rows and card arrive after the box
    shown = output.locator(".jp-OutputArea-output", has=page.locator(".dsn, img")).first
    shown.screenshot(path=str(FOLDER / f"{name}.png"))
    print(name, "from", len(cells), "cells")
    page.close()


if __name__ == "__main__":
    main(sys.argv[1:])
