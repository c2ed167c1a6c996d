"""The column of JSON beside pandas' own suite for extension arrays."""

from __future__ import annotations

import pytest
from pandas.tests.extension import base
from pandas.tests.extension.conftest import *  # noqa: F403

from dirsync_nb.frames.json_array import JsonArray, JsonDtype


def array(*values):
    return JsonArray._from_sequence(list(values))


@pytest.fixture
def dtype():
    return JsonDtype()


@pytest.fixture
def data():
    return array(*[{"n": n, "list": [n]} for n in range(100)])


@pytest.fixture
def data_missing():
    return array(None, {"a": 1})


@pytest.fixture
def data_for_sorting():
    return array({"a": 2}, {"a": 3}, {"a": 1})


@pytest.fixture
def data_missing_for_sorting():
    return array({"a": 2}, None, {"a": 1})


@pytest.fixture
def data_for_grouping():
    b, a, c = {"a": 2}, {"a": 1}, {"a": 3}
    return array(b, b, None, None, a, a, b, c)


class TestJson(base.ExtensionTests):
    pass
