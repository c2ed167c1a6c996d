"""The canary: a key made for one test run, which nothing that the run produces may hold.

The fixtures' clients and sandbox use it. A plugin looks for it in every report (traceback, captured output and
log), in every message that is logged, and at the end in every file under the run's temporary folder. A find
fails the run and names the place; the key itself is cut out of what pytest shows and stores.

Under pytest-xdist each worker has a canary of its own and tells the controller what it found.
"""

from __future__ import annotations

import base64
import io
import logging
import mmap
import random
import zipfile
import zlib
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest

LETTERS = "BCDFGHJKLMNPQRSTVWXZbcdfghjkmnpqrstvwxz"  # no digits or words: a port or an id may hold some


def new_key() -> str:
    return "sk_test_CANARY" + "".join(random.SystemRandom().choices(LETTERS, k=24))


KEY = new_key()
"""The key of this process."""

HEARD = ("urllib3.connectionpool", "urllib3.util.retry", "requests", "dirsync_nb.sandbox.http.app")
"""Loggers whose every message is looked at; each says something of the requests that carry the key."""


def spellings(secret: str) -> list[bytes]:
    """Return the forms in which a secret may stand in bytes: UTF-8, UTF-16, and base64 at any offset."""
    plain = secret.encode()
    found = [plain, secret.encode("utf-16-le")]
    for offset in range(3):
        packed = base64.b64encode(b"\0" * offset + plain)
        # The first and last letters depend on what stands before and behind.
        found.append(packed[4 if offset else 0 : len(packed) - 4])
    return found


class Canary:
    """Find a key in what a test run produces.

    Parameters
    ----------
    key
        The key; what stands behind its prefix is searched for.
    """

    def __init__(self, key: str) -> None:
        self.secret = key.removeprefix("sk_test_")
        self.spellings = spellings(self.secret)
        self.finds: list[str] = []
        self._now = "outside of any test"
        self._ear = _Ear(self)

    def note(self, place: str) -> None:
        place = place.replace(self.secret, "<canary>")
        if place not in self.finds:
            self.finds.append(place)

    def cleaned(self, text: str, place: str) -> str:
        """Return a text without the key; note the place if it was there."""
        if self.secret not in text:
            return text
        self.note(place)
        return text.replace(self.secret, "<canary>")

    # What is said -------------------------------------------------------------------------------------------

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item) -> Generator[None, Any, Any]:
        return self._examined((yield), item.nodeid)

    @pytest.hookimpl(wrapper=True)
    def pytest_make_collect_report(self, collector: pytest.Collector) -> Generator[None, Any, Any]:
        return self._examined((yield), collector.nodeid)

    def _examined(self, report: Any, nodeid: str) -> Any:
        told = report.longreprtext
        if self.cleaned(told, f"the traceback of {nodeid}") != told:
            report.longrepr = told.replace(self.secret, "<canary>")
        report.sections = [
            (name, self.cleaned(text, f"{name.lower()} of {nodeid}")) for name, text in report.sections
        ]
        self.cleaned(nodeid, f"the name of {nodeid}")
        return report

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, Any, Any]:
        self._now = item.nodeid
        try:
            return (yield)
        finally:
            self._now = "outside of any test"

    def pytest_warning_recorded(self, warning_message: Any, nodeid: str) -> None:
        self.cleaned(str(warning_message.message), f"a warning of {nodeid or 'the session'}")

    def pytest_sessionstart(self) -> None:
        for name in HEARD:
            logging.getLogger(name).addFilter(self._ear)
            logging.getLogger(name).setLevel(logging.DEBUG)

    def heard(self, record: logging.LogRecord) -> None:
        self.cleaned(record.getMessage(), f"a message of {record.name} during {self._now}")

    # What is written ----------------------------------------------------------------------------------------

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        for name in HEARD:
            logging.getLogger(name).removeFilter(self._ear)
            logging.getLogger(name).setLevel(logging.NOTSET)
        factory = getattr(session.config, "_tmp_path_factory", None)
        base = getattr(factory, "_basetemp", None)
        if base is not None:
            self.search(Path(base))
        output = getattr(session.config, "workeroutput", None)
        if output is not None:
            output["canary"] = self.finds
        elif self.finds:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_testnodedown(self, node: Any) -> None:
        """Take over what a worker of pytest-xdist found."""
        for place in getattr(node, "workeroutput", {}).get("canary", ()):
            self.note(f"{place} ({node.gateway.id})")

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        if self.finds:
            terminalreporter.section("the key of this run got out", red=True)
            for place in self.finds:
                terminalreporter.line(f"CANARY in {place}")

    def search(self, base: Path) -> None:
        """Look into every file below a folder, and into the files inside archives."""
        for path in base.rglob("*"):
            if path.is_symlink() or not path.is_file():
                continue
            self.cleaned(path.name, f"the name of a file in {path.parent.relative_to(base)}")
            try:
                for content, inside in contents(path):
                    if any(content.find(spelling) >= 0 for spelling in self.spellings):
                        self.note(f"the file {path.relative_to(base)}{inside}")
            except PermissionError:
                continue  # a test took its own permission away


class _Ear(logging.Filter):
    """Hear every message of a logger, down to DEBUG, and pass on what would be logged without it."""

    def __init__(self, canary: Canary) -> None:
        super().__init__()
        self._canary = canary

    def filter(self, record: logging.LogRecord) -> bool:
        self._canary.heard(record)
        parent = logging.getLogger(record.name).parent
        return parent is None or record.levelno >= parent.getEffectiveLevel()


def contents(path: Path) -> Iterator[tuple[Any, str]]:
    """Return the bytes of a file, and those of the files in it where it is a zip (a workbook, a snapshot)."""
    if path.stat().st_size == 0:
        return
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as whole:
        yield whole, ""
        if whole[:2] != b"PK":
            return
        try:
            with zipfile.ZipFile(io.BytesIO(whole[:])) as archive:
                for name in archive.namelist():
                    yield archive.read(name), f", in {name}"
        except (
            zipfile.BadZipFile,
            NotImplementedError,
            RuntimeError,
            EOFError,
            OSError,
            ValueError,
            zlib.error,
        ):
            return  # tests cut archives short on purpose
