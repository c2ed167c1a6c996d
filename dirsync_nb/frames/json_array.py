"""A column of what records nest (attributes, lists, payloads), held as JSON text and parsed when looked at.

A user's custom attributes are a tree of some fifty Python objects. Measured on 100,000 users of the sandbox,
such trees take 2.6 kB a user and their JSON 0.7 kB: a million users fit into 1.5 GB with the one and not with
the other. Reading a value parses it (some 3 microseconds), so a loop that visits a column many times does
better on ``column.tolist()``.

To whoever reads it, the column is one of dicts and lists, None where there is no value. Each reading gives
an object of its own: to change a value, assign it. Two values are equal as JSON is: whatever the order of keys,
1 and 1.0, but not 1 and true. So, unlike plain dicts, they can be counted, grouped, sorted and freed of
repetitions. What a function makes of them (``map``, ``.str``) is held as pandas holds any such result.
"""

from __future__ import annotations

import builtins
import json
import marshal
import struct
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from functools import cache
from math import inf, isinf
from typing import Any

import msgspec
import numpy as np
import pandas as pd
from pandas.api.extensions import ExtensionArray, ExtensionDtype, register_extension_dtype
from pandas.api.indexers import check_array_indexer

from ..client.answers import BeyondFloat, parse_json
from ..text import is_missing

Objects = np.ndarray[Any, np.dtype[np.object_]]
Flags = np.ndarray[Any, np.dtype[np.bool_]]
_EMPTY: dict[type, bytes | None] = {dict: b"{}", list: b"[]", type(None): None}  # most of what is deprecated
INFINITY = struct.pack("<d", inf)[1:-1]  # what the bytes of either infinity have in common
_ORDER = {bool: 0, int: 1, float: 1, str: 2, list: 3, dict: 4}


@register_extension_dtype
class JsonDtype(ExtensionDtype):
    """The dtype ``json`` of :class:`JsonArray`."""

    name = "json"
    type = Collection  # all but numbers and truth values, and nothing that stands for a missing value
    kind = "O"
    na_value = None

    @classmethod
    def construct_array_type(cls) -> builtins.type[JsonArray]:
        """Return the class of the arrays."""
        return JsonArray

    def __from_arrow__(self, array: Any) -> JsonArray:
        """Read JSON text from an Arrow array, as a Parquet file holds it."""
        return JsonArray.of_texts([None if text is None else text.encode() for text in array.to_pylist()])


class JsonArray(ExtensionArray):
    """An array of JSON values.

    Parameters
    ----------
    texts
        The JSON text of each value in UTF-8, or None for a missing one.
    """

    _readonly: bool = False

    def __init__(self, texts: Objects) -> None:
        self._texts = texts

    @classmethod
    def of_texts(cls, texts: Iterable[bytes | None]) -> JsonArray:
        """Make an array of JSON texts."""
        return cls(_objects(texts))

    @classmethod
    def _from_sequence(
        cls,
        scalars: Iterable[Any],
        *,
        dtype: Any = None,  # noqa: ARG003
        copy: bool = False,
    ) -> JsonArray:
        if isinstance(scalars, JsonArray):
            return scalars.copy() if copy else scalars
        return cls.of_texts(map(_written, scalars))

    def _cast_pointwise_result(self, values: Any) -> Any:
        """Hold what a function made of the values as pandas would hold it, had they been plain objects."""
        return pd.Series(values, dtype=object).infer_objects().array

    @property
    def dtype(self) -> JsonDtype:
        """The dtype."""
        return JsonDtype()

    @property
    def nbytes(self) -> int:
        """Bytes held, those of the texts included."""
        return self._texts.nbytes + sum(len(text) for text in self._texts if text is not None)

    def __len__(self) -> int:
        return len(self._texts)

    def __iter__(self) -> Iterator[Any]:
        return map(_read, self._texts)

    def __getitem__(self, item: Any) -> Any:
        place = check_array_indexer(self, item)
        texts = self._texts[place]
        if not isinstance(texts, np.ndarray):
            return _read(texts)
        found = type(self)(texts)
        found._readonly = self._readonly and isinstance(place, slice)  # a view of this one
        return found

    def __setitem__(self, key: Any, value: Any) -> None:
        if self._readonly:
            raise ValueError("Cannot modify read-only array")
        place = check_array_indexer(self, key)
        many = isinstance(value, list | np.ndarray | ExtensionArray | pd.Series)
        if many and not isinstance(place, int | np.integer):
            self._texts[place] = self._from_sequence(value)._texts
        elif isinstance(value, ExtensionArray | pd.Series):
            raise ValueError("setting one value with many")
        else:
            self._texts[place] = _written(value)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        if copy is False:
            raise ValueError("Unable to avoid copy while creating an array as requested.")
        values = _objects(self)
        return values if dtype is None else values.astype(dtype, copy=False)

    def __arrow_array__(self, type: Any = None) -> Any:  # noqa: A002
        """Return the texts to Arrow, so that the column lies in a Parquet file as JSON text."""
        import pyarrow as pa

        return pa.array(self._texts, type=pa.large_binary()).cast(type or pa.large_string())

    # Equal and unequal, less and more ----------------------------------------------------------------------

    def __eq__(self, other: object) -> Any:
        return self._compared(other, alike=True)

    def __ne__(self, other: object) -> Any:
        return self._compared(other, alike=False)

    def _compared(self, other: object, *, alike: bool) -> Any:
        """Compare value by value, as pandas does objects: what is missing equals nothing."""
        if isinstance(other, pd.Series | pd.Index | pd.DataFrame):
            return NotImplemented
        if isinstance(other, np.ndarray | ExtensionArray):
            if len(other) != len(self):
                raise ValueError("Lengths must match to compare")
            theirs = self._from_sequence(other)._texts
        else:
            theirs = _objects([_written(other)] * len(self))
        key = cache(_key)  # what is written alike, as most is, is not read
        pairs = zip(self._texts, theirs, strict=True)
        same = [one is not None and (one == two or key(one) == key(two)) for one, two in pairs]
        return np.array(same, dtype=bool) == alike

    def _keys(self) -> Objects:
        """Return a text for each value, the same for all that are equal; None for what is missing."""
        return _objects(map(cache(_key), self._texts))

    def factorize(self, use_na_sentinel: bool = True) -> tuple[Any, JsonArray]:
        """Return a number for each different value; what is missing gets -1, or one like the others."""
        codes, _ = pd.factorize(self._keys(), use_na_sentinel=use_na_sentinel)
        _, first = np.unique(codes, return_index=True)
        return codes, self.take(first[codes[first] >= 0])

    def _values_for_factorize(self) -> tuple[Objects, None]:
        return self._keys(), None

    @classmethod
    def _from_factorized(cls, values: Any, original: JsonArray) -> JsonArray:  # noqa: ARG003
        return cls.of_texts(values)

    def duplicated(self, keep: Any = "first") -> Flags:
        """Return which values came before."""
        return pd.Series(self._keys(), dtype=object).duplicated(keep).to_numpy()

    def unique(self) -> JsonArray:
        """Return each value once, as it came first."""
        return self[~self.duplicated()]  # type: ignore[no-any-return]

    def isin(self, values: Any) -> Flags:
        """Return which values are among these."""
        wanted = pd.Index(self._from_sequence(values)._keys(), dtype=object)
        return pd.Index(self._keys(), dtype=object).isin(wanted)

    def value_counts(self, dropna: bool = True) -> pd.Series:
        """Count the different values."""
        codes, values = self.factorize(use_na_sentinel=dropna)
        counts = np.bincount(codes[codes >= 0], minlength=len(values))
        return pd.Series(counts, index=pd.Index(values), name="count")

    def _values_for_argsort(self) -> Any:
        """Return a number for each value: truth values first, then numbers, texts, lists, objects."""
        codes, values = self.factorize()
        order = sorted(range(len(values)), key=[_place(value) for value in values].__getitem__)
        ranks = np.full(len(values) + 1, np.nan)  # the last one stands for what is missing
        ranks[order] = np.arange(len(values))
        return ranks[codes]

    # Choosing and changing ---------------------------------------------------------------------------------

    def isna(self) -> Flags:
        """Return where there is no value."""
        return np.array([text is None for text in self._texts], dtype=bool)

    def take(self, indices: Any, *, allow_fill: bool = False, fill_value: Any = None) -> JsonArray:
        """Take values by place; with ``allow_fill``, -1 gives ``fill_value``."""
        places = np.asarray(indices, dtype=np.intp)
        if not allow_fill:
            return type(self)(self._texts.take(places))
        if (places < -1).any():
            raise ValueError("take with allow_fill counts places from 0, and -1 stands for the filling")
        texts = np.full(len(places), _written(fill_value), dtype=object)
        texts[places >= 0] = self._texts.take(places[places >= 0])
        return type(self)(texts)

    def copy(self) -> JsonArray:
        """Return an array of its own."""
        return type(self)(self._texts.copy())

    @classmethod
    def _concat_same_type(cls, to_concat: Sequence[JsonArray]) -> JsonArray:
        return cls(np.concatenate([array._texts for array in to_concat]))

    def astype(self, dtype: Any, copy: bool = True) -> Any:
        """Return objects, or text (``str``): a text as it is, anything else as JSON; else a copy."""
        wanted = pd.api.types.pandas_dtype(dtype)
        if isinstance(wanted, pd.StringDtype):
            return pd.array([None if text is None else _shown(text) for text in self._texts], dtype=wanted)
        return super().astype(dtype, copy=copy)

    def _explode(self) -> tuple[Any, Any]:
        """Return each entry of a list a row, as ``explode`` does with lists."""
        objects: Any = pd.Series(self.__array__(), dtype=object)
        exploded = objects.reset_index(drop=True).explode()
        counts = exploded.groupby(level=0).size().reindex(range(len(self))).to_numpy()
        return exploded.to_numpy(), counts

    def _formatter(self, boxed: bool = False) -> Callable[[Any], str | None]:  # noqa: ARG002
        return str

    # The accessor ``.str`` asks an array for ``_str_get`` and the like, and first what its values are.

    @property
    def categories(self) -> Objects:
        """The values as plain objects, of which ``.str`` sees that some may be texts."""
        return self.__array__()  # type: ignore[no-any-return]

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_str_"):
            return getattr(pd.array(self.__array__(), dtype=object), name)
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")


def _objects(values: Iterable[Any]) -> Objects:
    held = list(values)
    array = np.empty(len(held), dtype=object)
    array[:] = held
    return array


def _read(text: bytes | None) -> Any:
    return None if text is None else parse_json(text)


def _shown(text: bytes) -> str:
    return str(parse_json(text)) if text.startswith(b'"') else text.decode()


def _written(value: Any) -> bytes | None:
    """Write what somebody hands in, and refuse what would come back as something else."""
    if is_missing(value):
        return None
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=_plain)
    try:
        return text.encode()
    except UnicodeEncodeError:  # half a surrogate pair, which JSON can spell
        return json.dumps(value, separators=(",", ":"), default=_plain).encode()


def _plain(value: Any) -> Any:
    """Turn numpy's numbers and arrays into Python's."""
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    raise TypeError(f"a column of JSON cannot hold a {type(value).__name__}")


def _key(text: bytes | None) -> bytes | None:
    return None if text is None else json.dumps(_normal(parse_json(text)), sort_keys=True).encode()


def _normal(value: Any) -> Any:
    """Spell equal numbers alike."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, list):
        return [_normal(inner) for inner in value]
    return {key: _normal(inner) for key, inner in value.items()} if isinstance(value, dict) else value


def _place(value: Any) -> tuple[int, Any]:
    order = _ORDER[type(value)]
    return order, value if order < 3 else json.dumps(_normal(value), sort_keys=True)


def spell_infinity(records: list[Any]) -> list[Any]:
    """Return records of any origin as they are, but for infinite numbers, which come back marked as such."""
    try:
        some = INFINITY in marshal.dumps(records)  # a fifth of the time it takes to visit every value
    except ValueError:  # objects that no record has; whoever writes them says so
        return records
    return [_marked(record) for record in records] if some else records


def _marked(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _marked(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_marked(inner) for inner in value]
    return BeyondFloat(value) if isinstance(value, float) and isinf(value) else value


def _infinite(number: Any) -> msgspec.Raw:
    """Spell what only a float beyond its range is handed in for; of a plain one msgspec would make null."""
    if not isinstance(number, float):
        raise TypeError(f"a column of JSON cannot hold a {type(number).__name__}")
    return msgspec.Raw(json.dumps(number).replace("Infinity", "1e999").encode())


_encoder = msgspec.json.Encoder(enc_hook=_infinite)


def json_lines(values: Sequence[Any]) -> list[bytes | None]:
    """Return the JSON text of each value of a page, None for what is missing; short equal texts are one object.

    All are written in one call, one a line: twice as fast as one by one, and in memory of exactly their size.

    Raises
    ------
    TypeError
        A value is nothing that JSON has.
    """
    if not any(values) and _EMPTY.keys() >= set(map(type, values)):
        return [_EMPTY[type(value)] for value in values]
    try:
        lines: list[bytes] = _encoder.encode_lines(values).split(b"\n")[:-1]
    except UnicodeEncodeError:  # half a surrogate pair, which JSON can spell
        lines = [json.dumps(value).encode() for value in values]
    known: dict[bytes, bytes | None] = {b"null": None}
    return [known.setdefault(line, line) if len(line) < 64 else line for line in lines]
