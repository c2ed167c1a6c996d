"""Kernels that start on any machine: whatever its home is, and whether Jupyter ever ran there.

Each run has a short private folder for all that Jupyter and IPython keep: connection files, sockets, profiles.
So a kernel meets neither a missing runtime folder nor somebody's settings, and nothing is left behind.
What other libraries keep goes where it always goes, as long as files can be written there.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import os
import socket
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping

__all__ = ["Place", "at_home", "everywhere", "manager", "place", "running"]

_OWN = ("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR")
_XDG = ("XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME")
_THEIRS = (*_OWN, *_XDG, "JUPYTERLAB_SETTINGS_DIR", "JUPYTERLAB_WORKSPACES_DIR", "MPLCONFIGDIR")
_HOME = ("HOME", "USERPROFILE")  # the second on Windows
_LONGEST = f"kernel-{uuid4()}-ipc-10"  # as JupyterLab calls its sockets

QUIET = logging.Logger("dirsync_nb.notebooks")  # what Jupyter logs stands in the error as well
QUIET.addHandler(logging.NullHandler())


@dataclass(frozen=True)
class Place:
    """Where kernels keep their files, and how they are spoken to."""

    folder: Path
    sockets: bool

    def settings(self) -> dict[str, str]:
        """Return the settings of one more kernel manager: an address that nobody else has."""
        path = str(self.folder / f"kernel-{uuid4().hex[:8]}")
        made = {"connection_file": f"{path}.json", **self.transport()}
        return made | {"ip": path} if self.sockets else made

    def transport(self) -> dict[str, str]:
        """Return how kernels are spoken to, as settings of a kernel manager.

        Over Unix sockets where there are any: a TCP port that is free when it is chosen may be taken when the
        kernel binds it, and then nobody ever hears of the kernel. Over TCP in cipher, where jupyter_client can.
        """
        from jupyter_client.manager import KernelManager

        if self.sockets:
            return {"transport": "ipc"}
        return {"transport_encryption": "auto"} if hasattr(KernelManager, "transport_encryption") else {}

    def environment(self, given: Mapping[str, str]) -> dict[str, str]:
        """Return these variables, with folders that can be used in place of those that cannot."""
        return usable(given, self.folder) | dict.fromkeys(_OWN, str(self.folder))


def usable(given: Mapping[str, str], home: Path) -> dict[str, str]:
    """Return these variables without those of folders that cannot be written; with a home, if there is none."""
    made = {name: value for name, value in given.items() if name not in _THEIRS or _can_be_made(name, value)}
    return made if has_home(given) else made | dict.fromkeys(_HOME, str(home))


def has_home(given: Mapping[str, str]) -> bool:
    """Whether there is a home in which files can be written."""
    home = given.get(_HOME[os.name == "nt"])
    if home is None:  # then it is what the machine's list of users says, if this one stands there
        home = os.path.expanduser("~")  # noqa: PTH111 (which does not raise)
    return os.path.isabs(home) and _writable(Path(home))  # noqa: PTH117 ("" is the folder we are in to a Path)


@contextlib.contextmanager
def at_home() -> Iterator[None]:
    """Return this process, and what it starts, usable folders until the block ends."""
    before = dict(os.environ)
    with contextlib.ExitStack() as stack:
        home = "" if has_home(before) else stack.enter_context(_temporary())
        set_variables(usable(before, Path(home)))
        stack.callback(set_variables, before)
        yield


def set_variables(wanted: Mapping[str, str]) -> None:
    """Let this process have these variables, and no others."""
    for name in set(os.environ) - set(wanted):
        del os.environ[name]
    os.environ.update(wanted)


def _temporary(parent: str | None = None) -> tempfile.TemporaryDirectory[str]:
    # On Windows a kernel that is only just gone may still hold a file.
    return tempfile.TemporaryDirectory(prefix="dsn-", dir=parent, ignore_cleanup_errors=True)


@contextlib.contextmanager
def place() -> Iterator[Place]:
    """Return a place that is gone when the block ends.

    It is the first of the usual folder for temporary files and ``/tmp`` whose paths a socket takes; the limit
    is about 100 bytes. Where neither does, as on Windows, kernels are spoken to over TCP.
    """
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(_temporary()))
        sockets = takes_sockets(folder)
        if not sockets and hasattr(socket, "AF_UNIX"):
            with contextlib.suppress(OSError):
                short = Path(stack.enter_context(_temporary("/tmp")))  # noqa: S108 (it is private)
                if sockets := takes_sockets(short):
                    folder = short
        yield Place(folder, sockets)


@contextlib.contextmanager
def everywhere() -> Iterator[None]:
    """Let every kernel that this process starts, or a process of its own starts, live in one private place."""
    from jupyter_client.manager import KernelManager

    make, before = KernelManager.__init__, dict(os.environ)
    with place() as shared:

        @functools.wraps(make)
        def made(self: Any, *given: Any, **settings: Any) -> None:
            make(self, *given, **{**shared.settings(), **settings})

        KernelManager.__init__ = made  # type: ignore[method-assign]
        set_variables(shared.environment(before))
        try:
            yield
        finally:
            KernelManager.__init__ = make  # type: ignore[method-assign]
            set_variables(before)


def takes_sockets(folder: Path) -> bool:
    """Whether a kernel's Unix sockets can be in this folder: bound to try it, under the longest name."""
    if not hasattr(socket, "AF_UNIX"):  # as on Windows
        return False
    path = folder / _LONGEST
    try:
        str(path).encode()  # as ZeroMQ does
        with socket.socket(socket.AF_UNIX) as tried:
            tried.bind(str(path))
            path.unlink()
    except (OSError, UnicodeEncodeError):
        return False
    return True


def _can_be_made(name: str, folder: str) -> bool:
    """Whether the folder is, or can be made, where files can be written."""
    path = Path(folder).absolute()
    if not folder or (name in _XDG and path != Path(folder)):  # relative ones do not count, says XDG
        return False
    with contextlib.suppress(OSError, ValueError):
        return _writable(next(there for there in (path, *path.parents) if _is_there(there)))
    return False


def _is_there(path: Path) -> bool:
    try:
        path.lstat()
    except FileNotFoundError:
        return False
    return True


def _writable(folder: Path) -> bool:
    """Whether a file can be made in it; tried, because root is told yes of every folder."""
    try:
        with tempfile.TemporaryFile(dir=folder):
            return True
    except (OSError, ValueError):
        return False


# -- one kernel ----------------------------------------------------------------------------------------------


def manager(where: Place) -> Any:
    """Return a manager for one kernel of this very interpreter, whatever ``python3`` means on this machine."""
    from jupyter_client.kernelspec import KernelSpec
    from jupyter_client.manager import AsyncKernelManager

    class ThisPython(AsyncKernelManager):
        kernel_spec = KernelSpec(
            argv=[sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"],
            display_name="Python 3",
            language="python",
        )

    return ThisPython(kernel_name="python3", log=QUIET, **where.settings())


@contextlib.asynccontextmanager
async def running(
    kernel: Any, where: Place, environment: Mapping[str, str], folder: Path, patience: float = 120
) -> AsyncIterator[Any]:
    """Start the kernel of a manager, give a client that is connected with it, and end both.

    Parameters
    ----------
    kernel
        From ``manager``.
    where
        Its place.
    environment
        Variables for the kernel; those that name unusable folders are put right.
    folder
        Where it works.
    patience
        Seconds it may take to start.

    Raises
    ------
    RuntimeError, OSError
        It did not start; a RuntimeError ends with the last thing the kernel said.
    """
    said, client = where.folder / f"{uuid4().hex[:8]}.log", None
    try:
        with Path(os.devnull).open("wb") as nowhere, said.open("wb") as log:
            await kernel.start_kernel(
                env=where.environment(environment),
                cwd=str(folder),
                stdout=nowhere,
                stderr=log,
                extra_arguments=["--HistoryManager.hist_file=:memory:"],
            )
        client = kernel.client()
        client.start_channels()
        client.allow_stdin = False  # nobody is there to answer
        try:
            await client.wait_for_ready(timeout=patience)
        except RuntimeError as error:
            last = said.read_text("utf-8", "replace").strip().splitlines()[-1:]
            raise RuntimeError(": ".join([str(error), *last])) from None
        yield client
    finally:
        if client is not None:
            client.stop_channels()
        if kernel.has_kernel:
            await kernel.shutdown_kernel(now=True)
