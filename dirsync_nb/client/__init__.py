"""The WorkOS API as Python: one GET or a typed error, pages, whole lists, receipts. No pandas in here.

Reading order: ``endpoints`` (what can be asked), ``pacing`` (how fast, and how often again), ``transport`` (one
GET), ``receipts``, ``context`` (what a load reads with), ``segments`` and ``paging`` (a list by its cursors),
``two_ended`` (a list from both ends), ``client``, ``pseudonyms``.
"""

from .client import DirectoryClient
from .context import LoadContext, Record
from .endpoints import DSYNC_EVENTS, ENDPOINTS, as_ids, identifier
from .pacing import Pacer, RetryPolicy
from .paging import read_pages
from .receipts import Receipt
from .transport import Transport
from .two_ended import read_list

__all__ = [
    "DSYNC_EVENTS",
    "ENDPOINTS",
    "DirectoryClient",
    "LoadContext",
    "Pacer",
    "Receipt",
    "Record",
    "RetryPolicy",
    "Transport",
    "as_ids",
    "identifier",
    "read_list",
    "read_pages",
]
