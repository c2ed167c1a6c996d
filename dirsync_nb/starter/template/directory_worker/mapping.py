"""Which table of your own is kept in step. None: only the worker's own tables are.

``dirsync-nb starter FOLDER --table users --url sqlite:///app.db`` reads a table and writes this file.
"""

from __future__ import annotations

from .accounts import Accounts

ACCOUNTS: Accounts | None = None
