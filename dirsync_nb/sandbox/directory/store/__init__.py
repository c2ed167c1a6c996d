"""Hold the directory in SQLite, and page it at a cost that does not grow with it.

The column ``n`` is a row's place in the order (``created_at``, ``id``). The sandbox clock only goes forward and
first syncs are stored by rising id, so every new row belongs at the end, and a plain integer key holds the
order. A page is then one step into an index, whatever the size of the directory or the group.

Objects are kept as the JSON text the API answers with, so that a page is a join of strings. Every statement
stands in here: ``schema.sql`` (the tables), ``database`` (the connection, and rows), ``organizations``,
``people``, ``roles``, ``events``, ``pages`` (lists), ``resources`` (SCIM), and ``store``, which is all of them.
"""

from .database import FORMAT, NotFound, Row
from .pages import Page, Selection, directories_of, groups_of, organizations_of, page_statement, users_of
from .store import Store

__all__ = [
    "FORMAT", "NotFound", "Page", "Row", "Selection", "Store", "directories_of", "groups_of",
    "organizations_of", "page_statement", "users_of",
]  # fmt: skip
