"""Ask a service what the documentation leaves open, and compare it with what client and sandbox count on.

It reads only, one request at a time, within the limits. The report holds no key, name, address, id or host: an
answer is a word or the shape of a body, so it can be sent to whoever keeps the notes.
"""

from __future__ import annotations

import html
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd

from ... import errors
from ...client import DirectoryClient, needs_client
from ...extras import version
from ...frames.tools import rows_frame
from .asking import Asker, NotAsked
from .questions import QUESTIONS, UNASKED, Question

PROBE_COLUMNS = {
    "verdict": "category",
    **dict.fromkeys(("answer", "believed", "asked", "source", "concerns"), "str"),
}
VERDICTS = ("as believed", "different", "not asked")
PRODUCTION = "https://api.workos.com"


@dataclass(frozen=True)
class Probe:
    """What a service answered. Made by :func:`probe`.

    Attributes
    ----------
    frame
        One row a question: index ``question``, columns ``PROBE_COLUMNS``. ``verdict`` is ``as believed``,
        ``different`` or ``not asked``, where ``answer`` says why.
    server, key, requests
        What was asked (``WorkOS``, ``a sandbox`` or ``another server``), with which kind of key, how often.
    """

    frame: pd.DataFrame
    server: str
    key: str
    requests: int

    @property
    def differences(self) -> pd.DataFrame:
        """The questions that were answered otherwise than believed."""
        return self.frame[self.frame["verdict"] == "different"]

    def __repr__(self) -> str:
        return "\n".join(self._lines())

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(repr(self))}</pre>"

    def _lines(self) -> Iterator[str]:
        counts = self.frame["verdict"].value_counts()
        told = ", ".join(f"{counts[name]} {name}" for name in VERDICTS)
        yield f"{self.server}, {self.key}, {self.requests} requests: {told}."
        for name, row in self.differences.iterrows():
            yield f"{name}: {row['answer']} (believed: {row['believed']}; {row['source']}; {row['concerns']})"

    def markdown(self) -> str:
        """Return the report as Markdown."""
        head = ["question", *PROBE_COLUMNS]
        rows = [head, ["---"] * len(head)]
        order = self.frame["verdict"].cat.codes.map({1: 0, 0: 1, 2: 2}).sort_values(kind="stable").index
        rows += [[str(name), *map(str, self.frame.loc[name])] for name in order]
        table = "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows)
        unasked = "".join(f"- {one}\n" for one in UNASKED)
        told = f"{self._about()}\n\n{next(self._lines())}\n\n{table}"
        return f"# What the service answers\n\n{told}\n\n## What reading cannot find out\n\n{unasked}"

    def json(self) -> str:
        """Return the report as JSON."""
        questions = self.frame.astype(str).reset_index().to_dict("records")
        about = {"server": self.server, "key": self.key, "requests": self.requests}
        report = {"made": self._about(), **about, "questions": questions}
        return json.dumps(report, indent=2, ensure_ascii=False) + "\n"

    def _about(self) -> str:
        return f"Asked by dirsync_nb {version()} on {datetime.now(UTC):%Y-%m-%d}, with GET alone."

    def write(self, path: str | Path = "dirsync-probe") -> list[Path]:
        """Write the report beside each other as ``.md`` and ``.json``; return the files."""
        stem = Path(path)
        files = {Path(f"{stem}.md"): self.markdown(), Path(f"{stem}.json"): self.json()}
        for file, text in files.items():
            file.write_text(text, encoding="utf-8")
        return [*files]


@needs_client
def probe(client: DirectoryClient) -> Probe:
    """Ask the service what our notes assume, and say where it answers otherwise.

    About 80 requests, each a GET within the limits: half a minute. What the environment has not got (a second
    directory, an event of the last 30 days) leaves its questions unasked.

    Returns
    -------
    Probe
        ``differences`` has the answers that were not expected; ``write()`` makes a report to share.

    Raises
    ------
    ArgumentError
        A redacted client: give the plain one, the report shows nobody.
    LoadError
        The key was refused, or the service was not reached.

    Examples
    --------
    >>> found = ds.checklist.probe(client)
    """
    asker = Asker(client)
    rows = [(*_answered(one, asker), one.believed, one.asked, one.source, one.concerns) for one in QUESTIONS]
    index = pd.Index([one.id for one in QUESTIONS], dtype="str", name="question")
    frame = rows_frame(rows, PROBE_COLUMNS, index, verdict=VERDICTS)
    known = "WorkOS" if client.base_url == PRODUCTION else "another server"
    server = known if client.sandbox is None else "a sandbox"
    return Probe(frame, server, client.transport.key_environment, asker.requests)


def _answered(question: Question, asker: Asker) -> tuple[str, str]:
    """Ask one question; one that cannot be asked, or whose answer cannot be read, harms no other."""
    try:
        answer = question.ask(asker)
    except NotAsked as why:
        return "not asked", str(why)
    except (errors.ArgumentError, errors.NotAuthorized, errors.ConnectionFailed):
        raise
    except (errors.DirsyncError, AttributeError, TypeError, ValueError, KeyError, IndexError) as problem:
        return "different", f"an answer that cannot be read ({type(problem).__name__})"
    return ("as believed" if answer == question.believed else "different"), answer
