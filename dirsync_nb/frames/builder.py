"""Pages of records to one frame: transpose, pack into arrays, put together.

What a load costs beyond the decoding is spent here, so its choices are made by measurement. For 100,000 users
of the sandbox, 128 MB of JSON (``python -m tests.benchmarks.bench_decoding`` prints it for any machine):

=======================  =======  ==========================  ===========
decoder                  seconds  ten text columns            seconds, MB
=======================  =======  ==========================  ===========
msgspec                  0.37     ``str`` on Arrow            0.06, 23
orjson                   0.38     ``str`` on Python objects   0.10, 72
``json``                 0.74     ``object``                  0.04, 69
..                                ``category``                0.31, 9
=======================  =======  ==========================  ===========

- Decoder: msgspec. orjson is as fast, but makes fractions of whole numbers beyond 64 bits. What neither takes
  (half a surrogate pair, a byte order mark) goes to ``json``.
- Text: ``str``, which pandas keeps on Arrow where pyarrow is installed and on Python objects elsewhere, with
  the same answers. ``object`` is quicker to make, since nothing is copied, and takes three times the memory.
  ``category`` is smaller where few texts repeat and slow where all differ, so it is for states and types alone.
- What records nest: JSON text, see :mod:`dirsync_nb.frames.json_array`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import Any

import numpy as np
import pandas as pd
from pandas.api.types import union_categoricals

from ..client import Record
from .json_array import JsonArray, json_lines
from .records import FrameSpec, Page
from .schema import JSON, TIME

FIRST, LAST = pd.Timestamp("0001-01-01", tz="UTC"), pd.Timestamp("9999-12-31T23:59:59.999999", tz="UTC")
"""Times that Python can hold: one beyond them could not even be shown."""
FOLD_AT = 10_000  # rows held as Python objects before they are packed into arrays

Values = Mapping[str, Sequence[Any]]


class FrameBuilder:
    """Collect pages of one kind into columns, and give the frame.

    A page is turned into columns at once, while it is warm in the processor's cache, and what it nests into
    JSON text; every ``FOLD_AT`` rows the columns are packed into arrays. So a long load never holds more than
    one page of records. Rows that came twice are dropped when the frame is made; the later reading is kept.

    Attributes
    ----------
    notices
        One sentence for each thing about the rows that a reader should know.
    duplicates
        Rows dropped by the last call of :meth:`frame`.

    Examples
    --------
    >>> builder = ds.frames.FrameBuilder(ds.frames.USERS)
    >>> builder.add(list(client.users(directories.index[0])))
    >>> len(builder.frame()) == len(users)
    True
    """

    def __init__(self, table: FrameSpec) -> None:
        self.table = table
        self.notices: list[str] = []
        self.duplicates = 0
        self._dtypes = {"id": "str", **table.columns}
        self._waiting: dict[str, list[Any]] = {name: [] for name in self._dtypes}
        self._waiting_rows = 0
        self._chunks: dict[str, list[Any]] = {name: [] for name in self._dtypes}
        self._packed_rows = 0

    def add(self, page: Page) -> None:
        """Add the records of one page.

        An interrupt at any point leaves whole pages: what is added counts by the one step that counts its rows,
        and what stands beyond the counted rows is cut off.
        """
        values = self._read(page)
        for name, waiting in self._waiting.items():
            waiting[self._waiting_rows :] = values[name]
        self._waiting_rows += len(page)
        if self._waiting_rows >= FOLD_AT:
            self._fold()

    def _read(self, page: Page) -> Values:
        """Turn a page into columns."""
        given = _transposed(page, self.table.fields)
        absent = [None] * len(page)
        copied = ("id", *self.table.copied)
        values: dict[str, Sequence[Any]] = {name: given.get(name, absent) for name in copied}
        for _, derive in self.table.derived:
            values.update(derive(page))
        values["extra"] = self._extras(page, given)
        for name, dtype in self.table.columns.items():
            if dtype == JSON and name != "extra":  # to which packing may add
                values[name] = json_lines(values[name])
        return values

    def _extras(self, page: Page, given: Values) -> list[dict[str, Any] | None]:
        """Return what no column holds: unknown fields, and known ones of an unexpected shape."""
        if given.keys() <= self.table.fields and all(
            all(map(fits, given[name])) for name, fits in self.table.shapes.items() if name in given
        ):
            return [None] * len(page)
        return [self._extra(record) for record in page]

    def _extra(self, record: Record) -> dict[str, Any] | None:
        extra = {name: value for name, value in record.items() if name not in self.table.fields}
        for name, fits in self.table.shapes.items():
            if name in record and not fits(record[name]):
                extra[name] = record[name]
                if name == "object":
                    kind = str(record[name])[:40]
                    self._note(
                        f"object: some rows are of the kind {kind!r}, and not {self.table.object_name!r}."
                    )
        return extra or None

    def _fold(self) -> None:
        """Pack the waiting rows into arrays. An interrupt leaves them waiting, or at worst in both places."""
        rows = {name: waiting[: self._waiting_rows] for name, waiting in self._waiting.items()}
        # Packing a column may find values that do not fit it, and moves the originals into `extra`.
        packed = {
            name: self._pack(name, rows[name], dtype, rows["extra"]) for name, dtype in self._dtypes.items()
        }
        for name, array in packed.items():
            self._chunks[name] = [*self._kept(name), array]
        self._packed_rows += self._waiting_rows
        self._waiting_rows = 0

    def _kept(self, name: str) -> list[Any]:
        """Return the arrays of a column, up to the last whole fold."""
        rows, kept = 0, []
        for chunk in self._chunks[name]:
            rows += len(chunk)
            if rows > self._packed_rows:
                break
            kept.append(chunk)
        return kept

    def _pack(self, name: str, values: list[Any], dtype: str, extra: list[Any]) -> Any:
        if dtype == "str":
            return self._pack_text(name, values, extra)
        if dtype == "category":
            return categorical(pd.Series(self._pack_text(name, values, extra), copy=False)).array
        if dtype == TIME:
            return self._pack_times(name, values, extra)
        if dtype == JSON:
            return JsonArray.of_texts(json_lines(values) if name == "extra" else values)
        if dtype == "boolean":
            self._keep_originals(name, [not isinstance(v, bool | None) for v in values], values, extra)
            return pd.array([v if isinstance(v, bool) else None for v in values], dtype="boolean")
        if dtype == "Int64":
            return pd.array(values, dtype="Int64")
        return pd.Series(values, dtype=object).to_numpy()

    def _pack_text(self, name: str, values: list[Any], extra: list[Any]) -> Any:
        if (quickly := arrow_text(values)) is not None:
            return quickly
        if pd.api.types.infer_dtype(values, skipna=True) not in ("string", "empty"):
            self._keep_originals(name, [not isinstance(v, str | None) for v in values], values, extra)
            values = [v if isinstance(v, str | None) else json.dumps(v, ensure_ascii=False) for v in values]
        try:
            return pd.array(values, dtype=text_dtype())
        except UnicodeEncodeError:
            # JSON can spell half a surrogate pair, which no text encoding has; it is shown as its escape.
            self._note(f"{name}: some text holds broken characters, shown as \\ud800 and the like.")
            legible = [v and v.encode("utf-8", "backslashreplace").decode() for v in values]
            return pd.array(legible, dtype=text_dtype())

    def _pack_times(self, name: str, values: list[Any], extra: list[Any]) -> Any:
        if (quickly := _arrow_times(values)) is not None:
            return quickly
        texts = [_to_the_microsecond(v) if isinstance(v, str) else None for v in values]
        times = pd.to_datetime(pd.Series(texts, dtype=object), utc=True, format="ISO8601", errors="coerce")
        times = times.dt.as_unit("us").where(lambda read: read.between(FIRST, LAST))
        odd = [row for row, text in enumerate(texts) if text is not None and not text.endswith("Z")]
        if any(_has_no_zone(str(texts[row])) for row in odd if not pd.isna(times[row])):
            self._note(f"{name}: some times came without a zone and were read as UTC.")
        lost = times.isna() & pd.Series([value is not None for value in values], dtype=bool)
        self._keep_originals(name, lost.tolist(), values, extra)
        return times.array

    def _keep_originals(self, name: str, misfits: list[bool], values: list[Any], extra: list[Any]) -> None:
        """Keep values that do not fit their column in ``extra``, so that nothing is lost."""
        if not any(misfits):
            return
        self._note(f"{name}: {sum(misfits):,} values of an unexpected kind; the originals are in `extra`.")
        for row, misfit in enumerate(misfits):
            if misfit and name in self.table.fields:
                extra[row] = {**(extra[row] or {}), name: values[row]}

    def _note(self, notice: str) -> None:
        if notice not in self.notices:
            self.notices.append(notice)

    def frame(self) -> pd.DataFrame:
        """Return everything collected so far as a frame with the declared columns and dtypes."""
        self._fold()
        packed = {name: self._joined(name) for name in self._dtypes}
        index = pd.Index(packed["id"], name=self.table.index)
        # As Series of a stated dtype: from objects that happen to be text, pandas would make a text column.
        columns = {
            name: pd.Series(packed[name], index=index, dtype=object if dtype == "object" else None, copy=False)
            for name, dtype in self.table.columns.items()
        }
        frame = pd.DataFrame(columns, index=index, copy=False)
        repeated = _repeated(index)
        self.duplicates = int(repeated.sum())
        if nameless := int((index.isna() | (index == "")).sum()):
            self._note(
                f"id: {nameless:,} rows came without one, so that nothing can be looked up or joined by it."
            )
        if self.duplicates:
            frame = frame[~repeated]
        for name, dtype in self.table.columns.items():
            if dtype == "category":
                if self.duplicates:  # a dropped reading may have been the only one of its kind
                    frame[name] = frame[name].cat.remove_unused_categories()
                self._question(name, frame[name].cat.categories)
        return frame

    def _joined(self, name: str) -> Any:
        """Put a column's arrays together, and keep the result in their place."""
        chunks = self._kept(name)
        if len(chunks) == 1:
            return chunks[0]
        if isinstance(chunks[0], np.ndarray):
            joined: Any = np.concatenate(chunks)
        elif isinstance(chunks[0], pd.Categorical):
            joined = union_categoricals(chunks, sort_categories=True)
        else:
            joined = pd.concat([pd.Series(chunk, copy=False) for chunk in chunks], ignore_index=True).array
        self._chunks[name] = [joined]
        return joined

    def _question(self, name: str, seen: Iterable[str]) -> None:
        known = self.table.known.get(name)
        unknown = [value for value in seen if known and value not in known]
        if unknown:
            self._note(
                f"{name}: unknown to this version and kept as they are: {', '.join(map(repr, unknown))}."
            )


def _transposed(page: Page, fields: Iterable[str]) -> Values:
    """Turn records into columns: in one go where all have the same fields in the same order, as most have."""
    layouts = set(map(tuple, page))
    if len(layouts) == 1:
        return dict(zip(layouts.pop(), zip(*map(dict.values, page), strict=True), strict=True))
    names = dict.fromkeys(chain(fields, chain.from_iterable(layouts)))
    return {name: [record.get(name) for record in page] for name in names}


def text_dtype() -> pd.StringDtype:
    """Return the dtype ``str``, which under ``future.infer_string=False`` pandas takes for NumPy's.

    Examples
    --------
    >>> ds.frames.text_dtype()
    <StringDtype(na_value=nan)>
    """
    return pd.StringDtype(na_value=np.nan)


def arrow_text(values: list[Any]) -> Any:
    """Pack text by Arrow, in a third of the time; None where not all is text, or pandas does without Arrow."""
    dtype: Any = text_dtype()
    if dtype.storage != "pyarrow":
        return None
    import pyarrow as pa

    try:
        # Not from Arrow's own pool: as chunks of a growing column it would take twice the memory.
        return dtype.__from_arrow__(pa.array(values, pa.large_string(), memory_pool=pa.system_memory_pool()))
    except (TypeError, ValueError):
        return None


def _arrow_times(values: list[Any]) -> Any:
    """Read times by Arrow, in a fifth of the time; None where one is odd: no time, finer, without a zone."""
    if text_dtype().storage != "pyarrow":
        return None
    import pyarrow as pa

    try:
        times = pa.array(values, pa.large_string()).cast(pa.timestamp("us", "UTC"))
    except (TypeError, ValueError):
        return None
    read = pd.DatetimeIndex(times.to_numpy(zero_copy_only=False), tz="UTC")
    return read.array if len(read) == 0 or (read.min() >= FIRST and read.max() <= LAST) else None


def _repeated(index: pd.Index) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Return which rows came again later; rows without an id did not.

    pandas would make a Python object of every id, and keep a tenth of a gigabyte for a million. As a rule no id
    came twice, and then all their hashes differ, which is soon seen.
    """
    hashes = np.fromiter(map(hash, index), dtype=np.int64, count=len(index))
    if len(np.unique(hashes)) == len(index):
        return np.zeros(len(index), dtype=bool)
    repeated: np.ndarray[Any, np.dtype[np.bool_]] = np.asarray(index.duplicated(keep="last"))
    repeated &= np.asarray(index.notna() & (index != ""), dtype=bool)
    return repeated


def categorical(texts: pd.Series) -> pd.Series:
    """Make a category over what was seen; its categories are text even when nothing was."""
    categories = pd.Index(sorted(texts.dropna().unique()), dtype=text_dtype())
    return pd.Series(texts.astype(pd.CategoricalDtype(categories)))


def _to_the_microsecond(text: str) -> str:
    """Cut a finer fraction: one in nanoseconds would make pandas lose the far years of the whole column."""
    return re.sub(r"([.,]\d{6})\d+", r"\1", text) if len(text) > 27 else text


def _has_no_zone(text: str) -> bool:
    tail = text[10:]  # behind the date, whose hyphens look like an offset
    return "+" not in tail and "-" not in tail and not tail.endswith(("Z", "z"))
