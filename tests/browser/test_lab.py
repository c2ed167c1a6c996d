"""JupyterLab as a person meets it: started by the command, used in a real browser, ended by Ctrl-C."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import nbformat
import pytest
from nbformat import v4

from .widget_lab import CHROMIUM, FLAGS, ROOT

pytestmark = pytest.mark.skipif(
    not CHROMIUM.exists() and not os.environ.get("CI"), reason=f"needs a browser at {CHROMIUM}"
)


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run ``dirsync-nb lab`` on a small notebook; give the process and what it said."""
    folder = tmp_path / "work"
    folder.mkdir()
    cells = [
        v4.new_code_cell(
            "import os\nimport dirsync_nb as ds\nclient = ds.connect()\nprint('kernel', os.getpid())"
        ),
        v4.new_code_cell("directories = ds.load_directories(client)\ndirectories"),
        v4.new_code_cell("print('server', client.base_url)"),
    ]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    nbformat.write(v4.new_notebook(cells=cells, metadata=kernel), folder / "small.ipynb")
    command = [
        sys.executable,
        "-m",
        "dirsync_nb.cli",
        "lab",
        "--no-browser",
        "--dir",
        str(folder),
        "--port",
        "0",
    ]
    # Of its own configuration: neither settings nor workspaces of the machine's user reach the test.
    own = {name: str(tmp_path / name) for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "IPYTHONDIR")}
    with (
        (tmp_path / "said").open("w") as out,
        subprocess.Popen(
            command, env={**os.environ, **own, "PYTHONPATH": ROOT}, stdout=out, stderr=out, text=True
        ) as process,
    ):
        try:
            said = wait_for(lambda: text if "Ctrl-C" in (text := (tmp_path / "said").read_text()) else None)
            yield process, said
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                process.wait(timeout=60)


@pytest.fixture
def page() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        page = browser.new_page()
        page.set_default_timeout(60_000)
        yield page
        browser.close()


def test_a_person_reads_the_shared_sandbox_in_jupyterlab_and_ctrl_c_leaves_nothing(lab, page, tmp_path):
    process, said = lab
    sandbox = found(r"embedded sandbox.*\((http://\S+)\)", said)
    assert len(said.splitlines()) == 4, "a library warns before the address"
    address = found(r"JupyterLab: (http://\S+)", said)
    open_and_wait(page, address)
    assert page.locator(".lm-TabBar-tab.lm-mod-current", has_text="01_first_look.ipynb").count() == 1
    page.locator("table.dataframe").first.wait_for()  # stored, and trusted
    assert page.locator(".jp-mod-dirty").count() == 0, "opening it changed it"
    outputs, errors = run_cells(page, address.replace("01_first_look", "small"), 3)

    assert "No WORKOS_API_KEY: this is the embedded sandbox" in outputs[0]
    assert page.locator(".jp-OutputArea table.dataframe tbody tr").count() == 9
    assert "Harbourline Okta" in outputs[1]
    assert f"server {sandbox}" in outputs[2]
    assert errors == []

    more = (tmp_path / "said").read_text().removeprefix(said).splitlines()
    assert [line for line in more if "small.ipynb is not trusted" not in line] == []
    children = descendants(process.pid)
    assert int(found(r"kernel (\d+)", outputs[0])) in children
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=60) == 0
    assert wait_for(lambda: not [pid for pid in children if alive(pid)], 10)
    for url in (sandbox, address):
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", urlsplit(url).port), 5)


def run_cells(page: Any, address: str, cells: int) -> tuple[list[str], list[str]]:
    """Run the first cells with Shift+Enter; give their outputs, and what the console complained of."""
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: message.type == "error" and errors.append(message.text))
    open_and_wait(page, f"{address}&reset")
    errors.clear()  # JupyterLab's own, while it starts
    page.locator(".jp-Notebook .jp-CodeCell .cm-content").first.click()
    for n in range(cells):
        page.keyboard.press("Shift+Enter")
        page.locator(".jp-CodeCell").nth(n).locator(f".jp-InputPrompt:has-text('[{n + 1}]:')").wait_for()
    outputs = page.locator(".jp-CodeCell .jp-OutputArea")
    return [outputs.nth(n).inner_text() for n in range(cells)], errors


def open_and_wait(page: Any, address: str) -> None:
    """Open a notebook and wait for its kernel."""
    page.goto(address)
    page.wait_for_selector(".jp-Notebook .jp-CodeCell")
    page.locator("text=/Python 3.*Idle/").first.wait_for()


def found(pattern: str, text: str) -> str:
    match = re.search(pattern, text)
    assert match is not None, text
    return match[1]


def wait_for(condition: Any, seconds: float = 120) -> Any:
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.1)
    return value


def alive(pid: int) -> bool:
    """Return whether a process runs; a zombie that its parent has not collected yet does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def descendants(pid: int) -> list[int]:
    """Return all processes that a process began, and those began."""
    children = [
        int(child)
        for task in Path(f"/proc/{pid}/task").iterdir()
        for child in (task / "children").read_text().split()
    ]
    return children + [below for child in children for below in descendants(child)]
