"""A program that is the WorkOS Directory Sync API, over HTTP, on this machine.

It needs no account and imports nothing else of dirsync_nb, so that client and sandbox are each a second opinion
on the other. ``python -m dirsync_nb.sandbox`` runs it by itself; ``Sandbox`` runs it on a thread.

Reading order: ``clock``, ``ids``, ``objects`` (shapes), ``store`` (SQLite), ``happenings`` (changes and their
events), ``providers``, ``people``, ``seed`` (the world), ``api`` (answers), ``limits``, ``faults``,
``control``, ``app`` (HTTP), ``server`` (thread and port), ``sandbox`` (all of it as one object),
``remote`` (the same object for another process's sandbox).
"""

from .app import API_KEY
from .remote import RemoteSandbox
from .sandbox import Sandbox, Truth

__all__ = ["API_KEY", "RemoteSandbox", "Sandbox", "Truth"]
