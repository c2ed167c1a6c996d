"""Run the stored notebooks, and tell what they say and what their charts show: numbers and labels, no pixels.

    python -m tests.notebooks.runs NAME...    print both, as JSON, of these notebooks or of all
    python -m tests.notebooks.runs --record   keep what the charts show, as tests/data/notebook_figures.json

The kernels reach this machine only.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import sys
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.ft2font import FT2Font

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
FIGURES = ROOT / "tests" / "data" / "notebook_figures.json"
MIME = "application/vnd.dirsync.figure+json"
MANY = 60  # from here on numbers count by shape, sum and digest

# Put before the first cell: each chart that is sent says what it shows as well.
WATCH = f"""
import sys
sys.path.insert(0, {str(ROOT)!r})
from dirsync_nb.charts import figure as _drawing
from tests.notebooks.runs import describe as _describe

def _publish(ax, *, update, _send=_drawing._publish):
    _send(ax, update=update)
    told = {{"id": ax._display_id, "shows": _describe(ax.get_figure(root=True))}}
    _drawing.kernel_shell().display_pub.publish({{{MIME!r}: told}})

_drawing._publish = _publish
sys.path.remove({str(ROOT)!r})
"""


# -- what a chart shows --------------------------------------------------------------------------------------


def describe(figure: Any) -> list[dict[str, Any]]:
    """Return the numbers and labels of a figure, one dictionary for each of its Axes.

    Left out is what may differ while they are the same: size, colour, font, line breaks, ticks nobody chose.
    """
    below = re.sub(r"No installed font has .*", "", _plain(figure.get_supxlabel()))
    said = {"below": below.strip()} if below.strip() else {}
    return [said | _axes(ax) for ax in figure.get_axes()]


def _axes(ax: Any) -> dict[str, Any]:
    legend = ax.get_legend()
    told = {
        "title": _plain(ax.get_title()),
        "x": ax.get_xlabel(),
        "y": ax.get_ylabel(),
        "x labels": _labels(ax.xaxis),
        "y labels": _labels(ax.yaxis),
        "texts": [_plain(text.get_text()) for text in ax.texts],
        "legend": [_plain(text.get_text()) for text in legend.get_texts()] if legend else [],
        "bars": [_numbers([p.get_x(), p.get_y(), p.get_width(), p.get_height()]) for p in _bars(ax)],
        "lines": [[_numbers(line.get_xdata(orig=False)), _numbers(line.get_ydata())] for line in ax.lines],
        "images": [_numbers(image.get_array()) for image in ax.images],
        "marks": [_marks(collection) for collection in ax.collections],
    }
    return {name: value for name, value in told.items() if value}


def _plain(text: str) -> str:
    """Take out what depends on the width and on the fonts of a machine (matplotlib before 3.11 draws a box)."""
    return " ".join("".join(letter if letter in _everywhere() else "□" for letter in text).split())


@cache
def _everywhere() -> frozenset[str]:
    """Return the characters of the font that comes with matplotlib."""
    own = mpl.get_data_path() + "/fonts/ttf/DejaVuSans.ttf"
    return frozenset(map(chr, FT2Font(own).get_charmap())) | {"\n"}


def _bars(ax: Any) -> list[Any]:
    return [patch for patch in ax.patches if hasattr(patch, "get_x")]


def _labels(axis: Any) -> list[str]:
    """Return the labels that a chart set itself."""
    fixed = type(axis.get_major_formatter()).__name__ in ("FixedFormatter", "FuncFormatter")
    return [_plain(text.get_text()) for text in axis.get_ticklabels()] if fixed else []


def _marks(collection: Any) -> list[Any]:
    parts = [collection.get_offsets(), collection.get_array()]
    if hasattr(collection, "get_segments"):
        parts += collection.get_segments()
    return [_numbers(part) for part in parts if part is not None and np.size(part)]


def _numbers(values: Any) -> list[Any]:
    """Round to six digits, so that another processor says the same."""
    array = np.ma.filled(np.ma.asarray(values, dtype=float), np.nan)
    said = [float(f"{number:.6g}") if np.isfinite(number) else None for number in array.ravel()]
    if len(said) <= MANY:
        return said
    digest = hashlib.sha256(json.dumps(said).encode()).hexdigest()[:16]
    return ["shape", *array.shape, "sum", float(f"{np.nansum(array):.6g}"), "digest", digest]


# -- running -------------------------------------------------------------------------------------------------


def run(path: Path, environment: dict[str, str], folder: Path) -> dict[str, Any]:
    """Run one notebook; give the text of each of its cells, and what each chart shows."""
    import nbformat
    from nbclient import NotebookClient

    notebook = nbformat.read(path, 4)
    notebook.cells.insert(0, nbformat.v4.new_code_cell(WATCH))
    client = NotebookClient(
        notebook, timeout=120, kernel_name="python3", resources={"metadata": {"path": str(folder)}}
    )
    client.execute(env=environment)
    cells = [cell.get("outputs", []) for cell in notebook.cells[1:]]
    return {"texts": [text_of(outputs) for outputs in cells], "figures": [_figures(cell) for cell in cells]}


def text_of(outputs: list[Any]) -> str:
    """Join what a cell says in words. Joined, since a stream may arrive in pieces (NBC-02)."""
    said = []
    for output in outputs:
        data = output.get("data", {})
        said += [output.get("text", "")] + [data.get(mime, "") for mime in ("text/plain", "text/html")]
    return "".join(part if isinstance(part, str) else "".join(part) for part in said)


def _figures(outputs: list[Any]) -> list[Any]:
    """Take the last word of each chart: one that is changed after it was sent is sent again."""
    told = [output["data"][MIME] for output in outputs if MIME in output.get("data", {})]
    return list({one["id"]: one["shows"] for one in told}.values())


def run_all(paths: list[Path]) -> dict[str, Any]:
    """Run notebooks one after the other; with them comes what was refused on its way out."""
    from dirsync_nb.notebooks import network_guard as outbound

    with TemporaryDirectory(prefix="dirsync-runs-") as name:
        guard, work = Path(name) / "guard", Path(name) / "work"
        guard.mkdir()
        work.mkdir()
        outbound.write_sitecustomize(guard, guard / "log")
        environment = outbound.kept_here(dict(os.environ), guard)
        said: dict[str, Any] = {path.stem: run(path, environment, work) for path in paths}
        noted = outbound.read(guard / "log")[0]
    guarded = sum(word == outbound.GUARDED for word, _ in noted)
    refused = [address for word, address in noted if word == outbound.REFUSED]
    return {"notebooks": said, "guarded": guarded, "refused": refused}


def figures_of(said: dict[str, Any]) -> dict[str, Any]:
    """Return what the charts of a run show, under their notebook and cell, counted from 1."""
    shown = {
        name: {f"cell {number}": charts for number, charts in enumerate(one["figures"], 1) if charts}
        for name, one in said["notebooks"].items()
    }
    return {name: charts for name, charts in shown.items() if charts}


def main() -> None:
    from dirsync_nb.notebooks import kernels

    record = sys.argv[1:] == ["--record"]
    names = [] if record else sys.argv[1:]
    with kernels.at_home(), kernels.everywhere():
        said = run_all([path for path in NOTEBOOKS if not names or path.stem in names])
    if record:
        text = json.dumps(figures_of(said), indent=1, ensure_ascii=False)
        FIGURES.write_text(text + "\n", "utf-8")
    else:
        print(json.dumps(said))


if __name__ == "__main__":
    main()
