"""A file that holds an environment to go on from: for a repository, with pseudonyms in place of its people."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from .. import errors
from ..client.pseudonyms import Pseudonyms, wrapped_key
from ..files import replacing
from ..sync.worlds import copy_of, snapshot_of
from .redact import redacted_with


def save_world(
    snapshot: Any,
    path: str | Path,
    *,
    redacted: bool = True,
    key: str | bytes | None = None,
    keep_attributes: Iterable[str] = (),
    round_times: str | None = None,
) -> Path:
    """Save a snapshot as a world for sandboxes, redacted first, and return its path.

    The file is text, a record a line, and its first line says whether its people are pseudonyms. Sandboxes,
    ``connect_sandbox(world=...)`` and ``pytest --dirsync-sandbox=FILE`` read it, without pandas or pyarrow.

    Parameters
    ----------
    snapshot
        What :func:`take_snapshot` or :func:`take_fleet` gave, or its path.
    path
        The file, whose name ends in ``.jsonl``. It is whole or not there.
    redacted
        False writes people as they are, and says so in the file: keep that out of repositories.
    key, keep_attributes, round_times
        Of the pseudonyms, as in :func:`redact`. With a key of yours, files of two days fit together.

    Raises
    ------
    ArgumentError
        No such snapshot, one that is not whole, or a name that ends otherwise.

    Examples
    --------
    >>> file = ds.save_world(ds.take_snapshot(client, directories.index[0]), "customer.jsonl")
    >>> copy = ds.connect_sandbox(world=file)
    >>> ds.load_directories(copy)["active_users"].tolist() == [len(users)]
    True
    """
    hidden = wrapped_key(key)
    key = None  # no traceback through here shows it
    target = Path(path)
    if target.suffix != ".jsonl":
        raise errors.ArgumentError(f"the name of a saved world ends in .jsonl; got {target.name!r}")
    whole = snapshot_of(snapshot)
    if redacted:
        names = Pseudonyms(hidden, keep_attributes, round_times=round_times)
        whole = redacted_with(names, whole)
    copy = copy_of(whole)
    with replacing(target) as temporary:
        temporary.write_bytes(b"\n".join(copy.lines) + b"\n")
    return target
