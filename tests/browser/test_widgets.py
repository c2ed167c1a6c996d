"""The widgets as a person meets them: JupyterLab and Voila in a real browser, on the embedded sandbox."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import nbformat
import pandas as pd
import pytest

from ..widgets.conftest import DOLLARS, HOSTILE, LONG, MARKUP
from .widget_lab import CHROMIUM, FLAGS, Sheet, environment, jupyterlab, voila, wait_for, write_notebook

pytestmark = pytest.mark.skipif(
    not CHROMIUM.exists() and not os.environ.get("CI"), reason=f"needs a browser at {CHROMIUM}"
)

CANARY = "sk_test_CANARYQzXwVkJyTrWq"  # no digits: a random id may hold some
START = "import dirsync_nb as ds\nfrom dirsync_nb import widgets\nclient = ds.connect()"
OKTA = "okta = next(d['id'] for d in client.directories() if d['type'] == 'okta scim v2.0')"
FOCUSED = """(() => {
  const e = document.activeElement;
  const name = (e.labels?.[0]?.innerText ?? e.innerText ?? "").trim().slice(0, 24);
  return e.closest(".dsn") ? `${e.tagName} ${name}` : "";
})()"""
FILL = f"""
names = {HOSTILE!r}
home = next(d['id'] for d in client.directories() if d['type'] == 'generic scim v2.0')
people = [client.sandbox.add_user(home, name=n, email=f'h{{i}}@tern.test', idp_id=n,
          custom_attributes={{'department_name': n, n: n}}) for i, n in enumerate(names)]
teams = [client.sandbox.add_group(home, name=n) for n in names]
for team in teams:
    for person in people:
        client.sandbox.add_member(team, person)
"""


@pytest.fixture(scope="module")
def notebooks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("notebooks")


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory, notebooks: Path) -> Iterator[str]:
    with jupyterlab(tmp_path_factory.mktemp("lab"), notebooks) as address:
        yield address


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def sheet(browser: Any) -> Iterator[Sheet]:
    page = browser.new_page(viewport={"width": 1280, "height": 1300})
    yield Sheet(page)
    page.close()


@pytest.fixture(scope="module")
def desk(browser: Any, lab: str, notebooks: Path) -> Iterator[Sheet]:
    """JupyterLab on a page that all tests share: to load it takes longer than most of them."""
    page = browser.new_page(viewport={"width": 1280, "height": 1300})
    write_notebook(notebooks / "first.ipynb", "1")
    yield Sheet(page).open(lab, "first.ipynb")
    page.close()


def written(notebooks: Path, request: Any, cells: tuple[str, ...]) -> Path:
    """Write a notebook that is named after the test."""
    return write_notebook(notebooks / (re.sub(r"\W+", "-", request.node.name)[:60] + ".ipynb"), *cells)


@pytest.fixture
def opened(desk: Sheet, notebooks: Path, request: Any) -> Callable[..., Sheet]:
    """Return a function that opens a new notebook with these cells on the shared page."""

    def open_cells(*cells: str) -> Sheet:
        desk.path = written(notebooks, request, cells)
        return desk.turn_to(desk.path.name)

    return open_cells


@pytest.fixture
def opened_apart(lab: str, notebooks: Path, sheet: Sheet, request: Any) -> Callable[..., Sheet]:
    """Return a function that opens a new notebook on a page of its own, for tests that change the page."""

    def open_cells(*cells: str) -> Sheet:
        sheet.path = written(notebooks, request, cells)
        return sheet.open(lab, sheet.path.name)

    return open_cells


def say(page: Any, text: str | re.Pattern[str]) -> None:
    """Wait until a status line of a widget says something."""
    page.locator(".dsn-status", has_text=text).first.wait_for()


def rows(page: Any, label: str) -> Any:
    return page.locator(f"table[aria-label='{label}'] tbody tr")


def counted(page: Any, text: str) -> None:
    """Wait until the line of counts says something."""
    page.locator(".dsn-counts span", has_text=re.compile(rf"^\s*{text}")).wait_for()


def test_the_explorer_is_searched_clicked_and_walked_by_keyboard(opened):
    sheet = opened(
        f"{START}\nexplorer = widgets.DirectoryExplorer(client)\nexplorer", "explorer.selected, explorer.total"
    )
    page = sheet.page
    sheet.run()
    rows(page, "Directories").filter(has_text="Harbourline Okta").click()
    say(page, "260 users.")
    page.locator(".dsn").get_by_label("Search").press_sequentially("simoes")
    say(page, "of 260 users")
    row = rows(page, "Users").filter(has_text="Tomé Simões").first
    row.click()
    card = page.locator(".dsn-card")
    card.locator(".dsn-title", has_text="Tomé Simões").wait_for()
    card.get_by_role("button", name="Groups").click()
    card.locator("table[aria-label='Groups'] tbody tr", has_text="Everyone").wait_for()
    card.get_by_role("button", name="Raw record").click()
    card.locator("pre.dsn-pre", has_text='"object": "directory_user"').wait_for()

    page.get_by_role("button", name="Clear filters").click()
    say(page, re.compile(r"^260 users"))
    top = rows(page, "Users").first.inner_text()
    page.locator("button.dsn-sort", has_text="Name").click()
    wait_for(lambda: page.locator("th[aria-sort='descending']").count() == 1)
    wait_for(lambda: rows(page, "Users").first.inner_text() != top)  # the rows come after their heading
    # One Tab into the table, arrows within, Enter picks: JupyterLab keeps its hands off the keys.
    body = rows(page, "Users")
    body.first.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    third = body.nth(2).locator(".dsn-first").first.inner_text()
    assert page.evaluate("document.activeElement.querySelector('.dsn-first').innerText") == third
    page.keyboard.press("Enter")
    if third != "(no name)":
        card.locator(".dsn-title", has_text=third).wait_for()
    said = sheet.run(first=1).inner_text()
    assert "directory_user_" in said
    assert "260" in said
    assert sheet.complaints == []


def test_the_explorer_is_reached_by_tab_and_its_code_is_copied(opened):
    sheet = opened(f"{START}\n{OKTA}\nwidgets.DirectoryExplorer(client, okta)")
    page = sheet.page
    sheet.run()
    say(page, "260 users.")
    page.locator(".dsn button", has_text="Directories").first.focus()
    met = []
    for _ in range(44):
        met.append(page.evaluate(FOCUSED))
        page.keyboard.press("Tab")
    seen = "\n".join(met)
    for wanted in (
        "Users",
        "Groups",
        "INPUT Search",
        "SELECT In group",
        "SELECT Attribute",
        "BUTTON ›",
    ):
        assert wanted in seen, seen
    assert seen.count("TR ") == 1  # ten rows, one stop
    assert "SUMMARY Code behind this" in seen

    page.locator("summary", has_text="Code behind this").last.click()
    for name, piece in (
        ("workos SDK", "WorkOSClient("),
        ("cURL", "$WORKOS_API_KEY"),
        ("dirsync_nb", "ds.load_users("),
    ):
        page.get_by_role("button", name=name, exact=True).click()
        page.locator(".dsn-code pre", has_text=piece).wait_for()
        page.get_by_role("button", name="Copy", exact=True).click()
        page.locator(".dsn-code [role=status]", has_text=re.compile("Copied|Ctrl")).wait_for()
    static = page.locator("[class*='dsn-static-']")
    wait_for(lambda: static.count() == 1)
    assert not static.first.is_visible()  # it is for readers without a kernel
    assert sheet.complaints == []


def test_hostile_names_are_text_in_every_place_on_the_page(opened):
    """WID-01, WID-03."""
    everything = "widgets.DirectoryExplorer(client, home)"
    sheet = opened(
        START + FILL,
        everything,
        "widgets.MembershipExplorer(client, home, group_ids=teams)",
        "widgets.EventFeed(client, directory_id=home)",
        "widgets.DetailCard(client, user_id=people[2])",
        "widgets.Setup(client)",
        "picker = widgets.Onboarding(client, home)\npicker.table.size = 25\npicker.select()\npicker",
    )
    page = sheet.page
    title = page.title()
    sheet.run(7)
    for view in ("Invite list", "Accounts", "Teams", "People"):
        page.get_by_role("button", name=view, exact=True).click()
        rows(page, view).filter(has_text=MARKUP).first.wait_for()
    for name in (MARKUP, DOLLARS):
        rows(page, "Users").filter(has_text=name).first.click()
        page.locator(".dsn-card .dsn-title", has_text=name).first.wait_for()
        card = page.locator(".dsn-card:visible").first
        for section in ("Groups", "History", "Raw record", "Overview"):
            card.get_by_role("button", name=section, exact=True).click()
            card.locator(f"button[aria-pressed=true] >> text={section}").wait_for()
    for chart in ("Overlap", "Who is in what"):
        page.get_by_role("button", name=chart, exact=True).last.click()
    rows(page, "Events, newest first").first.click()
    page.locator("pre.dsn-pre", has_text='"object": "event"').first.wait_for()
    page.locator(".dsn-facet", has_text=MARKUP).first.wait_for()
    assert page.locator("img[src='x']").count() == 0
    assert page.locator(".dsn b", has_text=re.compile("^Co$")).count() == 0
    assert page.locator("mjx-container, .MathJax").count() == 0
    assert page.locator("td", has_text=DOLLARS).count() > 0
    assert page.locator("td", has_text=LONG[:60]).count() > 0
    assert "!" not in page.title() or page.title() == title
    assert page.evaluate(FLUSH)  # also a name that is read from right to left
    overflow = "[...document.querySelectorAll('.dsn')].filter(e => e.scrollWidth > e.clientWidth + 1).length"
    assert page.evaluate(overflow) == 0
    assert sheet.complaints == []


def test_a_typed_key_is_nowhere_in_the_saved_notebook(opened_apart):
    """SEC-03: saved with widget state while typing, after leaving the field, while busy, and after sending."""
    address = "setup = widgets.Setup(base_url=client.sandbox.url)\nsetup"
    sheet = opened_apart(f"{START}\n{address}", "import time; time.sleep(3)", "print(setup)", "setup")
    page, path = sheet.page, sheet.path
    sheet.run()
    field = page.get_by_label("API key")

    def saved() -> str:
        before = path.stat().st_mtime_ns
        for _ in range(10):  # JupyterLab drops a wish to save while it is saving
            sheet.save()
            with suppress(AssertionError):
                wait_for(lambda: path.stat().st_mtime_ns != before, seconds=10)
                break
        return str(wait_for(lambda: (text := path.read_text()).rstrip().endswith("}") and text))

    field.press_sequentially(CANARY[:-3])
    files = [saved()]  # the click took the focus: the browser's "change" has happened
    field.press("End")
    field.press_sequentially(CANARY[-3:])
    page.keyboard.press("Control+s")
    files.append(saved())
    page.get_by_role("button", name="Use this key").click()
    files.append(saved())
    say(page, "was refused")
    files.append(saved())
    assert field.input_value() == ""
    # A busy kernel cannot clear anything: what the page keeps is what counts.
    page.locator(".jp-CodeCell .cm-content").nth(1).click()
    page.keyboard.press("Shift+Enter")
    field.fill(CANARY)
    field.press("Enter")
    files.append(saved())
    wait_for(lambda: "[2]" in page.locator(".jp-CodeCell").nth(1).locator(".jp-InputPrompt").inner_text())
    files.append(saved())
    for text in files:
        assert "widget-state+json" in text  # the state really was saved with it
        assert "CANARY" not in text
        assert not [CANARY[n : n + 6] for n in range(8, len(CANARY) - 5) if CANARY[n : n + 6] in text]
    assert "CANARY" not in page.content()
    said = sheet.run(first=2).inner_text()
    assert "no key yet" in said
    assert not [text for text in sheet.complaints if "401" not in text]


def test_setup_leads_from_a_key_to_a_watched_directory(opened):
    sheet = opened(
        f"{START}\nsetup = widgets.Setup(base_url=client.sandbox.url)\nsetup",
        "print(client.sandbox.api_key)",
        "d = setup.directory_id\nclient.sandbox.set_directory_state(d, 'linked')\n"
        "client.sandbox.add_user(d, name='First')",
        "print(setup)",
    )
    page = sheet.page
    sheet.run()
    page.get_by_role("button", name="Google Workspace").click()
    page.get_by_text("signs in with a Google").first.wait_for()
    page.get_by_role("button", name="Another provider").click()
    page.locator("td", has_text="pingfederate scim v2.0").first.wait_for()
    key = sheet.run(first=1).inner_text().strip()
    page.get_by_label("API key").fill(key)
    page.get_by_label("API key").press("Enter")
    say(page, "Key set, test environment. 9 directories in 8 organizations.")
    rows(page, "Directories").filter(has_text="Quince JumpCloud").click()
    page.get_by_text("the first data has not been read yet").first.wait_for()
    sheet.run(first=2)
    page.get_by_text("Ready: linked, and the first people are there.").first.wait_for()
    assert "Quince JumpCloud: linked" in sheet.run(first=3).inner_text()
    assert sheet.complaints == []


def test_picking_groups_changes_members_overlap_and_chart(opened):
    sheet = opened(f"{START}\nexplorer = widgets.MembershipExplorer(client)\nexplorer", "print(explorer)")
    page = sheet.page
    sheet.run()
    say(page, "24 groups. Pick one or more.")
    groups = rows(page, "Groups (pick up to 8)")
    page.locator(".dsn").get_by_label("Find a group").press_sequentially("eng")
    groups.filter(has_text="Engineering").click()
    say(page, "51 people in any of the picked groups.")
    page.locator(".dsn").get_by_label("Find a group").fill("bergen")
    groups.filter(has_text="Bergen Office").click()
    rows(page, "Overlap of the picked groups").first.wait_for()
    say(page, "105 people in any of the picked groups")
    # A bar answers with its people, and another click on it with everybody again.
    bar = page.locator(".dsn-figure [data-key]", has_text="Bergen Office")
    bar.click()
    say(page, "64 people in Bergen Office.")
    assert bar.get_attribute("aria-pressed") == "true"
    page.locator(".dsn-figure [data-key]", has_text="Bergen Office").press("Enter")
    say(page, "105 people in any")
    page.get_by_role("button", name="in all").click()
    say(page, "people in all of the picked groups")
    page.get_by_role("button", name="Overlap", exact=True).click()
    page.locator(".dsn-figure svg[aria-label^='Share']").wait_for()
    assert "people in all of" in sheet.run(first=1).inner_text()
    # The list of more than a page goes on; the graph of all groups leads into two of them, and out again.
    page.get_by_role("button", name="in any").click()
    page.get_by_text("1 to 10 of 105").wait_for()
    page.locator(".dsn-foot", has_text="of 105").get_by_role("button", name="Next page").click()
    page.get_by_text("11 to 20 of 105").wait_for()
    page.locator(".dsn").get_by_label("Find a group").fill("")
    page.get_by_role("button", name="Graph", exact=True).click()
    twins = page.locator(".dsn-figure [data-key^='in ']", has_text="45 in both")
    twins.dispatch_event("click")
    say(page, re.compile("45 people in .*Launch Crew"))
    page.get_by_role("button", name="All groups").click()
    say(page, "24 groups. Pick one or more.")
    assert sheet.complaints == []


def test_the_feed_shows_what_happens_while_it_happens(opened):
    sheet = opened(
        f"{START}\n{OKTA}\nfeed = widgets.EventFeed(client, interval=0.5)\nfeed",
        "kim = client.sandbox.add_user(okta, name='Kim Vale', email='kim@harbourline.example')",
        "client.sandbox.update_user(kim, custom_attributes={'job_title': 'Pilot'})",
        "client.sandbox.delete_user(kim)",
    )
    page = sheet.page
    sheet.run()
    events = rows(page, "Events, newest first")
    say(page, "Looking every 0.5 s.")
    sheet.run(first=1)
    events.filter(has_text="Kim Vale joined").wait_for()
    sheet.run(first=2)
    events.filter(has_text="Kim Vale: job_title (none) → Pilot").wait_for()
    page.locator(".dsn").get_by_label("Show").select_option(label="Joined")
    wait_for(lambda: all("Joined" in text for text in events.all_inner_texts()))
    page.locator(".dsn").get_by_label("Show").select_option(label="All")
    pause = page.get_by_role("button", name="Pause")
    assert pause.get_attribute("aria-pressed") == "false"
    pause.click()
    say(page, "Paused.")
    page.locator("button[aria-pressed=true]", has_text="Resume").wait_for()
    sheet.run(first=3)
    sheet.page.wait_for_timeout(1200)  # two looks, were it looking
    assert events.filter(has_text="Kim Vale left").count() == 0
    page.get_by_role("button", name="Resume").click()
    events.filter(has_text="Kim Vale left").wait_for()
    # A line leads to the event as it came, with what was before and what is now.
    events.filter(has_text="Kim Vale: job_title (none) → Pilot").click()
    page.locator("td", has_text=re.compile("^Pilot$")).wait_for()
    page.locator("pre.dsn-pre", has_text='"object": "event"').wait_for()
    page.get_by_role("button", name=re.compile("Clear$")).click()  # and not "Undo clear"
    page.get_by_text("Nothing yet.").wait_for()
    page.get_by_role("button", name="Undo clear").click()
    events.filter(has_text="Kim Vale left").wait_for()
    assert sheet.complaints == []


def test_people_are_picked_and_the_lists_written(opened, notebooks):
    """By filter, by group, by mouse and by keyboard; then the files, of which nothing is sent."""
    sheet = opened(
        f"{START}\nhome = next(d['id'] for d in client.directories() if d['type'] == 'generic scim v2.0')",
        "picker = widgets.Onboarding(client, seats=8, folder='lists')\npicker",
        "print(len(picker.invites), picker.counts['invite'], [path.name for path in picker.written])",
    )
    page = sheet.page
    sheet.run(2)
    say(page, "Choose one of 9 directories.")
    page.locator(".dsn").get_by_label("Directory").select_option(label="Tern & Tide SCIM")
    say(page, "12 people. Click a row to select it.")
    people = rows(page, "People")
    people.nth(3).click()
    counted(page, "1 selected")
    # Within the table by arrows; the space bar picks, and the row keeps the focus though its verdict changed.
    page.keyboard.press("ArrowDown")
    page.keyboard.press(" ")
    counted(page, "2 selected")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    counted(page, "3 selected")
    page.wait_for_function(
        "row => row.getAttribute('aria-selected') === 'true'", arg=people.nth(5).element_handle()
    )
    assert page.evaluate("document.activeElement.dataset.id") == people.nth(5).get_attribute("data-id")
    people.nth(3).click()
    counted(page, "2 selected")

    page.locator(".dsn").get_by_label("Search").press_sequentially("engineer")
    say(page, "of 12 people")
    page.get_by_role("button", name="All but these").click()
    page.get_by_role("button", name="Clear filters").click()
    say(page, "12 people.")  # the filters are clear in the kernel as well
    groups = rows(page, "Members of these groups")
    for place in (0, 1):
        groups.nth(place).click()
        wait_for(lambda: groups.nth(place).get_attribute("aria-selected") == "true")  # noqa: B023
    page.get_by_role("button", name="in all").click()
    page.locator("button", has_text=re.compile("Select these")).click()
    page.get_by_role("button", name="Clear filters").click()
    page.locator("button", has_text=re.compile("Select these 12")).click()
    for text in ("12 selected", "8 to invite", "0 seats left", "4 over the seats"):
        counted(page, text)
    page.get_by_role("button", name="Invite list", exact=True).click()
    rows(page, "Invite list").filter(has_text="no seat is left").first.wait_for()
    seats = page.locator("table[aria-label='Invite list'] td.dsn-number").all_inner_texts()
    assert seats == [*map(str, range(1, 9)), "+1", "+2"]
    page.locator(".dsn-foot", has_text="of 12").get_by_role("button", name="Next page").click()
    page.get_by_text("11 to 12 of 12").wait_for()
    page.get_by_role("button", name="Write files").click()
    answer = page.locator(
        ".dsn-status", has_text="Written into lists: invites.csv (12 rows), accounts.csv (8 rows)"
    )
    answer.wait_for()
    button = page.get_by_role("button", name="Write files").bounding_box()
    assert 0 < answer.bounding_box()["y"] - button["y"] < 120  # beside the button
    said = sheet.run(first=2).inner_text()
    assert "12 8 ['invites.csv', 'accounts.csv', 'teams.csv', 'team_members.csv']" in said
    assert (notebooks / "lists" / "invites.csv").read_text("utf-8-sig").count("\n") == 13
    assert sheet.complaints == []


def test_running_a_cell_three_times_leaves_one_live_explorer(opened):
    """WID-05: one change is one redraw, and page and kernel hold one widget."""
    sheet = opened(
        f"{START}\n{OKTA}\nfrom ipywidgets.widgets.widget import _instances\nmodels = []",
        "explorer = widgets.DirectoryExplorer(client, okta)\nmodels.append(len(_instances))\nexplorer",
        "drawn = []\nexplorer.table.observe(drawn.append, 'rows')\nasked = len(client.sandbox.requests)",
        "asked = len(client.sandbox.requests) - asked\n"
        "print(len(drawn), 'redraw', asked, 'requests', len(set(models)), len(models))",
    )
    page = sheet.page
    sheet.run()
    for _ in range(3):
        sheet.run(first=1)
        say(page, "260 users.")
    sheet.run(first=2)
    assert page.locator(".dsn:not(.dsn-card)").count() == 1
    page.locator(".dsn").get_by_label("Search").fill("simoes")
    say(page, "of 260 users")
    assert sheet.run(first=3).inner_text().strip() == "1 redraw 0 requests 1 3"
    assert sheet.complaints == []


def test_a_stop_button_ends_a_slow_load_within_a_page(opened):
    """WID-09."""
    sheet = opened(
        f"{START}\n{OKTA}\nclient.page_size = 6\n"
        "client.sandbox.faults.add('slow', path='/directory_users', seconds=0.3, times=None)",
        "explorer = widgets.DirectoryExplorer(client, okta)\nexplorer",
        "asked = len(client.sandbox.requests)",
        "import time; time.sleep(1); print(len(client.sandbox.requests) - asked, explorer.status.kind)\n"
        "try:\n    explorer.users\nexcept ds.errors.IncompleteError as problem:\n    print(problem)",
    )
    page = sheet.page
    sheet.run(2)
    say(page, "Reading users:")
    filters = page.locator(".dsn .dsn-stack").first
    assert not filters.is_visible()
    assert filters.bounding_box()["height"] > 20  # their place stays free: nothing jumps when they come
    page.locator(".dsn-level button:visible", has_text="Stop").click()
    say(page, "Stopped.")
    sheet.run(first=2)
    told = sheet.run(first=3).inner_text().splitlines()
    assert told[0].startswith("0 ")
    assert told[1].startswith("users: not read. Stopped.")
    assert sheet.complaints == []


FLUSH = """() => [...document.querySelectorAll(".dsn-table td:not(.dsn-number) > bdi")].every((line) => {
  const text = document.createRange();
  text.selectNodeContents(line);
  return text.getBoundingClientRect().left - line.getBoundingClientRect().left < 3;
})"""
CUT_OFF = """
[...document.querySelectorAll(".dsn")]
  .filter((e) => e.offsetParent && e.scrollWidth > e.clientWidth + 1).map((e) => e.className)
"""
CONTRAST = """() => {
  const sum = (colour) => colour.match(/[\\d.]+/g).slice(0, 3).reduce((total, part) => total + Number(part), 0);
  const look = (selector) => getComputedStyle(document.querySelector(selector));
  return Math.abs(sum(look(".dsn .dsn-table td").color) - sum(look(".dsn .dsn-scroll").backgroundColor));
}"""
ALL_SIX = f"""{START}
{OKTA}
user = next(client.users(directory_id=okta))['id']
teams = [g['id'] for g in client.groups(directory_id=okta)][:3]
tide = next(d['id'] for d in client.directories() if d['type'] == 'generic scim v2.0')
"""
SIX = (
    "widgets.Setup(client)",
    "widgets.DirectoryExplorer(client, okta)",
    "widgets.DetailCard(client, user_id=user)",
    "widgets.MembershipExplorer(client, okta, group_ids=teams)",
    "widgets.EventFeed(client, interval=0.5)",
    "widgets.Onboarding(client, tide)",
)


@pytest.fixture(scope="module")
def executed(tmp_path_factory: pytest.TempPathFactory, notebooks: Path) -> Path:
    """Run all six widgets headless, as CI would, into a notebook without widget state."""
    path = write_notebook(notebooks / "executed.ipynb", ALL_SIX, *SIX)
    code = (
        "import sys, nbformat\nfrom nbclient import NotebookClient\nnotebook = nbformat.read(sys.argv[1], 4)\n"
        "NotebookClient(notebook, timeout=60, store_widget_state=False).execute()\n"
        "nbformat.write(notebook, sys.argv[1])"
    )
    home = tmp_path_factory.mktemp("headless")
    subprocess.run(
        [sys.executable, "-c", code, str(path)], env=environment(home), cwd=home, timeout=120, check=True
    )
    return path


def test_without_a_kernel_the_saved_notebook_shows_tables(executed, lab, browser, tmp_path):
    """In JupyterLab with no widget state, and in an HTML export with scripts switched off."""
    outputs = [cell.outputs for cell in nbformat.read(executed, 4).cells[1:]]
    assert all(len(json.dumps(cell)) < 200_000 for cell in outputs)
    page = browser.new_page(viewport={"width": 1280, "height": 1300})
    Sheet(page).open(lab, executed.name)
    page.locator("td", has_text="Tunde Okonjo").first.wait_for()
    for place in range(1, 7):
        cell = page.locator(".jp-CodeCell").nth(place)
        cell.scroll_into_view_if_needed()
        cell.locator("table").first.wait_for()
        assert cell.locator("table").first.is_visible()
    page.close()

    from nbconvert import HTMLExporter

    html, _ = HTMLExporter().from_filename(str(executed))
    (tmp_path / "export.html").write_text(html)
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto((tmp_path / "export.html").as_uri())
    for text in (
        "Okta SCIM v2.0",
        "260 users of Harbourline Okta; here the first 10",
        "What happened",
    ):
        assert page.get_by_text(text).first.is_visible()
    assert page.locator("svg.dsn-picture").first.is_visible()
    context.close()


def test_all_six_work_in_voila(browser, tmp_path):
    path = write_notebook(
        tmp_path / "six.ipynb", ALL_SIX, *SIX, "client.sandbox.add_user(okta, name='Kim Vale')"
    )
    with voila(tmp_path / "voila", path) as address:
        page = browser.new_page(viewport={"width": 1280, "height": 1600})
        sheet = Sheet(page)
        page.goto(address)
        say(page, "260 users.")
        page.locator(".dsn").get_by_label("Search").first.press_sequentially("simoes")
        say(page, "of 260 users")
        rows(page, "Users").filter(has_text="Tomé Simões").first.click()
        page.locator(".dsn-card .dsn-title", has_text="Tomé Simões").first.wait_for()
        page.get_by_role("button", name="Google Workspace").click()
        page.get_by_text("signs in with a Google").first.wait_for()
        page.get_by_role("button", name="in all").click()
        say(page, "people in all of the picked groups")
        rows(page, "Events, newest first").filter(has_text="Kim Vale joined").wait_for()
        page.locator(".dsn-card:visible").last.get_by_role("button", name="History").click()
        rows(page, "People").first.click()
        counted(page, "1 selected")
        page.locator("summary", has_text="Code behind this").last.click()
        page.get_by_role("button", name="cURL").last.click()
        page.locator(".dsn-code pre", has_text="$WORKOS_API_KEY").first.wait_for()
        assert page.locator("[class*='dsn-static-']:visible").count() == 0
        # Voila's own page asks a CDN for an icon font, which is not there offline, and loads the JupyterLab
        # extension of whatever is installed, such as jupytext's, which needs more of JupyterLab than it has.
        others = ("cdn.jsdelivr.net", "jupyterlab-jupytext")
        assert [text for text in sheet.complaints if not any(one in text for one in others)] == []
        page.close()


def test_widgets_fit_narrow_and_wide_pages_in_light_and_dark(opened):
    sheet = opened(ALL_SIX, *SIX)
    page = sheet.page
    sheet.run(7)
    say(page, "260 users.")
    page.evaluate("jupyterapp.shell.collapseLeft()")
    for theme, width in (("Light", 1600), ("Light", 480), ("Dark", 480), ("Dark", 1600)):
        page.evaluate(f"jupyterapp.commands.execute('apputils:change-theme', {{theme: 'JupyterLab {theme}'}})")
        page.set_viewport_size({"width": width, "height": 1300})
        wait_for(lambda: page.evaluate("document.body.dataset.jpThemeName") == f"JupyterLab {theme}")  # noqa: B023
        time.sleep(0.5)
        assert page.evaluate(CUT_OFF) == [], (theme, width)
        assert page.evaluate(CONTRAST) > 400, (theme, width)
    assert sheet.complaints == []


def test_nothing_is_cut_where_jupyterlab_leaves_986_pixels(opened):
    """With the sidebar open: dates and states whole, tooltips where a text is cut, every row within reach."""
    sheet = opened(
        f"{START}\n{OKTA}\nexplorer = widgets.DirectoryExplorer(client, okta)\nexplorer", "print(explorer.page)"
    )
    page = sheet.page
    page.set_viewport_size({"width": 1440, "height": 1000})
    sheet.run()
    say(page, "260 users.")
    rows(page, "Users").first.click()
    page.locator(".dsn-card .dsn-title").wait_for()
    cut = """() => [...document.querySelectorAll(".dsn-table td > *")]
      .filter((e) => e.offsetParent && e.scrollWidth > e.clientWidth + 1)
      .map((e) => [e.textContent, e.title, e.className])"""
    page.get_by_text("Nothing keeps them out: active, directory linked, has an address.").wait_for()
    for text, title, kind in page.evaluate(cut):
        assert title == text
        assert not re.fullmatch(r"\d{4}-\d\d-\d\d", text)
        assert "dsn-state" not in kind
    inner = page.locator(".dsn-scroll").first
    assert inner.evaluate("e => e.scrollHeight <= e.clientHeight")  # no box that scrolls inside
    next_page = page.get_by_role("button", name="Next page").first
    before = next_page.bounding_box()["y"]
    next_page.click()
    page.get_by_text("11 to 20 of 260").wait_for()
    assert abs(next_page.bounding_box()["y"] - before) < 2
    jump = page.locator(".dsn-jump input").first
    jump.fill("2")
    jump.press_sequentially("6")
    jump.press("Enter")
    page.get_by_text("251 to 260 of 260").wait_for()
    body = rows(page, "Users")
    body.first.focus()
    page.keyboard.press("PageUp")
    page.get_by_text("241 to 250 of 260").wait_for()
    wait_for(lambda: page.evaluate("document.activeElement.tagName") == "TR")
    assert sheet.run(first=1).inner_text().strip() == "25"
    assert sheet.complaints == []


def test_the_best_match_is_first_and_everything_leads_on_and_back(opened):
    sheet = opened(f"{START}\n{OKTA}\nwidgets.DirectoryExplorer(client, okta)")
    page = sheet.page
    sheet.run()
    say(page, "260 users.")
    page.locator(".dsn").get_by_label("Search").press_sequentially("amara abara")
    say(page, "7 of 260 users. Best matches first.")
    people = rows(page, "Users")
    assert people.first.locator(".dsn-first").inner_text() == "Amara Abara"
    assert people.nth(1).locator(".dsn-second").last.inner_text() == "manager: Amara Abara"
    wait_for(lambda: people.nth(1).locator("mark").all_inner_texts() == ["Amara", "Abara"])
    people.nth(1).click()
    card = page.locator(".dsn-card")
    title = card.locator(".dsn-title")
    card.get_by_role("button", name="Amara Abara").click()
    wait_for(lambda: title.inner_text() == "Amara Abara")
    wait_for(lambda: people.first.get_attribute("aria-selected") == "true")
    card.get_by_role("button", name="Bergen Office").click()
    wait_for(lambda: title.inner_text() == "Bergen Office")
    card.get_by_role("button", name="Members").click()
    card.get_by_text("1 to 10 of 64").wait_for()
    card.get_by_role("button", name="‹ Back").click()
    wait_for(lambda: title.inner_text() == "Amara Abara")
    # Another view and back: search, page and card are as they were.
    page.get_by_role("button", name="Groups", exact=True).first.click()
    say(page, "24 groups.")
    page.get_by_role("button", name="Users", exact=True).click()
    say(page, "7 of 260 users.")
    wait_for(lambda: title.inner_text() == "Amara Abara")
    page.locator(".dsn-facet", has_text="Sales").first.click()
    say(page, "2 of 260 users.")
    people.first.press("Escape")
    wait_for(lambda: not card.is_visible())
    assert sheet.complaints == []


def test_without_anywidgets_part_the_static_tables_stay(opened_apart):
    """As in an offline VS Code, or a JupyterLab in another environment than the kernel."""
    sheet = opened_apart(f"{START}\n{OKTA}\nwidgets.DirectoryExplorer(client, okta)", "widgets.Setup(client)")
    page = sheet.page
    page.route(re.compile("extensions/anywidget"), lambda route: route.abort())
    page.reload()
    page.locator("text=/Python 3.*Idle/").first.wait_for()
    sheet.run(2)
    tables = page.locator("[class*='dsn-static-'] table")
    wait_for(lambda: tables.count() >= 2)
    page.wait_for_timeout(1500)  # as long as the live part usually takes
    assert page.locator("[class*='dsn-static-'] table:visible").count() >= 2
    page.get_by_text("260 users of Harbourline Okta; here the first 10").wait_for()
    assert page.locator(".dsn:visible").count() == 0


def test_two_notebooks_on_one_page_hide_only_their_own_table(opened_apart, executed, lab):
    """The marks are the same in every notebook; the rule is of one output."""
    sheet = opened_apart(f"{START}\n{OKTA}\nwidgets.DirectoryExplorer(client, okta)")
    page = sheet.page
    page.evaluate(f"void jupyterapp.commands.execute('docmanager:open', {{path: '{executed.name}'}})")
    page.locator(".jp-NotebookPanel:not(.lm-mod-hidden) [class*='dsn-static-'] table").first.wait_for()
    tabs = page.locator("#jp-main-dock-panel .lm-TabBar-tab")
    tabs.filter(has_text=sheet.path.name[:20]).first.click()
    sheet.run()
    say(page, "260 users.")
    tabs.filter(has_text=executed.name).first.click()
    page.locator(".jp-NotebookPanel:not(.lm-mod-hidden) [class*='dsn-static-'] table").first.wait_for()


def test_after_a_restart_the_widget_says_so_and_takes_no_clicks(opened_apart):
    sheet = opened_apart(f"{START}\n{OKTA}\nwidgets.DirectoryExplorer(client, okta)")
    page = sheet.page
    sheet.run()
    say(page, "260 users.")
    page.evaluate("void jupyterapp.commands.execute('notebook:restart-kernel')")
    page.locator(".jp-Dialog .jp-mod-accept, .jp-Dialog .jp-mod-warn").last.click()
    page.get_by_text("its kernel was restarted or has ended").wait_for()
    red = """() => [...document.querySelectorAll(".dsn, .dsn *")].filter((e) =>
      !["none", "normal", '""'].includes(getComputedStyle(e, "::before").content)
      && e.classList.contains("jupyter-widgets-disconnected")).length"""
    assert page.evaluate(red) == 0
    assert page.evaluate("document.querySelector('.dsn-table').closest('[inert]') !== null")
    green = "getComputedStyle(document.querySelector('.dsn-status'), '::before').backgroundColor"
    red_green_blue = [int(part) for part in re.findall(r"\d+", page.evaluate(green))[:3]]
    assert max(red_green_blue) - min(red_green_blue) < 12  # grey: nothing is claimed


LONG_GROUPS = """
tide = next(d['id'] for d in client.directories() if d['type'] == 'generic scim v2.0')
first = 'Cross-departmental coordination of international cooperation and quality assurance, unit'
for number in range(8):
    client.sandbox.add_group(tide, name=f'{first} {number}')
"""


def test_long_names_are_told_apart_and_nothing_scrolls_sideways_beside_the_sidebar(opened):
    sheet = opened(
        START + LONG_GROUPS, "widgets.RoleMapper(client, tide)", "widgets.DirectoryExplorer(client, tide)"
    )
    page = sheet.page
    page.set_viewport_size({"width": 800, "height": 1300})
    sheet.run(3)
    say(page, "0 of 12 groups mapped")
    page.get_by_role("button", name="Groups", exact=True).click()
    wide = (
        "[...document.querySelectorAll('.dsn-scroll')].filter((e) => e.scrollWidth > e.clientWidth + 1).length"
    )
    for width in (800, 1440):
        page.set_viewport_size({"width": width, "height": 1300})
        for label in ("Groups by roles", "Groups"):
            names = rows(page, label).filter(has_text="Cross-dep").locator("td:first-child .dsn-head + span")
            wait_for(lambda: len(set(names.all_inner_texts())) in (6, 8))  # noqa: B023 - ten rows of twelve
            assert names.first.locator("..").get_attribute("title") == names.first.locator("..").text_content()
        assert page.evaluate(wide) == 0, width
    assert sheet.complaints == []


def test_columns_are_resized_and_cells_and_ids_copied(opened):
    sheet = opened(f"{START}\n{OKTA}\nwidgets.DirectoryExplorer(client, okta)")
    page = sheet.page
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    sheet.run()
    say(page, "260 users.")
    heading = page.locator(".dsn-main th").first
    before = heading.bounding_box()
    page.mouse.move(before["x"] + before["width"] - 3, before["y"] + 9)
    page.mouse.down()
    page.mouse.move(before["x"] + before["width"] - 63, before["y"] + 9)
    page.mouse.up()
    assert abs(before["width"] - heading.bounding_box()["width"] - 60) < 4
    heading.locator(".dsn-grip").dblclick()
    wait_for(lambda: abs(before["width"] - heading.bounding_box()["width"]) < 4)
    row = rows(page, "Users").nth(2)
    row.locator("td").nth(1).click()
    for what, wanted in (("This cell", "active"), ("The id of this row", row.get_attribute("data-id"))):
        page.locator(".dsn-main summary", has_text="Copy").click()
        page.locator(".dsn-main").get_by_role("button", name=what).click()
        page.locator(".dsn-main [role=status]", has_text=f"Copied: {wanted}.").wait_for()
        assert page.evaluate("navigator.clipboard.readText()") == wanted
    assert sheet.complaints == []


def test_rows_are_saved_and_columns_chosen(opened, tmp_path):
    sheet = opened(
        f"{START}\n{OKTA}\nexplorer = widgets.DirectoryExplorer(client, okta)\nexplorer",
        "print(len(explorer.rows))",
    )
    page = sheet.page
    sheet.run()
    say(page, "260 users.")
    page.locator(".dsn-facet", has_text="Sales").first.click()
    say(page, "33 of 260 users.")
    with page.expect_download() as download:
        page.locator(".dsn-main").get_by_role("button", name="Save").click()
    download.value.save_as(tmp_path / "users.csv")
    assert len(pd.read_csv(tmp_path / "users.csv")) == 33
    assert sheet.run(first=1).inner_text().strip() == "33"
    page.locator(".dsn-main summary", has_text="Columns").click()
    page.locator(".dsn-main").get_by_label("job_title").check()
    page.locator(".dsn-main th", has_text="job_title").wait_for()
    page.keyboard.press("Escape")
    assert sheet.complaints == []


def complaints_of_axe(page):
    """Return what axe-core, a package of the registry, says of names, roles, contrast, focus order."""
    axe = pytest.importorskip("axe_playwright_python.base", reason="axe-playwright-python brings axe-core")
    page.evaluate(axe.AXE_FILE_PATH.read_text(encoding="utf-8"))
    found = page.evaluate("axe.run({include: [['.dsn']]}, {resultTypes: ['violations']})")
    return [
        (one["id"], one["nodes"][0]["html"][:160], one["nodes"][0]["failureSummary"])
        for one in found["violations"]
    ]


def test_the_console_takes_a_hire_by_keyboard_and_hands_out_a_page(opened, tmp_path):
    sheet = opened(f"{START}\nconsole = widgets.DemoConsole(client)\nconsole")
    page = sheet.page
    sheet.run()
    say(page, "people at Okta")
    page.locator(".dsn").get_by_label("New name").fill("Kim <b>Vale</b>")
    page.locator(".dsn button", has_text="Hire").focus()
    page.keyboard.press("Enter")
    say(page, re.compile(r"2 requests, 1 event, 1 webhook, 1 row in [\d,]+ ms"))
    assert page.evaluate(FOCUSED) == "BUTTON Hire"
    lanes = page.locator(".dsn-step-of .dsn-lane")
    assert [lane.split("\n")[0] for lane in lanes.all_inner_texts()] == [
        "SCIM REQUEST", "EVENT", "WEBHOOK", "ROW OF THE APP",
    ]  # fmt: skip
    assert complaints_of_axe(page) == []
    with page.expect_download() as saved:
        page.locator(".dsn button", has_text="Save as a page").click()
    saved.value.save_as(tmp_path / "demo.html")
    assert page.context.browser is not None
    sent = page.context.browser.new_page()  # the page of the notebook is that of the tests to come
    sent.goto((tmp_path / "demo.html").as_uri())
    assert sent.locator(".dsn-step-of h4").inner_text() == "Kim <b>Vale</b> is hired"
    sent.locator("summary").first.click()
    assert sent.locator("details[open]").count() == 1
    sent.close()
    assert sheet.complaints == []


def test_axe_finds_nothing_to_complain_of(opened):
    sheet = opened(ALL_SIX, *SIX)
    page = sheet.page
    sheet.run(7)
    rows(page, "Users").first.click()
    page.locator(".dsn-card .dsn-title").first.wait_for()
    assert complaints_of_axe(page) == []


def test_groups_are_mapped_by_keyboard_and_axe_finds_nothing(opened):
    sheet = opened(
        f"{START}\n{OKTA}\nmapper = widgets.RoleMapper(client, okta)\nmapper", "mapper.mapping.mapped"
    )
    page = sheet.page
    sheet.run()
    say(page, "0 of 24 groups mapped")
    boxes = "table[aria-label='Groups by roles'] input"
    page.locator(boxes).first.focus()
    for key in ("ArrowDown", "ArrowRight", "Space"):
        page.keyboard.press(key)
    say(page, "1 of 24 groups mapped")
    label = "document.activeElement.getAttribute('aria-label')"
    wait_for(lambda: page.evaluate(label) == "auditor: Engineering")  # the focus stays where the click was
    assert page.evaluate("document.activeElement.checked")
    rows(page, "Roles in order").nth(1).focus()
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Higher").click()
    wait_for(lambda: "auditor" in rows(page, "Roles in order").first.inner_text())
    page.evaluate("jupyterapp.shell.collapseLeft()")
    for width in (1280, 480):
        page.set_viewport_size({"width": width, "height": 1300})
        wait_for(lambda: page.evaluate(CUT_OFF) == [], 20)
    assert complaints_of_axe(page) == []
    assert "auditor" in sheet.run(first=1).inner_text()
    assert sheet.complaints == []


def test_a_fleet_is_opened_by_keyboard_and_axe_finds_nothing_in_either_theme(opened):
    pytest.importorskip("dask", reason="the extra 'fleet' brings it")
    sheet = opened(
        f"{START}\n{OKTA}\nfleet = ds.take_fleet(client, 'board', directory_id=[okta])",
        "board = widgets.FleetBoard(client, fleet)\nboard",
        "print(board.directory_id == okta, len(board.rows), len(board.picked))",
    )
    page = sheet.page
    sheet.run(2)
    say(page, "1 directory: 0 broken")
    rows(page, "Directories of the fleet").first.press("Enter")
    say(page, "260 users.")
    for theme in ("Dark", "Light"):
        page.evaluate(f"jupyterapp.commands.execute('apputils:change-theme', {{theme: 'JupyterLab {theme}'}})")
        wait_for(lambda: page.evaluate("document.body.dataset.jpThemeName") == f"JupyterLab {theme}")  # noqa: B023
        assert complaints_of_axe(page) == [], theme
    assert sheet.run(first=2).inner_text().strip() == "True 1 1"
    assert sheet.complaints == []
