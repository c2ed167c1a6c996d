"""The WorkOS API as Python: one GET or a typed error, pages, whole lists, receipts. No pandas in here.

Reading order: ``endpoints`` (what can be asked), ``credentials`` and ``connections`` (one exchange, and what
holds in each), ``answers`` (what it says), ``rate_limit`` and ``retry`` (how fast, and how often again),
``transport`` (one GET), ``client`` (cursors and receipts), ``segments`` and ``two_ended`` (a list from both
ends), ``pseudonyms``.
"""

from .client import DirectoryClient, Receipt, Record
from .endpoints import DSYNC_EVENTS, ENDPOINTS, identifier
from .rate_limit import Pacer
from .require import require_client
from .retry import RetryPolicy
from .transport import Transport

__all__ = [
    "DSYNC_EVENTS",
    "ENDPOINTS",
    "DirectoryClient",
    "Pacer",
    "Receipt",
    "Record",
    "RetryPolicy",
    "Transport",
    "identifier",
    "require_client",
]
