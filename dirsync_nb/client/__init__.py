"""The WorkOS API as Python: one GET or a typed error, pages, whole lists, receipts. No pandas in here.

Reading order: ``endpoints`` (what can be asked), ``pacing`` (how fast, and how often again), ``transport`` (one
GET), ``client`` (cursors and receipts), ``segments`` and ``two_ended`` (a list from both ends), ``pseudonyms``.
"""

from .client import DirectoryClient, Receipt, Record
from .endpoints import DSYNC_EVENTS, ENDPOINTS, identifier
from .pacing import Pacer, RetryPolicy
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
]
