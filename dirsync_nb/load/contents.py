"""All that is in one directory: its groups, users and memberships, from one call."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from typing import NamedTuple

import pandas as pd

from ..client import LoadContext
from .lists import count_of, load_list
from .memberships import load_directory_memberships
from .session import Checkpoint


class Contents(NamedTuple):
    """What is in one directory."""

    users: pd.DataFrame
    groups: pd.DataFrame
    memberships: pd.DataFrame


def load_contents(
    context: LoadContext,
    directory_id: str,
    checkpoint: Callable[[str], Checkpoint] | None = None,
    counts: Mapping[str, int] | None = None,
) -> Contents:
    """Return what is in a directory; what the service counts there is compared with what is read.

    ``checkpoint`` opens one for a kind of rows. ``counts`` of users and groups, of a list of directories that
    was read before, save the request for the directory. Raises NotFound when there is no such directory.
    """
    filters = {"directory_id": directory_id}
    if counts is None:
        directory = context.single("directories", directory_id)
        found = {kind: count_of(kind, directory) for kind in ("groups", "users")}
        counts = {kind: count for kind, count in found.items() if count is not None}
    with ExitStack() as files:
        kept = {
            kind: files.enter_context(checkpoint(kind))
            for kind in ("groups", "users", "memberships")
            if checkpoint is not None
        }
        groups, users = (
            load_list(context, kind, filters, counted=counts.get(kind), checkpoint=kept.get(kind))
            for kind in ("groups", "users")
        )
        memberships = load_directory_memberships(
            context, directory_id, users=users, groups=groups, checkpoint=kept.get("memberships")
        )
    return Contents(users, groups, memberships)
