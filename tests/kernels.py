"""Kernels of the tests speak over Unix sockets.

Over TCP, a port is chosen some time before the kernel binds it; with the connections of all other tests of this
machine about, something else may have it by then, and the kernel is never heard of.
"""

from __future__ import annotations

import functools
import sys
from typing import Any
from uuid import uuid4

from jupyter_client.manager import KernelManager
from jupyter_core.paths import jupyter_runtime_dir

LONGEST = 60  # of the folder: with the file's name a socket's path must stay below 108 bytes


def speak_over_unix_sockets() -> None:
    """Let every kernel manager made in this process choose them, where there are any."""
    if sys.platform == "win32" or len(jupyter_runtime_dir()) > LONGEST:
        return
    make = KernelManager.__init__
    if getattr(make, "over_unix_sockets", False):
        return

    @functools.wraps(make)
    def made(self: KernelManager, *given: Any, **settings: Any) -> None:
        # The address is given whole: by default it is relative to the folder, which is not the kernel's.
        address = f"{jupyter_runtime_dir()}/kernel-{uuid4().hex[:16]}"
        make(self, *given, **{"transport": "ipc", "ip": address, **settings})

    made.over_unix_sockets = True  # type: ignore[attr-defined]
    KernelManager.__init__ = made  # type: ignore[method-assign]
