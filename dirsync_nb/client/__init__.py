"""The WorkOS API as Python: one GET or a typed error, pages, whole lists, receipts. No pandas in here.

Reading order: ``endpoints`` (what can be asked), ``credentials`` and ``connections`` (one exchange, and what
holds in each), ``answers`` (what it says), ``rate_limit`` and ``retry`` (how fast, and how often again),
``transport`` (one GET), ``receipts``, ``context`` (what a load reads with), ``segments`` and ``paging`` (a list
by its cursors), ``two_ended`` (a list from both ends), ``client``, ``pseudonyms``.
"""

from .calls import every_call
from .client import DirectoryClient
from .context import LoadContext, Record
from .endpoints import DSYNC_EVENTS, ENDPOINTS, as_ids, checked_id, identifier, one_or_many
from .paging import read_pages
from .rate_limit import Pacer
from .receipts import Receipt
from .require import needs_client, require_client
from .retry import RetryPolicy
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
    "checked_id",
    "identifier",
    "needs_client",
    "one_or_many",
    "read_list",
    "read_pages",
    "require_client",
]

every_call(__name__)
