"""A column of JSON: to whoever reads it, a column of dicts and lists."""

from __future__ import annotations

import json
import pickle

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dirsync_nb import frames
from dirsync_nb.frames.json_array import JsonArray, json_lines

VALUES = [{"b": 1, "a": [None, "é"]}, [], None, "text", {}, 2**70, 0.5, True]

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


def column(*values):
    return pd.Series(list(values), dtype="json")


@settings(max_examples=200, deadline=None)
@given(st.lists(json_values, max_size=8))
def test_what_goes_in_comes_out(values):
    held = pd.Series(values, dtype="json")
    assert held.tolist() == values
    assert [held.iloc[row] for row in range(len(values))] == values
    assert held.isna().tolist() == [value is None for value in values]
    assert held.astype(object).tolist() == values


def test_order_of_keys_and_kinds_of_numbers_are_kept():
    held = column({"b": 1.0, "a": 1})[0]
    assert list(held) == ["b", "a"]
    assert (type(held["b"]), type(held["a"])) == (float, int)


def test_half_a_surrogate_pair_is_kept():
    value = json.loads('{"name": "a\\ud800b"}')
    assert column(value, {"x": 1}).tolist() == [value, {"x": 1}]


def test_what_json_has_not_is_refused():
    with pytest.raises(TypeError):
        column({"when": object()})


def test_each_reading_is_an_object_of_its_own():
    held = column({"a": 1})
    held[0]["a"] = 2
    assert held[0] == {"a": 1}
    held[0] = {"a": 2}
    assert held[0] == {"a": 2}


def test_choosing_joining_and_filling_work_as_with_objects():
    held, objects = pd.Series(VALUES, dtype="json"), pd.Series(VALUES, dtype=object)
    for work in (
        lambda s: s[s.notna()],
        lambda s: s.iloc[[3, 1, 1]],
        lambda s: s.iloc[2:5],
        lambda s: s.reindex([7, 99, 0]),
        lambda s: s.shift(1),
        lambda s: pd.concat([s, s[:2]]),
        lambda s: s.dropna(),
        lambda s: s.map(lambda value: isinstance(value, dict)),
        lambda s: s.explode(),
        lambda s: s.where(s.map(lambda value: value != {}), None),
    ):
        ours, theirs = work(held), work(objects)
        assert [x if isinstance(x, list | dict) or pd.notna(x) else None for x in ours] == [
            x if isinstance(x, list | dict) or pd.notna(x) else None for x in theirs
        ]
        assert ours.index.equals(theirs.index)
    assert str(pd.concat([held, held]).dtype) == "json"
    assert str(held.reindex([0, 99]).dtype) == "json"


def test_places_that_are_not_there_are_refused():
    array = JsonArray.of_texts([b"1", b"2"])
    with pytest.raises(ValueError, match="-1 stands for the filling"):
        array.take([0, -2], allow_fill=True)
    with pytest.raises(IndexError):
        array.take([5], allow_fill=True)
    assert list(array.take([1, -1])) == [2, 2]
    assert list(array.take([1, -1], allow_fill=True)) == [2, None]


def test_equal_values_are_equal_whatever_their_spelling():
    one, other = column({"a": 1, "b": 2}, {"a": 1}, None), column({"b": 2, "a": 1.0}, {"a": 2}, None)
    assert (one == other).tolist() == [True, False, False]
    assert (one != other).tolist() == [False, True, True]
    assert one.equals(one.copy())
    assert not one.equals(other)
    pd.testing.assert_series_equal(one, one.copy())
    with pytest.raises(ValueError, match="Lengths"):
        one.array == other.array[:2]  # noqa: B015


def test_a_list_in_one_cell_is_one_value():
    held = column({"a": 1}, None)
    held.array[1] = [1, 2]
    frame = pd.DataFrame({"x": held})
    assert frame["x"].tolist() == [{"a": 1}, [1, 2]]
    assert frame.iloc[0]["x"] == {"a": 1}
    assert [row.x for row in frame.itertuples()] == [{"a": 1}, [1, 2]]


def test_several_cells_are_set_at_once():
    array = column(1, 2, 3).array
    array[[0, 2]] = [{"a": 1}, None]
    array[np.array([False, True, False])] = {"b": 2}
    assert list(array) == [{"a": 1}, {"b": 2}, None]


def test_it_travels_between_processes_and_to_arrow_and_back():
    held = pd.Series(VALUES, dtype="json")
    assert pickle.loads(pickle.dumps(held)).tolist() == VALUES
    pyarrow = pytest.importorskip("pyarrow")
    table = pyarrow.Table.from_pandas(held.to_frame("x"))
    assert str(table.schema.field("x").type) == "large_string"
    assert table.to_pandas()["x"].tolist() == VALUES


def test_it_is_shown_as_objects_are():
    assert "{'a': 1}" in repr(column({"a": 1}).to_frame("x"))


def test_empty_things_are_written_without_a_call_and_alike():
    assert json_lines([{}, [], None]) == [b"{}", b"[]", None]
    assert json_lines([0, "", False, {}]) == [b"0", b'""', b"false", b"{}"]
    assert json_lines([]) == []


def test_attributes_take_a_third_of_what_their_objects_would():
    value = {f"attribute_{n}": f"some text {n}" for n in range(20)}
    people = [{"id": f"u{n}", "custom_attributes": {**value, "n": n}} for n in range(50)]
    held = frames.users_frame(people)["custom_attributes"]
    text = len(json.dumps(value, separators=(",", ":")))
    assert held.memory_usage(index=False) < 50 * (text + 40)
