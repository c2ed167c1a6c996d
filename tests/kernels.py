"""Kernels of the tests start as those of the tour do: in a place of their own, over sockets if they can."""

from __future__ import annotations

import functools
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

from jupyter_client.manager import KernelManager

from dirsync_nb.notebooks import kernels


@contextmanager
def in_a_place() -> Iterator[None]:
    """Let every kernel that this process starts, or a process of its own starts, live in one private place."""
    make = KernelManager.__init__
    with kernels.at_home(), kernels.place() as place:

        @functools.wraps(make)
        def made(self: KernelManager, *given: Any, **settings: Any) -> None:
            make(self, *given, **{**place.settings(), **settings})

        with (
            mock.patch.object(KernelManager, "__init__", made),
            mock.patch.dict(os.environ, place.environment(os.environ)),
        ):
            yield
