"""What tests and notebooks share: every kernel lives in a place of its own, and is spoken to over sockets."""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from dirsync_nb.notebooks import kernels


def pytest_configure(config: pytest.Config) -> None:
    stack = ExitStack()
    stack.enter_context(kernels.at_home())
    stack.enter_context(kernels.everywhere())
    config.add_cleanup(stack.close)
