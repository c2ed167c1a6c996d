"""JupyterLab, Voila and a browser for the widget tests: one of each for all tests."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import nbformat
from nbformat import v4

import dirsync_nb as ds

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
ROOT = str(Path(ds.__file__).parent.parent)
TOKEN = "widgets"
KERNEL = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}

SETTINGS: dict[str, dict[str, Any]] = {
    # Nothing is asked of the internet, and what the canary test is about is switched on.
    "@jupyterlab/apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
    "@jupyter-widgets/jupyterlab-manager/plugin": {"saveState": True},
    "@jupyterlab/docmanager-extension/plugin": {"autosave": False},
}


def write_notebook(path: Path, *cells: str) -> Path:
    """Write a notebook of code cells that nobody has run."""
    notebook = v4.new_notebook(cells=[v4.new_code_cell(cell) for cell in cells], metadata=KERNEL)
    nbformat.write(notebook, path)
    return path


def environment(home: Path, **more: str) -> dict[str, str]:
    """Return an environment in which neither keys nor settings of the machine's user exist."""
    clean = {n: v for n, v in os.environ.items() if not n.startswith(("WORKOS_", "DIRSYNC_"))}
    own = ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR", "HOME")
    return {**clean, **{name: str(home / name.lower()) for name in own}, "PYTHONPATH": ROOT, **more}


@contextmanager
def running(command: list[str], ready: str, home: Path, **more: str) -> Iterator[str]:
    """Run a server until the block ends; give the first line of its log that matches."""
    home.mkdir(exist_ok=True)
    log = home / f"{command[2].replace('.', '-')}.log"
    with (
        log.open("w") as out,
        subprocess.Popen(
            command, env=environment(home, **more), stdout=out, stderr=out, cwd=home, text=True
        ) as process,
    ):
        try:
            yield wait_for(lambda: (m := re.search(ready, log.read_text())) and m[0], 60)
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                process.kill()


@contextmanager
def jupyterlab(home: Path, notebooks: Path, theme: str = "JupyterLab Light") -> Iterator[str]:
    """Run JupyterLab; give its address."""
    settings = home / "settings"
    for name, values in (SETTINGS | {"@jupyterlab/apputils-extension/themes": {"theme": theme}}).items():
        path = settings / f"{name}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(values))
    command = [
        sys.executable,
        "-m",
        "jupyterlab",
        "--no-browser",
        "--ip=127.0.0.1",
        "--port=0",
        f"--IdentityProvider.token={TOKEN}",
        f"--ServerApp.root_dir={notebooks}",
        "--LabApp.expose_app_in_browser=True",
        "--allow-root",
    ]
    with running(
        command, r"http://127\.0\.0\.1:\d+/lab", home, JUPYTERLAB_SETTINGS_DIR=str(settings)
    ) as address:
        yield address


@contextmanager
def voila(home: Path, notebook: Path) -> Iterator[str]:
    """Run Voila on one notebook; give its address."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "voila", str(notebook), "--no-browser", f"--port={port}"]
    with running([*command, "--Voila.ip=127.0.0.1"], r"Voil\S+ is running at", home):
        yield f"http://127.0.0.1:{port}/"


# Whatever was opened before goes away, with its kernel and without a question about saving.
TURN = """async (name) => {
  for (const one of [...jupyterapp.shell.widgets("main")]) {
    if (one.context) one.context.model.dirty = false;
    await one.sessionContext?.shutdown().catch(() => null);
    one.dispose();
  }
  const opened = await jupyterapp.commands.execute("docmanager:open", { path: name });
  await opened.context.ready;
  await opened.sessionContext.ready;
  await opened.sessionContext.session.kernel.info;
}"""


class Sheet:
    """A notebook open in a browser page, with what the console complained of."""

    def __init__(self, page: Any) -> None:
        self.page = page
        self.complaints: list[str] = []
        page.set_default_timeout(90_000)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", lambda m: m.type == "error" and self.complaints.append(f"{m.text} {m.location}"))

    def open(self, address: str, name: str) -> Sheet:
        """Open a notebook in JupyterLab and wait for its kernel."""
        self.page.goto(f"{address}/tree/{name}?token={TOKEN}&reset")
        self.page.wait_for_selector(".jp-Notebook .jp-CodeCell")
        self.page.locator("text=/Python 3.*Idle/").first.wait_for()
        self.complaints.clear()  # JupyterLab's own, while it starts
        return self

    def turn_to(self, name: str) -> Sheet:
        """Open another notebook on the same page, in the place of those before it, and wait for its kernel."""
        self.page.set_viewport_size({"width": 1280, "height": 1300})
        self.page.evaluate(TURN, name)
        self.complaints.clear()
        return self

    def run(self, cells: int = 1, first: int = 0) -> Any:
        """Run cells with Shift+Enter; give the output area of the last."""
        page = self.page
        page.locator(".jp-Notebook .jp-CodeCell .cm-content").nth(first).click()
        for n in range(first, first + cells):
            prompt = page.locator(".jp-CodeCell").nth(n).locator(".jp-InputPrompt").first
            before = prompt.inner_text()
            page.keyboard.press("Shift+Enter")
            wait_for(lambda: re.search(r"\[\d+\]", text := prompt.inner_text()) and text != before, 60)  # noqa: B023
        return page.locator(".jp-CodeCell").nth(first + cells - 1).locator(".jp-OutputArea").first

    def save(self) -> None:
        """Save the notebook by its button."""
        self.page.locator(
            "jp-button[data-command='docmanager:save'], [data-command='docmanager:save']"
        ).first.click()


def wait_for(condition: Any, seconds: float = 120) -> Any:
    """Wait until something is true, and give it."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.05)
    return value
