"""Keystroke to drawn rows in the explorer, in a real browser.

Run it by hand: ``python -m tests.benchmarks.bench_widgets [USERS]``. JupyterLab, kernel, sandbox and Chromium
share this machine. Each keystroke is timed in the page, from its input event to the frame in which the new rows
stand there; the next one is typed when they do.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

from ..browser.widget_lab import CHROMIUM, FLAGS, Sheet, jupyterlab, wait_for, write_notebook
from ._table import Row, machine, row, table

WORDS = ("simoes", "lee", "engineering oslo", "zzz", "harbour", "ann")

STATE = """
import json

def family(one):
    return [one, *(inner for child in getattr(one, "children", ()) for inner in family(child))]

print(sum(len(json.dumps(one.get_state(), default=str)) for one in family(explorer)), "bytes of state")
"""

WATCH = """() => {
  window.took = [];
  let started = null;
  document.addEventListener("input", () => { started = performance.now(); }, true);
  const drawn = () => requestAnimationFrame(() => {
    if (started !== null) { window.took.push(performance.now() - started); started = null; }
  });
  const settings = { childList: true, subtree: true, characterData: true };
  // Where the first rows stay the same, the count in the status line still changes.
  new MutationObserver(drawn).observe(document.querySelector(".dsn-table tbody"), settings);
  new MutationObserver(drawn).observe(document.querySelector(".dsn-status").parentElement, settings);
}"""


def rows(quick: bool = False, users: int | None = None) -> list[Row]:
    """Load, type, and tell what it took."""
    users = users or (5_000 if quick else 100_000)
    home = Path(tempfile.mkdtemp(prefix="bench-widgets-"))
    notebooks = home / "notebooks"
    notebooks.mkdir()
    write_notebook(
        notebooks / "bench.ipynb",
        "import dirsync_nb as ds\nfrom dirsync_nb import widgets\n"
        f"client = ds.connect_sandbox(users={users})\nlargest = next(client.directories())['id']",
        "explorer = widgets.DirectoryExplorer(client, largest)\nexplorer",
        STATE,
    )
    with jupyterlab(home, notebooks) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        page = browser.new_page(viewport={"width": 1280, "height": 1300})
        sheet = Sheet(page).open(address, "bench.ipynb")
        page.locator(".jp-Notebook .jp-CodeCell .cm-content").first.click()
        page.keyboard.press("Shift+Enter")
        prompt = page.locator(".jp-CodeCell .jp-InputPrompt").first
        wait_for(lambda: "[1]" in prompt.inner_text(), 300)
        started = time.monotonic()
        sheet.run(first=1)
        page.locator(".dsn-status", has_text=f"{users:,} users.").first.wait_for(timeout=300_000)
        ready = time.monotonic() - started
        took = sorted(_type(page))
        state = sheet.run(first=2).inner_text().strip()
        browser.close()
    typed = f"explorer of {users:,} users, {len(took)} keystrokes until the rows stand there"
    return [
        row(f"explorer of {users:,} users, {state}: until it shows them", ready),
        row(f"{typed}: median", statistics.median(took), unit="ms"),
        row(f"{typed}: 95 % under", took[int(len(took) * 0.95)], unit="ms"),
    ]


def _type(page: Any) -> list[float]:
    page.evaluate(WATCH)
    field = page.locator(".dsn").get_by_label("Search")
    field.focus()
    count = 0
    for word in WORDS:
        for key in (*word, *["Backspace"] * len(word)):
            page.keyboard.press("Space" if key == " " else key)
            count += 1
            # A space changes nothing that is shown; it has no time of its own.
            deadline = time.monotonic() + 3
            while page.evaluate("window.took.length") < count and time.monotonic() < deadline:
                time.sleep(0.005)
            count = page.evaluate("window.took.length")
    return list(page.evaluate("window.took"))


if __name__ == "__main__":
    print(machine())
    print(table(rows(users=int(sys.argv[1]) if len(sys.argv) > 1 else None)))
