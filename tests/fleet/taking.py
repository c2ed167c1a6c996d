"""What tests of fleets share: a client without pauses, loads that end badly, what was asked for."""

from __future__ import annotations

import re
from typing import Any

import pandas as pd
import pytest

from dirsync_nb.client import DirectoryClient, LoadContext, Pacer, RetryPolicy, Transport
from dirsync_nb.fleet import load as fleet_load


def connected(sandbox: Any, attempts: int = 4, **budgets: Any) -> DirectoryClient:
    pacer = Pacer(**{"per_directory": None, "per_key": None, **budgets})
    retry = RetryPolicy(attempts=attempts)
    return DirectoryClient(Transport(sandbox.url, sandbox.api_key, pacer=pacer, retry=retry))


def fail_at(monkeypatch: pytest.MonkeyPatch, directory_id: str, problem: BaseException) -> None:
    """Let loading one directory end badly."""
    whole = fleet_load.load_contents

    def load(context: LoadContext, one: str, **options: Any) -> Any:
        if one == directory_id:
            raise problem
        return whole(context, one, **options)

    monkeypatch.setattr(fleet_load, "load_contents", load)


def asked_for(requests: list[Any]) -> set[str]:
    """Return the directories whose contents requests were about."""
    return {one for line in requests for one in re.findall(r"directory=(\w+)", str(line))}


def same(ours: pd.DataFrame, theirs: pd.DataFrame) -> None:
    """Hold two frames against each other; JSON columns by what they hold."""
    assert ours.dtypes.astype(str).tolist() == theirs.dtypes.astype(str).tolist()
    kinds = {name: object for name in theirs if str(theirs[name].dtype) == "json"}
    pd.testing.assert_frame_equal(ours.astype(kinds), theirs.astype(kinds))
